"""A patch of any task as a musician reads it: sections with knobs, switches and envelopes.

The names of the parameters say which section they belong to (:mod:`unsynth.report.names`), their
ranges where a knob points. Parameters that ``task.active`` calls inactive are shown as
undetermined, and sections that are off take one line.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from unsynth.report.envelopes import EXTRAS, STAGES, TIMES, schematic_svg, seconds_svg
from unsynth.report.names import Place, label, places, words
from unsynth.report.units import PLAIN, Scale, quantity, scales
from unsynth.report.values import UNDETERMINED, Value
from unsynth.synths.base import Note, note_name
from unsynth.tasks.note import NOTE
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter
from unsynth.tasks.task import Task

#: Degrees from the top of a knob to either end.
SWEEP = 135.0
#: Size of a knob's picture and radius of its arc, in SVG units.
_SIZE, _RADIUS = 40.0, 16.0
#: Most controls of a small section.
_SMALL = 8
#: What a category's values mean if they switch something on or off.
_SWITCH = {"off": False, "false": False, "no": False, "on": True, "true": True, "yes": True}
#: Values of a category with which it does nothing.
_NOTHING = ("off", "none")
#: Last words of numbers that switch something off at 0.
_AMOUNTS = ("amount", "amplitude", "depth", "level", "mix", "volume", "wet")
#: Seconds per unit of time.
_SECONDS = {"s": 1.0, "ms": 0.001}


@dataclass(frozen=True)
class Control:
    """A parameter of the patch: what the page shows of it.

    ``name`` is the parameter's name in the task, ``knob`` the picture of a number, ``switch``
    whether a category that can be on or off is on, and ``off`` says why this value may silence
    others, such as ``muted``.
    """

    name: str
    value: Value
    knob: Markup
    switch: bool | None = None
    off: str = ""


@dataclass(frozen=True)
class Group:
    """Controls that belong together.

    Those in ``stages`` make the ``envelope``; without one, both are empty. ``state`` is empty too,
    or says why nothing of the group can be heard.
    """

    title: str
    state: str
    chips: tuple[Control, ...]
    knobs: tuple[Control, ...]
    envelope: Markup
    stages: tuple[Control, ...]


@dataclass(frozen=True)
class Section:
    """A part of the synthesizer, such as an oscillator with its LFO and its envelope.

    ``state`` is as that of a group.
    """

    title: str
    state: str
    groups: tuple[Group, ...]

    @property
    def small(self) -> bool:
        """Whether the section takes so little room that others fit below it."""
        heard = [group for group in self.groups if not group.state]
        count = sum(len(group.chips) + len(group.knobs) for group in heard)
        return count <= _SMALL and not any(group.envelope for group in heard)


@dataclass(frozen=True)
class PanelView:
    """A whole patch, ready for the page: sections that can be heard, and those that cannot."""

    large: tuple[Section, ...]
    small: tuple[Section, ...]
    silent: tuple[Section, ...]
    #: Whether an envelope is drawn.
    envelopes: bool


@dataclass(frozen=True)
class _Entry:
    """A parameter of a patch with all that the panel needs to know of it."""

    place: Place
    parameter: Parameter
    value: float
    scale: Scale
    control: Control


def panel_view(task: Task, patch: Float[np.ndarray, " parameters"]) -> PanelView:
    """Prepare a patch of any task for the page."""
    readings, note = scales(task), task.note(patch)
    columns = zip(
        task.spec.parameters,
        places(task.spec.names),
        patch.tolist(),
        task.active(patch).tolist(),
        strict=True,
    )
    entries = [
        _entry(parameter, place, value, readings.get(parameter.name, PLAIN), audible)
        for parameter, place, value, audible in columns
    ]
    sections = [
        Section(
            label(name),
            _state(members),
            tuple(
                _group(group, part, note)
                for group, part in _in_order(members, lambda entry: entry.place.group)
            ),
        )
        for name, members in _in_order(entries, lambda entry: entry.place.section)
    ]
    heard = tuple(section for section in sections if not section.state)
    return PanelView(
        large=tuple(section for section in heard if not section.small),
        small=tuple(section for section in heard if section.small),
        silent=tuple(section for section in sections if section.state),
        envelopes=any(g.envelope and not g.state for section in heard for g in section.groups),
    )


def _in_order(
    entries: Iterable[_Entry], key: Callable[[_Entry], str]
) -> Iterable[tuple[str, list[_Entry]]]:
    """Group entries by a key, in the order in which the keys first appear."""
    groups: dict[str, list[_Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups.items()


def _entry(parameter: Parameter, place: Place, value: float, scale: Scale, audible: bool) -> _Entry:
    if isinstance(parameter, Categorical):
        text, switch, off = _choice(parameter, place, value)
        knob = Markup("")
    else:
        text, off = _number(parameter, place, scale.number(value), scale)
        switch = None
        ends = scale.number(float(parameter.low)), scale.number(float(parameter.high))
        from_middle = math.isclose(ends[0], -ends[1], rel_tol=1e-6)
        knob = knob_svg(knob_angle(parameter, value), from_middle, audible)
    shown = Value(label(place.leaf), text if audible else UNDETERMINED, audible)
    control = Control(parameter.name, shown, knob, switch, off)
    return _Entry(place, parameter, value, scale, control)


def _choice(parameter: Categorical, place: Place, value: float) -> tuple[str, bool | None, str]:
    """Write a choice; say whether it switches something on, and how it may silence others."""
    text = parameter.choices[int(value)]
    if not {choice.lower() for choice in parameter.choices} <= set(_SWITCH):
        return text, None, "off" if text.lower() in _NOTHING else ""
    switch = _SWITCH[text.lower()]
    mutes = words(place.leaf)[-1:] == ["mute"]
    off = ("muted" if mutes else "off") if switch == mutes else ""
    return "on" if switch else "off", switch, off


def _number(
    parameter: Integer | Continuous, place: Place, number: float, scale: Scale
) -> tuple[str, str]:
    """Write a number; say how it may silence others."""
    if parameter.name == NOTE[0]:
        return f"{note_name(int(number))} ({int(number)})", ""
    text, leaf = quantity(number, scale.unit), words(place.leaf)
    is_amount = bool(leaf) and (leaf[-1].lower() in _AMOUNTS or leaf[0] == "→")
    return text, f"{label(place.leaf)} {text}" if is_amount and number in (0, -math.inf) else ""


def _state(entries: Sequence[_Entry]) -> str:
    """Say why nothing here can be heard; empty if something can."""
    audible = [entry for entry in entries if entry.control.value.audible]
    if not audible:
        return "no audible effect"
    if not all(entry.control.off for entry in audible):
        return ""
    switches = [e.control.off for e in audible if isinstance(e.parameter, Categorical)]
    if switches:
        return switches[0]
    amounts = ", ".join(entry.control.off for entry in audible)
    return f"off ({amounts[:1].lower()}{amounts[1:]})"


def _group(name: str, entries: Sequence[_Entry], note: Note) -> Group:
    stages = _stages(entries)
    rest = [entry.control for entry in entries if entry not in stages.values()]
    return Group(
        title=label(name) if name else "",
        state=_state(entries) if name else "",
        chips=tuple(control for control in rest if not control.knob),
        knobs=tuple(control for control in rest if control.knob),
        envelope=_envelope(stages, note) if stages else Markup(""),
        stages=tuple(entry.control for entry in stages.values()),
    )


def _stages(entries: Sequence[_Entry]) -> dict[str, _Entry]:
    """Find the parameters of an audible envelope by the names of its stages, or nothing."""
    found = {
        name: entry
        for entry in entries
        if (name := "_".join(words(entry.place.leaf))) in (*STAGES, *EXTRAS)
        and not isinstance(entry.parameter, Categorical)
    }
    complete = set(STAGES) <= set(found)
    return found if complete and found["attack"].control.value.audible else {}


def _envelope(stages: Mapping[str, _Entry], note: Note) -> Markup:
    """Draw an envelope, in seconds if all its times are known in seconds."""
    times = [entry for name, entry in stages.items() if name in TIMES]
    in_seconds = all(entry.scale.unit in _SECONDS for entry in times)
    numbers = {}
    for name, entry in stages.items():
        if name == "sustain" or (name in TIMES and not in_seconds):
            numbers[name] = _fraction(entry)
        else:
            number = entry.scale.number(entry.value)
            numbers[name] = number * _SECONDS[entry.scale.unit] if name in TIMES else number
    values = ((name, entry.control.value) for name, entry in stages.items())
    description = ", ".join(f"{name} {value.text}" for name, value in values if value.audible)
    if in_seconds:
        return seconds_svg(numbers, note, description)
    return schematic_svg(numbers, stages["release"].control.value.audible, description)


def _fraction(entry: _Entry) -> float:
    """Read a number from 0 to 1 as it is, and others by the place of the knob."""
    parameter = entry.parameter
    assert not isinstance(parameter, Categorical)
    if parameter.low >= 0.0 and parameter.high <= 1.0:
        return entry.value
    return (knob_angle(parameter, entry.value) / SWEEP + 1.0) / 2.0


def knob_angle(parameter: Integer | Continuous, value: float) -> float:
    """Say where a knob points, in degrees clockwise from straight up; the ends are ±135.

    >>> knob_angle(Integer("level", 0, 100), 75.0)
    67.5
    """
    value = min(max(value, parameter.low), parameter.high)
    if isinstance(parameter, Continuous) and parameter.log:
        share = math.log(value / parameter.low) / math.log(parameter.high / parameter.low)
    else:
        share = (value - parameter.low) / (parameter.high - parameter.low)
    return SWEEP * (2 * share - 1)


def knob_svg(angle: float, from_middle: bool, audible: bool) -> Markup:
    """Draw a knob that points to ``angle``; its arc starts at the low end, or in the middle.

    An inaudible knob points nowhere.
    """
    parts = [_arc("track", -SWEEP, SWEEP)]
    if audible:
        start = 0.0 if from_middle else -SWEEP
        parts.append(_arc("turned", *sorted((start, angle))))
        inner, outer = _on_circle(angle, 4.0), _on_circle(angle, _RADIUS - 4.0)
        parts.append(Markup('<path class="hand" d="M{}L{}"/>').format(inner, outer))
    return Markup(
        '<svg viewBox="0 0 {0:g} {0:g}" aria-hidden="true" data-angle="{1:.1f}">{2}</svg>'
    ).format(_SIZE, angle, Markup("").join(parts))


def _arc(name: str, start: float, end: float) -> Markup:
    large = int(end - start > 180.0)
    return Markup('<path class="{}" d="M{}A{r:g} {r:g} 0 {} 1 {}"/>').format(
        name, _on_circle(start, _RADIUS), large, _on_circle(end, _RADIUS), r=_RADIUS
    )


def _on_circle(angle: float, radius: float) -> str:
    """Write a point of a circle around the middle, by its angle from straight up."""
    x = _SIZE / 2 + radius * math.sin(math.radians(angle))
    y = _SIZE / 2 - radius * math.cos(math.radians(angle))
    return f"{x:.1f} {y:.1f}"
