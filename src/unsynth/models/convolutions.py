"""One-dimensional residual convolutions, laid out for speed on a CPU.

All sequences have their channels last, which is the fast layout for batch norm and for products of
matrices.
"""

import math
from functools import cache

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional


class Convolution(nn.Module):
    """A convolution without bias, padded with zeros at both ends.

    With a ``stride`` of s, a length of n becomes n // s.
    """

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, channels, kernel))
        bound = 1.0 / math.sqrt(channels * kernel)
        nn.init.uniform_(self.weight, -bound, bound)
        self._stride, self._padding = stride, (kernel - stride + 1) // 2

    def forward(
        self, x: Float[torch.Tensor, "items length channels"]
    ) -> Float[torch.Tensor, "items shorter out"]:
        """Convolve sequences."""
        # As an image of one row, x already has the layout "channels last".
        image = functional.conv2d(
            x.mT[:, :, None],
            self.weight[:, :, None],
            stride=(1, self._stride),
            padding=(0, self._padding),
        )
        return image[:, :, 0].mT


class ShortConvolution(nn.Module):
    """A convolution for sequences hardly longer than its kernel, by products of spectra.

    A convolution of length n and kernel K is bilinear, so there are matrices A, B and C with

        y = C [(A x) (B w)],

    where A, B and C act along the length, and the product in between mixes channels, once for each
    of the R rows of A and B. Here A and B are Fourier transforms of length n + K // 2 or more, and
    a complex product takes three real ones. R is then about 1.5 (n + K // 2); a plain convolution
    takes n K products. For n = 6 and K = 7 that is 13 products instead of 42 (S. Winograd,
    "Arithmetic Complexity of Computations", 1980, chapter 5).
    """

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"a kernel of {kernel} is even; give an odd one")
        self.weight = nn.Parameter(torch.empty(out, channels, kernel))
        bound = 1.0 / math.sqrt(channels * kernel)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(
        self, x: Float[torch.Tensor, "length items channels"]
    ) -> Float[torch.Tensor, "length items out"]:
        """Convolve sequences, padded with zeros; the length stays."""
        length, items, channels = x.shape
        out, _, kernel = self.weight.shape
        a, b, c = _transforms(length, kernel, x.device)
        spectra = (a @ x.reshape(length, -1)).view(-1, items, channels)
        weights = (b @ self.weight.permute(2, 1, 0).reshape(kernel, -1)).view(-1, channels, out)
        product = torch.bmm(spectra, weights)
        return (c @ product.flatten(1)).view(length, items, out)


@cache
def _transforms(
    length: int, kernel: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make A (R x length), B (R x kernel) and C (length x R).

    For each frequency, three products give the real and the imaginary part of X conj(W), the
    spectrum of sum_k w[k] x[j + k - K // 2].
    """
    period = length + kernel // 2
    place = torch.arange(length, dtype=torch.float64, device="cpu")
    tap = torch.arange(kernel, dtype=torch.float64, device="cpu") - kernel // 2
    a_rows, b_rows, c_columns = [], [], []
    for frequency in range(period // 2 + 1):
        turn = 2.0 * math.pi * frequency / period
        x_re, x_im = torch.cos(turn * place), -torch.sin(turn * place)
        w_re, w_im = torch.cos(turn * tap), torch.sin(turn * tap)
        if 2 * frequency in (0, period):
            a_rows.append(x_re)
            b_rows.append(w_re)
            c_columns.append(x_re / period)
            continue
        y_re, y_im = 2.0 * x_re / period, 2.0 * x_im / period
        # p = (re + im) w_re, q = re (w_im - w_re), r = im (w_re + w_im): re = p - r, im = p + q.
        a_rows += [x_re + x_im, x_re, x_im]
        b_rows += [w_re, w_im - w_re, w_re + w_im]
        c_columns += [y_re + y_im, y_im, -y_re]
    a, b, c = (torch.stack(rows).to(device, torch.float32) for rows in (a_rows, b_rows, c_columns))
    return a, b, c.T.contiguous()


class _Norm(nn.BatchNorm1d):
    """Batch norm of the last dimension."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(0, 1)).view(x.shape)


class ConvolutionStage(nn.Module):
    """A stage that shortens a sequence to a third, then updates it by residual convolutions.

        x = GELU(mix(mean of each 3) + norm(conv7(GELU(norm(conv6 with stride 3)))))

    and then, ``blocks`` times, ``x = GELU(x + norm(conv7(GELU(norm(conv7(x))))))``. All norms are
    batch norms. ``length`` is that of the result; up to 64, the stage uses
    :class:`ShortConvolution`.
    """

    STRIDE = 3

    def __init__(self, channels: int, out: int, length: int, blocks: int) -> None:
        super().__init__()
        self._short = length <= 64
        convolution = ShortConvolution if self._short else Convolution
        self.shorten = Convolution(channels, out, 6, self.STRIDE)
        self.mix = nn.Linear(channels, out, bias=False)
        self.first = nn.Sequential(_Norm(out), nn.GELU(), convolution(out, out, 7), _Norm(out))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                convolution(out, out, 7),
                _Norm(out),
                nn.GELU(),
                convolution(out, out, 7),
                _Norm(out),
            )
            for _ in range(blocks)
        )

    def forward(
        self, x: Float[torch.Tensor, "items length channels"]
    ) -> Float[torch.Tensor, "items shorter out"]:
        """Shorten and update sequences."""
        mean = x[:, : x.shape[1] // self.STRIDE * self.STRIDE]
        skip = self.mix(mean.unflatten(1, (-1, self.STRIDE)).mean(dim=2))
        branch = self.shorten(x)
        if self._short:
            skip, branch = skip.transpose(0, 1), branch.transpose(0, 1).contiguous()
        x = functional.gelu(skip + self.first(branch))
        for block in self.blocks:
            x = functional.gelu(x + block(x))
        return x.transpose(0, 1) if self._short else x
