"""A task that a YAML file declares: a synthesizer's controls, their priors and what they switch.

The file has these parts; ``docs/use/tasks.md`` describes each with examples:

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
from collections.abc import Mapping
from functools import cached_property
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.conventions import SECONDS
from unsynth.errors import OutputError, PatchError, TaskError
from unsynth.synths.base import Engine, Note, ReadingEngine, Synth, note_name
from unsynth.synths.catalogue import ENGINES
from unsynth.tasks.declared.declaration import Condition, Declared
from unsynth.tasks.declared.prior import ContinuousPrior, probability_table
from unsynth.tasks.declared.raw import from_raw, quantised, to_raw
from unsynth.tasks.declared.reader import Reader, parse, unknown_key
from unsynth.tasks.parameter import Continuous
from unsynth.tasks.spec import Spec


class DeclaredTask:
    """See :class:`unsynth.tasks.task.Task`; an engine patch is a raw value by control.

    ``declaration`` is a file's content, ``folder`` where its own files are looked for, ``source``
    what :func:`~unsynth.tasks.catalogue.load_task` finds it by. Raises :class:`TaskError`, one line
    with the nearest valid key, for whatever it does not understand.
    """

    def __init__(self, declaration: Any, folder: Path, source: str) -> None:
        reader = Reader(declaration, source)
        self.name: str = reader.name
        self.source = source
        self.spec: Spec = reader.spec
        self.declared: tuple[Declared, ...] = reader.declared
        self.fixed: dict[str, float] = reader.fixed
        self.exchange: dict[str, tuple[Condition, ...] | None] = reader.exchange
        maker = ENGINES.get(reader.synth)
        if maker is None:
            raise TaskError(f"{source}: synth: {unknown_key(reader.synth, ENGINES)}")
        try:
            self.engine: Engine = maker(reader.engine, folder)
        except TaskError as error:
            raise TaskError(f"{source}: {error}") from None
        reader.check_controls(self.engine.controls)
        self._note = self.spec.position["note.pitch"]
        self._note_within: float | None = reader.note_within
        self._found: dict[tuple[str, ...], Int[np.ndarray, "images d"]] = {}
        self._drawn = ContinuousPrior(self.spec, self.declared)
        self._tables = [
            probability_table(p, d)
            for p, d in zip(self.spec.parameters, self.declared, strict=True)
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
            start = quantised(onset, start)
            length = quantised(duration, end - start)
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
                controls[declared.control] = to_raw(parameter, declared, value)
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
                patch[i] = from_raw(parameter, declared, controls[declared.control], self.name)
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


# -- values and their probabilities -----------------------------------------------------------


# -- reading a file ---------------------------------------------------------------------------
