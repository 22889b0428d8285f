"""``unsynth reproduce kosc``: Figure 3 of the paper, models x conditions x k x seeds on k-osc.

Paper section 4.1. Symmetric oscillators share one range of frequencies; asymmetric ones have
disjoint parts of it. Patches are compared by the linear assignment cost where they are symmetric,
and by the MSE where they are not. Writes ``figure3.png``, ``learning.png`` and ``table.md`` beside
the cells (:mod:`unsynth.studies.kosc.study`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from jaxtyping import Float

from unsynth.documents import counted
from unsynth.evaluation.tables import Table, format_interval, mean_interval, seeds_interval
from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model
from unsynth.output import write_figure, write_text
from unsynth.studies.folder import TABLE
from unsynth.studies.kosc.cell import Cell, CellSettings, Result
from unsynth.studies.kosc.learning import learning_text, plot_learning
from unsynth.studies.kosc.scoring import HEADINGS, PATCH_SCORE
from unsynth.synths.kosc import KOsc, Ranges


def figure3_cells(seeds: Mapping[int, int]) -> list[Cell]:
    """List the cells of Figure 3, for each k as many seeds as ``seeds`` says.

    FFN (Sort) on disjoint ranges is left out: these oscillators are sorted by frequency already, so
    it would equal FFN (MSE) to the last bit.
    """
    conditions = (("symmetric", Ranges.COMMON), ("asymmetric", Ranges.DISJOINT))
    return [
        Cell(model, condition, KOsc(k, ranges), seed)
        for k, count in seeds.items()
        for seed in range(count)
        for condition, ranges in conditions
        for model in Model
        if (model, ranges) != (Model.FFN_SORT, Ranges.DISJOINT)
    ]


def subtitle(settings: CellSettings, results: Sequence[Result]) -> str:
    """Describe the settings of a figure in one line, beside those of the paper."""
    noises = f" with {settings.noises} noises each" if settings.noises > 1 else ""
    coupling = settings.coupling
    paired = "" if coupling is Coupling.OPTIMAL_TRANSPORT else f"{coupling.value} noise, "
    return (
        f"{settings.steps:,} steps of {settings.batch:,} sounds{noises} "
        f"(the paper: 400,000 of 1,024), {paired}{settings.start_note}"
        f"width {settings.width}, {seeds_note(results)}, {settings.items:,} test items"
    )


def seeds_note(results: Sequence[Result]) -> str:
    """Count the seeds of the results: "1 seed", or "1 to 3 seeds" if not all k have as many."""
    of_k: dict[int, set[int]] = {}
    for result in results:
        of_k.setdefault(result.k, set()).add(result.seed)
    counts = [len(seeds) for seeds in of_k.values()] or [0]
    fewest = f"{min(counts)} to " if min(counts) < max(counts) else ""
    return f"{fewest}{counted(max(counts), 'seed')}"


def pooled_score(
    results: Sequence[Result], metric: str, **fields: Any
) -> tuple[float, float, list[float]] | None:
    """Return a mean score, the half width of its 95 % interval over items, and each seed's mean.

    ``fields`` are those of the results to pool. An item's value is its mean over the seeds. Returns
    ``None`` where no result matches.
    """
    matches = [r for r in results if all(getattr(r, key) == value for key, value in fields.items())]
    if not matches:
        return None
    values = np.array([result.scores[metric] for result in matches])
    return *mean_interval(values.mean(axis=0)), values.mean(axis=1).tolist()


#: Columns of the tables: metric, digits.
_COLUMNS = {
    "symmetric": (("lsd", 2), ("lac", 4), ("unsquared lac", 4)),
    "asymmetric": (("lsd", 2), ("mse", 4), ("lac", 4)),
}


def score_tables(results: Sequence[Result]) -> dict[str, Table]:
    """Lay out the scores: one table per condition, one row per model."""
    tables = {}
    ks = sorted({result.k for result in results})
    for condition, columns in _COLUMNS.items():
        headings = ["", *(f"k = {k}: {HEADINGS[metric]}" for k in ks for metric, _ in columns)]
        rows = []
        for model in Model:
            cells = [model.value]
            for k in ks:
                for metric, digits in columns:
                    score = pooled_score(
                        results, metric, model=model.value, condition=condition, k=k
                    )
                    cells.append(
                        "" if score is None else format_interval(score[0], score[1], digits)
                    )
            if condition == "asymmetric" and model is Model.FFN_SORT:
                cells[1] = f"as {Model.FFN_MSE.value}"
            rows.append(cells)
        tables[condition] = Table(headings, rows)
    return tables


#: Claims of the paper (section 4.1.3) about its figure: condition, model, and the models it beats.
CLAIMS = (
    ("symmetric", Model.EQUIVARIANT, (Model.MLP, Model.FFN_MSE, Model.FFN_SORT, Model.FFN_CHAMFER)),
    ("symmetric", Model.PARAM2TOK, (Model.MLP, Model.FFN_MSE, Model.FFN_SORT, Model.FFN_CHAMFER)),
    ("asymmetric", Model.FFN_MSE, (Model.EQUIVARIANT, Model.FFN_CHAMFER)),
    ("asymmetric", Model.MLP, (Model.EQUIVARIANT, Model.FFN_CHAMFER)),
    ("asymmetric", Model.PARAM2TOK, (Model.EQUIVARIANT, Model.FFN_CHAMFER)),
)


def order_table(results: Sequence[Result]) -> Table:
    """Check the paper's claims: the difference of each pair of models, and the verdict.

    Each seed gives one difference. The interval is Student's, over seeds, so one seed alone has no
    interval, and its verdict is "not resolved".
    """
    rows = []
    for k in sorted({result.k for result in results}):
        for condition, model, others in CLAIMS:
            for other in others:
                row = [condition, str(k), f"{model.value} < {other.value}"]
                for metric, digits in (("lsd", 2), (PATCH_SCORE[condition], 4)):
                    differences = seed_differences(
                        results, metric, (model, other), condition=condition, k=k
                    )
                    row += [format_differences(differences, digits), _verdict(differences)]
                rows.append(row)
    headings = ["condition", "k", "the paper's order", "LSD, dB", "", "LAC or MSE", ""]
    return Table(headings, rows)


def seed_differences(
    results: Sequence[Result], metric: str, pair: tuple[Model, Model], **fields: Any
) -> Float[np.ndarray, " seeds"]:
    """Subtract the second model's mean score from the first's, seed by seed.

    ``fields`` are those of the results. Returns no differences unless both models have the same
    number of seeds.
    """
    scores = [pooled_score(results, metric, model=model.value, **fields) for model in pair]
    first, second = (np.array([] if score is None else score[2]) for score in scores)
    return first - second if len(first) == len(second) else np.array([])


def format_differences(differences: Float[np.ndarray, " seeds"], digits: int) -> str:
    """Format the mean difference and its interval over seeds; one seed has no interval."""
    if not len(differences):
        return ""
    if len(differences) == 1:
        return f"{differences[0]:+.{digits}f}"
    mean, half = seeds_interval(differences)
    return f"{mean:+.{digits}f} ± {half:.{digits}f}"


def _verdict(differences: Float[np.ndarray, " seeds"]) -> str:
    """Say whether the first model is resolved to have the lower score."""
    if not len(differences):
        return "not measured"
    if len(differences) < 2:
        return "not resolved"
    mean, half = seeds_interval(differences)
    return "not resolved" if abs(mean) <= half else "as the paper" if mean < 0 else "contrary"


def write_figure3(results: Sequence[Result], settings: CellSettings, out: Path) -> None:
    """Write ``figure3.png``, ``learning.png`` and ``table.md``.

    Dots are the means of seeds; bars are 95 % intervals over items.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.5), layout="constrained")
    ks = sorted({result.k for result in results})
    panels = figure.subplots(2, 2, sharex=True)
    for column, (condition, patch_metric) in enumerate(PATCH_SCORE.items()):
        for row, metric in enumerate(("lsd", patch_metric)):
            axes = panels[row, column]
            for place, model in enumerate(Model):
                shift = 0.11 * (place - (len(Model) - 1) / 2)
                scores = [
                    (i + shift, score)
                    for i, k in enumerate(ks)
                    if (
                        score := pooled_score(
                            results, metric, model=model.value, condition=condition, k=k
                        )
                    )
                ]
                if not scores:
                    continue
                color = f"C{place}"
                at = [x for x, _ in scores]
                axes.errorbar(
                    at,
                    [mean for _, (mean, _, _) in scores],
                    [half for _, (_, half, _) in scores],
                    fmt="_",
                    markersize=9,
                    capsize=2,
                    color=color,
                    label=model.value,
                )
                for x, (_, _, seeds) in scores:
                    axes.plot([x] * len(seeds), seeds, ".", markersize=3, color=color)
            axes.set_ylabel(HEADINGS[metric])
            axes.set_ylim(bottom=0)
            axes.set_xticks(range(len(ks)), [f"k = {k}" for k in ks])
        panels[0, column].set_title(condition)
    figure.suptitle(fill(f"k-osc: {subtitle(settings, results)}", 110), fontsize=9)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    write_figure(out / "figure3.png", figure, dpi=130)
    parts = [
        f"# k-osc\n\n{subtitle(settings, results)}. Mean ± 95 % interval over items; "
        "less is better.\n"
    ]
    parts += [
        f"\n## {name}\n\n{table.markdown()}\n" for name, table in score_tables(results).items()
    ]
    parts.append(
        "\n## Is the paper's order seen?\n\nDifference of the two models' means, and its "
        f"95 % interval over seeds (Student's t).\n\n{order_table(results).markdown()}\n"
    )
    plot_learning(results, settings, out / "learning.png")
    parts.append(learning_text(results, settings))
    write_text(out / TABLE, "".join(parts))
