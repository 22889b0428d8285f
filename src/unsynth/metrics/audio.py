"""Audio distances of the paper (section 4.2.2), and the log spectral distance of its section 4.1.2.

MSS, the multi-scale spectral distance: the mean absolute difference, in dB, of log-mel
spectrograms at three resolutions, averaged over the three. Each spectrogram is relative to its
own sound's peak and ends 80 dB below it, so a sound's level does not count.

wMFCC: the cost of warping one sound's cepstra onto the other's in time. SOT, spectral optimal
transport (B. Torres, G. Peeters, G. Richard, "Unsupervised harmonic parameter estimation using
differentiable DSP and spectral optimal transport", ICASSP 2024): how far the energy of each
frame has to move along the frequency axis. RMS: the cosine similarity of two level curves.

Frames are centred, with silence on both sides, as librosa 0.11 has them. ``docs/method/metrics.md`` has
the formulas. Every function takes a pair of sounds of one sample rate, full scale 1; the shorter
one is continued with silence, and a mono one stands in every channel of the other. Each raises
:class:`MetricError` for samples that are NaN, infinite or absurdly large, for an empty sound,
for channels that do not match and for a sample rate below 1,000 Hz.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
import torch
from jaxtyping import Float, Float32

from unsynth.audio.mel import DYNAMIC_RANGE, MelSettings, mel_power
from unsynth.audio.spectra import frames, power, spectra
from unsynth.conventions import SAMPLE_RATE
from unsynth.errors import MetricError
from unsynth.metrics.warping import warping_cost

_MSS_SCALES = ((0.010, 0.005, 32), (0.025, 0.010, 64), (0.100, 0.050, 128))
#: Seconds of a frame of everything but MSS; samples are truncated, not rounded.
_WINDOW = 0.050
_MFCC_HOP, _SOT_HOP, _RMS_HOP = 0.010, 0.020, 0.025
_MFCC_BANDS, _MFCCS = 128, 20
#: Smallest power that becomes dB: of a mel band (librosa's), and of a bin in LSD.
_MEL_FLOOR, _LSD_FLOOR = 1e-10, 1e-8
_SOT_FLOOR = 1e-6
_LOWEST_RATE = 1_000
#: Squares of larger samples would not fit in float32.
_LARGEST = 1e15

_Target = Float[np.ndarray, "channels samples"]
_Estimate = Float[np.ndarray, "its_channels its_samples"]
_Audio = Float32[np.ndarray, "channels samples"]


class AudioMetrics(NamedTuple):
    """The four audio metrics of the paper's Table 1."""

    mss: float
    wmfcc: float
    sot: float
    rms: float


def audio_metrics(
    target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE
) -> AudioMetrics:
    """All four of one pair; pairs can be compared in as many threads as there are cores."""
    pair = _pair(target, estimate, sample_rate)
    return AudioMetrics(
        _mss(*pair, sample_rate),
        _wmfcc(*pair, sample_rate),
        _sot(*pair, sample_rate),
        _rms_similarity(*pair, sample_rate),
    )


class MultiScaleSpectral:
    """MSS of many estimates against one target, whose spectrograms are computed once."""

    def __init__(self, target: _Audio, sample_rate: int = SAMPLE_RATE) -> None:
        self._scales = [
            MelSettings(
                bands, int(window * sample_rate), int(hop * sample_rate), "hann", sample_rate
            )
            for window, hop, bands in _MSS_SCALES
        ]
        self._target = [_below_peak(_mel(target, scale)) for scale in self._scales]

    def __call__(
        self, estimates: Float32[np.ndarray, "items channels samples"]
    ) -> Float[np.ndarray, " items"]:
        """Distance of each estimate, in dB, 0 for an identical sound up to its level."""
        distances = np.zeros(len(estimates))
        for scale, target in zip(self._scales, self._target, strict=True):
            for i, estimate in enumerate(estimates):
                difference = np.abs(_below_peak(_mel(estimate, scale)) - target)
                distances[i] += difference.mean(dtype=np.float64) / len(self._scales)
        return distances


