"""Short windows of DX7 notes, differentiable in envelopes, output levels and feedback.

This approximates Dexed's engine (Mark I: ``env.cc``, ``dx7note.cc``, ``EngineMkI.cpp``) so that a
search can descend on it. The loops are compiled (:mod:`unsynth.sketches.dx7.kernel`). A window
needs envelopes and phases at only a few knots, and no samples before its own, so a few windows
cost a fraction of the whole sound. The pitch envelope and the LFO are those of the patch, without
gradients. Feedback starts from silence in each window.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.sketches.dx7 import envelopes
from unsynth.sketches.dx7.kernel import HOLD_SECONDS, levels, levels_gradients, play, play_gradients
from unsynth.sketches.dx7.modulation import Modulation
from unsynth.tasks.dx7.layout import LEVEL_STEPS, OP, OPERATORS, WIDTH
from unsynth.tasks.spec import Spec

#: Samples between knots; gains and frequencies are linear between them.
_KNOT_SPACING = 128
#: Factor of the feedback's depth per algorithm. The engine feeds back a quarter in the loops of
#: algorithms 4 and 6, which hold several operators, and in algorithm 32 (Dexed's EngineMkI.cpp).
_FEEDBACK_FACTORS = [0.25 if number in (4, 6, 32) else 1.0 for number in range(1, 33)]
#: The engine's steps for output levels.
_OUTPUT_STEPS = torch.tensor(LEVEL_STEPS, dtype=torch.float32)
#: The engine's steps for levels of envelopes; it drops their lowest bit.
_LEVEL_STEPS = torch.tensor(LEVEL_STEPS // 2 * 2, dtype=torch.float32)


class DX7Windows:
    """Windows of patches' notes; the patches may differ in their algorithms. See :func:`play`."""

    # Dexed halves the sum of the carriers.
    gain = 0.5

    def __init__(
        self,
        spec: Spec,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str,
        engine_rate: int = SAMPLE_RATE,
    ) -> None:
        if samples % _KNOT_SPACING:
            raise ValueError(
                f"windows of {samples} samples: only multiples of {_KNOT_SPACING} can be played"
            )
        x = torch.tensor(np.stack(patches), dtype=torch.float32, device=device)
        at = spec.position
        ops = x[:, : OPERATORS * WIDTH].unflatten(1, (OPERATORS, WIDTH))
        self._samples = samples
        self._hold_seconds = HOLD_SECONDS * (SAMPLE_RATE / engine_rate) ** 2
        self._onset = x[:, at["note.onset"]].double()
        self._duration = x[:, at["note.duration"]].double()
        self._algorithms = x[:, at["algorithm"]].long()
        factors = torch.tensor(_FEEDBACK_FACTORS, device=device)[self._algorithms]
        # Feedback 0 is off in the engine, not half of feedback 1.
        self._feedback_factors = factors * (x[:, at["feedback"]] > 0)
        self._knots = torch.arange(0, samples + 1, _KNOT_SPACING, device=device) / SAMPLE_RATE
        base = 440.0 * 2.0 ** ((x[:, at["note.pitch"]] - 69.0) / 12.0)
        octave = base.log2()
        # Octaves per step of detune: fewer for higher notes (``dx7note.cc``, ``osc_freq``).
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
        """Play the windows that begin at these samples, with these ``fitted`` values."""
        begins = starts[None].double() / SAMPLE_RATE - self._onset[:, None]
        times = (begins[..., None] + self._knots).flatten(1)
        factors = self._modulation.level_factors(times)
        clock = self._modulation.pitch_clock(times)[:, None]
        cycles = self._hz[..., None] * torch.where(self._fixed[..., None], times[:, None], clock)
        cycles = cycles.unflatten(2, (len(starts), -1))
        # Drop whole cycles: with many of them, single precision could not resolve the phase.
        phases = (cycles - cycles[..., :1].floor()).float()
        if values.is_cuda:
            from unsynth.sketches.dx7 import kernel_gpu

            read = _read(values)
            depths = read.depths * self._feedback_factors
            gains = envelopes.levels(
                read.rates, read.targets, self._hold_seconds, self._duration, times, factors
            )
            gains = gains.unflatten(2, (len(starts), -1))
            return kernel_gpu.play(gains, depths, phases, self._algorithms, self._samples)
        notes = (self._hold_seconds, self._duration.numpy(), times.numpy(), factors.numpy())
        feedback = self._feedback_factors
        return _Play.apply(
            values, notes, phases.numpy(), feedback, self._algorithms.numpy(), self._samples
        )


