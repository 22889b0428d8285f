"""Surge XT: a VST3 instrument whose base patch is the init patch, edited.

This package includes the XML of the init patch (``surge_xt_init.xml``, CC0, by the Surge Synth
Team). A task edits it (:mod:`unsynth.formats.surge`), because the host's parameters do not reach
some attributes and the modulation routings. The plugin gets the result as a preset, so it does not
matter which patch it starts with: "Init Saw" with its factory patches, "Init" without them, or the
user's own choice. Writing a patch as a file needs no plugin:
``surge_xt_controls.csv`` says how a host's value is stored in it.

A host's value r from 0 to 1 is stored in the XML as v from ``low`` to ``high``:

    v = low + r (high - low)                            float
    v = low + floor((r - 0.005) / 0.99 (high - low) + 1/2)      int
    v = 1 if r > 1/2 else 0                             bool

``beats`` is a float in octaves of a beat's length, rounded to a straight, triplet or dotted note.
"""

import csv
import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from unsynth.conventions import SAMPLE_RATE
from unsynth.documents import shown
from unsynth.errors import PatchError, TaskError
from unsynth.formats.surge import (
    MODULATIONS,
    PLUGIN,
    SurgePatch,
    Table,
    edit_surge_patch,
    read_surge_patch,
    rename_surge_patch,
    reset_surge_session,
    surge_differences,
    surge_fxp,
    surge_parameters,
    surge_preset,
    surge_revision,
)
from unsynth.formats.vst import VSTPreset, read_fxp, read_vstpreset, write_vstpreset
from unsynth.synths.surge_nearest import nearest_table, with_eighth_macro
from unsynth.synths.vst3 import VST3, RawPatch
from unsynth.synths.vst3_plugin import FLUSH

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

#: Class id of Surge XT in ``.vstpreset`` files.
_CLASS = "ABCDEF019182FAEB566D624153675854"
#: Bytes that the plugin's framework (JUCE) appends to a patch in a preset.
_TAIL = bytes(16) + b"JUCEPrivateData"
#: A triplet of the next longer note, in octaves above the straight note.
_TRIPLET = math.log2(4 / 3)
#: A dotted note, in octaves above the straight note.
_DOTTED = math.log2(3 / 2)


#: Before this revision of the format, values of filters and a few others meant something else.
_SAME_VALUES = 15
#: From this revision on, there are eight macros, and so other numbers of modulation sources.
_WITH_EIGHT_MACROS = 9
#: From this revision on, the volume of a patch counts.
_WITH_VOLUME = 17


