"""Loops that play sketched DX7 notes and their gradients, compiled by numba once per machine.

:func:`play` makes samples of gains and phases at knots (:mod:`unsynth.sketches.dx7.kernel_notes`).
:func:`play_gradients` takes gradients back to the gains. An array ``grad_x`` holds the gradient of
the loss with respect to ``x``.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.sketches.compiled import CUBE, JIT, KNOTS, ROW
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import OPERATORS

#: Number of patches whose feedback loops are played together; their loops are equally long.
_GROUP = 16
#: Samples of a loop that are computed before they are copied; a divisor of those between knots.
_TILE = 16
#: Steps of phase per cycle of the engine's sine.
PHASES = np.float32(4096.0)
#: Steps of amplitude of the engine's sine at a gain of 1.
AMPLITUDES = np.float32(2048.0)
# Python's floats would make the loops compute in double precision.
_ONE, _HALF, _QUARTER = (np.float32(x) for x in (1.0, 0.5, 0.25))
#: Taylor coefficients of cos(2 pi x) in powers of x^2, used for x up to a quarter.
_C1, _C2, _C3, _C4, _C5 = (
    np.float32((-1) ** n * (2.0 * np.pi) ** (2 * n) / f)
    for n, f in ((1, 2), (2, 24), (3, 720), (4, 40320), (5, 3628800))
)
#: The same of the derivative, for the slope of a sine.
_D0, _D1, _D2, _D3, _D4 = (
    np.float32(-((-1) ** n) * (2.0 * np.pi) ** (2 * n + 2) / f)
    for n, f in ((0, 1), (1, 6), (2, 120), (3, 5040), (4, 362880))
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


@no_type_check
@njit(inline="always", **JIT)
def _sine_and_slope(phase):
    """Return the smooth sine of a phase in cycles, and its slope per cycle."""
    turn = phase - np.floor(phase + _HALF)
    x = abs(turn) - _QUARTER
    x2 = x * x
    y = _ONE + x2 * (_C1 + x2 * (_C2 + x2 * (_C3 + x2 * (_C4 + x2 * _C5))))
    slope = x * (_D0 + x2 * (_D1 + x2 * (_D2 + x2 * (_D3 + x2 * _D4))))
    return (y if turn > 0 else -y), slope


@no_type_check
@njit(inline="always", **JIT)
def _quantised_sine(gain, phase):
    """Return a sine as coarse as the engine's, in phase and in amplitude."""
    sine, _ = _sine_and_slope((np.floor(phase * PHASES) + _HALF) * (_ONE / PHASES))
    return np.floor(sine * gain * AMPLITUDES + _HALF) * (_ONE / AMPLITUDES)


@no_type_check
@njit(f"{ROW}(int64)", **JIT)
def _places(block):
    """Return the numbers of a block's samples: a loop that converts its index is not vectorised."""
    places = np.empty(block, dtype=np.float32)
    for n in range(block):
        places[n] = n
    return places


@no_type_check
@njit(f"void(float32[:], {ROW})", **JIT)
def _copy(row, to):
    """Copy a row. An array that is assigned to a slice takes Numba seconds to compile."""
    for n in range(len(row)):
        to[n] = row[n]


@no_type_check
@njit(f"void({ROW}, {ROW})", **JIT)
def _add(row, total):
    for n in range(len(row)):
        total[n] += row[n]


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _play_operator(gains, phases, modulation, places, total_phase, row):
    """Play an operator's window, given its gains and phases at knots, and what modulates it."""
    block = len(places)
    for b in range(len(gains) - 1):
        gain, gain_rise = gains[b], (gains[b + 1] - gains[b]) / np.float32(block)
        phase, phase_rise = phases[b], (phases[b + 1] - phases[b]) / np.float32(block)
        part = slice(b * block, (b + 1) * block)
        modulated, total, output = modulation[part], total_phase[part], row[part]
        for n in range(block):
            total[n] = phase + phase_rise * places[n] + modulated[n]
            output[n] = _quantised_sine(gain + gain_rise * places[n], total[n])


