"""The DX7's 32 algorithms: which operator modulates which.

In the table, operators count from 1, as on the panel. In ``"2>1 6>5>4>3 f6"`` operator 2 modulates
1; 6 modulates 5, 5 modulates 4, and 4 modulates 3; and 6 feeds back into itself. ``f4>6`` feeds the
output of 4 back into 6. An operator that modulates no other is a carrier: its output is part of
the sound. Source: Yamaha DX7 Operation Manual, 1983.
"""

import itertools
from dataclasses import dataclass

#: The algorithms in order, in the notation of this module's docstring.
_ALGORITHMS = (
    "2>1 6>5>4>3 f6",
    "2>1 6>5>4>3 f2",
    "3>2>1 6>5>4 f6",
    "3>2>1 6>5>4 f4>6",
    "2>1 4>3 6>5 f6",
    "2>1 4>3 6>5 f5>6",
    "2>1 4>3 6>5>3 f6",
    "2>1 4>3 6>5>3 f4",
    "2>1 4>3 6>5>3 f2",
    "3>2>1 5>4 6>4 f3",
    "3>2>1 5>4 6>4 f6",
    "2>1 4>3 5>3 6>3 f2",
    "2>1 4>3 5>3 6>3 f6",
    "2>1 5>4>3 6>4 f6",
    "2>1 5>4>3 6>4 f2",
    "2>1 4>3>1 6>5>1 f6",
    "2>1 4>3>1 6>5>1 f2",
    "2>1 3>1 6>5>4>1 f3",
    "3>2>1 6>4 6>5 f6",
    "3>1 3>2 5>4 6>4 f3",
    "3>1 3>2 6>4 6>5 f3",
    "2>1 6>3 6>4 6>5 f6",
    "3>2 6>4 6>5 f6",
    "6>3 6>4 6>5 f6",
    "6>4 6>5 f6",
    "3>2 5>4 6>4 f6",
    "3>2 5>4 6>4 f3",
    "2>1 5>4>3 f5",
    "4>3 6>5 f6",
    "5>4>3 f5",
    "6>5 f6",
    "f6",
)


@dataclass(frozen=True)
class Algorithm:
    """One algorithm, with operators counted from 0.

    ``edges`` holds (modulator, modulated operator) pairs, and ``feedback`` is one such pair.
    """

    edges: frozenset[tuple[int, int]]
    carriers: frozenset[int]
    feedback: tuple[int, int]


def _parse(text: str) -> Algorithm:
    *chains, feedback = text.split()
    edges = set()
    for chain in chains:
        operators = [int(op) - 1 for op in chain.split(">")]
        edges |= set(itertools.pairwise(operators))
    ends = [int(op) - 1 for op in feedback[1:].split(">")]
    carriers = set(range(6)) - {modulator for modulator, _ in edges}
    return Algorithm(frozenset(edges), frozenset(carriers), (ends[0], ends[-1]))


#: ``ALGORITHMS[0]`` is algorithm 1.
ALGORITHMS = tuple(_parse(text) for text in _ALGORITHMS)
