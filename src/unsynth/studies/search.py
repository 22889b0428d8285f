"""``unsynth reproduce search``: the search beside others, with as many renders each.

Every target is matched in each of seven ways (:data:`WAYS`), on the note that is heard of it. All
searches minimise the same distance (:mod:`unsynth.metrics.fast`) with ``renders`` renders, what
they start from counted; of the 16 nearest, the one with the least MSS is the answer. Differences
are between the answers to the same target.

The folder holds ``plan.json`` (what was asked), a file for each target and way, and ``table.md``,
which is written anew after each target. Targets of the sets take turns, so that a study that is
stopped has about as many of each.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unsynth.errors import EngineError, OutputError
from unsynth.evaluation.compare import mean_difference
from unsynth.evaluation.tables import METRICS, Table, mean_interval, written
from unsynth.evaluation.targets import Targets, find_targets
from unsynth.files import replacing
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import load_index
from unsynth.matching.note import NoteEstimate, estimate_note
from unsynth.matching.starts import nearest_per_duration
from unsynth.metrics.audio import MultiScaleSpectral, audio_metrics
from unsynth.models.artifact import shipped_artifact
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Candidate, Target
from unsynth.search.judge import Judge
from unsynth.search.search import search
from unsynth.search.space import Space
from unsynth.studies.folder import StudyError
from unsynth.studies.plain_searches import PARENTS, evolution_strategy, genetic
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: What is compared; the others are compared with the first.
WAYS = {
    "search": "this search",
    "one": "one sample",
    "best": "best of 16 samples",
    "nearest": "nearest of the index",
    "evolution": "CMA-ES, random starts",
    "random": "genetic, random starts",
    "index": "genetic, nearest of the index",
}
SAMPLES = 16
#: Draws of the index that are rendered for a start.
NEAREST = 64
#: Of the nearest by the distance, so many are compared by MSS.
_FINALISTS = 16
_PLAN, _TABLE = "plan.json", "table.md"

Say = Callable[[str], None]


@dataclass(frozen=True)
class SearchStudy:
    """What was asked: sets of targets (see :func:`find_targets`), and so many of each."""

    task: str
    datasets: Sequence[str]
    targets: int
    renders: int
    seed: int = 0

    def __post_init__(self) -> None:
        least = SAMPLES + NEAREST + 1
        if self.renders < least:
            raise StudyError(f"{self.renders} renders: give at least {least}")


def run_search_study(
    asked: SearchStudy, out: Path, resume: bool = False, say: Say = print
) -> Table:
    """Match all targets in all ways, or go on; leave ``table.md`` and return it.

    Ctrl-C keeps what is done. Raises :class:`StudyError` where ``out`` holds another study, and
    what reading the targets raises.
    """
    task = load_task(asked.task)
    if shipped_artifact(task.name) is None:
        raise StudyError(f"there is no trained model for {task.name} in this package")
    sets = {name: find_targets([name], task, asked.seed) for name in asked.datasets}
    _prepare(asked, sets, out, resume)
    matcher = _Matcher(task, asked)
    with closing(matcher):
        for set_number, number in _turns(asked, list(sets.values())):
            targets = sets[asked.datasets[set_number]]
            target: Target | None = None
            for way in WAYS:
                path = _cell(out, set_number, number, way)
                if path.exists():
                    continue
                if target is None:
                    sound = targets.load(number, matcher.renderer)
                    target = Target(
                        targets.names[number], sound.audio, matcher.renderer.sample_rate
                    )
                found = matcher.match(target, way, (asked.seed, set_number, number))
                _write(path, json.dumps(found))
                seconds = f"{found['seconds']:.0f} s"
                say(f"{target.name}: {WAYS[way]}: MSS {found['mss']:.2f} in {seconds}")
            _write(out / _TABLE, search_table(asked, out).markdown() + "\n")
    return search_table(asked, out)


def search_table(asked: SearchStudy, out: Path) -> Table:
    """Lay out what is done: means, and differences of each way from the search."""
    headings = ["", "", "targets", *(metric.heading for metric in METRICS), "median MSS"]
    headings += [f"Δ {metric.heading}" for metric in METRICS]
    rows = []
    for number, name in enumerate(asked.datasets):
        cells = _read(out, number)
        if not cells:
            continue
        ours = cells["search"]
        for way, called in WAYS.items():
            found = cells[way]
            row = [Path(name).name if way == "search" else "", called, str(len(found))]
            for metric in METRICS:
                values = np.array([each[metric.name] for each in found])
                row.append(written(*mean_interval(values), metric.digits))
            row.append(f"{np.median([each['mss'] for each in found]):.2f}")
            for metric in METRICS:
                pairs = zip(ours, found, strict=True)
                gaps = np.array([a[metric.name] - b[metric.name] for a, b in pairs])
                d, (mean, low, high) = metric.digits, mean_difference(gaps)
                row.append(
                    "" if way == "search" else f"{mean:+.{d}f} [{low:+.{d}f}, {high:+.{d}f}]"
                )
            rows.append(row)
    return Table(headings, rows)


class _Matcher:
    """What all targets share: engines, the index and the model."""

    def __init__(self, task: Task, asked: SearchStudy) -> None:
        torch.set_num_threads(1)
        self._task, self._renders = task, asked.renders
        self._index: DrawIndex = load_index(task)
        self._posterior: Posterior = load_posterior(task)
        self.renderer = Renderer(task.synth)

    def close(self) -> None:
        """Stop the engines."""
        self.renderer.close()

    def match(self, target: Target, way: str, seed: tuple[int, ...]) -> dict[str, Any]:
        """Match a target in one way; return the answer's metrics."""
        rng, began = np.random.default_rng(seed), time.perf_counter()
        with closing(Judge(self._task, target, self.renderer, target.fast_distance)) as judge:
            self._run(target, way, judge, rng)
            finalists = judge.ranked()[:_FINALISTS]
        if not finalists:
            raise EngineError(f"{target.name}: nothing could be heard of {WAYS[way]}")
        mss = MultiScaleSpectral(target.audio, target.sample_rate)
        answer = min(finalists, key=lambda c: mss(c.audio[None])[0])
        metrics = audio_metrics(target.audio, answer.audio, target.sample_rate)
        return {
            "target": target.name,
            "way": way,
            **metrics._asdict(),
            "distance": answer.score,
            "renders": judge.renders,
            "seconds": time.perf_counter() - began,
            "origin": answer.origin,
            "parameters": self._task.spec.named(answer.patch),
        }

    def _run(self, target: Target, way: str, judge: Judge, rng: np.random.Generator) -> None:
        task, space = self._task, Space(self._task)
        note = estimate_note(target.audio, target.sample_rate, task)
        if way in ("one", "best", "search"):
            count = 1 if way == "one" else SAMPLES
            start: list[Candidate] = []
            while not start and judge.renders < SAMPLES:  # a silent sample is drawn anew
                samples = self._posterior.sample(target.audio, count, rng, fixed=note.fixed_values)
                start = list(judge([(patch, "posterior") for patch in samples]))
        if way in ("nearest", "index", "search"):
            each = NEAREST // len(note.durations)
            lists = nearest_per_duration(self._index, target.audio, target.sample_rate, note, each)
            nearest = list(judge([(patch, "index") for patches in lists for patch in patches]))
        if way == "random":
            nearest = list(judge([(_draw(task, note, rng), "prior") for _ in range(PARENTS)]))
        left = self._renders - judge.renders
        match way:
            case "search":
                for _ in search(
                    *(task, target, judge, [*start, *nearest], rng),
                    posterior=self._posterior,
                    renders=left,
                ):
                    pass
            case "index" | "random":
                genetic(space, nearest, judge, left, rng)
            case "evolution":
                evolution_strategy(space, lambda: _draw(task, note, rng), judge, left, rng)