@dataclass(frozen=True)
class SurgeControl:
    """A host parameter, and how the XML stores its value: see this module's formulas.

    ``number`` is the parameter's position in the host's list.
    """

    number: int
    element: str
    kind: str
    low: int
    high: int

    def stored(self, raw: float) -> str:
        """Write a host's value as the text that the XML stores.

        >>> SurgeControl(258, "a_osc1_pitch", "float", -7, 7).stored(0.75)
        '3.50000000000000'
        >>> SurgeControl(257, "a_osc1_octave", "int", -3, 3).stored(0.1705)
        '-2'
        """
        size = self.high - self.low
        if self.kind == "int":
            return str(self.low + math.floor((raw - 0.005) / 0.99 * size + 0.5))
        if self.kind == "bool":
            return str(int(raw > 0.5))
        value = self.low + raw * size
        return f"{_note_length(value) if self.kind == 'beats' else value:.14f}"

    def raw(self, stored: str) -> float:
        """Undo :meth:`stored`; the result may lie outside 0 to 1."""
        share = (float(stored) - self.low) / (self.high - self.low)
        return 0.005 + 0.99 * share if self.kind == "int" else share

    @property
    def choices(self) -> tuple[float, ...]:
        """The host's values that the plugin can keep; empty if it keeps any value."""
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
def surge_controls() -> Mapping[str, SurgeControl]:
    """Load the parameters that a task may set, by the host's names."""
    text = files("unsynth.synths").joinpath("surge_xt_controls.csv").read_text(encoding="utf-8")
    return {
        row["control"]: SurgeControl(
            *(int(row["number"]), row["element"], row["kind"], int(row["low"]), int(row["high"]))
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def surge_init() -> SurgePatch:
    """Load the init patch of Surge XT 1.3, without the state of a host session."""
    text = files("unsynth.synths").joinpath("surge_xt_init.xml").read_text(encoding="utf-8")
    return SurgePatch("".join(text.splitlines()).encode(), (0,) * 6, b"")


class SurgeXT(VST3):
    """Surge XT 1.3; ``base`` lists the changes to the init patch.

    Loading a patch ends all voices and effects, so the plugin is given its own state before each
    sound. That takes much less time than a new instance.
    """

    _makes_instances = False

    def __init__(
        self,
        plugin: str = "Surge XT",
        *,
        base: Table,
        flush: float = FLUSH,
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        choices = {name: c.choices for name, c in surge_controls().items() if c.choices}
        self._base = edit_surge_patch(surge_init(), base)
        super().__init__(
            plugin,
            "Surge XT",
            preset=write_preset(reset_surge_session(self._base)),
            choices=choices,
            flush=flush,
            sample_rate=sample_rate,
        )

    def patch(self) -> SurgePatch:
        """Read the patch that the plugin holds now."""
        return _read_preset(self._open().preset_data)

    def base_differences(self) -> list[str]:
        """List where the base patch, read back from the plugin, is wrong."""
        return base_differences(self.patch(), self._base)

    def complaints(self, patches: Sequence[RawPatch]) -> list[str]:
        """Add elements whose values in a file would differ from those that the plugin plays."""
        differences: dict[str, list[str]] = {}
        for patch in patches:
            self._set(patch)
            for each in surge_differences(self.patch(), surge_table(patch)):
                differences.setdefault(each.split(":")[0], []).append(each)
        complaints = [
            f"{element} differs in {len(examples)} of {len(patches)} patches from what .fxp and "
            f".vstpreset files store ({examples[0]})"
            for element, examples in differences.items()
        ]
        return complaints + super().complaints(patches)

    def _clear(self) -> None:
        plugin = self._open()
        plugin.raw_state = plugin.raw_state
        # The plugin takes it over as it next processes something, and drops notes until then.
        self._silence(FLUSH)

    def _names(self, plugin: "VST3Plugin") -> list[str]:
        """Name the parameters; the host's names of oscillators and effects may be out of date."""
        return correct_names(super()._names(plugin))


class SurgeXTEngine:
    """Surge XT for declared tasks; its settings are ``base`` and ``flush``.

    Raises :class:`~unsynth.errors.TaskError` for invalid settings.
    """

    package = "pedalboard"
    sample_rate, channels = SAMPLE_RATE, SurgeXT.channels

    def __init__(self, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(settings) - {"base", "flush"})
        if unknown:
            raise TaskError(f"engine: {unknown[0]!r} is not known; the settings are base, flush")
        self._base = _parse_base(settings.get("base", {}))
        flush = settings.get("flush", FLUSH)
        if isinstance(flush, bool) or not isinstance(flush, int | float) or not 0 <= flush <= 60:
            raise TaskError(f"engine: flush: {flush!r} is not a number of seconds from 0 to 60")
        self._flush = float(flush)

    @property
    def identity(self) -> str:
        """Fingerprint of the whole base patch."""
        return hashlib.sha256(edit_surge_patch(surge_init(), self._base).xml).hexdigest()[:16]

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]:
        """The range of every control: values are those of the host, from 0 to 1."""
        return dict.fromkeys(surge_controls(), (0.0, 1.0))

    def synth(self, sample_rate: int = SAMPLE_RATE) -> SurgeXT:
        """Make an engine; raises a subclass of :class:`EngineError` if the plugin is not found."""
        return SurgeXT(base=self._base, flush=self._flush, sample_rate=sample_rate)

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Write a patch as an ``.fxp``, which Surge's own browser opens, and a ``.vstpreset``."""
        surge_patch = rename_surge_patch(
            edit_surge_patch(edit_surge_patch(surge_init(), self._base), surge_table(patch)), name
        )
        return {".fxp": surge_fxp(surge_patch, name), ".vstpreset": write_preset(surge_patch)}

    def read(
        self, data: bytes, names: Mapping[str, Sequence[float]]
    ) -> tuple[dict[str, float], Collection[str], list[str]]:
        """Read the values of ``names`` from an ``.fxp`` or a ``.vstpreset`` of Surge.

        Also returns the names of the controls that change nothing in this patch, and what else
        differs from the base patch and can be heard. Raises :class:`PatchError` for other files,
        and for damaged ones.
        """
        patch, controls = _read_file(data), surge_controls()
        base, init = (
            surge_parameters(each)
            for each in (edit_surge_patch(surge_init(), self._base), surge_init())
        )
        revision = surge_revision(patch)
        if not revision.isdecimal():
            raise PatchError("this Surge patch has no revision: save it again")
        # Parameters that an older Surge did not have are as in the init patch.
        given: Table = {**init, **surge_parameters(patch)}
        if int(revision) < _WITH_EIGHT_MACROS:
            given = with_eighth_macro(given)
        if int(revision) < _WITH_VOLUME:
            given = {**given, "volume": base["volume"]}
        table, unheard, differences = nearest_table(
            given,
            base,
            {controls[name].element for name in names},
        )
        if int(revision) < _SAME_VALUES:
            differences.append(f"revision {revision} has other filters: save it anew in Surge XT")
        values = {}
        for name, choices in names.items():
            control = controls[name]
            raw = control.raw(str(table[control.element].get("value", 0)))
            # A host may store one choice as any of a range of values.
            same = (choice for choice in choices if control.stored(choice) == control.stored(raw))
            values[name] = next(same, raw)
        return values, {name for name in names if controls[name].element in unheard}, differences


def surge_table(patch: RawPatch) -> Table:
    """Convert a host's values to a table of changes to the XML.

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


def correct_names(names: Sequence[str]) -> list[str]:
    """Insert the names of controls that are missing, at their positions in the host's list."""
    corrected = list(names)
    for name, control in surge_controls().items():
        if name not in names and control.number < len(corrected):
            corrected[control.number] = name
    return corrected


def base_differences(patch: SurgePatch, base: SurgePatch) -> list[str]:
    """List where a patch read back from the plugin differs from the base patch."""
    differences = list(surge_differences(patch, surge_parameters(base)))
    if surge_revision(patch) != surge_revision(base):
        differences.append(
            f"the plugin writes patches of revision {surge_revision(patch)}, not "
            f"{surge_revision(base)}: use Surge XT 1.3.3"
        )
    return differences


def write_preset(patch: SurgePatch) -> bytes:
    """Write a patch as a ``.vstpreset``, as the plugin does."""
    empty = VSTPreset(_CLASS, {"Comp": b"", "Cont": b""})
    return write_vstpreset(surge_preset(empty, replace(patch, rest=_TAIL)))


def _read_file(data: bytes) -> SurgePatch:
    """Read the patch in an ``.fxp`` or a ``.vstpreset``."""
    if data[:4] == b"VST3":
        return _read_preset(data)
    if data[:4] != b"CcnK":
        raise PatchError("neither an .fxp nor a .vstpreset: save the patch from Surge XT")
    program = read_fxp(data)
    if program.plugin != PLUGIN:
        raise PatchError(f"this .fxp is a patch of {shown(program.plugin)}, not of Surge XT")
    return read_surge_patch(program.chunk)


def _read_preset(preset: bytes) -> SurgePatch:
    return read_surge_patch(read_vstpreset(preset).chunks.get("Comp", b""))


def _note_length(value: float) -> float:
    """Round to a straight, triplet or dotted note, with the thresholds of Surge."""
    whole = math.floor(value)
    ratio = 2.0 ** (value - whole)
    return whole + (_DOTTED if ratio > 1.41 else _TRIPLET if ratio > 1.167 else 0.0)


def _parse_base(base: Any) -> Table:
    """Check the setting ``base``: attributes by element, among them lists of modulations."""
    if not isinstance(base, dict):
        raise TaskError(f"engine: base: {base!r} is not a mapping (element: attributes)")
    table: dict[str, dict[str, Any]] = {}
    for element, entry in base.items():
        where = f"engine: base: {element}"
        if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
            raise TaskError(f"{where}: {entry!r} is not a mapping of attributes")
        table[str(element)] = {}
        for key, value in entry.items():
            if key == MODULATIONS:
                table[str(element)][key] = _parse_modulations(value, where)
            elif isinstance(value, bool) or not isinstance(value, int | float | str):
                raise TaskError(f"{where}: {key}: {value!r} is not a number or a text")
            else:
                table[str(element)][key] = value
    return table


def _parse_modulations(setting: Any, where: str) -> list[dict[str, Any]]:
    modulations = setting if isinstance(setting, list) else [setting]
    for each in modulations:
        has_keys = isinstance(each, dict) and set(each) == {"source", "depth"}
        if not (has_keys and all(isinstance(value, int | float) for value in each.values())):
            raise TaskError(
                f"{where}: {MODULATIONS}: {each!r} is not like {{source: 17, depth: 1}}"
            )
    return modulations
