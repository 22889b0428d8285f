"""Exchanges of operators and algorithms that leave the sound of a DX7 patch as it is.

They depend on the patch: the paper calls this a conditional symmetry (section 3.1). Operators that
hold the same place in the algorithm's graph may change places, and without feedback several
algorithms are one and the same.
"""

from functools import lru_cache
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.audibility import reaching_carrier, silent
from unsynth.tasks.dx7.layout import OPERATORS, WIDTH, Layout


def symmetries(
    layout: Layout, patch: Float[np.ndarray, " parameters"]
) -> Int[np.ndarray, "images d"]:
    """List the exchanges of operators and algorithms that keep the sound and the prior density.

    Carriers stay carriers and modulators stay modulators, which keeps the density. If feedback is
    audible the algorithm stays, since algorithms scale their feedback differently.

    Row 0 is the identity; see :meth:`unsynth.tasks.task.Task.symmetries`.
    """
    number, feedback = int(patch[layout.algorithm]), bool(patch[layout.feedback] > 0)
    sounding = tuple((~silent(layout.operators(patch))).tolist())
    spec = layout.spec
    starts = [spec.slices[i * WIDTH].start for i in range(OPERATORS)]
    width = starts[1] - starts[0]
    one_hot = spec.slices[layout.algorithm].start
    rows = []
    for algorithm, places in exchanges(number, feedback, sounding):
        row = np.arange(spec.width)
        for i, place in enumerate(places):
            row[starts[place] : starts[place] + width] = range(starts[i], starts[i] + width)
        row[[one_hot + number, one_hot + algorithm]] = one_hot + algorithm, one_hot + number
        rows.append(row)
    return np.stack(rows)


@lru_cache(maxsize=4096)
def exchanges(
    number: int, feedback: bool, sounding: tuple[bool, ...]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """List pairs (algorithm, places) that leave the sound as it is, the identity first.

    Operator i moves to ``places[i]`` of the algorithm; all count from 0.
    """
    source, target = ALGORITHMS[number].feedback
    if feedback and source != target:
        # The feedback loops of algorithms 4 and 6 let silent operators through.
        sounding = (True,) * OPERATORS
    carriers = ALGORITHMS[number].carriers
    audible = reaching_carrier(number, sounding)
    edges, loop = _audible_graph(number, feedback, audible)
    pairs = []
    for algorithm in [number, *(a for a in range(len(ALGORITHMS)) if a != number)]:
        if algorithm != number and loop:
            break
        for places in _placements(carriers, ALGORITHMS[algorithm].carriers):
            moved_sounding = [False] * OPERATORS
            for i, place in enumerate(places):
                moved_sounding[place] = sounding[i]
            moved_audible = reaching_carrier(algorithm, tuple(moved_sounding))
            if any(moved_audible[place] != audible[i] for i, place in enumerate(places)):
                continue
            moved_edges, moved_loop = _audible_graph(algorithm, feedback, moved_audible)
            if {(places[a], places[b]) for a, b in edges} != moved_edges:
                continue
            if {(places[a], places[b]) for a, b in loop} != moved_loop:
                continue
            pairs.append((algorithm, places))
    return tuple(pairs)


@lru_cache(maxsize=1024)
def _placements(
    carriers: frozenset[int], carrier_places: frozenset[int]
) -> tuple[tuple[int, ...], ...]:
    """List the permutations that keep carriers carriers, in lexicographic order.

    Operator i moves to ``places[i]``.
    """
    if len(carriers) != len(carrier_places):
        return ()
    modulators, modulator_places = (
        frozenset(range(OPERATORS)) - each for each in (carriers, carrier_places)
    )
    placements = []
    for first in permutations(carrier_places):
        for second in permutations(modulator_places):
            places = dict(zip([*carriers, *modulators], [*first, *second], strict=True))
            placements.append(tuple(places[i] for i in range(OPERATORS)))
    return tuple(sorted(placements))


def _audible_graph(
    number: int, feedback: bool, audible: Bool[np.ndarray, "6"]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Return the edges between audible operators, and the feedback edge if it is audible."""
    graph = ALGORITHMS[number]
    edges = {(a, b) for a, b in graph.edges if audible[a] and audible[b]}
    source, target = graph.feedback
    loop = {graph.feedback} if feedback and audible[source] and audible[target] else set()
    return edges, loop
