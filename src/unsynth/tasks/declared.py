"""A task that a YAML file declares: a synthesizer's controls, their priors and what they switch.

The file has these parts; ``docs/tasks.md`` describes each with examples:

``task``, ``synth``, ``engine``
    the task's name (its seeds depend on it), which engine, and what that engine is told
``units``, ``parameters``, ``note``
    the parameters in order; a unit is a block that comes ``count`` times, such as an oscillator
    with its own LFO and envelope
``fixed``
    raw values of controls that are the same in every patch

All parameters are drawn independently, and a unit's copies from one declaration, so the prior is
the same, to the last bit, for patches whose copies are exchanged (the paper, section 3: p(x) must
be invariant for p(x | y) to be so). Whether the sound is the same too may depend on the patch (its
"conditional symmetries", section 3.2): a unit's ``exchange`` says when.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import permutations, product
from math import factorial, isfinite, prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import yaml
from jaxtyping import Bool, Float, Int

from unsynth.conventions import SECONDS
from unsynth.errors import OutputError, PatchError, TaskError
from unsynth.synths.base import Engine, Note, ReadingEngine, Synth, note_name
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter
from unsynth.tasks.spec import Spec

#: Makes an engine from the file's ``engine`` section and the folder that it lies in.
Maker = Callable[[Mapping[str, Any], Path], Engine]


def _dx7(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.dx7 import DX7Engine

    return DX7Engine(settings)


def _vital(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.vital import VitalEngine

    return VitalEngine(settings)


def _vst3(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.vst3 import VST3Engine

    return VST3Engine(settings, folder)


def _surge_xt(settings: Mapping[str, Any], folder: Path) -> Engine:
    from unsynth.synths.surge_xt import SurgeXTEngine

    return SurgeXTEngine(settings)


#: The engines that a file may name as its ``synth``.
ENGINES: dict[str, Maker] = {
    "dx7": _dx7,
    "vital": _vital,
    "vst3": _vst3,
    "surge-xt": _surge_xt,
}

_NOTE = ("note.pitch", "note.onset", "note.duration")
#: Keys of a parameter that its spec takes, and those that are read here.
_SPEC_KEYS = ("name", "kind", "low", "high", "step", "log", "unit", "choices")
_OWN_KEYS = ("control", "raw", "weights", "points", "heard", "inert", "neutral", "copies")
_TASK_KEYS = (
    *("task", "synth", "engine", "units", "parameters", "note", "note_within", "fixed", "about"),
)
_UNIT_KEYS = ("name", "count", "parameters", "fixed", "exchange")
#: More images than this are not listed: a unit with so many copies is better left a plain list.
MOST_IMAGES = 10_000
_TEMPLATE = re.compile(r"\{(\d*)n([+-]\d+)?\}")
_COMPARISON = re.compile(r"(!=|>=|<=|>|<)\s*(\S+)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "!=": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True)
class Condition:
    """One parameter's value (or that of any of several) among these; no position: released."""

    positions: tuple[int, ...]
    values: tuple[float, ...] = ()
    #: Instead of values: a comparison with a number.
    comparison: str = ""
    number: float = 0.0

    def holds(self, value: float) -> bool:
        """Say whether a value is one of those meant."""
        if self.comparison:
            return _COMPARE[self.comparison](value, self.number)
        return value in self.values


@dataclass(frozen=True)
class Declared:
    """What a file says of one parameter beyond its place in the vector."""

    #: The engine's name; ``None`` for the note.
    control: str | None
    #: Raw values of a category's choices, or those at a number's low and high end.
    raw: tuple[float, ...] | None
    #: Relative frequencies of the choices or whole numbers; equal where empty.
    weights: tuple[float, ...]
    #: Probabilities of single values.
    points: tuple[tuple[float, float], ...]
    #: Heard if, of one of these, all conditions hold; always where empty.
    heard: tuple[tuple[Condition, ...], ...]
    inert: bool
    neutral: float
    #: The unit whose copies the choices name, and the copy (from 0) of each choice or -1.
    refers: tuple[str, tuple[int, ...]] | None


