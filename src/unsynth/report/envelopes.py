"""Envelopes with attack, decay, sustain and release as curves.

Where all times are known in seconds, the curve spans the whole sound, as the spectrograms do.
Otherwise it is schematic: a stage is as wide as its knob is turned up.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from unsynth.conventions import SECONDS
from unsynth.synths.base import Note

#: Corners of a curve: a time from the note's start, and a level from 0 to 1.
Points = list[tuple[float, float]]

#: Stages that an envelope must have, and may have.
STAGES = ("attack", "decay", "sustain", "release")
EXTRAS = ("delay", "hold", "attack_power", "decay_power", "release_power")
#: Those of them that are times, in order.
TIMES = ("delay", "attack", "hold", "decay", "release")

#: Points per bent stage.
_STEPS = 12
#: Width of the sustain in schematic curves; a knob turned fully up is 1.
_SUSTAIN = 0.8
#: Size of a picture, in SVG units like the lengths below.
_WIDTH, _HEIGHT = 300, 82
#: Left edge, top, bottom of the plot in it, and its right margin.
_LEFT, _TOP, _BASE, _MARGIN = 8, 8, 64, 14


def envelope_curve(stages: Mapping[str, float], held: float, end: float) -> Points:
    """Follow an envelope from the note's start to ``end``; the key is released after ``held``.

    ``stages`` holds times in the unit of ``held``, the sustain level, and Vital's powers: a
    positive one bends a stage upwards, a negative one downwards; see :func:`bend`.
    """
    points: Points = [(0.0, 0.0)]
    limit = min(held, end)
    sustain = stages["sustain"]
    for name, level in (("delay", 0.0), ("attack", 1.0), ("hold", 1.0), ("decay", sustain)):
        _add(points, stages.get(name, 0.0), level, stages.get(f"{name}_power", 0.0), limit)
    points.append((limit, points[-1][1]))
    if held < end:
        _add(points, stages["release"], 0.0, stages.get("release_power", 0.0), end)
        points.append((end, points[-1][1]))
    return points


def _add(points: Points, duration: float, level: float, power: float, limit: float) -> None:
    """Append a stage that starts at the last corner, and ends at ``level`` or at ``limit``."""
    start, before = points[-1]
    if start >= limit:
        return
    if duration <= 0:
        if level != before:
            points.append((start, level))
        return
    share = min(1.0, (limit - start) / duration)
    steps = _STEPS if power else 1
    power = -power if level > before else power
    for t in np.linspace(0.0, share, steps + 1)[1:].tolist():
        points.append((start + t * duration, before + (level - before) * bend(t, power)))


def bend(t: float, power: float) -> float:
    """Bend a straight rise from 0 to 1 to (e^(pt) - 1) / (e^p - 1), Vital's formula for power p.

    >>> bend(0.5, 0.0), round(bend(0.5, -2.0), 2)
    (0.5, 0.73)
    """
    return t if abs(power) < 0.01 else math.expm1(power * t) / math.expm1(power)


def seconds_svg(stages: Mapping[str, float], note: Note, words: str) -> Markup:
    """Draw an envelope over the whole sound; ``words`` are its values for screen readers."""

    def x(seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _MARGIN) * min(seconds, SECONDS) / SECONDS

    curve = envelope_curve(stages, note.duration, max(0.0, SECONDS - note.onset))
    off = note.onset + note.duration
    ticks = [
        Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}{}</text>').format(
            x(float(s)), _HEIGHT - 4, s, " s" if s == int(SECONDS) else ""
        )
        for s in range(int(SECONDS) + 1)
    ]
    end = f"note-off at {off:.2f} s" if off < SECONDS else "no note-off within the sound"
    return _svg(
        [(x(note.onset + t), level) for t, level in curve],
        ticks,
        x(off) if off < SECONDS else None,
        f"Envelope over time: {words}; {end}",
    )


def schematic_svg(stages: Mapping[str, float], released: bool, words: str) -> Markup:
    """Draw an envelope whose times are knobs from 0 to 1; ``released`` says if the key is."""
    held = sum(stages.get(name, 0.0) for name in TIMES[:-1]) + _SUSTAIN
    end = held + (max(stages["release"], 0.02) if released else 0.0)

    def x(width: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _MARGIN) * width / end

    return _svg(
        [(x(t), level) for t, level in envelope_curve(stages, held, end)],
        [
            Markup('<text x="{}" y="{}">not to scale: widths follow the knobs</text>').format(
                _LEFT, _HEIGHT - 4
            )
        ],
        x(held) if released else None,
        f"Schematic envelope, not in seconds: {words}",
    )


def _svg(
    curve: Sequence[tuple[float, float]], texts: Sequence[Markup], off: float | None, words: str
) -> Markup:
    path = " ".join(f"{x:.1f},{_BASE - (_BASE - _TOP) * level:.1f}" for x, level in curve)
    first, last = curve[0][0], curve[-1][0]
    dashes = Markup("")
    if off is not None:
        dashes = Markup('<path class="off" d="M{:.1f} {}V{}"/>').format(off, _TOP - 4, _BASE)
    return Markup(
        '<svg class="eg" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<polygon class="area" points="{:.1f},{} {} {:.1f},{}"/>'
        '<path class="axis" d="M{} {}H{}"/><polyline class="curve" points="{}"/>{}{}</svg>'
    ).format(
        *(_WIDTH, _HEIGHT, words),
        *(first, _BASE, path, last, _BASE),
        *(_LEFT, _BASE, _WIDTH - _MARGIN, path),
        *(dashes, Markup("").join(texts)),
    )
