"""Envelopes of DX7 notes on any device, without slopes: :func:`dx7_kernel.levels` in torch."""

import math

import torch
from jaxtyping import Float

from unsynth.sketches.dx7.kernel import HEADED_FOR, INCREMENT, JUMP, SILENT, STAY, STAY_STEP, UNITY


def levels(
    rates: Float[torch.Tensor, "items ops 4"],
    targets: Float[torch.Tensor, "items ops 4"],
    durations: Float[torch.Tensor, " items"],
    times: Float[torch.Tensor, "items times"],
    kept: Float[torch.Tensor, "items ops times"],
) -> Float[torch.Tensor, "items ops times"]:
    """Find amplitudes at times after the onset, of what is ``kept`` of levels."""
    rates, targets = rates.double(), targets.double()
    quarters = (rates.round() * (41 / 64)).floor().clamp_max(63.0)
    octaves = (quarters / 4.0).floor()
    speeds = (4.0 + quarters - 4.0 * octaves) * 2.0 ** (8.0 + octaves) * INCREMENT
    begins = torch.cat([torch.zeros_like(targets[..., :1]), targets[..., :3]], dim=2)
    lows = _lows(begins, targets)
    left = (HEADED_FOR - lows) / (HEADED_FOR - targets).clamp_min(0.5)
    lengths = torch.where(targets > begins, left.clamp_min(1.0).log(), begins - targets) / speeds
    stays = (begins - targets).abs() < 1e-6
    lengths = torch.where(stays, STAY * 2.0 ** (-STAY_STEP * rates), lengths)[..., None]

    def level(stage: int, begin: torch.Tensor, since: torch.Tensor) -> torch.Tensor:
        target, speed = targets[..., stage, None], speeds[..., stage, None]
        decay = (-(speed * since).clamp_max(50.0)).exp()
        rising = HEADED_FOR - (HEADED_FOR - _lows(begin, target)) * decay
        falling = begin - speed * since
        return torch.where(target > begin, rising.minimum(target), falling.maximum(target))

    def held(since: torch.Tensor) -> torch.Tensor:
        found = since.new_tensor(math.nan)
        reached: torch.Tensor | None = None
        for stage in range(3):
            here = level(stage, begins[..., stage, None], since)
            found = here if reached is None else torch.where(reached, here, found)
            going_on = since >= lengths[..., stage, :]
            reached = going_on if reached is None else reached & going_on
            since = since - lengths[..., stage, :]
        return found

    times, ends = times[:, None], durations[:, None, None]
    released = level(3, held(ends), times - ends)
    found = torch.where(times < ends, held(times), released)
    found = torch.where(times < 0.0, 0.0, found) * kept
    return torch.where(found > SILENT, 2.0 ** (found - UNITY), 0.0).float()


def _lows(begins: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Say where attacks begin."""
    return begins.clamp_min(JUMP).minimum(targets)
