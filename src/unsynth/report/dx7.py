"""A DX7 patch as a musician reads it: the algorithm as a graph, envelopes as curves, panel words.

What ``task.active`` says cannot be heard is shown as undetermined: any other value would sound
the same. The envelope curves are approximate: they follow the engine's (Dexed, env.cc and
pitchenv.cc) with continuous formulas in place of its steps.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from unsynth.conventions import SECONDS
from unsynth.synths.base import Note
from unsynth.synths.dx7_algorithms import ALGORITHMS, Algorithm
from unsynth.tasks.dx7.layout import LEVEL_STEPS, OPERATORS
from unsynth.tasks.task import Task

#: What stands for a value that cannot be heard.
UNDETERMINED = "–"


@dataclass(frozen=True)
class Value:
    """A label in the panel's words and the value as the panel shows it."""

    label: str
    text: str
    heard: bool


@dataclass(frozen=True)
class Operator:
    """One operator: ``role`` says where its output goes; ``eg`` is empty for a silent one."""

    number: int
    carrier: bool
    heard: bool
    role: str
    eg: Markup
    output_level: Value
    values: tuple[Value, ...]
    rates: tuple[Value, ...]
    levels: tuple[Value, ...]


@dataclass(frozen=True)
class PatchView:
    """A whole patch, ready to be laid out on a page."""

    algorithm: int
    graph: Markup
    operators: tuple[Operator, ...]
    voice: tuple[Value, ...]
    lfo: tuple[Value, ...]
    pitch_eg: Markup
    pitch_rates: tuple[Value, ...]
    pitch_levels: tuple[Value, ...]


def view(task: Task, patch: Float[np.ndarray, " parameters"]) -> PatchView:
    """Read a patch of task dx7."""
    named = task.spec.named(patch)
    active = dict(zip(task.spec.names, task.active(patch).tolist(), strict=True))
    note = task.note(patch)

    def value(label: str, name: str, text: str | None = None) -> Value:
        shown = str(named[name]) if text is None else text
        return Value(label, shown if active[name] else UNDETERMINED, active[name])

    number = int(named["algorithm"])
    algorithm = ALGORITHMS[number - 1]
    heard = [active[f"op{i}.rate1"] for i in range(1, OPERATORS + 1)]
    operators = []
    for i in range(1, OPERATORS + 1):
        op = f"op{i}."
        mode = str(named[f"{op}mode"])
        detune = f"{mode}_detune"
        rates = tuple(value(f"R{k}", f"{op}rate{k}") for k in range(1, 5))
        levels = tuple(value(f"L{k}", f"{op}level{k}") for k in range(1, 5))
        curve = Markup("")
        if heard[i - 1]:
            curve = eg_svg(
                [int(named[f"{op}rate{k}"]) for k in range(1, 5)],
                [int(named[f"{op}level{k}"]) for k in range(1, 5)],
                int(named[f"{op}output_level"]),
                note,
            )
        operators.append(
            Operator(
                number=i,
                carrier=i - 1 in algorithm.carriers,
                heard=heard[i - 1],
                role=_role(algorithm, i - 1),
                eg=curve,
                output_level=value("Output level", f"{op}output_level"),
                values=(
                    value("Mode", f"{op}mode"),
                    value("Frequency", f"{op}{mode}_coarse", frequency(named, op)),
                    value("Detune", op + detune, _signed(int(named[op + detune]), plus=True)),
                    value("A mod sens", f"{op}amp_mod_sensitivity"),
                ),
                rates=rates,
                levels=levels,
            )
        )
    return PatchView(
        algorithm=number,
        graph=algorithm_svg(number, heard),
        operators=tuple(operators),
        voice=(value("Algorithm", "algorithm"), value("Feedback", "feedback")),
        lfo=(
            value("Wave", "lfo.wave"),
            value("Speed", "lfo.speed"),
            value("Delay", "lfo.delay"),
            value("PMD", "lfo.pitch_depth"),
            value("AMD", "lfo.amp_depth"),
            value("Sync", "lfo.sync"),
            value("P mod sens", "lfo.pitch_sensitivity"),
        ),
        pitch_eg=_pitch_eg(named, note) if active["pitch_eg.rate1"] else Markup(""),
        pitch_rates=tuple(value(f"R{k}", f"pitch_eg.rate{k}") for k in range(1, 5)),
        pitch_levels=tuple(value(f"L{k}", f"pitch_eg.level{k}") for k in range(1, 5)),
    )


def frequency(named: Mapping[str, int | float | str], op: str) -> str:
    """Write an operator's frequency as the panel shows it.

    >>> frequency({"op1.mode": "ratio", "op1.ratio_coarse": 0, "op1.ratio_fine": 50}, "op1.")
    '0.75'
    >>> frequency({"op1.mode": "fixed", "op1.fixed_coarse": 2, "op1.fixed_fine": 0}, "op1.")
    '100.0 Hz'
    """
    mode = named[f"{op}mode"]
    coarse, fine = float(named[f"{op}{mode}_coarse"]), float(named[f"{op}{mode}_fine"])
    if mode == "ratio":
        return f"{(coarse or 0.5) * (1 + fine / 100):.2f}"
    hertz = 10 ** (coarse + fine / 100)
    return f"{hertz:.{3 - int(coarse)}f} Hz"


