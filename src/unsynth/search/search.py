"""A search for the patch nearest to a sound, from whatever is known at its start.

It keeps a pool of the best candidates found and makes new ones by moves
(:mod:`unsynth.search.moves.move`). Each batch goes to one move, drawn by what the moves have lately
gained a render: the budget goes to what is improving. While a batch is rendered and heard, the next
is made.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate, Proposal, ScoreProposals, Target
from unsynth.search.downhill import Downhill
from unsynth.search.moves.descent import Descent, Polish
from unsynth.search.moves.evolution import Evolution
from unsynth.search.moves.linear import Linear
from unsynth.search.moves.mixing import Crossover, Discrete, Genetic, Mutation
from unsynth.search.moves.move import Move
from unsynth.search.moves.sampling import Renoising, Sampling
from unsynth.search.pool import BestPool
from unsynth.search.shares import Shares
from unsynth.search.space import Space
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.locks import Locks
from unsynth.tasks.task import Task

#: Batches in a row of nothing but what was tried before, after which the search has nothing to do.
_NOTHING_NEW = 10
#: Draws of the prior at a time, where there is nothing to begin with.
_DRAWS = 16


@dataclass(frozen=True)
class Step:
    """A batch: the move that made it, the renders of the search so far, and what was heard."""

    move: str
    tried: int
    found: tuple[Candidate, ...]


def search(
    task: Task,
    target: Target,
    judge: ScoreProposals,
    start: Sequence[Candidate],
    rng: np.random.Generator,
    *,
    posterior: Posterior | None = None,
    locks: Locks | None = None,
    renders: int | None = None,
    seconds: float = math.inf,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[Step, None, None]:
    """Look for better candidates than those of ``start``, until ``renders`` or ``seconds`` are up
    or ``stopped()`` becomes true.

    Where renders are granted, more is done before each: they are fewer a second, and worth more.
    Yields a :class:`Step` after each batch; the caller keeps what it wants, and may stop at any
    point. ``judge`` scores proposals, lower being nearer; it is called in another thread, one call
    at a time. Every proposal keeps the values of ``locks``. The search ends early where it finds
    nothing new to try. The same ``rng`` and ``renders`` give the same proposals.
    """
    began = math.inf  # until all moves are made

    def over() -> bool:
        return stopped() or time.perf_counter() - began >= seconds

    space = Space(task, locks)
    mutation = Mutation(space)
    moves: list[Move] = [mutation, Crossover(space, mutation), Discrete(space), Evolution(space)]
    sketch = sketch_of(task)
    if sketch is not None:
        downhill = Downhill(space, sketch, target.audio, over)
        begun = [candidate.patch for candidate in start]
        descent = Descent(space, downhill, begun, thorough=renders is not None)
        moves = [descent, Polish(space, downhill), *moves]
    genetic = Genetic(space)
    genetic.learn(start)
    moves.append(genetic)
    moves.append(Linear(space, target.fast_distance))
    if posterior is not None:
        moves.append(Sampling(space, posterior, target.audio))
        if posterior.is_flow:
            moves.append(Renoising(space, posterior, target.audio))
    pool, shares = BestPool(space, start), Shares(moves)
    began = time.perf_counter()
    waiting: deque[_Batch] = deque()
    tried = heard = idle = 0

    def proposed(move: Move | None) -> _Batch:
        if move is None:
            name, patches = "prior", [space.hold(task.sample(rng)) for _ in range(_DRAWS)]
        else:
            name, patches = move.name, move.propose(pool.best, move.batch, rng)
        left = None if renders is None else renders - tried
        new = [(patch, name) for patch in pool.new(patches)][:left]
        return _Batch(move, name, new, worker.submit(_judged, judge, new))

    def learnt(most: int) -> Iterator[Step]:
        """Learn what was heard of batches, oldest first, until ``most`` are left."""
        nonlocal heard
        while len(waiting) > most:
            batch = waiting.popleft()
            found = batch.heard.result()
            gain = pool.add(found)
            if batch.move is not None:
                batch.move.learn(found)
                for other in moves:
                    if other is not batch.move:
                        other.watch(found)
                each = 1.0 + batch.move.cost
                shares.credit(batch.move, gain, each * len(batch.proposals))
            if batch.proposals:
                heard += len(batch.proposals)
                yield Step(batch.name, heard, found)

    with ThreadPoolExecutor(1, "judge") as worker:
        while idle < _NOTHING_NEW and (renders is None or tried < renders):
            if over():
                break
            move = shares.choose(rng) if pool.best else None
            alone = move is None or move.asks
            if alone:
                yield from learnt(0)
            waiting.append(proposed(move))
            new = len(waiting[-1].proposals)
            tried, idle = tried + new, 0 if new else idle + 1
            # While one batch is heard the next is made, where it need not know what that says.
            yield from learnt(0 if alone or not new else 1)
        yield from learnt(0)


@dataclass(frozen=True)
class _Batch:
    """What a move has proposed, and what will be heard of it; no move is a draw of the prior."""

    move: Move | None
    name: str
    proposals: list[Proposal]
    heard: Future[tuple[Candidate, ...]]


def _judged(judge: ScoreProposals, proposals: Sequence[Proposal]) -> tuple[Candidate, ...]:
    return tuple(judge(proposals)) if proposals else ()
