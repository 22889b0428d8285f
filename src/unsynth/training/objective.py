"""What training minimises.

A flow, by flow matching with condition dropout:

    E |v(x_t, t | y) - (x1 - x0)|^2,  x0 normal,  x_t = (1 - t) x0 + t x1

with y replaced by "no sound" for a share of the items (the paper, section 4: 10 %), so that one
network learns both fields that guidance needs; and the mean absolute entry of Param2Tok's
assignment. t is uniform in [0, 1]. Where coordinates are known, x_t is x1 there and the error is
that of the others. A regression, by the mean square. VAE + RealNVP:
:mod:`unsynth.models.vae_realnvp`.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from unsynth.flow.guidance import ConditionalField
from unsynth.flow.path import point, velocity
from unsynth.models.architecture import Model
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.regression import PatchRegression


class Noise(NamedTuple):
    """Everything random that a batch needs besides its data."""

    x0: Float[torch.Tensor, "items d"]
    t: Float[torch.Tensor, " items"]
    dropped: Bool[torch.Tensor, " items"]
    #: Which coordinates the model is told; none of them.
    known: Bool[torch.Tensor, "items d"] | None = None


class Losses(NamedTuple):
    """The loss, and what is added to it."""

    loss: Float[torch.Tensor, ""]
    penalty: Float[torch.Tensor, ""]


def draw_times(
    rng: np.random.Generator, items: int, dropout: float
) -> tuple[Float[torch.Tensor, " items"], Bool[torch.Tensor, " items"]]:
    """Draw each item's time, and which items lose their sound."""
    t = torch.from_numpy(rng.random(items, dtype=np.float32))
    return t, torch.from_numpy(rng.random(items) < dropout)


def losses(
    model: Model,
    x1: Float[torch.Tensor, "items d"],
    observed: UInt8[torch.Tensor, "sounds ..."],
    noise: Noise,
    assignment_penalty: float,
    step: int,
) -> Losses:
    """Compute what a model is trained by; each sound is that of items / sounds items, in turn."""
    match model:
        case ConditionalFlow():
            repeats = len(x1) // len(observed)
            conditioning = model.encode(observed).repeat(repeats, 1, 1)
            unconditional = model.unconditional(len(x1))
            if noise.known is not None:
                conditioning, unconditional = (
                    model.add_known(vectors, x1, noise.known)
                    for vectors in (conditioning, unconditional)
                )
            loss = flow_matching_loss(model, x1, conditioning, unconditional, noise)
            tokens = model.param2tok
            penalty = 0.0 if tokens is None else assignment_penalty * tokens.penalty()
            return Losses(loss, loss.new_zeros(()) + penalty)
        case PatchRegression():
            # Noises of one sound would be the same loss again.
            loss = (model(observed) - x1[: len(observed)]).square().mean()
            return Losses(loss, loss.new_zeros(()))
        case _:
            count = len(observed)
            found = model.losses(x1[:count], observed, noise.x0[:count])
            return Losses(found.reconstruction + found.patch, model.beta(step) * found.latent)


def flow_matching_loss(
    field: ConditionalField,
    x1: Float[torch.Tensor, "items d"],
    conditioning: Float[torch.Tensor, "items layers width"],
    unconditional: Float[torch.Tensor, "items layers width"],
    noise: Noise,
) -> Float[torch.Tensor, ""]:
    """Compute the mean squared error of the velocity over items and coordinates."""
    seen = torch.where(noise.dropped[:, None, None], unconditional, conditioning)
    x = point(noise.x0, x1, noise.t)
    if noise.known is not None:
        x = torch.where(noise.known, x1, x)
    errors = (field(x, noise.t, seen).float() - velocity(noise.x0, x1)).square()
    if noise.known is None:
        return errors.mean()
    asked = ~noise.known
    return ((errors * asked).sum(dim=1) / asked.sum(dim=1).clamp_min(1)).mean()