def _role(algorithm: Algorithm, op: int) -> str:
    targets = sorted(b + 1 for a, b in algorithm.edges if a == op)
    text = f"modulates {_listed(targets)}" if targets else "carrier"
    source, target = algorithm.feedback
    if op == source:
        text += ", feedback" if source == target else f", feedback to {target + 1}"
    return text


def _listed(numbers: Sequence[int]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


# -- the algorithm --------------------------------------------------------------------------

_BOX, _COLUMN, _ROW, _MARGIN = 28, 50, 52, 22


def layout(algorithm: Algorithm) -> dict[int, tuple[float, int]]:
    """Place operators (counted from 0) in columns and rows; row 0 is the carriers'.

    Each carrier stands under the middle of its own modulators; a modulator of several operators
    stands over the middle of them.
    """
    targets = {op: [b for a, b in sorted(algorithm.edges) if a == op] for op in range(OPERATORS)}
    places: dict[int, tuple[float, int]] = {}
    free = 0

    def place(op: int, row: int) -> None:
        nonlocal free
        above = [a for a, b in sorted(algorithm.edges) if b == op and len(targets[a]) == 1]
        for modulator in above:
            place(modulator, row + 1)
        if above:
            column = sum(places[a][0] for a in above) / len(above)
        else:
            column, free = float(free), free + 1
        places[op] = column, row

    for carrier in sorted(algorithm.carriers):
        place(carrier, 0)
    for op, below in targets.items():
        if len(below) > 1:
            column = sum(places[b][0] for b in below) / len(below)
            places[op] = column, 1 + max(places[b][1] for b in below)
    return places


def algorithm_svg(number: int, heard: Sequence[bool] = (True,) * OPERATORS) -> Markup:
    """Draw algorithm 1 to 32: modulators above what they modulate, carriers on the output line.

    Operators that are not ``heard`` are grey. Each part says what it is in ``data-op``,
    ``data-edge`` (``2>1``), ``data-feedback`` or ``data-carrier``, operators counted from 1.
    """
    algorithm = ALGORITHMS[number - 1]
    places = layout(algorithm)
    rows = 1 + max(row for _, row in places.values())
    columns = 1 + max(column for column, _ in places.values())
    width = 2 * _MARGIN + _BOX + (columns - 1) * _COLUMN
    bottom = 16 + rows * _ROW

    def x(op: int) -> float:
        return _MARGIN + _BOX / 2 + places[op][0] * _COLUMN

    def top(op: int) -> float:
        return 16.0 + (rows - 1 - places[op][1]) * _ROW

    def dim(*ops: int) -> str:
        return "" if all(heard[op] for op in ops) else " silent"

    parts = []
    for a, b in sorted(algorithm.edges):
        bend = top(b) - 10
        parts.append(
            f'<path class="wire{dim(a, b)}" data-edge="{a + 1}&gt;{b + 1}" '
            f'd="M{x(a):g} {top(a) + _BOX:g}V{bend:g}H{x(b):g}V{top(b):g}"/>'
        )
    source, target = algorithm.feedback
    side = x(source) + _COLUMN / 2 - 3
    parts.append(
        f'<path class="wire loop{dim(source, target)}" '
        f'data-feedback="{source + 1}&gt;{target + 1}" '
        f'd="M{x(source):g} {top(source) + _BOX + 6:g}H{side:g}V{top(target) - 8:g}'
        f'H{x(target):g}V{top(target):g}"/>'
    )
    for op in sorted(algorithm.carriers):
        parts.append(
            f'<path class="wire{dim(op)}" data-carrier="{op + 1}" '
            f'd="M{x(op):g} {top(op) + _BOX:g}V{bottom:g}"/>'
        )
    ends = [x(op) for op in algorithm.carriers]
    parts.append(f'<path class="output" d="M{min(ends) - 14:g} {bottom:g}H{max(ends) + 14:g}"/>')
    for op in range(OPERATORS):
        kind = "carrier" if op in algorithm.carriers else "modulator"
        parts.append(
            f'<g class="op {kind}{dim(op)}" data-op="{op + 1}">'
            f'<rect x="{x(op) - _BOX / 2:g}" y="{top(op):g}" width="{_BOX}" height="{_BOX}" '
            f'rx="5"/>'
            f'<text x="{x(op):g}" y="{top(op) + _BOX / 2 + 5:g}">{op + 1}</text></g>'
        )
    label = f"Algorithm {number}: " + "; ".join(
        f"operator {op + 1} {_role(algorithm, op)}{'' if heard[op] else ' (silent)'}"
        for op in range(OPERATORS)
    )
    return Markup(
        f'<svg class="algorithm" viewBox="0 0 {width:g} {bottom + 4}" width="{1.25 * width:g}" '
        f'height="{1.25 * (bottom + 4):g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


# -- the envelopes --------------------------------------------------------------------------

Points = list[tuple[float, float]]

#: The engine moves an envelope once in 64 samples; its levels count octaves of amplitude (6 dB).
_STEPS_PER_SECOND = 44_100 / 64
_FULL, _JUMP, _CEILING = 15.0, 1716 / 256, 16.5
_DB = 20 * math.log10(2)
FLOOR_DB = -80.0


def eg_curve(
    rates: Sequence[int], levels: Sequence[int], output_level: int, held: float, seconds: float
) -> Points:
    """Follow an operator's EG: (seconds after note-on, dB below the loudest possible) at corners.

    ``held`` is when the key is let go. Attacks start at about -50 dB and bend; decays are
    straight in dB.
    """
    targets = [_octaves(level, output_level) for level in levels]
    points: Points = [(0.0, 0.0)]
    for stage, end in _stages(held, seconds):
        time, level = _hold(points, stage, held)
        duration, course = _stage(level, targets[stage], rates[stage], stage)
        for t in np.linspace(0.0, min(duration, end - time), 9).tolist() if time < end else ():
            points.append((time + t, course(t)))
    points.append((seconds, points[-1][1]))
    return [(t, max(FLOOR_DB, (octaves - _FULL) * _DB)) for t, octaves in points]


def _stages(held: float, seconds: float) -> list[tuple[int, float]]:
    """List each stage and when it has to end; the last comes only with a note-off."""
    released = [(3, seconds)] if held < seconds else []
    return [*((stage, min(held, seconds)) for stage in range(3)), *released]


def _hold(points: Points, stage: int, held: float) -> tuple[float, float]:
    """Stay where the curve is until the stage starts."""
    time, level = points[-1]
    if stage == 3 and time < held:
        points.append((held, level))
    return points[-1]


def _stage(
    level: float, target: float, rate: int, stage: int
) -> tuple[float, Callable[[float], float]]:
    """Say how long a stage lasts, and its level at a time within it, in octaves."""
    step = rate * 41 >> 6
    speed = (4 + (step & 3)) * 2.0 ** (8 + (step >> 2) - 24) * _STEPS_PER_SECOND
    if target == level or (stage == 0 and target <= 1 / 16):
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
    """Give an EG level its height, with the output level, in octaves of amplitude."""
    steps = LEVEL_STEPS[[level, output_level]].tolist()
    return max(1 / 16, (steps[0] // 2 * 64 + steps[1] * 32 - 4256) / 256)


def pitch_curve(rates: Sequence[int], levels: Sequence[int], held: float, seconds: float) -> Points:
    """Follow the pitch EG: (seconds after note-on, semitones) at corners. It starts at level 4."""
    table = ([0, 5, 9, 17, 50, 85, 91, 95, 99], [-128, -76, -52, -33, 0, 35, 53, 82, 127])
    heights = (np.interp(levels, *table) * 12 / 32).tolist()
    speeds = np.interp(rates, [0, 25, 37, 54, 70, 86, 99], [1, 14, 24, 47, 79, 147, 255])
    points: Points = [(0.0, heights[3])]
    for stage, end in _stages(held, seconds):
        time, height = _hold(points, stage, held)
        away = heights[stage] - height
        duration = abs(away) / (float(speeds[stage]) / 21.3 * 12)
        if time < end and duration > 0:
            part = min(1.0, (end - time) / duration)
            points.append((time + part * duration, height + part * away))
    points.append((seconds, points[-1][1]))
    return points


_WIDTH, _HEIGHT, _LEFT, _TOP, _BASE = 300, 104, 30, 8, 86


def eg_svg(rates: Sequence[int], levels: Sequence[int], output_level: int, note: Note) -> Markup:
    """Draw an operator's EG over the 4 s of the sound, in dB."""
    curve = eg_curve(rates, levels, output_level, note.duration, SECONDS - note.onset)
    peak = max(db for _, db in curve)
    label = f"Envelope, peak {peak:.0f} dB of full output, note-off at {_note_off(note)}"
    return _curve_svg(curve, note, FLOOR_DB, 0.0, (0, -20, -40, -60), label)


def _pitch_eg(named: Mapping[str, int | float | str], note: Note) -> Markup:
    rates = [int(named[f"pitch_eg.rate{k}"]) for k in range(1, 5)]
    levels = [int(named[f"pitch_eg.level{k}"]) for k in range(1, 5)]
    curve = pitch_curve(rates, levels, note.duration, SECONDS - note.onset)
    reach = max(1, *(math.ceil(abs(semitones)) for _, semitones in curve))
    label = f"Pitch envelope, up to {reach} semitones, note-off at {_note_off(note)}"
    return _curve_svg(curve, note, -reach * 1.1, reach * 1.1, (reach, 0, -reach), label)


def _note_off(note: Note) -> str:
    end = note.onset + note.duration
    return f"{end:.2f} s" if end < SECONDS else "no time within the sound"


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
            f"{_signed(v)}</text>"
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


def _signed(value: int, plus: bool = False) -> str:
    return f"−{-value}" if value < 0 else f"{'+' * (plus and value > 0)}{value}"
