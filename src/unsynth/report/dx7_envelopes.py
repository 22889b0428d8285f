"""The envelopes of a DX7 patch as curves.

The curves are approximate: they follow the engine (Dexed, env.cc and pitchenv.cc) with continuous
formulas in place of its steps. The engine measures levels in octaves of amplitude, 6 dB each.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from unsynth.conventions import SECONDS
from unsynth.synths.base import Note
from unsynth.tasks.dx7.layout import LEVEL_STEPS

#: Corners of a curve: seconds after note-on, and a value.
Points = list[tuple[float, float]]

#: Envelope updates per second: one every 64 samples.
_STEPS_PER_SECOND = 44_100 / 64
#: Octaves at level 99 and output level 99, where the curve shows 0 dB.
_FULL = 15.0
#: Octaves from which every attack starts, about -50 dB: the engine jumps there.
_JUMP = 1716 / 256
#: Octaves that an attack approaches exponentially. The engine aims at 17 but rounds the distance
#: down to whole octaves, which is half an octave on average.
_CEILING = 16.5
#: dB per octave of amplitude.
_DB = 20 * math.log10(2)
#: The bottom of the curves, in dB.
FLOOR_DB = -80.0

#: Size of a picture, in SVG units like the lengths below.
_WIDTH, _HEIGHT = 300, 104
#: Left edge, top and bottom of the plot in it.
_LEFT, _TOP, _BASE = 30, 8, 86


def eg_curve(
    rates: Sequence[int], levels: Sequence[int], output_level: int, held: float, seconds: float
) -> Points:
    """Follow an operator's EG, in dB relative to the loudest possible operator.

    The key is released after ``held`` seconds; the curve ends after ``seconds``. Attacks bend;
    decays are straight lines in dB.
    """
    targets = [_octaves(level, output_level) for level in levels]
    points: Points = [(0.0, 0.0)]
    for stage, end in _stages(held, seconds):
        time, level = _hold(points, stage, held)
        duration, level_at = _stage(level, targets[stage], rates[stage], stage)
        for t in np.linspace(0.0, min(duration, end - time), 9).tolist() if time < end else ():
            points.append((time + t, level_at(t)))
    points.append((seconds, points[-1][1]))
    return [(t, max(FLOOR_DB, (octaves - _FULL) * _DB)) for t, octaves in points]


def _stages(held: float, seconds: float) -> list[tuple[int, float]]:
    """List each stage and the latest time it ends; the release needs a note-off."""
    release = [(3, seconds)] if held < seconds else []
    return [*((stage, min(held, seconds)) for stage in range(3)), *release]


def _hold(points: Points, stage: int, held: float) -> tuple[float, float]:
    """Hold the last level until the stage starts; return that corner."""
    time, level = points[-1]
    if stage == 3 and time < held:
        points.append((held, level))
    return points[-1]


def _stage(
    level: float, target: float, rate: int, stage: int
) -> tuple[float, Callable[[float], float]]:
    """Return the duration of a stage in seconds, and its level in octaves at a time within it."""
    step = rate * 41 >> 6
    speed = (4 + (step & 3)) * 2.0 ** (8 + (step >> 2) - 24) * _STEPS_PER_SECOND
    if target == level or (stage == 0 and target <= 1 / 16):
        # The engine waits in a stage that leads nowhere, for less time at a higher rate.
        wait = 40.0 * 2.0 ** (-rate / 6.35) if rate < 77 else 0.0
        return (wait / 20 if stage == 0 else wait), lambda t: level
    if target > level:
        start = max(level, _JUMP)
        if target <= start:
            return 0.0, lambda t: target
        duration = math.log((_CEILING - start) / (_CEILING - target)) / speed
        return duration, lambda t: _CEILING - (_CEILING - start) * math.exp(-speed * t)
    return (level - target) / speed, lambda t: level - speed * t


def _octaves(level: int, output_level: int) -> float:
    """Convert an EG level and the output level to octaves of amplitude."""
    steps = LEVEL_STEPS[[level, output_level]].tolist()
    return max(1 / 16, (steps[0] // 2 * 64 + steps[1] * 32 - 4256) / 256)


def pitch_curve(rates: Sequence[int], levels: Sequence[int], held: float, seconds: float) -> Points:
    """Follow the pitch EG, in semitones. It starts at level 4."""
    # Excerpts from the engine's tables; values between them are interpolated.
    table = ([0, 5, 9, 17, 50, 85, 91, 95, 99], [-128, -76, -52, -33, 0, 35, 53, 82, 127])
    heights = (np.interp(levels, *table) * 12 / 32).tolist()
    speeds = np.interp(rates, [0, 25, 37, 54, 70, 86, 99], [1, 14, 24, 47, 79, 147, 255])
    points: Points = [(0.0, heights[3])]
    for stage, end in _stages(held, seconds):
        time, height = _hold(points, stage, held)
        change = heights[stage] - height
        duration = abs(change) / (float(speeds[stage]) / 21.3 * 12)
        if time < end and duration > 0:
            part = min(1.0, (end - time) / duration)
            points.append((time + part * duration, height + part * change))
    points.append((seconds, points[-1][1]))
    return points


def eg_svg(rates: Sequence[int], levels: Sequence[int], output_level: int, note: Note) -> Markup:
    """Draw an operator's EG over the whole sound, in dB."""
    curve = eg_curve(rates, levels, output_level, note.duration, SECONDS - note.onset)
    peak = max(db for _, db in curve)
    label = f"Envelope, peak {peak:.0f} dB relative to full output, {_note_off(note)}"
    return _curve_svg(curve, note, FLOOR_DB, 0.0, (0, -20, -40, -60), label)


