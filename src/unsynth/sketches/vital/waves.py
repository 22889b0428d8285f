"""What the sketched sounds of Vital are made of: the waves of the base patch, and its noise."""

import base64
from functools import cache
from itertools import pairwise

import numpy as np
from jaxtyping import Complex64, Float32

from unsynth.formats.vital import basic_waves, noise_sample

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


@cache
def noise() -> Float32[np.ndarray, " samples"]:
    """Return the base patch's noise."""
    data = np.frombuffer(base64.b64decode(noise_sample()["samples"]), "<i2")
    return data.astype(np.float32) / 32768.0
