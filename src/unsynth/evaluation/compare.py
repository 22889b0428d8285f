"""Several evaluations side by side, and their differences target by target.

Differences are paired: two evaluations are compared on the targets that both have, so the
difficulty of a target affects both and cancels. The interval of the mean difference is a percentile
bootstrap over the pairs.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import bootstrap

from unsynth.evaluation.folder import EvaluationError, read_evaluation
from unsynth.evaluation.scorer import estimate_names
from unsynth.evaluation.tables import (
    Table,
    format_difference,
    format_interval,
    mean_interval,
)
from unsynth.metrics.audio import METRICS
from unsynth.output import make_folder, write_bytes, write_figure, write_text

#: Resamples of the bootstrap.
_RESAMPLES = 10_000


@dataclass(frozen=True)
class Comparison:
    """Scores of each run, and differences from the first run.

    ``intervals[run][metric]`` is (mean difference, low, high); ``differences`` and the plot show
    these.
    """

    scores: Table
    differences: Table
    intervals: dict[str, dict[str, tuple[float, float, float]]]

    def write(self, folder: Path) -> None:
        """Write ``compare.md``, ``.tex``, ``.csv`` and ``.png``.

        Raises :class:`~unsynth.errors.OutputError` where ``folder`` cannot be written.
        """
        tables = (self.scores, self.differences)
        markdown = "\n\n".join(table.markdown() for table in tables)
        latex = "\n\n".join(table.latex() for table in tables)
        make_folder(folder)
        write_text(folder / "compare.md", markdown + "\n")
        write_text(folder / "compare.tex", latex + "\n")
        rows = io.StringIO()
        writer = csv.writer(rows)
        writer.writerow(["run", "metric", "difference", "low", "high"])
        for run, metrics in self.intervals.items():
            writer.writerows([run, name, *values] for name, values in metrics.items())
        write_bytes(folder / "compare.csv", rows.getvalue().encode())
        _plot(self.intervals, folder / "compare.png")


def compare(runs: Sequence[Path], estimate: str = "one") -> Comparison:
    """Compare runs by one of their estimates, a key of :func:`estimate_names`.

    Raises :class:`EvaluationError` for a folder that holds no finished evaluation, for an estimate
    that a run does not have, and for runs on different sets.
    """
    if len(runs) < 2:
        raise EvaluationError("give at least two evaluations to compare")
    for position, run in enumerate(runs):
        if run.resolve() in [other.resolve() for other in runs[:position]]:
            raise EvaluationError(f"{run} is given twice: give different evaluations to compare")
    if estimate not in estimate_names(1):
        raise EvaluationError(
            f"--estimate {estimate}: choose one of {', '.join(estimate_names(1))}"
        )
    evaluations = {_unique_name(run, runs): read_evaluation(run) for run in runs}
    first_settings, first_rows = next(iter(evaluations.values()))
    sets = {name: settings["of"] for name, (settings, _) in evaluations.items()}
    for name, description in sets.items():
        if description != first_settings["of"]:
            raise EvaluationError(
                f"{name} scored {description}, {next(iter(sets))} scored {first_settings['of']}: "
                "only runs on the same targets can be compared"
            )
    headings = ["", *(metric.heading for metric in METRICS), "targets"]
    scores, differences = [], []
    intervals: dict[str, dict[str, tuple[float, float, float]]] = {}
    reference = {row["item"]: row for row in _rows_with(first_rows, estimate)}
    for position, (name, (_, all_rows)) in enumerate(evaluations.items()):
        rows = _rows_with(all_rows, estimate)
        shared = [row for row in rows if row["item"] in reference]
        if not shared:
            raise EvaluationError(
                f"{name}: has no estimate {estimate} of the targets of the first run"
            )
        columns = [_column(rows, estimate, metric.name) for metric in METRICS]
        cells = [
            format_interval(*mean_interval(column), metric.digits)
            for column, metric in zip(columns, METRICS, strict=True)
        ]
        scores.append([name, *cells, str(len(rows))])
        if position == 0:
            continue
        reference_rows = [reference[row["item"]] for row in shared]
        intervals[name] = {
            metric.name: mean_difference(
                _column(shared, estimate, metric.name)
                - _column(reference_rows, estimate, metric.name)
            )
            for metric in METRICS
        }
        cells = [
            format_difference(*interval, metric.digits)
            for metric, interval in zip(METRICS, intervals[name].values(), strict=True)
        ]
        differences.append([f"{name} − {next(iter(evaluations))}", *cells, str(len(shared))])
    return Comparison(Table(headings, scores), Table(headings, differences), intervals)


def _unique_name(run: Path, runs: Sequence[Path]) -> str:
    """Name a run after its folder, or by its path where several folders have that name."""
    name = run.resolve().name
    return name if sum(other.resolve().name == name for other in runs) == 1 else str(run)


def _rows_with(rows: Sequence[dict[str, Any]], estimate: str) -> list[dict[str, Any]]:
    return [row for row in rows if row.get(f"{estimate}.mss") is not None]


def _column(
    rows: Sequence[dict[str, Any]], estimate: str, metric: str
) -> Float[np.ndarray, " items"]:
    return np.array([float(row[f"{estimate}.{metric}"]) for row in rows])


def mean_difference(values: Float[np.ndarray, " pairs"]) -> tuple[float, float, float]:
    """Return the mean and the ends of its 95 % bootstrap interval; those of one value are NaN."""
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    if np.ptp(values) == 0.0:
        return mean, mean, mean
    result = bootstrap(
        (values,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1000, rng=0
    )
    low, high = result.confidence_interval
    return mean, float(low), float(high)


def _plot(intervals: dict[str, dict[str, tuple[float, float, float]]], path: Path) -> None:
    """Plot the differences of each metric; left of 0, a run is below the first one."""
    from matplotlib.figure import Figure

    height = 1.2 + 0.35 * len(intervals)
    figure = Figure(figsize=(3.0 * len(METRICS), height), layout="constrained")
    panels = figure.subplots(1, len(METRICS), sharey=True)
    for axes, metric in zip(panels, METRICS, strict=True):
        means, lows, highs = np.array([run[metric.name] for run in intervals.values()]).T
        at = np.arange(len(intervals))
        axes.errorbar(means, at, xerr=[means - lows, highs - means], fmt="o", capsize=3)
        axes.axvline(0.0, color="0.6", linewidth=0.8)
        axes.set(yticks=at, yticklabels=list(intervals), ylim=(len(intervals) - 0.5, -0.5))
        axes.set_xlabel(f"difference of {metric.heading}")
    write_figure(path, figure, dpi=120)
