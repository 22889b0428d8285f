"""Solvers of dx/dt = v(x, t) from noise at t = 0 to data at t = 1.

Explicit Runge-Kutta methods of order 1, 2 and 4 in equal steps; the paper (section 4) takes 100
steps of RK4. The field is called once, twice or four times a step. The adaptive one chooses its
steps by an estimate of its error (J. Dormand, P. Prince, "A family of embedded Runge-Kutta
formulae", 1980, order 5; scipy's).
"""

from collections.abc import Callable
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp

#: ``v(x, t)`` with ``x (items, d)`` and one time for all items.
Field = Callable[[torch.Tensor, float], torch.Tensor]
_Step = Callable[[Field, torch.Tensor, float, float], torch.Tensor]


class Solver(Enum):
    """A method, by name."""

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
    """Carry ``x0`` from t = ``start`` (0: it is noise) to t = 1 in equal steps.

    The adaptive solver takes the steps that all items together need for an error of about
    ``tolerance`` in each, and ``steps`` does not count.
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
    def slope(t: float, flat: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(flat).to(x0).view_as(x0)
        return v(x, float(t)).double().cpu().numpy().ravel()

    flat = x0.double().cpu().numpy().ravel()
    found = solve_ivp(slope, (start, 1.0), flat, rtol=tolerance, atol=tolerance, t_eval=[1.0])
    return torch.from_numpy(found.y[:, -1]).to(x0).view_as(x0)
