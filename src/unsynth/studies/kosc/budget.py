"""The cost of a study, measured on this machine, and the steps that a budget of time pays for."""

import dataclasses
import time
from collections.abc import Sequence

import torch

from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.studies.folder import Report, StudyError
from unsynth.studies.kosc.cell import PROBES, Cell, CellSettings, Probe
from unsynth.studies.kosc.scoring import score_cell
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import KOsc, Ranges

#: Share of a budget to spend; the rest covers what the measurement misses.
_SPENT_SHARE = 0.9


def affordable_steps(
    cells: Sequence[Cell],
    settings: CellSettings,
    seconds: float,
    device: torch.device,
    report: Report,
    probe: Probe | None,
) -> int:
    """Find how many steps every cell can take, from the speed of each model on each synthesizer.

    The measurement itself counts. Raises :class:`StudyError` where ``seconds`` do not pay for one
    step of each cell.
    """
    start = time.perf_counter()
    step_seconds, test_seconds = _measure_cells(cells, settings, device, report, probe)
    remaining = _SPENT_SHARE * (seconds - (time.perf_counter() - start)) - test_seconds
    steps = int(remaining / step_seconds)
    if steps < 1:
        least = (test_seconds / _SPENT_SHARE + time.perf_counter() - start) / 60.0
        count = sum(cell.model is not Model.RANDOM for cell in cells)
        raise StudyError(
            f"a budget of {seconds / 60.0:g} minutes is too small: testing {count} cells "
            f"alone takes {least:.1f}; try fewer --items, --solver-steps or --k, or more minutes"
        )
    return steps


def describe_cost(
    cells: Sequence[Cell],
    settings: CellSettings,
    device: torch.device,
    report: Report,
    probe: Probe | None,
) -> str:
    """Say in one line how long these cells take, from the speed of each model."""
    step_seconds, test_seconds = _measure_cells(cells, settings, device, report, probe)
    hours = (settings.steps * step_seconds + test_seconds) / 3600.0
    work = f"{len(cells)} cells of {settings.steps:,} steps take"
    if device.type != "cpu":
        return f"{work} about {hours:.1f} hours"
    return f"{work} about {torch.get_num_threads() * hours:.1f} core-hours"


def _measure_cells(
    cells: Sequence[Cell],
    settings: CellSettings,
    device: torch.device,
    report: Report,
    probe: Probe | None,
) -> tuple[float, float]:
    """Measure the seconds of one step of every cell together, and of all their tests."""
    speeds: dict[tuple[Model, KOsc], tuple[float, float]] = {}
    steps = tests = 0.0
    for cell in cells:
        if cell.model is Model.RANDOM:
            continue
        # Disjoint ranges are a little faster: their noise is not aligned.
        kind = (cell.model, dataclasses.replace(cell.synth, ranges=Ranges.COMMON))
        if kind not in speeds:
            speeds[kind] = measure_speed(cell, settings, device, probe)
            step, test = speeds[kind]
            report(f"  {cell.name}: {step:.3f} s per step, {test:.0f} s per test")
        steps, tests = steps + speeds[kind][0], tests + speeds[kind][1]
    return steps, tests


def measure_speed(
    cell: Cell, settings: CellSettings, device: torch.device, probe: Probe | None
) -> tuple[float, float]:
    """Measure the seconds of a training step, and of the whole test with all probes."""
    training = Training(cell, settings, device)
    # The first step also sets up kernels and memory, so it does not count.
    training.advance()
    training.fetch_losses()
    training.seconds = 0.0
    for _ in range(2):
        training.advance()
        training.fetch_losses()
    training.close()
    model, items = training.model, min(256, settings.items)
    seconds = []
    # Timings with 1 and 3 solver steps give the cost of a solver step and that of the rest.
    for solver_steps in (1, 3):
        start = time.perf_counter()
        short = dataclasses.replace(settings, items=items, solver_steps=solver_steps)
        score_cell(model, cell, short, device)
        seconds.append(time.perf_counter() - start)
    one, three = seconds
    test = one
    if isinstance(model, SpectrumFlow):
        test += max(0.0, three - one) / 2.0 * (settings.solver_steps - 1)
    test *= settings.items / items
    if probe is not None:
        start = time.perf_counter()
        probe(cell, model, device)
        test += (1 + PROBES) * (time.perf_counter() - start)
    return training.seconds / 2.0, test