def _draw(task: Task, estimate: NoteEstimate, rng: np.random.Generator) -> Patch:
    """Draw a patch of the prior, and its note from the possible ones."""
    pitch, duration = int(rng.choice(estimate.pitches)), float(rng.choice(estimate.durations))
    return task.with_note(task.sample(rng), Note(pitch, estimate.onset, duration))


def _turns(asked: SearchStudy, sets: Sequence[Targets]) -> Iterator[tuple[int, int]]:
    """Yield (set, number): one of each set in turn, each set's spread over it and shuffled."""
    orders = []
    for number, targets in enumerate(sets):
        count = min(asked.targets, len(targets.names))
        spread = np.linspace(0, len(targets.names) - 1, count).round().astype(int)
        orders.append(np.random.default_rng((asked.seed, number)).permutation(spread).tolist())
    for turn in range(max(map(len, orders), default=0)):
        for number, order in enumerate(orders):
            if turn < len(order):
                yield number, order[turn]


def _prepare(asked: SearchStudy, sets: dict[str, Targets], out: Path, resume: bool) -> None:
    """Make the folder, or check that it holds this study."""
    question = asdict(asked) | {"of": {name: each.description for name, each in sets.items()}}
    question = json.loads(json.dumps(question))
    plan = out / _PLAN
    if plan.exists() and not resume:
        raise StudyError(f"{out} holds a study: add --resume, or choose another --out")
    if resume:
        if not plan.exists():
            raise StudyError(f"{plan} is missing: there is nothing to resume")
        stored = json.loads(plan.read_text(encoding="utf-8"))
        for key, value in question.items():
            if stored.get(key) != value:
                raise StudyError(f"{out} is a study with other {key}: choose another --out")
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror})") from None
    _write(plan, json.dumps(question, indent=1))


def _cell(out: Path, set_number: int, number: int, way: str) -> Path:
    return out / f"set{set_number + 1}-{number:04d}-{way}.json"


def _read(out: Path, set_number: int) -> dict[str, list[dict[str, Any]]]:
    """Read the targets of a set that are done in all ways, by way, in one order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(out.glob(f"set{set_number + 1}-*-search.json")):
        number = int(path.stem.split("-")[1])
        paths = {way: _cell(out, set_number, number, way) for way in WAYS}
        if all(each.exists() for each in paths.values()):
            for way, each in paths.items():
                found.setdefault(way, []).append(json.loads(each.read_text(encoding="utf-8")))
    return found


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
