"""Loops that play sketched windows of Vital and their gradients, compiled by numba.

:mod:`unsynth.sketches.vital.playback` calls them in turn, with Fourier transforms of waves in
between. Rows hold the values of an oscillator in a window; their columns are those of
:mod:`unsynth.sketches.vital.sources`. An array ``grad_x`` holds the gradient of the loss with
respect to ``x``.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.sketches.compiled import CUBE, FLAT, JIT, ROW
from unsynth.sketches.vital.sources import (
    AUDIBLE,
    BEND,
    CENTRE,
    DETUNED,
    FRAME,
    INCREMENT,
    LEVEL,
    LIMIT,
    RATIO,
    START,
)
from unsynth.sketches.vital.waves import CYCLE

_ZERO, _ONE, _HALF, _CYCLE = (np.float32(x) for x in (0.0, 1.0, 0.5, CYCLE))
_PLACES, _PHASES, _SPECTRA = "int64[::1]", "float64[:,::1]", "complex64[:,::1]"


@no_type_check
@njit(f"void({_SPECTRA}, {_PLACES}, {FLAT}, {_PHASES}, {_SPECTRA})", **JIT)
def fill_spectra(table, places, rows, phases, spectra):
    """Write the harmonics of the oscillators at these places of ``rows``.

    ``table`` holds the harmonics of the wavetable's frames. Frames are blended, and the low-pass
    morph limits the harmonics.
    """
    for v in range(len(places)):
        row = rows[places[v]]
        below = min(int(row[FRAME]), len(table) - 2)
        share = row[FRAME] - np.float32(below)
        low, high = table[below], table[below + 1]
        spectra[v] = 0
        for h in range(min(int(phases[places[v], AUDIBLE]), table.shape[1])):
            gain = min(max(row[LIMIT] - np.float32(h), _ZERO), _ONE)
            spectra[v, h] = (low[h] + share * (high[h] - low[h])) * gain


@no_type_check
@njit(f"void({_SPECTRA}, {_PLACES}, {FLAT}, {_PHASES}, {_SPECTRA}, {FLAT})", **JIT)
def spectra_gradients(table, places, rows, phases, transformed, grad_rows):
    """Write gradients of frames and of limits, given the transformed gradients of cycles."""
    for v in range(len(places)):
        row = rows[places[v]]
        below = min(int(row[FRAME]), len(table) - 2)
        share = row[FRAME] - np.float32(below)
        low, high = table[below], table[below + 1]
        of_frame, of_limit = _ZERO, _ZERO
        for h in range(min(int(phases[places[v], AUDIBLE]), table.shape[1])):
            gain = min(max(row[LIMIT] - np.float32(h), _ZERO), _ONE)
            # Each harmonic but the last possible one stands for two bins of the transform.
            gradient = np.float32(2.0 if h < table.shape[1] - 1 else 1.0) * transformed[v, h]
            wave, change = low[h] + share * (high[h] - low[h]), high[h] - low[h]
            of_frame += gain * (gradient.real * change.real + gradient.imag * change.imag)
            if _ZERO < gain < _ONE:
                of_limit += gradient.real * wave.real + gradient.imag * wave.imag
        grad_rows[places[v], FRAME] = of_frame
        grad_rows[places[v], LIMIT] = of_limit


@no_type_check
@njit(f"void({ROW}, float64, float64, float32, {ROW}, {ROW})", **JIT)
def _place(counts, start, increment, amount, phase, at):
    """Write phases in cycles, and where they lie on the bent wave, in its samples.

    "Bend" maps the phase with a cubic Bézier curve, whose inner points move with the amount; 0.5
    leaves the phase as it is. The wave of the engine begins half a cycle later than in the file.
    """
    begin, step = np.float32(start), np.float32(increment)
    shift = np.float32(2.0) * (amount - amount * amount)
    first, second = np.float32(3.0) * amount - shift, np.float32(3.0) * amount + shift
    for n in range(len(counts)):
        x = begin + step * counts[n]
        x -= np.floor(x)
        rest = _ONE - x
        # The curve divided by x: a quadratic in x and 1 - x.
        y = x * ((first * rest + second * x) * rest + x * x) + _HALF
        phase[n] = x
        at[n] = (y - np.floor(y)) * _CYCLE


@no_type_check
@njit(f"void({ROW}, {ROW})", **JIT)
def _copy_cycle(wave, cycle):
    """Copy a cycle, and its first sample to its end."""
    for n in range(CYCLE):
        cycle[n] = wave[n]
    cycle[CYCLE] = wave[0]


@no_type_check
@njit(inline="always", **JIT)
def _voice(row, phase, voice):
    """Return amplitude and cycles per sample of a unison's voice: centre, above or below."""
    if voice == 0:
        # Voices that are not detuned are one.
        alone = row[CENTRE] + (row[DETUNED] if phase[RATIO] == 1 else _ZERO)
        return alone, phase[INCREMENT]
    ratio = phase[RATIO] if voice == 1 else 1.0 / phase[RATIO]
    return (_ZERO if phase[RATIO] == 1 else _HALF * row[DETUNED]), phase[INCREMENT] * ratio


