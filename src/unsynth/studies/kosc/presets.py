"""Named settings of the k-osc studies, beside the paper's, which are the defaults of a cell's."""

from unsynth.flow.coupling import Coupling
from unsynth.models.param2tok import Start
from unsynth.studies.kosc.cell import CellSettings

#: For some hours of two cores; dev/log.md says how each setting was chosen.
LAPTOP = CellSettings(
    steps=3_000,
    batch=64,
    noises=8,
    width=32,
    learning_rate=1e-3,
    coupling=Coupling.ALIGNED,
    param2tok_start=Start.RANDOM,
    preconditioned=True,
    items=2_048,
    solver_steps=20,
)
#: The number of seeds for each k.
LAPTOP_SEEDS = {4: 3, 8: 3, 16: 1, 32: 1}
