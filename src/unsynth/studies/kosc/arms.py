"""``unsynth reproduce kosc-arms``: models and couplings on symmetric k-osc at equal training FLOPs.

The arms are regressions, the paper's flows with noise coupled by optimal transport across sounds,
and flows with independent noise or with noise aligned within each sound. Writes ``table.md`` beside
the cells (:mod:`unsynth.studies.kosc.study`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unsynth.evaluation.tables import Table, format_interval, mean_interval
from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model
from unsynth.output import write_text
from unsynth.studies.folder import TABLE
from unsynth.studies.kosc.cell import Cell, CellSettings, Result
from unsynth.studies.kosc.figure3 import seeds_note
from unsynth.synths.kosc import KOsc, Ranges

_TRANSPORT = Coupling.OPTIMAL_TRANSPORT
#: Models and couplings; the first arm is the reference.
ARMS = (
    (Model.PARAM2TOK, _TRANSPORT),
    (Model.MLP, _TRANSPORT),
    (Model.EQUIVARIANT, _TRANSPORT),
    (Model.FFN_MSE, _TRANSPORT),
    (Model.FFN_CHAMFER, _TRANSPORT),
    (Model.PARAM2TOK, Coupling.INDEPENDENT),
    (Model.PARAM2TOK, Coupling.ALIGNED),
    (Model.EQUIVARIANT, Coupling.ALIGNED),
)
#: Columns of the table: metric, heading, digits.
_COLUMNS = (("lsd", "LSD, dB", 2), ("lac", "LAC", 4))
#: Headings of :func:`compared_scores`.
SCORE_HEADINGS = [
    heading for _, name, _ in _COLUMNS for heading in (f"{name} ↓", f"Δ {name}", "of each seed")
]


def arm_cells(seeds: Mapping[int, int]) -> list[Cell]:
    """List the cells, seed by seed, so that a study that is stopped has whole seeds.

    ``seeds`` gives the number of seeds for each k.
    """
    return [
        Cell(model, coupling.value, KOsc(k, Ranges.COMMON), seed, coupling)
        for k, count in seeds.items()
        for seed in range(count)
        for model, coupling in ARMS
    ]


def arms_table(results: Sequence[Result]) -> Table:
    """Lay out the scores, and the differences from the first arm over items and for each seed."""
    headings = ["k", "", "noise", "parameters", "steps"]
    headings += SCORE_HEADINGS
    rows = []
    for k in sorted({result.k for result in results}):
        reference = (ARMS[0][0], ARMS[0][1].value)
        for model, coupling in ARMS:
            seeds = arm_results(results, k, model, coupling.value)
            flow = not model.value.startswith("FFN")
            row = [str(k), model.value, coupling.value if flow else ""]
            row += [f"{seeds[0].parameters:,}", f"{seeds[0].steps:,}"]
            rows.append(row + compared_scores(results, k, (model, coupling.value), reference))
    return Table(headings, rows)


def write_arms(results: Sequence[Result], settings: CellSettings, out: Path) -> None:
    """Write ``table.md``."""
    write_text(
        out / TABLE, f"{budget_line(results, settings)}\n\n{arms_table(results).markdown()}\n"
    )


def budget_line(results: Sequence[Result], settings: CellSettings) -> str:
    """Say how the arms were trained and tested."""
    noises = f" with {settings.noises} noises each" if settings.noises > 1 else ""
    return (
        f"{settings.flops:g} FLOPs of training each, in batches of {settings.batch}{noises}, "
        f"{settings.start_note}width {settings.width}, {seeds_note(results)}, {settings.items} "
        "test items; mean and 95 % interval over items of the seeds' mean"
    )


def compared_scores(
    results: Sequence[Result], k: int, arm: tuple[Model, str], reference: tuple[Model, str]
) -> list[str]:
    """Lay out an arm's scores, and the differences from the reference.

    An arm is a model and the name of its condition.
    """
    row = []
    for name, _, digits in _COLUMNS:
        scores, base = (
            np.array([result.scores[name] for result in arm_results(results, k, *each)])
            for each in (arm, reference)
        )
        row.append(format_interval(*mean_interval(scores.mean(axis=0)), digits))
        if arm == reference:
            row += ["", ""]
            continue
        gap = scores - base
        row.append(format_interval(*mean_interval(gap.mean(axis=0)), digits))
        row.append(", ".join(f"{value:+.{digits}f}" for value in gap.mean(axis=1)))
    return row


def arm_results(results: Sequence[Result], k: int, model: Model, condition: str) -> list[Result]:
    """Select the results of an arm, one per seed."""
    arm = (k, model.value, condition)
    return [r for r in results if (r.k, r.model, r.condition) == arm]
