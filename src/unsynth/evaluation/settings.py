"""The settings of an evaluation: as a user gives them, and with all defaults filled in."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate, on which targets and how; ``None`` leaves a setting to the model."""

    #: A ``.safetensors`` file, or a task for the shipped model.
    model: str
    #: A set of targets (:func:`~unsynth.evaluation.targets.find_targets`).
    dataset: Sequence[str]
    #: Samples per target, K.
    candidates: int = 16
    #: Take only this many targets, spread evenly over the set.
    limit: int | None = None
    seed: int = 0
    guidance: float | None = None
    #: Solver steps.
    steps: int | None = None
    #: Score only one sample and the best of K, which takes a third of the time.
    samples_only: bool = False


@dataclass(frozen=True)
class EvaluationSettings:
    """Everything the scores depend on besides the weights and the targets themselves.

    ``settings.json`` has a key for each field.
    """

    #: Start of the SHA-256 of the weight file.
    model: str
    task: str
    dataset: tuple[str, ...]
    candidates: int
    seed: int
    guidance: float
    solver: str
    solver_steps: int
    #: Whether only the model's free samples are scored.
    samples_only: bool = False
