"""Sampling with some coordinates known: the flow fills in the others.

A known coordinate j follows the path from its noise to its value (:mod:`unsynth.flow.path`),

    x_j(t) = (1 - t) x0_j + t x1_j,    so    v_j = x1_j - x0_j,

while the other coordinates follow the field, which sees the known ones where training would have
put them at that time. Setting the velocity, not the state, holds at every stage of every solver.
After A. Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models",
CVPR 2022, whose known part is noised to each step's level. Like it, this approximates
p(x | y, x_j): the field's own wish for x_j is dropped, not conditioned on.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float

from unsynth.flow.path import velocity
from unsynth.flow.solver import Field


def inpainted(
    field: Field, x0: Float[torch.Tensor, "items d"], known: Mapping[int, float]
) -> Field:
    """Make the field that brings ``x0`` to ``known``: values of x1 by coordinate.

    Valid for paths that start at this ``x0`` only.
    """
    if not known:
        return field
    places = torch.tensor(list(known), device=x0.device)
    values = x0.new_tensor(list(known.values())).expand(len(x0), -1)
    straight = velocity(x0[:, places], values)

    def v(x: torch.Tensor, t: float) -> torch.Tensor:
        return field(x, t).index_copy(1, places, straight)

    return v
