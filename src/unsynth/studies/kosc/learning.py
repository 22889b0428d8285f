"""Learning curves of Figure 3's models, and their extrapolation to the paper's training.

A probe scores each model on validation sounds at some of its training steps. A line through the
last three doublings of its training sounds,

    log score = a - c log sounds,

is continued to the paper's number of sounds. Nothing says that the line goes on so far: a score
that reaches a floor leaves it.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from unsynth.data.seeding import Split
from unsynth.evaluation.tables import Table, format_interval, seeds_interval
from unsynth.models.kosc import Model
from unsynth.output import write_figure
from unsynth.studies.kosc.cell import PAPER_STEPS, Cell, CellSettings, Network, Probe, Result
from unsynth.studies.kosc.scoring import HEADINGS, PATCH_SCORE, score_cell

#: Sounds of the paper's training.
PAPER_SOUNDS = PAPER_STEPS * CellSettings.batch
#: The most validation sounds, and the most steps of RK4 per sample.
_SOUNDS, _SOLVER_STEPS = 256, 10
#: The fit needs at least this many measurements.
_FITTED = 4


def curve_settings(settings: CellSettings) -> CellSettings:
    """Reduce the settings of a study's test to those of its learning curves."""
    return dataclasses.replace(
        settings,
        items=min(_SOUNDS, settings.items),
        solver_steps=min(_SOLVER_STEPS, settings.solver_steps),
    )


def probe_scores(settings: CellSettings) -> Probe:
    """Make the probe that measures LSD and the distance of patches."""

    def probe(cell: Cell, model: Network, device: torch.device) -> list[float]:
        scores = score_cell(model, cell, curve_settings(settings), device, Split.VALIDATION)
        return [float(np.mean(scores[name])) for name in ("lsd", PATCH_SCORE[cell.condition])]

    return probe


def learning_table(results: Sequence[Result], settings: CellSettings) -> Table:
    """Lay out the exponent c and the extrapolated score of each model's LSD and patch distance.

    Intervals are over seeds, of 95 % by Student's t; that of the score comes from its logarithm. A
    single seed has none. Results without a learning curve are left out.
    """
    rows = []
    for condition, k in _groups(results):
        for model in Model:
            curves = [
                curve[curve[:, 0] >= curve[-1, 0] / 8.0]
                for result in _seeds(results, condition, k, model)
                for curve in [_curve(result, settings)]
            ]
            curves = [curve for curve in curves if len(curve) >= _FITTED]
            if not curves:
                continue
            row = [condition, str(k), model.value]
            for column, digits in ((1, 2), (2, 3)):
                fits = np.array([_fit(curve[:, [0, column]]) for curve in curves])
                row.append(format_interval(*seeds_interval(fits[:, 0]), 3))
                middle, half = seeds_interval(fits[:, 1])
                score = f"{np.exp(middle):.{digits}f}"
                low, high = np.exp([middle - half, middle + half])
                row.append(
                    score if np.isnan(half) else f"{score} [{low:.{digits}f}, {high:.{digits}f}]"
                )
            rows.append(row)
    headings = ["condition", "k", "", "LSD: c", "extrapolated, dB", "LAC or MSE: c"]
    return Table([*headings, "extrapolated"], rows)


def learning_text(results: Sequence[Result], settings: CellSettings) -> str:
    """Write the table's section of a report; empty where no result has a learning curve."""
    table = learning_table(results, settings)
    if not table.rows:
        return ""
    return (
        "\n## Extrapolation to the paper's training\n\nscore ∝ sounds^-c, fitted to about the last "
        f"three doublings of the training sounds ({_measured(settings)}) and continued to "
        f"{PAPER_SOUNDS / 1e6:.0f} million sounds, with 95 % intervals over seeds. This is far "
        f"from what was measured: a score that reaches a floor leaves the line.\n\n"
        f"{table.markdown()}\n"
    )


def plot_learning(results: Sequence[Result], settings: CellSettings, path: Path) -> None:
    """Plot each model's learning curves; nothing where no result has one."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import (
        LogLocator,
        MaxNLocator,
        NullFormatter,
        NullLocator,
        ScalarFormatter,
    )

    groups = _groups(results)
    if not groups:
        return
    figure = Figure(figsize=(3.4 * len(groups) + 1.0, 6), layout="constrained")
    panels = figure.subplots(2, len(groups), sharex=True, squeeze=False)
    for (condition, k), axes in zip(groups, panels.T, strict=True):
        for place, model in enumerate(Model):
            for seed, result in enumerate(_seeds(results, condition, k, model)):
                sounds, *scores = _curve(result, settings).T
                for panel, values in zip(axes, scores, strict=True):
                    label = "" if seed else model.value
                    panel.plot(sounds, values, f"C{place}.-", lw=1, label=label)
        axes[0].set_title(f"{condition}, k = {k}")
        for panel, name in zip(axes, ("lsd", PATCH_SCORE[condition]), strict=True):
            panel.set(xscale="log", yscale="log", ylabel=HEADINGS[name])
            # LSD spans less than an octave.
            few, many = MaxNLocator(6, steps=[1, 2, 5, 10]), LogLocator(subs=(1.0, 2.0, 5.0))
            panel.yaxis.set_major_locator(few if name == "lsd" else many)
            panel.yaxis.set_major_formatter(ScalarFormatter())
            panel.yaxis.set_minor_locator(NullLocator())
            panel.xaxis.set_minor_formatter(NullFormatter())
        axes[1].set_xlabel("training sounds")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"k-osc: learning curves, {_measured(settings)}", fontsize=9)
    write_figure(path, figure, dpi=130)


def _measured(settings: CellSettings) -> str:
    few = curve_settings(settings)
    return f"{few.items} validation sounds, {few.solver_steps} solver steps"


def _fit(curve: np.ndarray) -> tuple[float, float]:
    """Fit log score = a - c log sounds; return c and the log score at the paper's sounds."""
    sounds, scores = np.log(curve).T
    slope, constant = np.polyfit(sounds, scores, 1)
    return -slope, constant + slope * np.log(PAPER_SOUNDS)


def _groups(results: Sequence[Result]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((r.condition, r.k) for r in results if r.watched))


def _seeds(results: Sequence[Result], condition: str, k: int, model: Model) -> list[Result]:
    fields = condition, k, model.value
    return [r for r in results if (r.condition, r.k, r.model) == fields and r.watched]


def _curve(result: Result, settings: CellSettings) -> np.ndarray:
    """Give (sounds, LSD, distance of patches) of each measurement of a model that has trained."""
    rows = [(step * settings.batch, *scores) for step, scores in result.watched if step]
    return np.array(rows, dtype=float)
