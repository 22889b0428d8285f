"""Surge XT: a VST3 instrument whose base patch is its own init patch, edited.

No preset is shipped: attributes and modulation routings, which no parameter of the host reaches,
are written into the XML of the state that a fresh instance has (:mod:`unsynth.formats.surge`). For
files of a patch, which need no plugin, that XML is in this package (``surge_xt_init.xml``, CC0, by
the Surge Synth Team), and ``surge_xt_controls.csv`` says what a host's value means in it.

Between a host's value r of 0 to 1 and the XML's v from ``low`` to ``high`` stand

    v = low + r (high - low)                            float
    v = low + floor((r - 0.005) / 0.99 (high - low) + 1/2)      int
    v = 1 if r > 1/2 else 0                             bool

and ``beats`` is a float, in octaves of a beat's length, moved to the next lower straight, triplet
or dotted note.
"""

import csv
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unsynth.errors import PatchError, TaskError
from unsynth.formats.surge import (
    MODULATIONS,
    SurgePatch,
    Table,
    edit_surge_patch,
    read_surge_patch,
    rename_surge_patch,
    surge_differences,
    surge_fxp,
    surge_name,
    surge_preset,
    surge_revision,
    surge_values,
)
from unsynth.formats.vst import VSTPreset, read_vstpreset, write_vstpreset
from unsynth.synths.vst3 import FLUSH, VST3, RawPatch, load_preset

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

_CLASS = "ABCDEF019182FAEB566D624153675854"
#: What the plugin's framework adds to a patch in a preset.
_TAIL = bytes(16) + b"JUCEPrivateData"
_TRIPLET, _DOTTED = math.log2(4 / 3), math.log2(3 / 2)


@dataclass(frozen=True)
class Control:
    """Where a patch keeps a host's value, and how: see this module's formulas.

    ``number`` is the parameter's place among those of the host.
    """

    number: int
    element: str
    kind: str
    low: int
    high: int

    def stored(self, raw: float) -> str:
        """Write a host's value as the XML's.

        >>> Control(258, "a_osc1_pitch", "float", -7, 7).stored(0.75)
        '3.50000000000000'
        >>> Control(257, "a_osc1_octave", "int", -3, 3).stored(0.1705)
        '-2'
        """
        size = self.high - self.low
        if self.kind == "int":
            return str(self.low + math.floor((raw - 0.005) / 0.99 * size + 0.5))
        if self.kind == "bool":
            return str(int(raw > 0.5))
        value = self.low + raw * size
        return f"{_note_length(value) if self.kind == 'beats' else value:.14f}"

    @property
    def choices(self) -> tuple[float, ...]:
        """The host's values that the plugin knows; none where it knows all."""
        size = self.high - self.low
        if self.kind == "int":
            return tuple(0.005 + 0.99 * step / size for step in range(size + 1))
        if self.kind == "bool":
            return (0.0, 1.0)
        if self.kind == "beats":
            steps = (whole + part for whole in range(size) for part in (0.0, _TRIPLET, _DOTTED))
            return tuple(step / size for step in (*steps, size))
        return ()