class _Fitted(NamedTuple):
    """What the fitted values of some patches mean, and how it changes with them."""

    rates: Float[torch.Tensor, "items ops 4"]
    #: Levels that the envelopes move to, in octaves of amplitude.
    targets: Float[torch.Tensor, "items ops 4"]
    #: Octaves of a target per step of an envelope's level, and of the output level.
    level_slopes: Float[torch.Tensor, "items ops 4"]
    output_slopes: Float[torch.Tensor, "items ops 4"]
    #: Depths of feedback, of which some algorithms have a quarter.
    depths: Float[torch.Tensor, " items"]


@torch.no_grad()
def _read(values: Float[torch.Tensor, "items fitted"]) -> _Fitted:
    """Read rates, levels and output levels of operators, and feedback, as the engine does."""
    ops = values[:, :-1].unflatten(1, (OPERATORS, -1))
    steps, level_slopes = _interpolate(_LEVEL_STEPS, ops[..., 4:8])
    outputs, output_slopes = _interpolate(_OUTPUT_STEPS, ops[..., 8:])
    targets = ((32.0 * (steps + outputs) - 4256.0) / 256.0).clamp_min(1 / 16)
    # A first level of 0 delays the attack.
    targets[..., 0].masked_fill_(ops[..., 4] < 0.5, 0.0)
    # A target at its lower bound does not move.
    moves = (targets > 1 / 16) * (32.0 / 256.0)
    depths = 2.0 ** (values[:, -1] - 9.0)
    return _Fitted(ops[..., :4], targets, moves * level_slopes, moves * output_slopes, depths)


def _interpolate(
    table: Float[torch.Tensor, "100"], levels: Float[torch.Tensor, "*shape"]
) -> tuple[Float[torch.Tensor, "*shape"], Float[torch.Tensor, "*shape"]]:
    """Read a table at levels, linearly between its entries, and the slopes there."""
    levels = levels.clamp(0.0, 99.0)
    below = levels.floor().clamp_max(98.0)
    table, at = table.to(levels.device), below.long()
    low = table[at]
    slopes = table[at + 1] - low
    return low + slopes * (levels - below), slopes


class _Play(torch.autograd.Function):
    """Windows of notes, with gradients of the fitted values."""

    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        notes: tuple[float, np.ndarray, np.ndarray, np.ndarray],
        phases: Float[np.ndarray, "items ops windows knots"],
        feedback_factors: torch.Tensor,
        algorithms: Int[np.ndarray, " items"],
        samples: int,
    ) -> torch.Tensor:
        items, ops, windows, knots = phases.shape
        fitted = _read(values)
        depths = (fitted.depths * feedback_factors).numpy()
        stages = tuple(x.double().contiguous().numpy() for x in (fitted.rates, fitted.targets))
        gains = np.empty((items, ops, windows, knots), dtype=np.float32)
        levels(*stages, *notes, gains.reshape(items, ops, -1))
        sounds = np.empty((items, windows, samples), dtype=np.float32)
        total_phases = np.empty((items, ops, windows, samples), dtype=np.float32)
        play(algorithms, gains, phases, depths, sounds, total_phases)
        ctx.arrays = fitted, stages, notes, algorithms, gains, depths, total_phases
        return torch.from_numpy(sounds)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        fitted, stages, notes, algorithms, gains, depths, total_phases = ctx.arrays
        grad_gains, grad_depths = np.empty_like(gains), np.empty_like(depths)
        grad_sounds = grad_outputs[0].contiguous().numpy()
        play_gradients(
            algorithms, gains, depths, total_phases, grad_sounds, grad_gains, grad_depths
        )
        grad_rates, grad_targets = (np.empty_like(array) for array in stages)
        shape = (*gains.shape[:2], -1)
        gradients = grad_gains.reshape(shape), grad_rates, grad_targets
        levels_gradients(*stages, *notes, gains.reshape(shape), *gradients)
        moved = torch.from_numpy(grad_targets).float()
        grad_levels = moved * fitted.level_slopes
        grad_level = (moved * fitted.output_slopes).sum(dim=2, keepdim=True)
        ops = torch.cat([torch.from_numpy(grad_rates).float(), grad_levels, grad_level], dim=2)
        grad_feedback = math.log(2.0) * torch.from_numpy(grad_depths * depths)
        grad_values = torch.cat([ops.flatten(1), grad_feedback[:, None]], dim=1)
        return grad_values, None, None, None, None, None
