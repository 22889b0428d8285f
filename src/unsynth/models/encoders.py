"""From an observed sound, in bytes, to one conditioning vector a layer of the vector field."""

import torch
from jaxtyping import Float, UInt8
from torch import nn
from torch.nn import functional

from unsynth.models.convolutions import ConvolutionStage
from unsynth.models.layers import Block, ResidualBlock


class SpectrogramTransformer(nn.Module):
    """Patches of the spectrogram + learned positions, query tokens in front, pre-norm blocks.

    The audio spectrogram transformer (Y. Gong, Y.-A. Chung, J. Glass, "AST: Audio Spectrogram
    Transformer", Interspeech 2021) with the norm first and, instead of one [CLS] token, one
    learned query token for each layer of the field (the paper, section 4.2.1). It sees

        ((dB + 40) / 40 - m) / s,

    with m = 0 and s = 1, so values in [-1, 1], until :meth:`standardise` sets both for each cell,
    as in the paper; they are stored with the weights.

    ``patch`` and ``stride`` are (bands, frames); where the patches do not end with the
    spectrogram, it goes on with its floor. The last block computes the queries only.
    """

    #: The least s, 2 dB: a cell that is nearly always silent is no louder than that makes it.
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
        """``size`` is (channels, bands, frames) of the spectrogram, ``out`` the vectors' width."""
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
        """Set each cell's mean and deviation, in the unit of observed bytes."""
        bands, frames = mean.shape[1:]
        self.mean[:, :bands, :frames] = mean / 127.5 - 1.0
        self.deviation[:, :bands, :frames] = (deviation / 127.5).clamp_min(self._FLOOR)

    def forward(
        self, observed: UInt8[torch.Tensor, "items channels bands frames"]
    ) -> Float[torch.Tensor, "items queries out"]:
        """Encode spectrograms."""
        queries = self.queries.expand(len(observed), -1, -1)
        patches = self.embed(self._cut(observed.float() / 127.5 - 1.0)) + self.positions
        x = torch.cat([queries, patches], dim=1)
        for i, block in enumerate(self.blocks, start=1):
            x = block(x, queries.shape[1] if i == len(self.blocks) else None)
        return self.out(self.norm(x[:, : queries.shape[1]]))

    def _cut(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Cut into (items, patches, channels * patch)."""
        bands, frames = self._missing
        whole = functional.pad(spectrogram, (0, frames, 0, bands), value=-1.0)
        whole = (whole - self.mean) / self.deviation
        rows = whole.unfold(2, self._patch[0], self._stride[0])
        cut = rows.unfold(3, self._patch[1], self._stride[1])
        return cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


class NoteEncoder(nn.Module):
    """A residual network on a note or its windows, as observed, whitened.

        u = (B (x - m), (h - n) / s),    y = W2 norm(blocks(W1 u)),

    where x is what is seen of the sound and h the note beside it
    (:mod:`unsynth.audio.observation`); m, n and s are means and deviations, and B projects on the
    ``directions`` main directions of x, each scaled to variance 1 (to less where it varies little
    beside the first). y is cut into one vector a layer. :meth:`fit` finds m, n, s and B; they are
    stored with the weights.
    """

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
        """``values`` are observed in all, ``note_values`` of them of the note."""
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
        """Find the whitening from sounds."""
        values = observed.double() / 255.0
        centre = values.mean(dim=0)
        pictures, note = (values - centre).tensor_split([self.basis.shape[1]], dim=1)
        variances, vectors = torch.linalg.eigh(pictures.T @ pictures / len(pictures))
        variances, vectors = variances.flip(0), vectors.flip(1)
        scales = (variances + self._FLOOR * variances[0]).rsqrt()
        directions = len(self.basis)
        self.centre.copy_(centre)
        self.basis.copy_((vectors * scales)[:, :directions].T)
        self.spread.copy_(note.square().mean(dim=0).sqrt().clamp_min(1e-3))

    def forward(
        self, observed: UInt8[torch.Tensor, "items values"]
    ) -> Float[torch.Tensor, "items queries out"]:
        """Encode notes."""
        values = observed.float() / 255.0 - self.centre
        picture, note = values.tensor_split([self.basis.shape[1]], dim=1)
        u = torch.cat([picture @ self.basis.T, note / self.spread], dim=1)
        x = self.embed(u)
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x)).unflatten(1, (self._queries, -1))


class SpectrumEncoder(nn.Module):
    """A residual network of one-dimensional convolutions on ``|rfft|`` of a whole mono sound.

    The paper, section 4.1.1 ("a 1D frequency domain CNN"): ``channels`` double over four stages,
    each of which shortens the spectrum to a third (kernel 6) and updates it by residual
    convolutions (kernel 7); then a linear layer, a residual block and a norm. Batch norms make a
    sound's vector depend on the batch while training, as in the paper.
    """

    _STAGES, _BLOCKS = 4, 3

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
        # So scaled a full-scale sine is 16: neither tiny nor huge for the first batch norm.
        spectrum = torch.fft.rfft(audio, norm="ortho").abs()
        features = self.stages(spectrum[..., None]).flatten(1)
        return self.norm(self.block(self.embed(features)))