def mss(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Multi-scale spectral distance, in dB, 0 to 80; symmetric.

    A silent sound counts as 80 dB below everywhere: two silent sounds are 0 apart.
    """
    return _mss(*_pair(target, estimate, sample_rate), sample_rate)


def wmfcc(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Warped MFCC distance, 0 or more; symmetric; a sound's level counts.

    20 coefficients a channel and frame; the cost between two frames is the mean absolute
    difference of their coefficients, the result the cost of the best path divided by the sum of
    both lengths in frames. Silence has a power of 1e-10 in every band: two silent sounds are 0
    apart, a silent and a sounding one several tens.
    """
    return _wmfcc(*_pair(target, estimate, sample_rate), sample_rate)


def sot(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Spectral optimal transport of the mono mixes, as a share of the band, 0 to 1; symmetric.

    A frame's magnitudes are scaled to sum 1; a silent frame has none, so its distance from
    another is that one's mean cumulative share, up to 1. Two silent sounds are 0 apart.
    """
    return _sot(*_pair(target, estimate, sample_rate), sample_rate)


def rms_similarity(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Cosine similarity of the mono mixes' RMS curves, 0 to 1, 1 for the same curve; symmetric.

    A sound's level does not count. 1 for two silent sounds, 0 for a silent and a sounding one.
    """
    return _rms_similarity(*_pair(target, estimate, sample_rate), sample_rate)


def lsd(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Log spectral distance, in dB, 0 or more; symmetric; a sound's level counts.

    The root mean square, over the bins of one Fourier transform of the whole sound, of the
    difference of powers in dB; the mean over channels. The transform is divided by its length
    and powers end at -80 dB, so two silent sounds are 0 apart. The sample rate changes nothing.
    """
    decibels = []
    for audio in _pair(target, estimate, sample_rate):
        spectrum = scipy.fft.rfft(audio.astype(np.float64), norm="forward")
        decibels.append(10.0 * np.log10(np.maximum(power(spectrum), _LSD_FLOOR)))
    difference = decibels[0] - decibels[1]
    return float(np.sqrt((difference**2).mean(axis=-1)).mean())


def _mss(target: _Audio, estimate: _Audio, sample_rate: int) -> float:
    return float(MultiScaleSpectral(target, sample_rate)(estimate[None])[0])


def _wmfcc(target: _Audio, estimate: _Audio, sample_rate: int) -> float:
    first, second = _mfcc(target, sample_rate), _mfcc(estimate, sample_rate)
    return warping_cost(first, second) / (len(first) + len(second))


def _sot(target: _Audio, estimate: _Audio, sample_rate: int) -> float:
    shares = _cumulative_spectrum(target, sample_rate)
    return float(
        np.abs(shares - _cumulative_spectrum(estimate, sample_rate)).mean(dtype=np.float64)
    )


def _rms_similarity(target: _Audio, estimate: _Audio, sample_rate: int) -> float:
    first, second = _rms(target, sample_rate), _rms(estimate, sample_rate)
    sizes = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if 0.0 in sizes:
        return float(sizes[0] == sizes[1])
    return min(1.0, float((first / sizes[0]) @ (second / sizes[1])))


def _pair(
    target: _Target, estimate: _Estimate, sample_rate: int
) -> tuple[Float32[np.ndarray, "most longest"], Float32[np.ndarray, "most longest"]]:
    """Bring two sounds to one shape, or raise :class:`MetricError`."""
    if sample_rate < _LOWEST_RATE:
        raise MetricError(f"a sample rate of {sample_rate} Hz; give at least {_LOWEST_RATE}")
    channels = max(len(target), len(estimate))
    samples = max(target.shape[1], estimate.shape[1])
    pair = []
    for name, audio in (("target", target), ("estimate", estimate)):
        if audio.size == 0:
            raise MetricError(f"the {name} is empty, {audio.shape}; give at least one sample")
        if len(audio) not in (1, channels):
            raise MetricError(
                f"target {target.shape} and estimate {estimate.shape} differ in channels; "
                "give both the same, or one in mono"
            )
        wrong = ~(np.abs(audio) <= _LARGEST)
        if wrong.any():
            raise MetricError(
                f"the {name} holds {audio[wrong][0]:g} at sample {np.nonzero(wrong)[1].min()}; "
                "give finite samples, full scale 1"
            )
        whole = np.zeros((channels, samples), dtype=np.float32)
        whole[:, : audio.shape[1]] = audio
        pair.append(whole)
    return pair[0], pair[1]


def _below_peak(
    mel: Float32[np.ndarray, "channels bands frames"],
) -> Float32[np.ndarray, "channels bands frames"]:
    """dB relative to the peak of the whole sound, from -80; silence is -80 everywhere."""
    peak = mel.max()
    floor = np.float32(10.0 ** (-DYNAMIC_RANGE / 10.0))
    relative = mel / peak if peak > 0 else mel
    return 10.0 * np.log10(np.maximum(relative, floor))


def _mfcc(audio: _Audio, sample_rate: int) -> Float32[np.ndarray, "frames coefficients"]:
    """MFCCs, all channels' in one row a frame."""
    window, hop = int(_WINDOW * sample_rate), int(_MFCC_HOP * sample_rate)
    mel = _mel(audio, MelSettings(_MFCC_BANDS, window, hop, "hann", sample_rate))
    decibels = 10.0 * np.log10(np.maximum(mel, _MEL_FLOOR))
    decibels = np.maximum(decibels, decibels.max() - DYNAMIC_RANGE)
    cepstra = scipy.fft.dct(decibels, type=2, norm="ortho", axis=1)[:, :_MFCCS]
    return np.ascontiguousarray(cepstra.transpose(2, 0, 1)).reshape(mel.shape[2], -1)


def _cumulative_spectrum(audio: _Audio, sample_rate: int) -> Float[np.ndarray, "frames bins"]:
    window, hop = int(_WINDOW * sample_rate), int(_SOT_HOP * sample_rate)
    shares = []
    for block in spectra(frames(audio.mean(axis=0), window, hop)):
        magnitudes = np.sqrt(power(block))
        cumulative = magnitudes.cumsum(axis=-1)
        shares.append(cumulative / cumulative[:, -1:].clip(_SOT_FLOOR))
    return np.concatenate(shares)


def _rms(audio: _Audio, sample_rate: int) -> Float[np.ndarray, " frames"]:
    window, hop = int(_WINDOW * sample_rate), int(_RMS_HOP * sample_rate)
    cut = frames(audio.mean(axis=0, dtype=np.float64), window, hop)
    return np.sqrt(np.einsum("fs,fs->f", cut, cut) / window)


def _mel(audio: _Audio, settings: MelSettings) -> Float32[np.ndarray, "channels bands frames"]:
    return mel_power(torch.from_numpy(audio), settings).numpy()
