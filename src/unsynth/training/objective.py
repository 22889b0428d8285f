"""The training losses.

A flow is trained by flow matching with condition dropout:

    E |v(x_t, t | y) - (x1 - x0)|^2,  x0 normal,  t uniform in [0, 1],  x_t = (1 - t) x0 + t x1.

For a share of the items (10 % in the paper, section 4), y is replaced by "no sound", so that one
network learns both fields that guidance needs. The mean absolute entry of Param2Tok's assignment is
added as a penalty. Known coordinates of x_t are those of x1, and only the others count in the
error.

A regression is trained by the mean squared error. For VAE + RealNVP, see
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
    #: The items that lose their sound.
    dropped: Bool[torch.Tensor, " items"]
    #: The coordinates that the model is conditioned on; ``None`` for none.
    known_mask: Bool[torch.Tensor, "items d"] | None = None


class Losses(NamedTuple):
    """The loss, and the penalty that is added to it."""

    loss: Float[torch.Tensor, ""]
    penalty: Float[torch.Tensor, ""]


def draw_times(
    rng: np.random.Generator, items: int, dropout: float
) -> tuple[Float[torch.Tensor, " items"], Bool[torch.Tensor, " items"]]:
    """Draw the time of each item, and the items that lose their sound."""
    t = torch.from_numpy(rng.random(items, dtype=np.float32))
    return t, torch.from_numpy(rng.random(items) < dropout)


def compute_losses(
    model: Model,
    x1: Float[torch.Tensor, "items d"],
    observed: UInt8[torch.Tensor, "sounds ..."],
    noise: Noise,
    assignment_penalty: float,
    step: int,
) -> Losses:
    """Compute a model's training losses.

    The items are the sounds in order, repeated as a whole items / sounds times.
    """
    match model:
        case ConditionalFlow():
            repeats = len(x1) // len(observed)
            conditioning = model.encode(observed).repeat(repeats, 1, 1)
            unconditional = model.unconditional(len(x1))
            if noise.known_mask is not None:
                conditioning, unconditional = (
                    model.add_known(vectors, x1, noise.known_mask)
                    for vectors in (conditioning, unconditional)
                )
            loss = flow_matching_loss(model, x1, conditioning, unconditional, noise)
            tokens = model.param2tok
            penalty = 0.0 if tokens is None else assignment_penalty * tokens.penalty()
            return Losses(loss, loss.new_zeros(()) + penalty)
        case PatchRegression():
            # The loss does not depend on the noise, so one item of each sound is enough.
            loss = (model(observed) - x1[: len(observed)]).square().mean()
            return Losses(loss, loss.new_zeros(()))
        case _:
            count = len(observed)
            terms = model.losses(x1[:count], observed, noise.x0[:count])
            return Losses(terms.reconstruction + terms.patch, model.beta(step) * terms.latent)


def flow_matching_loss(
    field: ConditionalField,
    x1: Float[torch.Tensor, "items d"],
    conditioning: Float[torch.Tensor, "items layers width"],
    unconditional: Float[torch.Tensor, "items layers width"],
    noise: Noise,
) -> Float[torch.Tensor, ""]:
    """Compute the mean squared error of the velocity over items and coordinates."""
    vectors = torch.where(noise.dropped[:, None, None], unconditional, conditioning)
    x = point(noise.x0, x1, noise.t)
    if noise.known_mask is not None:
        x = torch.where(noise.known_mask, x1, x)
    errors = (field(x, noise.t, vectors).float() - velocity(noise.x0, x1)).square()
    if noise.known_mask is None:
        return errors.mean()
    free = ~noise.known_mask
    return ((errors * free).sum(dim=1) / free.sum(dim=1).clamp_min(1)).mean()
