"""k-osc: the sum of k oscillators, in torch, for a batch of patches, differentiable, on any device.

Paper section 4.1. With x in [-1, 1]^{3k} laid out as k frequencies, k amplitudes, k shapes,

    y[n] = 1/k sum_i a_i w(s_i, p_i[n]),    p_i[n] = n f_i / rate mod 1,

where f_i is linear in x over a range of frequencies, a_i = (x + 1) / 2, and w(s, p) goes linearly
from -sin(2 pi p) at s = -1 to a square wave at 0 and a rising sawtooth at +1, all three in phase.
Each step of height 2 in square and sawtooth is smoothed over a sample on either side (PolyBLEP:
V. Välimäki, J. Pekonen, J. Nam, "Perceptually informed synthesis of bandlimited classical
waveforms using integrated polynomial interpolation", JASA 2012). Exchanging oscillators changes
nothing where all have one range (:attr:`Ranges.COMMON`).

Two quasi-symmetries of section 3.1 can be switched on. Conditional (:attr:`Ranges.CHOSEN`): one
more value, the last, chooses common ranges (up to 0) or disjoint ones. Approximate (``dial``):
oscillator i passes a one-pole low-pass, its cutoff ``cutoff 2^(dial (i - (k - 1) / 2))`` Hz, so
that the symmetry is exact at 0 and weaker the larger the dial.

It plays no notes and is no :class:`~unsynth.synths.base.Synth`.
"""

import math
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float
from torch.nn import functional

from unsynth.conventions import SAMPLE_RATE

#: Samples of all oscillators that a CPU works on at a time: few enough for a core's cache.
_BLOCK = 1 << 16


class Ranges(Enum):
    """Which frequencies an oscillator can have."""

    #: All the whole range: oscillators can be exchanged.
    COMMON = "common"
    #: Oscillator i the i-th of k equal parts of the range: no two can.
    DISJOINT = "disjoint"
    #: One or the other, by the last value of x.
    CHOSEN = "chosen"


@dataclass(frozen=True)
class KOsc:
    """A synthesizer of ``oscillators`` oscillators.

    The paper writes a range of [0, pi] rad a sample, ``lowest_hz=0, highest_hz=22050``; its code
    had the default. ``dial`` is in [0, 1], or ``None`` for no filters; ``cutoff_hz`` is theirs.
    """

    oscillators: int
    ranges: Ranges = Ranges.COMMON
    dial: float | None = None
    cutoff_hz: float = 1000.0
    lowest_hz: float = 20.0
    highest_hz: float = 4000.0
    samples: int = 1024
    sample_rate: int = SAMPLE_RATE

    @property
    def values(self) -> int:
        """How many values a patch has."""
        return 3 * self.oscillators + (self.ranges is Ranges.CHOSEN)

    def units(
        self, x: Float[torch.Tensor, "items d"]
    ) -> Float[torch.Tensor, "items oscillators values"]:
        """Reorder to (frequency, amplitude, shape) of each oscillator, without the choice."""
        return x[:, : 3 * self.oscillators].unflatten(1, (3, self.oscillators)).mT

    def vectors(
        self, units: Float[torch.Tensor, "items oscillators values"]
    ) -> Float[torch.Tensor, "items d"]:
        """Undo :meth:`units`, without the choice."""
        return units.mT.flatten(1)

    def frequencies(
        self, x: Float[torch.Tensor, "items d"]
    ) -> Float[torch.Tensor, "items oscillators"]:
        """Find the oscillators' frequencies in Hz."""
        k = self.oscillators
        share = 0.5 * (x[:, :k].clamp(-1.0, 1.0) + 1.0)
        part = (torch.arange(k, device=x.device) + share) / k
        match self.ranges:
            case Ranges.DISJOINT:
                share = part
            case Ranges.CHOSEN:
                share = torch.where(x[:, -1:] > 0.0, part, share)
        return self.lowest_hz + (self.highest_hz - self.lowest_hz) * share

    def render(self, x: Float[torch.Tensor, "items d"]) -> Float[torch.Tensor, "items samples"]:
        """Play patches, mono; values are clamped to [-1, 1]."""
        if x.device.type != "cpu":
            return self._render(x)
        items = max(1, _BLOCK // (self.oscillators * self.samples))
        return torch.cat([self._render(part) for part in x.split(items)])

    def _render(self, x: torch.Tensor) -> torch.Tensor:
        _, amplitude, shape = self.units(x.clamp(-1.0, 1.0)).unsqueeze(-1).unbind(2)
        # In cycles a sample; not 0, which the steps are divided by.
        frequency = (self.frequencies(x)[..., None] / self.sample_rate).clamp_min(1e-9)
        time = torch.arange(self.samples, device=x.device, dtype=x.dtype)
        phase = torch.frac(frequency * time)
        sine = -torch.sin(2.0 * math.pi * phase)
        half_later = torch.frac(phase + 0.5)
        falls, rises = _step(phase, frequency), _step(half_later, frequency)
        square = torch.where(phase < 0.5, -1.0, 1.0) - falls + rises
        sawtooth = 2.0 * phase - 1.0 - falls
        wave = (
            functional.relu(-shape) * sine
            + (1.0 - shape.abs()) * square
            + functional.relu(shape) * sawtooth
        )
        wave = 0.5 * (amplitude + 1.0) * wave
        return wave.mean(dim=1) if self.dial is None else self._filtered(wave, self.dial)

    def _filtered(self, wave: torch.Tensor, dial: float) -> torch.Tensor:
        """Filter each oscillator, and take the mean.

        Multiplying spectra of twice the length is the recursion y[n] = (1 - c) x[n] + c y[n - 1]
        from rest, to the last sample.
        """
        k, samples = self.oscillators, self.samples
        octaves = dial * (torch.arange(k, dtype=torch.float64) - (k - 1) / 2.0)
        decay = -2.0 * math.pi * self.cutoff_hz / self.sample_rate * torch.exp2(octaves)[:, None]
        response = -torch.expm1(decay) * torch.exp(decay * torch.arange(samples))
        response = response.to(wave)
        spectrum = torch.fft.rfft(wave, 2 * samples) * torch.fft.rfft(response, 2 * samples)
        return torch.fft.irfft(spectrum.mean(dim=1), 2 * samples)[..., :samples]


def _step(phase: torch.Tensor, frequency: torch.Tensor) -> torch.Tensor:
    """Find what to take from a wave that falls by 2 at phase 0 (PolyBLEP).

    ``(1 - u)^2`` up to one sample before the fall, u samples from it, and ``-(1 - u)^2`` after.
    """
    after = functional.relu(1.0 - phase / frequency)
    before = functional.relu(1.0 - (1.0 - phase) / frequency)
    return before.square() - after.square()
