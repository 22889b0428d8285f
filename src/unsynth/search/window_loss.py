"""How far windows of sketches are from a target's: mean differences of mel bands, with slopes.

Each sound is compared below its own peak, as in most distances of sounds. The overall level thus
does not count, but a level that is too low has a cost. The loops are compiled by numba.
"""

from typing import no_type_check

import numpy as np
import scipy.fft
from jaxtyping import Complex64, Float32, Int
from numba import njit

from unsynth.audio.mel import DYNAMIC_RANGE, mel_basis
from unsynth.sketches.compiled import CUBE, FLAT, JIT, ROW

#: Samples of a window.
SAMPLES = 1024
#: Mel bands of a window.
_BANDS = 64
#: A window of the target is silent below this level, in dB relative to the target's peak.
_SILENCE = -75.0
#: Windows that are kept after the target's last one that is not silent.
_TAIL = 8

# Numbers of the loops, which Python's floats would make compute in double precision.

#: A sketch whose loudest cell is below this level, in dB, is too quiet.
_LEAST_PEAK = np.float32(15.0)
#: The loss, in dB, for each dB that a sketch is too quiet.
_QUIET_LOSS = np.float32(0.1)
#: Slope of a cell below the dynamic range, where one above it has a slope of 1.
_SILENT_SLOPE = np.float32(0.02)
#: Power of a mel band below which it counts as this, -120 dB.
_LEAST_POWER = np.float32(1e-12)
#: The level of the quietest cell that counts in full, in dB below the peak.
_FLOOR = np.float32(-DYNAMIC_RANGE)
#: The largest correction of a sketch, in dB.
_MAX_CORRECTION = 30.0
#: Decibels per power of ten, and per power of e.
_TEN, _NEPER = np.float32(10.0), np.float32(10.0 / np.log(10.0))

#: Levels of windows in dB, or powers.
_Levels = Float32[np.ndarray, "items windows bands"]


