"""Score the model of one cell."""

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
from unsynth.studies.kosc.cell import Cell, Settings

_CHUNK = 1024


@torch.no_grad()
def estimate(
    model: nn.Module | None,
    cell: Cell,
    settings: Settings,
    audio: Float[torch.Tensor, "items samples"],
    first: int,
) -> Float[torch.Tensor, "items d"]:
    """Estimate the patches of test sounds, item ``first`` and on; no model draws at random."""
    items, d = range(first, first + len(audio)), cell.synth.values
    if isinstance(model, SpectrumFlow):
        rngs = (item_rng(cell.task, Split.TEST, i, 1 + cell.seed) for i in items)
        x0 = np.stack([rng.standard_normal(d, dtype=np.float32) for rng in rngs])
        none = model.unconditional(len(audio))
        field = guided_field(model, model.encode(audio), none, settings.guidance)
        return solve(field, torch.from_numpy(x0).to(audio.device), settings.solver_steps)
    if model is None:
        return uniform(cell, Split.RANDOM, items, cell.seed).to(audio.device)
    return model(audio)


def uniform(
    cell: Cell, split: Split, items: Iterable[int], seed: int = 0
) -> Float[torch.Tensor, "items d"]:
    """Draw patches, each from its own stream."""
    rngs = (item_rng(cell.task, split, i, seed) for i in items)
    patches = np.stack([rng.uniform(-1.0, 1.0, cell.synth.values) for rng in rngs])
    return torch.from_numpy(patches).float()


def evaluate(
    model: nn.Module | None, cell: Cell, settings: Settings, device: torch.device
) -> dict[str, list[float]]:
    """Score a cell on its test items.

    Estimates are clamped for the sound only; patches are compared as they were estimated.
    """
    if model is not None:
        model.eval()
    scores: dict[str, list[float]] = {"lsd": [], "mse": [], "lac": [], "unsquared lac": []}
    for first in range(0, settings.items, _CHUNK):
        items = range(first, min(first + _CHUNK, settings.items))
        target = uniform(cell, Split.TEST, items).to(device)
        audio = cell.synth.render(target)
        found = estimate(model, cell, settings, audio, first)
        sounds = zip(audio.cpu().numpy(), cell.synth.render(found).cpu().numpy(), strict=True)
        scores["lsd"] += [lsd(one[None], other[None]) for one, other in sounds]
        scores["mse"] += mse(*(x.double().cpu().numpy() for x in (target, found))).tolist()
        units = [cell.synth.units(x).double().cpu().numpy() for x in (target, found)]
        scores["lac"] += assignment_cost(*units).tolist()
        scores["unsquared lac"] += unsquared_assignment_cost(*units).tolist()
    return {name: [float(f"{value:.6g}") for value in values] for name, values in scores.items()}
