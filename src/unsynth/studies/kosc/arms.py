"""``unsynth reproduce kosc-arms``: models and couplings on symmetric k-osc at equal training FLOPs.

The arms are regressions, the paper's flows with noise coupled by optimal transport across sounds,
and flows with independent noise or with noise aligned within each sound. Writes ``table.md`` beside
the cells (:mod:`unsynth.studies.kosc.study`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unsynth.evaluation.tables import Table, format_interval, mean_interval
from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model
from unsynth.output import write_text
from unsynth.studies.folder import TABLE
from unsynth.studies.kosc.cell import Cell, CellSettings, Result
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


def arm_cells(ks: Sequence[int], seeds: int) -> list[Cell]:
    """List the cells, seed by seed, so that a study that is stopped has whole seeds."""
    return [
        Cell(model, coupling.value, KOsc(k, Ranges.COMMON), seed, coupling)
        for k in ks
        for seed in range(seeds)
        for model, coupling in ARMS
    ]


def arms_table(results: Sequence[Result]) -> Table:
    """Lay out the scores, and the differences from the first arm over items and for each seed."""
    headings = ["k", "", "noise", "parameters", "steps"]
    headings += [h for _, name, _ in _COLUMNS for h in (f"{name} ↓", f"Δ {name}", "of each seed")]
    rows = []
    for k in sorted({result.k for result in results}):
        reference = {name: _scores(results, k, *ARMS[0], name) for name, _, _ in _COLUMNS}
        for model, coupling in ARMS:
            seeds = _arm_results(results, k, model, coupling)
            flow = not model.value.startswith("FFN")
            row = [str(k), model.value, coupling.value if flow else ""]
            row += [f"{seeds[0].parameters:,}", f"{seeds[0].steps:,}"]
            for name, _, digits in _COLUMNS:
                scores = _scores(results, k, model, coupling, name)
                row.append(format_interval(*mean_interval(scores.mean(axis=0)), digits))
                if (model, coupling) == ARMS[0]:
                    row += ["", ""]
                    continue
                gap = scores - reference[name]
                row.append(format_interval(*mean_interval(gap.mean(axis=0)), digits))
                row.append(", ".join(f"{value:+.{digits}f}" for value in gap.mean(axis=1)))
            rows.append(row)
    return Table(headings, rows)


def write_arms(results: Sequence[Result], settings: CellSettings, out: Path) -> None:
    """Write ``table.md``."""
    seeds = len({result.seed for result in results})
    text = (
        f"{settings.flops:g} FLOPs of training each, in batches of {settings.batch}, width "
        f"{settings.width}, {seeds} seeds, {settings.items} test items; mean and 95 % interval "
        f"over items of the seeds' mean\n\n{arms_table(results).markdown()}\n"
    )
    write_text(out / TABLE, text)


def _arm_results(
    results: Sequence[Result], k: int, model: Model, coupling: Coupling
) -> list[Result]:
    arm = (k, model.value, coupling.value)
    return [r for r in results if (r.k, r.model, r.condition) == arm]


def _scores(
    results: Sequence[Result], k: int, model: Model, coupling: Coupling, score: str
) -> np.ndarray:
    return np.array([result.scores[score] for result in _arm_results(results, k, model, coupling)])
