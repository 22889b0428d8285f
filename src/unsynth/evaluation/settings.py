"""The settings of an evaluation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """All that the scores depend on, beside the model's weights and the targets themselves."""

    model: str
    task: str
    dataset: tuple[str, ...]
    candidates: int
    seed: int
    guidance: float
    solver: str
    solver_steps: int
    #: Whether nothing is scored but the model's free samples.
    samples_only: bool = False
