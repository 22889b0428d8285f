"""Short windows of DX7 notes, differentiable in envelopes, levels and feedback.

This sketches Dexed's engine (Mark I: ``env.cc``, ``dx7note.cc``, ``EngineMkI.cpp``) so that a
search can descend on it. The loops are compiled (:mod:`unsynth.sketches.dx7.kernel`). A window
needs envelopes and phases at a few knots, not what came before it, so a few windows cost a
fraction of the whole sound. Pitch envelope and LFO follow the patches; feedback starts anew in
each window.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.sketches.dx7 import envelopes as dx7_envelopes
from unsynth.sketches.dx7.kernel import levels, levels_slopes, play, play_slopes
from unsynth.sketches.dx7.modulation import Modulation
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import LEVEL_STEPS, OP, OPERATORS, WIDTH
from unsynth.tasks.spec import Spec

#: Samples in which gains and frequencies are straight.
_BLOCK = 128
#: What is fed back in an algorithm's loop: of several operators less than of one.
_FED = [1.0 if source == target else 0.25 for source, target in (a.feedback for a in ALGORITHMS)]
#: The engine's steps for output levels, and for levels of envelopes, which are even.
_OUTPUTS = torch.tensor(LEVEL_STEPS, dtype=torch.float32)
_LEVELS = torch.tensor(LEVEL_STEPS // 2 * 2, dtype=torch.float32)


class DX7Windows:
    """Windows of the notes of some patches, whatever their algorithms; see :func:`play`."""

    gain = 0.5

    def __init__(
        self,
        spec: Spec,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str,
    ) -> None:
        if samples % _BLOCK:
            raise ValueError(
                f"windows of {samples} samples: only multiples of {_BLOCK} can be played"
            )
        x = torch.tensor(np.stack(patches), dtype=torch.float32, device=device)
        at = spec.position
        ops = x[:, : OPERATORS * WIDTH].unflatten(1, (OPERATORS, WIDTH))
        self._samples = samples
        self._onset = x[:, at["note.onset"]].double()
        self._duration = x[:, at["note.duration"]].double()
        self._algorithms = x[:, at["algorithm"]].long()
        self._fed = torch.tensor(_FED, device=device)[self._algorithms] * (x[:, at["feedback"]] > 0)
        self._knots = torch.arange(0, samples + 1, _BLOCK, device=device) / SAMPLE_RATE
        base = 440.0 * 2.0 ** ((x[:, at["note.pitch"]] - 69.0) / 12.0)
        octave = base.log2()
        detune = (0.0209 / 7.0 * (-0.396 * octave).exp() * octave)[:, None]
        ratio = ops[..., OP["ratio_coarse"]].clamp_min(0.5) * (1 + ops[..., OP["ratio_fine"]] / 100)
        pitched = base[:, None] * ratio * 2.0 ** (detune * ops[..., OP["ratio_detune"]])
        fixed = 10.0 ** (ops[..., OP["fixed_coarse"]] + ops[..., OP["fixed_fine"]] / 100)
        fixed = fixed * 2.0 ** (13457 / 2**24 * ops[..., OP["fixed_detune"]])
        self._fixed = ops[..., OP["mode"]] > 0.5
        self._hz = torch.where(self._fixed, fixed, pitched).double()
        self._modulation = Modulation(spec, x.double())

    def __call__(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples, with these values of what is ``fitted``."""
        ops = values[:, :-1].unflatten(1, (OPERATORS, -1))
        steps = _between(_LEVELS, ops[..., 4:8]) + _between(_OUTPUTS, ops[..., 8])[..., None]
        targets = ((32.0 * steps - 4256.0) / 256.0).clamp_min(1 / 16)
        begins = starts[None].double() / SAMPLE_RATE - self._onset[:, None]
        times = (begins[..., None] + self._knots).flatten(1)
        kept = self._modulation.kept(times)
        depths = 2.0 ** (values[:, -1] - 9.0) * self._fed
        bent = self._modulation.bent(times)[:, None]
        cycles = self._hz[..., None] * torch.where(self._fixed[..., None], times[:, None], bent)
        cycles = cycles.unflatten(2, (len(starts), -1))
        phases = (cycles - cycles[..., :1].floor()).float()
        if values.is_cuda:
            from unsynth.sketches.dx7 import kernel_gpu as dx7_triton

            gains = dx7_envelopes.levels(ops[..., :4], targets, self._duration, times, kept)
            gains = gains.unflatten(2, (len(starts), -1))
            return dx7_triton.play(gains, depths, phases, self._algorithms, self._samples)
        gains = _Levels.apply(
            ops[..., :4], targets, self._duration.numpy(), times.numpy(), kept.numpy()
        )
        return _Play.apply(
            gains.unflatten(2, (len(starts), -1)),
            depths,
            phases.numpy(),
            self._algorithms.numpy(),
            self._samples,
        )


def _between(table: Float[torch.Tensor, "100"], levels: torch.Tensor) -> torch.Tensor:
    """Read a table of levels, between its entries too."""
    levels = levels.clamp(0.0, 99.0)
    below = levels.detach().floor().clamp_max(98.0)
    table, at = table.to(levels.device), below.long()
    return table[at] + (table[at + 1] - table[at]) * (levels - below)


class _Levels(torch.autograd.Function):
    """Amplitudes of envelopes at times, with slopes of their rates and targets."""

    @staticmethod
    def forward(
        ctx: Any,
        rates: torch.Tensor,
        targets: torch.Tensor,
        durations: Float[np.ndarray, " items"],
        times: Float[np.ndarray, "items times"],
        kept: Float[np.ndarray, "items ops times"],
    ) -> torch.Tensor:
        shape = rates.double().contiguous().numpy(), targets.double().contiguous().numpy()
        gains = np.empty((*rates.shape[:2], times.shape[1]), dtype=np.float32)
        levels(*shape, durations, times, kept, gains)
        ctx.kept = *shape, durations, times, kept, gains
        return torch.from_numpy(gains)

    @staticmethod
    def backward(ctx: Any, *of_gains: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        found = np.empty_like(ctx.kept[0]), np.empty_like(ctx.kept[0])
        levels_slopes(*ctx.kept, of_gains[0].contiguous().numpy(), *found)
        of_rates, of_targets = (torch.from_numpy(array).float() for array in found)
        return of_rates, of_targets, None, None, None


class _Play(torch.autograd.Function):
    """Windows of notes, with slopes of gains at knots and of feedback's depths."""

    @staticmethod
    def forward(
        ctx: Any,
        gains: torch.Tensor,
        depths: torch.Tensor,
        phases: Float[np.ndarray, "items ops windows knots"],
        algorithms: Int[np.ndarray, " items"],
        samples: int,
    ) -> torch.Tensor:
        items, ops, windows, _ = gains.shape
        arrays = gains.contiguous().numpy(), depths.numpy()
        sounds = np.empty((items, windows, samples), dtype=np.float32)
        kept = np.empty((items, ops, windows, samples), dtype=np.float32)
        play(algorithms, arrays[0], phases, arrays[1], sounds, kept)
        ctx.kept = algorithms, *arrays, kept
        return torch.from_numpy(sounds)

    @staticmethod
    def backward(ctx: Any, *of_sounds: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        algorithms, gains, depths, kept = ctx.kept
        of_gains, of_depths = np.empty_like(gains), np.empty_like(depths)
        of_sound = of_sounds[0].contiguous().numpy()
        play_slopes(algorithms, gains, depths, kept, of_sound, of_gains, of_depths)
        return torch.from_numpy(of_gains), torch.from_numpy(of_depths), None, None, None
