"""What a flow on k-osc has learned of its oscillators' exchanges (:mod:`unsynth.symmetry`)."""

from collections.abc import Collection
from itertools import combinations

import numpy as np
import torch

from unsynth.data.seeding import Split, item_rng
from unsynth.flow.path import point
from unsynth.models.kosc import SpectrumFlow
from unsynth.studies.folder import StudyError
from unsynth.studies.kosc.cell import Cell
from unsynth.studies.kosc.scoring import uniform_patches
from unsynth.studies.kosc.training import param2tok
from unsynth.symmetry.equivariance import equivariance_errors, token_shares
from unsynth.synths.kosc import KOsc, Ranges

#: Times at which the field is measured.
TIMES = (0.1, 0.5, 0.9)
#: Validation sounds, each with one noise.
_SOUNDS = 128


def require_exchanges(ks: Collection[int]) -> None:
    """Raise :class:`StudyError` for a k-osc of one oscillator, which has no exchange to measure."""
    if min(ks) < 2:
        raise StudyError("one oscillator has nothing to exchange with: give --k 2 or more")


def exchange_rows(synth: KOsc) -> np.ndarray:
    """List the exchanges of two oscillators, as orders of the values of x."""
    k = synth.oscillators
    rows = []
    for one, other in combinations(range(k), 2):
        row = np.arange(synth.values)
        for part in range(3):
            row[[part * k + one, part * k + other]] = part * k + other, part * k + one
        rows.append(row)
    return np.array(rows, dtype=np.int64).reshape(-1, synth.values)


def halves(synth: KOsc, x: torch.Tensor) -> torch.Tensor:
    """Give the first half of patches common ranges and the second disjoint ones, by a switch."""
    if synth.ranges is Ranges.CHOSEN:
        disjoint = torch.arange(len(x)) >= len(x) // 2
        x[:, -1] = torch.where(disjoint, x[:, -1].abs(), -x[:, -1].abs())
    return x


@torch.no_grad()
def measure_equivariance(cell: Cell, flow: SpectrumFlow, device: torch.device) -> list[float]:
    """Measure the mean error of the field over all exchanges of two oscillators.

    One number per time for the first half of the sounds, then for the second (:func:`halves`).
    """
    x1 = halves(cell.synth, uniform_patches(cell, Split.VALIDATION, range(_SOUNDS))).to(device)
    rng = item_rng(cell.task, Split.VALIDATION, _SOUNDS, cell.seed)
    x0 = torch.from_numpy(rng.standard_normal(x1.shape, dtype=np.float32)).to(device)
    sound, rows = flow.encode(cell.synth.render(x1)), exchange_rows(cell.synth)
    errors = []
    for half in (slice(None, _SOUNDS // 2), slice(_SOUNDS // 2, None)):
        for t in TIMES:
            x = point(x0, x1, x1.new_full((len(x1),), t))[half]
            errors.append(float(equivariance_errors(flow, x, t, sound[half], rows).mean()))
    return errors


def measure_tokens(cell: Cell, flow: SpectrumFlow) -> list[float]:
    """Measure each token's share of one oscillator; nothing without Param2Tok."""
    layer, k = param2tok(flow), cell.synth.oscillators
    if layer is None:
        return []
    units = [*(3 * list(range(k))), *([-1] * (cell.synth.values - 3 * k))]
    return token_shares(layer.assignment, units).tolist()