class WindowLoss:
    """The loss of patches whose windows are compared with those of a target.

    ``audio`` is the target in mono. ``sounding`` windows begin while it sounds, ``after`` windows
    after its end.
    """

    def __init__(
        self, audio: Float32[np.ndarray, " samples"], sample_rate: int, sounding: int, after: int
    ) -> None:
        self._audio = audio
        self._hann = np.hanning(SAMPLES + 1)[:-1].astype(np.float32)
        self._basis = mel_basis(sample_rate, SAMPLES, _BANDS)
        places = [np.flatnonzero(weights) for weights in self._basis]
        ends = [(at[0], at[-1] + 1) if len(at) else (0, 0) for at in places]
        #: Where the weights of each band begin and end.
        self._ranges = np.array(ends, dtype=np.int64)
        whole = audio[: len(audio) // SAMPLES * SAMPLES].reshape(1, -1, SAMPLES)
        (levels,) = self._levels(whole)
        self._peak = levels.max()
        audible = np.flatnonzero(levels.max(axis=1) - self._peak > _SILENCE)
        last = max(1, len(audio) - SAMPLES)
        end = min(last, (int(audible[-1]) + _TAIL) * SAMPLES)
        edges = np.linspace(0, end, sounding + 1)
        if last - end > SAMPLES:
            edges = np.append(edges, np.linspace(end, last, after + 1)[1:])
        #: One window starts between each two neighbouring edges.
        self._edges = edges
        #: The share of the sound that each window stands for.
        self._weights = (np.diff(edges) / edges[-1]).astype(np.float32)

    def draw_starts(self, count: int, rng: np.random.Generator) -> Int[np.ndarray, "count windows"]:
        """Draw the starts of windows, spread over the sound, ``count`` times."""
        lengths = np.diff(self._edges)
        return (self._edges[:-1] + rng.random((count, len(lengths))) * lengths).astype(np.int64)

    def target_levels(
        self, starts: Int[np.ndarray, "count windows"]
    ) -> Float32[np.ndarray, "count windows bands"]:
        """Return the levels of the target's windows, in dB below its peak."""
        return np.maximum(self._levels(_cut(self._audio, starts)) - self._peak, _FLOOR)

    def correction(
        self,
        rendered: Float32[np.ndarray, "items whole"],
        sketched: Float32[np.ndarray, "items windows samples"],
        starts: Int[np.ndarray, " windows"],
    ) -> _Levels:
        """Return levels of rendered sounds minus those of their sketches, each below its peak."""
        relative = []
        for windows in (_cut(rendered, starts), sketched):
            levels = self._levels(windows)
            peaks = levels.max(axis=(1, 2), keepdims=True)
            relative.append(np.maximum(levels - peaks, _FLOOR))
        return np.clip(relative[0] - relative[1], -_MAX_CORRECTION, _MAX_CORRECTION)

    def losses(
        self,
        windows: Float32[np.ndarray, "items windows samples"],
        target: Float32[np.ndarray, "windows bands"],
    ) -> Float32[np.ndarray, " items"]:
        """Return the losses of patches in dB."""
        losses = np.empty(len(windows), dtype=np.float32)
        _compare(self._levels(windows), target, self._weights, losses)
        return losses

    def losses_and_slopes(
        self,
        windows: Float32[np.ndarray, "items windows samples"],
        target: Float32[np.ndarray, "windows bands"],
        correction: _Levels | None = None,
    ) -> tuple[Float32[np.ndarray, " items"], Float32[np.ndarray, "items windows samples"]]:
        """Return the losses of patches in dB, and their slopes with respect to the samples.

        ``correction`` is added to the levels.
        """
        spectra, mel, levels = self._measure(windows)
        if correction is not None:
            levels += correction
        losses = np.empty(len(windows), dtype=np.float32)
        _compare(levels, target, self._weights, losses)
        _slopes_of_spectra(levels, mel, self._basis, self._ranges, spectra)
        # The inverse counts all bins twice, as it must, but the outermost, which no band has.
        slopes = scipy.fft.irfft(spectra, SAMPLES, norm="forward", overwrite_x=True)
        slopes *= self._hann
        return losses, slopes

    def _levels(self, windows: Float32[np.ndarray, "items windows samples"]) -> _Levels:
        return self._measure(windows)[2]

    def _measure(
        self, windows: Float32[np.ndarray, "items windows samples"]
    ) -> tuple[Complex64[np.ndarray, "items windows bins"], _Levels, _Levels]:
        """Return the spectra of windows, and the power and the levels of their mel bands."""
        spectra = scipy.fft.rfft(windows * self._hann, overwrite_x=True)
        mel, levels = np.empty((2, *windows.shape[:2], _BANDS), dtype=np.float32)
        _measure_bands(spectra, self._basis, self._ranges, mel, levels)
        return spectra, mel, levels


def _cut(
    sounds: Float32[np.ndarray, "*items whole"], starts: Int[np.ndarray, "*starts"]
) -> Float32[np.ndarray, "*items_and_starts samples"]:
    """Cut the windows of sounds that begin at these samples."""
    return np.lib.stride_tricks.sliding_window_view(sounds, SAMPLES, axis=-1)[..., starts, :]


# Numba's types of spectra, and of the bins where bands begin and end.
_SPECTRA, _RANGES = "complex64[:,:,::1]", "int64[:,::1]"


@no_type_check
@njit(f"void({_SPECTRA}, {FLAT}, {_RANGES}, {CUBE}, {CUBE})", **JIT)
def _measure_bands(spectra, basis, ranges, mel, levels):
    """Write the power of mel bands, and their levels in dB."""
    items, windows, bins = spectra.shape
    power = np.empty(bins, dtype=np.float32)
    for i in range(items):
        for w in range(windows):
            for k in range(bins):
                power[k] = spectra[i, w, k].real ** 2 + spectra[i, w, k].imag ** 2
            for b in range(len(ranges)):
                total = np.float32(0.0)
                for k in range(ranges[b, 0], ranges[b, 1]):
                    total += basis[b, k] * power[k]
                mel[i, w, b] = max(total, _LEAST_POWER)
            for b in range(len(ranges)):
                levels[i, w, b] = _TEN * np.log10(mel[i, w, b])


@no_type_check
@njit(f"void({CUBE}, {FLAT}, {ROW}, {ROW})", **JIT)
def _compare(levels, target, weights, losses):
    """Write losses, and replace levels by the slopes of the losses with respect to them."""
    items, windows, bands = levels.shape
    highest = target[0, 0]
    for w in range(windows):
        for b in range(bands):
            highest = max(highest, target[w, b])
    for i in range(items):
        peak, loudest = levels[i, 0, 0], (0, 0)
        for w in range(windows):
            for b in range(bands):
                if levels[i, w, b] > peak:
                    peak, loudest = levels[i, w, b], (w, b)
        loss, of_peak = np.float32(0.0), np.float32(0.0)
        for w in range(windows):
            weight = weights[w] / np.float32(bands)
            for b in range(bands):
                matched = levels[i, w, b] + highest - peak
                slope = weight
                # Below the dynamic range a slight slope remains, by which a silent cell comes back.
                if matched <= _FLOOR:
                    matched = _FLOOR + _SILENT_SLOPE * (matched - _FLOOR)
                    slope *= _SILENT_SLOPE
                difference = matched - target[w, b]
                loss += weight * abs(difference)
                if difference == 0:
                    slope = np.float32(0.0)
                elif difference < 0:
                    slope = -slope
                levels[i, w, b] = slope
                of_peak += slope
        quiet = _LEAST_PEAK - peak
        if quiet > 0:
            loss += _QUIET_LOSS * quiet
            of_peak += _QUIET_LOSS
        # A louder peak lowers all other cells.
        levels[i, loudest[0], loudest[1]] -= of_peak
        losses[i] = loss


@no_type_check
@njit(f"void({CUBE}, {CUBE}, {FLAT}, {_RANGES}, {_SPECTRA})", **JIT)
def _slopes_of_spectra(slopes, mel, basis, ranges, spectra):
    """Turn spectra into the spectra of slopes, given the slopes with respect to levels."""
    items, windows, bins = spectra.shape
    of_power = np.empty(bins, dtype=np.float32)
    for i in range(items):
        for w in range(windows):
            of_power[:] = 0
            for b in range(len(ranges)):
                if mel[i, w, b] > _LEAST_POWER:
                    of_mel = _NEPER * slopes[i, w, b] / mel[i, w, b]
                    for k in range(ranges[b, 0], ranges[b, 1]):
                        of_power[k] += of_mel * basis[b, k]
            for k in range(bins):
                spectra[i, w, k] *= of_power[k]
