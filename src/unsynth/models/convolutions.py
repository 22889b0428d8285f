"""One-dimensional residual convolutions, laid out so that a CPU spends its time on arithmetic.

Channels are last in all sequences here, as batch norm and the products of matrices like them.
"""

import math
from functools import cache

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional


class Convolution(nn.Module):
    """A convolution without bias; each side is padded with zeros.

    With a ``stride`` s the padding is such that a length of n becomes n // s.
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
        # As an image of one row: its channels-last layout is the one x has.
        image = functional.conv2d(
            x.mT[:, :, None],
            self.weight[:, :, None],
            stride=(1, self._stride),
            padding=(0, self._padding),
        )
        return image[:, :, 0].mT


class ShortConvolution(nn.Module):
    """A convolution of sequences hardly longer than its kernel, by products of their spectra.

    A convolution of length n and kernel K is bilinear, so for some matrices A, B, C

        y = C [(A x) (B w)],

    where A, B and C act along the length, and the product in between is one of channels, for each
    of the R rows of A and B. With A and B the Fourier transforms of length at least n + K // 2,
    and a product of complex numbers made of three real ones, R is about 1.5 (n + K // 2), where
    the plain way has n K. For n = 6 and K = 7 that is 13 products instead of 42 (S. Winograd,
    "Arithmetic Complexity of Computations", 1980, chapter 5).
    """

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError("an odd kernel")
        self.weight = nn.Parameter(torch.empty(out, channels, kernel))
        bound = 1.0 / math.sqrt(channels * kernel)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(
        self, x: Float[torch.Tensor, "length items channels"]
    ) -> Float[torch.Tensor, "length items out"]:
        """Convolve sequences, padded with zeros."""
        length, items, channels = x.shape
        out, _, kernel = self.weight.shape
        of_x, of_w, of_y = _transforms(length, kernel, x.device)
        spectra = (of_x @ x.reshape(length, -1)).view(-1, items, channels)
        weights = (of_w @ self.weight.permute(2, 1, 0).reshape(kernel, -1)).view(-1, channels, out)
        product = torch.bmm(spectra, weights)
        return (of_y @ product.flatten(1)).view(length, items, out)


@cache
def _transforms(
    length: int, kernel: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make A (R length), B (R kernel) and C (length R).

    For each frequency, the three products give real and imaginary part of X conj(W), which is the
    spectrum of sum_k w[k] x[j + k - K // 2].
    """
    period = length + kernel // 2
    place = torch.arange(length, dtype=torch.float64, device="cpu")
    tap = torch.arange(kernel, dtype=torch.float64, device="cpu") - kernel // 2
    of_x, of_w, of_y = [], [], []
    for frequency in range(period // 2 + 1):
        turn = 2.0 * math.pi * frequency / period
        x_re, x_im = torch.cos(turn * place), -torch.sin(turn * place)
        w_re, w_im = torch.cos(turn * tap), torch.sin(turn * tap)
        if 2 * frequency in (0, period):
            of_x.append(x_re)
            of_w.append(w_re)
            of_y.append(x_re / period)
            continue
        y_re, y_im = 2.0 * x_re / period, 2.0 * x_im / period
        # p = (re + im) w_re, q = re (w_im - w_re), r = im (w_re + w_im): re = p - r, im = p + q.
        of_x += [x_re + x_im, x_re, x_im]
        of_w += [w_re, w_im - w_re, w_re + w_im]
        of_y += [y_re + y_im, y_im, -y_re]
    a, b, c = (torch.stack(rows).to(device, torch.float32) for rows in (of_x, of_w, of_y))
    return a, b, c.T.contiguous()


class _Norm(nn.BatchNorm1d):
    """Batch norm of the last dimension."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(0, 1)).view(x.shape)


class ConvolutionStage(nn.Module):
    """Shorten a sequence to a third, then update it by residual convolutions.

        x = GELU(mix(mean of each 3) + norm(conv7(GELU(norm(conv6 with stride 3)))))

    and then ``blocks`` times ``x = GELU(x + norm(conv7(GELU(norm(conv7(x))))))``, with batch norms.
    ``length`` is that of the result; up to 64 the convolutions are short ones.
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
        """Map sequences."""
        mean = x[:, : x.shape[1] // self.STRIDE * self.STRIDE]
        skip = self.mix(mean.unflatten(1, (-1, self.STRIDE)).mean(dim=2))
        branch = self.shorten(x)
        if self._short:
            skip, branch = skip.transpose(0, 1), branch.transpose(0, 1).contiguous()
        x = functional.gelu(skip + self.first(branch))
        for block in self.blocks:
            x = functional.gelu(x + block(x))
        return x.transpose(0, 1) if self._short else x
