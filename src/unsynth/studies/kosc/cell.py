"""One cell of a k-osc study, its settings and its result."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.studies.folder import StudyError
from unsynth.synths.kosc import KOsc

PAPER_STEPS = 400_000


@dataclass(frozen=True)
class Cell:
    """One model, on one synthesizer, from one seed."""

    model: Model
    #: How tables and figures call the synthesizer.
    condition: str
    synth: KOsc
    seed: int
    #: Of noise and data, for flows.
    coupling: Coupling = Coupling.OPTIMAL_TRANSPORT

    @property
    def name(self) -> str:
        """What its files are called."""
        model = self.model.name.lower().replace("_", "-")
        condition = self.condition.replace(" ", "-")
        return f"{model}-{condition}-k{self.synth.oscillators}-seed{self.seed}"

    @property
    def task(self) -> str:
        """Name the stream of patches: one for all cells of a k."""
        return f"kosc-{self.synth.oscillators}"


@dataclass(frozen=True)
class Settings:
    """How cells are trained and tested; the defaults are the paper's."""

    #: Training steps; with a budget, whatever fits it.
    steps: int = PAPER_STEPS
    batch: int = 1024
    #: Of tokens and conditioning; all other sizes are in proportion.
    width: int = 128
    learning_rate: float = 1e-4
    #: How many times faster Param2Tok learns.
    param2tok_rate: float = 1.0
    #: Whether fields start from c(t) x (:mod:`unsynth.models.kosc_fields`).
    preconditioned: bool = False
    #: Sounds of the test.
    items: int = 51_200
    solver_steps: int = 200
    guidance: float = 2.0
    #: Training FLOPs of a cell, forward and backward, which set its steps instead.
    flops: float | None = None

    def __post_init__(self) -> None:
        if self.width < 16 or self.width % 16:
            raise StudyError(f"a width of {self.width}: give a multiple of 16")


@dataclass(frozen=True)
class Result:
    """What is known of a cell that is done; ``scores`` are one number an item."""

    model: str
    condition: str
    k: int
    seed: int
    parameters: int
    steps: int
    training_seconds: float
    evaluation_seconds: float
    #: Mean of the last hundred steps; ``None`` without training.
    loss: float | None
    scores: dict[str, list[float]]
    #: What a watcher saw: (step, numbers).
    watched: list[tuple[int, list[float]]] = field(default_factory=list)


#: Looks at a flow after some steps; called with the flow in evaluation mode.
Watcher = Callable[[Cell, SpectrumFlow, torch.device], list[float]]
