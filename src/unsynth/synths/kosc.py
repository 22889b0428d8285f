"""k-osc: the mean of k oscillators, rendered in torch in batches, differentiable, on any device.

Paper section 4.1. With x in [-1, 1]^{3k} laid out as k frequencies, k amplitudes, k shapes,

    y[n] = 1/k sum_i a_i w(s_i, p_i[n]),    p_i[n] = n f_i / rate mod 1,

where f_i is linear in x over a range of frequencies, and a_i = (x + 1) / 2. The waveform w(s, p)
is linear in s between -sin(2 pi p) at s = -1, a square wave at 0 and a rising sawtooth at +1, all
three in phase. Each step (of height 2) in the square and the sawtooth is smoothed over one sample
on either side (PolyBLEP: V. Välimäki, J. Pekonen, J. Nam, "Perceptually informed synthesis of
bandlimited classical waveforms using integrated polynomial interpolation", JASA 2012). If all
oscillators share one range (:attr:`Ranges.COMMON`), exchanging them does not change the sound.

Two quasi-symmetries of section 3.1 can be switched on:

- Conditional (:attr:`Ranges.CHOSEN`): one more value, the last, selects common ranges (if it is at
  most 0) or disjoint ones.
- Approximate (``dial``): oscillator i passes a one-pole low-pass with its cutoff at
  ``cutoff 2^(dial (i - (k - 1) / 2))`` Hz. The symmetry is exact at 0, and the larger the dial,
  the weaker it is.

k-osc plays no notes, so it is not a :class:`~unsynth.synths.base.Synth`.
"""

import math
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Bool, Float
from torch.nn import functional

from unsynth.conventions import SAMPLE_RATE

#: Number of samples, of all oscillators together, per block on a CPU: small enough for a core's
#: cache.
_BLOCK = 1 << 16


class Ranges(Enum):
    """The range of frequencies of each oscillator."""

    #: All oscillators have the whole range, so they can be exchanged.
    COMMON = "common"
    #: Oscillator i has the i-th of k equal parts of the range, so no two can be exchanged.
    DISJOINT = "disjoint"
    #: The last value of x selects one of the two.
    CHOSEN = "chosen"


@dataclass(frozen=True)
class KOsc:
    """A synthesizer of ``oscillators`` oscillators.

    The paper gives the frequency range as [0, pi] rad per sample, which is ``lowest_hz=0,
    highest_hz=22050``; the paper's code uses the defaults here. ``dial`` is in [0, 1], or ``None``
    for no filters. ``cutoff_hz`` is the filters' cutoff at dial 0.
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
        """Number of values of a patch."""
        return 3 * self.oscillators + (self.ranges is Ranges.CHOSEN)

    def units(
        self, x: Float[torch.Tensor, "items d"]
    ) -> Float[torch.Tensor, "items oscillators values"]:
        """Reorder to (frequency, amplitude, shape) per oscillator, without the range selector."""
        return x[:, : 3 * self.oscillators].unflatten(1, (3, self.oscillators)).mT

    def vectors(
        self, units: Float[torch.Tensor, "items oscillators values"]
    ) -> Float[torch.Tensor, "items d"]:
        """Undo :meth:`units`, without the range selector."""
        return units.mT.flatten(1)

    def are_exchangeable(self, x: Float[torch.Tensor, "items d"]) -> Bool[torch.Tensor, " items"]:
        """Tell for each patch whether its sound stays if its oscillators change places."""
        if self.dial or self.ranges is Ranges.DISJOINT:
            return torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if self.ranges is Ranges.CHOSEN:
            return x[:, -1] <= 0.0
        return torch.ones(len(x), dtype=torch.bool, device=x.device)

    def frequencies(
        self, x: Float[torch.Tensor, "items d"]
    ) -> Float[torch.Tensor, "items oscillators"]:
        """Compute the oscillators' frequencies in Hz."""
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
        """Render patches in mono; values are clamped to [-1, 1]."""
        if x.device.type != "cpu":
            return self._render(x)
        items = max(1, _BLOCK // (self.oscillators * self.samples))
        return torch.cat([self._render(part) for part in x.split(items)])

    def _render(self, x: torch.Tensor) -> torch.Tensor:
        _, amplitude, shape = self.units(x.clamp(-1.0, 1.0)).unsqueeze(-1).unbind(2)
        # In cycles per sample. Never 0, because the smoothing of steps divides by it.
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
        return wave.mean(dim=1) if self.dial is None else self._filter_and_mix(wave, self.dial)

    def _filter_and_mix(self, wave: torch.Tensor, dial: float) -> torch.Tensor:
        """Filter each oscillator and return the mean.

        The filter is y[n] = (1 - c) x[n] + c y[n - 1], from rest. Multiplying spectra of twice the
        length gives the same result up to the last sample.
        """
        k, samples = self.oscillators, self.samples
        octaves = dial * (torch.arange(k, dtype=torch.float64) - (k - 1) / 2.0)
        decay = -2.0 * math.pi * self.cutoff_hz / self.sample_rate * torch.exp2(octaves)[:, None]
        response = -torch.expm1(decay) * torch.exp(decay * torch.arange(samples))
        response = response.to(wave)
        spectrum = torch.fft.rfft(wave, 2 * samples) * torch.fft.rfft(response, 2 * samples)
        return torch.fft.irfft(spectrum.mean(dim=1), 2 * samples)[..., :samples]


def _step(phase: torch.Tensor, frequency: torch.Tensor) -> torch.Tensor:
    """Compute the correction to subtract from a wave that falls by 2 at phase 0 (PolyBLEP).

    At u samples from the fall, for u up to 1, it is ``(1 - u)^2`` before and ``-(1 - u)^2`` after.
    """
    after = functional.relu(1.0 - phase / frequency)
    before = functional.relu(1.0 - (1.0 - phase) / frequency)
    return before.square() - after.square()
