"""How far a model of Figure 3 has come after each of its training steps, and where it is going.

A probe scores each model on some validation sounds while it trains. Over the last three doublings
of its sounds a line is fitted to the logarithm of the score,

    log score = a - c log sounds,

and continued to the number of sounds of the paper's training. This is what the paper's budget would
give if nothing changed on the way, which is far: a score that reaches a floor does not follow it.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from unsynth.data.seeding import Split
from unsynth.evaluation.tables import Table, format_interval, seeds_interval
from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.models.regression import SpectrumRegression
from unsynth.studies.kosc.cell import PAPER_STEPS, Cell, CellSettings, Probe, Result
from unsynth.studies.kosc.scoring import score_cell

#: The metric of patches in each condition.
PATCH_METRIC = {"symmetric": "lac", "asymmetric": "mse"}
#: Names of the scores in figures and tables.
NAMES = {"lsd": "LSD, dB", "lac": "LAC", "mse": "MSE"}
#: Sounds of the paper's training.
PAPER_SOUNDS = PAPER_STEPS * CellSettings.batch
#: Validation sounds of the probe.
_SOUNDS = 256
#: Steps of RK4 per sample.
_SOLVER_STEPS = 10
#: Measurements that the line is fitted to, each with twice the sounds of the one before.
_FITTED = 4


def probe_scores(settings: CellSettings) -> Probe:
    """Make the probe that measures LSD and the distance of patches."""
    few = dataclasses.replace(settings, items=_SOUNDS, solver_steps=_SOLVER_STEPS)

    def probe(
        cell: Cell, model: SpectrumFlow | SpectrumRegression, device: torch.device
    ) -> list[float]:
        scores = score_cell(model, cell, few, device, Split.VALIDATION)
        return [float(np.mean(scores[name])) for name in ("lsd", PATCH_METRIC[cell.condition])]

    return probe


def learning_table(results: Sequence[Result], settings: CellSettings) -> Table:
    """Lay out the fits: the exponent c and the score at the paper's number of sounds.

    Both have 95 % intervals over seeds (Student's t). Results without measurements are left out.
    """
    rows = []
    for condition, k in _groups(results):
        for model in Model:
            curves = [_curve(each, settings) for each in _seeds(results, condition, k, model)]
            curves = [curve for curve in curves if len(curve) >= _FITTED]
            if not curves:
                continue
            row = [condition, str(k), model.value]
            for column in (1, 2):
                fits = np.array([_fit(curve[-_FITTED:, [0, column]]) for curve in curves])
                for values, digits in zip(fits.T, (3, 2 if column == 1 else 3), strict=True):
                    row.append(format_interval(*seeds_interval(values), digits))
            rows.append(row)
    headings = ["condition", "k", "", "LSD: c", "at the paper's sounds, dB", "LAC or MSE: c"]
    return Table([*headings, "at the paper's sounds"], rows)


def plot_learning(
    results: Sequence[Result], settings: CellSettings, title: str, path: Path
) -> None:
    """Plot each model's scores against its sounds; nothing where no result has measurements."""
    from matplotlib.figure import Figure

    groups = _groups(results)
    if not groups:
        return
    figure = Figure(figsize=(3.4 * len(groups), 6), layout="constrained")
    panels = figure.subplots(2, len(groups), sharex=True, squeeze=False)
    for (condition, k), axes in zip(groups, panels.T, strict=True):
        for place, model in enumerate(Model):
            for seed, result in enumerate(_seeds(results, condition, k, model)):
                curve = _curve(result, settings)
                for column in (1, 2):
                    label = "" if seed else model.value
                    style = f"C{place}.-"
                    axes[column - 1].plot(curve[:, 0], curve[:, column], style, lw=1, label=label)
        axes[0].set_title(f"{condition}, k = {k}")
        axes[0].set_ylabel(NAMES["lsd"])
        axes[1].set_ylabel(NAMES[PATCH_METRIC[condition]])
        axes[1].set(xscale="log", yscale="log", xlabel="sounds")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=130)


def _fit(curve: np.ndarray) -> tuple[float, float]:
    """Fit log score = a - c log sounds; return c and the score at the paper's sounds."""
    sounds, scores = np.log(curve).T
    slope, constant = np.polyfit(sounds, scores, 1)
    return -slope, float(np.exp(constant + slope * np.log(PAPER_SOUNDS)))


def _groups(results: Sequence[Result]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((r.condition, r.k) for r in results if len(r.watched) > 1))


def _seeds(results: Sequence[Result], condition: str, k: int, model: Model) -> list[Result]:
    fields = condition, k, model.value
    return [r for r in results if (r.condition, r.k, r.model) == fields and len(r.watched) > 1]


def _curve(result: Result, settings: CellSettings) -> np.ndarray:
    """Give (sounds, LSD, distance of patches) of each measurement after the first step."""
    rows = [(step * settings.batch, *scores) for step, scores in result.watched if step]
    return np.array(rows, dtype=float)
