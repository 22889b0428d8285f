"""The scores of one cell on its test or validation items."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from unsynth.data.seeding import Split, item_rng
from unsynth.flow.guidance import guided_field
from unsynth.flow.solver import solve
from unsynth.metrics.audio import lsd
from unsynth.metrics.parameters import assignment_cost, mse, unsquared_assignment_cost
from unsynth.models.kosc import SpectrumFlow
from unsynth.studies.kosc.cell import Cell, CellSettings

#: Names of the scores.
SCORES = ("lsd", "mse", "lac", "unsquared lac")
#: The score of patches in each condition of Figure 3.
PATCH_SCORE = {"symmetric": "lac", "asymmetric": "mse"}
#: Headings of scores in figures and tables.
HEADINGS = {"lsd": "LSD, dB", "mse": "MSE", "lac": "LAC", "unsquared lac": "unsq. LAC"}
#: Items estimated in one batch.
_CHUNK = 1024


@torch.no_grad()
def estimate_patches(
    model: nn.Module | None,
    cell: Cell,
    settings: CellSettings,
    audio: Float[torch.Tensor, "items samples"],
    first: int,
    split: Split = Split.TEST,
) -> Float[torch.Tensor, "items d"]:
    """Estimate the patches of a split's sounds, the first of which is item ``first``.

    Without a model, the estimates are random draws.
    """
    items, d = range(first, first + len(audio)), cell.synth.values
    if isinstance(model, SpectrumFlow):
        rngs = (item_rng(cell.task, split, i, 1 + cell.seed) for i in items)
        x0 = np.stack([rng.standard_normal(d, dtype=np.float32) for rng in rngs])
        none = model.unconditional(len(audio))
        field = guided_field(model, model.encode(audio), none, settings.guidance)
        return solve(field, torch.from_numpy(x0).to(audio.device), settings.solver_steps)
    if model is None:
        return uniform_patches(cell, Split.RANDOM, items, cell.seed).to(audio.device)
    return model(audio)


def uniform_patches(
    cell: Cell, split: Split, items: Iterable[int], seed: int = 0
) -> Float[torch.Tensor, "items d"]:
    """Draw the patches of items, uniform in [-1, 1], each from a stream of its own."""
    rngs = (item_rng(cell.task, split, i, seed) for i in items)
    patches = np.stack([rng.uniform(-1.0, 1.0, cell.synth.values) for rng in rngs])
    return torch.from_numpy(patches).float()


def score_cell(
    model: nn.Module | None,
    cell: Cell,
    settings: CellSettings,
    device: torch.device,
    split: Split = Split.TEST,
) -> dict[str, list[float]]:
    """Score a model on a split of its cell; ``None`` scores random draws.

    Only rendering clamps the estimates; patches are compared as they were estimated.
    """
    if model is not None:
        model.eval()
    scores: dict[str, list[float]] = {name: [] for name in SCORES}
    for first in range(0, settings.items, _CHUNK):
        items = range(first, min(first + _CHUNK, settings.items))
        target = uniform_patches(cell, split, items).to(device)
        audio = cell.synth.render(target)
        estimates = estimate_patches(model, cell, settings, audio, first, split)
        sounds = zip(audio.cpu().numpy(), cell.synth.render(estimates).cpu().numpy(), strict=True)
        scores["lsd"] += [lsd(one[None], other[None]) for one, other in sounds]
        scores["mse"] += mse(*(x.double().cpu().numpy() for x in (target, estimates))).tolist()
        units = [cell.synth.units(x).double().cpu().numpy() for x in (target, estimates)]
        scores["lac"] += assignment_cost(*units).tolist()
        scores["unsquared lac"] += unsquared_assignment_cost(*units).tolist()
    return {name: [float(f"{value:.6g}") for value in values] for name, values in scores.items()}
