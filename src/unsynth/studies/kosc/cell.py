"""One cell of a k-osc study, its settings and its result."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model, SpectrumFlow
from unsynth.models.param2tok import Start
from unsynth.models.regression import SpectrumRegression
from unsynth.studies.folder import StudyError
from unsynth.synths.kosc import KOsc

#: Training steps of the paper.
PAPER_STEPS = 400_000
#: Weight of the mean absolute entry of Param2Tok's assignment (the paper's value).
ASSIGNMENT_PENALTY = 0.01
#: Measurements of a probe while a model trains: at the last step, half of it, a quarter, and so on.
#: The new model is measured, too.
PROBES = 10


#: A model that is trained.
Network = SpectrumFlow | SpectrumRegression


@dataclass(frozen=True)
class Cell:
    """One model, trained on one synthesizer from one seed."""

    model: Model
    #: Name of the synthesizer in tables and figures.
    condition: str
    synth: KOsc
    seed: int
    #: Coupling of noise and data, in place of the settings'.
    coupling: Coupling | None = None
    #: Start of Param2Tok, in place of the settings'.
    start: Start | None = None
    #: Weight of the mean absolute entry of Param2Tok's assignment.
    penalty: float = ASSIGNMENT_PENALTY

    @property
    def name(self) -> str:
        """Name of the cell's files, without suffix."""
        model = self.model.name.lower().replace("_", "-")
        condition = self.condition.replace(" ", "-")
        return f"{model}-{condition}-k{self.synth.oscillators}-seed{self.seed}"

    @property
    def task(self) -> str:
        """Name of the stream of patches, which all cells of one k share."""
        return f"kosc-{self.synth.oscillators}"


@dataclass(frozen=True)
class CellSettings:
    """How cells are trained and tested; the defaults are the paper's.

    ``plan.json`` has a key for each field.
    """

    #: Training steps; a budget replaces them by the number that fits it.
    steps: int = PAPER_STEPS
    batch: int = 1024
    #: Noises, each with a time of its own, that a flow sees of each sound in a step.
    noises: int = 1
    #: How a flow's noise is paired with the patches of a step, unless its cell says otherwise.
    coupling: Coupling = Coupling.OPTIMAL_TRANSPORT
    #: Width of tokens and conditioning; all other sizes are in proportion.
    width: int = 128
    learning_rate: float = 1e-4
    #: How Param2Tok starts, unless its cell says otherwise.
    param2tok_start: Start = Start.PAPER
    #: Learning rate of Param2Tok as a multiple of ``learning_rate``.
    param2tok_rate: float = 1.0
    #: Whether the field adds its network to c(t) x (:mod:`unsynth.models.kosc_fields`).
    preconditioned: bool = False
    #: Test sounds.
    items: int = 51_200
    solver_steps: int = 200
    guidance: float = 2.0
    #: Training FLOPs of a cell, forward and backward; if given, they set its steps.
    flops: float | None = None

    def __post_init__(self) -> None:
        if self.width < 16 or self.width % 16:
            raise StudyError(f"a width of {self.width} is impossible: give a multiple of 16")

    @property
    def start_note(self) -> str:
        """Param2Tok's start, for a list of settings; empty for the paper's."""
        start = self.param2tok_start
        return "" if start is Start.PAPER else f"Param2Tok's start {start.value}, "


@dataclass(frozen=True)
class Result:
    """The result of a finished cell; its JSON file has a key for each field."""

    model: str
    condition: str
    k: int
    seed: int
    parameters: int
    steps: int
    training_seconds: float
    evaluation_seconds: float
    #: Mean over the last hundred steps; ``None`` without training.
    loss: float | None
    #: One number per item for each metric.
    scores: dict[str, list[float]]
    #: Measurements of the probe: (step, numbers).
    watched: list[tuple[int, list[float]]] = field(default_factory=list)


#: Measures a model, in evaluation mode, after some of its training steps.
Probe = Callable[[Cell, Network, torch.device], list[float]]
