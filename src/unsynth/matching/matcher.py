"""The main job, from a sound to patches: the command, the page and Python all use it.

:meth:`Matcher.events` is a generator of events that ends with the result, which :func:`save` writes
to a folder. To cancel, close the generator; to end the search early and have the best so far,
say so through ``stopped``.
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from types import TracebackType

import numpy as np

from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError, SoundError
from unsynth.index.build import find_index
from unsynth.index.draw_index import DrawIndex
from unsynth.matching.diversity import distinct
from unsynth.matching.hearing import HeardNote, hear
from unsynth.matching.request import Request
from unsynth.matching.result import Inversion
from unsynth.matching.spread import spread
from unsynth.matching.starts import nearest, retimed, sampled
from unsynth.metrics.agreement import disagreement, median_metrics
from unsynth.metrics.audio import MultiScaleSpectral, audio_metrics
from unsynth.models.artifact import shipped_artifact
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.rendering.renderer import Audio, Renderer, RenderFailure
from unsynth.search.candidates import Candidate, Point, Proposal, Target
from unsynth.search.judging import Judging
from unsynth.search.search import search
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: Draws of the index that are rendered on the target's note, and the share of the budget for them.
_SHORTLIST, _NEAR_SHARE = 512, 0.3
#: Of all begun with, how many are tried with other durations, and the share for these.
_RETIMED, _RETIMED_SHARE = 16, 0.05
#: Random draws that are heard, and after how many tries that is given up.
_RANDOM_DRAWS, _MOST_DRAWS = 24, 200
#: Fewer where the user waits for the end.
_DRAWS_IN_A_HURRY = 6
#: Of candidates that are as near as this to the best score, the four metrics choose the first.
_NEARLY = 1.05
#: Candidates, of the whole match and of each origin before the search, that are ranked by MSS.
_FINALISTS, _BEGUN = 64, 16
_BUILDING = "building the index, once"


@dataclass(frozen=True)
class Progress:
    """How far a stage is, and the best score so far."""

    stage: str
    done: int
    total: int
    best: float | None = None


@dataclass(frozen=True)
class Found:
    """The result."""

    inversion: Inversion


Event = Progress | Found


class Matcher:
    """What all matches of a task share: engines, the index of draws and the model. Close it.

    ``index`` and ``posterior`` default to those in the package; a task without a posterior does
    without, an index that the package has not is built on first use. Raises
    :class:`~unsynth.errors.EngineError` where the engine is not installed.
    """

    def __init__(
        self, task: Task, index: DrawIndex | None = None, posterior: Posterior | None = None
    ) -> None:
        self.task = task
        self._index = index
        if posterior is None and shipped_artifact(task.name) is not None:
            posterior = load_posterior(task)
        self._posterior = posterior
        self._renderer = Renderer(task.synth)

    def close(self) -> None:
        """Stop the engines."""
        self._renderer.close()

    def __enter__(self) -> "Matcher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def events(
        self,
        target: Target,
        request: Request,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        """Find patches for a sound; yield :class:`Progress`, last :class:`Found`.

        The first candidate is, by MSS, at least as near as the posterior's samples, the index's
        nearest and the patches to begin with. When ``stopped()`` becomes true the search ends and
        the best so far is the result; where there is none yet, :class:`KeyboardInterrupt` is
        raised. Raises
        :class:`~unsynth.errors.SoundError` where nothing could be rendered and heard and
        :class:`~unsynth.errors.DrawIndexError` for a damaged index.
        """
        if self._index is None:
            self._index = yield from self._found_index(stopped)
        scores = request.distance.to(target)
        with closing(Judging(self.task, target, self._renderer, scores, stopped)) as judge:
            heard = hear(target.audio, target.sample_rate, self.task, request.locked)
            begun = yield from self._begin(target, request, heard, judge)
            if judge.best is None:
                if stopped():
                    raise KeyboardInterrupt
                raise SoundError(f"{target.name}: no patch could be rendered for this sound")
            began = Point(judge.renders, judge.seconds, judge.best.score)
            yield from self._search(target, request, judge, stopped)
            assert judge.best is not None
            ended = Point(judge.renders, judge.seconds, judge.best.score)
            history = (*judge.history, ended)
            ranked = judge.ranked()
        yield Progress("comparing", 0, 1, ended.score)
        ended_early = stopped()
        yield Found(
            self._result(target, request, heard, ranked, begun, history, began, ended_early)
        )

    def _found_index(self, stopped: Callable[[], bool]) -> Generator[Event, None, DrawIndex]:
        for event in find_index(self.task, self._renderer):
            if isinstance(event, DrawIndex):
                return event
            if stopped():
                raise KeyboardInterrupt
            doing = "waiting for another process's index" if event.waiting else _BUILDING
            yield Progress(doing, event.done, event.total)
        raise AssertionError("an index is found, or why there is none is raised")

    def _begin(
        self, target: Target, request: Request, heard: HeardNote, judge: Judging
    ) -> Generator[Event, None, dict[str, list[Candidate]]]:
        """Try what is known before the search; return the best few of each origin."""
        task, locked = self.task, request.locked
        found: dict[str, list[Candidate]] = {}

        def tried(
            stage: str, proposals: Sequence[Proposal], seconds: float = math.inf
        ) -> Iterator[Event]:
            for done, candidate in enumerate(judge(proposals, seconds), start=1):
                best = [*found.get(candidate.origin, ()), candidate]
                found[candidate.origin] = sorted(best, key=lambda c: c.score)[:_BEGUN]
                if done % 32 == 0:
                    yield Progress(stage, done, len(proposals), _best(judge))

        yield from tried("trying your patches", request.given.on(task, heard, locked))
        if self._posterior is not None:
            yield Progress("sampling the posterior", 0, request.candidates, _best(judge))
            rng = np.random.default_rng(request.seed)
            samples = sampled(self._posterior, target, heard, locked, request.candidates, rng)
            yield from tried("rendering the samples", samples)
        assert self._index is not None
        yield Progress("searching the index", 0, len(self._index), _best(judge))
        most, seconds = request.share(_NEAR_SHARE, _SHORTLIST)
        near = nearest(self._index, target, heard, locked, most)
        yield from tried("rendering the nearest draws", near, seconds)
        ranked = sorted(chain.from_iterable(found.values()), key=lambda c: c.score)[:_RETIMED]
        most, seconds = request.share(_RETIMED_SHARE, _RETIMED * 7)
        others = retimed(task, ranked, heard.end, locked)[:most]
        yield from tried("trying other durations", others, seconds)
        return found

    def _search(
        self, target: Target, request: Request, judge: Judging, stopped: Callable[[], bool]
    ) -> Iterator[Event]:
        renders, seconds = None, request.budget - judge.seconds
        if request.renders is not None:
            renders, seconds = request.renders - judge.renders, math.inf
        if seconds <= 0 or (renders is not None and renders <= 0):
            return
        first = judge.renders
        steps = search(
            self.task,
            target,
            judge,
            judge.ranked(),
            np.random.default_rng((request.seed, 1)),
            posterior=self._posterior,
            locked=request.locked,
            renders=renders,
            seconds=seconds,
            stopped=stopped,
        )

        def progress() -> Progress:
            done, total = int(1000 * judge.seconds), int(1000 * request.budget)
            if renders is not None:
                done, total = judge.renders - first, renders
            return Progress("searching", min(done, total), total, _best(judge))

        yield progress()  # a sketch may have to be compiled first
        with closing(steps):
            for _ in steps:
                if stopped():
                    return
                yield progress()

    def _result(
        self,
        target: Target,
        request: Request,
        heard: HeardNote,
        ranked: list[Candidate],
        begun: dict[str, list[Candidate]],
        history: tuple[Point, ...],
        began: Point,
        stopped: bool,
    ) -> Inversion:
        """Choose what is kept, and measure it beside random draws and the engine itself."""
        rate, remarks = target.sample_rate, target.remarks
        with ThreadPoolExecutor(self._renderer.workers, "measure") as pool:
            chosen = chain(ranked[:_FINALISTS], *begun.values())
            finalists = list({id(candidate): candidate for candidate in chosen}.values())
            scores = MultiScaleSpectral(target.audio, rate)
            nearness = list(pool.map(lambda c: float(scores(c.audio[None])[0]), finalists))
            mss = {id(candidate): near for candidate, near in zip(finalists, nearness, strict=True)}
            finalists.sort(key=lambda c: mss[id(c)])
            kept = distinct(self.task, finalists, request.keep, rate)
            starts = {origin: min(few, key=lambda c: mss[id(c)]) for origin, few in begun.items()}
            count = _DRAWS_IN_A_HURRY if stopped else _RANDOM_DRAWS
            # As long as the sound: a draw that rings on would be no fair measure of chance.
            pitch = self.task.note(kept[0].patch).pitch
            note = Note(pitch, heard.onset, heard.durations[0])
            draws = self._random_draws(note, count, request.seed)
            measure = partial(audio_metrics, target.audio, sample_rate=rate)
            kept_metrics = list(pool.map(measure, [c.audio for c in kept]))
            start_metrics = list(pool.map(measure, [c.audio for c in starts.values()]))
            random_metrics = tuple(pool.map(measure, draws))
        again = next(iter(self._rendered(kept[:1])))
        if again is None:
            again = kept[0].audio
            remarks += ("the engine did not play the best patch again: no noise floor is known",)
        floor, chance = audio_metrics(kept[0].audio, again, rate), median_metrics(random_metrics)
        nearly = min([_NEARLY * kept_metrics[0].mss, *(m.mss for m in start_metrics)])
        order = list(zip(kept, kept_metrics, strict=True))
        first = min(
            (pair for pair in order if pair[1].mss <= nearly),
            key=lambda pair: disagreement(pair[1], floor, chance),
        )
        order.sort(key=lambda pair: (pair is not first, pair[1].mss))
        return Inversion(
            task=self.task,
            target=replace(target, remarks=remarks),
            candidates=tuple(candidate for candidate, _ in order),
            metrics=tuple(metrics for _, metrics in order),
            random_metrics=random_metrics,
            noise_floor=floor,
            starts=dict(zip(starts, zip(starts.values(), start_metrics, strict=True), strict=True)),
            history=history,
            search_began=began,
            distance=request.distance.value,
            seed=request.seed,
            locked=request.locked,
            spread=spread(self.task, ranked, np.random.default_rng((request.seed, 2))),
            stopped=stopped,
        )

    def _rendered(self, candidates: Iterable[Candidate]) -> Iterator[Audio | None]:
        task = self.task
        requests = ((task.engine_patch(c.patch), task.note(c.patch)) for c in candidates)
        for sound in self._renderer.render(requests):
            yield None if isinstance(sound, RenderFailure) else sound

    def _random_draws(self, note: Note, count: int, seed: int) -> list[Audio]:
        """Hear plain draws of the prior on a note."""
        task, heard = self.task, []
        draws = (
            task.sample(item_rng(task.name, Split.RANDOM, item, seed))
            for item in range(_MOST_DRAWS)
        )
        moved = (task.with_note(draw, note) for draw in draws)
        requests = ((task.engine_patch(draw), task.note(draw)) for draw in moved)
        for sound in self._renderer.render(requests):
            if not isinstance(sound, RenderFailure) and audible(sound, self._renderer.sample_rate):
                heard.append(sound)
            if len(heard) == count:
                return heard
        if not heard:
            raise EngineError(f"none of {_MOST_DRAWS} random draws of {task.name} could be heard")
        return heard


def _best(judge: Judging) -> float | None:
    return None if judge.best is None else judge.best.score
