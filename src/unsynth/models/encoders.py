"""Encoders: from an observed sound to one conditioning vector per layer of the vector field."""

import torch
from jaxtyping import Float, UInt8
from torch import nn
from torch.nn import functional

from unsynth.models.convolutions import ConvolutionStage
from unsynth.models.layers import Block, ResidualBlock


class SpectrogramTransformer(nn.Module):
    """A transformer on patches of the spectrogram, with query tokens in front.

    The audio spectrogram transformer (Y. Gong, Y.-A. Chung, J. Glass, "AST: Audio Spectrogram
    Transformer", Interspeech 2021), with the norm first in each block. Instead of one [CLS] token
    it has one learned query token for each layer of the field (the paper, section 4.2.1). Its input
    is

        ((dB + 40) / 40 - m) / s.

    At first m = 0 and s = 1, so the input is in [-1, 1]. :meth:`standardise` sets both for each
    cell, as in the paper; they are stored with the weights.

    ``patch`` and ``stride`` are (bands, frames). If the last patch reaches past the spectrogram,
    the spectrogram goes on at -80 dB. The last block computes the queries only.
    """

    #: The least s, 2 dB, so that a cell that is nearly always silent is not scaled up too far.
    _FLOOR = 0.05

    def __init__(
        self,
        size: tuple[int, int, int],
        queries: int,
        out: int,
        patch: tuple[int, int],
        stride: tuple[int, int],
        width: int,
        heads: int,
        layers: int,
        feed_forward: int,
    ) -> None:
        """``size`` is the spectrogram's (channels, bands, frames), ``out`` the vectors' width."""
        super().__init__()
        channels, *extent = size
        counts = [1 + -(-max(0, n - p) // s) for n, p, s in zip(extent, patch, stride, strict=True)]
        self._patch, self._stride = patch, stride
        self._missing = [
            (c - 1) * s + p - n for c, s, p, n in zip(counts, stride, patch, extent, strict=True)
        ]
        covered = [n + more for n, more in zip(extent, self._missing, strict=True)]
        self.mean = nn.Buffer(torch.zeros(channels, *covered))
        self.deviation = nn.Buffer(torch.ones(channels, *covered))
        self.embed = nn.Linear(channels * patch[0] * patch[1], width)
        self.positions = nn.Parameter(0.02 * torch.randn(counts[0] * counts[1], width))
        self.queries = nn.Parameter(0.02 * torch.randn(queries, width))
        self.blocks = nn.ModuleList(Block(width, heads, feed_forward) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, out)

    @torch.no_grad()
    def standardise(
        self,
        mean: Float[torch.Tensor, "channels bands frames"],
        deviation: Float[torch.Tensor, "channels bands frames"],
    ) -> None:
        """Set the mean m and the standard deviation s of each cell, in units of observed bytes."""
        bands, frames = mean.shape[1:]
        self.mean[:, :bands, :frames] = mean / 127.5 - 1.0
        self.deviation[:, :bands, :frames] = (deviation / 127.5).clamp_min(self._FLOOR)

    def forward(
        self, observed: UInt8[torch.Tensor, "items channels bands frames"]
    ) -> Float[torch.Tensor, "items queries out"]:
        """Encode spectrograms."""
        queries = self.queries.expand(len(observed), -1, -1)
        patches = self.embed(self._patches(observed.float() / 127.5 - 1.0)) + self.positions
        x = torch.cat([queries, patches], dim=1)
        for i, block in enumerate(self.blocks, start=1):
            x = block(x, queries.shape[1] if i == len(self.blocks) else None)
        return self.out(self.norm(x[:, : queries.shape[1]]))

    def _patches(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Standardise, and cut into patches: (items, patches, values of a patch)."""
        bands, frames = self._missing
        whole = functional.pad(spectrogram, (0, frames, 0, bands), value=-1.0)
        whole = (whole - self.mean) / self.deviation
        rows = whole.unfold(2, self._patch[0], self._stride[0])
        patches = rows.unfold(3, self._patch[1], self._stride[1])
        return patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


class NoteEncoder(nn.Module):
    """A residual network on an observed note or its windows, whitened.

        u = (B (x - m), (h - n) / s),    y = W2 norm(blocks(W1 u)),

    where h are the values of the note at the end of the observation, and x all values before them
    (:mod:`unsynth.audio.observation`). m and n are means, s standard deviations. B projects on the
    first ``directions`` principal directions of x and scales each to variance 1, or to less if its
    variance is small compared with the first. y is split into one vector per layer. :meth:`fit`
    computes m, n, s and B; they are stored with the weights.
    """

    #: A share of the first direction's variance that is added to each before scaling.
    _FLOOR = 1.0 / 500.0

    def __init__(
        self,
        values: int,
        note_values: int,
        queries: int,
        out: int,
        directions: int,
        width: int,
        layers: int,
        feed_forward: int,
    ) -> None:
        """``values`` is the size of an observation, ``note_values`` that of the note at its end."""
        super().__init__()
        self.centre = nn.Buffer(torch.zeros(values))
        self.basis = nn.Buffer(torch.zeros(directions, values - note_values))
        self.spread = nn.Buffer(torch.ones(note_values))
        self.embed = nn.Linear(directions + note_values, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, feed_forward) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, queries * out)
        self._queries = queries

    @torch.no_grad()
    def fit(self, observed: UInt8[torch.Tensor, "items values"]) -> None:
        """Compute the whitening from observed sounds."""
        from scipy.linalg import eigh

        values = observed.double() / 255.0
        centre = values.mean(dim=0)
        sounds, note = (values - centre).tensor_split([self.basis.shape[1]], dim=1)
        covariance, last = (sounds.T @ sounds / len(sounds)).cpu().numpy(), sounds.shape[1] - 1
        # The largest variances alone take a third of the time of all.
        variances, vectors = (
            torch.from_numpy(values[..., ::-1].copy())
            for values in eigh(covariance, subset_by_index=(last + 1 - len(self.basis), last))
        )
        scales = (variances + self._FLOOR * variances[0]).rsqrt()
        self.centre.copy_(centre)
        self.basis.copy_((vectors * scales).T)
        self.spread.copy_(note.square().mean(dim=0).sqrt().clamp_min(1e-3))

    def forward(
        self, observed: UInt8[torch.Tensor, "items values"]
    ) -> Float[torch.Tensor, "items queries out"]:
        """Encode observed notes or windows."""
        values = observed.float() / 255.0 - self.centre
        sound, note = values.tensor_split([self.basis.shape[1]], dim=1)
        u = torch.cat([sound @ self.basis.T, note / self.spread], dim=1)
        x = self.embed(u)
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x)).unflatten(1, (self._queries, -1))


class SpectrumEncoder(nn.Module):
    """A residual network of one-dimensional convolutions on ``|rfft|`` of a whole mono sound.

    The paper's "1D frequency domain CNN" (section 4.1.1). Four stages shorten the spectrum to a
    third each (kernel 6) and update it by residual convolutions (kernel 7); the first has
    ``channels``, and the number doubles from stage to stage. A linear layer, a residual block and
    a norm follow. During training, batch norms make a sound's vector depend on its batch, as in the
    paper.
    """

    _STAGES = 4
    #: Residual blocks per stage.
    _BLOCKS = 3

    def __init__(self, samples: int, out: int, channels: int = 24) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        before, width, length = 1, channels, samples // 2 + 1
        for _ in range(self._STAGES):
            length //= ConvolutionStage.STRIDE
            stages.append(ConvolutionStage(before, width, length, self._BLOCKS))
            before, width = width, 2 * width
        self.stages = nn.Sequential(*stages)
        self.embed = nn.Linear(before * length, out)
        self.block = ResidualBlock(out, out)
        self.norm = nn.LayerNorm(out)

    def forward(
        self, audio: Float[torch.Tensor, "items samples"]
    ) -> Float[torch.Tensor, "items out"]:
        """Encode sounds."""
        # With this scale a full-scale sine is 16: neither tiny nor huge for the first batch norm.
        spectrum = torch.fft.rfft(audio, norm="ortho").abs()
        features = self.stages(spectrum[..., None]).flatten(1)
        return self.norm(self.block(self.embed(features)))
