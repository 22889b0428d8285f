"""The cost of energy below 20 Hz, which distances of sounds hardly see.

With E the energy of a sound x over all channels, DC included, its subsonic level in dB is

    s(x) = 10 log10(E below 20 Hz / E from 20 Hz on),

and an estimate x of a target y costs

    c(x) = 0.1 max(0, s(x) - max(s(y), -13)).

A twentieth of the energy is thus free, since detuned operators that modulate one another beat
there, and so is what the target has. The search adds c to its distance: else operators that it does
not need end as DC or at 2 Hz, far louder than the rest.
"""

import math
from functools import lru_cache

import numpy as np
import scipy.fft
import torch
from jaxtyping import Float32

#: Lowest frequency that is heard, in Hz.
LOWEST = 20.0
#: Cost, in dB, of each dB above what is free.
_COST = 0.1
#: Every sound may have this subsonic level, in dB.
_FREE = -13.0
#: Subsonic levels are given within this many dB of 0.
_RANGE = 60.0
#: Sounds are reduced to about this rate, in Hz, before they are transformed.
_RATE = 350.0
#: Length of the low-pass filter, in samples of the reduced rate. A Blackman window of three has its
#: first zero at that rate, so what folds to 0 to 20 Hz is 60 dB lower.
_LENGTH = 3

_Audio = Float32[np.ndarray, "channels samples"]


class Subsonic:
    """The cost of energy below 20 Hz, for many estimates of one target."""

    def __init__(self, target: _Audio, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        #: The target's subsonic level in dB.
        self.level = subsonic_level(target, sample_rate)

    def __call__(self, estimate: _Audio) -> float:
        """Return an estimate's cost in dB."""
        return _COST * self.excess(estimate)

    def excess(self, estimate: _Audio) -> float:
        """Return how far an estimate's subsonic level is above what is free, in dB."""
        level = subsonic_level(estimate, self._sample_rate)
        return max(0.0, level - max(self.level, _FREE))


def subsonic_level(audio: _Audio, sample_rate: int) -> float:
    """Return the energy below 20 Hz relative to the energy from 20 Hz on, in dB, -60 to 60.

    Silence has -60. The window of the spectrum is the sound's own length, so the edges of a short
    sound count.
    """
    size = max(1, round(sample_rate / _RATE))
    whole, channels = audio.shape[1] // size, len(audio)
    sound = torch.from_numpy(audio)
    blocks = sound[:, : whole * size].reshape(-1, size)
    parts = (_low_pass(size) @ blocks.T).reshape(_LENGTH, channels, whole).numpy()
    reduced = np.zeros((channels, whole + _LENGTH - 1), dtype=np.float32)
    for i, part in enumerate(parts[::-1]):
        reduced[:, i : i + whole] += part
    length = scipy.fft.next_fast_len(reduced.shape[1], real=True)
    bins = math.ceil(LOWEST * length * size / sample_rate)
    spectra = scipy.fft.rfft(reduced, length)[:, :bins]
    powers = spectra.real**2 + spectra.imag**2
    below = size / length * float(2.0 * powers.sum() - powers[:, 0].sum())
    above = float(torch.dot(sound.reshape(-1), sound.reshape(-1))) - below
    if below <= 0.0:
        return -_RANGE
    ratio = 10.0 * math.log10(below / max(above, 1e-9 * below))
    return min(max(ratio, -_RANGE), _RANGE)


@lru_cache(maxsize=8)
def _low_pass(size: int) -> Float32[torch.Tensor, "parts size"]:
    """Return the filter's window, cut into parts of ``size`` samples."""
    window = np.blackman(_LENGTH * size + 1)[:-1].astype(np.float32)
    return torch.from_numpy(window / window.sum()).reshape(_LENGTH, size)