def pitch_eg_svg(rates: Sequence[int], levels: Sequence[int], note: Note) -> Markup:
    """Draw the pitch EG over the whole sound, in semitones."""
    curve = pitch_curve(rates, levels, note.duration, SECONDS - note.onset)
    most = max(1, *(math.ceil(abs(semitones)) for _, semitones in curve))
    label = f"Pitch envelope, up to {most} semitones, {_note_off(note)}"
    return _curve_svg(curve, note, -most * 1.1, most * 1.1, (most, 0, -most), label)


def _note_off(note: Note) -> str:
    end = note.onset + note.duration
    return f"note-off at {end:.2f} s" if end < SECONDS else "no note-off within the sound"


def _curve_svg(
    curve: Points, note: Note, low: float, high: float, ticks: Sequence[int], label: str
) -> Markup:
    def x(seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 8) * seconds / SECONDS

    def y(value: float) -> float:
        return _BASE - (_BASE - _TOP) * (value - low) / (high - low)

    path = " ".join(f"{x(note.onset + t):.1f},{y(value):.1f}" for t, value in curve)
    first, last = x(note.onset), x(SECONDS)
    ground = y(min(max(low, 0.0), high)) if low < 0 < high else _BASE
    parts = [
        *(f'<path class="grid" d="M{_LEFT} {y(float(v)):.1f}H{last:.1f}"/>' for v in ticks),
        *(
            f'<text x="{_LEFT - 5}" y="{y(float(v)) + 3.5:.1f}" text-anchor="end">'
            f"{str(v).replace('-', '−')}</text>"
            for v in ticks
        ),
        *(
            f'<text x="{x(float(s)):.1f}" y="{_HEIGHT - 5}" text-anchor="middle">{s}{unit}</text>'
            for s, unit in enumerate(("", "", "", "", " s"))
        ),
        f'<polygon class="area" points="{first:.1f},{ground:.1f} {path} {last:.1f},{ground:.1f}"/>',
        f'<polyline class="curve" points="{path}"/>',
        f'<path class="axis" d="M{_LEFT} {_BASE}H{last:.1f}"/>',
    ]
    if note.onset + note.duration < SECONDS:
        off = x(note.onset + note.duration)
        parts.append(f'<path class="off" d="M{off:.1f} {_TOP - 4}V{_BASE}"/>')
    return Markup(
        f'<svg class="eg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )
