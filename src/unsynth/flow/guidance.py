"""Classifier-free guidance.

    v = v_u + w (v_c - v_u)

with v_c the field given the sound and v_u the field given the learned "no sound"; w = 1 is
p(x | y), and the paper (section 4) samples with w = 2. J. Ho, T. Salimans, "Classifier-Free
Diffusion Guidance", 2021; Q. Zheng et al., "Guided Flows", 2023.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float

from unsynth.flow.solver import Field

#: ``v(x, t, conditioning)`` with one time per item.
ConditionalField = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def guided_field(
    field: ConditionalField,
    conditioning: Float[torch.Tensor, "items layers width"],
    unconditional: Float[torch.Tensor, "items layers width"],
    w: float,
) -> Field:
    """Make the guided field of some items.

    One call of the field evaluates v_u and v_c as one batch; w = 1 needs v_c alone.
    """
    if w == 1.0:
        return lambda x, t: field(x, x.new_full((len(x),), t), conditioning)
    both = torch.cat([unconditional, conditioning])

    def v(x: torch.Tensor, t: float) -> torch.Tensor:
        v_u, v_c = field(x.repeat(2, 1), x.new_full((2 * len(x),), t), both).chunk(2)
        return v_u + w * (v_c - v_u)

    return v
