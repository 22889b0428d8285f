"""The cells that k-osc studies are made of: one model, trained and tested on one synthesizer.

Paper section 4.1. Training draws patches for ever, none twice, on the device that trains; a step
is a function of (cell, step), so a cell that was cut goes on from its last checkpoint as if it had
not been. Tested are the same patches for all cells of one k, by the log spectral distance of the
sounds, the MSE of the patches and the linear assignment cost in both forms.

A study's folder holds ``plan.json`` (what was asked and the steps that it came to), and for each
cell ``NAME.json`` (scores of every item; written last, so a cell that has it is done) and
``NAME.safetensors``, or ``NAME.part`` while it trains.
"""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save_file

from unsynth.files import replacing
from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.studies.folder import Say, StudyError, _load, _write
from unsynth.studies.kosc.cell import Cell, Result, Settings, Watcher
from unsynth.studies.kosc.scoring import evaluate
from unsynth.studies.kosc.training import Training

_CHECKPOINT_SECONDS = 300.0
_SPEAK_SECONDS = 20.0
_PATIENCE_SECONDS = 10.0
#: Share of a budget that is spent; the rest is for what the measurement did not see.
_SPENT = 0.9
#: How often a watcher looks, evenly in the logarithm of the step.
_LOOKS = 8
_PLAN = "plan.json"


def run(
    cells: Sequence[Cell],
    settings: Settings,
    out: Path,
    device: str = "auto",
    budget: float | None = None,
    resume: bool = False,
    say: Say = print,
    watcher: Watcher | None = None,
) -> tuple[list[Result], Settings]:
    """Train and test the cells that are not done, in turn; return all results, and the settings.

    Processes that share ``out`` share the work: each does the cells that no other does.
    ``budget``, in minutes, is for all cells together, and sets the steps, the same for each. Raises
    :class:`StudyError` for a folder that holds a study already (unless ``resume``) or another one,
    a device that is not there, and a budget too small for a step each.
    """
    place = _device(device)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    asked = dataclasses.asdict(settings) | {"budget": budget}
    settings = _prepare(out, asked, settings, resume, cells, place, say, watcher)
    while waiting := [cell for cell in cells if not (out / f"{cell.name}.json").exists()]:
        taken = [_try_cell(cell, settings, out, place, say, watcher) for cell in waiting]
        if not any(taken):
            say(f"  {len(waiting)} cells are left, which other processes work on")
            time.sleep(_PATIENCE_SECONDS)
    return [_read(out / f"{cell.name}.json") for cell in cells], settings


