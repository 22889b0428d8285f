"""Sketched DX7 notes and their slopes: loops that numba compiles, once for a machine.

:func:`levels` follows envelopes to some times and :func:`levels_slopes` turns slopes of the levels
there into slopes of rates and targets; :func:`play` and :func:`play_slopes` do so for samples.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.conventions import SAMPLE_RATE
from unsynth.synths.dx7_algorithms import ALGORITHMS

_OPS, _STAGES = 6, 4
#: Patches whose loops are played beside each other, and samples that are then put in their places
#: at a time: they divide those between knots.
_TOGETHER, _TILE = 16, 16
#: Levels are in octaves of amplitude: where an attack begins, what it heads for, and what is 1.
JUMP, HEADED_FOR, UNITY = 1716 / 256, 16.5, 14.0
#: Below this the engine is silent.
SILENT = 0.13
#: Seconds that rate 0 stays where a stage begins at its target, and octaves of that a step.
STAY, STAY_STEP = 40.0, 0.16
#: Octaves that the envelope's unit, an increment of 1 in 2^16 of 1/256 a block, makes a second.
INCREMENT = SAMPLE_RATE / 64 / 2**24
_LN2 = np.log(2.0)

#: Steps of the engine's sine: phases in a cycle, and amplitudes in a gain of 1.
PHASES, AMPLITUDES = np.float32(4096.0), np.float32(2048.0)
_ONE, _HALF, _QUARTER, _TURN = (np.float32(x) for x in (1.0, 0.5, 0.25, 2.0 * np.pi))
#: cos(2 pi x) in powers of x^2, for x up to a quarter.
_C1, _C2, _C3, _C4, _C5 = (
    np.float32((-1) ** n * (2.0 * np.pi) ** (2 * n) / f)
    for n, f in ((1, 2), (2, 24), (3, 720), (4, 40320), (5, 3628800))
)

EDGES = np.zeros((len(ALGORITHMS), _OPS, _OPS), dtype=np.bool_)
CARRIERS = np.zeros((len(ALGORITHMS), _OPS), dtype=np.bool_)
LOOPS = np.array([algorithm.feedback for algorithm in ALGORITHMS])
for _number, _algorithm in enumerate(ALGORITHMS):
    for _modulator, _modulated in _algorithm.edges:
        EDGES[_number, _modulated, _modulator] = True
    CARRIERS[_number, list(_algorithm.carriers)] = True

_JIT = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}
_ROW, _CUBE, _KNOTS = "float32[::1]", "float32[:,:,::1]", "float32[:,:,:,::1]"
_WIDE = "float64[:,:,::1]"


# -- envelopes ------------------------------------------------------------------------------


@no_type_check
@njit("void(float64[::1], float64[::1], float64[:,::1])", **_JIT)
def _stages(rates, targets, stages):
    """Fill in where stages begin, head for, how fast, and how long they take: 4 x 4."""
    begin = 0.0
    for i in range(_STAGES):
        quarter = min(np.floor(np.rint(rates[i]) * (41 / 64)), 63.0)
        octave = np.floor(quarter / 4.0)
        speed = (4.0 + quarter - 4.0 * octave) * 2.0 ** (8.0 + octave) * INCREMENT
        target = targets[i]
        if abs(begin - target) < 1e-6:
            length = STAY * 2.0 ** (-STAY_STEP * rates[i])
        elif target > begin:
            left = HEADED_FOR - min(max(begin, JUMP), target)
            length = np.log(max(left / max(HEADED_FOR - target, 0.5), 1.0)) / speed
        else:
            length = (begin - target) / speed
        stages[i, 0], stages[i, 1], stages[i, 2], stages[i, 3] = begin, target, speed, length
        begin = target


@no_type_check
@njit("float64(float64[::1], float64, float64, float64[::1])", **_JIT)
def _level(stage, since, weight, slopes):
    """Level at a time in a stage; add its slopes, in begin, target, speed and time."""
    begin, target, speed = stage[0], stage[1], stage[2]
    if target > begin:
        low = min(max(begin, JUMP), target)
        decay = np.exp(-min(speed * since, 50.0))
        level = HEADED_FOR - (HEADED_FOR - low) * decay
        if level >= target:
            slopes[1] += weight
            return target
        if low == begin:
            slopes[0] += weight * decay
        elif low == target:
            slopes[1] += weight * decay
        slopes[2] += weight * (HEADED_FOR - low) * decay * since
        slopes[3] += weight * (HEADED_FOR - low) * decay * speed
        return level
    level = begin - speed * since
    if level <= target:
        slopes[1] += weight
        return target
    slopes[0] += weight
    slopes[2] -= weight * since
    slopes[3] -= weight * speed
    return level


@no_type_check
@njit("float64(float64[:,::1], float64, float64, float64[:,::1])", **_JIT)
def _held(stages, time, weight, slopes):
    """Level of a held note at a time after the onset; add its slopes, as :func:`_level` does."""
    stage = 0
    while stage < 2 and time >= stages[stage, 3]:
        time -= stages[stage, 3]
        stage += 1
    before = slopes[stage, 3]
    level = _level(stages[stage], time, weight, slopes[stage])
    # What makes earlier stages longer makes this time earlier.
    gone = slopes[stage, 3] - before
    slopes[stage, 3] = before
    for i in range(stage):
        slopes[i, 3] -= gone
    return level


@no_type_check
@njit(f"void({_WIDE}, {_WIDE}, float64[::1], float64[:,::1], {_CUBE}, {_CUBE})", **_JIT)
def levels(rates, targets, durations, times, kept, gains):
    """Amplitudes at times after the onset, of what is ``kept`` of levels: items x ops x times."""
    stages, none = np.zeros((_STAGES, 4)), np.zeros((_STAGES, 4))
    for i in range(len(rates)):
        for op in range(_OPS):
            _stages(rates[i, op], targets[i, op], stages)
            stages[3, 0] = _held(stages, durations[i], 0.0, none)
            for n in range(times.shape[1]):
                time = times[i, n]
                if time < 0.0:
                    level = 0.0
                elif time < durations[i]:
                    level = _held(stages, time, 0.0, none)
                else:
                    level = _level(stages[3], time - durations[i], 0.0, none[3])
                level *= kept[i, op, n]
                gains[i, op, n] = 2.0 ** (level - UNITY) if level > SILENT else 0.0


@no_type_check
@njit(
    f"void({_WIDE}, {_WIDE}, float64[::1], float64[:,::1], {_CUBE}, {_CUBE}, {_CUBE}, {_WIDE}, "
    f"{_WIDE})",
    **_JIT,
)
def levels_slopes(rates, targets, durations, times, kept, gains, of_gains, of_rates, of_targets):
    """Turn slopes of amplitudes into those of rates and targets, which are written to."""
    stages, slopes = np.zeros((_STAGES, 4)), np.zeros((_STAGES, 4))
    for i in range(len(rates)):
        for op in range(_OPS):
            _stages(rates[i, op], targets[i, op], stages)
            slopes[:] = 0.0
            stages[3, 0] = _held(stages, durations[i], 0.0, slopes)
            for n in range(times.shape[1]):
                weight = _LN2 * gains[i, op, n] * of_gains[i, op, n] * kept[i, op, n]
                if weight == 0.0:
                    continue
                if times[i, n] < durations[i]:
                    _held(stages, times[i, n], weight, slopes)
                else:
                    _level(stages[3], times[i, n] - durations[i], weight, slopes[3])
            _held(stages, durations[i], slopes[3, 0], slopes)
            of_targets[i, op, :] = slopes[:, 1]
            for s in range(_STAGES):
                begin, target = stages[s, 0], stages[s, 1]
                speed, length, of_length = stages[s, 2], stages[s, 3], slopes[s, 3]
                of_begin, of_speed = slopes[s, 0], slopes[s, 2]
                of_rates[i, op, s] = 0.0
                if s < 3 and abs(begin - target) < 1e-6:
                    of_rates[i, op, s] = -_LN2 * STAY_STEP * length * of_length
                elif s < 3:
                    of_speed -= of_length * length / speed
                    if target < begin:
                        of_begin += of_length / speed
                        of_targets[i, op, s] -= of_length / speed
                    elif max(begin, JUMP) < target:
                        if begin > JUMP:
                            of_begin -= of_length / ((HEADED_FOR - begin) * speed)
                        if target < HEADED_FOR - 0.5:
                            of_targets[i, op, s] += of_length / ((HEADED_FOR - target) * speed)
                quarter = min(rates[i, op, s] * (41 / 64), 63.0)
                octave = np.floor(quarter / 4.0)
                if quarter < 63.0:
                    rise = 2.0 ** (8.0 + octave) * INCREMENT * (41 / 64)
                    of_rates[i, op, s] += of_speed * rise
                if 0 < s < 3:
                    of_targets[i, op, s - 1] += of_begin


# -- samples --------------------------------------------------------------------------------


@no_type_check
@njit(inline="always", **_JIT)
def _sine(phase):
    turn = phase - np.floor(phase + _HALF)
    x = abs(turn) - _QUARTER
    x = x * x
    y = _ONE + x * (_C1 + x * (_C2 + x * (_C3 + x * (_C4 + x * _C5))))
    return y if turn > 0 else -y


@no_type_check
@njit(inline="always", **_JIT)
def _coarse(gain, phase):
    sine = _sine((np.floor(phase * PHASES) + _HALF) * (_ONE / PHASES))
    return np.floor(sine * gain * AMPLITUDES + _HALF) * (_ONE / AMPLITUDES)


@no_type_check
@njit(f"void({_ROW}, {_ROW})", **_JIT)
def _ramp(knots, row):
    each = len(row) // (len(knots) - 1)
    for b in range(len(knots) - 1):
        at, rise = knots[b], (knots[b + 1] - knots[b]) / np.float32(each)
        for n in range(each):
            row[b * each + n] = at + rise * np.float32(n)


@no_type_check
@njit(f"void({_ROW}, {_ROW})", **_JIT)
def _add(one, other):
    for n in range(len(one)):
        other[n] += one[n]


@no_type_check
@njit(f"void({_ROW}, {_ROW}, {_ROW})", **_JIT)
def _sound(gain, phase, row):
    for n in range(len(row)):
        row[n] = _coarse(gain[n], phase[n])


@no_type_check
@njit(f"void({_ROW}, {_ROW}, float32, {_ROW})", **_JIT)
def _straight(begin, end, along, row):
    for n in range(len(row)):
        row[n] = begin[n] + (end[n] - begin[n]) * along


@no_type_check
@njit(f"void({_ROW}, {_ROW}, {_ROW})", **_JIT)
def _fed_back(gain, phase, back):
    for n in range(len(back)):
        phase[n] += back[n]
        back[n] = _coarse(gain[n], phase[n])
        gain[n] = back[n]


@no_type_check
@njit(f"void(int64[::1], int64[::1], {_KNOTS}, {_KNOTS}, {_ROW}, {_CUBE}, {_KNOTS})", **_JIT)
def _loops(items, sources, gains, phases, depths, sounds, kept):
    """Play the loops of some items, of as many operators each, beside each other.

    A sample waits for the one before it, so all their windows go through it together: lanes.
    Written to: ``sounds``, operators of the loop x lanes x samples, and :func:`play`'s ``kept``.
    """
    length, lanes, samples = sounds.shape
    windows, knots = gains.shape[2:]
    each = samples // (knots - 1)
    depth = np.zeros(lanes, dtype=np.float32)
    of_gain = np.zeros((length, knots, lanes), dtype=np.float32)
    of_phase = np.zeros_like(of_gain)
    for k in range(len(items)):
        there = slice(k * windows, (k + 1) * windows)
        depth[there] = depths[items[k]]
        for op in range(length):
            of_gain[op, :, there] = gains[items[k], sources[k] + op].T
            of_phase[op, :, there] = phases[items[k], sources[k] + op].T
    one, two, back = np.zeros_like(depth), np.zeros_like(depth), np.zeros_like(depth)
    gain = np.empty((length, _TILE, lanes), dtype=np.float32)
    phase = np.empty_like(gain)
    for begin in range(0, samples, _TILE):
        b = begin // each
        for n in range(_TILE):
            along = np.float32(begin + n - b * each) / np.float32(each)
            for m in range(lanes):
                back[m] = depth[m] * (one[m] + two[m])
                two[m] = one[m]
            for op in range(length - 1, -1, -1):
                _straight(of_gain[op, b], of_gain[op, b + 1], along, gain[op, n])
                _straight(of_phase[op, b], of_phase[op, b + 1], along, phase[op, n])
                _fed_back(gain[op, n], phase[op, n], back)
            one[:] = back
        for op in range(length):
            for m in range(len(items) * windows):
                heard, k = sounds[op, m], m // windows
                fed = kept[items[k], sources[k] + op, m % windows]
                for n in range(_TILE):
                    heard[begin + n] = gain[op, n, m]
                    fed[begin + n] = phase[op, n, m]


@no_type_check
@njit(f"void(int64, {_CUBE}, {_CUBE}, float32[:,:,:], float32[:,::1], {_CUBE})", **_JIT)
def _forward(algorithm, gains, phases, looped, sounds, kept):
    """Play one patch's windows, whose loop has been played."""
    windows, samples = sounds.shape
    edges, source = EDGES[algorithm], LOOPS[algorithm, 0]
    target = source + len(looped) - 1
    y = np.empty((_OPS, samples), dtype=np.float32)
    gain = np.empty(samples, dtype=np.float32)
    sounds[:] = 0
    for w in range(windows):
        for op in range(_OPS - 1, -1, -1):
            if source <= op <= target:
                y[op] = looped[op - source, w]
            else:
                _ramp(phases[op, w], kept[op, w])
                silent = True
                for knot in gains[op, w]:
                    silent = silent and knot == 0
                if silent:
                    y[op] = 0
                    continue
                for m in range(op + 1, _OPS):
                    if edges[op, m]:
                        _add(y[m], kept[op, w])
                _ramp(gains[op, w], gain)
                _sound(gain, kept[op, w], y[op])
            if CARRIERS[algorithm, op]:
                _add(y[op], sounds[w])


