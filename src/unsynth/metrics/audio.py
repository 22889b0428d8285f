"""Audio metrics of the paper (section 4.2.2), and the log spectral distance of its section 4.1.2.

MSS, the multi-scale spectral distance: the mean absolute difference, in dB, of log-mel
spectrograms at three resolutions, averaged over the three. Each spectrogram is relative to its
own sound's peak and ends 80 dB below it, so the level of a sound does not count.

wMFCC: the cost of warping one sound's cepstra onto the other's in time. SOT, spectral optimal
transport (B. Torres, G. Peeters, G. Richard, "Unsupervised harmonic parameter estimation using
differentiable DSP and spectral optimal transport", ICASSP 2024): how far the energy of each
frame has to move along the frequency axis. RMS: the cosine similarity of two level curves.

Frames are centred and padded with silence on both sides, as in librosa 0.11.
``docs/method/metrics.md`` has the formulas. Every function takes a pair of sounds of one sample
rate, full scale 1. The shorter sound is extended with silence, and a mono sound stands for every
channel of the other. Each function raises :class:`MetricError` for samples that are NaN, infinite
or absurdly large, for an empty sound, for channels that do not match and for a sample rate below
1,000 Hz.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.fft
from jaxtyping import Float, Float32

from unsynth.audio.mel import DYNAMIC_RANGE, MelSettings, log_mel, mel_power
from unsynth.audio.spectra import frames, power, spectra
from unsynth.conventions import SAMPLE_RATE
from unsynth.errors import MetricError
from unsynth.metrics.warping import warping_cost

#: Window and hop in seconds, and number of mel bands.
_MSS_SCALES = ((0.010, 0.005, 32), (0.025, 0.010, 64), (0.100, 0.050, 128))
#: Window of all metrics but MSS, in seconds; its length in samples is truncated, not rounded.
_WINDOW = 0.050
#: Hops in seconds.
_MFCC_HOP, _SOT_HOP, _RMS_HOP = 0.010, 0.020, 0.025
#: Mel bands of an MFCC spectrogram.
_MFCC_BANDS = 128
#: Coefficients per frame and channel.
_MFCCS = 20
#: Smallest power of a mel band in dB, as in librosa.
_MEL_FLOOR = 1e-10
#: Smallest power of a bin in LSD.
_LSD_FLOOR = 1e-8
#: Smallest sum of a frame's magnitudes in SOT; it keeps silent frames from dividing by 0.
_SOT_FLOOR = 1e-6
#: Lowest sample rate in Hz.
_LOWEST_RATE = 1_000
#: Largest sample; the squares of larger ones would not fit in float32.
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


@dataclass(frozen=True)
class Metric:
    """How one of the :class:`AudioMetrics` is shown, and the scale on which it is judged.

    ``least_span`` is the least difference between the noise floor and chance, in the metric's unit:
    with a smaller one the metric says little (:mod:`unsynth.metrics.agreement`).
    """

    name: str
    label: str
    unit: str
    better: str
    digits: int
    least_span: float

    @property
    def heading(self) -> str:
        """The heading of its column; an arrow points to where it is better."""
        return f"{self.label} {self.better}"


#: The fields of :class:`AudioMetrics`, in their order; all tables and reports show these.
METRICS = (
    Metric("mss", "MSS", "dB", "↓", 2, 1.0),
    Metric("wmfcc", "wMFCC", "", "↓", 2, 1.0),
    Metric("sot", "SOT", "", "↓", 3, 0.02),
    Metric("rms", "RMS", "", "↑", 3, 0.05),
)


def audio_metrics(
    target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE
) -> AudioMetrics:
    """Compute all four metrics of one pair.

    Threads can compare pairs in parallel, one thread per core.
    """
    pair = _pair(target, estimate, sample_rate)
    return _compare(*(_Features.of(audio, sample_rate) for audio in pair))


class TargetMetrics:
    """All four metrics of many estimates of one target, which is analysed once.

    Takes half the time of :func:`audio_metrics` per estimate of the target's shape. Threads can
    share it. Raises :class:`MetricError` for a target that no estimate can be compared with.
    """

    def __init__(self, target: _Target, sample_rate: int = SAMPLE_RATE) -> None:
        self._target, self._sample_rate = target, sample_rate
        self._features = _Features.of(_pair(target, target, sample_rate)[0], sample_rate)

    def __call__(self, estimate: _Estimate) -> AudioMetrics:
        """Compute the metrics of one estimate; raises :class:`MetricError`."""
        target, other = _pair(self._target, estimate, self._sample_rate)
        features = self._features
        if target.shape != self._target.shape:  # the estimate is longer or has more channels
            features = _Features.of(target, self._sample_rate)
        return _compare(features, _Features.of(other, self._sample_rate))


class MultiScaleSpectral:
    """MSS of many estimates against one target, whose spectrograms are computed once."""

    def __init__(self, target: _Audio, sample_rate: int = SAMPLE_RATE) -> None:
        self._sample_rate = sample_rate
        self._target = _levels(target, sample_rate)

    def __call__(
        self, estimates: Float32[np.ndarray, "items channels samples"]
    ) -> Float[np.ndarray, " items"]:
        """Return the distance of each estimate in dB; 0 for the target at any level."""
        levels = (_levels(estimate, self._sample_rate) for estimate in estimates)
        return np.array([_mean_difference(self._target, each) for each in levels])


def mss(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Multi-scale spectral distance, in dB, 0 to 80; symmetric.

    A silent sound counts as -80 dB everywhere: two silent sounds are 0 apart.
    """
    first, second = (_levels(audio, sample_rate) for audio in _pair(target, estimate, sample_rate))
    return _mean_difference(first, second)


