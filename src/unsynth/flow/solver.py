"""Solvers of dx/dt = v(x, t) from noise at t = 0 to data at t = 1.

Euler, midpoint and RK4 are explicit Runge-Kutta methods of order 1, 2 and 4 in equal steps, which
call the field once, twice and four times per step. The paper (section 4) takes 100 steps of RK4.
The adaptive solver chooses its steps by an estimate of its error: scipy's method of order 5
(J. Dormand, P. Prince, "A family of embedded Runge-Kutta formulae", 1980).
"""

from collections.abc import Callable
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float

#: ``v(x, t)`` with ``x (items, d)`` and one time for all items.
Field = Callable[[torch.Tensor, float], torch.Tensor]
_Step = Callable[[Field, torch.Tensor, float, float], torch.Tensor]


class Solver(Enum):
    """A solver, by its name in experiment and weight files."""

    EULER = "euler"
    MIDPOINT = "midpoint"
    RK4 = "rk4"
    ADAPTIVE = "adaptive"


def solve(
    field: Field,
    x0: Float[torch.Tensor, "items d"],
    steps: int,
    solver: Solver = Solver.RK4,
    tolerance: float = 1e-4,
    start: float = 0.0,
) -> Float[torch.Tensor, "items d"]:
    """Solve from ``x0`` at t = ``start`` to t = 1 in equal steps.

    The adaptive solver ignores ``steps``. It takes as many as all items together need for an error
    of about ``tolerance`` in each; the others ignore ``tolerance``. It gives NaN for
    a field that is not finite.

    >>> solve(lambda x, t: 2 * torch.ones_like(x), torch.zeros(1, 2), steps=10)
    tensor([[2.0000, 2.0000]])
    """
    if solver is Solver.ADAPTIVE:
        return _adaptive(field, x0, tolerance, start)
    advance, h = _STEPS[solver], (1.0 - start) / steps
    x = x0
    for i in range(steps):
        x = advance(field, x, start + i * h, h)
    return x


def _euler(v: Field, x: torch.Tensor, t: float, h: float) -> torch.Tensor:
    return x + h * v(x, t)


def _midpoint(v: Field, x: torch.Tensor, t: float, h: float) -> torch.Tensor:
    return x + h * v(x + 0.5 * h * v(x, t), t + 0.5 * h)


def _rk4(v: Field, x: torch.Tensor, t: float, h: float) -> torch.Tensor:
    k1 = v(x, t)
    k2 = v(x + 0.5 * h * k1, t + 0.5 * h)
    k3 = v(x + 0.5 * h * k2, t + 0.5 * h)
    k4 = v(x + h * k3, t + h)
    return x + (h / 6.0) * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


_STEPS: dict[Solver, _Step] = {
    Solver.EULER: _euler,
    Solver.MIDPOINT: _midpoint,
    Solver.RK4: _rk4,
}


def _adaptive(v: Field, x0: torch.Tensor, tolerance: float, start: float) -> torch.Tensor:
    from scipy.integrate import solve_ivp  # 0.1 s, for which a match need not wait

    def slope(t: float, flat: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(flat).to(x0).view_as(x0)
        return v(x, float(t)).cpu().double().numpy().ravel()

    flat = x0.cpu().double().numpy().ravel()
    solution = solve_ivp(slope, (start, 1.0), flat, rtol=tolerance, atol=tolerance, t_eval=[1.0])
    if not solution.success:  # its steps became too small: the field is not finite
        return torch.full_like(x0, torch.nan)
    return torch.from_numpy(solution.y[:, -1]).to(x0).view_as(x0)