def _try_cell(
    cell: Cell,
    settings: Settings,
    out: Path,
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> bool:
    """Do a cell unless another process does it; say whether this one did."""
    lock = FileLock(out / f"{cell.name}.lock")
    path = out / f"{cell.name}.json"
    try:
        with lock.acquire(blocking=False):
            result = None
            if not path.exists():
                result = _run_cell(cell, settings, out, device, say, watcher)
    except Timeout:
        return False
    Path(lock.lock_file).unlink(missing_ok=True)
    if result is not None:
        say(
            f"{cell.name}: LSD {np.mean(result.scores['lsd']):.2f} dB, "
            f"{result.training_seconds:.0f} s training, {result.evaluation_seconds:.0f} s test"
        )
    return True


def _run_cell(
    cell: Cell,
    settings: Settings,
    out: Path,
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> Result:
    training = None
    part = out / f"{cell.name}.part"
    if cell.model is not Model.RANDOM:
        training = Training(cell, settings, device)
        if part.exists():
            training.load(part)
        try:
            _train(training, part, say, watcher)
        finally:
            training.close()
    start = time.perf_counter()
    model = None if training is None else training.model
    scores = evaluate(model, cell, settings, device)
    result = Result(
        model=cell.model.value,
        condition=cell.condition,
        k=cell.synth.oscillators,
        seed=cell.seed,
        parameters=0 if model is None else sum(p.numel() for p in model.parameters()),
        steps=0 if training is None else training.step,
        training_seconds=0.0 if training is None else training.seconds,
        evaluation_seconds=time.perf_counter() - start,
        loss=None if training is None else sum(training.losses) / len(training.losses),
        scores=scores,
        watched=[] if training is None else training.watched,
    )
    if model is not None:
        with replacing(out / f"{cell.name}.safetensors") as unfinished:
            save_file(model.state_dict(), unfinished)
    _write(out / f"{cell.name}.json", dataclasses.asdict(result))
    part.unlink(missing_ok=True)
    return result


def _train(training: Training, part: Path, say: Say, watcher: Watcher | None) -> None:
    steps = training.settings.steps
    if training.settings.flops is not None:
        steps = int(training.settings.flops / training.count_flops())
        if steps < 1:
            raise StudyError(f"{training.cell.name}: a step takes more FLOPs than it may have")
    looks = {round(steps ** (i / (_LOOKS - 1))) for i in range(_LOOKS)}
    saved = spoke = time.monotonic()
    while training.step < steps:
        training.advance()
        now = time.monotonic()
        model = training.model
        if watcher is not None and isinstance(model, SpectrumFlow) and training.step in looks:
            seen = watcher(training.cell, model.eval(), training.device)
            training.watched.append((training.step, seen))
            model.train()
        if now - saved > _CHECKPOINT_SECONDS:
            training.save(part)
            saved = now
        if now - spoke > _SPEAK_SECONDS:
            training.look()
            speed = training.step / training.seconds
            say(
                f"  {training.cell.name}: step {training.step}/{steps}, "
                f"loss {np.mean(training.losses):.4f}, {speed:.2f} steps/s"
            )
            spoke = now
    training.look()


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"--device {name} cannot be used: {reason}") from None
    return device


def _prepare(
    out: Path,
    asked: dict[str, Any],
    settings: Settings,
    resume: bool,
    cells: Sequence[Cell],
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> Settings:
    """Make or check the folder; find the settings with the steps of the budget."""
    plan = out / _PLAN
    if plan.exists():
        if not resume:
            raise StudyError(f"{out} holds a study: add --resume, or choose another --out")
        stored = _load(plan)
        for key, value in asked.items():
            if stored["asked"].get(key) != value:
                raise StudyError(
                    f"{out} is a study with {key} {stored['asked'].get(key)}, not {value}: "
                    "choose another --out"
                )
        return dataclasses.replace(settings, steps=stored["steps"])
    if resume:
        raise StudyError(f"{plan} is missing: there is nothing to resume")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{out} cannot be written: {error.strerror}") from None
    if asked["budget"] is not None:
        steps = _affordable(cells, settings, 60.0 * asked["budget"], device, say, watcher)
        settings = dataclasses.replace(settings, steps=steps)
    _write(plan, {"asked": asked, "steps": settings.steps})
    return settings


def _affordable(
    cells: Sequence[Cell],
    settings: Settings,
    seconds: float,
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> int:
    """Find how many steps each cell can take, from the speed of each model at each k."""
    start = time.perf_counter()
    trained = [cell for cell in cells if cell.model is not Model.RANDOM]
    step, test = {}, {}
    for cell in trained:
        kind = (cell.model, cell.synth)
        if kind in step:
            continue
        step[kind], test[kind] = _speed(cell, settings, device, watcher)
        say(f"  {cell.name}: {step[kind]:.3f} s a step, {test[kind]:.0f} s a test")
    kinds = [(cell.model, cell.synth) for cell in trained]
    left = _SPENT * (seconds - (time.perf_counter() - start)) - sum(test[kind] for kind in kinds)
    steps = int(left / sum(step[kind] for kind in kinds))
    if steps < 1:
        least = (sum(test[kind] for kind in kinds) / _SPENT + time.perf_counter() - start) / 60.0
        raise StudyError(
            f"a budget of {seconds / 60.0:g} minutes is too small: testing {len(kinds)} cells "
            f"alone takes {least:.1f}; try fewer --items, --solver-steps or --k, or more minutes"
        )
    return steps


def _speed(
    cell: Cell, settings: Settings, device: torch.device, watcher: Watcher | None
) -> tuple[float, float]:
    """Measure the seconds of a training step, and of the whole test with all looks."""
    training = Training(cell, settings, device)
    training.advance()
    training.look()
    training.seconds = 0.0
    for _ in range(2):
        training.advance()
        training.look()
    training.close()
    model, items = training.model, min(256, settings.items)
    seconds = []
    for solver_steps in (1, 3):
        start = time.perf_counter()
        short = dataclasses.replace(settings, items=items, solver_steps=solver_steps)
        evaluate(model, cell, short, device)
        seconds.append(time.perf_counter() - start)
    one, three = seconds
    test = one
    if isinstance(model, SpectrumFlow):
        test += max(0.0, three - one) / 2.0 * (settings.solver_steps - 1)
    test *= settings.items / items
    if watcher is not None and isinstance(model, SpectrumFlow):
        start = time.perf_counter()
        watcher(cell, model, device)
        test += _LOOKS * (time.perf_counter() - start)
    return training.seconds / 2.0, test


def _read(path: Path) -> Result:
    try:
        fields = _load(path)
        fields["watched"] = [(step, seen) for step, seen in fields["watched"]]
        return Result(**fields)
    except (TypeError, KeyError):
        raise StudyError(f"{path} holds no result of this version, delete it") from None