def wmfcc(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Warped MFCC distance, 0 or more; symmetric; a sound's level counts.

    Each frame has 20 coefficients per channel. The cost between two frames is the mean absolute
    difference of their coefficients; the result is the cost of the best path divided by the sum of
    both lengths in frames. Silence has a power of 1e-10 in every band: two silent sounds are 0
    apart, a silent and an audible one several tens.
    """
    first, second = (_mfcc(audio, sample_rate) for audio in _pair(target, estimate, sample_rate))
    return _warped_difference(first, second)


def sot(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Spectral optimal transport of the mono mixes, as a share of the band, 0 to 1; symmetric.

    The magnitudes of a frame are scaled to a sum of 1. A silent frame has none, so its distance
    from another frame is the mean cumulative share of the other, up to 1. Two silent sounds are 0
    apart.
    """
    first, second = (
        _cumulative_spectrum(audio, sample_rate) for audio in _pair(target, estimate, sample_rate)
    )
    return float(np.abs(first - second).mean(dtype=np.float64))


def rms_similarity(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Cosine similarity of the mono mixes' RMS curves, 0 to 1, 1 for the same curve; symmetric.

    A sound's level does not count. 1 for two silent sounds, 0 for a silent and an audible one.
    """
    first, second = (_rms(audio, sample_rate) for audio in _pair(target, estimate, sample_rate))
    return _cosine(first, second)


def lsd(target: _Target, estimate: _Estimate, sample_rate: int = SAMPLE_RATE) -> float:
    """Log spectral distance, in dB, 0 or more; symmetric; a sound's level counts.

    The root mean square of the difference of powers in dB, over the bins of one Fourier transform
    of the whole sound, averaged over channels. The transform is divided by its length, and powers
    end at -80 dB, so two silent sounds are 0 apart. The sample rate has no effect.
    """
    decibels = []
    for audio in _pair(target, estimate, sample_rate):
        spectrum = scipy.fft.rfft(audio.astype(np.float64), norm="forward")
        decibels.append(10.0 * np.log10(np.maximum(power(spectrum), _LSD_FLOOR)))
    difference = decibels[0] - decibels[1]
    return float(np.sqrt((difference**2).mean(axis=-1)).mean())


class _Features(NamedTuple):
    """What the four metrics compare of one sound."""

    levels: list[Float32[np.ndarray, "channels bands frames"]]
    cepstra: Float32[np.ndarray, "frames coefficients"]
    shares: Float[np.ndarray, "frames bins"]
    curve: Float[np.ndarray, " frames"]

    @classmethod
    def of(cls, audio: _Audio, sample_rate: int) -> "_Features":
        """Analyse a sound."""
        return cls(
            _levels(audio, sample_rate),
            _mfcc(audio, sample_rate),
            _cumulative_spectrum(audio, sample_rate),
            _rms(audio, sample_rate),
        )


def _compare(target: _Features, estimate: _Features) -> AudioMetrics:
    return AudioMetrics(
        _mean_difference(target.levels, estimate.levels),
        _warped_difference(target.cepstra, estimate.cepstra),
        float(np.abs(target.shares - estimate.shares).mean(dtype=np.float64)),
        _cosine(target.curve, estimate.curve),
    )


def _mean_difference(target: list[np.ndarray], estimate: list[np.ndarray]) -> float:
    differences = [
        float(np.abs(one - other).mean(dtype=np.float64))
        for one, other in zip(target, estimate, strict=True)
    ]
    return sum(differences) / len(differences)


def _warped_difference(
    first: Float32[np.ndarray, "frames coefficients"],
    second: Float32[np.ndarray, "its_frames coefficients"],
) -> float:
    return warping_cost(first, second) / (len(first) + len(second))


def _cosine(first: Float[np.ndarray, " frames"], second: Float[np.ndarray, " frames"]) -> float:
    sizes = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if 0.0 in sizes:
        return float(sizes[0] == sizes[1])
    return min(1.0, float((first / sizes[0]) @ (second / sizes[1])))


def _pair(
    target: _Target, estimate: _Estimate, sample_rate: int
) -> tuple[Float32[np.ndarray, "most longest"], Float32[np.ndarray, "most longest"]]:
    """Bring two sounds to one shape; raises :class:`MetricError`."""
    if sample_rate < _LOWEST_RATE:
        raise MetricError(
            f"a sample rate of {sample_rate} Hz is too low; give at least {_LOWEST_RATE} Hz"
        )
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
        # Written so that NaN counts as too large.
        invalid = ~(np.abs(audio) <= _LARGEST)
        if invalid.any():
            raise MetricError(
                f"the {name} holds {audio[invalid][0]:g} at sample {np.nonzero(invalid)[1].min()}; "
                "give finite samples, full scale 1"
            )
        padded = np.zeros((channels, samples), dtype=np.float32)
        padded[:, : audio.shape[1]] = audio
        pair.append(padded)
    return pair[0], pair[1]


def _levels(audio: _Audio, sample_rate: int) -> list[Float32[np.ndarray, "channels bands frames"]]:
    """Compute the log-mel spectrograms of MSS."""
    levels = []
    for seconds, hop_seconds, bands in _MSS_SCALES:
        window, hop = _lengths(seconds, hop_seconds, sample_rate)
        levels.append(log_mel(audio, MelSettings(bands, window, hop, "hann", sample_rate)))
    return levels


def _lengths(window: float, hop: float, sample_rate: int) -> tuple[int, int]:
    """Convert seconds to samples, which are truncated, not rounded."""
    return int(window * sample_rate), int(hop * sample_rate)


def _mfcc(audio: _Audio, sample_rate: int) -> Float32[np.ndarray, "frames coefficients"]:
    """Compute MFCCs; a row holds those of all channels in one frame."""
    window, hop = _lengths(_WINDOW, _MFCC_HOP, sample_rate)
    mel = mel_power(audio, MelSettings(_MFCC_BANDS, window, hop, "hann", sample_rate))
    decibels = 10.0 * np.log10(np.maximum(mel, _MEL_FLOOR))
    decibels = np.maximum(decibels, decibels.max() - DYNAMIC_RANGE)
    cepstra = scipy.fft.dct(decibels, type=2, norm="ortho", axis=1)[:, :_MFCCS]
    return np.ascontiguousarray(cepstra.transpose(2, 0, 1)).reshape(mel.shape[2], -1)


def _cumulative_spectrum(audio: _Audio, sample_rate: int) -> Float[np.ndarray, "frames bins"]:
    window, hop = _lengths(_WINDOW, _SOT_HOP, sample_rate)
    shares = []
    for block in spectra(frames(audio.mean(axis=0), window, hop)):
        magnitudes = np.sqrt(power(block))
        cumulative = magnitudes.cumsum(axis=-1)
        shares.append(cumulative / cumulative[:, -1:].clip(_SOT_FLOOR))
    return np.concatenate(shares)


def _rms(audio: _Audio, sample_rate: int) -> Float[np.ndarray, " frames"]:
    window, hop = _lengths(_WINDOW, _RMS_HOP, sample_rate)
    cut = frames(audio.mean(axis=0, dtype=np.float64), window, hop)
    return np.sqrt(np.einsum("fs,fs->f", cut, cut) / window)
