"""Gradient descent on a sketch of the engine, for tasks that have one.

A render of the engine says how near a patch is, but not which way to go. A sketch
(:mod:`unsynth.sketches.sketch`) plays short windows of a patch's note and gives the slopes of their
loss, so a step in all numeric parameters at once costs less than a render. Patches of different
structures can thus be compared at their best, instead of with values that were fitted to another
structure.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.interruption import await_result
from unsynth.rendering.renderer import cores
from unsynth.search.space import Space
from unsynth.search.window_loss import SAMPLES, WindowLoss
from unsynth.sketches.sketch import Sketch, Windows
from unsynth.tasks.spec import Patch
from unsynth.threads import torch_threads

_Result = TypeVar("_Result")

#: Patches that are fitted together. The result does not depend on how many such groups are fitted
#: at once.
_GROUP = 8
#: Windows per step while the target sounds, and after it has ended.
_WINDOWS = 8, 2
#: The same where renders are dear: they are because there is much to compute in a window too.
_DEAR_WINDOWS = 5, 1
#: Adam's initial step, in units of half a range. (Adam is written out here because torch's own
#: takes a second of a match's budget for imports at its first step.)
_STEP_SIZE = 0.03
#: Adam's decay of the mean of slopes: short, because steps are few.
_MEAN_DECAY = 0.4
#: Adam's decay of the mean of squared slopes.
_SQUARE_DECAY = 0.95


class Downhill:
    """Fits the numeric parameters of patches to a target, on a sketch of the engine.

    Several groups of patches are fitted at once, in the threads of ``executor``. Once ``stopped()``
    is true, a fit ends early.
    """

    def __init__(
        self,
        space: Space,
        sketch: Sketch,
        audio: Float32[np.ndarray, "channels samples"],
        executor: Executor,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._space, self._sketch, self._stopped = space, sketch, stopped
        self._executor = executor
        #: Whether a render costs as much as many steps.
        self.dear_renders = sketch.dear_renders
        #: Mask of the parameters that change a sketch but in which it has no slopes.
        self.structure = np.zeros(len(space.task.spec.parameters), dtype=bool)
        self.structure[sketch.structure] = True
        sounding, after = _DEAR_WINDOWS if self.dear_renders else _WINDOWS
        self._loss = WindowLoss(_mono(audio), space.task.sample_rate, sounding, after)
        # The first call may compile the sketch, once per machine: not in the time of a search.
        sketch.windows([space.hold(space.task.sample(np.random.default_rng(0)))], SAMPLES)

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
        starts = self._loss.draw_starts(steps, rng)
        targets = self._loss.target_levels(starts)
        windows = self._sketch.windows(patches, SAMPLES)

        def fit(part: slice) -> tuple[list[Patch], Float[np.ndarray, " items"]]:
            rendered = None
            if sounds is not None:
                rendered = np.stack([_mono(sound) for sound in sounds[part]])
            return self._fit(patches[part], windows.part(part), starts, targets, rendered)

        groups = self._for_groups(fit, len(patches))
        fitted = [patch for patches, _ in groups for patch in patches]
        return fitted, np.concatenate([losses for _, losses in groups])

    def _for_groups(self, function: Callable[[slice], _Result], count: int) -> list[_Result]:
        """Call a function for each group of patches, several at once.

        If renders are dear, all patches are one group: the sketch shares the work of its steps
        among threads by itself.
        """
        if self.dear_renders:
            with torch_threads(cores()):
                return [function(slice(0, count))]
        parts = [slice(first, first + _GROUP) for first in range(0, count, _GROUP)]
        futures = [self._executor.submit(function, part) for part in parts]
        try:
            return [await_result(future) for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def _fit(
        self,
        patches: Sequence[Patch],
        windows: Windows,
        starts: Int[np.ndarray, "steps windows"],
        targets: Float32[np.ndarray, "steps windows bands"],
        rendered: Float32[np.ndarray, "items samples"] | None,
    ) -> tuple[list[Patch], Float[np.ndarray, " items"]]:
        space = self._space
        positions = self._sketch.fitted
        low, half = space.low[positions], (space.high[positions] - space.low[positions]) / 2.0
        offset, scale = low.astype(np.float32), half.astype(np.float32)
        originals = np.stack(patches)
        free = np.stack([space.free(patch)[positions] for patch in patches])
        start_values = self._fitted_values(patches)
        # x is 0 at a parameter's lowest value and 2 at its highest.
        x = ((originals[:, positions] - low) / half).astype(np.float32)
        mean, square = np.zeros_like(x), np.zeros_like(x)
        best, smooth = x, None
        least_losses = np.full(len(x), np.inf, dtype=np.float32)
        for step in range(len(starts)):
            if self._stopped():
                break
            correction = None
            if rendered is not None:
                uncorrected = _play(windows, start_values, starts[step])
                correction = self._loss.correction(rendered, uncorrected, starts[step])
            sketched, slopes_of = windows.play_with_slopes(x * scale + offset, starts[step])
            losses, sound_slopes = self._loss.losses_and_slopes(sketched, targets[step], correction)
            slope = slopes_of(sound_slopes) * scale
            # Losses on random windows are noisy: a patch is at its best by their moving average.
            smooth = losses if smooth is None else 0.7 * smooth + 0.3 * losses
            if step >= min(10, len(starts) // 3):
                better = smooth < least_losses
                least_losses = np.where(better, smooth, least_losses)
                best = np.where(better[:, None], x, best)
            slope = np.where(free & np.isfinite(slope), slope, np.float32(0.0))
            mean = _MEAN_DECAY * mean + (1 - _MEAN_DECAY) * slope
            square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * slope**2
            size = _STEP_SIZE * (0.1 + 0.45 * (1 + math.cos(math.pi * step / len(starts))))
            direction = mean / (1 - _MEAN_DECAY ** (step + 1))
            deviation = np.sqrt(square / (1 - _SQUARE_DECAY ** (step + 1))) + 1e-8
            x = np.clip(x - size * direction / deviation, 0.0, 2.0).astype(np.float32)
        values = space.round(best * half + low, positions)
        fitted = originals.copy()
        fitted[:, positions] = np.where(free, values, originals[:, positions])
        return [space.hold(patch) for patch in fitted], least_losses

    def losses(
        self, patches: Sequence[Patch], rng: np.random.Generator
    ) -> Float[np.ndarray, " items"]:
        """Return the losses of patches as they are, in dB."""
        starts = self._loss.draw_starts(1, rng)
        (target,) = self._loss.target_levels(starts)
        windows = self._sketch.windows(patches, SAMPLES)
        values = self._fitted_values(patches)

        def measure(part: slice) -> Float32[np.ndarray, " items"]:
            sketched = _play(windows.part(part), values[part], starts[0])
            return self._loss.losses(sketched, target)

        return np.concatenate(self._for_groups(measure, len(patches)))

    def _fitted_values(self, patches: Sequence[Patch]) -> Float32[np.ndarray, "items fitted"]:
        return np.stack(patches)[:, self._sketch.fitted].astype(np.float32)


def _play(
    windows: Windows,
    values: Float32[np.ndarray, "items fitted"],
    starts: Int[np.ndarray, " windows"],
) -> Float32[np.ndarray, "items windows samples"]:
    """Play windows without slopes, which take memory."""
    return windows(torch.from_numpy(values), torch.from_numpy(starts)).numpy()


def _mono(audio: Float32[np.ndarray, "channels samples"]) -> Float32[np.ndarray, " samples"]:
    return audio.mean(axis=0, dtype=np.float32)
