"""The judge renders proposals, scores them and keeps the best; it makes all candidates of a match.

Sounds are large, so only the best candidates are kept, and only a few of each structure (a patch's
audible categories): a search that has settled on one structure does not displace all others.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float, Float32

from unsynth.data.draws import audible
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.search.candidates import Candidate, HistoryPoint, Proposal, Target
from unsynth.tasks.structure import structure
from unsynth.tasks.task import Task

#: Distances of estimates, ``(items, channels, samples)``, to the target in dB; 0 is identical.
DistanceFunction = Callable[
    [Float32[np.ndarray, "items channels samples"]], Float[np.ndarray, " items"]
]


class Distance(Enum):
    """The distance that a search minimises: MSS, or a faster one with nearly the same ranking.

    The fast distance takes a third of the time (:mod:`unsynth.metrics.fast`).
    """

    FAST = "fast"
    MSS = "mss"

    def to(self, target: Target) -> DistanceFunction:
        """Return the function that measures distances to a target, in dB."""
        match self:
            case Distance.FAST:
                return target.fast_distance
            case Distance.MSS:
                return MultiScaleSpectral(target.audio, target.sample_rate)


#: The most candidates that are kept.
_MAX_KEPT = 160
#: The most candidates of one structure that are kept.
_MAX_PER_STRUCTURE = 16


@dataclass(frozen=True, eq=False)
class _Entry:
    candidate: Candidate
    structure: bytes


class Judge:
    """A :data:`~unsynth.search.candidates.ScoreProposals` that works on several sounds at once.

    Once ``stopped()`` is true it starts no more renders. ``history`` has a point for each time the
    best score fell. Close it after use.

    A score is ``distance`` plus the cost of energy below 20 Hz (:mod:`unsynth.metrics.subsonic`).
    """

    def __init__(
        self,
        task: Task,
        target: Target,
        renderer: Renderer,
        distance: DistanceFunction,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._task = task
        self._renderer = renderer
        self._sample_rate = target.sample_rate
        self._distance, self._subsonic_cost = distance, target.subsonic_cost
        self._stopped = stopped
        # Torch's own threads would share each small operation and mostly wait for one another.
        self._torch_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self._executor = ThreadPoolExecutor(renderer.workers, "score")
        self._entries: list[_Entry] = []
        self._per_structure: Counter[bytes] = Counter()
        self._start_time = time.perf_counter()
        self.renders = 0
        self.history: list[HistoryPoint] = []

    def __call__(
        self, proposals: Iterable[Proposal], seconds: float = math.inf
    ) -> Iterator[Candidate]:
        """Yield a candidate for each patch that renders and is audible, in order.

        After ``seconds`` no more renders are started.
        """
        task, proposals, deadline = self._task, list(proposals), time.perf_counter() + seconds
        requests = (
            (task.engine_patch(patch), task.note(patch))
            for patch, _ in proposals
            if time.perf_counter() < deadline and not self._stopped()
        )
        sounds = self._renderer.render(requests)
        pending: deque[Future[Candidate]] = deque()
        for (patch, origin), sound in zip(proposals, sounds, strict=False):
            self.renders += 1
            if not isinstance(sound, RenderFailure) and audible(sound, self._sample_rate):
                pending.append(self._executor.submit(self._score, patch, sound, origin))
            if len(pending) > 2 * self._renderer.workers:
                yield self._remember(pending.popleft().result())
            if self._stopped():
                break
        while pending:
            yield self._remember(pending.popleft().result())

    @property
    def best(self) -> Candidate | None:
        """The best candidate so far."""
        return min((e.candidate for e in self._entries), key=lambda c: c.score, default=None)

    @property
    def seconds(self) -> float:
        """Seconds since the judge was created."""
        return time.perf_counter() - self._start_time

    def ranked(self) -> list[Candidate]:
        """Return the kept candidates, best first."""
        return sorted((entry.candidate for entry in self._entries), key=lambda c: c.score)

    def close(self) -> None:
        """Cancel scores that have not started, and restore torch's number of threads."""
        self._executor.shutdown(cancel_futures=True)
        torch.set_num_threads(self._torch_threads)

    def _score(
        self,
        patch: Float[np.ndarray, " parameters"],
        sound: Float32[np.ndarray, "channels samples"],
        origin: str,
    ) -> Candidate:
        score = float(self._distance(sound[None])[0]) + self._subsonic_cost(sound)
        return Candidate(patch, sound, score, origin)

    def _remember(self, candidate: Candidate) -> Candidate:
        if not self.history or candidate.score < self.history[-1].score:
            self.history.append(HistoryPoint(self.renders, self.seconds, candidate.score))
        entries = self._entries
        if len(entries) < _MAX_KEPT or candidate.score < max(e.candidate.score for e in entries):
            entry = _Entry(candidate, structure(self._task, candidate.patch))
            entries.append(entry)
            self._per_structure[entry.structure] += 1
            crowded = self._per_structure[entry.structure] > _MAX_PER_STRUCTURE
            if crowded or len(entries) > _MAX_KEPT:
                rivals = [e for e in entries if not crowded or e.structure == entry.structure]
                worst = max(rivals, key=lambda e: e.candidate.score)
                entries.remove(worst)
                self._per_structure[worst.structure] -= 1
        return candidate
