"""Gradient descent on a sketch of the engine, for tasks that have one.

A render of the engine says how near a patch is, but not which way to go. A sketch
(:mod:`unsynth.sketches.sketch`) plays short windows of a patch's note that torch can
differentiate, so a step in all numeric parameters at once costs less than a render. Patches of
different structures can thus be compared at their best, instead of with values that were fitted to
another structure.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Complex, Float, Float32, Int

from unsynth.audio.mel import DYNAMIC_RANGE, mel_basis
from unsynth.rendering.renderer import cores
from unsynth.search.space import Space
from unsynth.sketches.sketch import Sketch
from unsynth.tasks.spec import Patch
from unsynth.threads import torch_threads

#: Samples of a window.
_SAMPLES = 1024
#: Mel bands of a window.
_BANDS = 64
#: Windows per step while the target sounds, and after it has ended.
_WINDOWS = 8, 2
#: The same where renders are dear: they are because there is much to compute in a window too.
_DEAR_WINDOWS = 5, 1
#: A window of the target is silent below this level, in dB relative to the target's peak.
_SILENCE = -75.0
#: Adam's initial step, in units of half a range. (Adam is written out here because torch's own
#: takes a second of a match's budget for imports at its first step.)
_STEP_SIZE = 0.03
#: Adam's decay of the mean of slopes: short, because steps are few.
_MEAN_DECAY = 0.4
#: Adam's decay of the mean of squared slopes.
_SQUARE_DECAY = 0.95
#: A sketch whose loudest cell is below this level, in dB, is too quiet.
_LEAST_PEAK = 15.0
#: The loss, in dB, for each dB that a sketch is too quiet.
_QUIET_LOSS = 0.1
#: Slope of a cell below the dynamic range, where one above it has a slope of 1.
_SILENT_SLOPE = 0.02
#: Power of a mel band below which it counts as this, -120 dB.
_LEAST_POWER = 1e-12
#: The largest correction of a sketch, in dB.
_MAX_CORRECTION = 30.0


class Downhill:
    """Fits the numeric parameters of patches to a target, on a sketch of the engine.

    Once ``stopped()`` is true, a fit ends early.
    """

    def __init__(
        self,
        space: Space,
        sketch: Sketch,
        audio: Float32[np.ndarray, "channels samples"],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._space, self._sketch, self._stopped = space, sketch, stopped
        #: Whether a render costs as much as many steps.
        self.dear_renders = sketch.dear_renders
        #: Mask of the parameters that change a sketch but in which it has no slopes.
        self.structure = np.zeros(len(space.task.spec.parameters), dtype=bool)
        self.structure[sketch.structure] = True
        self._audio = torch.from_numpy(audio.mean(axis=0, dtype=np.float32))
        self._window = torch.hann_window(_SAMPLES)
        rate = space.task.sample_rate
        self._basis = torch.from_numpy(mel_basis(rate, _SAMPLES, _BANDS)).T.contiguous()
        levels = self._levels(self._audio.unfold(0, _SAMPLES, _SAMPLES))
        self._peak = levels.max()
        audible = (levels.amax(dim=1) - self._peak > _SILENCE).nonzero()
        last = max(1, len(self._audio) - _SAMPLES)
        end = min(last, (int(audible[-1]) + 8) * _SAMPLES)
        during, after = _DEAR_WINDOWS if self.dear_renders else _WINDOWS
        edges = np.linspace(0, end, during + 1)
        if last - end > _SAMPLES:
            edges = np.append(edges, np.linspace(end, last, after + 1)[1:])
        #: One window starts between each two neighbouring edges.
        self._edges = edges
        # The first call may compile the sketch, once per machine: not in the time of a search.
        sketch.windows([space.hold(space.task.sample(np.random.default_rng(0)))], _SAMPLES)

    def fit(
        self,
        patches: Sequence[Patch],
        steps: int,
        rng: np.random.Generator,
        sounds: Sequence[Float32[np.ndarray, "channels samples"]] | None = None,
    ) -> tuple[list[Patch], Float[np.ndarray, " items"]]:
        """Fit patches in a number of steps; return them at their best, with their losses in dB.

        With the patches' rendered ``sounds``, the sketch is corrected by its error on them.
        """
        with torch_threads(cores() if self._sketch.dear_renders else torch.get_num_threads()):
            return self._fit(patches, steps, rng, sounds)

    def _fit(
        self,
        patches: Sequence[Patch],
        steps: int,
        rng: np.random.Generator,
        sounds: Sequence[Float32[np.ndarray, "channels samples"]] | None,
    ) -> tuple[list[Patch], Float[np.ndarray, " items"]]:
        space = self._space
        windows = self._sketch.windows(patches, _SAMPLES)
        positions = self._sketch.fitted
        low, half = space.low[positions], (space.high[positions] - space.low[positions]) / 2.0
        originals = np.stack(patches)
        free = np.stack([space.free(patch)[positions] for patch in patches])
        offset, scale, mask = (torch.from_numpy(a).float() for a in (low, half, free))
        # x is 0 at a parameter's lowest value and 2 at its highest.
        x = torch.tensor((originals[:, positions] - low) / half, dtype=torch.float32)
        mean, square = torch.zeros_like(x), torch.zeros_like(x)
        best, smooth = x.clone(), None
        rendered = None
        if sounds is not None:
            mono = [sound.mean(axis=0, dtype=np.float32) for sound in sounds]
            rendered = torch.from_numpy(np.stack(mono))
        start_values = torch.tensor(originals[:, positions], dtype=torch.float32)
        least_losses = torch.full((len(x),), math.inf)
        for step in range(steps):
            if self._stopped():
                break
            starts, weights = self._draw_windows(rng)
            target = self._target_levels(starts)
            correction: float | torch.Tensor = 0.0
            if rendered is not None:
                correction = self._correction(windows(start_values, starts), rendered, starts)
            x.requires_grad_(True)
            sketched = windows(x * scale + offset, starts)
            spectra, mel = self._mel_power(sketched.detach())
            levels = _decibels(mel) + correction
            losses, level_slopes = self._losses(levels, target, weights)
            slopes = self._sound_slopes(level_slopes, spectra, mel)
            (slope,) = torch.autograd.grad(sketched, x, slopes)
            x = x.detach()
            # Losses on random windows are noisy: a patch is at its best by their moving average.
            smooth = losses if smooth is None else 0.7 * smooth + 0.3 * losses
            if step >= min(10, steps // 3):
                better = smooth < least_losses
                least_losses = torch.where(better, smooth, least_losses)
                best = torch.where(better[:, None], x, best)
            slope = torch.nan_to_num(slope) * mask
            mean = _MEAN_DECAY * mean + (1 - _MEAN_DECAY) * slope
            square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * slope.square()
            size = _STEP_SIZE * (0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))
            direction = mean / (1 - _MEAN_DECAY ** (step + 1))
            deviation = (square / (1 - _SQUARE_DECAY ** (step + 1))).sqrt() + 1e-8
            x = (x - size * direction / deviation).clamp(0.0, 2.0)
        values = space.round(best.numpy() * half + low, positions)
        fitted = originals.copy()
        fitted[:, positions] = np.where(free, values, originals[:, positions])
        return [space.hold(patch) for patch in fitted], least_losses.numpy()

    @torch.no_grad()
    def losses(
        self, patches: Sequence[Patch], rng: np.random.Generator
    ) -> Float[np.ndarray, " items"]:
        """Return the losses of patches as they are, in dB."""
        windows = self._sketch.windows(patches, _SAMPLES)
        starts, weights = self._draw_windows(rng)
        values = torch.tensor(np.stack(patches)[:, self._sketch.fitted], dtype=torch.float32)
        levels = self._levels(windows(values, starts))
        return self._losses(levels, self._target_levels(starts), weights)[0].numpy()

    def _levels(
        self, windows: Float[torch.Tensor, "*items samples"]
    ) -> Float[torch.Tensor, "*items bands"]:
        return _decibels(self._mel_power(windows)[1])

    def _mel_power(
        self, windows: Float[torch.Tensor, "*items samples"]
    ) -> tuple[Complex[torch.Tensor, "*items bins"], Float[torch.Tensor, "*items bands"]]:
        """Return the spectra of windows, and their power in mel bands."""
        spectra = torch.fft.rfft(windows * self._window)
        power = spectra.real.square() + spectra.imag.square()
        return spectra, (power @ self._basis).clamp_min(_LEAST_POWER)

    def _sound_slopes(
        self,
        level_slopes: Float[torch.Tensor, "items windows bands"],
        spectra: Complex[torch.Tensor, "items windows bins"],
        mel: Float[torch.Tensor, "items windows bands"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Take slopes with respect to levels back to the samples of windows."""
        mel_slopes = torch.where(mel > _LEAST_POWER, level_slopes / mel, 0.0)
        power_slopes = (10.0 / math.log(10.0) * mel_slopes) @ self._basis.T
        # The inverse counts all bins twice, as it must, but the outermost, which no band has.
        slopes = torch.fft.irfft(spectra * power_slopes, _SAMPLES, norm="forward")
        return slopes * self._window

    def _draw_windows(
        self, rng: np.random.Generator
    ) -> tuple[Int[torch.Tensor, " windows"], Float[torch.Tensor, " windows"]]:
        """Draw the starts of windows, spread over the sound.

        Returns with them the share of the sound that each window stands for.
        """
        lengths = np.diff(self._edges)
        starts = (self._edges[:-1] + rng.random(len(lengths)) * lengths).astype(int)
        return torch.from_numpy(starts), torch.from_numpy(lengths / lengths.sum()).float()

    def _target_levels(
        self, starts: Int[torch.Tensor, " windows"]
    ) -> Float[torch.Tensor, "windows bands"]:
        target = torch.stack([self._audio[s : s + _SAMPLES] for s in starts.tolist()])
        return (self._levels(target) - self._peak).clamp_min(-DYNAMIC_RANGE)

    def _correction(
        self,
        sketched: Float[torch.Tensor, "items windows samples"],
        rendered: Float[torch.Tensor, "items whole"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows bands"]:
        """Levels of rendered sounds minus those of their sketches, each below its own peak."""
        windows = torch.stack([rendered[:, s : s + _SAMPLES] for s in starts.tolist()], dim=1)
        relative = []
        for levels in (self._levels(windows), self._levels(sketched)):
            peak = levels.amax(dim=(1, 2), keepdim=True)
            relative.append((levels - peak).clamp_min(-DYNAMIC_RANGE))
        return (relative[0] - relative[1]).clamp(-_MAX_CORRECTION, _MAX_CORRECTION)

    def _losses(
        self,
        levels: Float[torch.Tensor, "items windows bands"],
        target: Float[torch.Tensor, "windows bands"],
        weights: Float[torch.Tensor, " windows"],
    ) -> tuple[Float[torch.Tensor, " items"], Float[torch.Tensor, "items windows bands"]]:
        """Return mean differences in dB, and their slopes with respect to the levels.

        Each sound is compared below its own peak, as in most distances of sounds. The overall level
        thus does not count, but a level that is too low has a cost.
        """
        peaks, loudest = levels.flatten(1).max(dim=1)
        matched = levels + (target.max() - peaks)[:, None, None]
        # Below the dynamic range a slight slope remains, by which a silent cell can come back.
        inside = matched > -DYNAMIC_RANGE
        floor = -DYNAMIC_RANGE + _SILENT_SLOPE * (matched + DYNAMIC_RANGE)
        differences = torch.where(inside, matched, floor) - target
        quiet = (_LEAST_PEAK - peaks).clamp_min(0.0)
        losses = (differences.abs().mean(dim=2) * weights).sum(dim=1) + _QUIET_LOSS * quiet
        slopes = differences.sign() * (weights / levels.shape[2])[:, None]
        slopes = torch.where(inside, slopes, _SILENT_SLOPE * slopes)
        # A louder peak lowers all other cells.
        of_peaks = slopes.sum(dim=(1, 2)) + _QUIET_LOSS * (quiet > 0.0)
        slopes.flatten(1).scatter_add_(1, loudest[:, None], -of_peaks[:, None])
        return losses, slopes


def _decibels(power: Float[torch.Tensor, "*shape"]) -> Float[torch.Tensor, "*shape"]:
    return 10.0 * power.log10()
