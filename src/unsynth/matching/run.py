"""One match of one sound: its starting candidates, the search, and the result."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from unsynth.errors import SoundError
from unsynth.index.draw_index import DrawIndex
from unsynth.matching.choosing import (
    order_by_all_metrics,
    random_draws,
    rank_by_mss,
    render_again,
    render_at_usual_rate,
    shortlist,
)
from unsynth.matching.diversity import choose_distinct
from unsynth.matching.note import estimate_note
from unsynth.matching.request import Request
from unsynth.matching.result import MatchResult
from unsynth.matching.spread import measure_spread
from unsynth.matching.starts import (
    UNRENDERED_DRAWS,
    USER,
    nearest_draws,
    other_durations,
    posterior_samples,
)
from unsynth.metrics.audio import TargetMetrics, audio_metrics
from unsynth.metrics.subsonic import subsonic_level
from unsynth.models.posterior import Posterior
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Candidate, HistoryPoint, Proposal, Target
from unsynth.search.judge import Judge
from unsynth.search.search import search
from unsynth.sketches.catalogue import sketch_of
from unsynth.synths.base import Note
from unsynth.tasks.spec import Patch

#: The most draws of the index that are rendered.
_MAX_DRAWS = 512
#: The most per second of a budget in seconds, where a sketch makes the search fast. With 128 draws,
#: a match of 5 s was 6 % nearer than with 512 (developers' log, 2026-11-30).
_DRAWS_PER_SECOND = 25
#: The share of the budget for these draws.
_DRAWS_SHARE = 0.3
#: The same where renders are dear, but a sketch can fit draws that were not rendered.
_MAX_DEAR_DRAWS = 64
_DEAR_DRAWS_SHARE = 0.1
#: How many of the best starting candidates are tried with other durations, and how many where
#: renders are dear.
_DURATION_PARENTS, _DEAR_DURATION_PARENTS = 16, 4
#: The share of the budget for other durations.
_DURATIONS_SHARE = 0.05
#: The most durations to try per candidate.
_DURATIONS = 7
#: Random draws in the result, which show how near chance comes.
_RANDOM_DRAWS = 24
#: Random draws if the user stopped the search and waits for the result.
_RANDOM_DRAWS_IF_STOPPED = 6
#: A best patch is remarked upon from this many dB of energy below 20 Hz above what is free.
_SUBSONIC_REMARK = 3.0
#: Starting candidates of each origin that are kept.
_KEPT_PER_ORIGIN = 16


@dataclass(frozen=True)
class Progress:
    """How far a stage has come, and the best candidate so far."""

    stage: str
    done: int
    total: int
    candidate: Candidate | None = None

    @property
    def best(self) -> float | None:
        """The best score so far."""
        return None if self.candidate is None else self.candidate.score


class MatchRun:
    """The match of one target: call ``begin``, ``search``, ``close``, ``result`` in this order."""

    def __init__(
        self,
        target: Target,
        request: Request,
        renderer: Renderer,
        index: DrawIndex,
        posterior: Posterior | None,
        stopped: Callable[[], bool],
    ) -> None:
        self.task, self.target, self.request = request.task, target, request
        self.renderer, self._index, self._posterior = renderer, index, posterior
        self._stopped = stopped
        self.note = estimate_note(
            target.audio, target.sample_rate, self.task, request.locks, target.declared
        )
        #: The best few starting candidates of each origin.
        self.starts: dict[str, list[Candidate]] = {}
        #: Near draws for the first descent; not all are rendered.
        self._unrendered: list[Patch] = []
        #: Seconds for the user's patches: a bank of hundreds may take longer than the whole budget.
        self._seconds_before_budget = 0.0
        self.search_began = HistoryPoint(0, 0.0, math.inf)
        self.search_ended = self.search_began
        # Last: it holds threads, which nothing would stop if another line raised.
        self.judge = Judge(self.task, target, renderer, request.distance.to(target), self._stopped)

    def close(self) -> None:
        """Stop scoring."""
        self.judge.close()

    @property
    def best(self) -> Candidate | None:
        """The best candidate so far."""
        return self.judge.best

    def begin(self) -> Iterator[Progress]:
        """Try the user's patches, posterior samples, the nearest draws, and other durations.

        Raises :class:`SoundError` if none of them could be rendered or all are silent, and
        :class:`KeyboardInterrupt` if the user stopped the match before the first candidate.
        """
        task, request, locks = self.task, self.request, self.request.locks
        patches = request.user_patches.on_notes(task, self.note, locks)
        yield from self._try("trying your patches", [(locks.hold(p), USER) for p in patches])
        if patches:
            self._seconds_before_budget = self.judge.seconds
        if self._posterior is not None:
            yield Progress("sampling the posterior", 0, request.candidates, self.best)
            rng = np.random.default_rng(request.seed)
            samples = posterior_samples(
                self._posterior, self.target, self.note, locks, request.candidates, rng
            )
            yield from self._try("rendering the samples", samples)
        yield Progress("searching the index", 0, len(self._index), self.best)
        sketch = sketch_of(task)
        dear = sketch is not None and sketch.dear_renders
        limits = (_DEAR_DRAWS_SHARE, _MAX_DEAR_DRAWS) if dear else (_DRAWS_SHARE, _MAX_DRAWS)
        most, seconds = request.share(*limits)
        if sketch is not None and request.renders is None:
            most = min(most, math.ceil(_DRAWS_PER_SECOND * request.budget))
        found = max(most, UNRENDERED_DRAWS) if dear else most
        draws = nearest_draws(self._index, self.target, self.note, locks, found)
        self._unrendered = [patch for patch, _ in draws] if dear else []
        yield from self._try("rendering the nearest draws", draws[:most], seconds)
        ranked = sorted(chain.from_iterable(self.starts.values()), key=lambda c: c.score)
        most, seconds = request.share(_DURATIONS_SHARE, _DURATION_PARENTS * _DURATIONS)
        parents = ranked[: _DEAR_DURATION_PARENTS if dear else _DURATION_PARENTS]
        proposals = other_durations(task, parents, self.note.end, locks)[:most]
        yield from self._try("trying other durations", proposals, seconds)
        if self.best is None:
            if self._stopped():
                raise KeyboardInterrupt
            raise SoundError(f"{self.target.name}: no patch could be rendered for this sound")
        self.search_began = self.search_ended = self._now()

    def _try(
        self, stage: str, proposals: Sequence[Proposal], seconds: float = math.inf
    ) -> Iterator[Progress]:
        for done, candidate in enumerate(self.judge(proposals, seconds), start=1):
            rivals = [*self.starts.get(candidate.origin, ()), candidate]
            self.starts[candidate.origin] = sorted(rivals, key=lambda c: c.score)[:_KEPT_PER_ORIGIN]
            if done % 32 == 0 or candidate is self.best:
                yield Progress(stage, done, len(proposals), self.best)

    def search(self) -> Iterator[Progress]:
        """Search until the budget is spent or the user stops."""
        request, judge = self.request, self.judge
        renders, seconds = None, request.budget - self._spent_seconds()
        if request.renders is not None:
            renders, seconds = request.renders - judge.renders, math.inf
        if seconds > 0 and (renders is None or renders > 0):
            yield from self._search(renders, seconds)
        self.search_ended = self._now()

    def _search(self, renders: int | None, seconds: float) -> Iterator[Progress]:
        request, judge = self.request, self.judge
        first = judge.renders
        steps = search(
            self.task,
            self.target,
            judge,
            judge.ranked(),
            np.random.default_rng((request.seed, 1)),
            unrendered=self._unrendered,
            posterior=self._posterior,
            locks=request.locks,
            renders=renders,
            seconds=seconds,
            stopped=self._stopped,
        )

        def progress() -> Progress:
            done, total = int(1000 * self._spent_seconds()), int(1000 * request.budget)
            if renders is not None:
                done, total = judge.renders - first, renders
            return Progress("searching", min(done, total), total, self.best)

        yield progress()  # a sketch may have to be compiled first
        with closing(steps):
            for _ in steps:
                if self._stopped():
                    return
                yield progress()

    def _spent_seconds(self) -> float:
        """Return how much of the budget is spent."""
        return self.judge.seconds - self._seconds_before_budget

    def _now(self) -> HistoryPoint:
        assert self.judge.best is not None
        return HistoryPoint(self.judge.renders, self.judge.seconds, self.judge.best.score)

    def result(self) -> MatchResult:
        """Choose the patches to keep, and measure them, random draws and the noise floor."""
        task, target, request, renderer = self.task, self.target, self.request, self.renderer
        stopped, rate = self._stopped(), target.sample_rate
        ranked = self.judge.ranked()
        measure = TargetMetrics(target.audio, rate)
        with ThreadPoolExecutor(renderer.workers, "measure") as pool:
            finalists = shortlist(task, ranked)
            mss, starts = rank_by_mss(target, finalists, self.starts, pool)
            kept = choose_distinct(task, mss, request.keep, rate)
            # Held as long as the sound: draws that ring on would make chance look worse.
            pitch = task.note(kept[0].patch).pitch
            note = Note(pitch, self.note.onset, self.note.durations[0])
            count = _RANDOM_DRAWS_IF_STOPPED if stopped else _RANDOM_DRAWS
            draws = random_draws(task, renderer, note, count, request.seed)
            metrics = list(pool.map(measure, [c.audio for c in kept]))
            start_metrics = list(pool.map(measure, [c.audio for c in starts.values()]))
            random_metrics = tuple(pool.map(measure, draws))
        again = render_again(task, renderer, kept[0])
        remarks = target.remarks + request.user_patches.remarks
        remarks += (self.note.remark,) if self.note.remark else ()
        if again is None:
            again = kept[0].audio
            remarks += ("the best patch could not be rendered again: the noise floor is unknown",)
        noise_floor = audio_metrics(kept[0].audio, again, rate)
        measured_starts = dict(
            zip(starts, zip(starts.values(), start_metrics, strict=True), strict=True)
        )
        pairs = order_by_all_metrics(
            target,
            list(zip(kept, metrics, strict=True)),
            list(measured_starts.values()),
            random_metrics,
            noise_floor,
        )
        remarks += _subsonic_remarks(target, pairs[0][0])
        usual = render_at_usual_rate(task, pairs[0][0])
        return MatchResult(
            task=task,
            target=replace(target, remarks=remarks),
            candidates=tuple(candidate for candidate, _ in pairs),
            metrics=tuple(each for _, each in pairs),
            random_metrics=random_metrics,
            noise_floor=noise_floor,
            at_usual_rate=None if usual is None else (usual, measure(usual)),
            starts=measured_starts,
            history=(*self.judge.history, self.search_ended),
            search_began=self.search_began,
            distance=request.distance.value,
            seed=request.seed,
            locks=request.locks,
            spread=measure_spread(task, ranked, np.random.default_rng((request.seed, 2))),
            stopped=stopped,
        )


def _subsonic_remarks(target: Target, best: Candidate) -> tuple[str, ...]:
    """Tell the user if the best patch has much more energy below 20 Hz than the target."""
    cost = target.subsonic_cost
    if cost.excess(best.audio) < _SUBSONIC_REMARK:
        return ()
    level = subsonic_level(best.audio, target.sample_rate)
    return (
        f"energy below 20 Hz, which nobody hears: {level:.0f} dB of the rest in the best patch, "
        f"{cost.level:.0f} dB in this sound; search longer, or use a high-pass filter",
    )
