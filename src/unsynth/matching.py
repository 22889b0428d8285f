"""The main job, from a sound to patches: the command, the page and Python all use it.

:meth:`Matcher.events` is a generator of events that ends with the result, which :func:`save` writes
to a folder. To cancel, close the generator; to end the search early and have the best so far,
say so through ``stopped``.
"""

import itertools
import math
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Shaped

from unsynth.artifacts import shipped_artifact
from unsynth.audio.files import fit_sound, read_sound
from unsynth.conventions import SECONDS
from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError, OutputError, SoundError, UnsynthError
from unsynth.inversion.beginnings import Given, nearest, retimed, sampled
from unsynth.inversion.candidates import Candidate, Inversion, Point, Proposal, Target
from unsynth.inversion.diversity import distinct
from unsynth.inversion.hearing import HeardNote, hear
from unsynth.inversion.judging import Distance, Judging
from unsynth.inversion.own_index import find_index
from unsynth.inversion.posterior import Posterior, load_posterior
from unsynth.inversion.proposals import DrawIndex
from unsynth.inversion.search import search
from unsynth.inversion.spread import spread
from unsynth.metrics.agreement import disagreement, median_metrics
from unsynth.metrics.audio import MultiScaleSpectral, audio_metrics
from unsynth.rendering.renderer import Audio, Renderer, RenderFailure
from unsynth.report.folder import write_results
from unsynth.synths.base import Note
from unsynth.tasks.parameter import Continuous
from unsynth.tasks.task import Task

#: As many as a DX7 bank holds.
MOST_KEPT = 32
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
class Request:
    """How to look for a sound's patches.

    ``budget`` is the seconds of the search; with ``renders`` it is that many renders instead, and
    the result depends on the seed alone. ``candidates`` are samples of the posterior, ``keep`` is
    how many patches come out at most, no two of them alike. ``locked`` holds parameters to values,
    as :func:`~unsynth.inversion.locks.read_locks` checks them.
    """

    budget: float = 20.0
    renders: int | None = None
    candidates: int = 16
    keep: int = 8
    locked: Mapping[str, float] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    distance: Distance = Distance.FAST
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.keep <= MOST_KEPT:
            raise UnsynthError(f"{self.keep} patches to keep: choose 1 to {MOST_KEPT}")
        if self.candidates < 1:
            raise UnsynthError(f"{self.candidates} candidates: choose at least 1")
        if not self.budget > 0 or not math.isfinite(self.budget):
            raise UnsynthError(f"a budget of {self.budget:g} seconds: choose more than 0")
        if self.renders is not None and self.renders < 1:
            raise UnsynthError(f"{self.renders} renders: choose at least 1")

    def share(self, fraction: float, most: int) -> tuple[int, float]:
        """Say how many of ``most`` renders, and how many seconds, a part of the work gets."""
        if self.renders is None:
            return most, fraction * self.budget
        return min(most, math.ceil(fraction * self.renders)), math.inf


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


@dataclass(frozen=True)
class Saved:
    """The folder that a result was written to, and the files in it that the synthesizer opens."""

    folder: Path
    patches: tuple[Path, ...]


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


def read_target(path: Path, task: Task) -> Target:
    """Read a sound as ``task``'s engine could have made it; see :func:`read_sound`."""
    audio, remarks = read_sound(path, task.sample_rate, task.channels, SECONDS, _latest_onset(task))
    return Target(path.name, audio, task.sample_rate, remarks)


def fit_target(
    name: str, audio: Shaped[np.ndarray, "channels samples"], rate: int, task: Task
) -> Target:
    """Make a target of samples; see :func:`fit_sound`."""
    fitted, remarks = fit_sound(
        audio, rate, task.sample_rate, task.channels, SECONDS, _latest_onset(task)
    )
    return Target(name, fitted, task.sample_rate, remarks)


def _latest_onset(task: Task) -> float:
    onset = task.spec.parameters[task.spec.position["note.onset"]]
    assert isinstance(onset, Continuous)
    return onset.high


def check_out(out: Path) -> None:
    """Raise :class:`OutputError` where results cannot be written to ``out``; make it if need be."""
    with _unfinished_folder(out):
        pass


def result_name(sound: str) -> str:
    """Name the folder of a sound's result."""
    return Path(sound).stem.strip(". ") or "sound"


def save(inversion: Inversion, out: Path, settings: Mapping[str, Any] | None = None) -> Saved:
    """Write a result to a new folder in ``out``, named after the sound; all of it or nothing.

    A folder that is there already keeps its name and content. ``settings`` are put into
    ``patch.json``. Raises :class:`OutputError` where
    ``out`` cannot be written to.
    """
    with _unfinished_folder(out) as unfinished:
        names = write_results(inversion, unfinished, settings)
        folder = _publish(unfinished, out / result_name(inversion.target.name))
    return Saved(folder, tuple(folder / name for name in names))


@contextmanager
def _unfinished_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder in ``out`` that is removed again unless it was renamed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    except OSError as error:
        raise OutputError(
            f"{out}: cannot write there ({error.strerror}); choose another --out"
        ) from None
    try:
        yield unfinished
    except OSError as error:
        raise OutputError(f"{out}: could not write the result ({error.strerror})") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _publish(unfinished: Path, wanted: Path) -> Path:
    """Rename the finished folder; one that is there already keeps its name and content."""
    unfinished.chmod(0o755)
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if not folder.exists():
            unfinished.rename(folder)
            break
    return folder
