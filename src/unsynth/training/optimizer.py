"""The optimiser's parameter groups, and the schedule of the learning rate."""

import math
from typing import Any

from torch import nn

from unsynth.models.param2tok import Param2Tok
from unsynth.training.experiment import TrainingSettings


def parameter_groups(
    model: nn.Module, param2tok: Param2Tok | None, learning_rate: float, param2tok_rate: float
) -> list[dict[str, Any]]:
    """Group a model's parameters: Param2Tok learns ``param2tok_rate`` times as fast as the rest.

    At a higher rate its symmetry breaks in hundreds of steps instead of 10^5.
    """
    fast = [] if param2tok is None else list(param2tok.parameters())
    fast_ids = {id(parameter) for parameter in fast}
    others = [each for each in model.parameters() if id(each) not in fast_ids]
    groups: list[dict[str, Any]] = [{"params": others, "lr": learning_rate}]
    if fast:
        groups.append({"params": fast, "lr": learning_rate * param2tok_rate})
    return groups


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Compute the learning rate of a step: a linear warm-up, then half a cosine down."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    progress = min(1.0, (step - settings.warm_up) / max(1, settings.steps - settings.warm_up))
    share = 0.5 * (1.0 + math.cos(math.pi * progress))
    return settings.final_learning_rate + share * (
        settings.learning_rate - settings.final_learning_rate
    )
