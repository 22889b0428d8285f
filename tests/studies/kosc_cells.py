"""Small cells of k-osc studies."""

import torch

from unsynth.models.kosc import Model
from unsynth.studies.kosc.cell import Cell, CellSettings
from unsynth.synths.kosc import KOsc, Ranges

CPU = torch.device("cpu")
SMALL = CellSettings(
    steps=4, batch=8, width=16, items=30, solver_steps=2, learning_rate=1e-3, param2tok_rate=2.0
)


def silent(line: str) -> None:
    pass


def cell(model: Model, ranges: Ranges = Ranges.COMMON, seed: int = 0, k: int = 2) -> Cell:
    return Cell(model, ranges.value, KOsc(k, ranges), seed)
