"""The moves of a search. To add one, write it in a file beside this one and list it here."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate, Target
from unsynth.search.moves.descent import Descent, Polish
from unsynth.search.moves.evolution import Evolution
from unsynth.search.moves.linear import Linear
from unsynth.search.moves.mixing import Crossover, Discrete, Genetic, Mutation
from unsynth.search.moves.move import Move
from unsynth.search.moves.sampling import Renoising, Sampling
from unsynth.search.space import Space
from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.compiled import compiling
from unsynth.tasks.spec import Patch


def make_moves(
    space: Space,
    target: Target,
    start: Sequence[Candidate],
    unrendered: Sequence[Patch],
    posterior: Posterior | None,
    fitting: Executor,
    *,
    thorough: bool,
    stopped: Callable[[], bool],
) -> list[Move]:
    """Make the moves that a task allows, in the order of their first batches.

    The first descent fits the patches of ``start`` and the ``unrendered`` ones. Descent and polish
    need a sketch of the task's engine; sampling and re-noising need a ``posterior``. ``thorough``
    descents take more steps per render; where renders are dear, all are thorough. Descents run in
    the threads of ``fitting``; once ``stopped()`` is true, they end early.

    With a sketch, only the moves that gain most are tried before moves are chosen by chance.

    Raises :class:`~unsynth.errors.EngineError` if a sketch cannot be compiled.
    """
    moves: list[Move] = []
    sketch = sketch_of(space.task)
    if sketch is not None:
        with compiling():
            from unsynth.search.downhill import Downhill
        downhill = Downhill(space, sketch, target.audio, fitting, stopped)
        patches = [*(candidate.patch for candidate in start), *unrendered]
        thorough = thorough or sketch.dear_renders
        moves += [Descent(space, downhill, patches, thorough), Polish(space, downhill)]
    mutation = Mutation(space)
    moves += [mutation, Crossover(space, mutation), Discrete(space), Evolution(space)]
    moves += [Genetic(space, start), Linear(space, target.fast_distance)]
    if posterior is not None:
        moves.append(Sampling(space, posterior, target.audio))
        if posterior.is_flow:
            moves.append(Renoising(space, posterior, target.audio))
    if sketch is not None:
        first = {"descent", "polish"} if sketch.dear_renders else {"descent", "polish", "linear"}
        for move in moves:
            move.tried_first = move.name in first
    return moves
