"""``unsynth reproduce arms``: compare experiments at equal training FLOPs.

Each experiment is an arm, and so is each variant of the first experiment. The number of steps of an
arm is what the FLOPs pay for, counted as ``unsynth train --dry-run`` counts them. Every arm trains
from every seed, and its averaged weights are scored on the same targets. The first arm is the
reference: differences from it are paired by target and averaged over the seeds, with 95 %
intervals over the targets. The difference of each seed stands beside them, because an interval over
targets does not show how much training itself varies.

The folder holds ``plan.json`` (the settings, and the cost of each arm), one run folder per arm and
seed with its ``weights.safetensors`` and its ``evaluation``, and at the end ``table.md``. A study
that resumes may have more arms, other arms or more seeds; finished runs are kept. Processes that
share a folder share the work.
"""

import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, PositiveInt

from unsynth.documents import DocumentError, counted, shown, validate
from unsynth.evaluation.evaluate import EvaluationResult, evaluate
from unsynth.evaluation.folder import SETTINGS, read_evaluation
from unsynth.evaluation.settings import EvaluationRequest
from unsynth.evaluation.tables import Table, format_interval, left_out_list, mean_interval
from unsynth.files import lock_file
from unsynth.metrics.audio import METRICS
from unsynth.output import write_text
from unsynth.studies.folder import PLAN, TABLE, Report, StudyError, read_plan, write_plan
from unsynth.tasks.catalogue import load_task
from unsynth.training.checkpoint import CHECKPOINT
from unsynth.training.dry_run import dry_run
from unsynth.training.experiment import load_experiment
from unsynth.training.export import export_artifact
from unsynth.training.train import open_set, train

#: Wait between two attempts to get a run that another process works on.
_RETRY_SECONDS = 10.0
_WEIGHTS, _EVALUATION = "weights.safetensors", "evaluation"
#: Reasons that are reported of the targets that are left out.
_MOST_REASONS = 10
#: The estimates of an evaluation that are compared, with their names in the table.
_ESTIMATES = {"one": "one sample", "best": "best of {}"}


@dataclass(frozen=True)
class Arm:
    """An experiment with some of its settings changed, and its cost."""

    name: str
    experiment: Path
    settings: Sequence[str]
    parameters: int
    steps: int


@dataclass(frozen=True)
class ArmsPlan:
    """The settings of a study of arms."""

    experiments: Sequence[Path]
    #: Settings of all arms, such as ``training.steps=100``.
    overrides: Sequence[str]
    #: Further arms, each the first experiment with other settings: ``NAME KEY=VALUE KEY=VALUE``,
    #: split as a shell would.
    variants: Sequence[str]
    #: Training FLOPs of each arm from each seed.
    flops: float
    seeds: int
    dataset: Sequence[str]
    candidates: int


def run_arms(
    plan: ArmsPlan,
    out: Path,
    workers: int | None = None,
    resume: bool = False,
    report: Report = print,
) -> Table:
    """Train and score all arms; write ``table.md`` and return its table.

    Ctrl-C keeps finished work. Raises :class:`StudyError` where ``out`` holds another study or the
    FLOPs do not pay for one step, and the errors of training and evaluation.
    """
    arms = _plan_arms(plan, out, resume, report)
    runs = [(arm, seed) for seed in range(plan.seeds) for arm in arms]
    while runs:
        waiting = [run for run in runs if not _try_run(*run, plan, out, workers, report)]
        if len(waiting) == len(runs):
            report(f"{len(runs)} runs remain; other processes work on them")
            time.sleep(_RETRY_SECONDS)
        runs = waiting
    table = arms_table(plan, arms, out)
    write_text(out / TABLE, f"{_subtitle(plan)}\n\n{table.markdown()}\n")
    return table


def arms_table(plan: ArmsPlan, arms: Sequence[Arm], out: Path) -> Table:
    """Lay out the scores of all arms, and the difference of each arm from the first."""
    headings = ["", "parameters", "steps", "estimate", *(metric.heading for metric in METRICS)]
    headings += [f"Δ {METRICS[0].heading}", "of each seed"]
    rows = []
    evaluations = _read_evaluations(out, arms, plan.seeds)
    for estimate, name in _ESTIMATES.items():
        reference = None
        for arm in arms:
            scores = {
                metric.name: np.array(
                    [
                        [row[f"{estimate}.{metric.name}"] for row in evaluations[arm.name, seed]]
                        for seed in range(plan.seeds)
                    ]
                )
                for metric in METRICS
            }
            cells = [arm.name, f"{arm.parameters:,}", f"{arm.steps:,}"]
            cells.append(name.format(plan.candidates))
            for metric in METRICS:
                mean = mean_interval(scores[metric.name].mean(axis=0))
                cells.append(format_interval(*mean, metric.digits))
            first_metric = scores[METRICS[0].name]
            if reference is None:
                reference = first_metric
                cells += ["", ""]
            else:
                gaps = first_metric - reference
                cells.append(format_interval(*mean_interval(gaps.mean(axis=0)), 2))
                cells.append(", ".join(f"{value:+.2f}" for value in gaps.mean(axis=1)))
            rows.append(cells)
    return Table(headings, rows)


