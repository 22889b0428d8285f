"""Loops that filter sketched windows of Vital, and their gradients, compiled by numba.

Vital's analog filter has two equal stages of low-pass. What the second takes away from the first, a
band-pass, is fed back, and the sum of input and feedback is saturated. (The structure is Sallen and
Key's: V. Zavalishin, *The Art of VA Filter Design*, 2018.) With the states a and b of both stages,
a sample x becomes y:

    u = tanh(norm (gain x + feedback ((1 - intake) a - b)))
    y = from_u u + from_a a + from_b b
    a' = step u + (1 - step) a
    b' = step (intake u + (1 - intake) a) + (1 - step) b

A sample needs the one before it, so samples cannot be vectorised. Windows can: each window of each
filter is a lane, and all lanes advance by one sample together. Loops over lanes are functions of
their own over few arrays, so that LLVM can vectorise them.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.sketches.compiled import CUBE, FLAT, JIT, KNOTS, ROW
from unsynth.sketches.vital.sources import (
    FEEDBACK,
    FROM_A,
    FROM_B,
    FROM_U,
    GAIN,
    INTAKE,
    NORM,
    STEP,
)

#: Samples that are copied into lanes at a time.
TILE = 16
_ONE = np.float32(1.0)
#: Beyond this input, the approximation of tanh is 1.
_SATURATED = np.float32(4.97)
# Lambert's continued fraction of tanh, cut off after the seventh term, as a ratio of polynomials.
_N0, _N1, _N2 = np.float32(135135.0), np.float32(17325.0), np.float32(378.0)
_D1, _D2, _D3 = np.float32(62370.0), np.float32(3150.0), np.float32(28.0)
# Sums over samples of a gradient (of y, of the total that is saturated, or of the states a and b
# after the sample) times u, a state before the sample, or the input.
_Y_U, _Y_A, _Y_B, _TOTAL_X, _TOTAL_A, _TOTAL_B, _A_U, _A_A, _B_U, _B_A, _B_B = range(11)


@no_type_check
@njit(f"{FLAT}({KNOTS})", **JIT)
def _lanes(rows):
    """Return the columns of all filters' rows: columns x lanes, filters outermost."""
    items, filters, windows, columns = rows.shape
    lanes = np.empty((columns, filters * items * windows), dtype=np.float32)
    for f in range(filters):
        for i in range(items):
            for w in range(windows):
                for c in range(columns):
                    lanes[c, (f * items + i) * windows + w] = rows[i, f, w, c]
    return lanes


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _saturate(x, a, b, intake, feedback, norm, u):
    """Write u, given the amplified input."""
    for m in range(len(x)):
        e = norm[m] * (x[m] + feedback[m] * ((_ONE - intake[m]) * a[m] - b[m]))
        e = min(max(e, -_SATURATED), _SATURATED)
        square = e * e
        above = e * (_N0 + square * (_N1 + square * (_N2 + square)))
        u[m] = above / (_N0 + square * (_D1 + square * (_D2 + square * _D3)))


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _mix(u, a, b, from_u, from_a, from_b, y):
    for m in range(len(u)):
        y[m] = from_u[m] * u[m] + from_a[m] * a[m] + from_b[m] * b[m]


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _advance(u, step, intake, a, b):
    """Replace the states by those after the sample."""
    for m in range(len(u)):
        output = intake[m] * u[m] + (_ONE - intake[m]) * a[m]
        b[m] = step[m] * output + (_ONE - step[m]) * b[m]
        a[m] = step[m] * u[m] + (_ONE - step[m]) * a[m]


@no_type_check
@njit(f"void({ROW}, {ROW})", **JIT)
def _copy(row, to):
    for m in range(len(row)):
        to[m] = row[m]


