"""Which parameters of a DX7 patch can be heard."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import LEVEL_STEPS, LEVELS, OP, OPERATORS

if TYPE_CHECKING:
    pass


#: An envelope at or below this (1/256 octave) is cut to silence by the engine.
_SILENCE = 33


def silent(ops: Float[np.ndarray, "ops width"]) -> Bool[np.ndarray, " ops"]:
    """Say which operators the engine cuts to silence at every moment of their envelope."""
    loudest = ops[:, LEVELS].max(axis=1).astype(int)
    outputs = ops[:, OP["output_level"]].astype(int)
    peak = (LEVEL_STEPS[loudest] // 2) * 64 + LEVEL_STEPS[outputs] * 32 - 4256
    return peak <= _SILENCE


@lru_cache(maxsize=4096)
def reaching_carrier(algorithm: int, sounding: tuple[bool, ...]) -> Bool[np.ndarray, "6"]:
    """Say which operators reach a carrier through operators that sound."""
    graph = ALGORITHMS[algorithm]
    heard = {op for op in graph.carriers if sounding[op]}
    while True:
        more = {a for a, b in graph.edges if b in heard and sounding[a]} - heard
        if not more:
            return np.array([op in heard for op in range(OPERATORS)])
        heard |= more


@lru_cache(maxsize=4096)
def could_reach_carrier(algorithm: int, sounding: tuple[bool, ...]) -> Bool[np.ndarray, "6"]:
    """Say which operators would reach a carrier if they sounded."""
    with_it = [tuple(s or j == i for j, s in enumerate(sounding)) for i in range(OPERATORS)]
    return np.array([reaching_carrier(algorithm, each)[i] for i, each in enumerate(with_it)])


def active_operators(
    ops: Float[np.ndarray, "ops width"], released: bool
) -> Bool[np.ndarray, "ops width"]:
    """Say which parameters of sounding operators can be heard."""
    active = np.ones(ops.shape, dtype=bool)
    levels = ops[:, LEVELS][:, :3]
    active[:, OP["rate3"]] = levels[:, 1] != levels[:, 2]
    active[:, OP["rate2"]] = (levels != levels[:, 2:]).any(axis=1)
    active[:, [OP["rate4"], OP["level4"]]] = released
    fixed = ops[:, OP["mode"]] != 0
    for name in ("coarse", "fine", "detune"):
        active[:, OP["ratio_" + name]] = ~fixed
        active[:, OP["fixed_" + name]] = fixed
    return active


def active_pitch_eg(eg: Float[np.ndarray, "8"], released: bool) -> Bool[np.ndarray, "8"]:
    """Say which of the pitch envelope's rates and levels can be heard (level 4 starts it)."""
    flat = bool((eg[4:] == eg[4]).all())
    active = np.ones(8, dtype=bool)
    active[:4] = not flat
    active[3] &= released
    return active
