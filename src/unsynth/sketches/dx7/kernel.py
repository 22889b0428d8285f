"""Loops that play sketched DX7 notes and their gradients, compiled by numba once per machine.

:func:`levels` evaluates envelopes at given times; :func:`levels_gradients` takes gradients of the
amplitudes there back to rates and targets. :func:`play` and :func:`play_gradients` do the same for
samples. An array ``grad_x`` holds the gradient of the loss with respect to ``x``.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.conventions import SAMPLE_RATE
from unsynth.synths.dx7 import BLOCK
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import OPERATORS

#: Stages of an envelope; the last is the release.
_STAGES = 4
#: Number of patches whose feedback loops are played together; their loops are equally long.
_GROUP = 16
#: Samples of a loop that are computed before they are copied; a divisor of those between knots.
_TILE = 16
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

#: Steps of phase per cycle of the engine's sine.
PHASES = np.float32(4096.0)
#: Steps of amplitude of the engine's sine at a gain of 1.
AMPLITUDES = np.float32(2048.0)
# Python's floats would make the loops compute in double precision.
_ONE, _HALF, _QUARTER, _TURN = (np.float32(x) for x in (1.0, 0.5, 0.25, 2.0 * np.pi))
#: Taylor coefficients of cos(2 pi x) in powers of x^2, used for x up to a quarter.
_C1, _C2, _C3, _C4, _C5 = (
    np.float32((-1) ** n * (2.0 * np.pi) ** (2 * n) / f)
    for n, f in ((1, 2), (2, 24), (3, 720), (4, 40320), (5, 3628800))
)

#: Whether operator j modulates operator i: algorithms x i x j. j is always above i.
EDGES = np.zeros((len(ALGORITHMS), OPERATORS, OPERATORS), dtype=np.bool_)
#: Whether an operator is a carrier: algorithms x operators.
CARRIERS = np.zeros((len(ALGORITHMS), OPERATORS), dtype=np.bool_)
#: The operator whose output is fed back, and the operator it is fed into: algorithms x 2.
LOOPS = np.array([algorithm.feedback for algorithm in ALGORITHMS])
for _number, _algorithm in enumerate(ALGORITHMS):
    for _modulator, _modulated in _algorithm.edges:
        EDGES[_number, _modulated, _modulator] = True
    CARRIERS[_number, list(_algorithm.carriers)] = True

_JIT = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}
# Numba's types of contiguous arrays of one, three and four dimensions.
_ROW, _CUBE, _KNOTS = "float32[::1]", "float32[:,:,::1]", "float32[:,:,:,::1]"
_WIDE = "float64[:,:,::1]"


# -- envelopes ------------------------------------------------------------------------------


@no_type_check
@njit("void(float64[::1], float64[::1], float64, float64[:,::1])", **_JIT)
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
@njit("float64(float64[::1], float64, float64, float64[::1])", **_JIT)
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
@njit("float64(float64[:,::1], float64, float64, float64[:,::1])", **_JIT)
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
@njit(f"void({_WIDE}, {_WIDE}, float64, float64[::1], float64[:,::1], {_CUBE}, {_CUBE})", **_JIT)
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
    f"void({_WIDE}, {_WIDE}, float64, float64[::1], float64[:,::1], {_CUBE}, {_CUBE}, {_CUBE}, "
    f"{_WIDE}, {_WIDE})",
    **_JIT,
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


# -- samples --------------------------------------------------------------------------------


@no_type_check
@njit(inline="always", **_JIT)
def _sine(phase):
    """Return the smooth sine of a phase in cycles."""
    turn = phase - np.floor(phase + _HALF)
    x = abs(turn) - _QUARTER
    x = x * x
    y = _ONE + x * (_C1 + x * (_C2 + x * (_C3 + x * (_C4 + x * _C5))))
    return y if turn > 0 else -y


@no_type_check
@njit(inline="always", **_JIT)
def _quantised_sine(gain, phase):
    """Return a sine as coarse as the engine's, in phase and in amplitude."""
    sine = _sine((np.floor(phase * PHASES) + _HALF) * (_ONE / PHASES))
    return np.floor(sine * gain * AMPLITUDES + _HALF) * (_ONE / AMPLITUDES)


@no_type_check
@njit(f"void({_ROW}, {_ROW})", **_JIT)
def _interpolate(knots, row):
    """Fill a row linearly between knots."""
    block = len(row) // (len(knots) - 1)
    for b in range(len(knots) - 1):
        start, rise = knots[b], (knots[b + 1] - knots[b]) / np.float32(block)
        for n in range(block):
            row[b * block + n] = start + rise * np.float32(n)


@no_type_check
@njit(f"void(float32[:], {_ROW})", **_JIT)
def _copy(row, to):
    """Copy a row. An array that is assigned to a slice takes Numba seconds to compile."""
    for n in range(len(row)):
        to[n] = row[n]


