"""``unsynth reproduce search``: compare the search with others at an equal number of renders.

Every target is matched in each of seven ways (:data:`WAYS`), on the note estimated from its sound;
in five, if unsynth ships no model of the task. All searches minimise the same score
(:mod:`unsynth.search.judge`) with ``renders`` renders, which include those of their starting
patches. The answer is the patch with the least MSS among the 16 with the least distance.
Differences are paired by target.

The folder holds ``plan.json`` (the settings), one JSON file per target and way, and ``table.md``,
rewritten after each target. The sets take turns, so a study that is stopped has scored about as
many targets of each. Several processes can share the folder: each takes targets that no other
has taken. A target that is silent or cannot be read, or to which a way finds no sound, is left out
of the table and listed below it; a resumed study tries it again.
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unsynth.documents import printable
from unsynth.errors import SoundError
from unsynth.evaluation.compare import mean_difference
from unsynth.evaluation.tables import (
    Table,
    format_difference,
    format_interval,
    left_out_list,
    mean_interval,
)
from unsynth.evaluation.targets import Targets, find_targets, load_target
from unsynth.files import lock_file
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import hash_index, load_index
from unsynth.matching.note import NoteEstimate, estimate_note
from unsynth.matching.starts import UNRENDERED_DRAWS, nearest_draws, nearest_per_duration
from unsynth.metrics.audio import METRICS, MultiScaleSpectral, audio_metrics
from unsynth.models.artifact import read_artifact, shipped_artifact
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.output import write_text
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Candidate, Target
from unsynth.search.judge import Judge
from unsynth.search.search import search
from unsynth.search.space import Space
from unsynth.sketches.catalogue import sketch_of
from unsynth.studies.folder import TABLE, Report, StudyError, read_json, read_plan, write_plan
from unsynth.studies.plain_searches import PARENTS, evolution_strategy, genetic
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task
from unsynth.version import __version__

#: The ways of matching, with their names in the table; the first is the reference.
WAYS = {
    "search": "this search",
    "one": "one sample",
    "best": "best of 16 samples",
    "nearest": "nearest of the index",
    "evolution": "CMA-ES, random starts",
    "random": "genetic, random starts",
    "index": "genetic, nearest of the index",
}
#: The ways that need a model.
_SAMPLED = ("one", "best")
#: Posterior samples per target.
SAMPLES = 16
#: Nearest draws of the index per target.
NEAREST = 64
#: Candidates with the least distance, among which MSS decides.
_FINALISTS = 16


@dataclass(frozen=True)
class SearchPlan:
    """The settings of a study of searches; ``plan.json`` has a key for each field."""

    task: str
    #: Sets of targets (:func:`~unsynth.evaluation.targets.find_targets`).
    datasets: Sequence[str]
    #: Targets to take from each set, spread evenly over it.
    targets: int
    #: Renders of each search per target.
    renders: int
    seed: int = 0

    def __post_init__(self) -> None:
        check_renders(self.renders)


def check_renders(renders: int) -> None:
    """Raise :class:`StudyError` for fewer renders than the starts of a search take."""
    least = SAMPLES + NEAREST + 1
    if renders < least:
        raise StudyError(f"{renders} renders are too few: give at least {least}")


def run_search_study(
    plan: SearchPlan, out: Path, resume: bool = False, report: Report = print
) -> Table:
    """Match all targets in all ways; write ``table.md`` and return its table.

    Ctrl-C keeps finished work. Raises :class:`StudyError` where ``out`` holds another study or no
    target can be matched, and the errors of reading the sets of targets.
    """
    task = load_task(plan.task)
    weights, ways = shipped_artifact(task.name), ways_of(task)
    sets = {name: find_targets([name], task, plan.seed) for name in plan.datasets}
    settings = asdict(plan) | {
        "of": {name: each.description for name, each in sets.items()},
        "model": None if weights is None else read_artifact(weights).sha256[:16],
        "index": hash_index(task),
        "unsynth": __version__,
    }
    if read_plan(out, settings, resume) is None:
        write_plan(out, settings)
    left_out: list[str] = []
    turns = list(_turns(plan, list(sets.values())))
    with closing(StudyMatcher(task, plan.renders)) as matcher:
        taken = turns
        for wait in (False, True):  # The second pass waits for the targets of other processes.
            remaining, taken = taken, []
            if wait and remaining:
                report(f"waiting for targets of other processes: {len(remaining)}")
            for set_number, number in remaining:
                paths = {way: _answer_path(out, set_number, number, way) for way in ways}
                if all(path.exists() for path in paths.values()):
                    continue
                lock = out / f"set{set_number + 1}-{number:04d}.lock"
                with lock_file(lock, seconds=-1.0 if wait else 0.0) as locked:
                    if not locked:
                        taken.append((set_number, number))
                        continue
                    targets, seed = sets[plan.datasets[set_number]], (plan.seed, set_number)
                    try:
                        _match_target(matcher, targets, number, seed, paths, report)
                    except SoundError as error:
                        left_out.append(printable(str(error)))
                        report(f"left out: {left_out[-1]}")
                _write_table(plan, out, left_out, len(turns))
    if len(left_out) == len(turns):
        raise StudyError(f"none of the {len(turns)} targets can be matched: {left_out[0]}")
    if left_out:
        report(f"{len(left_out)} of {len(turns)} targets are left out: see {out / TABLE}")
    return _write_table(plan, out, left_out, len(turns))


def _match_target(
    matcher: "StudyMatcher",
    targets: Targets,
    number: int,
    seed: tuple[int, int],
    paths: Mapping[str, Path],
    report: Report,
) -> None:
    """Match a target in the ways whose answers are not there yet; write each to its path.

    Raises :class:`~unsynth.errors.SoundError` for a target that cannot be read, heard or matched.
    """
    waiting = {way: path for way, path in paths.items() if not path.exists()}
    if not waiting:  # Another process has matched it in the meantime.
        return
    rate = matcher.renderer.sample_rate
    sound = load_target(targets, number, matcher.renderer, rate)
    target = Target(targets.names[number], sound.audio, rate)
    for way, path in waiting.items():
        answer = matcher.match(target, way, (*seed, number))
        write_text(path, json.dumps(answer))
        mss, seconds = f"MSS {answer['mss']:.2f}", f"{answer['seconds']:.0f} s"
        report(f"{target.name}: {WAYS[way]}: {mss} in {seconds}")


def ways_of(task: Task) -> dict[str, str]:
    """List the ways that a task can be matched in, with their names."""
    has_model = shipped_artifact(task.name) is not None
    return {way: name for way, name in WAYS.items() if has_model or way not in _SAMPLED}


def _write_table(plan: SearchPlan, out: Path, left_out: Sequence[str], targets: int) -> Table:
    """Write ``table.md``, with the targets that are left out so far, and return its table."""
    table = search_table(plan, out)
    remark = f"\n{left_out_list(left_out, targets)}\n" if left_out else ""
    write_text(out / TABLE, f"{table.markdown()}\n{remark}")
    return table


def search_table(plan: SearchPlan, out: Path) -> Table:
    """Lay out the finished targets: means, and differences of each way from the search."""
    headings = ["", "", "targets", *(metric.heading for metric in METRICS), "median MSS"]
    headings += ["median s", *(f"Δ {metric.heading}" for metric in METRICS)]
    rows, ways = [], ways_of(load_task(plan.task))
    for number, name in enumerate(plan.datasets):
        answers = _read_answers(out, number, ways)
        if not answers:
            continue
        for way, way_name in ways.items():
            row = [Path(name).name if way == "search" else "", way_name, str(len(answers[way]))]
            for metric in METRICS:
                values = np.array([answer[metric.name] for answer in answers[way]])
                row.append(format_interval(*mean_interval(values), metric.digits))
            row.append(f"{np.median([answer['mss'] for answer in answers[way]]):.2f}")
            row.append(f"{np.median([answer['seconds'] for answer in answers[way]]):.0f}")
            for metric in METRICS:
                pairs = zip(answers["search"], answers[way], strict=True)
                gaps = np.array([a[metric.name] - b[metric.name] for a, b in pairs])
                difference = format_difference(*mean_difference(gaps), metric.digits)
                row.append("" if way == "search" else difference)
            rows.append(row)
    return Table(headings, rows)


class StudyMatcher:
    """Matches targets in any way; holds the engines, the index and the model. Close it."""

    def __init__(self, task: Task, renders: int, workers: int | None = None) -> None:
        torch.set_num_threads(1)
        self._task, self._renders = task, renders
        self._index: DrawIndex = load_index(task)
        has_model = shipped_artifact(task.name) is not None
        self._posterior: Posterior | None = load_posterior(task) if has_model else None
        self.renderer = Renderer(task.synth, workers)

    def close(self) -> None:
        """Stop the engines."""
        self.renderer.close()

    def match(self, target: Target, way: str, seed: tuple[int, ...]) -> dict[str, Any]:
        """Match a target in one way; return the answer and its metrics.

        Raises :class:`~unsynth.errors.SoundError` if no render can be heard.
        """
        rng, start = np.random.default_rng(seed), time.perf_counter()
        with closing(Judge(self._task, target, self.renderer, target.fast_distance)) as judge:
            self._run(target, way, judge, rng)
            finalists = judge.ranked()[:_FINALISTS]
        if not finalists:
            raise SoundError(f"{target.name}: all renders of {WAYS[way]} are silent or failed")
        mss = MultiScaleSpectral(target.audio, target.sample_rate)
        answer = min(finalists, key=lambda c: mss(c.audio[None])[0])
        metrics = audio_metrics(target.audio, answer.audio, target.sample_rate)
        return {
            "target": target.name,
            "way": way,
            **metrics._asdict(),
            "distance": answer.score,
            "renders": judge.renders,
            "seconds": time.perf_counter() - start,
            "origin": answer.origin,
            "parameters": self._task.spec.named(answer.patch),
        }

    def _run(self, target: Target, way: str, judge: Judge, rng: np.random.Generator) -> None:
        task, space = self._task, Space(self._task)
        note = estimate_note(target.audio, target.sample_rate, task)
        start: list[Candidate] = []
        if self._posterior is not None and way in (*_SAMPLED, "search"):
            count = 1 if way == "one" else SAMPLES
            while not start and judge.renders < SAMPLES:  # Replace a silent sample.
                samples = self._posterior.sample(target.audio, count, rng, fixed=note.fixed_values)
                start = list(judge([(patch, "posterior") for patch in samples]))
        if way in ("nearest", "index", "search"):
            each = NEAREST // len(note.durations)
            lists = nearest_per_duration(self._index, target.audio, target.sample_rate, note, each)
            nearest = list(judge([(patch, "index") for patches in lists for patch in patches]))
        if way == "random":
            nearest = list(judge([(_draw(task, note, rng), "prior") for _ in range(PARENTS)]))
        remaining = self._renders - judge.renders
        match way:
            case "search":
                sketch, unrendered = sketch_of(task), []
                if sketch is not None and sketch.dear_renders:
                    draws = nearest_draws(self._index, target, note, Locks(task), UNRENDERED_DRAWS)
                    unrendered = [patch for patch, _ in draws]
                for _ in search(
                    *(task, target, judge, [*start, *nearest], rng),
                    unrendered=unrendered,
                    posterior=self._posterior,
                    renders=remaining,
                ):
                    pass
            case "index" | "random":
                genetic(space, nearest, judge, remaining, rng)
            case "evolution":
                evolution_strategy(space, lambda: _draw(task, note, rng), judge, remaining, rng)


def _draw(task: Task, estimate: NoteEstimate, rng: np.random.Generator) -> Patch:
    """Draw a patch from the prior, and its note from the possible pitches and durations."""
    pitch, duration = int(rng.choice(estimate.pitches)), float(rng.choice(estimate.durations))
    return task.with_note(task.sample(rng), Note(pitch, estimate.onset, duration))


def _turns(plan: SearchPlan, sets: Sequence[Targets]) -> Iterator[tuple[int, int]]:
    """Yield (set, number): the sets in turn; the targets of each spread over it and shuffled."""
    orders = []
    for number, targets in enumerate(sets):
        count = min(plan.targets, len(targets.names))
        spread = np.linspace(0, len(targets.names) - 1, count).round().astype(int)
        orders.append(np.random.default_rng((plan.seed, number)).permutation(spread).tolist())
    for turn in range(max(map(len, orders), default=0)):
        for number, order in enumerate(orders):
            if turn < len(order):
                yield number, order[turn]


def _answer_path(out: Path, set_number: int, number: int, way: str) -> Path:
    return out / f"set{set_number + 1}-{number:04d}-{way}.json"


def _read_answers(
    out: Path, set_number: int, ways: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Read the answers of a set by way, for the targets that are finished, in one order."""
    answers: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(out.glob(f"set{set_number + 1}-*-search.json")):
        number = int(path.stem.split("-")[1])
        paths = {way: _answer_path(out, set_number, number, way) for way in ways}
        if all(each.exists() for each in paths.values()):
            for way, each in paths.items():
                answers.setdefault(way, []).append(read_answer(each))
    return answers


def read_answer(path: Path) -> dict[str, Any]:
    """Read the answer to a target; raises :class:`StudyError` for a file that holds none."""
    answer = read_json(path)
    whole = isinstance(answer, dict) and isinstance(answer.get("parameters"), dict)
    if not whole or any(type(answer.get(metric.name)) is not float for metric in METRICS):
        raise StudyError(f"{path}: holds no answer of this version; delete it")
    return answer
