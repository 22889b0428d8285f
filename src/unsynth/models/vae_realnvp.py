"""VAE + RealNVP: the baseline of the paper's Table 1 that regresses through a learned latent space.

After G. Le Vaillant, T. Dutoit, S. Dekeyser, "Improving Synthesizer Programming From Variational
Autoencoders Latent Space", DAFx 2021. A convolutional encoder gives a normal q(z0 | spectrogram);
an invertible f (RealNVP: L. Dinh et al., "Density estimation using Real NVP", ICLR 2017) makes it
z = f(z0). From z, a decoder restores the spectrogram, and a second RealNVP r estimates the patch.
The latent vector is as long as the patch's vector. Training minimises

    mean |decoder(z) - spectrogram|^2 + loss(r(z), x)
        + beta / d (log q(z0) - log |det df/dz0| - log N(z; 0, 1)),

with z0 drawn from q. ``loss`` is the mean cross-entropy of the one-hot categories plus the mean
squared error of the other values. The estimate for a sound is the single patch r(f(mean of q)).
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import nn
from torch.nn import functional
from zuko.flows.coupling import GeneralCouplingTransform

#: The least standard deviation of q.
_LEAST_SPREAD = 1e-3


class VAELosses(NamedTuple):
    """The three parts of the loss, before the latent one is weighted by beta."""

    reconstruction: Float[torch.Tensor, ""]
    patch: Float[torch.Tensor, ""]
    latent: Float[torch.Tensor, ""]


class VAERealNVP(nn.Module):
    """VAE + RealNVP. ``groups`` are start and stop of each one-hot category in the vector."""

    def __init__(
        self,
        size: tuple[int, int, int],
        values: int,
        groups: Sequence[tuple[int, int]],
        widths: Sequence[int],
        latent_layers: int,
        parameter_layers: int,
        coupling_width: int,
        coupling_blocks: int,
        beta: tuple[float, float],
        beta_steps: int,
    ) -> None:
        """``size`` is the spectrogram's (channels, bands, frames).

        ``widths`` are the channels of the convolutions, ``beta`` its first and last value.
        """
        super().__init__()
        channels, *extent = size
        factor = 2 ** len(widths)
        small = [-(-n // factor) for n in extent]
        self._missing = [s * factor - n for s, n in zip(small, extent, strict=True)]
        self._extent, self._shape = extent, (widths[-1], *small)
        features = math.prod(self._shape)
        every = [channels, *widths]
        self.down = nn.Sequential(*(_convolution(nn.Conv2d, a, b) for a, b in pairwise(every)))
        self.to_latent = nn.Sequential(nn.Linear(features, 2 * values), nn.BatchNorm1d(2 * values))
        self.from_latent = nn.Linear(values, features)
        back = every[::-1]
        self.up = nn.Sequential(
            *(_convolution(nn.ConvTranspose2d, a, b) for a, b in pairwise(back[:-1])),
            nn.ConvTranspose2d(back[-2], channels, 4, 2, 1),
        )
        self.latent_flow = RealNVP(values, latent_layers, coupling_width, coupling_blocks)
        self.patch_flow = RealNVP(values, parameter_layers, coupling_width, coupling_blocks)
        grouped = torch.zeros(values, dtype=torch.bool, device="cpu")
        for start, stop in groups:
            grouped[start:stop] = True
        self._numbers = nn.Buffer(~grouped, persistent=False)
        self._groups = groups
        self._beta, self._beta_steps = beta, beta_steps

    def beta(self, step: int) -> float:
        """Compute the weight of the latent loss at a step."""
        first, last = self._beta
        return first + (last - first) * min(1.0, step / self._beta_steps)

    def losses(
        self,
        x1: Float[torch.Tensor, "items d"],
        observed: UInt8[torch.Tensor, "items channels bands frames"],
        noise: Float[torch.Tensor, "items d"],
    ) -> VAELosses:
        """Compute the three losses. ``noise`` is standard normal and makes z0."""
        spectrogram = observed.float() / 127.5 - 1.0
        mean, spread = self._posterior(spectrogram)
        z0 = mean + spread * noise
        z, log_det = self.latent_flow(z0)
        log_q = -0.5 * noise.square() - spread.log()
        latent = (log_q + 0.5 * z.square()).sum(dim=1) - log_det
        hidden = functional.leaky_relu(self.from_latent(z), 0.1).unflatten(1, self._shape)
        bands, frames = self._extent
        restored = self.up(hidden)[..., :bands, :frames]
        patch, _ = self.patch_flow(z)
        return VAELosses(
            (restored - spectrogram).square().mean(),
            self._patch_loss(patch, x1),
            latent.mean() / x1.shape[1],
        )

    def forward(
        self, observed: UInt8[torch.Tensor, "items channels bands frames"]
    ) -> Float[torch.Tensor, "items d"]:
        """Estimate patches."""
        mean, _ = self._posterior(observed.float() / 127.5 - 1.0)
        z, _ = self.latent_flow(mean)
        return self.patch_flow(z)[0]

    def _posterior(self, spectrogram: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        bands, frames = self._missing
        whole = functional.pad(spectrogram, (0, frames, 0, bands), value=-1.0)
        mean, spread = self.to_latent(self.down(whole).flatten(1)).chunk(2, dim=1)
        return mean, functional.softplus(spread) + _LEAST_SPREAD

    def _patch_loss(self, patch: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
        loss = x1.new_zeros(())
        if self._numbers.any():
            loss = (patch - x1)[:, self._numbers].square().mean()
        if self._groups:
            entropies = [
                functional.cross_entropy(patch[:, a:b], x1[:, a:b].argmax(dim=1))
                for a, b in self._groups
            ]
            loss = loss + torch.stack(entropies).mean()
        return loss


class RealNVP(nn.Module):
    """Affine coupling layers. Even and odd values take turns: one half changes by the other."""

    def __init__(self, values: int, layers: int, width: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for layer in range(layers):
            with torch.device("cpu"):  # even if weights are built on the meta device
                mask = torch.arange(values) % 2 == layer % 2
                coupling = GeneralCouplingTransform(values, mask=mask)
            inputs = int(mask.sum())
            coupling.hyper = _coupling_network(inputs, 2 * (values - inputs), width, blocks)
            self.layers.append(coupling)

    def forward(
        self, x: Float[torch.Tensor, "items values"]
    ) -> tuple[Float[torch.Tensor, "items values"], Float[torch.Tensor, " items"]]:
        """Map vectors, and compute the log determinants of the Jacobian."""
        total = x.new_zeros(len(x))
        for coupling in self.layers:
            x, log_det = coupling().call_and_ladj(x)
            total = total + log_det
        return x, total


class _ResidualBlock(nn.Module):
    """``x + W2 ReLU(norm(W1 ReLU(norm(x))))``, with batch norms."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


def _coupling_network(values: int, out: int, width: int, blocks: int) -> nn.Sequential:
    last = nn.Linear(width, out)
    # Tiny weights make a new flow nearly the identity.
    nn.init.uniform_(last.weight, -1e-3, 1e-3)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(values, width), *(_ResidualBlock(width) for _ in range(blocks)), last
    )


def _convolution(
    kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], channels: int, out: int
) -> nn.Sequential:
    return nn.Sequential(
        kind(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.1)
    )
