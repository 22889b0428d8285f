"""The number of training steps that a budget of time pays for, measured on this machine."""

import dataclasses
import time
from collections.abc import Sequence

import torch

from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.studies.folder import Report, StudyError
from unsynth.studies.kosc.cell import PROBES, Cell, CellSettings, Probe
from unsynth.studies.kosc.scoring import score_cell
from unsynth.studies.kosc.training import Training

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
    trained = [cell for cell in cells if cell.model is not Model.RANDOM]
    step_seconds, test_seconds = {}, {}
    for cell in trained:
        kind = (cell.model, cell.synth)
        if kind in step_seconds:
            continue
        step_seconds[kind], test_seconds[kind] = measure_speed(cell, settings, device, probe)
        report(
            f"  {cell.name}: {step_seconds[kind]:.3f} s per step, "
            f"{test_seconds[kind]:.0f} s per test"
        )
    kinds = [(cell.model, cell.synth) for cell in trained]
    tests = sum(test_seconds[kind] for kind in kinds)
    remaining = _SPENT_SHARE * (seconds - (time.perf_counter() - start)) - tests
    steps = int(remaining / sum(step_seconds[kind] for kind in kinds))
    if steps < 1:
        least = (tests / _SPENT_SHARE + time.perf_counter() - start) / 60.0
        raise StudyError(
            f"a budget of {seconds / 60.0:g} minutes is too small: testing {len(kinds)} cells "
            f"alone takes {least:.1f}; try fewer --items, --solver-steps or --k, or more minutes"
        )
    return steps


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
    if probe is not None and isinstance(model, SpectrumFlow):
        start = time.perf_counter()
        probe(cell, model, device)
        test += (1 + PROBES) * (time.perf_counter() - start)
    return training.seconds / 2.0, test
