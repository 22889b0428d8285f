"""The rectified path from noise to data, and the velocity along it.

    x_t = (1 - t) x0 + t x1,        dx_t/dt = x1 - x0

Paper section 4, after X. Liu, C. Gong, Q. Liu, "Flow Straight and Fast: Learning to Generate
and Transfer Data with Rectified Flow", ICLR 2023. A field v(x_t, t | y) that minimises the mean
square of ``v - (x1 - x0)`` carries noise to p(x | y) (Y. Lipman et al., "Flow Matching for
Generative Modeling", ICLR 2023).
"""

import torch
from jaxtyping import Float


def point(
    x0: Float[torch.Tensor, "items d"],
    x1: Float[torch.Tensor, "items d"],
    t: Float[torch.Tensor, " items"],
) -> Float[torch.Tensor, "items d"]:
    """Compute x_t, each item at its own time in [0, 1].

    >>> point(torch.zeros(1, 1), torch.ones(1, 1), torch.tensor([0.25]))
    tensor([[0.2500]])
    """
    return torch.lerp(x0, x1, t[:, None])


def velocity(
    x0: Float[torch.Tensor, "items d"], x1: Float[torch.Tensor, "items d"]
) -> Float[torch.Tensor, "items d"]:
    """Compute dx_t/dt, which is the same at every t.

    >>> velocity(torch.zeros(1, 1), torch.ones(1, 1))
    tensor([[1.]])
    """
    return x1 - x0
