"""Renders what is proposed, scores it, and remembers the best: where all of a match goes through.

Sounds are large, so they are kept of the best candidates only, and of no more than a few with the
same structure (the categories that can be heard): a search that has settled on one idea does not
push all others out.
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
from unsynth.metrics.fast import FastSpectral
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.search.candidates import Candidate, Point, Proposal, Target
from unsynth.tasks.task import Task

#: Distances of estimates, ``(items, channels samples)``, to the target; 0 is identical.
Scores = Callable[[Float32[np.ndarray, "items channels samples"]], Float[np.ndarray, " items"]]


class Distance(Enum):
    """What a search lowers, by name: MSS itself, or one a third as dear that ranks as it does."""

    FAST = "fast"
    MSS = "mss"

    def to(self, target: Target) -> Scores:
        """Measure distances to a target, in dB."""
        match self:
            case Distance.FAST:
                return FastSpectral(target.audio, target.sample_rate)
            case Distance.MSS:
                return MultiScaleSpectral(target.audio, target.sample_rate)


#: Candidates whose sounds are kept, in all and of one structure.
_KEPT, _ALIKE = 160, 16


def structure(task: Task, patch: Float[np.ndarray, " parameters"]) -> bytes:
    """Name the discrete part of a patch: its categories, less what cannot be heard."""
    return np.where(task.active(patch), patch, -1.0)[task.spec.categorical].tobytes()


@dataclass(frozen=True, eq=False)
class _Entry:
    candidate: Candidate
    structure: bytes


class Judging:
    """A :data:`~unsynth.search.candidates.Judge`; several sounds at once; close it.

    After ``stopped()`` becomes true nothing more is begun. ``history`` has a point each time the
    best score falls: renders and seconds so far, and that score.
    """

    def __init__(
        self,
        task: Task,
        target: Target,
        renderer: Renderer,
        distance: Scores,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._task = task
        self._renderer = renderer
        self._sample_rate = target.sample_rate
        self._distance = distance
        self._stopped = stopped
        # Torch's own threads would share each small operation and mostly wait for one another.
        self._torch_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self._pool = ThreadPoolExecutor(renderer.workers, "score")
        self._entries: list[_Entry] = []
        self._alike: Counter[bytes] = Counter()
        self._began = time.perf_counter()
        self.renders = 0
        self.history: list[Point] = []

    def __call__(
        self, proposals: Iterable[Proposal], seconds: float = math.inf
    ) -> Iterator[Candidate]:
        """Yield a candidate for each patch that could be rendered and heard, in order.

        After ``seconds`` no more are begun.
        """
        task, proposals, until = self._task, list(proposals), time.perf_counter() + seconds
        requests = (
            (task.engine_patch(patch), task.note(patch))
            for patch, _ in proposals
            if time.perf_counter() < until and not self._stopped()
        )
        sounds = self._renderer.render(requests)
        waiting: deque[Future[Candidate]] = deque()
        for (patch, origin), sound in zip(proposals, sounds, strict=False):
            self.renders += 1
            if not isinstance(sound, RenderFailure) and audible(sound, self._sample_rate):
                waiting.append(self._pool.submit(self._measure, patch, sound, origin))
            if len(waiting) > 2 * self._renderer.workers:
                yield self._remember(waiting.popleft().result())
            if self._stopped():
                break
        while waiting:
            yield self._remember(waiting.popleft().result())

    @property
    def best(self) -> Candidate | None:
        """The best candidate so far."""
        return min((e.candidate for e in self._entries), key=lambda c: c.score, default=None)

    @property
    def seconds(self) -> float:
        """Seconds since the first call could be made."""
        return time.perf_counter() - self._began

    def ranked(self) -> list[Candidate]:
        """List what is remembered, best first."""
        return sorted((entry.candidate for entry in self._entries), key=lambda c: c.score)

    def close(self) -> None:
        """Drop what is not measured yet, and give torch its threads back."""
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._torch_threads)

    def _measure(
        self,
        patch: Float[np.ndarray, " parameters"],
        sound: Float32[np.ndarray, "channels samples"],
        origin: str,
    ) -> Candidate:
        return Candidate(patch, sound, float(self._distance(sound[None])[0]), origin)

    def _remember(self, candidate: Candidate) -> Candidate:
        if not self.history or candidate.score < self.history[-1].score:
            self.history.append(Point(self.renders, self.seconds, candidate.score))
        entries = self._entries
        if len(entries) < _KEPT or candidate.score < max(e.candidate.score for e in entries):
            entry = _Entry(candidate, structure(self._task, candidate.patch))
            entries.append(entry)
            self._alike[entry.structure] += 1
            crowded = self._alike[entry.structure] > _ALIKE
            if crowded or len(entries) > _KEPT:
                rivals = [e for e in entries if not crowded or e.structure == entry.structure]
                worst = max(rivals, key=lambda e: e.candidate.score)
                entries.remove(worst)
                self._alike[worst.structure] -= 1
        return candidate
