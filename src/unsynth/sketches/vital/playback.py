"""Windows of Vital from the values of their oscillators and filters, on a CPU, with slopes.

The loops are compiled (:mod:`unsynth.sketches.vital.kernel`).
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np
import scipy.fft
import torch
from jaxtyping import Float, Float32

from unsynth.sketches.vital import kernel
from unsynth.sketches.vital.kernel_filters import TILE, filter_gradients, filter_sounds
from unsynth.sketches.vital.sources import LEVEL, Sources
from unsynth.sketches.vital.waves import CYCLE, frame_spectra, noise

#: Items that are played together: few enough for a core's cache.
_PART = 8
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def play(sources: Sources, lead: int, samples: int) -> Float[torch.Tensor, "items windows samples"]:
    """Play windows of ``samples`` samples, after a lead-in of ``lead``; CPU only."""
    windows: torch.Tensor = _Play.apply(*sources, lead, samples)
    return windows


class _Play(torch.autograd.Function):
    """See :func:`play`. Parts of the items are shared among as many threads as torch has."""

    @staticmethod
    def forward(ctx: Any, *sources: Any) -> torch.Tensor:
        *tensors, lead, samples = sources
        parts = zip(*(tensor.detach().contiguous().split(_PART) for tensor in tensors), strict=True)
        ctx.parts = _map(lambda part: _Playback(Sources(*part), lead, samples), parts)
        return torch.from_numpy(np.concatenate([part.windows for part in ctx.parts]))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        sizes = [len(part.windows) for part in ctx.parts]
        pairs = zip(ctx.parts, gradients[0].contiguous().split(sizes), strict=True)
        slopes = _map(lambda pair: pair[0].slopes(pair[1].numpy()), pairs)
        joined = (np.concatenate(each) for each in zip(*slopes, strict=True))
        return *map(torch.from_numpy, joined), None, None, None, None


def _map(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Call a function for each item, in as many threads as torch has."""
    threads = torch.get_num_threads()
    return list(map(function, items) if threads == 1 else _executor(threads).map(function, items))


@cache
def _executor(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="sketch")


class _Playback:
    """Windows, and what their slopes are computed from."""

    def __init__(self, sources: Sources, lead: int, samples: int) -> None:
        rows, self._filters, self._knots, self._noise, self._dry, phases, self._first = (
            tensor.numpy() for tensor in sources
        )
        items, _, windows, columns = rows.shape
        filters, length = self._filters.shape[1], lead + samples
        self._shape = rows.shape
        self._rows, self._phases = rows.reshape(-1, columns), phases.reshape(-1, phases.shape[-1])
        #: The rows of oscillators that sound.
        self._places = np.flatnonzero(self._rows[:, LEVEL])
        spectra = np.empty((len(self._places), CYCLE // 2 + 1), dtype=np.complex64)
        kernel.fill_spectra(frame_spectra(), self._places, self._rows, self._phases, spectra)
        self._waves = scipy.fft.irfft(spectra, CYCLE, norm="forward")
        self._sounds = np.zeros((items, windows, length), dtype=np.float32)
        kernel.play_waves(self._places, self._waves, self._rows, self._phases, self._sounds)
        kernel.add_noise(noise(), self._noise, self._first, self._sounds)
        self._filtered = np.empty_like(self._sounds)
        lanes, tiles = filters * items * windows, -(-length // TILE)
        self._inside = np.empty((length, lanes), dtype=np.float32)
        self._states = np.empty((tiles, 2, lanes), dtype=np.float32)
        filter_sounds(self._sounds, self._filters, self._filtered, self._inside, self._states)
        self.windows = np.empty((items, windows, samples), dtype=np.float32)
        kernel.finish(self._sounds, self._filtered, self._dry, self._knots, self.windows)

    def slopes(
        self, grad_windows: Float32[np.ndarray, "items windows samples"]
    ) -> tuple[Float32[np.ndarray, "..."], ...]:
        """Take slopes with respect to the windows back to the sources.

        Returns those of oscillators, filters, knots, noise and dry shares.
        """
        grad_rows, grad_filters = np.zeros_like(self._rows), np.empty_like(self._filters)
        grad_knots, grad_noise = np.empty_like(self._knots), np.empty_like(self._noise)
        grad_dry, grad_filtered = np.empty_like(self._dry), np.empty_like(self._sounds)
        kernel.finish_gradients(
            *(self._sounds, self._filtered, self._dry, self._knots, grad_windows),
            *(grad_filtered, grad_dry, grad_knots),
        )
        grad_sounds = self._dry[:, None, None] * grad_filtered
        filter_gradients(
            *(self._sounds, self._filters, self._inside, self._states),
            *(grad_filtered, grad_sounds, grad_filters),
        )
        kernel.noise_gradients(noise(), self._noise, self._first, grad_sounds, grad_noise)
        grad_waves = np.empty_like(self._waves)
        kernel.wave_gradients(
            *(self._places, self._waves, self._rows, self._phases),
            *(grad_sounds, grad_waves, grad_rows),
        )
        kernel.spectra_gradients(
            *(frame_spectra(), self._places, self._rows, self._phases),
            *(scipy.fft.rfft(grad_waves), grad_rows),
        )
        return grad_rows.reshape(self._shape), grad_filters, grad_knots, grad_noise, grad_dry
