"""Descent: a move that goes downhill on a sketch of the engine, where a task has one.

A render of the engine says how near a patch is, not which way to go. A task whose engine is known
well enough may offer ``windows``, short pieces of its notes that torch can differentiate
(:mod:`unsynth.sketches.sketch`); then a step in all numbers at once costs less than a render. So
a patch of another structure can be compared at its best, not with numbers that fitted another.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.audio.mel import DYNAMIC_RANGE, mel_basis
from unsynth.search.space import Space
from unsynth.sketches.sketch import Sketch
from unsynth.tasks.spec import Patch

#: A window: samples and mel bands.
_SAMPLES, _BANDS = 1024, 64
#: Windows a step, while the target sounds and after it.
_DURING, _AFTER = 8, 2
#: Quieter than this, in dB below the peak, a window of the target is silent.
_QUIET = -75.0
#: Adam: its first step in units of half a range, and what it keeps of mean and square. (Torch's
#: own takes a second of a match's budget to import what its first step needs.)
_RATE, _MEAN, _SQUARE = 0.03, 0.4, 0.95
#: The level of the loudest cell that sketches are kept above, and dB of loss for each dB below.
_LOUD, _TOO_QUIET = 15.0, 0.1
#: By how much, in dB, a sketch is corrected at most.
_MOST_MISSED = 30.0


class Downhill:
    """Fits the numbers of patches to a target, on the sketch."""

    def __init__(
        self,
        space: Space,
        sketch: Sketch,
        audio: Float32[np.ndarray, "channels samples"],
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._space, self._sketch, self._over = space, sketch, over
        #: What the sketch depends on and cannot be fitted in.
        self.structure = np.zeros(len(space.task.spec.parameters), dtype=bool)
        self.structure[sketch.structure] = True
        self._audio = torch.from_numpy(audio.mean(axis=0, dtype=np.float32))
        self._window = torch.hann_window(_SAMPLES)
        rate = space.task.sample_rate
        self._basis = torch.from_numpy(mel_basis(rate, _SAMPLES, _BANDS)).T.contiguous()
        every = self._levels(self._audio.unfold(0, _SAMPLES, _SAMPLES))
        self._peak = every.max()
        loud = (every.amax(dim=1) - self._peak > _QUIET).nonzero()
        last = max(1, len(self._audio) - _SAMPLES)
        end = min(last, (int(loud[-1]) + 8) * _SAMPLES)
        edges = np.linspace(0, end, _DURING + 1)
        if last - end > _SAMPLES:
            edges = np.append(edges, np.linspace(end, last, _AFTER + 1)[1:])
        #: Between these one window each begins.
        self._edges = edges
        # What has to be compiled, once for a machine, is compiled now.
        sketch.windows([space.hold(space.task.sample(np.random.default_rng(0)))], _SAMPLES)

    def __call__(
        self,
        patches: Sequence[Patch],
        steps: int,
        rng: np.random.Generator,
        sounds: Sequence[Float32[np.ndarray, "channels samples"]] | None = None,
    ) -> tuple[list[Patch], Float[np.ndarray, " items"]]:
        """Fit patches in so many steps; return them with their losses, in dB, at their best.

        When ``over()`` becomes true they are returned as far as they are.
        With the patches' own ``sounds`` the sketch is corrected by what it misses of them.
        """
        space = self._space
        windows = self._sketch.windows(patches, _SAMPLES)
        at = self._sketch.fitted
        low, half = space.low[at], (space.high[at] - space.low[at]) / 2.0
        before = np.stack(patches)
        free = np.stack([space.free(patch)[at] for patch in patches])
        least_values, scale, moves = (torch.from_numpy(a).float() for a in (low, half, free))
        x = torch.tensor((before[:, at] - low) / half, dtype=torch.float32)
        mean, square = torch.zeros_like(x), torch.zeros_like(x)
        best, smooth = x.clone(), None
        heard = None
        if sounds is not None:
            heard = torch.from_numpy(np.stack([s.mean(axis=0, dtype=np.float32) for s in sounds]))
        began = torch.tensor(before[:, at], dtype=torch.float32)
        least = torch.full((len(x),), math.inf)
        for step in range(steps):
            if self._over():
                break
            starts, weights = self._starts(rng)
            wanted = self._wanted(starts)
            missed = 0.0 if heard is None else self._missed(windows(began, starts), heard, starts)
            x.requires_grad_(True)
            levels = self._levels(windows(x * scale + least_values, starts))
            losses = self._losses(levels + missed, wanted, weights)
            (slope,) = torch.autograd.grad(losses.sum(), x)
            x, losses = x.detach(), losses.detach()
            smooth = losses if smooth is None else 0.7 * smooth + 0.3 * losses
            if step >= min(10, steps // 3):
                better = smooth < least
                least = torch.where(better, smooth, least)
                best = torch.where(better[:, None], x, best)
            slope = torch.nan_to_num(slope) * moves
            mean = _MEAN * mean + (1 - _MEAN) * slope
            square = _SQUARE * square + (1 - _SQUARE) * slope.square()
            size = _RATE * (0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))
            direction = mean / (1 - _MEAN ** (step + 1))
            spread = (square / (1 - _SQUARE ** (step + 1))).sqrt() + 1e-8
            x = (x - size * direction / spread).clamp(0.0, 2.0)
        values = np.rint(best.numpy() * half + low)
        fitted = before.copy()
        fitted[:, at] = np.where(free, values, before[:, at])
        return [space.hold(patch) for patch in fitted], least.numpy()

    @torch.no_grad()
    def losses(
        self, patches: Sequence[Patch], rng: np.random.Generator
    ) -> Float[np.ndarray, " items"]:
        """Losses of patches as they are, in dB."""
        windows = self._sketch.windows(patches, _SAMPLES)
        starts, weights = self._starts(rng)
        values = torch.tensor(np.stack(patches)[:, self._sketch.fitted], dtype=torch.float32)
        levels = self._levels(windows(values, starts))
        return self._losses(levels, self._wanted(starts), weights).numpy()

    def _levels(
        self, windows: Float[torch.Tensor, "*items samples"]
    ) -> Float[torch.Tensor, "*items bands"]:
        power = _Power.apply(windows, self._window)
        return 10.0 * (power @ self._basis).clamp_min(1e-12).log10()

    def _starts(
        self, rng: np.random.Generator
    ) -> tuple[Int[torch.Tensor, " windows"], Float[torch.Tensor, " windows"]]:
        """Draw windows, spread over the sound, and what each stands for of it."""
        lengths = np.diff(self._edges)
        starts = (self._edges[:-1] + rng.random(len(lengths)) * lengths).astype(int)
        return torch.from_numpy(starts), torch.from_numpy(lengths / lengths.sum()).float()

    def _wanted(
        self, starts: Int[torch.Tensor, " windows"]
    ) -> Float[torch.Tensor, "windows bands"]:
        target = torch.stack([self._audio[s : s + _SAMPLES] for s in starts.tolist()])
        return (self._levels(target) - self._peak).clamp_min(-DYNAMIC_RANGE)

    def _missed(
        self,
        played: Float[torch.Tensor, "items windows samples"],
        heard: Float[torch.Tensor, "items whole"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows bands"]:
        """Levels of sounds less those of their sketches, each below its own peak."""
        sound = torch.stack([heard[:, s : s + _SAMPLES] for s in starts.tolist()], dim=1)
        found = []
        for levels in (self._levels(sound), self._levels(played)):
            peak = levels.amax(dim=(1, 2), keepdim=True)
            found.append((levels - peak).clamp_min(-DYNAMIC_RANGE))
        return (found[0] - found[1]).clamp(-_MOST_MISSED, _MOST_MISSED)

    def _losses(
        self,
        levels: Float[torch.Tensor, "items windows bands"],
        wanted: Float[torch.Tensor, "windows bands"],
        weights: Float[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, " items"]:
        """Mean difference in dB, each below its own peak, as in most distances of sounds.

        A level is free, but costs where it is low.
        """
        peaks = levels.amax(dim=(1, 2))
        matched = levels + (wanted.max() - peaks)[:, None, None]
        # Below the range a slight slope is left, by which what is silent can come back.
        floor = -DYNAMIC_RANGE + 0.02 * (matched + DYNAMIC_RANGE)
        matched = torch.where(matched > -DYNAMIC_RANGE, matched, floor)
        different = (matched - wanted).abs().mean(dim=2)
        return (different * weights).sum(dim=1) + _TOO_QUIET * (_LOUD - peaks).clamp_min(0.0)


class _Power(torch.autograd.Function):
    """Power of windows in the bins of their FFTs; torch's own slopes take twice as long."""

    @staticmethod
    def forward(
        ctx: Any, windows: Float[torch.Tensor, "*items samples"], shape: torch.Tensor
    ) -> torch.Tensor:
        spectra = torch.fft.rfft(windows * shape)
        ctx.save_for_backward(spectra, shape)
        return spectra.real.square() + spectra.imag.square()

    @staticmethod
    def backward(ctx: Any, *of_power: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        spectra, shape = ctx.saved_tensors
        slopes = spectra * of_power[0]
        # These two occur once in a spectrum of all bins, the others twice.
        slopes[..., 0] *= 2.0
        slopes[..., -1] *= 2.0
        return torch.fft.irfft(slopes, len(shape), norm="forward") * shape, None
