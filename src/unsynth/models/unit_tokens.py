"""Tokens that the task fixes: one per copy of a unit, and one per parameter outside all units.

Paper section 3.1: all copies of a unit go through the same map, and tokens have no positions, so
the field is equivariant under exchanges of copies by construction. x has d values. Value j belongs
to token r(j) and has the vectors z_j and z'_j and the number b_j, equal to those of the same value
in the other copies. Token r has the vector e_r, which copies share too:

    X_r = e_r + sum over j of token r of x_j z_j,        v_j = z'_j . X_r(j) + b_j.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import nn

from unsynth.tasks.spec import Spec


@dataclass(frozen=True)
class Layout:
    """The token and the place of each value, and the kind of each token.

    A place numbers the vectors z: corresponding values of two copies of a unit have the same place.
    Copies of a unit have the same kind.
    """

    tokens: Sequence[int]
    places: Sequence[int]
    kinds: Sequence[int]

    @classmethod
    def of(cls, spec: Spec) -> "Layout":
        """Lay out a task's vector by its units. A parameter in no unit is a token of its own.

        >>> from unsynth.tasks.parameter import Integer
        >>> from unsynth.tasks.spec import Unit
        >>> numbers = tuple(Integer(name, 0, 9) for name in ("a1", "b1", "a2", "b2", "volume"))
        >>> layout = Layout.of(Spec(numbers, (Unit("oscillator", ((0, 1), (2, 3))),)))
        >>> layout.tokens, layout.places, layout.kinds
        ([0, 0, 1, 1, 2], [0, 1, 0, 1, 2], [0, 0, 1])
        """
        tokens, places = [-1] * spec.width, [-1] * spec.width
        kinds: list[int] = []
        place = 0
        alone = set(range(len(spec.parameters)))
        blocks = [[list(copy) for copy in unit.members] for unit in spec.units]
        alone -= {position for copies in blocks for copy in copies for position in copy}
        blocks += [[[position]] for position in sorted(alone)]
        for kind, copies in enumerate(blocks):
            for copy in copies:
                values = [j for p in copy for j in range(spec.width)[spec.slices[p]]]
                for offset, j in enumerate(values):
                    tokens[j], places[j] = len(kinds), place + offset
                kinds.append(kind)
            place += len(values)
        return cls(tokens, places, kinds)


class UnitTokens(nn.Module):
    """The maps in both directions, for vectors with a :class:`Layout`."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        places, tokens, kinds = (
            # On the CPU even if weights are built on the meta device: files do not hold these.
            torch.tensor(numbers, device="cpu")
            for numbers in (layout.places, layout.tokens, layout.kinds)
        )
        assignment = torch.zeros(len(kinds), len(places), device="cpu")
        assignment[tokens, torch.arange(len(places), device="cpu")] = 1.0
        self._places = nn.Buffer(places, persistent=False)
        self._kinds = nn.Buffer(kinds, persistent=False)
        self._assignment = nn.Buffer(assignment, persistent=False)
        # Like a linear layer at the start: uniform, scaled by the number of a token's values.
        sizes = Counter(layout.tokens)
        place_sizes = dict(
            zip(layout.places, (sizes[token] for token in layout.tokens), strict=True)
        )
        kind_sizes = {kind: sizes[token] for token, kind in enumerate(layout.kinds)}
        self.z_in = nn.Parameter(_scaled(place_sizes, width))
        self.bias_in = nn.Parameter(_scaled(kind_sizes, width))
        count = len(place_sizes)
        self.z_out = nn.Parameter(_uniform(count, width) / math.sqrt(width))
        self.bias_out = nn.Parameter(_uniform(count) / math.sqrt(width))

    def to_tokens(
        self, x: Float[torch.Tensor, "items values"]
    ) -> Float[torch.Tensor, "items tokens width"]:
        """Map values to tokens."""
        return (
            self._assignment @ (x[..., None] * self.z_in[self._places])
            + (self.bias_in[self._kinds])
        )

    def to_values(
        self, tokens: Float[torch.Tensor, "items tokens width"]
    ) -> Float[torch.Tensor, "items values"]:
        """Map tokens to values."""
        products = (self.z_out[self._places] * (self._assignment.T @ tokens)).sum(dim=-1)
        return products + self.bias_out[self._places]


def _scaled(sizes: Mapping[int, int], width: int) -> torch.Tensor:
    """Draw a row per number 0, 1, ..., uniform in ±1 / sqrt(size of that number)."""
    by_number = torch.tensor([float(sizes[number]) for number in range(len(sizes))])
    return _uniform(len(sizes), width) * by_number.rsqrt()[:, None]


def _uniform(*shape: int) -> torch.Tensor:
    return 2.0 * torch.rand(*shape) - 1.0
