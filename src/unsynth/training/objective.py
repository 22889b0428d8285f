"""The flow-matching objective with condition dropout.

    E |v(x_t, t | y) - (x1 - x0)|^2,  t uniform in [0, 1],  x0 normal,  x_t = (1 - t) x0 + t x1

with y replaced by "no sound" for a share of the items (the paper, section 4: 10 %), so that one
network learns both fields that guidance needs.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from unsynth.flow.coupling import Coupling, couple
from unsynth.flow.guidance import ConditionalField
from unsynth.flow.path import point, velocity


class Noise(NamedTuple):
    """Everything random that a batch needs besides its data."""

    x0: Float[torch.Tensor, "items d"]
    t: Float[torch.Tensor, " items"]
    dropped: Bool[torch.Tensor, " items"]


def draw_noise(rng: np.random.Generator, items: int, d: int, dropout: float) -> Noise:
    """Draw noise, times and which items lose their sound."""
    return Noise(
        torch.from_numpy(rng.standard_normal((items, d), dtype=np.float32)),
        torch.from_numpy(rng.random(items, dtype=np.float32)),
        torch.from_numpy(rng.random(items) < dropout),
    )


def flow_matching_loss(
    field: ConditionalField,
    x1: Float[torch.Tensor, "items d"],
    conditioning: Float[torch.Tensor, "items layers width"],
    unconditional: Float[torch.Tensor, "items layers width"],
    noise: Noise,
    coupling: Coupling,
) -> Float[torch.Tensor, ""]:
    """Compute the mean squared error of the velocity over items and coordinates."""
    x0 = noise.x0[couple(coupling, noise.x0, x1)]
    seen = torch.where(noise.dropped[:, None, None], unconditional, conditioning)
    v = field(point(x0, x1, noise.t), noise.t, seen)
    return (v.float() - velocity(x0, x1)).square().mean()
