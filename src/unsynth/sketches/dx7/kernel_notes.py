"""Loops from the values of DX7 patches to gains and phases at knots, compiled by numba.

Gains and phases are linear between the knots of a window. :func:`read` reads what the fitted values
of patches mean, :func:`levels` evaluates envelopes, and :func:`place` gives times, phases and
tremolo. :func:`levels_gradients` and :func:`read_gradients` take gradients back to the values. An
array ``grad_x`` holds the gradient of the loss with respect to ``x``.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.conventions import SAMPLE_RATE
from unsynth.sketches.compiled import CUBE, FLAT, JIT, KNOTS, ROW, WIDE
from unsynth.synths.dx7 import BLOCK
from unsynth.tasks.dx7.layout import LEVEL_STEPS, OPERATORS

#: Stages of an envelope; the last is the release.
_STAGES = 4
#: Fitted values of an operator: rates and levels of its envelope, then its output level.
_VALUES = 2 * _STAGES + 1
#: Lowest level at which an attack begins. All levels here are in octaves of amplitude.
ATTACK_START = 1716 / 256
#: Level that an attack approaches exponentially. The engine's is 17, but it rounds the distance
#: down to whole octaves, which lowers it to 16.5 on average.
ASYMPTOTE = 16.5
#: Lower bound of a target's distance to the asymptote in the formula for an attack's length.
LEAST_DISTANCE = 0.5
#: Level of amplitude 1.
UNITY = 14.0
#: At and below this level the engine is silent.
SILENCE = 0.13
#: Length in seconds, at rate 0, of a hold: a stage whose target is the level it begins at. This is
#: at 44.1 kHz; at another rate of the engine it is (44100 / rate)^2 times as long.
HOLD_SECONDS = 40.0
#: Each step of the rate shortens such a hold by this many octaves of time.
HOLD_STEP = 0.16
#: The first stage holds at level 0, but this many times shorter: a delay before the attack.
DELAY_DIVISOR = 20.0
#: A stage whose target is nearer than this to the level it begins at is a hold.
HOLD_TOLERANCE = 1e-6
#: Envelope speed in octaves per second for an engine increment of 1 (2^-24 octave per 64-sample
#: block). An attack moves at this speed times its distance to the asymptote in octaves.
SPEED_UNIT = SAMPLE_RATE / BLOCK / 2**24
#: Steps of the engine's rate per step of the patch's rate. The engine rounds its rate down; four
#: of its steps double the speed.
RATE_SCALE = 41 / 64
#: The engine's highest rate.
TOP_RATE = 63.0
#: Cap on the exponent in the formula for an attack. The attack ends long before it.
DECAY_CAP = 50.0
_LN2 = np.log(2.0)
#: Octaves of a target per step of an envelope's or an output level's table.
_STEP_OCTAVES = 32.0 / 256.0
#: The lowest target, in octaves.
LEAST_TARGET = 1.0 / 16.0
#: The engine's steps for output levels, and for levels of envelopes, whose lowest bit it drops.
_OUTPUT_STEPS = LEVEL_STEPS.astype(np.float64)
_LEVEL_STEPS = (LEVEL_STEPS // 2 * 2).astype(np.float64)


# -- envelopes ------------------------------------------------------------------------------


@no_type_check
@njit("void(float64[::1], float64[::1], float64, float64[:,::1])", **JIT)
def _stages(rates, targets, hold_seconds, stages):
    """Write each stage's begin and target (octaves), speed (octaves/s) and length (s): 4 x 4.

    ``hold_seconds`` is the length of a hold at rate 0.
    Follows ``advance`` in Dexed's ``env.cc``. In the first stage a target of 0, which is below the
    engine's lowest level, stands for level 0 of the patch.
    """
    begin = 0.0
    for i in range(_STAGES):
        engine_rate = min(np.floor(np.rint(rates[i]) * RATE_SCALE), TOP_RATE)
        octave = np.floor(engine_rate / 4.0)
        speed = (4.0 + engine_rate - 4.0 * octave) * 2.0 ** (8.0 + octave) * SPEED_UNIT
        target = targets[i]
        if abs(begin - target) < HOLD_TOLERANCE:
            length = hold_seconds * 2.0 ** (-HOLD_STEP * rates[i])
            if i == 0:
                length /= DELAY_DIVISOR
        elif target > begin:
            distance = ASYMPTOTE - min(max(begin, ATTACK_START), target)
            length = np.log(max(distance / max(ASYMPTOTE - target, LEAST_DISTANCE), 1.0)) / speed
        else:
            length = (begin - target) / speed
        stages[i, 0], stages[i, 1], stages[i, 2], stages[i, 3] = begin, target, speed, length
        begin = target


@no_type_check
@njit("float64(float64[::1], float64, float64, float64[::1])", **JIT)
def _stage_level(stage, elapsed, weight, gradients):
    """Return the level after some seconds of a stage.

    Add its gradients with respect to begin, target, speed and time, times ``weight``.
    """
    begin, target, speed = stage[0], stage[1], stage[2]
    if target > begin:
        low = min(max(begin, ATTACK_START), target)
        decay = np.exp(-min(speed * elapsed, DECAY_CAP))
        level = ASYMPTOTE - (ASYMPTOTE - low) * decay
        if level >= target:
            gradients[1] += weight
            return target
        if low == begin:
            gradients[0] += weight * decay
        elif low == target:
            gradients[1] += weight * decay
        gradients[2] += weight * (ASYMPTOTE - low) * decay * elapsed
        gradients[3] += weight * (ASYMPTOTE - low) * decay * speed
        return level
    level = begin - speed * elapsed
    if level <= target:
        gradients[1] += weight
        return target
    gradients[0] += weight
    gradients[2] -= weight * elapsed
    gradients[3] -= weight * speed
    return level


@no_type_check
@njit("float64(float64[:,::1], float64, float64, float64[:,::1])", **JIT)
def _key_down_level(stages, time, weight, gradients):
    """Return the level at a time after the onset, while the key is down; add its gradients.

    The last column of ``gradients`` is with respect to the stage's length, not to time as in
    :func:`_stage_level`.
    """
    stage = 0
    while stage < 2 and time >= stages[stage, 3]:
        time -= stages[stage, 3]
        stage += 1
    before = gradients[stage, 3]
    level = _stage_level(stages[stage], time, weight, gradients[stage])
    # A longer earlier stage leaves less time for this one.
    grad_time = gradients[stage, 3] - before
    gradients[stage, 3] = before
    for i in range(stage):
        gradients[i, 3] -= grad_time
    return level


@no_type_check
@njit(f"void({WIDE}, {WIDE}, float64, float64[::1], float64[:,::1], {CUBE}, {CUBE})", **JIT)
def levels(rates, targets, hold_seconds, durations, times, factors, gains):
    """Write amplitudes at times after the onset to ``gains``: items x operators x times.

    ``rates`` and ``targets`` (octaves): items x operators x 4. ``factors`` multiply levels, as the
    LFO does: shape of ``gains``. ``durations`` and ``times`` are in seconds, as ``hold_seconds``.
    """
    stages, unused = np.zeros((_STAGES, 4)), np.zeros((_STAGES, 4))
    for i in range(len(rates)):
        for op in range(OPERATORS):
            _stages(rates[i, op], targets[i, op], hold_seconds, stages)
            stages[3, 0] = _key_down_level(stages, durations[i], 0.0, unused)
            for n in range(times.shape[1]):
                time = times[i, n]
                if time < 0.0:
                    level = 0.0
                elif time < durations[i]:
                    level = _key_down_level(stages, time, 0.0, unused)
                else:
                    level = _stage_level(stages[3], time - durations[i], 0.0, unused[3])
                level *= factors[i, op, n]
                gains[i, op, n] = 2.0 ** (level - UNITY) if level > SILENCE else 0.0


@no_type_check
@njit(
    f"void({WIDE}, {WIDE}, float64, float64[::1], float64[:,::1], {CUBE}, {CUBE}, {CUBE}, "
    f"{WIDE}, {WIDE})",
    **JIT,
)
def levels_gradients(
    rates,
    targets,
    hold_seconds,
    durations,
    times,
    factors,
    gains,
    grad_gains,
    grad_rates,
    grad_targets,
):
    """Write gradients with respect to rates and targets, given those with respect to amplitudes.

    Rates count as continuous: their quantisation has no gradient.
    """
    stages, gradients = np.zeros((_STAGES, 4)), np.zeros((_STAGES, 4))
    for i in range(len(rates)):
        for op in range(OPERATORS):
            _stages(rates[i, op], targets[i, op], hold_seconds, stages)
            gradients[:] = 0.0
            stages[3, 0] = _key_down_level(stages, durations[i], 0.0, gradients)
            for n in range(times.shape[1]):
                weight = _LN2 * gains[i, op, n] * grad_gains[i, op, n] * factors[i, op, n]
                if weight == 0.0:
                    continue
                if times[i, n] < durations[i]:
                    _key_down_level(stages, times[i, n], weight, gradients)
                else:
                    _stage_level(stages[3], times[i, n] - durations[i], weight, gradients[3])
            # The release begins at the level that the envelope has when the key goes up.
            _key_down_level(stages, durations[i], gradients[3, 0], gradients)
            for s in range(_STAGES):
                grad_targets[i, op, s] = gradients[s, 1]
                begin, target = stages[s, 0], stages[s, 1]
                speed, length, grad_length = stages[s, 2], stages[s, 3], gradients[s, 3]
                grad_begin, grad_speed = gradients[s, 0], gradients[s, 2]
                grad_rates[i, op, s] = 0.0
                if s < 3 and abs(begin - target) < HOLD_TOLERANCE:
                    grad_rates[i, op, s] = -_LN2 * HOLD_STEP * length * grad_length
                elif s < 3:
                    grad_speed -= grad_length * length / speed
                    if target < begin:
                        grad_begin += grad_length / speed
                        grad_targets[i, op, s] -= grad_length / speed
                    elif max(begin, ATTACK_START) < target:
                        if begin > ATTACK_START:
                            grad_begin -= grad_length / ((ASYMPTOTE - begin) * speed)
                        if target < ASYMPTOTE - LEAST_DISTANCE:
                            grad_targets[i, op, s] += grad_length / ((ASYMPTOTE - target) * speed)
                engine_rate = min(rates[i, op, s] * RATE_SCALE, TOP_RATE)
                octave = np.floor(engine_rate / 4.0)
                if engine_rate < TOP_RATE:
                    speed_per_step = 2.0 ** (8.0 + octave) * SPEED_UNIT * RATE_SCALE
                    grad_rates[i, op, s] += grad_speed * speed_per_step
                # A stage begins at the target of the stage before it.
                if 0 < s < 3:
                    grad_targets[i, op, s - 1] += grad_begin


# -- values of patches ----------------------------------------------------------------------


@no_type_check
@njit(inline="always", **JIT)
def _interpolate(table, place):
    """Read a table at a place, linearly between its entries."""
    below = min(int(place), len(table) - 2)
    return table[below] + (table[below + 1] - table[below]) * (place - below)


@no_type_check
@njit(inline="always", **JIT)
def _slope(table, place):
    below = min(int(place), len(table) - 2)
    return table[below + 1] - table[below]


@no_type_check
@njit(f"void({FLAT}, {ROW}, {WIDE}, {WIDE}, {ROW})", **JIT)
def read(values, feedback_factors, rates, targets, depths):
    """Read rates, targets (octaves) and depths of feedback, as the engine does.

    ``values``: items x fitted; ``feedback_factors`` multiply the depths. Writes ``rates`` and
    ``targets``, items x operators x 4, and ``depths``, one per item.
    """
    for i in range(len(values)):
        for op in range(OPERATORS):
            row = values[i, op * _VALUES : (op + 1) * _VALUES]
            output = _interpolate(_OUTPUT_STEPS, min(max(row[2 * _STAGES], 0.0), 99.0))
            for s in range(_STAGES):
                level = min(max(row[_STAGES + s], 0.0), 99.0)
                octaves = _STEP_OCTAVES * (_interpolate(_LEVEL_STEPS, level) + output) - 4256 / 256
                rates[i, op, s] = row[s]
                targets[i, op, s] = max(octaves, LEAST_TARGET)
            # A first level of 0 delays the attack.
            if row[_STAGES] < 0.5:
                targets[i, op, 0] = 0.0
        depths[i] = feedback_factors[i] * 2.0 ** (values[i, -1] - 9.0)


@no_type_check
@njit(f"void({FLAT}, {WIDE}, {ROW}, {WIDE}, {WIDE}, {ROW}, {FLAT})", **JIT)
def read_gradients(values, targets, depths, grad_rates, grad_targets, grad_depths, grad_values):
    """Write gradients with respect to values, given those with respect to what they mean."""
    for i in range(len(values)):
        for op in range(OPERATORS):
            first = op * _VALUES
            output = min(max(values[i, first + 2 * _STAGES], 0.0), 99.0)
            output_slope, of_output = _slope(_OUTPUT_STEPS, output), 0.0
            for s in range(_STAGES):
                level = min(max(values[i, first + _STAGES + s], 0.0), 99.0)
                # A target at its lower bound does not move.
                moved = grad_targets[i, op, s] if targets[i, op, s] > LEAST_TARGET else 0.0
                moved *= _STEP_OCTAVES
                grad_values[i, first + s] = grad_rates[i, op, s]
                grad_values[i, first + _STAGES + s] = moved * _slope(_LEVEL_STEPS, level)
                of_output += moved * output_slope
            grad_values[i, first + 2 * _STAGES] = of_output
        grad_values[i, -1] = _LN2 * grad_depths[i] * depths[i]


# -- times, phases and tremolo --------------------------------------------------------------


@no_type_check
@njit(
    "void(float64[:,::1], float64[:,::1], float64[:,::1], float64[:,::1], boolean[:,::1], "
    f"float64[::1], int64[::1], float64, float64, {WIDE}, {KNOTS}, {KNOTS})",
    **JIT,
)
def place(
    clocks,
    dips,
    sensitivities,
    hz,
    fixed,
    onsets,
    starts,
    knot_seconds,
    block_seconds,
    times,
    factors,
    phases,
):
    """Write times after the onset, factors of tremolo, and phases at the knots of windows.

    ``clocks`` and ``dips`` are those of :class:`unsynth.sketches.dx7.modulation.Modulation` at the
    ends of blocks: items x ends. ``fixed`` says whether a frequency is. Writes ``times`` in
    seconds, items x windows x knots, and ``factors`` and ``phases`` (in cycles), items x operators
    x windows x knots. Whole cycles at the first knot are dropped: with many of them, single
    precision could not resolve the phase.
    """
    whole = np.empty(OPERATORS)
    last = clocks.shape[1] - 1 - 1e-3
    for i in range(len(clocks)):
        for w in range(len(starts)):
            begin = starts[w] / SAMPLE_RATE - onsets[i]
            for k in range(times.shape[2]):
                time = begin + k * knot_seconds
                block = min(max(time / block_seconds, 0.0), last)
                clock, dip = _interpolate(clocks[i], block), _interpolate(dips[i], block)
                times[i, w, k] = time
                for op in range(OPERATORS):
                    cycles = hz[i, op] * (time if fixed[i, op] else clock)
                    if k == 0:
                        whole[op] = np.floor(cycles)
                    phases[i, op, w, k] = cycles - whole[op]
                    sensitivity = sensitivities[i, op]
                    loss = np.exp(4.48 * sensitivity * dip + 12.2) / 2.0**24
                    factors[i, op, w, k] = max(1.0 - loss, 0.0) if sensitivity > 0.0 else 1.0
