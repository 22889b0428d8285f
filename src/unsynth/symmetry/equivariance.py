"""How far a velocity field is from equivariant under an exchange.

Where g leaves every sound as it is, the velocity that flow matching looks for satisfies
v(g·x, t | y) = g·v(x, t | y) (paper section 3.1). The error of a field is

    ‖v(g·x, t | y) - g·v(x, t | y)‖ / ‖v(x, t | y)‖,

with root mean squares over items: 0 for an equivariant field, and about sqrt(2) where the two
velocities have nothing in common and g moves all coordinates.

A conditional exchange counts only in items whose patch meets its condition. Even the best field
then has an error above 0 at early times, where it cannot know yet whether x will meet it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from unsynth.flow.guidance import ConditionalField


@torch.no_grad()
def equivariance_errors(
    field: ConditionalField,
    x: Float[torch.Tensor, "items d"],
    t: float,
    conditioning: Float[torch.Tensor, "items layers width"],
    rows: Int[np.ndarray, "exchanges d"],
    holds: Bool[np.ndarray, "exchanges items"] | None = None,
) -> Float[np.ndarray, " exchanges"]:
    """Measure a field's error under each exchange, ``x[row]``, at points of one time.

    Without ``holds`` every item counts. An exchange without items has the error NaN.

    >>> rows = np.array([[1, 0]])
    >>> x, y = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 1, 1)
    >>> equivariance_errors(lambda x, t, y: x * torch.tensor([1.0, 0.0]), x, 0.5, y, rows).tolist()
    [1.6666666269302368]
    """
    v = field(x, x.new_full((len(x),), t), conditioning)
    errors = np.full(len(rows), np.nan)
    for exchange, row in enumerate(rows):
        items = np.arange(len(x)) if holds is None else np.flatnonzero(holds[exchange])
        if not len(items):
            continue
        some, order = (torch.from_numpy(places).to(x.device) for places in (items, row))
        image = field(x[some][:, order], x.new_full((len(some),), t), conditioning[some])
        difference = (image - v[some][:, order]).square().mean()
        errors[exchange] = (difference / v[some].square().mean()).sqrt().item()
    return errors


def token_shares(
    assignment: Float[torch.Tensor, "tokens values"], units: Sequence[int]
) -> Float[np.ndarray, " tokens"]:
    """Compute how much of each row of the absolute A belongs to one unit, the one with most of it.

    ``units`` numbers the unit of each value; -1 is none. 1 is a token of one unit; where all
    entries are equal, it is the largest unit's share of the values.

    >>> token_shares(torch.tensor([[2.0, -1.0, 1.0, 0.0]]), [0, 0, 1, -1]).tolist()
    [0.75]
    """
    weights = assignment.detach().abs().double().cpu().numpy()
    numbers = np.asarray(units)
    sums = np.stack(
        [weights[:, numbers == u].sum(axis=1) for u in np.unique(numbers[numbers >= 0])]
    )
    return sums.max(axis=0) / np.maximum(weights.sum(axis=1), np.finfo(float).tiny)
