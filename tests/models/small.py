"""Small models, with random weights in place of zeros so that they respond to their input."""

import torch

from unsynth.flow.solver import Solver
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.parameter import Integer
from unsynth.tasks.spec import Spec

SMALL = {
    "kind": "flow",
    "encoder": {
        "kind": "log-mel",
        "patch": (128, 64),
        "stride": (128, 50),
        "width": 8,
        "heads": 2,
        "layers": 2,
        "feed_forward": 8,
    },
    "field": {
        "kind": "param2tok",
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


_SIZES = {"width": 8, "layers": 2, "feed_forward": 8, "modulation": 8, "time": 6}
UNITS = {**SMALL, "field": {"kind": "units", "heads": 2, **_SIZES}}
MLP = {**SMALL, "field": {"kind": "mlp", **_SIZES}}
REGRESSION = {"kind": "regression", "encoder": SMALL["encoder"]}
VAE = {
    "kind": "vae-realnvp",
    "channels": (4, 4, 4, 4, 4),
    "latent_layers": 2,
    "parameter_layers": 2,
    "coupling_width": 8,
    "coupling_blocks": 1,
}
#: How the small flow is sampled.
SAMPLING = SamplingSettings(solver=Solver.MIDPOINT, steps=4, guidance=2.0)
MODELS = {"param2tok": SMALL, "units": UNITS, "mlp": MLP, "regression": REGRESSION, "vae": VAE}


def numbers(values: int) -> Spec:
    """Make a spec of ``values`` integer parameters."""
    return Spec(tuple(Integer(f"p{i}", 0, 99) for i in range(values)))


def small_flow(
    values: int = 7, size: tuple[int, int, int] = (1, 128, 401), seed: int = 0
) -> ConditionalFlow:
    """Make a flow with random weights, in place of AdaLN-Zero's zeros and equal rows."""
    torch.manual_seed(seed)
    model = FlowArchitecture.model_validate(SMALL).build(numbers(values), size).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model
