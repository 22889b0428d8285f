"""Where the DX7's parameters stand in a patch, and the engine's level table."""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    pass


OPERATORS = 6
#: The operator's parameters in the order of the spec, and where they stand in a patch.
_OP_NAMES = (
    *(f"rate{i}" for i in range(1, 5)),
    *(f"level{i}" for i in range(1, 5)),
    "output_level",
    "mode",
    "ratio_coarse",
    "ratio_fine",
    "ratio_detune",
    "fixed_coarse",
    "fixed_fine",
    "fixed_detune",
    "amp_mod_sensitivity",
)
OP = {name: i for i, name in enumerate(_OP_NAMES)}
WIDTH = len(_OP_NAMES)
RATES, LEVELS = slice(0, 4), slice(4, 8)

#: The engine's attenuation table below level 20 (Dexed, env.cc); above it, 28 + level.
_LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
LEVEL_STEPS = np.array([*_LOW_LEVELS, *range(48, 128)])
#: One step of the attenuation table: an eighth of a factor of two in amplitude.
LEVEL_STEP_DB = 20.0 * math.log10(2.0) / 8.0
