"""Which parameters of a DX7 patch are audible."""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import LEVEL_STEPS, LEVELS, OP, OPERATORS, WIDTH, Layout
from unsynth.tasks.note import ends_within_sound, read_note

#: The engine cuts an envelope at or below this value to silence; its unit is 1/256 octave.
_SILENCE = 33


def active_parameters(
    layout: Layout, patch: Float[np.ndarray, " parameters"]
) -> Bool[np.ndarray, " parameters"]:
    """Say which parameters are audible: changing all others at once leaves the sound as it is.

    So if each of two parameters alone is enough to silence an operator, one of them is active.
    An operator is silent if its levels are too low, or if all operators that it modulates are.

    In the feedback loops of algorithms 4 and 6 the engine lets a silent operator through at about
    -84 dB. Such an operator counts as silent, but the feedback of these algorithms as audible.
    """
    operators, number = layout.operators(patch), int(patch[layout.algorithm])
    sounding = tuple((~silent(operators)).tolist())
    audible = reaching_carrier(number, sounding)
    silenced = could_reach_carrier(number, sounding) & ~audible
    released = ends_within_sound(read_note(patch))
    pitched = bool((audible & (operators[:, OP["mode"]] == 0)).any())
    tremolo = bool(operators[audible, OP["amp_mod_sensitivity"]].any())
    source, target = ALGORITHMS[number].feedback

    active = np.zeros(len(patch), dtype=bool)
    masks = active[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    masks[audible] = _active_in_operators(operators, released)[audible]
    for i in np.flatnonzero(silenced):
        masks[i] = _active_in_silent_operator(operators[i])
    active[layout.algorithm] = True
    active[layout.feedback] = audible[source] or source != target
    active[layout.pitch_eg] = pitched & _active_in_pitch_eg(patch[layout.pitch_eg], released)
    for name, is_active in _active_in_lfo(layout, patch, pitched, tremolo).items():
        active[layout.lfo[name]] = is_active
    active[layout.note] = pitched, True, released
    return active


def silent(operators: Float[np.ndarray, "operators columns"]) -> Bool[np.ndarray, " operators"]:
    """Say which operators the engine cuts to silence at every moment of their envelope."""
    loudest = operators[:, LEVELS].max(axis=1).astype(int)
    outputs = operators[:, OP["output_level"]].astype(int)
    # As Dexed's env.cc adds them, in 1/256 octave.
    peak = (LEVEL_STEPS[loudest] // 2) * 64 + LEVEL_STEPS[outputs] * 32 - 4256
    return peak <= _SILENCE


@lru_cache(maxsize=4096)
def reaching_carrier(algorithm: int, sounding: tuple[bool, ...]) -> Bool[np.ndarray, "6"]:
    """Say which operators reach a carrier through operators that sound."""
    graph = ALGORITHMS[algorithm]
    reaching = {op for op in graph.carriers if sounding[op]}
    while True:
        more = {a for a, b in graph.edges if b in reaching and sounding[a]} - reaching
        if not more:
            return np.array([op in reaching for op in range(OPERATORS)])
        reaching |= more


@lru_cache(maxsize=4096)
def could_reach_carrier(algorithm: int, sounding: tuple[bool, ...]) -> Bool[np.ndarray, "6"]:
    """Say which operators would reach a carrier if they sounded."""
    with_it = [tuple(s or j == i for j, s in enumerate(sounding)) for i in range(OPERATORS)]
    return np.array([reaching_carrier(algorithm, each)[i] for i, each in enumerate(with_it)])


def _active_in_operators(
    operators: Float[np.ndarray, "operators columns"], released: bool
) -> Bool[np.ndarray, "operators columns"]:
    """Say which parameters of audible operators are audible."""
    active = np.ones(operators.shape, dtype=bool)
    levels = operators[:, LEVELS][:, :3]
    active[:, OP["rate3"]] = levels[:, 1] != levels[:, 2]
    active[:, OP["rate2"]] = (levels != levels[:, 2:]).any(axis=1)
    active[:, [OP["rate4"], OP["level4"]]] = released
    fixed = operators[:, OP["mode"]] != 0
    for name in ("coarse", "fine", "detune"):
        active[:, OP["ratio_" + name]] = ~fixed
        active[:, OP["fixed_" + name]] = fixed
    return active


def _active_in_silent_operator(
    operator: Float[np.ndarray, " columns"],
) -> Bool[np.ndarray, " columns"]:
    """Say which parameters could alone make a silent operator sound."""
    active = np.zeros(len(operator), dtype=bool)
    full_output, full_envelope = operator.copy(), operator.copy()
    full_output[OP["output_level"]], full_envelope[LEVELS] = 99, 99
    output_is_enough, envelope_is_enough = ~silent(np.stack([full_output, full_envelope]))
    active[LEVELS] = envelope_is_enough
    # If it takes both, one has to be active: else changing all inactive parameters is audible.
    active[OP["output_level"]] = output_is_enough or not envelope_is_enough
    return active


def _active_in_pitch_eg(envelope: Float[np.ndarray, "8"], released: bool) -> Bool[np.ndarray, "8"]:
    """Say which rates and levels of the pitch envelope are audible; it starts at level 4."""
    rates, levels = envelope[:4], envelope[4:]
    active = np.ones(len(envelope), dtype=bool)
    active[: len(rates)] = (levels != levels[0]).any()
    active[len(rates) - 1] &= released
    return active


def _active_in_lfo(
    layout: Layout, patch: Float[np.ndarray, " parameters"], pitched: bool, tremolo: bool
) -> dict[str, bool]:
    """Say which LFO parameters are audible.

    ``pitched``: an audible operator follows the note's pitch. ``tremolo``: an audible operator
    follows the LFO in amplitude.
    """
    depth = bool(patch[layout.lfo["pitch_depth"]] > 0)
    sensitive = bool(patch[layout.lfo["pitch_sensitivity"]] > 0)
    vibrato = pitched and depth and sensitive
    moving = vibrato or (tremolo and bool(patch[layout.lfo["amp_depth"]] > 0))
    return {
        "speed": moving,
        "delay": moving,
        # If depth and sensitivity are both 0, each alone silences the vibrato: depth is active.
        "pitch_depth": pitched and (sensitive or not depth),
        "amp_depth": tremolo,
        "sync": moving,
        "wave": moving,
        "pitch_sensitivity": pitched and depth,
    }
