"""Pitch envelope and LFO of DX7 notes, a value for each block of the engine's 64 samples.

After Dexed's ``pitchenv.cc``, ``lfo.cc`` and ``dx7note.cc``, whose tables these are.
"""

import numpy as np
from jaxtyping import Float, Float32

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.tasks.dx7 import OP, OPERATORS, WIDTH, DX7Task
from unsynth.tasks.dx7_kernel import low_frequency, pitch_envelopes

#: Seconds of a block, and blocks of a sound.
_BLOCK, _BLOCKS = 64 / SAMPLE_RATE, int(SECONDS * SAMPLE_RATE / 64) + 1
#: Octaves in 21.3 s of the pitch envelope's rates, and 1/32 octaves of its levels.
_RATES = np.array(
    [1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15]
    + [16, 16, 17, 18, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 31, 33, 34, 36, 37, 38, 39]
    + [41, 42, 44, 46, 47, 49, 51, 53, 54, 56, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 79, 82, 85]
    + [88, 91, 94, 98, 102, 106, 110, 115, 120, 125, 130, 135, 141, 147, 153, 159, 165, 171, 178]
    + [185, 193, 202, 211, 232, 243, 254, 255]
)
_LEVELS = np.array(
    [-128, -116, -104, -95, -85, -76, -68, -61, -56, -52, -49, -46, -43, -41, -39, -37, -35]
    + [*range(-33, 36), 38, 40, 43, 46, 49, 53, 58, 65, 73, 82, 92, 103, 115, 127]
)
#: Cycles a second of the LFO's speeds.
_HZ = (
    4_437_500_000
    / 2**32
    * np.array(
        [0.062541, 0.125031, 0.312393, 0.43712, 0.62461, 0.750694, 0.93633, 1.1253, 1.24961]
        + [1.43678, 1.56092, 1.75208, 1.87512, 2.06249, 2.24719, 2.37445, 2.56049, 2.68673, 2.87398]
        + [2.99895, 3.18801, 3.36984, 3.50018, 3.68222, 3.81207, 4.0008, 4.1862, 4.31072, 4.50126]
        + [4.62321, 4.81464, 4.93048, 5.1219, 5.31519, 5.43478, 5.61735, 5.75043, 5.94672, 6.06281]
        + [6.24844, 6.4317, 6.56426, 6.74946, 6.86813, 7.05219, 7.25058, 7.37572, 7.55629, 7.68758]
        + [7.87774, 7.9936, 8.18197, 8.37241, 8.50485, 8.68508, 8.81057, 8.98634, 9.12242, 9.30059]
        + [9.50028, 9.60799, 9.79816, 9.95025, 10.1174, 11.2511, 11.3843, 12.5628, 13.6761, 13.9043]
        + [15.0921, 16.3666, 16.6389, 17.8699, 19.1939, 19.425, 20.8333, 21.0349, 22.5023, 24.0038]
        + [24.2601, 25.7467, 27.1739, 27.5786, 29.0529, 30.6937, 31.1915, 32.6584, 34.3171, 34.6741]
        + [36.4166, 38.1971, 38.5505, 40.3877, 40.7498, 42.6257, 44.3262, 44.8833, 46.7727, 48.5909]
        + [49.2611]
    )
)
#: Of the ramps of the LFO's delay, what a unit of their speed makes a block.
_DELAY = 36_557 / 2**32
#: What sensitivities multiply depths by: octaves of pitch, and of amplitudes' exponents.
_PITCH_SENSITIVITIES = np.array([0, 10, 20, 33, 55, 92, 153, 255]) / 2**15
_AMP_SENSITIVITIES = np.array([0.0, 0.2588, 0.4274, 1.0])


class Modulation:
    """How some notes' pitch and levels move in time, whatever their operators."""

    def __init__(self, task: DX7Task, patches: Float[np.ndarray, "items parameters"]) -> None:
        at = task.spec.position

        def column(name: str) -> np.ndarray:
            return patches[:, at[name]].astype(np.int64)

        names = [f"pitch_eg.{part}{stage}" for part in ("rate", "level") for stage in range(1, 5)]
        eg = np.stack([column(name) for name in names], axis=1)
        bends = np.empty((len(patches), _BLOCKS))
        released = np.ceil(patches[:, at["note.duration"]] / _BLOCK).astype(np.int64)
        pitch_envelopes(
            _RATES[eg[:, :4]] * (_BLOCK / 21.3), _LEVELS[eg[:, 4:]] / 32, released, bends
        )

        late = 99 - column("lfo.delay")
        silent = (16 + late % 16) << (1 + late // 16)
        ramps = _DELAY * np.stack([silent, np.maximum(silent // 128 * 128, 128)], axis=1)
        ramps[late == 99] = 1.0
        began = np.where(column("lfo.sync") > 0, 0.5, 0.0)
        waves, depths = np.empty_like(bends), np.empty_like(bends)
        low_frequency(
            column("lfo.wave"), began, _BLOCK * _HZ[column("lfo.speed")], ramps, waves, depths
        )

        sensitivity = _PITCH_SENSITIVITIES[column("lfo.pitch_sensitivity")]
        size = (column("lfo.pitch_depth") * 165 >> 6) * sensitivity
        bends += size[:, None] * depths * (waves - 0.5)
        dips = (column("lfo.amp_depth")[:, None] * 165 >> 6) / 2**8 * depths * (1.0 - waves)
        #: How far the LFO lowers what is sensitive to it, from 0 to 1, at the ends of blocks.
        self._dips = np.concatenate([dips[:, :1], dips], axis=1)
        ops = patches[:, : OPERATORS * WIDTH].reshape(len(patches), OPERATORS, WIDTH)
        self._sensitivity = _AMP_SENSITIVITIES[ops[..., OP["amp_mod_sensitivity"]].astype(int)]
        #: Seconds that have run at the ends of blocks, faster or slower as the pitch is bent.
        self._run = np.zeros((len(patches), _BLOCKS + 1))
        np.cumsum(2.0**bends * _BLOCK, axis=1, out=self._run[:, 1:])

    def bent(self, times: Float[np.ndarray, "items times"]) -> Float[np.ndarray, "items times"]:
        """Turn seconds after the onset into those that have run for what follows the pitch."""
        return _read(self._run, times)

    def kept(
        self, times: Float[np.ndarray, "items times"]
    ) -> Float32[np.ndarray, "items operators times"]:
        """What is left of levels; where the LFO could move one, some is lost even without it."""
        sensitivity = self._sensitivity[..., None]
        lost = np.exp(4.48 * sensitivity * _read(self._dips, times)[:, None] + 12.2) / 2**24
        return np.where(sensitivity > 0, np.maximum(1.0 - lost, 0.0), 1.0).astype(np.float32)


def _read(
    ends: Float[np.ndarray, "items ends"], times: Float[np.ndarray, "items times"]
) -> Float[np.ndarray, "items times"]:
    """Read between the ends of blocks."""
    blocks = np.clip(times / _BLOCK, 0.0, _BLOCKS - 1e-3)
    before = blocks.astype(int)
    low, high = (np.take_along_axis(ends, before + i, axis=1) for i in (0, 1))
    return low + (high - low) * (blocks - before)
