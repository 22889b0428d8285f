"""``unsynth reproduce arms``: experiments against each other at equal training FLOPs.

Each experiment is an arm, and so is each variant of the first. Its steps are those that the FLOPs
pay for, counted as ``unsynth train --dry-run`` counts them; it trains from each seed, and its
averaged weights are scored on the same targets. The first arm is what the others are compared with:
differences are means over the seeds, target by target, with 95 % intervals over the targets. They
stand beside the difference of each seed, as targets say nothing of how much training itself varies.

The folder holds ``plan.json`` (what was asked, and each arm's steps), a run's folder for each arm
and seed with its ``weights.safetensors`` and its ``evaluation``, and at the end ``table.md``. A
study that is gone on with may have other arms, or more seeds: those that are done stay. Processes
that share a folder share the work.
"""

import json
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import Float

from unsynth.evaluation.evaluate import Evaluated, evaluate
from unsynth.evaluation.folder import SETTINGS, read_evaluation
from unsynth.evaluation.tables import METRICS, Table, mean_interval, written
from unsynth.files import replacing
from unsynth.studies.folder import StudyError
from unsynth.training.callbacks import CHECKPOINT
from unsynth.training.dry_run import dry_run
from unsynth.training.export import export_artifact
from unsynth.training.train import train

_PLAN, _TABLE = "plan.json", "table.md"
_PATIENCE_SECONDS = 10.0
_WEIGHTS, _EVALUATION = "weights.safetensors", "evaluation"
#: How tables call what an evaluation has of each target.
_ESTIMATES = {"one": "one sample", "best": "best of {}"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Arm:
    """An experiment with some settings changed, and what it costs."""

    name: str
    experiment: Path
    settings: Sequence[str]
    parameters: int
    steps: int


@dataclass(frozen=True)
class Arms:
    """What was asked."""

    experiments: Sequence[Path]
    #: Settings of all arms, as ``training.steps=100``.
    overrides: Sequence[str]
    #: More arms: the first experiment with other settings, as a shell would split ``NAME KEY=VALUE
    #: KEY=VALUE``.
    variants: Sequence[str]
    #: Of training, for each arm and seed.
    flops: float
    seeds: int
    dataset: Sequence[str]
    candidates: int


def run_arms(
    asked: Arms, out: Path, workers: int | None = None, resume: bool = False, say: Say = print
) -> Table:
    """Train and score all arms, or go on; leave ``table.md`` and return it.

    Ctrl-C keeps what is done. Raises :class:`StudyError` where ``out`` holds another study, or the
    FLOPs do not pay for a step, and what training and evaluating raise.
    """
    arms = _prepare(asked, out, resume, say)
    left = [(arm, seed) for seed in range(asked.seeds) for arm in arms]
    while left:
        taken = [each for each in left if _try_arm(*each, asked, out, workers, say)]
        left = [each for each in left if each not in taken]
        if not taken:
            say(f"{len(left)} runs are left, which other processes work on")
            time.sleep(_PATIENCE_SECONDS)
    found = table(asked, arms, out)
    _write(out / _TABLE, f"{_subtitle(asked)}\n\n{found.markdown()}\n")
    return found


def table(asked: Arms, arms: Sequence[Arm], out: Path) -> Table:
    """Lay out the scores of all arms, and the differences of all but the first from it."""
    headings = ["", "parameters", "steps", "estimate", *(metric.heading for metric in METRICS)]
    headings += [f"Δ {METRICS[0].heading}", "of each seed"]
    rows = []
    for estimate, name in _ESTIMATES.items():
        first = None
        for arm in arms:
            scores = {
                metric.name: _scores(out, arm, asked.seeds, f"{estimate}.{metric.name}")
                for metric in METRICS
            }
            cells = [arm.name, f"{arm.parameters:,}", f"{arm.steps:,}"]
            cells.append(name.format(asked.candidates))
            for metric in METRICS:
                mean = mean_interval(scores[metric.name].mean(axis=0))
                cells.append(written(*mean, metric.digits))
            ours = scores[METRICS[0].name]
            if first is None:
                first, difference = ours, ["", ""]
            else:
                gap = ours - first
                each = ", ".join(f"{value:+.2f}" for value in gap.mean(axis=1))
                difference = [written(*mean_interval(gap.mean(axis=0)), 2), each]
            rows.append(cells + difference)
    return Table(headings, rows)


def _scores(out: Path, arm: Arm, seeds: int, column: str) -> Float[np.ndarray, "seeds targets"]:
    folders = [out / f"{arm.name}-seed{seed}" / _EVALUATION for seed in range(seeds)]
    return np.array([[row[column] for row in read_evaluation(folder)[1]] for folder in folders])


def _subtitle(asked: Arms) -> str:
    return (
        f"{asked.flops:g} FLOPs of training each, {asked.seeds} seeds, {' '.join(asked.dataset)}; "
        "mean and 95 % interval over targets of the seeds' mean"
    )


def _prepare(asked: Arms, out: Path, resume: bool, say: Say) -> list[Arm]:
    """Make the folder, or check that it holds this study; find what each arm costs."""
    settings: dict[str, tuple[Path, Sequence[str]]]
    settings = {path.stem: (path, ()) for path in asked.experiments}
    for variant in asked.variants:
        name, *changes = shlex.split(variant)
        settings[name] = asked.experiments[0], changes
    if len(settings) < len(asked.experiments) + len(asked.variants):
        raise StudyError("two arms have one name: rename one")
    question = {
        "overrides": list(asked.overrides),
        "flops": asked.flops,
        "dataset": list(asked.dataset),
        "candidates": asked.candidates,
    }
    plan = out / _PLAN
    if plan.exists():
        if not resume:
            raise StudyError(f"{out} holds a study: add --resume, or choose another --out")
        stored = json.loads(plan.read_text(encoding="utf-8"))
        for key, value in question.items():
            if stored["asked"][key] != value:
                raise StudyError(f"{out} is a study with other {key}: choose another --out")
        done = stored["arms"]
    else:
        if resume:
            raise StudyError(f"{plan} is missing: there is nothing to resume")
        done = {}
    arms, described = [], {}
    for name, (path, own) in settings.items():
        arm = {"experiment": _read(path), "settings": list(own)}
        if name not in done:
            cost = _cost(name, path, own, asked, say)
        elif all(done[name][key] == value for key, value in arm.items()):
            cost = {key: done[name][key] for key in ("parameters", "steps")}
        else:
            raise StudyError(f"{out} has another arm {name}: give this one another name")
        arms.append(Arm(name, path, own, **cost))
        described[name] = arm | cost
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(plan, json.dumps({"asked": question, "arms": done | described}, indent=1))
    except OSError as error:
        raise StudyError(f"{out} cannot be written: {error.strerror}") from None
    return arms


def _cost(name: str, path: Path, settings: Sequence[str], asked: Arms, say: Say) -> dict[str, int]:
    found = dry_run(path, [*asked.overrides, *settings])
    steps = int(asked.flops / found["flops_a_step"])
    if steps < 1:
        raise StudyError(
            f"{name}: a step takes {found['flops_a_step']:.3g} FLOPs, more than --flops"
        )
    parameters = found["parameters"]["total"]
    say(f"{name}: {parameters:,} parameters, {steps:,} steps")
    return {"parameters": parameters, "steps": steps}


def _try_arm(arm: Arm, seed: int, asked: Arms, out: Path, workers: int | None, say: Say) -> bool:
    """Train and score an arm from a seed, unless another process does; say whether it is done."""
    folder = out / f"{arm.name}-seed{seed}"
    try:
        with FileLock(f"{folder}.lock", blocking=False):
            _train(arm, seed, asked, folder, say)
            _score(asked, folder, workers, say)
    except Timeout:
        return False
    return True


def _train(arm: Arm, seed: int, asked: Arms, folder: Path, say: Say) -> None:
    weights = folder / _WEIGHTS
    if weights.exists():
        return
    say(f"{folder.name}: {arm.steps:,} steps")
    settings = [*asked.overrides, *arm.settings, f"training.steps={arm.steps}", f"seed={seed}"]
    run = train(arm.experiment, settings, (folder / CHECKPOINT).exists(), folder)
    if run is None or run.step < run.steps:
        raise KeyboardInterrupt
    export_artifact(folder, weights)


def _score(asked: Arms, folder: Path, workers: int | None, say: Say) -> None:
    scored = folder / _EVALUATION
    begun = (scored / SETTINGS).exists()
    for event in evaluate(
        str(folder / _WEIGHTS),
        asked.dataset,
        scored,
        asked.candidates,
        workers=workers,
        resume=begun,
        samples_only=True,
    ):
        if isinstance(event, Evaluated):
            say(f"{folder.name}: scored")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path}: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
