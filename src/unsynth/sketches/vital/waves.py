"""The waves of Vital's oscillators: their harmonics, and playing them with a bent phase."""

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex64, Float

from unsynth.formats.vital import basic_waves

#: Samples of a cycle of a wave: it has half as many harmonics.
CYCLE = 1024
#: Harmonics of a keyframe below this amplitude are rounding errors, whose phase means nothing.
_INAUDIBLE = 1e-5


@cache
def frame_spectra() -> Complex64[np.ndarray, "frames harmonics"]:
    """Compute the harmonics of all frames of the base patch's wavetable.

    Between two keyframes the engine blends the square roots of amplitudes, and the phases.
    """
    waves = basic_waves()
    spectra = {
        frame: np.fft.rfft(wave, norm="forward")[: CYCLE // 2 + 1] for frame, wave in waves.items()
    }
    frames = np.empty((max(waves) + 1, CYCLE // 2 + 1), dtype=np.complex64)
    for low, high in pairwise(sorted(waves)):
        first, second = spectra[low], spectra[high]
        phase = np.angle(np.where(np.abs(first) < _INAUDIBLE, second, first))
        turn = np.angle(np.exp(-1j * phase) * second)
        turn = np.where(np.abs(second) < _INAUDIBLE, 0.0, turn)
        for frame in range(low, high + 1):
            t = (frame - low) / (high - low)
            roots = (1.0 - t) * np.sqrt(np.abs(first)) + t * np.sqrt(np.abs(second))
            frames[frame] = roots**2 * np.exp(1j * (phase + t * turn))
    frames[:, 0] = 0.0
    return frames


def play(
    waves: Float[torch.Tensor, "items copies windows cycle"],
    levels: Float[torch.Tensor, "items copies windows"],
    amounts: Float[torch.Tensor, "items copies 1"],
    starts: Float[torch.Tensor, "items copies windows"],
    increments: Float[torch.Tensor, "items copies windows"],
    samples: int,
) -> Float[torch.Tensor, "items windows samples"]:
    """Play waves and return their sum.

    ``amounts`` are those of the distortion "Bend"; ``starts`` and ``increments`` are in cycles.
    There are no slopes in these two.
    """
    sound: torch.Tensor = _Play.apply(waves, levels, amounts, starts, increments, samples)
    return sound


class _Play(torch.autograd.Function):
    """See :func:`play`. Written out, because torch's own slopes take twice as long.

    "Bend" maps the phase with a cubic Bézier curve, whose inner points move with the amount; 0.5
    leaves the phase as it is.
    """

    @staticmethod
    def forward(
        ctx: Any,
        waves: torch.Tensor,
        levels: torch.Tensor,
        amounts: torch.Tensor,
        starts: torch.Tensor,
        increments: torch.Tensor,
        samples: int,
    ) -> torch.Tensor:
        steps = torch.arange(samples, dtype=waves.dtype, device=waves.device)
        x = torch.addcmul(starts[..., None], increments[..., None], steps)
        x -= x.floor()
        shift = 2.0 * (amounts - amounts.square())
        first, second = (3.0 * amounts - shift)[..., None], (3.0 * amounts + shift)[..., None]
        rest = 1.0 - x
        # The curve divided by x: a quadratic in x and 1 - x.
        at = torch.addcmul(first * rest, second, x).mul_(rest).addcmul_(x, x).mul_(x)
        # The wave of the engine begins half a cycle later than that of the file.
        at.add_(0.5)
        at.sub_(at.floor()).mul_(CYCLE)
        index = at.long().clamp_(max=CYCLE - 1)
        at -= index
        slopes = (waves.roll(-1, -1) - waves).gather(-1, index)
        values = torch.addcmul(waves.gather(-1, index), slopes, at)
        ctx.save_for_backward(levels, amounts, x, index, at, slopes, values)
        return torch.einsum("icw,icwn->iwn", levels, values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        levels, amounts, x, index, at, slopes, values = ctx.saved_tensors
        gradient = gradients[0][:, None]
        level_slopes = torch.einsum("iwn,icwn->icw", gradients[0], values)
        scaled = gradient * levels[..., None]
        upper = scaled * at
        wave_slopes = x.new_zeros((*levels.shape, CYCLE + 1))
        wave_slopes.scatter_add_(-1, index, scaled - upper)
        wave_slopes.scatter_add_(-1, index + 1, upper)
        wave_slopes[..., 0] += wave_slopes[..., -1]
        rest = 1.0 - x
        change = 2.0 - 4.0 * amounts
        first, second = (3.0 - change)[..., None], (3.0 + change)[..., None]
        bent = torch.addcmul(first * rest, second, x).mul_(rest).mul_(x)
        amount_slopes = CYCLE * (bent.mul_(scaled).mul_(slopes)).sum(dim=(2, 3))[..., None]
        return wave_slopes[..., :-1], level_slopes, amount_slopes, None, None, None