@no_type_check
@njit(f"void({_ROW}, {_ROW})", **_JIT)
def _add(row, total):
    for n in range(len(row)):
        total[n] += row[n]


@no_type_check
@njit(f"void({_ROW}, {_ROW}, {_ROW})", **_JIT)
def _play_operator(gain, phase, row):
    for n in range(len(row)):
        row[n] = _quantised_sine(gain[n], phase[n])


@no_type_check
@njit(f"void({_ROW}, {_ROW}, float32, {_ROW})", **_JIT)
def _blend(begin, end, share, row):
    """Interpolate between two rows: a share of 0 gives ``begin``, a share of 1 ``end``."""
    for n in range(len(row)):
        row[n] = begin[n] + (end[n] - begin[n]) * share


@no_type_check
@njit(f"void({_ROW}, {_ROW}, {_ROW})", **_JIT)
def _play_loop_operator(gain, phase, signal):
    """Play one sample of a loop's operator in all lanes.

    ``signal`` modulates it and becomes its output. ``phase`` becomes the modulated phase, ``gain``
    the output.
    """
    for n in range(len(signal)):
        phase[n] += signal[n]
        signal[n] = _quantised_sine(gain[n], phase[n])
        gain[n] = signal[n]


@no_type_check
@njit(f"void(int64[::1], int64[::1], {_KNOTS}, {_KNOTS}, {_ROW}, {_CUBE}, {_KNOTS})", **_JIT)
def _play_loops(items, sources, gains, phases, depths, outputs, total_phases):
    """Play the feedback loops of some items together; all loops have equally many operators.

    A sample needs the one before it, so samples cannot be vectorised. Windows can: each window of
    each item is a lane, and all lanes advance by one sample together.

    Writes ``outputs``, operators of the loop x lanes x samples, and ``total_phases`` as in
    :func:`play`.
    """
    length, lanes, samples = outputs.shape
    windows, knots = gains.shape[2:]
    block = samples // (knots - 1)
    depth = np.zeros(lanes, dtype=np.float32)
    gain_knots = np.zeros((length, knots, lanes), dtype=np.float32)
    phase_knots = np.zeros_like(gain_knots)
    for k in range(len(items)):
        depth[k * windows : (k + 1) * windows] = depths[items[k]]
        for op in range(length):
            for w in range(windows):
                for b in range(knots):
                    gain_knots[op, b, k * windows + w] = gains[items[k], sources[k] + op, w, b]
                    phase_knots[op, b, k * windows + w] = phases[items[k], sources[k] + op, w, b]
    # The loop's last two samples, and the signal that travels through its operators.
    last, older, signal = np.zeros_like(depth), np.zeros_like(depth), np.zeros_like(depth)
    gain = np.empty((length, _TILE, lanes), dtype=np.float32)
    phase = np.empty_like(gain)
    for begin in range(0, samples, _TILE):
        b = begin // block
        for n in range(_TILE):
            share = np.float32(begin + n - b * block) / np.float32(block)
            for m in range(lanes):
                signal[m] = depth[m] * (last[m] + older[m])
                older[m] = last[m]
            for op in range(length - 1, -1, -1):
                _blend(gain_knots[op, b], gain_knots[op, b + 1], share, gain[op, n])
                _blend(phase_knots[op, b], phase_knots[op, b + 1], share, phase[op, n])
                _play_loop_operator(gain[op, n], phase[op, n], signal)
            _copy(signal, last)
        for op in range(length):
            for m in range(len(items) * windows):
                output, k = outputs[op, m], m // windows
                window = total_phases[items[k], sources[k] + op, m % windows]
                for n in range(_TILE):
                    output[begin + n] = gain[op, n, m]
                    window[begin + n] = phase[op, n, m]


@no_type_check
@njit(f"void(int64, {_CUBE}, {_CUBE}, float32[:,:,:], float32[:,::1], {_CUBE})", **_JIT)
def _play_patch(algorithm, gains, phases, loop, sounds, total_phases):
    """Play one patch's windows, given the outputs of its feedback loop."""
    windows, samples = sounds.shape
    edges, source = EDGES[algorithm], LOOPS[algorithm, 0]
    target = source + len(loop) - 1
    y = np.empty((OPERATORS, samples), dtype=np.float32)
    gain = np.empty(samples, dtype=np.float32)
    sounds[:] = 0
    for w in range(windows):
        for op in range(OPERATORS - 1, -1, -1):
            if source <= op <= target:
                _copy(loop[op - source, w], y[op])
            else:
                _interpolate(phases[op, w], total_phases[op, w])
                if not gains[op, w].any():
                    y[op] = 0
                    continue
                for m in range(op + 1, OPERATORS):
                    if edges[op, m]:
                        _add(y[m], total_phases[op, w])
                _interpolate(gains[op, w], gain)
                _play_operator(gain, total_phases[op, w], y[op])
            if CARRIERS[algorithm, op]:
                _add(y[op], sounds[w])