@no_type_check
@njit(f"void({_PLACES}, {FLAT}, {FLAT}, {_PHASES}, {CUBE})", **JIT)
def play_waves(places, waves, rows, phases, sounds):
    """Add the oscillators at these places of ``rows`` to the sounds, given their cycles."""
    items, windows, samples = sounds.shape
    copies = len(rows) // (items * windows)
    counts = np.arange(samples).astype(np.float32)
    phase, at = np.empty(samples, dtype=np.float32), np.empty(samples, dtype=np.float32)
    cycle = np.empty(CYCLE + 1, dtype=np.float32)
    for v in range(len(places)):
        row, motion = rows[places[v]], phases[places[v]]
        sound = sounds[places[v] // (copies * windows), places[v] % windows]
        _copy_cycle(waves[v], cycle)
        for voice in range(3):
            amplitude, increment = _voice(row, motion, voice)
            amplitude *= row[LEVEL]
            if amplitude == 0:
                continue
            _place(counts, motion[START + voice], increment, row[BEND], phase, at)
            for n in range(samples):
                k = min(int(at[n]), CYCLE - 1)
                share = at[n] - np.float32(k)
                sound[n] += amplitude * (cycle[k] + share * (cycle[k + 1] - cycle[k]))


@no_type_check
@njit(f"void({_PLACES}, {FLAT}, {FLAT}, {_PHASES}, {CUBE}, {FLAT}, {FLAT})", **JIT)
def wave_gradients(places, waves, rows, phases, grad_sounds, grad_waves, grad_rows):
    """Write gradients of cycles, and those of levels, voices and bends."""
    items, windows, samples = grad_sounds.shape
    copies = len(rows) // (items * windows)
    counts = np.arange(samples).astype(np.float32)
    phase, at = np.empty(samples, dtype=np.float32), np.empty(samples, dtype=np.float32)
    cycle = np.empty(CYCLE + 1, dtype=np.float32)
    grad_cycle = np.empty_like(cycle)
    for v in range(len(places)):
        row, motion, grad = rows[places[v]], phases[places[v]], grad_rows[places[v]]
        grad_sound = grad_sounds[places[v] // (copies * windows), places[v] % windows]
        _copy_cycle(waves[v], cycle)
        grad_cycle[:] = 0
        of_amount = _ZERO
        amount, level, detuned = row[BEND], row[LEVEL], motion[RATIO] != 1
        change = np.float32(2.0) - np.float32(4.0) * amount
        first, second = np.float32(3.0) - change, np.float32(3.0) + change
        for voice in range(3 if detuned else 1):
            amplitude, increment = _voice(row, motion, voice)
            _place(counts, motion[START + voice], increment, amount, phase, at)
            of_amplitude = _ZERO
            for n in range(samples):
                k = min(int(at[n]), CYCLE - 1)
                share, slope = at[n] - np.float32(k), cycle[k + 1] - cycle[k]
                of_amplitude += grad_sound[n] * (cycle[k] + share * slope)
                of_value = grad_sound[n] * level * amplitude
                grad_cycle[k] += of_value * (_ONE - share)
                grad_cycle[k + 1] += of_value * share
                x, rest = phase[n], _ONE - phase[n]
                of_amount += of_value * slope * x * rest * (first * rest + second * x)
            grad[LEVEL] += of_amplitude * amplitude
            if voice == 0:
                grad[CENTRE] += of_amplitude * level
            if not detuned:
                grad[DETUNED] += of_amplitude * level
            elif voice > 0:
                grad[DETUNED] += of_amplitude * level * _HALF
        for n in range(CYCLE):
            grad_waves[v, n] = grad_cycle[n]
        grad_waves[v, 0] += grad_cycle[CYCLE]
        grad[BEND] = of_amount * _CYCLE


@no_type_check
@njit(f"void({ROW}, {ROW}, int64[:,::1], {CUBE})", **JIT)
def add_noise(noise, levels, first, sounds):
    """Add the noise to the sounds, and silence what is before the onset.

    ``first`` is the number of each window's first sample, counted from the onset.
    """
    items, windows, samples = sounds.shape
    for i in range(items):
        for w in range(windows):
            sound, begin = sounds[i, w], first[i, w]
            for n in range(min(max(-begin, 0), samples)):
                sound[n] = 0
            if levels[i] != 0:
                for n in range(max(-begin, 0), samples):
                    sound[n] += levels[i] * noise[(begin + n) % len(noise)]


@no_type_check
@njit(f"void({ROW}, {ROW}, int64[:,::1], {CUBE}, {ROW})", **JIT)
def noise_gradients(noise, levels, first, grad_sounds, grad_levels):
    """Write gradients of the noise's levels, and silence gradients from before the onset."""
    items, windows, samples = grad_sounds.shape
    for i in range(items):
        grad_levels[i] = 0
        for w in range(windows):
            grad_sound, begin = grad_sounds[i, w], first[i, w]
            for n in range(min(max(-begin, 0), samples)):
                grad_sound[n] = 0
            if levels[i] != 0:
                total = np.float32(0.0)
                for n in range(max(-begin, 0), samples):
                    total += grad_sound[n] * noise[(begin + n) % len(noise)]
                grad_levels[i] += total


@no_type_check
@njit(f"void({CUBE}, {CUBE}, {ROW}, {CUBE}, {CUBE})", **JIT)
def finish(sounds, filtered, dry, knots, out):
    """Add the dry sounds to the filtered ones, and write what the amplitude envelope makes of them.

    The envelope is linear between ``knots``, which are spread over a window and its lead-in. The
    lead-in is cut off.
    """
    items, windows, samples = sounds.shape
    lead = samples - out.shape[2]
    spacing = np.float32(samples - 1) / np.float32(knots.shape[2] - 1)
    for i in range(items):
        for w in range(windows):
            row, sound, wet, knot = out[i, w], sounds[i, w], filtered[i, w], knots[i, w]
            for n in range(lead, samples):
                place = np.float32(n) / spacing
                b = min(int(place), len(knot) - 2)
                envelope = knot[b] + (place - np.float32(b)) * (knot[b + 1] - knot[b])
                row[n - lead] = (dry[i] * sound[n] + wet[n]) * envelope


@no_type_check
@njit(f"void({CUBE}, {CUBE}, {ROW}, {CUBE}, {CUBE}, {CUBE}, {ROW}, {CUBE})", **JIT)
def finish_gradients(sounds, filtered, dry, knots, grad_out, grad_filtered, grad_dry, grad_knots):
    """Write gradients of filtered sounds, of dry shares and of knots.

    The gradient of the unfiltered sounds is ``dry`` times that of the filtered ones.
    """
    items, windows, samples = sounds.shape
    lead = samples - grad_out.shape[2]
    spacing = np.float32(samples - 1) / np.float32(knots.shape[2] - 1)
    grad_filtered[:], grad_dry[:], grad_knots[:] = 0, 0, 0
    for i in range(items):
        for w in range(windows):
            grad, sound, wet, knot = grad_out[i, w], sounds[i, w], filtered[i, w], knots[i, w]
            of_dry = np.float32(0.0)
            for n in range(lead, samples):
                place = np.float32(n) / spacing
                b = min(int(place), len(knot) - 2)
                share = place - np.float32(b)
                envelope = knot[b] + share * (knot[b + 1] - knot[b])
                of_envelope = grad[n - lead] * (dry[i] * sound[n] + wet[n])
                grad_knots[i, w, b] += of_envelope * (_ONE - share)
                grad_knots[i, w, b + 1] += of_envelope * share
                grad_filtered[i, w, n] = grad[n - lead] * envelope
                of_dry += grad_filtered[i, w, n] * sound[n]
            grad_dry[i] += of_dry
