"""Sampling with some coordinates known: the flow fills in the others.

A known coordinate j follows the path from its noise to its value (:mod:`unsynth.flow.path`),

    x_j(t) = (1 - t) x0_j + t x1_j,    so    v_j = x1_j - x0_j,

while the other coordinates follow the field, which sees the known ones at their training values for
time t. Setting the velocity, not the state, is right at every stage of every solver.
After A. Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models",
CVPR 2022, which adds noise to the known part, to the level of each step. Like RePaint, this only
approximates p(x | y, x_j): the field's velocity for x_j is discarded, not conditioned on. A model
that is conditioned on known coordinates (:mod:`unsynth.models.conditional_flow`) does not need it.
"""

import torch
from jaxtyping import Bool, Float

from unsynth.flow.path import velocity
from unsynth.flow.solver import Field


def inpainted_field(
    field: Field,
    x0: Float[torch.Tensor, "items d"],
    x1: Float[torch.Tensor, "items d"],
    known: Bool[torch.Tensor, " d"],
) -> Field:
    """Make the field that leads from ``x0`` to ``x1`` in the known coordinates.

    It is valid only for paths that start at this ``x0``.
    """
    straight = velocity(x0, x1)
    return lambda x, t: torch.where(known, straight, field(x, t))


def fixed_field(field: Field, known: Bool[torch.Tensor, " d"]) -> Field:
    """Make the field that leaves the known coordinates where they are."""
    return lambda x, t: torch.where(known, 0.0, field(x, t))
