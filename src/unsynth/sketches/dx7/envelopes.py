"""DX7 envelopes on any device: :func:`unsynth.sketches.dx7.kernel.levels` without gradients."""

import math

import torch
from jaxtyping import Float

from unsynth.sketches.dx7.kernel import (
    ASYMPTOTE,
    ATTACK_START,
    DECAY_CAP,
    DELAY_DIVISOR,
    HOLD_STEP,
    HOLD_TOLERANCE,
    LEAST_DISTANCE,
    RATE_SCALE,
    SILENCE,
    SPEED_UNIT,
    TOP_RATE,
    UNITY,
)


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
