"""A study on k-osc: cells, each one model that is trained and tested on one synthesizer.

Paper section 4.1. Training draws new patches at every step, on the device that trains. A step is a
function of (cell, step), so a cell that was interrupted continues from its last checkpoint exactly
as if it had not been. All cells of one k are tested on the same patches, by the log spectral
distance of the sounds, and by the MSE and both forms of the linear assignment cost of the patches.

The folder of a study holds

- ``plan.json``: the settings, and the number of steps that follows from them;
- ``NAME.json`` per finished cell: its :class:`~unsynth.studies.kosc.cell.Result`, with the scores
  of every item. It is written last, so its presence says that the cell is finished;
- ``NAME.safetensors`` per finished cell: the weights of its model, if it has one;
- ``NAME.part`` per unfinished cell: its last checkpoint;
- ``NAME.lock`` while a process works on a cell.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import save

from unsynth.devices import AUTO, find_device
from unsynth.documents import shown
from unsynth.files import lock_file
from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import FLOWS, Model
from unsynth.models.param2tok import Start
from unsynth.output import make_folder, write_bytes, write_text
from unsynth.studies.folder import PLAN, Report, StudyError, read_json, read_plan, write_plan
from unsynth.studies.kosc.budget import affordable_steps, describe_cost
from unsynth.studies.kosc.cell import PROBES, Cell, CellSettings, Probe, Result
from unsynth.studies.kosc.scoring import SCORES, score_cell
from unsynth.studies.kosc.training import Training

_RESULT = TypeAdapter(Result)
_CHECKPOINT_SECONDS = 300.0
_REPORT_SECONDS = 20.0
#: Wait between two attempts to get a cell that another process works on.
_RETRY_SECONDS = 10.0
#: Settings of the plans from before there were such settings.
_EARLIER = {
    "noises": 1,
    "coupling": Coupling.OPTIMAL_TRANSPORT.value,
    "param2tok_start": Start.PAPER.value,
}
#: How the modulations of the fields start; plans from when they started at 0 do not say it.
_MODULATIONS = "random"
#: A study of fewer steps per cell starts without a measurement of its cost.
_LONG = 500


def run_cells(
    cells: Sequence[Cell],
    settings: CellSettings,
    out: Path,
    device: str = AUTO,
    budget: float | None = None,
    resume: bool = False,
    report: Report = print,
    probe: Probe | None = None,
) -> tuple[list[Result], CellSettings]:
    """Train and test all unfinished cells; return all results, and the settings with their steps.

    Processes that share ``out`` share the work: each takes cells that no other works on.
    ``budget``, in minutes, is for all cells together; it sets the steps, the same for each. Raises
    :class:`StudyError` for a folder that already holds a study (unless ``resume``) or another
    study, and a budget too small for one step of each cell, and
    :class:`~unsynth.errors.UnsynthError` for a device that is not available.
    """
    torch_device = find_device(device)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    plan = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in dataclasses.asdict(settings).items()
    } | {"budget": budget}
    stored = read_plan(out, plan, resume, _EARLIER)
    if stored is not None:
        steps = stored.get("steps")
        if type(steps) is not int or steps < 1 or (budget is None and steps != settings.steps):
            raise StudyError(
                f"{out / PLAN}: its number of steps is {shown(steps)}; choose another --out"
            )
        settings = dataclasses.replace(settings, steps=steps)
    else:
        make_folder(out)  # A folder that cannot be written is reported before the measurement.
        if budget is not None:
            steps = affordable_steps(cells, settings, 60.0 * budget, torch_device, report, probe)
            settings = dataclasses.replace(settings, steps=steps)
        write_plan(out, {"asked": plan, "steps": settings.steps, "modulations": _MODULATIONS})
    study = _Study(settings, out, torch_device, report, probe)
    unfinished = study.unfinished(cells)
    is_earlier = stored is not None and stored.get("modulations") != _MODULATIONS
    if is_earlier and any(cell.model in FLOWS for cell in unfinished):
        raise StudyError(
            f"{out}: its flows are of an earlier version, whose modulations started at 0, so no "
            "flow can be added; choose another --out"
        )
    if unfinished and settings.steps >= _LONG and budget is None and settings.flops is None:
        report(describe_cost(unfinished, settings, torch_device, report, probe))
    while unfinished := study.unfinished(cells):
        attempts = [study.try_cell(cell) for cell in unfinished]
        if not any(attempts):
            report(f"  {len(unfinished)} cells remain; other processes work on them")
            time.sleep(_RETRY_SECONDS)
    return [_read_result(study.result_path(cell), cell, settings) for cell in cells], settings


@dataclasses.dataclass(frozen=True)
class _Study:
    """What all cells have in common."""

    settings: CellSettings
    out: Path
    device: torch.device
    report: Report
    probe: Probe | None

    def result_path(self, cell: Cell) -> Path:
        return self.out / f"{cell.name}.json"

    def unfinished(self, cells: Sequence[Cell]) -> list[Cell]:
        return [cell for cell in cells if not self.result_path(cell).exists()]

    def try_cell(self, cell: Cell) -> bool:
        """Train and test a cell; return false where another process is doing so."""
        with lock_file(self.out / f"{cell.name}.lock") as locked:
            # Another process may have finished it in the meantime.
            if locked and not self.result_path(cell).exists():
                result = self._run(cell)
                self.report(
                    f"{cell.name}: LSD {np.mean(result.scores['lsd']):.2f} dB, "
                    f"{result.training_seconds:.0f} s training, "
                    f"{result.evaluation_seconds:.0f} s test"
                )
        return locked

    def _run(self, cell: Cell) -> Result:
        training = None
        checkpoint = self.out / f"{cell.name}.part"
        if cell.model is not Model.RANDOM:
            training = Training(cell, self.settings, self.device)
            if checkpoint.exists():
                training.load(checkpoint)
            try:
                self._train(training, checkpoint)
            finally:
                training.close()
        start = time.perf_counter()
        model = None if training is None else training.model
        scores = score_cell(model, cell, self.settings, self.device)
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
            watched=[] if training is None else training.measurements,
        )
        if model is not None:
            write_bytes(self.out / f"{cell.name}.safetensors", save(model.state_dict()))
        write_text(self.result_path(cell), json.dumps(dataclasses.asdict(result)))
        checkpoint.unlink(missing_ok=True)
        return result

    def _train(self, training: Training, checkpoint: Path) -> None:
        cell, steps = training.cell, self._steps(training)
        probe_steps = {-(-steps // 2**i) for i in range(PROBES)}
        last_checkpoint = last_report = time.monotonic()
        if training.step == 0:
            self._measure(training)
        while training.step < steps:
            training.advance()
            now = time.monotonic()
            if training.step in probe_steps:
                self._measure(training)
            if now - last_checkpoint > _CHECKPOINT_SECONDS:
                training.save(checkpoint)
                last_checkpoint = now
            if now - last_report > _REPORT_SECONDS:
                training.fetch_losses()
                speed = training.step / training.seconds
                self.report(
                    f"  {cell.name}: step {training.step}/{steps}, "
                    f"loss {np.mean(training.losses):.4f}, {speed:.2f} steps/s"
                )
                last_report = now
        training.fetch_losses()

    def _measure(self, training: Training) -> None:
        if self.probe is not None:
            numbers = self.probe(training.cell, training.model.eval(), training.device)
            training.measurements.append((training.step, numbers))
            training.model.train()

    def _steps(self, training: Training) -> int:
        if self.settings.flops is None:
            return self.settings.steps
        steps = int(self.settings.flops / training.count_flops())
        if steps < 1:
            raise StudyError(
                f"{training.cell.name}: one step takes more FLOPs than --flops; give more"
            )
        return steps


def _read_result(path: Path, cell: Cell, settings: CellSettings) -> Result:
    """Read a cell's result; raises :class:`StudyError` for another cell's and a damaged one."""
    try:
        result = _RESULT.validate_json(json.dumps(read_json(path)), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise StudyError(
            f"{path}: holds no result of this version ({where}: {first['msg']}); delete it"
        ) from None
    fields = result.model, result.condition, result.k, result.seed
    if fields != (cell.model.value, cell.condition, cell.synth.oscillators, cell.seed):
        raise StudyError(f"{path}: holds the result of another cell ({shown(fields)}); delete it")
    if result.scores.keys() != set(SCORES) or any(
        len(values) != settings.items for values in result.scores.values()
    ):
        raise StudyError(f"{path}: does not have all scores of {settings.items} items; delete it")
    return result
