"""Vital's envelopes and LFOs at given times, with slopes in their settings.

Times are in seconds after the onset of the note, and negative before it.
"""

import math

import torch
from jaxtyping import Float

#: The least length of a stage, in seconds.
_SHORTEST = 1e-5
#: Curves nearer to 0 than this are straight lines.
_STRAIGHT = 0.01


def envelope(
    times: Float[torch.Tensor, "... times"],
    released_after: Float[torch.Tensor, "... 1"],
    attack: Float[torch.Tensor, "... 1"],
    decay: Float[torch.Tensor, "... 1"],
    sustain: Float[torch.Tensor, "... 1"],
    release: Float[torch.Tensor, "... 1"],
    hold: Float[torch.Tensor, "... 1"] | float = 0.0,
    attack_power: Float[torch.Tensor, "... 1"] | float = 0.0,
    decay_power: Float[torch.Tensor, "... 1"] | float = -2.0,
    release_power: Float[torch.Tensor, "... 1"] | float = -2.0,
) -> Float[torch.Tensor, "... times"]:
    """Return an envelope's values, from 0 to 1.

    ``attack``, ``hold``, ``decay`` and ``release`` are raw values: seconds = raw^4. The powers bend
    the stages; their defaults are those of Vital. The key is released ``released_after`` seconds
    after the onset.
    """
    attack, decay, release = (seconds**4 + _SHORTEST for seconds in (attack, decay, release))
    hold = hold**4

    def held(t: torch.Tensor) -> torch.Tensor:
        rise = curve((t / attack).clamp(0.0, 1.0), attack_power, -1.0)
        fall = curve(((t - attack - hold) / decay).clamp(0.0, 1.0), decay_power)
        return torch.where(t < attack, rise, 1.0 - (1.0 - sustain) * fall)

    since = times - released_after
    fallen = curve((since / release).clamp(0.0, 1.0), release_power)
    return torch.where(since < 0.0, held(times), held(released_after) * (1.0 - fallen))


def curve(
    x: Float[torch.Tensor, "..."], power: Float[torch.Tensor, "..."] | float, sign: float = 1
) -> Float[torch.Tensor, "..."]:
    """Bend a line from (0, 0) to (1, 1): (exp(power x) - 1) / (exp(power) - 1)."""
    power = sign * power
    if isinstance(power, float):
        return torch.expm1(power * x) / math.expm1(power) if abs(power) >= _STRAIGHT else x
    straight = power.abs() < _STRAIGHT
    bent = torch.where(straight, torch.full_like(power, _STRAIGHT), power)
    return torch.where(straight, x, torch.expm1(bent * x) / torch.expm1(bent))


def triangle(
    times: Float[torch.Tensor, "... times"],
    frequency: Float[torch.Tensor, "... 1"],
    phase: Float[torch.Tensor, "... 1"],
) -> Float[torch.Tensor, "... times"]:
    """Return the values of an LFO with the shape of the base patch, from -0.5 to 0.5.

    ``frequency`` is a raw value (Hz = 2^raw), ``phase`` the part of a cycle at the onset.
    """
    place = (phase + 2.0**frequency * times.clamp_min(0.0)).remainder(1.0)
    return 0.5 - (2.0 * place - 1.0).abs()