def _read_evaluations(
    out: Path, arms: Sequence[Arm], seeds: int
) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Read the rows of each arm and seed, of the targets that all of them have scored."""
    rows = {
        (arm.name, seed): {
            row["item"]: row
            for row in read_evaluation(out / f"{arm.name}-seed{seed}" / _EVALUATION)[1]
        }
        for arm in arms
        for seed in range(seeds)
    }
    shared = sorted(set.intersection(*(set(each) for each in rows.values())))
    if not shared:
        raise StudyError(f"{out}: there is no target that all arms have scored")
    return {run: [each[item] for item in shared] for run, each in rows.items()}


def _subtitle(plan: ArmsPlan) -> str:
    return (
        f"{plan.flops:g} FLOPs of training each, {counted(plan.seeds, 'seed')}, "
        f"{' '.join(plan.dataset)}; mean and 95 % interval over targets of the seeds' mean"
    )


def _parse_variant(variant: str) -> tuple[str, list[str]]:
    """Split a variant into its name, which also names folders, and its settings."""
    try:
        name, *changes = shlex.split(variant)
    except ValueError as error:
        raise StudyError(f"--variant {shown(variant)}: {error}") from None
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise StudyError(
            f"--variant {shown(variant)}: {shown(name)} is no name for a folder; use letters, "
            "digits, - and _"
        )
    return name, changes


def _plan_arms(plan: ArmsPlan, out: Path, resume: bool, report: Report) -> list[Arm]:
    """Find the cost of each arm; write the plan, or check that ``out`` holds this study."""
    settings_by_name: dict[str, tuple[Path, Sequence[str]]]
    settings_by_name = {path.stem: (path, ()) for path in plan.experiments}
    for variant in plan.variants:
        name, changes = _parse_variant(variant)
        settings_by_name[name] = plan.experiments[0], changes
    if len(settings_by_name) < len(plan.experiments) + len(plan.variants):
        raise StudyError("two arms have the same name: rename one")
    settings = {
        "overrides": list(plan.overrides),
        "flops": plan.flops,
        "dataset": list(plan.dataset),
        "candidates": plan.candidates,
    }
    stored_arms = _stored_arms(out, read_plan(out, settings, resume))
    arms, descriptions = [], {}
    for name, (path, arm_settings) in settings_by_name.items():
        experiment = load_experiment(path, [*plan.overrides, *arm_settings])
        task = load_task(experiment.task)
        description = {
            "experiment": _read(path),
            "settings": list(arm_settings),
            "task": f"{task.name} {task.hash}",
            "data": None if experiment.data.folder is None else open_set(experiment, task).contents,
        }
        if name not in stored_arms:
            cost = _cost(name, path, arm_settings, plan, report)
        else:
            stored = stored_arms[name]
            different = [key for key, value in description.items() if stored[key] != value]
            if different:
                key = different[0]
                raise StudyError(
                    f"{out} has another arm {name}, with {key} {shown(stored[key])}, not "
                    f"{shown(description[key])}: give this one another name"
                )
            cost = {key: stored[key] for key in ("parameters", "steps")}
        arms.append(Arm(name, path, arm_settings, **cost))
        descriptions[name] = description | cost
    write_plan(out, {"asked": settings, "arms": stored_arms | descriptions})
    return arms


class _StoredArm(BaseModel):
    """An arm in ``plan.json``."""

    experiment: str
    settings: list[str]
    #: Name and hash of the task, and the content of the set to train from.
    task: str
    data: str | None
    parameters: PositiveInt
    steps: PositiveInt


class _StoredPlan(BaseModel):
    """A whole ``plan.json``."""

    asked: dict[str, Any]
    arms: dict[str, _StoredArm]


def _stored_arms(out: Path, plan: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the arms of a plan that was read; raises :class:`StudyError` if it is damaged."""
    if plan is None:
        return {}
    try:
        return validate(_StoredPlan, plan).model_dump()["arms"]
    except DocumentError as error:
        raise StudyError(f"{out / PLAN}: is damaged ({error}); choose another --out") from None


def _cost(
    name: str, path: Path, settings: Sequence[str], plan: ArmsPlan, report: Report
) -> dict[str, int]:
    costs = dry_run(path, [*plan.overrides, *settings])
    steps = int(plan.flops / costs["flops_per_step"])
    if steps < 1:
        raise StudyError(
            f"{name}: one step takes {costs['flops_per_step']:.3g} FLOPs, more than --flops; "
            "give more"
        )
    parameters = costs["parameters"]["total"]
    report(f"{name}: {parameters:,} parameters, {steps:,} steps")
    return {"parameters": parameters, "steps": steps}


def _try_run(
    arm: Arm, seed: int, plan: ArmsPlan, out: Path, workers: int | None, report: Report
) -> bool:
    """Train and score an arm from a seed; return false where another process is doing so."""
    folder = out / f"{arm.name}-seed{seed}"
    with lock_file(folder.with_name(f"{folder.name}.lock")) as locked:
        if locked:
            _train(arm, seed, plan, folder, report)
            _score(plan, folder, workers, report)
    return locked


def _train(arm: Arm, seed: int, plan: ArmsPlan, folder: Path, report: Report) -> None:
    weights = folder / _WEIGHTS
    if weights.exists():
        return
    report(f"{folder.name}: {arm.steps:,} steps")
    settings = [*plan.overrides, *arm.settings, f"training.steps={arm.steps}", f"seed={seed}"]
    run = train(arm.experiment, settings, (folder / CHECKPOINT).exists(), folder)
    if run is None or run.step < run.steps:
        # Training returns early, without an error, after Ctrl-C.
        raise KeyboardInterrupt
    export_artifact(folder, weights)


def _score(plan: ArmsPlan, folder: Path, workers: int | None, report: Report) -> None:
    request = EvaluationRequest(
        str(folder / _WEIGHTS), plan.dataset, plan.candidates, samples_only=True
    )
    scores = folder / _EVALUATION
    for event in evaluate(request, scores, workers, resume=(scores / SETTINGS).exists()):
        if isinstance(event, EvaluationResult):
            report(f"{folder.name}: scored")
            if event.left_out:
                report(left_out_list(event.left_out, event.targets, most=_MOST_REASONS))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
