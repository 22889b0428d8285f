"""``unsynth reproduce table1``: Table 1 of the paper, from trained models to the table.

Every model is scored on every set of targets as ``unsynth evaluate`` does. Of each task and set the
table has one sample (the paper's protocol) and the best of K of each model, with the difference of
its MSS from the first model, paired by target; if asked for, the search; then what needs no model
(a random draw, the nearest draw of the index, the noise floor), and the numbers that the paper has.

The folder holds ``plan.json``, one evaluation per model and set, ``searches`` with a folder per
task and set, ``table.md`` and ``table.tex``. A study that resumes may have more models and sets,
and searches; what is scored is kept. An evaluation whose samples were drawn elsewhere (``unsynth
evaluate --estimates-only --out``) is taken as it is.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unsynth.documents import printable
from unsynth.errors import SoundError
from unsynth.evaluation.compare import mean_difference
from unsynth.evaluation.evaluate import EvaluationProgress, evaluate
from unsynth.evaluation.folder import SETTINGS, read_evaluation
from unsynth.evaluation.scorer import estimate_names
from unsynth.evaluation.settings import EvaluationRequest
from unsynth.evaluation.tables import (
    Table,
    format_difference,
    left_out_list,
    published_scores,
    scores_table,
)
from unsynth.evaluation.targets import find_targets, load_target
from unsynth.index.files import hash_index, load_index
from unsynth.metrics.audio import METRICS
from unsynth.models.artifact import find_weights, read_artifact, shipped_artifact
from unsynth.output import write_text
from unsynth.search.candidates import Target
from unsynth.studies.folder import PLAN, TABLE, Report, StudyError, read_plan, write_plan
from unsynth.studies.search import StudyMatcher, check_renders, read_answer
from unsynth.tasks.catalogue import load_task
from unsynth.version import __version__

#: The estimates of a model, and those that need none, by their keys in an evaluation.
_OF_MODEL = ("one", "best")
_OF_TASK = ("random", "nearest", "floor")
#: Seconds between two reports of progress.
_REPORT_SECONDS = 20.0
#: Reasons that are reported of the targets that are left out.
_MOST_REASONS = 10


@dataclass(frozen=True)
class TrainedModel:
    """A model by the name that the table gives it; ``source`` is as for ``unsynth evaluate``."""

    name: str
    source: str

    @classmethod
    def parse(cls, text: str) -> "TrainedModel":
        """Read ``NAME=FILE``, or a file or task, which is named after itself.

        An equals sign in a path is part of the path.

        >>> TrainedModel.parse("CNF (MLP)=runs/mlp.safetensors")
        TrainedModel(name='CNF (MLP)', source='runs/mlp.safetensors')
        >>> TrainedModel.parse("runs/mlp.safetensors").name
        'mlp'
        >>> TrainedModel.parse("runs/lr=1e-4/mlp.safetensors").source
        'runs/lr=1e-4/mlp.safetensors'
        """
        name, equals, source = text.partition("=")
        if not equals or re.search(r"[/\\]", name) or Path(text).exists():
            return cls(Path(text).stem, text)
        return cls(name, source)


@dataclass(frozen=True)
class Table1Plan:
    """The settings of the study."""

    models: Sequence[TrainedModel]
    #: Sets of targets, each of which gets its own columns.
    datasets: Sequence[str]
    #: The most targets of a set.
    limit: int | None
    candidates: int
    seed: int
    #: Renders of a search per target; ``None``: no search.
    search_renders: int | None = None


@dataclass(frozen=True)
class _Scored:
    """The evaluation of a model on a set."""

    model: TrainedModel
    settings: dict[str, Any]
    rows: list[dict[str, Any]]


def run_table1(
    plan: Table1Plan,
    out: Path,
    workers: int | None = None,
    resume: bool = False,
    report: Report = print,
) -> dict[str, Table]:
    """Score all models on all sets; write ``table.md`` and ``table.tex``, and return the tables.

    The keys name task and set. Raises :class:`StudyError` where ``out`` holds another study or two
    models have the same name, and the errors of evaluations. Ctrl-C keeps scored targets.
    """
    plan, tasks = _check(plan, out, resume)
    scored: dict[tuple[str, str], list[_Scored]] = {}
    for dataset in plan.datasets:
        for model in plan.models:
            of_task = scored.setdefault((tasks[model.name], dataset), [])
            folder = out / _folder_name(model.name, dataset)
            # What needs no model is scored once, with the first model of the task.
            _score(plan, model, dataset, bool(of_task), folder, workers, report)
            of_task.append(_Scored(model, *read_evaluation(folder)))
    tables = {}
    for (task, dataset), each in scored.items():
        search_rows = _search(plan, task, dataset, each[0], out, workers, report)
        tables[f"{task}, {dataset}"] = _table(each, search_rows, plan.search_renders)
    write_text(out / TABLE, "\n".join(_page(plan, tables)))
    write_text(
        out / "table.tex",
        "\n\n".join(f"% {name}\n{table.latex()}" for name, table in tables.items()) + "\n",
    )
    return tables


def _check(plan: Table1Plan, out: Path, resume: bool) -> tuple[Table1Plan, dict[str, str]]:
    """Check models, sets and the folder.

    Returns the plan, with the search of the study that it resumes, and the task of each model by
    the model's name. What is wrong with the last set is found before the first is scored, which may
    take hours.
    """
    names = [model.name for model in plan.models]
    folders = {_folder_name(name, dataset) for name in names for dataset in plan.datasets}
    if "" in names or len(folders) < len(names) * len(plan.datasets):
        raise StudyError(
            "two models or two sets have the same name, or names that give one folder; write "
            "NAME=FILE for models, and give each set once"
        )
    artifacts = {model.name: read_artifact(find_weights(model.source)) for model in plan.models}
    for source in {artifact.source for artifact in artifacts.values()}:
        task = load_task(source)
        for dataset in plan.datasets:
            find_targets([dataset], task, plan.seed)
    if plan.search_renders is not None:
        check_renders(plan.search_renders)
        for source in {artifact.source for artifact in artifacts.values()}:
            load_index(load_task(source))
    settings = {"limit": plan.limit, "candidates": plan.candidates, "seed": plan.seed}
    models = [[name, artifact.sha256[:16]] for name, artifact in artifacts.items()]
    stored = read_plan(out, settings, resume) or {}
    parts: dict[str, list[Any]] = {"models": models, "datasets": list(plan.datasets)}
    for key, now in parts.items():
        then = stored.get(key, [])
        if not isinstance(then, list) or now[: len(then)] != then:
            raise StudyError(
                f"{out} holds a study of other {key}, or in another order; give those first, or "
                "choose another --out"
            )
    renders = stored.get("search_renders")
    if isinstance(renders, int) and plan.search_renders not in (None, renders):
        raise StudyError(f"{out} has searches of {renders} renders; choose another --out")
    plan = replace(plan, search_renders=plan.search_renders or renders)
    write_plan(out, {"asked": settings, **parts, "search_renders": plan.search_renders})
    return plan, {name: artifact.source for name, artifact in artifacts.items()}


def _folder_name(model: str, dataset: str) -> str:
    return re.sub(r"[^\w.]+", "-", f"{model}-{dataset}").strip("-.").lower()


def _score(
    plan: Table1Plan,
    model: TrainedModel,
    dataset: str,
    samples_only: bool,
    folder: Path,
    workers: int | None,
    report: Report,
) -> None:
    request = EvaluationRequest(
        model.source,
        [dataset],
        plan.candidates,
        plan.limit,
        plan.seed,
        samples_only=samples_only,
    )
    reported = time.monotonic()
    for event in evaluate(request, folder, workers, resume=(folder / SETTINGS).exists()):
        if isinstance(event, EvaluationProgress):
            if time.monotonic() > reported + _REPORT_SECONDS:
                reported = time.monotonic()
                report(f"{model.name}: {event.done} of {event.total} targets of {dataset}")
        else:
            report(f"{model.name}: {event.targets - len(event.left_out)} targets of {dataset}")
            if event.left_out:
                report(left_out_list(event.left_out, event.targets, most=_MOST_REASONS))


def _search(
    plan: Table1Plan,
    source: str,
    dataset: str,
    scored: _Scored,
    out: Path,
    workers: int | None,
    report: Report,
) -> list[dict[str, Any]]:
    """Match the scored targets of a set by the search; return rows like those of an evaluation.

    It has the task's index and, if one ships, its model. A target of which all renders are silent
    or fail has no row.
    """
    if plan.search_renders is None:
        return []
    task, rows, search_rows = load_task(source), scored.rows, []
    folder = out / "searches" / _folder_name(task.name, dataset)
    weights = shipped_artifact(task.name)
    settings = {
        "of": scored.settings["of"],
        "renders": plan.search_renders,
        "seed": plan.seed,
        "model": None if weights is None else read_artifact(weights).sha256[:16],
        "index": hash_index(task),
        "unsynth": __version__,
    }
    if read_plan(folder, settings, resume=(folder / PLAN).exists()) is None:
        write_plan(folder, settings)
    paths = {row["item"]: folder / f"{row['item']:04d}.json" for row in rows}
    with ExitStack() as stack:
        if not all(path.exists() for path in paths.values()):
            matcher = StudyMatcher(task, plan.search_renders, workers)
            stack.enter_context(closing(matcher))
            targets = find_targets([dataset], task, plan.seed)
        for number, row in enumerate(rows, start=1):
            path = paths[row["item"]]
            if not path.exists():
                rate = matcher.renderer.sample_rate
                sound = load_target(targets, row["item"], matcher.renderer, rate)
                target = Target(row["name"], sound.audio, rate)
                try:
                    answer = matcher.match(target, "search", (plan.seed, row["item"]))
                except SoundError as error:
                    report(f"left out of the search: {printable(str(error))}")
                    continue
                write_text(path, json.dumps(answer))
                mss, of = answer["mss"], f"{number} of {len(rows)} targets of {dataset}"
                report(f"search: MSS {mss:.2f}, {of}")
            answer = read_answer(path)
            scores = {f"search.{metric.name}": answer[metric.name] for metric in METRICS}
            pitch = {"search.pitch": answer["parameters"].get("note.pitch")}
            known = {"item": row["item"], "pitch": row["pitch"], "search.failed": False}
            search_rows.append(known | scores | pitch)
    return search_rows


def _table(
    evaluations: Sequence[_Scored], search_rows: Sequence[dict[str, Any]], renders: int | None
) -> Table:
    """Lay out the evaluations and searches of one task on one set."""
    first = evaluations[0]
    candidates, rows = first.settings["candidates"], first.rows
    names = estimate_names(candidates, rows[0]["index_draws"])
    lines: list[list[str]] = []
    for key in _OF_MODEL:
        for each in evaluations:
            label = {key: f"{each.model.name}: {names[key]}"}
            (line,) = scores_table(each.rows, label).rows
            gap = "" if each is first else _difference((each.rows, key), (rows, key))
            lines.append([*line, gap])
    if search_rows:
        (line,) = scores_table(search_rows, {"search": f"search, {renders:,} renders"}).rows
        lines.append([*line, _difference((search_rows, "search"), (rows, _OF_MODEL[-1]))])
    shared = scores_table(
        rows, {key: names[key] for key in _OF_TASK}, published=published_scores(first.settings)
    )
    lines += [[*line, ""] for line in shared.rows]
    return Table([*shared.headings, f"Δ {METRICS[0].heading} [95 %]"], lines)


def _difference(
    estimate: tuple[Sequence[dict[str, Any]], str], first: tuple[Sequence[dict[str, Any]], str]
) -> str:
    """Format the mean difference in MSS of two estimates, with its interval over targets.

    An estimate is given by the rows of an evaluation and its key.
    """
    scores, reference = (
        {row["item"]: row[f"{key}.{METRICS[0].name}"] for row in rows}
        for rows, key in (estimate, first)
    )
    shared = sorted(scores.keys() & reference.keys())
    gaps = np.array([scores[item] - reference[item] for item in shared])
    return format_difference(*mean_difference(gaps), METRICS[0].digits)


def _page(plan: Table1Plan, tables: dict[str, Table]) -> Iterator[str]:
    limit = "" if plan.limit is None else f" at most {plan.limit:,} targets per set,"
    yield f"# Table 1\n\nMean ± 95 % interval over targets;{limit} seed {plan.seed}."
    search = "; the search is compared with that model's best" if plan.search_renders else ""
    yield f"The last column is the paired difference from the first model{search}.\n"
    for name, table in tables.items():
        yield f"## {name}\n\n{table.markdown()}\n"
