"""The pitch of a sound, by YIN.

A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music",
JASA 111(4), 2002. The squared difference between a frame and the same frame moved by a lag,

    d(lag) = sum_j (x_j - x_{j + lag})^2,

is divided by its mean over all smaller lags. The quotient falls to nearly 0 at the period, and the
first dip below a threshold is taken. (librosa compiles its YIN for ten seconds first, and that of
0.11 is up to 18 cents sharp on low notes: ``findings/librosa_yin_is_sharp.sh``.)
"""

import numpy as np
import scipy.fft
from jaxtyping import Float, Float32

from unsynth.audio.channels import to_mono

#: Samples that are compared at each lag.
_WINDOW = 2048
#: Samples from one frame to the next.
_HOP = 1024
#: The first dip of the normalised difference below this is the period.
_DIP = 0.1
#: A frame whose deepest dip is shallower than this has no pitch.
_UNPITCHED = 0.35
#: Steps per sample in which the lag is counted: in whole samples, the period of a high note is
#: missed, and two or three periods are taken for one.
_STEPS = 4
#: The highest MIDI pitch that is told from its octaves below.
_HIGHEST = 127
#: The lowest and the highest pitch that a shallow dip may have.
_SHALLOW_LOWEST, _SHALLOW_HIGHEST = 24, 96
#: A frame is loud if its RMS is at least this share of the loudest frame's (-10 dB).
_LOUD = 0.3


def estimate_pitch(
    audio: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
    onset: float,
    lowest: int = 24,
    highest: int = 96,
) -> float | None:
    """Estimate the MIDI pitch in the 1.5 s after ``onset`` seconds, or ``None`` without one.

    The estimate is the median over the loud frames (within 10 dB of the loudest) that have a pitch
    between ``lowest`` and ``highest``. At least a third of the loud frames must have one.
    """
    longest = int(np.ceil(sample_rate / _hz(lowest - 0.5)))
    start = round(onset * sample_rate)
    mono = to_mono(audio[:, start : start + int(1.5 * sample_rate)]).astype(np.float64)
    length = _WINDOW + longest + 1
    mono = np.pad(mono, (0, max(0, length - len(mono))))
    mono = mono - mono.mean()
    frames = np.lib.stride_tricks.sliding_window_view(mono, length)[::_HOP]
    levels = np.sqrt(np.square(frames[:, :_WINDOW]).mean(axis=1))
    frames = frames[(levels > 1e-9) & (levels >= _LOUD * levels.max())]
    if not len(frames):
        return None
    shallow = slice(
        int(_STEPS * sample_rate / _hz(min(highest, _SHALLOW_HIGHEST) + 0.5)),
        int(_STEPS * sample_rate / _hz(max(lowest, _SHALLOW_LOWEST) - 0.5)),
    )
    shortest = max(2 * _STEPS, int(_STEPS * sample_rate / _hz(_HIGHEST + 0.5)))
    steps = [_period(d, shortest, shallow) for d in _normalised_difference(frames, longest)]
    pitches = [69.0 + 12.0 * np.log2(_STEPS * sample_rate / s / 440.0) for s in steps if s]
    # Next to the last lag, the minimum of the parabola may lie anywhere.
    pitches = [pitch for pitch in pitches if lowest - 0.5 < pitch < highest + 0.5]
    return float(np.median(pitches)) if 3 * len(pitches) >= len(frames) else None


def _hz(pitch: float) -> float:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def _normalised_difference(
    frames: Float[np.ndarray, "frames samples"], longest: int
) -> Float[np.ndarray, "frames steps"]:
    """Compute YIN's equations (6) to (8) for lags from 0 to ``longest`` in steps, by FFT."""
    # A frame is long enough for its first window at every lag, so the FFT does not wrap around.
    size = scipy.fft.next_fast_len(frames.shape[1], real=True)
    spectrum = scipy.fft.rfft(frames[:, :_WINDOW], size).conj() * scipy.fft.rfft(frames, size)
    products = _STEPS * scipy.fft.irfft(spectrum, _STEPS * size)[:, : _STEPS * longest + 1]
    sums = np.concatenate([np.zeros((len(frames), 1)), np.square(frames).cumsum(axis=1)], axis=1)
    whole = sums[:, _WINDOW : _WINDOW + longest + 1] - sums[:, : longest + 1]
    lags = np.arange(_STEPS * longest + 1) / _STEPS
    before = np.minimum(lags.astype(int), longest - 1)
    energy = whole[:, before] + (lags - before) * (whole[:, before + 1] - whole[:, before])
    difference = np.maximum(0.0, energy[:, :1] + energy - 2.0 * products)
    means = difference[:, 1:].cumsum(axis=1) / np.arange(1, len(lags))
    normalised = np.ones_like(difference)
    np.divide(difference[:, 1:], means, out=normalised[:, 1:], where=means > 0)
    return normalised


def _period(difference: Float[np.ndarray, " steps"], shortest: int, shallow: slice) -> float | None:
    """Find the first deep dip from ``shortest`` on, or else the deepest dip within ``shallow``.

    The result is in steps; the minimum of a parabola through the dip and its two neighbours gives
    a fraction.
    """
    inner = difference[shortest:-1]
    dips = (inner <= difference[shortest - 1 : -2]) & (inner < difference[shortest + 1 :])
    deep = np.flatnonzero(dips & (inner < _DIP))
    if deep.size:
        step = shortest + int(deep[0])
    else:
        step = shallow.start + int(difference[shallow].argmin())
    if difference[step] > _UNPITCHED or step + 1 == len(difference):
        return None
    before, here, after = difference[step - 1 : step + 2]
    bend = before - 2.0 * here + after
    return step + (0.5 * (before - after) / bend if bend > 0 else 0.0)
