"""Named settings of the k-osc studies."""

from collections.abc import Mapping
from dataclasses import dataclass

from unsynth.studies.kosc.cell import CellSettings


@dataclass(frozen=True)
class Preset:
    """Settings of cells, and the number of seeds for each k."""

    settings: CellSettings
    seeds: Mapping[int, int]

    #: Seeds of a k that ``seeds`` does not have.
    OTHER_SEEDS = 2


PRESETS = {
    "paper": Preset(CellSettings(), {4: 2}),
    # For some hours of two cores; dev/log.md says how each setting was chosen.
    "laptop": Preset(
        CellSettings(
            steps=3_000,
            batch=64,
            noises=8,
            width=32,
            learning_rate=1e-3,
            param2tok_rate=10.0,
            preconditioned=True,
            items=2_048,
            solver_steps=20,
        ),
        {4: 3, 8: 3, 16: 1, 32: 1},
    ),
}
