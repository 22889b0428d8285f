"""A search for the patch nearest to a sound, from a start of scored candidates.

The search keeps a pool of the best candidates and makes new ones by moves
(:mod:`unsynth.search.moves.move`). Each batch comes from one move, chosen with a chance in
proportion to its recent gains per render (:mod:`unsynth.search.shares`). While one batch is
rendered and scored, the next is proposed.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from unsynth.interruption import await_result
from unsynth.models.posterior import Posterior
from unsynth.rendering.renderer import cores
from unsynth.search.candidates import Candidate, Proposal, ScoreProposals, Target
from unsynth.search.moves.catalogue import make_moves
from unsynth.search.moves.move import Move
from unsynth.search.pool import Pool
from unsynth.search.shares import Shares
from unsynth.search.space import Space
from unsynth.tasks.locks import Locks
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: Stop after this many consecutive batches without a new patch.
_MAX_IDLE_BATCHES = 10
#: Draws of the prior in a batch, while there is no candidate to start from.
_PRIOR_BATCH = 16


@dataclass(frozen=True)
class Step:
    """One scored batch: its move, the renders of the search so far, and its candidates.

    Patches that could not be rendered or were silent are counted but give no candidate.
    """

    move: str
    renders: int
    candidates: tuple[Candidate, ...]


def search(
    task: Task,
    target: Target,
    judge: ScoreProposals,
    start: Sequence[Candidate],
    rng: np.random.Generator,
    *,
    unrendered: Sequence[Patch] = (),
    posterior: Posterior | None = None,
    locks: Locks | None = None,
    renders: int | None = None,
    seconds: float = math.inf,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[Step, None, None]:
    """Look for better candidates than those of ``start``.

    Yields a :class:`Step` after each batch; the caller keeps the candidates it wants, and may stop
    at any point. The search ends after ``renders`` renders or ``seconds`` seconds, once
    ``stopped()`` is true, or when the moves propose nothing new. The seconds count from when the
    moves are ready. The same ``rng`` and ``renders`` give the same proposals.

    ``judge`` scores proposals; lower is nearer. It is called in another thread, one call at a time.
    Every proposal keeps the values of ``locks``. A descent also begins with ``unrendered`` patches.

    A limit on renders, not on time, makes descents thorough, and so do dear renders: the search
    then renders fewer patches per second, but each render is worth more.
    """
    clock = _Clock(seconds, stopped)
    space = Space(task, locks)
    thorough = renders is not None
    pool = Pool(space, start)
    with ThreadPoolExecutor(1, "judge") as judging, ThreadPoolExecutor(cores(), "fit") as fitting:
        moves = make_moves(
            *(space, target, start, unrendered, posterior, fitting),
            thorough=thorough,
            stopped=clock.over,
        )
        clock.start()  # not earlier: a sketch may have been compiled
        yield from _Search(space, judge, pool, moves, rng, renders, judging).run(clock.over)


class _Clock:
    """Tells when a search is over: some seconds after the start, or when the user stops it."""

    def __init__(self, seconds: float, stopped: Callable[[], bool]) -> None:
        self._seconds, self._stopped = seconds, stopped
        self._start_time = math.inf

    def start(self) -> None:
        self._start_time = time.perf_counter()

    def over(self) -> bool:
        return self._stopped() or time.perf_counter() - self._start_time >= self._seconds


@dataclass(frozen=True)
class _Batch:
    """The proposals of a move, and their candidates to come; no move is a draw of the prior."""

    move: Move | None
    origin: str
    proposals: list[Proposal]
    candidates: Future[tuple[Candidate, ...]]


class _Search:
    """The loop of one search: choose a move, propose a batch, learn from the batches before."""

    def __init__(
        self,
        space: Space,
        judge: ScoreProposals,
        pool: Pool,
        moves: Sequence[Move],
        rng: np.random.Generator,
        renders: int | None,
        executor: Executor,
    ) -> None:
        self._space, self._judge, self._pool, self._moves = space, judge, pool, moves
        self._shares, self._rng, self._executor = Shares(moves), rng, executor
        #: Renders left to propose; ``None`` is no limit.
        self._renders_left = renders
        self._scored_renders = 0
        self._pending: deque[_Batch] = deque()

    def run(self, over: Callable[[], bool]) -> Iterator[Step]:
        """Yield a step per batch, until the renders are spent or ``over()`` is true."""
        idle_batches = 0
        while idle_batches < _MAX_IDLE_BATCHES and self._has_renders and not over():
            move = self._shares.choose(self._rng) if self._pool.best else None
            sequential = move is None or move.needs_results
            if sequential:
                yield from self._learn(0)
            batch = self._propose(move)
            self._pending.append(batch)
            idle_batches = 0 if batch.proposals else idle_batches + 1
            # One batch may stay pending: the next is proposed while it is scored.
            yield from self._learn(0 if sequential or not batch.proposals else 1)
        yield from self._learn(0)

    @property
    def _has_renders(self) -> bool:
        return self._renders_left is None or self._renders_left > 0

    def _propose(self, move: Move | None) -> _Batch:
        if move is None:
            sample = self._space.task.sample
            patches = [self._space.hold(sample(self._rng)) for _ in range(_PRIOR_BATCH)]
            origin = "prior"
        else:
            patches = move.propose(self._pool.best, move.batch_size, self._rng)
            origin = move.name
        new = self._pool.drop_repeats(patches)[: self._renders_left]
        if self._renders_left is not None:
            self._renders_left -= len(new)
        proposals = [(patch, origin) for patch in new]
        return _Batch(move, origin, proposals, self._executor.submit(self._score, proposals))

    def _score(self, proposals: Sequence[Proposal]) -> tuple[Candidate, ...]:
        return tuple(self._judge(proposals)) if proposals else ()

    def _learn(self, most_pending: int) -> Iterator[Step]:
        """Learn from batches, oldest first, until at most ``most_pending`` are pending."""
        while len(self._pending) > most_pending:
            batch = self._pending.popleft()
            candidates = await_result(batch.candidates)
            gain = self._pool.add(candidates)
            if batch.move is not None:
                batch.move.learn(candidates)
                for other in self._moves:
                    if other is not batch.move:
                        other.learn_from_others(candidates)
                cost = 1.0 + batch.move.extra_cost
                self._shares.credit(batch.move, gain, cost * len(batch.proposals))
            if batch.proposals:
                self._scored_renders += len(batch.proposals)
                yield Step(batch.origin, self._scored_renders, candidates)
