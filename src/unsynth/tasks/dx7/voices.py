"""Keyboard scaling and velocity of DX7 voices, folded into rates and levels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unsynth.tasks.dx7.layout import LEVEL_STEPS

if TYPE_CHECKING:
    pass


#: Velocity curve (Dexed, dx7note.cc), one value for two velocities.
_VELOCITY_STEPS = np.array(
    [0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163, 166, 170, 173]
    + [174, 178, 181, 184, 186, 189, 190, 194, 196, 198, 200, 202, 205, 206, 209, 211, 214, 216]
    + [218, 220, 222, 224, 225, 227, 229, 230, 232, 233, 235, 237, 238, 240, 241, 242, 243, 244]
    + [246, 246, 248, 249, 250, 251, 252, 253, 254]
)
_EXPONENTIAL_CURVE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33, 39, 47, 56, 66] + [
    80,
    94,
    110,
    126,
    142,
    158,
    174,
    190,
    206,
    222,
    238,
    250,
]


def scaled_rate(rate: int, pitch: int, scaling: int) -> int:
    """Find the rate that, without rate scaling, does what this one does with it."""
    steps = (scaling * min(31, max(0, pitch // 3 - 7))) >> 3
    wanted = min(63, (rate * 41 >> 6) + steps)
    return rate if steps == 0 else min(99, -(-wanted * 64 // 41))


def scaled_level(raw: Sequence[int], pitch: int, velocity: int) -> int:
    """Find the output level that, without scaling, is nearest to this one's with it."""
    level = int(LEVEL_STEPS[raw[16]]) + _keyboard_scaling(raw, pitch)
    velocity_steps = (raw[15] * (int(_VELOCITY_STEPS[velocity >> 1]) - 239) + 7) >> 3
    wanted = max(0, min(127, level) * 32 + velocity_steps * 16)
    if wanted == LEVEL_STEPS[raw[16]] * 32:
        return raw[16]
    return int(np.abs(LEVEL_STEPS * 32 - wanted).argmin())


def _keyboard_scaling(raw: Sequence[int], pitch: int) -> int:
    """Steps that keyboard level scaling adds to the output level on this note."""
    offset = pitch - raw[8] - 17
    if offset >= 0:
        group, depth, curve = (offset + 1) // 3, raw[10], raw[12]
    else:
        group, depth, curve = -(offset - 1) // 3, raw[9], raw[11]
    if curve in (0, 3):
        size = (group * depth * 329) >> 12
    else:
        size = (_EXPONENTIAL_CURVE[min(group, len(_EXPONENTIAL_CURVE) - 1)] * depth * 329) >> 15
    return size if curve >= 2 else -size
