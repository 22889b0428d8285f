"""``unsynth reproduce kosc-start``: how Param2Tok starts, and the penalty on its assignment.

Section 5 of the paper asks for data on both. The arms are CNF (Param2Tok) on symmetric k-osc at
equal training FLOPs, each start of :class:`~unsynth.models.param2tok.Start` with each penalty. A
probe measures the field and the tokens (:mod:`unsynth.studies.kosc.equivariance`). Writes
``table.md`` beside the cells (:mod:`unsynth.studies.kosc.study`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from unsynth.evaluation.tables import Table, format_interval, seeds_interval
from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.models.param2tok import Start
from unsynth.output import write_text
from unsynth.studies.folder import TABLE
from unsynth.studies.kosc.arms import SCORE_HEADINGS, arm_results, budget_line, compared_scores
from unsynth.studies.kosc.cell import ASSIGNMENT_PENALTY, Cell, CellSettings, Network, Result
from unsynth.studies.kosc.equivariance import (
    TIMES,
    measure_equivariance,
    measure_tokens,
    require_exchanges,
)
from unsynth.synths.kosc import KOsc, Ranges

#: Penalties on the assignment.
PENALTIES = (0.0, ASSIGNMENT_PENALTY, 0.1)
#: Starts and penalties; the first arm, the paper's, is the reference.
ARMS = (
    (Start.PAPER, ASSIGNMENT_PENALTY),
    *(
        (start, penalty)
        for start in Start
        for penalty in PENALTIES
        if (start, penalty) != (Start.PAPER, ASSIGNMENT_PENALTY)
    ),
)


def condition(start: Start, penalty: float) -> str:
    """Name an arm."""
    return f"{start.value} {penalty:g}"


def start_cells(seeds: Mapping[int, int]) -> list[Cell]:
    """List the cells, seed by seed, so that a study that is stopped has whole seeds.

    ``seeds`` gives the number of seeds for each k. Raises
    :class:`~unsynth.studies.folder.StudyError` for a k of 1.
    """
    require_exchanges(seeds)
    return [
        Cell(
            Model.PARAM2TOK,
            condition(start, penalty),
            KOsc(k, Ranges.COMMON),
            seed,
            start=start,
            penalty=penalty,
        )
        for k, count in seeds.items()
        for seed in range(count)
        for start, penalty in ARMS
    ]


def probe_start(cell: Cell, flow: Network, device: torch.device) -> list[float]:
    """Measure equivariance (2 numbers per time) and the shares of tokens."""
    if not isinstance(flow, SpectrumFlow):
        raise TypeError(f"{cell.name}: only a flow can be measured")
    return [*measure_equivariance(cell, flow, device), *measure_tokens(cell, flow)]


def start_table(results: Sequence[Result]) -> Table:
    """Lay out scores over items; errors and shares of tokens with intervals over seeds."""
    headings = ["k", "start", "penalty", *SCORE_HEADINGS]
    headings += [*(f"error, t = {t:g}" for t in TIMES), "share of tokens", "untrained"]
    rows = []
    reference = (Model.PARAM2TOK, condition(*ARMS[0]))
    for k in sorted({result.k for result in results}):
        for start, penalty in ARMS:
            arm = (Model.PARAM2TOK, condition(start, penalty))
            row = [str(k), start.value, f"{penalty:g}"]
            row += compared_scores(results, k, arm, reference)
            watched = [result.watched for result in arm_results(results, k, *arm)]
            numbers = np.array([each[-1][1] for each in watched])
            halves = numbers[:, : 2 * len(TIMES)].reshape(-1, 2, len(TIMES)).mean(axis=1)
            row += [format_interval(*seeds_interval(errors), 3) for errors in halves.T]
            before = np.array([each[0][1] for each in watched])
            shares = (each[:, 2 * len(TIMES) :].mean(axis=1) for each in (numbers, before))
            rows.append([*row, *(format_interval(*seeds_interval(share), 3) for share in shares)])
    return Table(headings, rows)


def write_start(results: Sequence[Result], settings: CellSettings, out: Path) -> None:
    """Write ``table.md``."""
    text = (
        f"{budget_line(results, settings)}; noise: {settings.coupling.value}; errors and shares: "
        "mean and 95 % interval over seeds"
        f"\n\n{start_table(results).markdown()}\n"
    )
    write_text(out / TABLE, text)
