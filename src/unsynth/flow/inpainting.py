"""Sampling with some coordinates known: the flow fills in the others.

A known coordinate j follows the path from its noise to its value (:mod:`unsynth.flow.path`),

    x_j(t) = (1 - t) x0_j + t x1_j,    so    v_j = x1_j - x0_j,

while the other coordinates follow the field, which sees the known ones where training would have
put them at that time. Setting the velocity, not the state, holds at every stage of every solver.
After A. Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models",
CVPR 2022, whose known part is noised to each step's level. Like it, this approximates
p(x | y, x_j): the field's own wish for x_j is dropped, not conditioned on. A model that can be told
what is known (:mod:`unsynth.models.conditional_flow`) needs none of this.
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
    """Make the field that brings ``x0`` to ``x1`` in the coordinates that are known.

    Valid for paths that start at this ``x0`` only.
    """
    straight = velocity(x0, x1)
    return lambda x, t: torch.where(known, straight, field(x, t))


def fixed_field(field: Field, known: Bool[torch.Tensor, " d"]) -> Field:
    """Make the field that leaves what is known as it is."""
    return lambda x, t: torch.where(known, 0.0, field(x, t))