@no_type_check
@njit(f"void({ROW}, {ROW}, float32, {ROW})", **JIT)
def _blend(begin, end, share, row):
    """Interpolate between two rows: a share of 0 gives ``begin``, a share of 1 ``end``."""
    for n in range(len(row)):
        row[n] = begin[n] + (end[n] - begin[n]) * share


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW})", **JIT)
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
@njit(f"void(int64[::1], int64[::1], {KNOTS}, {KNOTS}, {ROW}, {CUBE}, {KNOTS})", **JIT)
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
@njit(f"void(int64, {CUBE}, {CUBE}, float32[:,:,:], float32[:,::1], {CUBE})", **JIT)
def _play_patch(algorithm, gains, phases, loop, sounds, total_phases):
    """Play one patch's windows, given the outputs of its feedback loop."""
    windows, samples = sounds.shape
    edges, source = EDGES[algorithm], LOOPS[algorithm, 0]
    target = source + len(loop) - 1
    y = np.empty((OPERATORS, samples), dtype=np.float32)
    modulation = np.empty(samples, dtype=np.float32)
    places = _places(samples // (gains.shape[2] - 1))
    sounds[:] = 0
    for w in range(windows):
        for op in range(OPERATORS - 1, -1, -1):
            if source <= op <= target:
                _copy(loop[op - source, w], y[op])
            elif gains[op, w].any():
                modulation[:] = 0
                for m in range(op + 1, OPERATORS):
                    if edges[op, m]:
                        _add(y[m], modulation)
                total = total_phases[op, w]
                _play_operator(gains[op, w], phases[op, w], modulation, places, total, y[op])
            else:
                y[op] = 0
                continue
            if CARRIERS[algorithm, op]:
                _add(y[op], sounds[w])


@no_type_check
@njit(f"void(int64[::1], {KNOTS}, {KNOTS}, {ROW}, {CUBE}, {KNOTS})", **JIT)
def play(algorithms, gains, phases, depths, sounds, total_phases):
    """Play windows.

    Operator i plays ``y_i = g_i sin(2 pi (p_i + sum_j y_j + b f))``. The sum is over its
    modulators j. ``b`` is the depth of feedback if i is the operator that is fed back into, and 0
    otherwise; ``f`` is the sum of the last two samples of the operator whose output is fed back.
    Gains g_i and phases p_i (in cycles) are linear between knots. The sine is as coarse as the
    engine's. In all algorithms, nothing outside a loop modulates its operators, so loops are
    played first.

    ``gains`` and ``phases``: items x operators x windows x knots. Writes ``sounds``, items x
    windows x samples, and ``total_phases``, the arguments of the sines in cycles, except where an
    operator is silent in a window: items x operators x windows x samples.
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
@njit(f"void(int64[::1], {KNOTS}, {ROW}, {KNOTS}, {CUBE}, {KNOTS}, {ROW})", **JIT)
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
    places = _places(block)
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
                    part = slice(b * block, (b + 1) * block)
                    total, output, of_output = phase[part], y[op, part], grad_y[part]
                    of_phase = grad_phase[op, part]
                    for n in range(block):
                        sine, slope = _sine_and_slope(total[n])
                        gain = start + rise * places[n]
                        output[n] = gain * sine
                        of_phase[n] = of_output[n] * gain * slope
                        both += of_output[n] * sine
                        right += of_output[n] * sine * places[n]
                    right /= np.float32(block)
                    grad_gains[i, op, w, b] += both - right
                    grad_gains[i, op, w, b + 1] += right
                if op == target:
                    total = np.float32(0.0)
                    for n in range(2, samples):
                        total += grad_phase[op, n] * (y[source, n - 1] + y[source, n - 2])
                    grad_depths[i] += total
