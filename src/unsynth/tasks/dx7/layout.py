"""Where the DX7's parameters stand in a patch, and the engine's level table."""

import math

import numpy as np
from jaxtyping import Real

from unsynth.tasks.spec import Spec

OPERATORS = 6
#: Parameters of an operator, in the order of ``dx7.yaml``.
_OPERATOR_PARAMETERS = (
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
#: Column of each parameter among those of its operator.
OP = {name: column for column, name in enumerate(_OPERATOR_PARAMETERS)}
#: Parameters per operator.
WIDTH = len(_OPERATOR_PARAMETERS)
#: Columns of the envelope's four rates.
RATES = slice(0, 4)
#: Columns of the envelope's four levels.
LEVELS = slice(4, 8)

#: LFO parameters, in the order of their bytes in a voice.
_LFO_PARAMETERS = (
    *("speed", "delay", "pitch_depth", "amp_depth", "sync", "wave", "pitch_sensitivity"),
)

#: The engine's level table below level 20 (Dexed, env.cc); from there on it is 28 + level.
_LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
#: Steps of loudness for each level from 0 to 99, for envelope and output levels alike.
LEVEL_STEPS = np.array([*_LOW_LEVELS, *range(48, 128)])
#: One step of the level table in dB: an eighth of a factor of 2 in amplitude.
LEVEL_STEP_DB = 20.0 * math.log10(2.0) / 8.0


class Layout:
    """Positions in a patch of the spec in ``dx7.yaml``; the operators come first."""

    def __init__(self, spec: Spec) -> None:
        position = spec.position
        self.spec = spec
        self.pitch_eg = slice(position["pitch_eg.rate1"], position["pitch_eg.rate1"] + 8)
        self.algorithm = position["algorithm"]
        self.feedback = position["feedback"]
        #: Position of each LFO parameter, in the order of their bytes in a voice.
        self.lfo = {name: position[f"lfo.{name}"] for name in _LFO_PARAMETERS}
        self.note = slice(position["note.pitch"], position["note.pitch"] + 3)

    def operators(
        self, patch: Real[np.ndarray, " parameters"]
    ) -> Real[np.ndarray, "operators columns"]:
        """View the operators of a patch, shape (6, ``WIDTH``); writes go to the patch."""
        return patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
