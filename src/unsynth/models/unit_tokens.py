"""Tokens that the task fixes: one for each copy of a unit, one for each parameter of none.

Paper section 3.1: copies of a unit go through one and the same map, and tokens have no positions,
so the field is equivariant under the exchange of copies by construction. With x of d values, value
j belongs to token r(j) and has the vectors z_j and z'_j and the number b_j, which equal those of
the same value in the other copies; e_r is a vector of token r, which the copies share too:

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
    """Of each value its token and its place among the vectors; of each token its kind.

    Values that stand for each other in two copies of a unit have one place, copies one kind.
    """

    tokens: Sequence[int]
    places: Sequence[int]
    kinds: Sequence[int]

    @classmethod
    def of(cls, spec: Spec) -> "Layout":
        """Read a task's units; a parameter that is in none is a token of its own.

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
                at = [j for p in copy for j in range(spec.width)[spec.slices[p]]]
                for offset, j in enumerate(at):
                    tokens[j], places[j] = len(kinds), place + offset
                kinds.append(kind)
            place += len(at)
        return cls(tokens, places, kinds)


class UnitTokens(nn.Module):
    """Both directions, for vectors laid out as a :class:`Layout` says."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        places, tokens, kinds = (
            # On the CPU even where weights are built without memory: files do not hold these.
            torch.tensor(numbers, device="cpu")
            for numbers in (layout.places, layout.tokens, layout.kinds)
        )
        assignment = torch.zeros(len(kinds), len(places), device="cpu")
        assignment[tokens, torch.arange(len(places), device="cpu")] = 1.0
        self._places = nn.Buffer(places, persistent=False)
        self._kinds = nn.Buffer(kinds, persistent=False)
        self._assignment = nn.Buffer(assignment, persistent=False)
        # As linear layers start, by the number of values that a token has.
        sizes = Counter(layout.tokens)
        of_place = dict(zip(layout.places, (sizes[token] for token in layout.tokens), strict=True))
        of_kind = {kind: sizes[token] for token, kind in enumerate(layout.kinds)}
        self.z_in = nn.Parameter(_scaled(of_place, width))
        self.bias_in = nn.Parameter(_scaled(of_kind, width))
        count = len(of_place)
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
        found = (self.z_out[self._places] * (self._assignment.T @ tokens)).sum(dim=-1)
        return found + self.bias_out[self._places]


def _scaled(sizes: Mapping[int, int], width: int) -> torch.Tensor:
    """A row for each number from 0 on, uniform up to 1 / sqrt(its size)."""
    by_number = torch.tensor([float(sizes[number]) for number in range(len(sizes))])
    return _uniform(len(sizes), width) * by_number.rsqrt()[:, None]


def _uniform(*shape: int) -> torch.Tensor:
    return 2.0 * torch.rand(*shape) - 1.0
