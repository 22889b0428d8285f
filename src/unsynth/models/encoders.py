"""From a spectrogram to one conditioning vector a layer of the vector field.

The audio spectrogram transformer (Y. Gong, Y.-A. Chung, J. Glass, "AST: Audio Spectrogram
Transformer", Interspeech 2021) with the norm first and, instead of one [CLS] token, one learned
query token for each layer of the field (the paper, section 4.2.1).
"""

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional

from unsynth.models.layers import Block


class SpectrogramTransformer(nn.Module):
    """Patches of the spectrogram + learned positions, query tokens in front, pre-norm blocks.

    ``patch`` and ``stride`` are (bands, frames); where the patches do not end with the
    spectrogram, it goes on with its floor, -1. The last block computes the queries only.
    """

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
        self.embed = nn.Linear(channels * patch[0] * patch[1], width)
        self.positions = nn.Parameter(0.02 * torch.randn(counts[0] * counts[1], width))
        self.queries = nn.Parameter(0.02 * torch.randn(queries, width))
        self.blocks = nn.ModuleList(Block(width, heads, feed_forward) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, out)

    def forward(
        self, spectrogram: Float[torch.Tensor, "items channels bands frames"]
    ) -> Float[torch.Tensor, "items queries out"]:
        """Encode standardised spectrograms."""
        queries = self.queries.expand(len(spectrogram), -1, -1)
        patches = self.embed(self._cut(spectrogram)) + self.positions
        x = torch.cat([queries, patches], dim=1)
        for i, block in enumerate(self.blocks, start=1):
            x = block(x, queries.shape[1] if i == len(self.blocks) else None)
        return self.out(self.norm(x[:, : queries.shape[1]]))

    def _cut(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Cut into (items, patches, channels * patch)."""
        bands, frames = self._missing
        whole = functional.pad(spectrogram, (0, frames, 0, bands), value=-1.0)
        rows = whole.unfold(2, self._patch[0], self._stride[0])
        cut = rows.unfold(3, self._patch[1], self._stride[1])
        return cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
