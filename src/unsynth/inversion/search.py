"""A search for the patch nearest to a sound, from whatever is known at its start.

It keeps a pool of the best candidates found and makes new ones by moves
(:mod:`unsynth.inversion.moves`). Each batch goes to one move, drawn by what the moves have lately
gained a render: the budget goes to what is improving. While a batch is rendered and heard, the next
is made.
"""

import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unsynth.inversion.candidates import Candidate, Judge, Proposal, Target
from unsynth.inversion.descent import Descent, Downhill, Polish
from unsynth.inversion.moves import (
    Crossover,
    Discrete,
    Evolution,
    Genetic,
    Linear,
    Move,
    Mutation,
    Patch,
    Renoising,
    Sampling,
    Space,
)
from unsynth.inversion.posterior import Posterior
from unsynth.metrics.fast import FastSpectral
from unsynth.tasks.sketch import Sketched
from unsynth.tasks.task import Task

#: How many candidates new ones are made of.
POOL = 24
#: Mean difference of two vectors, whose ranges are 2, below which they are much alike.
ALIKE = 0.01
#: What the pool's mean counts beside its best, where a move's gain is measured.
_MEAN = 0.25
#: What is forgotten of a move's gains with each of its batches, and its least share of them.
_FORGETTING, _LEAST = 0.2, 0.025
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
    judge: Judge,
    start: Sequence[Candidate],
    rng: np.random.Generator,
    *,
    posterior: Posterior | None = None,
    locked: Mapping[str, float] = {},
    renders: int | None = None,
    seconds: float = math.inf,
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[Step, None, None]:
    """Look for better candidates than those of ``start``, until ``renders`` or ``seconds`` are up
    or ``stopped()`` becomes true.

    Where renders are granted, more is done before each: they are fewer a second, and worth more.
    Yields a :class:`Step` after each batch; the caller keeps what it wants, and may stop at any
    point. ``judge`` scores proposals, lower being nearer; it is called in another thread, one call
    at a time. Parameters in ``locked`` have its values
    in every proposal. The search ends early where it finds nothing new to try. The same ``rng``
    and ``renders`` give the same proposals. Raises :class:`~unsynth.errors.PatchError` for a lock
    that the task has not.
    """
    began = math.inf  # until all moves are made

    def over() -> bool:
        return stopped() or time.perf_counter() - began >= seconds

    space = Space(task, locked)
    mutation = Mutation(space)
    moves: list[Move] = [mutation, Crossover(space, mutation), Discrete(space), Evolution(space)]
    if isinstance(task, Sketched):
        downhill = Downhill(space, task, target.audio, over)
        begun = [candidate.patch for candidate in start]
        descent = Descent(space, downhill, begun, thorough=renders is not None)
        moves = [descent, Polish(space, downhill), *moves]
    genetic = Genetic(space)
    genetic.learn(start)
    moves.append(genetic)
    distance = FastSpectral(target.audio, target.sample_rate)
    moves.append(Linear(space, distance))
    if posterior is not None:
        moves.append(Sampling(space, posterior, target.audio))
        if posterior.is_flow:
            moves.append(Renoising(space, posterior, target.audio))
    pool, shares = _Pool(space, start), _Shares(moves)
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


def _judged(judge: Judge, proposals: Sequence[Proposal]) -> tuple[Candidate, ...]:
    return tuple(judge(proposals)) if proposals else ()


class _Pool:
    """The best candidates, no two of them much alike, and all patches that were tried.

    One that is much like another takes its place if it is better, so that a lineage that is being
    refined does not push all others out.
    """

    def __init__(self, space: Space, start: Sequence[Candidate]) -> None:
        self._space = space
        self.best: list[Candidate] = []
        self._vectors = np.empty((0, space.task.spec.width))
        self._tried: set[bytes] = set()
        self.new([candidate.patch for candidate in start])
        self.add(start)

    def new(self, patches: Sequence[Patch]) -> list[Patch]:
        """Leave out patches that were tried, and remember the others."""
        new = []
        for patch in patches:
            heard = self._space.task.active(patch)
            key = np.where(heard, patch, np.nan).tobytes()
            if key not in self._tried:
                self._tried.add(key)
                new.append(patch)
        return new

    def add(self, found: Sequence[Candidate]) -> float:
        """Keep the best; return how much nearer its best and its mean have come, relatively."""
        if not found:
            return 0.0
        before = [candidate.score for candidate in self.best]
        for candidate, x in zip(found, self._space.encode([c.patch for c in found]), strict=True):
            self._insert(candidate, x)
        after = [candidate.score for candidate in self.best]
        if not before or not after[0]:
            return 0.0
        return (before[0] - after[0] + _MEAN * float(np.mean(before) - np.mean(after))) / after[0]

    def _insert(self, candidate: Candidate, x: Float[np.ndarray, " d"]) -> None:
        alike = np.flatnonzero(np.abs(self._vectors - x).mean(axis=1) < ALIKE)
        if any(self.best[i].score <= candidate.score for i in alike):
            return
        keep = np.setdiff1d(np.arange(len(self.best)), alike)
        best = [self.best[i] for i in keep]
        at = bisect_left([c.score for c in best], candidate.score)
        self.best = [*best[:at], candidate, *best[at:]][:POOL]
        self._vectors = np.insert(self._vectors[keep], at, x, axis=0)[:POOL]


class _Shares:
    """Which move gets the next batch: chances in proportion to what each gained a render."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self._moves = moves
        self._gains = {move.name: 0.0 for move in moves}
        self._untried = list(moves)
        #: A move that has not finished, and its gain and renders so far.
        self._open: Move | None = None
        self._gain, self._renders = 0.0, 0.0

    def choose(self, rng: np.random.Generator) -> Move:
        """Draw a move; each of them once before any of them twice, unfinished ones at once."""
        if self._open is not None:
            return self._open
        if self._untried:
            return self._untried.pop(0)
        gains = np.array([self._gains[move.name] for move in self._moves])
        chances = gains / gains.sum() if gains.sum() > 0 else np.full(len(gains), 1 / len(gains))
        chances = _LEAST + (1.0 - _LEAST * len(gains)) * chances
        return self._moves[int(rng.choice(len(gains), p=chances))]

    def credit(self, move: Move, gain: float, renders: float) -> None:
        """Take note of what a batch has gained, with what prepared it."""
        self._gain += max(0.0, gain)
        self._renders += renders
        self._open = move if move.unfinished else None
        if self._open is None:
            each = self._gain / max(1, self._renders)
            self._gains[move.name] += _FORGETTING * (each - self._gains[move.name])
            self._gain, self._renders = 0.0, 0.0