@no_type_check
@njit(f"void(int64[::1], {_KNOTS}, {_KNOTS}, {_ROW}, {_CUBE}, {_KNOTS})", **_JIT)
def play(algorithms, gains, phases, depths, sounds, kept):
    """Play windows.

    An operator i sounds as ``y_i = g_i sin(2 pi (p_i + sum_j y_j + b y_i'))``, where j are its
    modulators and y_i' is the sum of the last two samples of what feeds back, to the depth b; g_i
    and p_i are straight between knots. The sine is as coarse as the engine's. (What feeds back has
    no other modulators, in all algorithms, so loops come first.)

    ``gains`` and ``phases``: items x ops x windows x knots. Written to: ``sounds``, items x windows
    x samples, and ``kept``, the phases with all that modulates: items x ops x windows x samples.
    """
    items, windows, samples = sounds.shape
    lengths = np.zeros(items, dtype=np.int64)
    for i in range(items):
        source, target = LOOPS[algorithms[i]]
        lengths[i] = target - source + 1 if depths[i] != 0 else 0
    for length in range(_OPS):
        alike = np.flatnonzero(lengths == length)
        for begin in range(0, len(alike), _TOGETHER):
            chosen = alike[begin : begin + _TOGETHER]
            lanes = (len(chosen) * windows + 15) // 16 * 16  # whole vectors
            looped = np.empty((length, lanes, samples), dtype=np.float32)
            if length:
                sources = LOOPS[algorithms[chosen], 0]
                _loops(chosen, sources, gains, phases, depths, looped, kept)
            for k in range(len(chosen)):
                i, there = chosen[k], looped[:, k * windows : (k + 1) * windows]
                _forward(algorithms[i], gains[i], phases[i], there, sounds[i], kept[i])


