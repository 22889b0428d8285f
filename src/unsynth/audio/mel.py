"""Log-mel spectrograms. Only descent has its own, with slopes (:mod:`unsynth.search.window_loss`).

The power of each frequency bin, ``|STFT|^2``, is summed into triangles on Slaney's mel scale, then

    dB = 10 log10(max(mel, peak * 10^-8) / peak),

so the loudest cell of a sound is 0 dB and no cell is below -80 dB: the sound's level is not
observed. Conventions (centred frames, zero padding, Slaney's area normalisation) are those of
librosa 0.11. The settings of :data:`LOG_MEL` are the paper's (section 4.2), its Hamming window
included.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32
from scipy.sparse import csr_array

from unsynth.audio.spectra import frames, power, spectra
from unsynth.conventions import SAMPLE_RATE

#: How far below its peak a log-mel spectrogram reaches, in dB.
DYNAMIC_RANGE = 80.0


@dataclass(frozen=True)
class MelSettings:
    """Settings of a log-mel spectrogram."""

    #: Number of mel bands.
    bands: int
    #: Length of the window and the FFT, in samples.
    window: int
    #: Samples from one frame to the next.
    hop: int
    #: The window function: "hann" or "hamming".
    shape: str = "hann"
    #: The sample rate in Hz that the lengths are for.
    sample_rate: int = SAMPLE_RATE

    def at(self, sample_rate: int) -> "MelSettings":
        """Give window and hop the same length in seconds at another sample rate.

        >>> LOG_MEL.at(22_050).window
        551
        """
        scale = sample_rate / self.sample_rate
        window, hop = round(self.window * scale), round(self.hop * scale)
        return replace(self, window=window, hop=hop, sample_rate=sample_rate)


#: What models see and the index compares: 25 ms Hamming window, 10 ms hop, 128 bands.
LOG_MEL = MelSettings(bands=128, window=1102, hop=441, shape="hamming")


def log_mel(
    audio: Float32[np.ndarray, "channels samples"], settings: MelSettings = LOG_MEL
) -> Float32[np.ndarray, "channels bands frames"]:
    """Compute levels in dB below the peak over all channels, in [-80, 0].

    Silence is -80 dB everywhere. There are ``samples // hop + 1`` frames (401 for 4 s).

    >>> log_mel(np.zeros((1, 176_400), dtype=np.float32)).shape
    (1, 128, 401)
    """
    mel = mel_power(audio, settings)
    peak = mel.max()
    if peak == 0.0:
        return np.full_like(mel, -DYNAMIC_RANGE)
    relative = np.maximum(mel / peak, np.float32(10.0 ** (-DYNAMIC_RANGE / 10.0)))
    # The logarithm of a rounded floor may be lower.
    return np.maximum(10.0 * np.log10(relative), np.float32(-DYNAMIC_RANGE))


def mel_power(
    audio: Float32[np.ndarray, "channels samples"], settings: MelSettings = LOG_MEL
) -> Float32[np.ndarray, "channels bands frames"]:
    """Compute the power in each mel band, on a linear scale."""
    return np.stack([_mel_power(channel, settings) for channel in audio])


def _mel_power(
    audio: Float32[np.ndarray, " samples"], settings: MelSettings
) -> Float32[np.ndarray, "bands frames"]:
    window, hop = settings.window, settings.hop
    views = frames(audio, window, hop)
    mel = np.zeros((settings.bands, len(views)), dtype=np.float32)
    # Transform only the frames from the first nonzero sample to the last.
    nonzero = audio != 0.0
    if nonzero.any():
        first = max(0, int(nonzero.argmax()) - window) // hop
        end = (len(nonzero) - int(nonzero[::-1].argmax()) + window) // hop + 1
        for block in spectra(views[first:end], settings.shape):
            mel[:, first : first + len(block)] = _triangles(settings) @ power(block).T
            first += len(block)
    return mel


@lru_cache(maxsize=16)
def _triangles(settings: MelSettings) -> csr_array:
    """Make the mel basis as a sparse matrix: nearly all of it is 0."""
    return csr_array(mel_basis(settings.sample_rate, settings.window, settings.bands))


def mel_basis(sample_rate: int, window: int, bands: int) -> Float32[np.ndarray, "bands bins"]:
    """Make the weights of the mel triangles, from 0 Hz to half the sample rate.

    The scale is linear below 1 kHz and logarithmic above, and each triangle has an area of 1
    (M. Slaney, "Auditory Toolbox", 1998). ``window`` is the length of the FFT in samples.
    """
    bins = np.fft.rfftfreq(window, 1.0 / sample_rate)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(sample_rate / 2.0), bands + 2))
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])
    return (triangles * area[:, None]).astype(np.float32)


#: Slope of the linear part of the mel scale.
_HZ_PER_MEL = 200.0 / 3.0
#: Where the logarithmic part begins.
_LOG_FROM_HZ = 1000.0
#: Growth of log frequency per mel in the logarithmic part.
_LOG_STEP = math.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _HZ_PER_MEL
    return _LOG_FROM_HZ / _HZ_PER_MEL + math.log(hz / _LOG_FROM_HZ) / _LOG_STEP


def _mel_to_hz(mel: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    knee = _LOG_FROM_HZ / _HZ_PER_MEL
    above = _LOG_FROM_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee))
    return np.where(mel < knee, mel * _HZ_PER_MEL, above)
