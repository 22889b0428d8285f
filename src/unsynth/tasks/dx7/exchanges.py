"""Exchanges of operators and algorithms that leave a DX7 patch's sound unchanged."""

from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.audibility import reaching_carrier
from unsynth.tasks.dx7.layout import OPERATORS

if TYPE_CHECKING:
    pass


@lru_cache(maxsize=4096)
def exchanges(
    number: int, feedback: bool, sounding: tuple[bool, ...]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """List (algorithm, places) where operator i moves to ``places[i]`` and nothing changes."""
    source, target = ALGORITHMS[number].feedback
    if feedback and source != target:
        sounding = (True,) * OPERATORS  # the loops of algorithms 4 and 6 let silent ones through
    heard = reaching_carrier(number, sounding)
    edges, loop = _sounding_graph(number, feedback, heard)
    found = []
    for algorithm in [number, *(a for a in range(len(ALGORITHMS)) if a != number)]:
        if algorithm != number and loop:
            break
        graph = ALGORITHMS[algorithm]
        for places in permutations(range(OPERATORS)):
            if any(
                (i in ALGORITHMS[number].carriers) != (places[i] in graph.carriers)
                for i in range(OPERATORS)
            ):
                continue
            moved_sounding = [False] * OPERATORS
            for i, place in enumerate(places):
                moved_sounding[place] = sounding[i]
            moved_heard = reaching_carrier(algorithm, tuple(moved_sounding))
            if any(moved_heard[places[i]] != heard[i] for i in range(OPERATORS)):
                continue
            moved_edges, moved_loop = _sounding_graph(algorithm, feedback, moved_heard)
            if {(places[a], places[b]) for a, b in edges} != moved_edges:
                continue
            if {(places[a], places[b]) for a, b in loop} != moved_loop:
                continue
            found.append((algorithm, places))
    return tuple(found)


def _sounding_graph(
    number: int, feedback: bool, heard: Bool[np.ndarray, "6"]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Edges between operators that are heard, and the feedback edge if it is."""
    graph = ALGORITHMS[number]
    edges = {(a, b) for a, b in graph.edges if heard[a] and heard[b]}
    source, target = graph.feedback
    loop = {graph.feedback} if feedback and heard[source] and heard[target] else set()
    return edges, loop
