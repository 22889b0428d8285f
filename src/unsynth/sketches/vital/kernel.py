"""Loops that play sketched windows of Vital and their gradients, compiled by numba.

:mod:`unsynth.sketches.vital.playback` calls them in turn, with Fourier transforms in between. Rows
hold the values of an oscillator or a filter in a window; their columns are those of
:mod:`unsynth.sketches.vital.sources`. An array ``grad_x`` holds the gradient of the loss with
respect to ``x``.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from unsynth.sketches.compiled import CUBE, FLAT, JIT, KNOTS, ROW
from unsynth.sketches.vital.sources import (
    AUDIBLE,
    BAND,
    BEAT,
    BEND,
    CENTRE,
    CUTOFF,
    DAMPING,
    DETUNED,
    FRAME,
    GAIN,
    HIGH,
    INCREMENT,
    LEVEL,
    LIMIT,
    LOW,
    SCALE,
    START,
)
from unsynth.sketches.vital.waves import CYCLE

_ONE, _HALF, _CYCLE = np.float32(1.0), np.float32(0.5), np.float32(CYCLE)
_PLACES = "int64[::1]"
_SPECTRA, _FILTERED = "complex64[:,::1]", "complex64[:,:,:,::1]"
_PHASES = "float64[:,::1]"


@no_type_check
@njit(f"void({_SPECTRA}, {_PLACES}, {FLAT}, {_PHASES}, {_SPECTRA})", **JIT)
def fill_spectra(table, places, rows, phases, spectra):
    """Write the harmonics of the oscillators at these places of ``rows``.

    ``table`` holds the harmonics of the wavetable's frames. Frames are blended, the low-pass morph
    limits the harmonics, and the three voices of the unison beat.
    """
    for v in range(len(places)):
        row, phase = rows[places[v]], phases[places[v]]
        below = min(int(row[FRAME]), len(table) - 2)
        share = row[FRAME] - np.float32(below)
        low, high = table[below], table[below + 1]
        audible = min(int(phase[AUDIBLE]), table.shape[1])
        turn = 2.0 * np.cos(phase[BEAT])
        last, cosine = np.cos(phase[BEAT]), 1.0
        spectra[v] = 0
        for h in range(audible):
            gain = min(max(row[LIMIT] - np.float32(h), np.float32(0.0)), _ONE)
            if gain == 0:
                break
            gain *= row[CENTRE] + row[DETUNED] * np.float32(cosine)
            spectra[v, h] = (low[h] + share * (high[h] - low[h])) * gain
            last, cosine = cosine, turn * cosine - last


@no_type_check
@njit(f"void({_SPECTRA}, {_PLACES}, {FLAT}, {_PHASES}, {_SPECTRA}, {FLAT})", **JIT)
def spectra_gradients(table, places, rows, phases, transformed, grad_rows):
    """Add to the gradients of rows, given the transformed gradients of the cycles' samples."""
    for v in range(len(places)):
        row, phase, grad = rows[places[v]], phases[places[v]], grad_rows[places[v]]
        below = min(int(row[FRAME]), len(table) - 2)
        share = row[FRAME] - np.float32(below)
        low, high = table[below], table[below + 1]
        audible = min(int(phase[AUDIBLE]), table.shape[1])
        turn = 2.0 * np.cos(phase[BEAT])
        last, cosine = np.cos(phase[BEAT]), 1.0
        of_frame = of_limit = of_centre = of_detuned = np.float32(0.0)
        for h in range(audible):
            gain = min(max(row[LIMIT] - np.float32(h), np.float32(0.0)), _ONE)
            if gain == 0:
                break
            beat = np.float32(cosine)
            voices = row[CENTRE] + row[DETUNED] * beat
            # Each harmonic but the last possible one stands for two bins of the transform.
            twice = np.float32(2.0 if h < table.shape[1] - 1 else 1.0)
            gradient = twice * transformed[v, h]
            wave, change = low[h] + share * (high[h] - low[h]), high[h] - low[h]
            of_wave = gradient.real * wave.real + gradient.imag * wave.imag
            of_change = gradient.real * change.real + gradient.imag * change.imag
            of_frame += of_change * gain * voices
            if gain < 1:
                of_limit += of_wave * voices
            of_centre += of_wave * gain
            of_detuned += of_wave * gain * beat
            last, cosine = cosine, turn * cosine - last
        grad[FRAME] += of_frame
        grad[LIMIT] += of_limit
        grad[CENTRE] += of_centre
        grad[DETUNED] += of_detuned


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
@njit(f"void({_PLACES}, {FLAT}, {FLAT}, {_PHASES}, {CUBE})", **JIT)
def play_waves(places, waves, rows, phases, sounds):
    """Add the oscillators at these places of ``rows`` to the sounds, given their cycles."""
    items, windows, samples = sounds.shape
    copies = len(rows) // (items * windows)
    counts = np.arange(samples).astype(np.float32)
    phase, at = np.empty(samples, dtype=np.float32), np.empty(samples, dtype=np.float32)
    cycle = np.empty(CYCLE + 1, dtype=np.float32)
    for v in range(len(places)):
        place = places[v]
        sound = sounds[place // (copies * windows), place % windows]
        row, level = rows[place], rows[place, LEVEL]
        _place(counts, phases[place, START], phases[place, INCREMENT], row[BEND], phase, at)
        _copy_cycle(waves[v], cycle)
        for n in range(samples):
            k = min(int(at[n]), CYCLE - 1)
            sound[n] += level * (cycle[k] + (at[n] - np.float32(k)) * (cycle[k + 1] - cycle[k]))


@no_type_check
@njit(f"void({_PLACES}, {FLAT}, {FLAT}, {_PHASES}, {CUBE}, {FLAT}, {FLAT})", **JIT)
def wave_gradients(places, waves, rows, phases, grad_sounds, grad_waves, grad_rows):
    """Write gradients of cycles, and those of levels and of bends."""
    items, windows, samples = grad_sounds.shape
    copies = len(rows) // (items * windows)
    counts = np.arange(samples).astype(np.float32)
    phase, at = np.empty(samples, dtype=np.float32), np.empty(samples, dtype=np.float32)
    cycle = np.empty(CYCLE + 1, dtype=np.float32)
    grad_cycle = np.empty_like(cycle)
    for v in range(len(places)):
        place = places[v]
        grad_sound = grad_sounds[place // (copies * windows), place % windows]
        level, amount = rows[place, LEVEL], rows[place, BEND]
        _place(counts, phases[place, START], phases[place, INCREMENT], amount, phase, at)
        _copy_cycle(waves[v], cycle)
        grad_cycle[:] = 0
        of_level, of_amount = np.float32(0.0), np.float32(0.0)
        change = np.float32(2.0) - np.float32(4.0) * amount
        first, second = np.float32(3.0) - change, np.float32(3.0) + change
        for n in range(samples):
            k = min(int(at[n]), CYCLE - 1)
            share, slope = at[n] - np.float32(k), cycle[k + 1] - cycle[k]
            of_level += grad_sound[n] * (cycle[k] + share * slope)
            of_value = grad_sound[n] * level
            grad_cycle[k] += of_value * (_ONE - share)
            grad_cycle[k + 1] += of_value * share
            x, rest = phase[n], _ONE - phase[n]
            of_amount += of_value * slope * x * rest * (first * rest + second * x)
        for n in range(CYCLE):
            grad_waves[v, n] = grad_cycle[n]
        grad_waves[v, 0] += grad_cycle[CYCLE]
        grad_rows[place, LEVEL] = of_level
        grad_rows[place, BEND] = of_amount * _CYCLE


@no_type_check
@njit(f"void({_FILTERED}, {ROW}, {KNOTS}, complex64[:,:,::1])", **JIT)
def filter_spectra(spectra, frequencies, rows, filtered):
    """Write the sum of both filters' outputs, given the spectra of their inputs."""
    items, filters, windows, bins = spectra.shape
    filtered[:] = 0
    for i in range(items):
        for f in range(filters):
            for w in range(windows):
                row, total = rows[i, f, w], filtered[i, w]
                scale, damping = row[SCALE], row[DAMPING]
                low, band, high = row[LOW], row[BAND], row[HIGH]
                inverse = _ONE / row[CUTOFF]
                for k in range(bins):
                    s = frequencies[k] * inverse
                    square = s * s
                    # The response is (up + i band s) / (a + i b), times the scale.
                    up, across = low - high * square, band * s
                    a, b = _ONE - square, damping * s
                    norm = scale / (a * a + b * b)
                    real, imag = (up * a + across * b) * norm, (across * a - up * b) * norm
                    x = spectra[i, f, w, k]
                    total[k] += complex(
                        x.real * real - x.imag * imag, x.real * imag + x.imag * real
                    )


@no_type_check
@njit(f"void({_FILTERED}, {ROW}, {KNOTS}, complex64[:,:,::1], {KNOTS})", **JIT)
def filter_gradients(spectra, frequencies, rows, transformed, grad_rows):
    """Write gradients of rows, and replace spectra by what goes back through the filters.

    ``transformed`` holds the transformed gradients of the filters' outputs.
    """
    items, filters, windows, bins = spectra.shape
    for i in range(items):
        for f in range(filters):
            for w in range(windows):
                row, grad, gradients = rows[i, f, w], grad_rows[i, f, w], transformed[i, w]
                scale, damping = row[SCALE], row[DAMPING]
                low, band, high = row[LOW], row[BAND], row[HIGH]
                inverse = _ONE / row[CUTOFF]
                of_low = of_band = of_high = of_damping = of_s = of_scale = np.float32(0.0)
                for k in range(bins):
                    s = frequencies[k] * inverse
                    square = s * s
                    up, across = low - high * square, band * s
                    a, b = _ONE - square, damping * s
                    norm = _ONE / (a * a + b * b)
                    # The response without its scale, and 1 / (a + i b).
                    real, imag = (up * a + across * b) * norm, (across * a - up * b) * norm
                    one, other = a * norm, -b * norm
                    x, g = spectra[i, f, w, k], gradients[k]
                    # Both halves of the spectrum add up, except at its ends.
                    twice = np.float32(2.0 if 0 < k < bins - 1 else 1.0)
                    p = twice * (x.real * g.real + x.imag * g.imag)
                    q = twice * (x.real * g.imag - x.imag * g.real)
                    of_scale += p * real + q * imag
                    # The gradient of the response, times the conjugate of 1 / (a + i b).
                    u, v = scale * (p * one + q * other), scale * (q * one - p * other)
                    of_low += u
                    of_high -= u * square
                    of_band += v * s
                    # The gradients of a and b.
                    of_a, of_b = -(u * real + v * imag), u * imag - v * real
                    of_damping += of_b * s
                    of_s += s * (
                        of_b * damping + v * band - np.float32(2.0) * s * (of_a + u * high)
                    )
                    real, imag = real * scale, imag * scale
                    spectra[i, f, w, k] = complex(
                        g.real * real + g.imag * imag, g.imag * real - g.real * imag
                    )
                share = np.float32(0.5) / np.float32(bins - 1)
                grad[GAIN] = 0
                grad[CUTOFF] = -of_s * inverse * share
                grad[DAMPING] = of_damping * share
                grad[LOW], grad[BAND], grad[HIGH] = of_low * share, of_band * share, of_high * share
                grad[SCALE] = of_scale * share


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

    What :func:`finish` does to the unfiltered sounds is in :func:`saturation_gradients`.
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


@no_type_check
@njit(f"void({CUBE}, {KNOTS}, {ROW}, {CUBE}, {KNOTS}, {KNOTS}, {CUBE}, {KNOTS})", **JIT)
def saturation_gradients(
    sounds, rows, dry, grad_filtered, saturated, grad_saturated, grad_sounds, grad_rows
):
    """Write gradients of the unfiltered sounds, and of the factors before the saturation."""
    items, filters, windows, samples = saturated.shape
    for i in range(items):
        for w in range(windows):
            sound, grad_sound = sounds[i, w], grad_sounds[i, w]
            for n in range(samples):
                grad_sound[n] = dry[i] * grad_filtered[i, w, n]
            for f in range(filters):
                after, of_after = saturated[i, f, w], grad_saturated[i, f, w]
                gain, of_gain = rows[i, f, w, GAIN], np.float32(0.0)
                for n in range(samples):
                    of_input = of_after[n] * (_ONE - after[n] * after[n])
                    grad_sound[n] += gain * of_input
                    of_gain += of_input * sound[n]
                grad_rows[i, f, w, GAIN] = of_gain