@cache
def surge_controls() -> Mapping[str, Control]:
    """List the parameters that a task may set, by the host's names."""
    text = files("unsynth.synths").joinpath("surge_xt_controls.csv").read_text(encoding="utf-8")
    return {
        row["control"]: Control(
            *(int(row["number"]), row["element"], row["kind"], int(row["low"]), int(row["high"]))
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def surge_init() -> SurgePatch:
    """Read the init patch of Surge XT 1.3, without what a host's session adds to it."""
    text = files("unsynth.synths").joinpath("surge_xt_init.xml").read_text(encoding="utf-8")
    return SurgePatch("".join(text.splitlines()).encode(), (0,) * 6, b"")


class SurgeXT(VST3):
    """Surge XT 1.3; ``base`` says what is to be changed in the init patch.

    Effects and modulators take longer to come to rest than one note: see ``flush`` in
    :class:`~unsynth.synths.vst3.VST3`.
    """

    def __init__(self, plugin: str = "Surge XT", *, base: Table, flush: float = FLUSH) -> None:
        choices = {name: c.choices for name, c in surge_controls().items() if c.choices}
        super().__init__(plugin, "Surge XT", choices=choices, flush=flush)
        self._base = base
        self._started = surge_init()

    def patch(self) -> SurgePatch:
        """Read the patch that the plugin holds now."""
        return _held(self._open().preset_data)

    def base_differences(self) -> list[str]:
        """Say where the base patch, read back from the plugin, is not as it should be."""
        return base_differences(self.patch(), self._started, self._base)

    def complaints(self, patches: Sequence[RawPatch]) -> list[str]:
        """Say also where patches written as files would differ from those that are played."""
        unlike: dict[str, list[str]] = {}
        for patch in patches:
            self._set(patch)
            for each in surge_differences(self.patch(), surge_table(patch)):
                unlike.setdefault(each.split(":")[0], []).append(each)
        wrong = [
            f"{element} is in {len(found)} of {len(patches)} patches not what is written into "
            f".fxp and .vstpreset files ({found[0]})"
            for element, found in unlike.items()
        ]
        return wrong + super().complaints(patches)

    def _names(self, plugin: "VST3Plugin") -> list[str]:
        """Name parameters; what a host calls those of oscillators and effects may lag behind."""
        return named(super()._names(plugin))

    def _prepare(self, plugin: "VST3Plugin") -> None:
        self._started = to_base(plugin, self._base)


class SurgeXTEngine:
    """Surge XT for tasks that a file declares; ``base`` and ``flush`` are its settings.

    Raises :class:`~unsynth.errors.TaskError` for settings that are none.
    """

    package = "pedalboard"
    sample_rate, channels = SurgeXT.sample_rate, SurgeXT.channels

    def __init__(self, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(settings) - {"base", "flush"})
        if unknown:
            raise TaskError(f"engine: {unknown[0]!r} is not known; there is base, flush")
        self._base = _table(settings.get("base", {}))
        flush = settings.get("flush", FLUSH)
        if isinstance(flush, bool) or not isinstance(flush, int | float) or not 0 <= flush <= 60:
            raise TaskError(f"engine: flush: {flush!r} is not a number of seconds from 0 to 60")
        self._flush = float(flush)

    @property
    def identity(self) -> str:
        """Fingerprint of the base patch, as a whole."""
        return hashlib.sha256(edit_surge_patch(surge_init(), self._base).xml).hexdigest()[:16]

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]:
        """All are set as a host sets them, from 0 to 1."""
        return dict.fromkeys(surge_controls(), (0.0, 1.0))

    def synth(self) -> SurgeXT:
        """Find the plugin; raises children of :class:`EngineError` where there is none."""
        return SurgeXT(base=self._base, flush=self._flush)

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Make an ``.fxp``, which Surge's own browser opens, and a ``.vstpreset``, by suffix."""
        made = rename_surge_patch(
            edit_surge_patch(edit_surge_patch(surge_init(), self._base), surge_table(patch)), name
        )
        return {".fxp": surge_fxp(made, name), ".vstpreset": wrapped(made)}


def surge_table(patch: RawPatch) -> Table:
    """Write a host's values as a table of the XML's.

    Raises :class:`~unsynth.errors.PatchError` for an unknown name or a value outside 0 to 1.
    """
    controls = surge_controls()
    for name, raw in patch.items():
        if name not in controls:
            near = get_close_matches(name, controls, 1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise PatchError(f"no task sets Surge XT's {name!r}{hint}")
        if not 0.0 <= raw <= 1.0:
            raise PatchError(f"{name}: {raw} is not within 0 to 1")
    return {
        controls[name].element: {"value": controls[name].stored(raw)} for name, raw in patch.items()
    }


def named(names: Sequence[str]) -> list[str]:
    """Put in controls' names, at their own places, where they are not among the names."""
    made = list(names)
    for name, control in surge_controls().items():
        if name not in names and control.number < len(made):
            made[control.number] = name
    return made


def to_base(plugin: "VST3Plugin", base: Table) -> SurgePatch:
    """Bring a plugin that was just loaded to the base patch; return the patch that it had."""
    init = plugin.preset_data
    load_preset(plugin, surge_base(init, base))
    return _held(init)


def base_differences(held: SurgePatch, started: SurgePatch, base: Table) -> list[str]:
    """Say where a patch that was read back is not as its table has it, or made of another patch.

    What a table does not name is as in ``started``, which therefore must be the init patch.
    """
    init = surge_init()
    wrong = list(surge_differences(held, base))
    if surge_revision(started) != surge_revision(init):
        wrong.append(
            f"the plugin writes patches of revision {surge_revision(started)}, not "
            f"{surge_revision(init)}: use Surge XT 1.3"
        )
    others = list(surge_differences(started, surge_values(init)))
    if others or surge_name(started) != surge_name(init):
        more = f" ({others[0]}; {len(others)} in all)" if others else ""
        wrong.append(
            f"the plugin starts with the patch {surge_name(started)!r}, not the factory's "
            f"{surge_name(init)!r}{more}: choose that in Surge's menu (Patch Defaults)"
        )
    return wrong


def wrapped(patch: SurgePatch) -> bytes:
    """Write a patch as a ``.vstpreset``, as the plugin would."""
    empty = VSTPreset(_CLASS, {"Comp": b"", "Cont": b""})
    return write_vstpreset(surge_preset(empty, replace(patch, rest=_TAIL)))


def surge_base(init: bytes, base: Table) -> bytes:
    """Edit an init patch (a ``.vstpreset``'s bytes) as a table says.

    Raises :class:`~unsynth.errors.PatchError` for bytes that hold no Surge patch.
    """
    return write_vstpreset(surge_preset(read_vstpreset(init), edit_surge_patch(_held(init), base)))


def _held(preset: bytes) -> SurgePatch:
    return read_surge_patch(read_vstpreset(preset).chunks["Comp"])


def _note_length(value: float) -> float:
    """Move to the straight, triplet or dotted note at or below, as Surge does."""
    whole = math.floor(value)
    ratio = 2.0 ** (value - whole)
    return whole + (_DOTTED if ratio > 1.41 else _TRIPLET if ratio > 1.167 else 0.0)


def _table(told: Any) -> Table:
    """Read ``base``: attributes by element, and of those that are modulated by what."""
    if not isinstance(told, dict):
        raise TaskError(f"engine: base: {told!r} is not a mapping (element: attributes)")
    table: dict[str, dict[str, Any]] = {}
    for element, entry in told.items():
        where = f"engine: base: {element}"
        if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
            raise TaskError(f"{where}: {entry!r} is not a mapping of attributes")
        table[str(element)] = {}
        for key, value in entry.items():
            if key == MODULATIONS:
                table[str(element)][key] = _modulations(value, where)
            elif isinstance(value, bool) or not isinstance(value, int | float | str):
                raise TaskError(f"{where}: {key}: {value!r} is not a number or a text")
            else:
                table[str(element)][key] = value
    return table


def _modulations(told: Any, where: str) -> list[dict[str, Any]]:
    found = told if isinstance(told, list) else [told]
    for each in found:
        right = isinstance(each, dict) and set(each) == {"source", "depth"}
        if not (right and all(isinstance(value, int | float) for value in each.values())):
            raise TaskError(
                f"{where}: {MODULATIONS}: {each!r} is not like {{source: 17, depth: 1}}"
            )
    return found
