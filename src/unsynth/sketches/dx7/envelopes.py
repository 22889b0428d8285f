"""DX7 envelopes on any device, as in :mod:`unsynth.sketches.dx7.kernel_notes`, without slopes."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int

from unsynth.sketches.dx7.kernel_notes import (
    ASYMPTOTE,
    ATTACK_START,
    DECAY_CAP,
    DELAY_DIVISOR,
    HOLD_STEP,
    HOLD_TOLERANCE,
    LEAST_DISTANCE,
    LEAST_TARGET,
    RATE_SCALE,
    SILENCE,
    SPEED_UNIT,
    TOP_RATE,
    UNITY,
)
from unsynth.tasks.dx7.layout import LEVEL_STEPS, OPERATORS


def read(
    values: Float[torch.Tensor, "items fitted"],
) -> tuple[
    Float[torch.Tensor, "items ops 4"],
    Float[torch.Tensor, "items ops 4"],
    Float[torch.Tensor, " items"],
]:
    """Read rates, targets in octaves, and depths of feedback, as the engine does."""
    ops = values[:, :-1].unflatten(1, (OPERATORS, -1))
    steps = _interpolate(LEVEL_STEPS // 2 * 2, ops[..., 4:8])
    outputs = _interpolate(LEVEL_STEPS, ops[..., 8:])
    targets = ((32.0 * (steps + outputs) - 4256.0) / 256.0).clamp_min(LEAST_TARGET)
    # A first level of 0 delays the attack.
    targets[..., 0].masked_fill_(ops[..., 4] < 0.5, 0.0)
    return ops[..., :4], targets, 2.0 ** (values[:, -1] - 9.0)


def _interpolate(
    table: Int[np.ndarray, "100"], levels: Float[torch.Tensor, "*shape"]
) -> Float[torch.Tensor, "*shape"]:
    """Read a table at levels, linearly between its entries."""
    levels = levels.clamp(0.0, 99.0)
    below = levels.floor().clamp_max(98.0)
    steps, at = torch.from_numpy(table).to(levels), below.long()
    return steps[at] + (steps[at + 1] - steps[at]) * (levels - below)


def levels(
    rates: Float[torch.Tensor, "items ops 4"],
    targets: Float[torch.Tensor, "items ops 4"],
    hold_seconds: float,
    durations: Float[torch.Tensor, " items"],
    times: Float[torch.Tensor, "items times"],
    factors: Float[torch.Tensor, "items ops times"],
) -> Float[torch.Tensor, "items ops times"]:
    """Return amplitudes at times after the onset; ``factors`` multiply levels, as the LFO does.

    Targets are in octaves, durations and times in seconds; ``hold_seconds`` is the length of a hold
    at rate 0.
    """
    rates, targets = rates.double(), targets.double()
    engine_rate = (rates.round() * RATE_SCALE).floor().clamp_max(TOP_RATE)
    octaves = (engine_rate / 4.0).floor()
    speeds = (4.0 + engine_rate - 4.0 * octaves) * 2.0 ** (8.0 + octaves) * SPEED_UNIT
    begins = torch.cat([torch.zeros_like(targets[..., :1]), targets[..., :3]], dim=2)
    lows = _attack_levels(begins, targets)
    ratios = (ASYMPTOTE - lows) / (ASYMPTOTE - targets).clamp_min(LEAST_DISTANCE)
    lengths = torch.where(targets > begins, ratios.clamp_min(1.0).log(), begins - targets) / speeds
    holds = (begins - targets).abs() < HOLD_TOLERANCE
    hold_lengths = hold_seconds * 2.0 ** (-HOLD_STEP * rates)
    hold_lengths[..., 0] /= DELAY_DIVISOR
    lengths = torch.where(holds, hold_lengths, lengths)[..., None]

    def stage_level(stage: int, begin: torch.Tensor, elapsed: torch.Tensor) -> torch.Tensor:
        target, speed = targets[..., stage, None], speeds[..., stage, None]
        decay = (-(speed * elapsed).clamp_max(DECAY_CAP)).exp()
        rising = ASYMPTOTE - (ASYMPTOTE - _attack_levels(begin, target)) * decay
        falling = begin - speed * elapsed
        return torch.where(target > begin, rising.minimum(target), falling.maximum(target))

    def key_down_level(elapsed: torch.Tensor) -> torch.Tensor:
        level = elapsed.new_tensor(math.nan)
        reached: torch.Tensor | None = None
        for stage in range(3):
            candidate = stage_level(stage, begins[..., stage, None], elapsed)
            level = candidate if reached is None else torch.where(reached, candidate, level)
            over = elapsed >= lengths[..., stage, :]
            reached = over if reached is None else reached & over
            elapsed = elapsed - lengths[..., stage, :]
        return level

    times, ends = times[:, None], durations[:, None, None]
    release = stage_level(3, key_down_level(ends), times - ends)
    level = torch.where(times < ends, key_down_level(times), release)
    level = torch.where(times < 0.0, 0.0, level) * factors
    return torch.where(level > SILENCE, 2.0 ** (level - UNITY), 0.0).float()


def _attack_levels(begins: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the levels at which attacks begin: the engine skips those below ``ATTACK_START``."""
    return begins.clamp_min(ATTACK_START).minimum(targets)