@no_type_check
@njit(f"void({CUBE}, {KNOTS}, {CUBE}, {FLAT}, {CUBE})", **JIT)
def filter_sounds(sounds, rows, filtered, inside, states):
    """Write the sum of both filters' outputs.

    Writes u ``inside`` the filters, samples x lanes, and the ``states`` of both stages before each
    tile, tiles x 2 x lanes.
    """
    items, windows, samples = sounds.shape
    lanes, notes = _lanes(rows), items * windows
    count = lanes.shape[1]
    a, b = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
    tile = np.empty((TILE, count), dtype=np.float32)
    filtered[:] = 0
    for begin in range(0, samples, TILE):
        size = min(TILE, samples - begin)
        _copy(a, states[begin // TILE, 0])
        _copy(b, states[begin // TILE, 1])
        for m in range(count):
            sound = sounds[m % notes // windows, m % notes % windows]
            for n in range(size):
                tile[n, m] = lanes[GAIN, m] * sound[begin + n]
        for n in range(size):
            u = inside[begin + n]
            _saturate(tile[n], a, b, lanes[INTAKE], lanes[FEEDBACK], lanes[NORM], u)
            _mix(u, a, b, lanes[FROM_U], lanes[FROM_A], lanes[FROM_B], tile[n])
            _advance(u, lanes[STEP], lanes[INTAKE], a, b)
        for m in range(count):
            row = filtered[m % notes // windows, m % notes % windows]
            for n in range(size):
                row[begin + n] += tile[n, m]


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _saturation_gradients(u, of_y, from_u, of_a, of_b, step, intake, of_e):
    """Write the gradient of what is saturated, given those of the output and of later states."""
    for m in range(len(u)):
        of_u = from_u[m] * of_y[m] + step[m] * (of_a[m] + intake[m] * of_b[m])
        of_e[m] = of_u * (_ONE - u[m] * u[m])


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _retreat(step, from_state, of_y, of_state):
    """Take the gradient of a state back over a sample, as if there were no other."""
    for m in range(len(of_y)):
        of_state[m] = (_ONE - step[m]) * of_state[m] + from_state[m] * of_y[m]


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW}, {ROW}, {ROW}, {ROW})", **JIT)
def _feed_back(of_total, step, intake, feedback, of_b, of_a):
    """Add what reaches the first stage's state through the second stage and the feedback."""
    for m in range(len(of_a)):
        through = step[m] * of_b[m] + feedback[m] * of_total[m]
        of_a[m] += (_ONE - intake[m]) * through


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW})", **JIT)
def _add_products(one, other, total):
    for m in range(len(one)):
        total[m] += one[m] * other[m]


@no_type_check
@njit(f"void({ROW}, {ROW})", **JIT)
def _multiply(factor, row):
    for m in range(len(row)):
        row[m] *= factor[m]


@no_type_check
@njit(f"void({ROW}, {ROW}, {ROW})", **JIT)
def _subtract_products(one, other, total):
    for m in range(len(one)):
        total[m] -= one[m] * other[m]


@no_type_check
@njit(f"void({CUBE}, {KNOTS}, {FLAT}, {CUBE}, {CUBE}, {CUBE}, {KNOTS})", **JIT)
def filter_gradients(sounds, rows, inside, states, grad_filtered, grad_sounds, grad_rows):
    """Add to the gradients of sounds, and write those of rows."""
    items, windows, samples = sounds.shape
    lanes, notes = _lanes(rows), items * windows
    count = lanes.shape[1]
    step, intake, feedback = lanes[STEP], lanes[INTAKE], lanes[FEEDBACK]
    of_a, of_b = np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.float32)
    of_total = np.empty(count, dtype=np.float32)
    sums = np.zeros((11, count), dtype=np.float32)
    # The states before each sample of a tile, and after the last.
    a = np.empty((TILE + 1, count), dtype=np.float32)
    b = np.empty_like(a)
    tile = np.empty((TILE, count), dtype=np.float32)
    inputs = np.empty_like(tile)
    for begin in range((samples - 1) // TILE * TILE, -1, -TILE):
        size = min(TILE, samples - begin)
        for m in range(count):
            i, w = m % notes // windows, m % notes % windows
            for n in range(size):
                tile[n, m] = grad_filtered[i, w, begin + n]
                inputs[n, m] = sounds[i, w, begin + n]
        _copy(states[begin // TILE, 0], a[0])
        _copy(states[begin // TILE, 1], b[0])
        for n in range(size):
            _copy(a[n], a[n + 1])
            _copy(b[n], b[n + 1])
            _advance(inside[begin + n], step, intake, a[n + 1], b[n + 1])
        for n in range(size - 1, -1, -1):
            u, of_y = inside[begin + n], tile[n]
            _add_products(of_a, u, sums[_A_U])
            _add_products(of_a, a[n], sums[_A_A])
            _add_products(of_b, u, sums[_B_U])
            _add_products(of_b, a[n], sums[_B_A])
            _add_products(of_b, b[n], sums[_B_B])
            _add_products(of_y, u, sums[_Y_U])
            _add_products(of_y, a[n], sums[_Y_A])
            _add_products(of_y, b[n], sums[_Y_B])
            _saturation_gradients(u, of_y, lanes[FROM_U], of_a, of_b, step, intake, of_total)
            _multiply(lanes[NORM], of_total)
            _add_products(of_total, inputs[n], sums[_TOTAL_X])
            _add_products(of_total, a[n], sums[_TOTAL_A])
            _add_products(of_total, b[n], sums[_TOTAL_B])
            _retreat(step, lanes[FROM_A], of_y, of_a)
            _feed_back(of_total, step, intake, feedback, of_b, of_a)
            _retreat(step, lanes[FROM_B], of_y, of_b)
            _subtract_products(of_total, feedback, of_b)
            _copy(of_total, of_y)
            _multiply(lanes[GAIN], of_y)
        for m in range(count):
            row = grad_sounds[m % notes // windows, m % notes % windows]
            for n in range(size):
                row[begin + n] += tile[n, m]
    for m in range(count):
        grad = grad_rows[m % notes // windows, m // notes, m % notes % windows]
        share, keep = intake[m], _ONE - intake[m]
        fed_back = keep * sums[_TOTAL_A, m] - sums[_TOTAL_B, m]
        grad[GAIN] = sums[_TOTAL_X, m]
        grad[FEEDBACK] = fed_back
        grad[NORM] = (lanes[GAIN, m] * sums[_TOTAL_X, m] + feedback[m] * fed_back) / lanes[NORM, m]
        grad[FROM_U], grad[FROM_A], grad[FROM_B] = sums[_Y_U, m], sums[_Y_A, m], sums[_Y_B, m]
        later = step[m] * (sums[_B_U, m] - sums[_B_A, m])
        grad[INTAKE] = later - feedback[m] * sums[_TOTAL_A, m]
        output = share * sums[_B_U, m] + keep * sums[_B_A, m]
        grad[STEP] = sums[_A_U, m] - sums[_A_A, m] + output - sums[_B_B, m]