@no_type_check
@njit(f"void(int64[::1], {_KNOTS}, {_KNOTS}, {_ROW}, {_CUBE}, {_KNOTS})", **_JIT)
def play(algorithms, gains, phases, depths, sounds, total_phases):
    """Play windows.

    Operator i plays ``y_i = g_i sin(2 pi (p_i + sum_j y_j + b f))``. The sum is over its
    modulators j. ``b`` is the depth of feedback if i is the operator that is fed back into, and 0
    otherwise; ``f`` is the sum of the last two samples of the operator whose output is fed back.
    Gains g_i and phases p_i (in cycles) are linear between knots. The sine is as coarse as the
    engine's. In all algorithms, nothing outside a loop modulates its operators, so loops are
    played first.

    ``gains`` and ``phases``: items x operators x windows x knots. Writes ``sounds``, items x
    windows x samples, and ``total_phases``, the arguments of the sines in cycles: items x operators
    x windows x samples.
    """
    items, windows, samples = sounds.shape
    lengths = np.zeros(items, dtype=np.int64)
    for i in range(items):
        source, target = LOOPS[algorithms[i]]
        lengths[i] = target - source + 1 if depths[i] != 0 else 0
    for length in range(OPERATORS):
        same_length = np.flatnonzero(lengths == length)
        for begin in range(0, len(same_length), _GROUP):
            group = same_length[begin : begin + _GROUP]
            lanes = (len(group) * windows + 15) // 16 * 16  # fills the CPU's vectors
            outputs = np.empty((length, lanes, samples), dtype=np.float32)
            if length:
                sources = LOOPS[algorithms[group], 0]
                _play_loops(group, sources, gains, phases, depths, outputs, total_phases)
            for k in range(len(group)):
                i, loop = group[k], outputs[:, k * windows : (k + 1) * windows]
                _play_patch(algorithms[i], gains[i], phases[i], loop, sounds[i], total_phases[i])


@no_type_check
@njit(f"void(int64[::1], {_KNOTS}, {_ROW}, {_KNOTS}, {_CUBE}, {_KNOTS}, {_ROW})", **_JIT)
def play_gradients(algorithms, gains, depths, total_phases, grad_sounds, grad_gains, grad_depths):
    """Write gradients with respect to gains and depths, given those with respect to sounds.

    They are gradients of the smooth sine. Samples that are fed back count as constants, and silent
    windows of an operator have no gradients: those of envelopes are times the gain.
    """
    items, windows, samples = grad_sounds.shape
    blocks = gains.shape[3] - 1
    block = samples // blocks
    y = np.empty((OPERATORS, samples), dtype=np.float32)
    grad_phase = np.empty((OPERATORS, samples), dtype=np.float32)
    grad_y = np.empty(samples, dtype=np.float32)
    grad_depths[:] = 0
    for i in range(items):
        edges, carriers = EDGES[algorithms[i]], CARRIERS[algorithms[i]]
        source, target = LOOPS[algorithms[i]]
        for w in range(windows):
            for op in range(OPERATORS):
                phase = total_phases[i, op, w]
                grad_y[:] = 0
                if carriers[op]:
                    _copy(grad_sounds[i, w], grad_y)
                for m in range(op):
                    if edges[m, op]:
                        _add(grad_phase[m], grad_y)
                grad_gains[i, op, w, :] = 0
                if not gains[i, op, w].any():
                    y[op], grad_phase[op] = 0, 0
                    continue
                for b in range(blocks):
                    start = gains[i, op, w, b]
                    rise = (gains[i, op, w, b + 1] - start) / np.float32(block)
                    # The block's gradient is shared between the knots at its two ends.
                    both, right = np.float32(0.0), np.float32(0.0)
                    for n in range(block):
                        s = b * block + n
                        sine, gain = _sine(phase[s]), start + rise * np.float32(n)
                        y[op, s] = gain * sine
                        grad_phase[op, s] = grad_y[s] * gain * _TURN * _sine(phase[s] + _QUARTER)
                        both += grad_y[s] * sine
                        right += grad_y[s] * sine * np.float32(n)
                    right /= np.float32(block)
                    grad_gains[i, op, w, b] += both - right
                    grad_gains[i, op, w, b + 1] += right
                if op == target:
                    total = np.float32(0.0)
                    for n in range(2, samples):
                        total += grad_phase[op, n] * (y[source, n - 1] + y[source, n - 2])
                    grad_depths[i] += total