@no_type_check
@njit(f"void(int64[::1], {_KNOTS}, {_ROW}, {_KNOTS}, {_CUBE}, {_KNOTS}, {_ROW})", **_JIT)
def play_slopes(algorithms, gains, depths, kept, of_sounds, of_gains, of_depths):
    """Turn slopes of sounds into those of gains and depths, which are written to.

    They are those of the smooth sine; what an operator feeds back has none.
    """
    items, windows, samples = of_sounds.shape
    blocks = gains.shape[3] - 1
    each = samples // blocks
    y = np.empty((_OPS, samples), dtype=np.float32)
    of_phase = np.empty((_OPS, samples), dtype=np.float32)
    slope = np.empty(samples, dtype=np.float32)
    of_depths[:] = 0
    for i in range(items):
        edges, carriers = EDGES[algorithms[i]], CARRIERS[algorithms[i]]
        source, target = LOOPS[algorithms[i]]
        for w in range(windows):
            for op in range(_OPS):
                phase = kept[i, op, w]
                slope[:] = 0
                if carriers[op]:
                    slope[:] = of_sounds[i, w]
                for m in range(op):
                    if edges[m, op]:
                        _add(of_phase[m], slope)
                of_gains[i, op, w, :] = 0
                for b in range(blocks):
                    at = gains[i, op, w, b]
                    rise = (gains[i, op, w, b + 1] - at) / np.float32(each)
                    whole, right = np.float32(0.0), np.float32(0.0)
                    for n in range(each):
                        s = b * each + n
                        sine, gain = _sine(phase[s]), at + rise * np.float32(n)
                        y[op, s] = gain * sine
                        of_phase[op, s] = slope[s] * gain * _TURN * _sine(phase[s] + _QUARTER)
                        whole += slope[s] * sine
                        right += slope[s] * sine * np.float32(n)
                    right /= np.float32(each)
                    of_gains[i, op, w, b] += whole - right
                    of_gains[i, op, w, b + 1] += right
                if op == target:
                    total = np.float32(0.0)
                    for n in range(2, samples):
                        total += of_phase[op, n] * (y[source, n - 1] + y[source, n - 2])
                    of_depths[i] += total
