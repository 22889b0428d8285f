"""Models that are quick, and that do not ignore their input as new ones do."""

import torch

from unsynth.models.architecture import Architecture
from unsynth.models.conditional_flow import ConditionalFlow

SMALL = {
    "encoder": {
        "kind": "log-mel",
        "patch": [128, 64],
        "stride": [128, 50],
        "width": 8,
        "heads": 2,
        "layers": 2,
        "feed_forward": 8,
    },
    "field": {
        "tokens": 5,
        "width": 8,
        "heads": 2,
        "layers": 2,
        "feed_forward": 8,
        "modulation": 8,
        "time": 6,
        "data_variance": 0.25,
    },
}


def small_flow(
    values: int = 7, size: tuple[int, int, int] = (1, 128, 401), seed: int = 0
) -> ConditionalFlow:
    """Random weights in place of AdaLN-Zero's zeros and Param2Tok's equal rows."""
    torch.manual_seed(seed)
    model = Architecture.model_validate(SMALL).build(values, size).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model
