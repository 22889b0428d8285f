"""The losses of a run: two tables in its folder, and a picture of both."""

import csv
import math
from pathlib import Path
from typing import TextIO

import torch

from unsynth.files import replacing
from unsynth.output import write_figure

#: The tables, and their columns; the first is the step.
LOSSES, VALIDATIONS = "loss.csv", "validation.csv"
COLUMNS = {
    LOSSES: ("step", "loss", "penalty", "gradient_norm", "learning_rate"),
    VALIDATIONS: ("step", "loss"),
}
#: Points of the training loss in a picture, at least, if the run has as many steps.
_PICTURE_POINTS = 400


def draw_losses(folder: Path) -> None:
    """Draw ``loss.png`` from the folder's two tables, the training loss as means of blocks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    steps, losses = _columns(folder / LOSSES)
    block = max(1, len(losses) // _PICTURE_POINTS)
    whole = len(losses) // block * block
    axes.plot(
        steps[:whole].reshape(-1, block).mean(1),
        losses[:whole].reshape(-1, block).mean(1),
        linewidth=0.8,
        label="training",
    )
    axes.plot(
        *_columns(folder / VALIDATIONS),
        label="validation, averaged weights",
    )
    axes.set(xlabel="step", ylabel="loss", xscale="log", yscale="log")
    axes.legend()
    write_figure(folder / "loss.png", figure, dpi=120)


def _columns(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the first two columns of a table."""
    rows = [[float(value) for value in row[:2]] for row in read_table(path)]
    table = torch.tensor(rows).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def read_table(path: Path) -> list[list[str]]:
    """Read the rows of :data:`LOSSES` or :data:`VALIDATIONS`; none if the file is missing.

    A row that a kill has cut, or that is damaged, is left out.
    """
    rows, columns = [], COLUMNS[path.name]
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    for line in text.splitlines()[1:]:
        row = line.split(",")
        try:
            finite = int(row[0]) >= 0 and all(math.isfinite(float(value)) for value in row)
        except (ValueError, OverflowError):
            continue
        if finite and len(row) == len(columns):
            rows.append(row)
    return rows


def last_validation(folder: Path, step: int) -> float | None:
    """Read the last validation loss of a run up to a step, if one was measured."""
    losses = [float(loss) for at, loss in read_table(folder / VALIDATIONS) if int(at) <= step]
    return losses[-1] if losses else None


def open_table(path: Path, step: int) -> TextIO:
    """Open a table to append rows, without its incomplete rows and those after a step."""
    rows = [row for row in read_table(path) if int(row[0]) <= step]
    with replacing(path) as unfinished, unfinished.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS[path.name], *rows])
    return path.open("a", newline="", buffering=1)