class DeclaredTask:
    """See :class:`unsynth.tasks.task.Task`; an engine patch is a raw value by control.

    ``declaration`` is a file's content, ``folder`` where its own files are looked for, ``source``
    what :func:`~unsynth.tasks.task.load_task` finds it by. Raises :class:`TaskError`, one line
    with the nearest valid key, for whatever it does not understand.
    """

    def __init__(self, declaration: Any, folder: Path, source: str) -> None:
        reader = _Reader(declaration, source)
        self.name: str = reader.name
        self.source = source
        self.spec: Spec = reader.spec
        self.declared: tuple[Declared, ...] = reader.declared
        self.fixed: dict[str, float] = reader.fixed
        self.exchange: dict[str, tuple[Condition, ...] | None] = reader.exchange
        maker = ENGINES.get(reader.synth)
        if maker is None:
            raise TaskError(f"{source}: synth: {_unknown(reader.synth, ENGINES)}")
        try:
            self.engine: Engine = maker(reader.engine, folder)
        except TaskError as error:
            raise TaskError(f"{source}: {error}") from None
        reader.check_controls(self.engine.controls)
        self._note = self.spec.position["note.pitch"]
        self._note_within: float | None = reader.note_within
        self._found: dict[tuple[str, ...], Int[np.ndarray, "images d"]] = {}
        self._drawn = _Continuous(self.spec, self.declared)
        self._tables = [
            _probabilities(p, d) for p, d in zip(self.spec.parameters, self.declared, strict=True)
        ]

    @property
    def package(self) -> str:
        """The distribution that the engine comes in."""
        return self.engine.package

    @property
    def sample_rate(self) -> int:
        """Of the sounds, in Hz."""
        return self.engine.sample_rate

    @property
    def channels(self) -> int:
        """Of the sounds."""
        return self.engine.channels

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the spec, the priors, the controls and the engine's base patch."""
        told = [[d.control, d.raw, d.weights, d.points, d.refers] for d in self.declared]
        text = json.dumps(
            [self.spec.hash, told, self.fixed, self._note_within, self.engine.identity],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def synth(self) -> Synth[Any]:
        """Make an engine."""
        return self.engine.synth()

    # -- the prior --------------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch from the prior."""
        uniform = rng.random(len(self.declared))
        patch = np.empty(len(self.declared))
        patch[self._drawn.at] = self._drawn.values(uniform[self._drawn.at])
        for i, table in enumerate(self._tables):
            if table is not None:
                values, _, cumulative = table
                last = len(values) - 1
                patch[i] = values[min(last, int(np.searchsorted(cumulative, uniform[i], "right")))]
        if self._note_within is not None:
            patch[self._note + 1 :] = self._start_and_length(rng)
        return patch

    def _start_and_length(self, rng: np.random.Generator) -> tuple[float, float]:
        """Draw two moments, evenly, until they make a note that the spec has."""
        assert self._note_within is not None
        onset, duration = self.spec.parameters[self._note + 1 :]
        assert isinstance(onset, Continuous) and isinstance(duration, Continuous)
        while True:
            start, end = np.sort(self._note_within * rng.random(2))
            start = _quantised(onset, start)
            length = _quantised(duration, end - start)
            if start <= end and duration.low <= end - start and onset.low <= start < onset.high:
                return start, length

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant; -inf where it never draws."""
        logs = np.empty(patches.shape)
        with np.errstate(divide="ignore"):
            logs[:, self._drawn.at] = np.log(self._drawn.probabilities(patches[:, self._drawn.at]))
            for i, table in enumerate(self._tables):
                if table is not None:
                    values, chances, _ = table
                    found = np.searchsorted(values, patches[:, i]).clip(0, len(values) - 1)
                    chance = np.where(values[found] == patches[:, i], chances[found], 0.0)
                    logs[:, i] = np.log(chance)
        if self._note_within is not None:
            ends = patches[:, self._note + 1] + patches[:, self._note + 2]
            logs[:, self._note + 1] = np.where(ends <= self._note_within + 1e-6, 0.0, -np.inf)
            logs[:, self._note + 2] = 0.0
        total = np.zeros(len(patches))
        rest = np.ones(len(self.declared), dtype=bool)
        for unit in self.spec.units:
            # In one order whichever copy comes first: sums of floats depend on it.
            copies = np.stack([logs[:, list(copy)].sum(axis=1) for copy in unit.members])
            total += np.sort(copies, axis=0).sum(axis=0)
            rest[[position for copy in unit.members for position in copy]] = False
        return total + logs[:, rest].sum(axis=1)

    # -- notes and controls -----------------------------------------------------------------

    def note(self, patch: Float[np.ndarray, " parameters"]) -> Note:
        """Read the note out of a patch; the velocity is always 100."""
        pitch, onset, duration = patch[self._note :]
        return Note(int(pitch), float(onset), float(duration))

    def with_note(
        self, patch: Float[np.ndarray, " parameters"], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with another note, which may lie outside the prior's range.

        But its duration is cut to the task's: a note may be held longer than any draw.
        """
        lasting = self.spec.parameters[self._note + 2]
        assert isinstance(lasting, Continuous)
        moved = patch.copy()
        duration = min(max(note.duration, lasting.low), lasting.high)
        moved[self._note :] = note.pitch, note.onset, duration
        return moved

    def engine_patch(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, float]:
        """Find the raw value of every control that this task sets."""
        controls = dict(self.fixed)
        columns = zip(self.spec.parameters, self.declared, patch.tolist(), strict=True)
        for parameter, declared, value in columns:
            if declared.control is not None:
                controls[declared.control] = _to_raw(parameter, declared, value)
        return controls

    def from_engine_patch(
        self, controls: Mapping[str, float], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Undo :meth:`engine_patch`, to the nearest patch of the task, and add a note.

        Raises :class:`PatchError` naming a control that is missing, or has a value that this task
        never sets.
        """
        wanted = [d.control for d in self.declared if d.control is not None]
        missing = [name for name in [*wanted, *self.fixed] if name not in controls]
        if missing:
            raise PatchError(
                f"this patch has no {missing[0]} ({len(missing)} controls are missing)"
            )
        for name, value in self.fixed.items():
            if abs(controls[name] - value) > 1e-5 * max(1.0, abs(value)):
                raise PatchError(
                    f"{name} is {controls[name]:g} in this patch, and always {value:g} in the "
                    f"task {self.name}"
                )
        patch = np.zeros(len(self.declared))
        for i, (parameter, declared) in enumerate(
            zip(self.spec.parameters, self.declared, strict=True)
        ):
            if declared.control is not None:
                patch[i] = _from_raw(parameter, declared, controls[declared.control], self.name)
        return self.with_note(patch, note)

    def from_file(self, data: bytes, note: Note) -> Float[np.ndarray, " parameters"]:
        """Read a file that :meth:`export` or the synthesizer wrote, and add a note.

        Raises :class:`PatchError` naming what in it this task never has.
        """
        if not isinstance(self.engine, ReadingEngine):
            raise PatchError(f"files of task {self.name} can be written, but not read")
        names = [d.control for d in self.declared if d.control is not None]
        return self.from_engine_patch(self.engine.read(data, [*names, *self.fixed]), note)

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write each patch as the files that its synthesizer opens, best first."""
        paths = []
        for rank, patch in enumerate(patches, start=1):
            made = self.engine.files(self.engine_patch(patch), f"unsynth {rank:02d}")
            for suffix, data in made.items():
                path = folder / f"patch-{rank:02d}{suffix}"
                try:
                    path.write_bytes(data)
                except OSError as error:
                    raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
                paths.append(path)
        return paths

    # -- what can be heard ------------------------------------------------------------------

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard, by the file's switches.

        One whose switch cannot be heard itself cannot be heard either. The duration is heard
        where the note ends within the sound.
        """
        note = self.note(patch)
        released = note.onset + note.duration < SECONDS
        values = patch.tolist()
        known: dict[int, bool] = {}

        def heard(position: int) -> bool:
            if position not in known:
                declared = self.declared[position]
                known[position] = not declared.inert and (
                    not declared.heard or any(all(map(met, every)) for every in declared.heard)
                )
            return known[position]

        def met(condition: Condition) -> bool:
            if not condition.positions:
                return released
            return any(condition.holds(values[at]) and heard(at) for at in condition.positions)

        active = np.array([heard(i) for i in range(len(self.declared))])
        active[self._note + 2] = released
        return active

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with every inactive parameter, but the note, at its neutral value."""
        active = self.active(patch)
        active[self._note :] = True
        return np.where(active, patch, [d.neutral for d in self.declared])

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """List what can be heard: the note, then values by name, a category's by its choice."""
        note = self.note(patch)
        active = self.active(patch)[: self._note].tolist()
        named = list(self.spec.named(patch).items())[: self._note]
        return {
            "note": {
                "pitch": note.pitch,
                "name": note_name(note.pitch),
                "onset_s": note.onset,
                "duration_s": note.duration,
                "velocity": note.velocity,
            },
            **{name: value for (name, value), heard in zip(named, active, strict=True) if heard},
        }

    # -- symmetries -------------------------------------------------------------------------

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges of each unit's copies that the file allows in this patch.

        Choices that name copies change with them.
        """
        values = patch.tolist()
        free = []
        for unit in self.spec.units:
            conditions = self.exchange[unit.name]
            if conditions is not None and all(
                any(condition.holds(values[at]) for at in condition.positions)
                for condition in conditions
            ):
                free.append(unit.name)
        return self._images(tuple(free))

    def _images(self, free: tuple[str, ...]) -> Int[np.ndarray, "images d"]:
        if free not in self._found:
            self._found[free] = self._exchanges(free)
        return self._found[free]

    def _exchanges(self, free: tuple[str, ...]) -> Int[np.ndarray, "images d"]:
        units = self.spec.units
        orders = (range(len(unit.members)) for unit in units)
        choices = [
            list(permutations(order)) if unit.name in free else [tuple(order)]
            for unit, order in zip(units, orders, strict=True)
        ]
        rows = []
        for places in product(*choices):
            # Copy i of a unit moves to places[i].
            source = np.arange(len(self.declared))
            moves = {}
            for unit, places_of in zip(units, places, strict=True):
                moves[unit.name] = places_of
                for i, place in enumerate(places_of):
                    source[list(unit.members[place])] = unit.members[i]
            row = np.empty(self.spec.width, dtype=np.int64)
            for position, old in enumerate(source.tolist()):
                here, there = self.spec.slices[position], self.spec.slices[old]
                offsets = np.arange(here.stop - here.start)
                refers = self.declared[position].refers
                if refers is not None:
                    unit_name, copies = refers
                    moved = [moves[unit_name][c] if c >= 0 else -1 for c in copies]
                    for choice, copy in enumerate(copies):
                        if copy >= 0:
                            offsets[copies.index(moved[choice])] = choice
                row[here] = there.start + offsets
            rows.append(row)
        images = np.stack(rows)
        images.setflags(write=False)
        return images


def load_declared(path: Path) -> DeclaredTask:
    """Read a user's task file. Raises :class:`TaskError` for one that describes no task."""
    source = str(path.expanduser().absolute())
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise TaskError(f"{path}: this task file cannot be read ({reason})") from None
    return DeclaredTask(parse(text, str(path)), path.expanduser().absolute().parent, source)


def parse(text: str, source: str) -> Any:
    """Read YAML. Raises :class:`TaskError` naming the line that is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TaskError(f"{source}: this is not YAML: {' '.join(str(error).split())}") from None


# -- values and their probabilities -----------------------------------------------------------


class _Continuous:
    """The continuous parameters of a task, drawn and weighed together."""

    def __init__(self, spec: Spec, declared: tuple[Declared, ...]) -> None:
        numbers = [(i, p) for i, p in enumerate(spec.parameters) if isinstance(p, Continuous)]
        self.at = np.array([i for i, _ in numbers], dtype=int)
        self._low = np.array([p.low for _, p in numbers])
        self._high = np.array([p.high for _, p in numbers])
        self._step = np.array([p.step for _, p in numbers])
        self._log = np.array([p.log for _, p in numbers])
        self._points = [declared[i].points for i, _ in numbers]
        self._spread = np.array([1.0 - sum(q for _, q in points) for points in self._points])
        self._size = np.log(np.where(self._log, self._high / np.where(self._log, self._low, 1), 2))

    def values(self, uniform: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """Map uniform numbers in [0, 1) to draws: first the points, then the even rest."""
        even = (uniform - (1.0 - self._spread)) / np.where(self._spread > 0, self._spread, 1.0)
        even = np.clip(even, 0.0, 1.0)
        linear = self._low + even * (self._high - self._low)
        values = np.where(self._log, self._low * np.exp(even * self._size), linear)
        per_unit = np.round(1.0 / self._step)
        values = np.clip(np.round(values * per_unit) / per_unit, self._low, self._high)
        for k, points in enumerate(self._points):
            left = float(uniform[k])
            for value, chance in points:
                if left < chance:
                    values[k] = value
                    break
                left -= chance
        return values

    def probabilities(
        self, values: Float[np.ndarray, "items numbers"]
    ) -> Float[np.ndarray, "items numbers"]:
        """Find the probability of each value: of its step, and of a point where it is one."""
        half = self._step / 2.0
        above = self._unit(np.clip(values + half, self._low, self._high))
        below = self._unit(np.clip(values - half, self._low, self._high))
        chances = (above - below) * self._spread
        for k, points in enumerate(self._points):
            for value, chance in points:
                chances[:, k] += np.where(np.abs(values[:, k] - value) < half[k], chance, 0.0)
        return chances

    def _unit(self, values: Float[np.ndarray, "items numbers"]) -> np.ndarray:
        logarithm = np.log(np.where(self._log, values / np.where(self._log, self._low, 1.0), 1.0))
        return np.where(
            self._log, logarithm / self._size, (values - self._low) / (self._high - self._low)
        )


def _probabilities(
    parameter: Parameter, declared: Declared
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Values of a category or whole number, their probabilities, and the sums of these."""
    if isinstance(parameter, Continuous):
        return None
    first = parameter.low if isinstance(parameter, Integer) else 0
    count = parameter.count if isinstance(parameter, Integer) else parameter.width
    values = np.arange(first, first + count, dtype=float)
    even = np.array(declared.weights or (1.0,) * count)
    chances = even / even.sum() * (1.0 - sum(q for _, q in declared.points))
    for value, chance in declared.points:
        chances[int(value) - first] += chance
    return values, chances, np.cumsum(chances)


def _quantised(parameter: Continuous, value: float) -> float:
    return float(parameter.quantise(np.array([value]))[0])


def _to_raw(parameter: Parameter, declared: Declared, value: float) -> float:
    raw = declared.raw
    if raw is None:
        return value
    if isinstance(parameter, Categorical):
        return raw[int(value)]
    share = (value - parameter.low) / (parameter.high - parameter.low)
    return round(raw[0] + share * (raw[1] - raw[0]), 9)


def _from_raw(parameter: Parameter, declared: Declared, raw: float, task: str) -> float:
    name, ends = declared.control, declared.raw
    if isinstance(parameter, Categorical):
        known = np.array(ends if ends is not None else np.arange(parameter.width))
        nearest = int(np.abs(known - raw).argmin())
        if not abs(known[nearest] - raw) <= 1e-4:
            raise PatchError(
                f"{name} is {raw:g} in this patch; the task {task} has "
                f"{', '.join(f'{k:g}' for k in known)}"
            )
        return float(nearest)
    low, high = ends if ends is not None else (parameter.low, parameter.high)
    value = parameter.low + (raw - low) / (high - low) * (parameter.high - parameter.low)
    step = parameter.step if isinstance(parameter, Continuous) else 1.0
    if not parameter.low - step <= value <= parameter.high + step:
        raise PatchError(
            f"{name} is {raw:g} in this patch; the task {task} has {min(low, high):g} to "
            f"{max(low, high):g}"
        )
    if isinstance(parameter, Continuous):
        return _quantised(parameter, value)
    if abs(value - round(value)) > 1e-3:
        raise PatchError(f"{name} is {raw:g} in this patch; the task {task} has whole steps only")
    return float(min(max(round(value), parameter.low), parameter.high))


# -- reading a file ---------------------------------------------------------------------------


class _Reader:
    """Reads a declaration, and knows where in it something is wrong."""

    def __init__(self, data: Any, source: str) -> None:
        self._source = source
        data = self._mapping(data, "the file")
        self._known(data, _TASK_KEYS, "the file")
        self.name = self._text(data, "task", "the file")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            self._fail(f"task: {self.name!r} is not a name of small letters, digits and hyphens")
        self.synth = self._text(data, "synth", "the file")
        self.engine = self._mapping(data.get("engine") or {}, "engine")
        within = data.get("note_within")
        self.note_within = None if within is None else self._number(within, "note_within")
        self.fixed: dict[str, float] = {}
        self._copies: dict[str, int] = {}
        entries = self._entries(data)
        spec_data: dict[str, Any] = {"parameters": [], "note": [], "units": []}
        for section in ("parameters", "note"):
            spec_data[section] = [_only_spec(e) for e, unit, _ in entries if unit == section]
        for unit in data.get("units") or []:
            declared = [_only_spec(e) for e, name, n in entries if name == unit["name"] and n == 1]
            block = {"name": unit["name"], "count": unit["count"], "parameters": declared}
            spec_data["units"].append(block)
        try:
            self.spec = Spec.from_data(spec_data)
        except TaskError as error:
            self._fail(str(error))
        if self.spec.names[-3:] != _NOTE or not self._notes_fit():
            self._fail(
                "note: must be note.pitch (integer), note.onset and note.duration (continuous)"
            )
        if prod(factorial(count) for count in self._copies.values()) > MOST_IMAGES:
            self._fail(
                f"units: their exchanges are more than {MOST_IMAGES}; write those with the most "
                "copies as plain parameters"
            )
        self.declared = tuple(
            self._declared(entry, unit, copy, position)
            for position, (entry, unit, copy) in enumerate(entries)
        )
        self._check_cycles()
        self.exchange = {
            unit["name"]: self._exchange(unit.get("exchange", True), unit["name"])
            for unit in data.get("units") or []
        }
        names = [d.control for d in self.declared if d.control is not None]
        twice = sorted({n for n in names if names.count(n) > 1 or n in self.fixed})
        if twice:
            self._fail(f"control {twice[0]!r} is set twice")

    def check_controls(self, controls: Mapping[str, tuple[float, float]] | None) -> None:
        """Hold names and raw values against the engine's; ``None``: only it knows."""
        if controls is None:
            return
        values: list[tuple[str, str, tuple[float, ...]]] = [
            (name, "fixed", (value,)) for name, value in self.fixed.items()
        ]
        for parameter, declared in zip(self.spec.parameters, self.declared, strict=True):
            if declared.control is None:
                continue
            if declared.raw is not None:
                raw = declared.raw
            elif isinstance(parameter, Categorical):
                raw = (0.0, parameter.width - 1.0)
            else:
                raw = (parameter.low, parameter.high)
            values.append((declared.control, parameter.name, raw))
        for name, where, raw in values:
            if name not in controls:
                self._fail(f"{where}: control {_unknown(name, controls)}")
            low, high = controls[name]
            outside = [value for value in raw if not low <= value <= high]
            if outside:
                self._fail(
                    f"{where}: {name} cannot be {outside[0]:g}; it takes {low:g} to {high:g}"
                )

    def _entries(self, data: Mapping[str, Any]) -> list[tuple[dict[str, Any], str, int]]:
        """List (fields, unit or section, copy from 1 or 0) of every parameter in order."""
        entries: list[tuple[dict[str, Any], str, int]] = []
        for number, block in enumerate(self._list(data.get("units") or [], "units"), start=1):
            where = f"units, number {number}"
            block = self._mapping(block, where)
            self._known(block, _UNIT_KEYS, where)
            name = self._text(block, "name", where)
            if name in self._copies or name in ("parameters", "note"):
                self._fail(f"unit {name!r}: this name is taken")
            count: Any = block.get("count")
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                self._fail(f"unit {name}: count {count!r} is not a whole number above 0")
            self._copies[name] = count
            inner = self._parameters(block.get("parameters"), f"unit {name}")
            for copy in range(1, count + 1):
                entries += [(entry, name, copy) for entry in inner]
                self._fix(block.get("fixed") or {}, f"unit {name}", copy)
        for section in ("parameters", "note"):
            inner = self._parameters(data.get(section) or [], section)
            entries += [(entry, section, 0) for entry in inner]
        self._fix(data.get("fixed") or {}, "fixed", 0)
        return entries

    def _parameters(self, listed: Any, where: str) -> list[dict[str, Any]]:
        found = []
        for number, entry in enumerate(self._list(listed, f"{where}: parameters"), start=1):
            entry = self._mapping(entry, f"{where}, parameter {number}")
            place = f"{where}: {entry.get('name', f'parameter {number}')}"
            self._known(entry, _SPEC_KEYS + _OWN_KEYS, place)
            self._text(entry, "name", place)
            found.append(entry)
        return found

    def _fix(self, values: Any, where: str, copy: int) -> None:
        for template, value in self._mapping(values, f"{where}: fixed").items():
            control = self._filled(str(template), copy, f"{where}: fixed")
            if control in self.fixed:
                self._fail(f"{where}: {control} is fixed twice")
            self.fixed[control] = self._number(value, f"{where}: fixed: {control}")

    def _declared(self, entry: dict[str, Any], unit: str, copy: int, position: int) -> Declared:
        parameter = self.spec.parameters[position]
        where = parameter.name
        control: str | None = None
        if unit == "note":
            if "control" in entry:
                self._fail(f"{where}: a note has no control")
        elif "control" not in entry:
            self._fail(f"{where}: control is missing: the engine's name of it")
        elif isinstance(entry["control"], list):
            if len(entry["control"]) != max(1, copy and self._copies.get(unit, 1)):
                self._fail(f"{where}: control lists {len(entry['control'])} names, one a copy")
            control = str(entry["control"][max(0, copy - 1)])
        else:
            control = self._filled(str(entry["control"]), copy, where)
        return Declared(
            control=control,
            raw=self._raw(entry, parameter, unit, copy),
            weights=self._weights(entry, parameter),
            points=self._points(entry, parameter),
            heard=tuple(self._heard(entry.get("heard"), unit, copy, where)),
            inert=self._flag(entry.get("inert", False), f"{where}: inert"),
            neutral=self._neutral(entry, parameter),
            refers=self._refers(entry, parameter, unit),
        )

    def _raw(
        self, entry: dict[str, Any], parameter: Parameter, unit: str, copy: int
    ) -> tuple[float, ...] | None:
        if "raw" not in entry:
            return None
        where = f"{parameter.name}: raw"
        listed = self._list(entry["raw"], where)
        if copy and listed and all(isinstance(each, list) for each in listed):
            if len(listed) != self._copies[unit]:
                self._fail(f"{where}: has {len(listed)} lists, not one for each copy")
            listed = listed[copy - 1]
        raw = tuple(self._number(value, where) for value in listed)
        wanted = parameter.width if isinstance(parameter, Categorical) else 2
        if len(raw) != wanted or len(set(raw)) != wanted:
            self._fail(f"{where}: needs {wanted} different values, not {len(raw)}")
        return raw

    def _weights(self, entry: dict[str, Any], parameter: Parameter) -> tuple[float, ...]:
        if "weights" not in entry:
            return ()
        where = f"{parameter.name}: weights"
        if isinstance(parameter, Continuous):
            self._fail(f"{where}: a continuous value has points, not weights")
        count = parameter.count if isinstance(parameter, Integer) else parameter.width
        weights = tuple(self._number(w, where) for w in self._list(entry["weights"], where))
        if len(weights) != count or min(weights) < 0 or not sum(weights) > 0:
            self._fail(f"{where}: needs {count} numbers of 0 or more")
        return weights

    def _points(
        self, entry: dict[str, Any], parameter: Parameter
    ) -> tuple[tuple[float, float], ...]:
        where = f"{parameter.name}: points"
        points = []
        for value, chance in self._mapping(entry.get("points") or {}, where).items():
            point = self._value(parameter, value, where)
            points.append((point, self._number(chance, f"{where}: {value}")))
        if any(not 0 < q <= 1 for _, q in points) or sum(q for _, q in points) > 1 + 1e-12:
            self._fail(f"{where}: their probabilities must be above 0 and add up to 1 at most")
        return tuple(points)

    def _neutral(self, entry: dict[str, Any], parameter: Parameter) -> float:
        if "neutral" in entry:
            return self._value(parameter, entry["neutral"], f"{parameter.name}: neutral")
        if isinstance(parameter, Categorical):
            return 0.0
        return float(min(max(0.0, parameter.low), parameter.high))

    def _value(self, parameter: Parameter, value: Any, where: str) -> float:
        """Read a parameter's value as the file writes it, a category's as its choice."""
        if isinstance(parameter, Categorical):
            choice = str(value)
            if choice not in parameter.choices:
                self._fail(f"{where}: {_unknown(choice, parameter.choices)}")
            return float(parameter.choices.index(choice))
        number = self._number(value, where)
        if isinstance(parameter, Continuous) and parameter.low <= number <= parameter.high:
            number = _quantised(parameter, number)
        if not parameter.valid(np.array([number]))[0]:
            self._fail(
                f"{where}: {value!r} is not a value from {parameter.low} to {parameter.high}"
            )
        return number

    def _refers(
        self, entry: dict[str, Any], parameter: Parameter, unit: str
    ) -> tuple[str, tuple[int, ...]] | None:
        if "copies" not in entry:
            return None
        where = f"{parameter.name}: copies"
        named = self._mapping(entry["copies"], where)
        if not isinstance(parameter, Categorical) or len(named) != 1:
            self._fail(f"{where}: is for a category whose choices name the copies of one unit")
        (target, choices) = next(iter(named.items()))
        if target not in self._copies or target == unit:
            others = [name for name in self._copies if name != unit]
            self._fail(f"{where}: {_unknown(str(target), others)}")
        copies = [-1] * parameter.width
        for choice, copy in self._mapping(choices, where).items():
            at = int(self._value(parameter, choice, where))
            copies[at] = int(self._number(copy, where)) - 1
        if sorted(c for c in copies if c != -1) != list(range(self._copies[target])):
            self._fail(f"{where}: must name each of the {self._copies[target]} copies once")
        weights = self._weights(entry, parameter) or (1.0,) * parameter.width
        chances = dict(self._points(entry, parameter))
        kinds = {(weights[i], chances.get(float(i))) for i, c in enumerate(copies) if c >= 0}
        if len(kinds) > 1:
            self._fail(f"{where}: choices that name copies must be equally likely")
        return str(target), tuple(copies)

    def _heard(
        self, told: Any, unit: str, copy: int, where: str
    ) -> Iterator[tuple[Condition, ...]]:
        if told is None:
            return
        for every in told if isinstance(told, list) else [told]:
            conditions = self._mapping(every, f"{where}: heard").items()
            yield tuple(
                self._condition(str(key), value, unit, copy, f"{where}: heard")
                for key, value in conditions
            )

    def _exchange(self, told: Any, unit: str) -> tuple[Condition, ...] | None:
        """Read when copies may change place: always, never, or where all conditions hold."""
        where = f"unit {unit}: exchange"
        if isinstance(told, bool):
            return () if told else None
        conditions = [
            self._condition(str(key), value, "", 0, where)
            for key, value in self._mapping(told, where).items()
        ]
        parts = {position for u in self.spec.units for copy in u.members for position in copy}
        if any(not c.positions or parts.intersection(c.positions) for c in conditions):
            self._fail(f"{where}: depends on parameters that come once, in no unit")
        return tuple(conditions)

    def _condition(self, key: str, told: Any, unit: str, copy: int, where: str) -> Condition:
        if key == "released":
            if told is not True:
                self._fail(f"{where}: released: can only be true")
            return Condition(())
        name = self._filled(key, copy, where)
        at = self.spec.position
        if copy and f"{unit}{copy}.{name}" in at:
            positions = [at[f"{unit}{copy}.{name}"]]
        elif "*" in name:
            pattern = re.compile(re.escape(name).replace(r"\*", r"\d+"))
            positions = [p for other, p in at.items() if pattern.fullmatch(other)]
        else:
            positions = [at[name]] if name in at else []
        if not positions:
            own = [n.split(".", 1)[1] for n in at if copy and n.startswith(f"{unit}{copy}.")]
            self._fail(f"{where}: {_unknown(name, [*own, *at])}")
        parameter = self.spec.parameters[positions[0]]
        if isinstance(told, str) and not isinstance(parameter, Categorical):
            parts = _COMPARISON.fullmatch(told)
            if parts is None:
                self._fail(f"{where}: {name}: {told!r} is not a list, or like '> 0'")
            number = self._number(yaml.safe_load(parts[2]), f"{where}: {name}")
            return Condition(tuple(positions), (), parts[1], number)
        values = []
        for value in self._list(told, f"{where}: {name}"):
            text = self._filled(value, copy, where) if isinstance(value, str) else value
            values.append(self._value(parameter, text, f"{where}: {name}"))
        return Condition(tuple(positions), tuple(values))

    def _check_cycles(self) -> None:
        done: set[int] = set()

        def visit(position: int, path: tuple[int, ...]) -> None:
            if position in path:
                self._fail(f"{self.spec.names[position]}: heard: is a switch of its own switch")
            if position in done:
                return
            for every in self.declared[position].heard:
                for condition in every:
                    for other in condition.positions:
                        visit(other, (*path, position))
            done.add(position)

        for position in range(len(self.declared)):
            visit(position, ())

    def _notes_fit(self) -> bool:
        pitch, onset, duration = self.spec.parameters[-3:]
        continuous = isinstance(onset, Continuous) and isinstance(duration, Continuous)
        return isinstance(pitch, Integer) and continuous

    def _filled(self, template: str, copy: int, where: str) -> str:
        """Fill in a copy's number: ``{n}``, ``{n+2}``, ``{4n-3}``."""
        if not copy:
            if _TEMPLATE.search(template):
                self._fail(f"{where}: {template!r}: only in a unit do copies have a number")
            return template
        return _TEMPLATE.sub(lambda m: str(int(m[1] or 1) * copy + int(m[2] or 0)), template)

    def _fail(self, text: str) -> NoReturn:
        raise TaskError(f"{self._source}: {text}")

    def _known(self, given: Mapping[str, Any], known: Collection[str], where: str) -> None:
        for key in given:
            if key not in known:
                self._fail(f"{where}: {_unknown(str(key), known)}")

    def _mapping(self, value: Any, where: str) -> dict[Any, Any]:
        if not isinstance(value, dict):
            self._fail(f"{where}: {_shown(value)} is not a mapping (key: value)")
        return dict(value)

    def _list(self, value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            self._fail(f"{where}: {_shown(value)} is not a list")
        return list(value)

    def _text(self, fields: Mapping[str, Any], key: str, where: str) -> str:
        value = fields.get(key)
        if not isinstance(value, str) or not value:
            self._fail(f"{where}: {key} is missing" if value is None else f"{where}: {key}: "
                       f"{_shown(value)} is not a name")  # fmt: skip
        return str(value)

    def _number(self, value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            self._fail(f"{where}: {_shown(value)} is not a number")
        return float(value)

    def _flag(self, value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            self._fail(f"{where}: {_shown(value)} is not true or false")
        return bool(value)


def _only_spec(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key in _SPEC_KEYS}


def _unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    if near:
        return f"{name!r} is not known; the nearest is {near[0]!r}"
    few = ", ".join(list(known)[:12])
    return f"{name!r} is not known; there is {few}" if few else f"{name!r} is not known"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
