"""Any VST3 instrument, without a display, through ``pedalboard`` (GPL-3.0).

A patch is the raw value, 0 to 1, of each parameter to set, by name; what it leaves out is as the
base patch has it. Every sound comes from a new instance of the plugin, which takes over the state
of the last one: after new values are set, that one plays ``flush`` seconds of silence, in which
they reach it and its tails and modulators come to rest. Without that silence a value can stay
what it was, though the plugin says otherwise; therefore what its state holds is looked at as well,
after the 1st, 2nd, 4th, 8th, ... sound.
"""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.errors import EngineError, PatchError, TaskError
from unsynth.formats.vst import read_vstpreset
from unsynth.synths.base import Concurrency, Note
from unsynth.synths.plugins import (
    NotAnInstrumentError,
    PluginLoadError,
    find_bundle,
    instrument,
    load,
    require_pedalboard,
)

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

#: Raw values by the parameters' names.
RawPatch = Mapping[str, float]

#: Seconds of silence after which a value has reached the processor.
FLUSH = 0.02
#: How far a raw value may lie from the one that was set: plugins round to steps of their own.
_TOLERANCE = 0.005


#: Steps in which the texts of a parameter are looked at.
_STEPS = 1000


class PluginVersionError(EngineError):
    """A plugin of another version than a task was made with, which may sound otherwise."""


class ParameterLostError(EngineError):
    """A parameter that does not keep the value it was set to."""


@dataclass(frozen=True)
class HostParameter:
    """What a plugin says of a parameter: its name here and as printed, and its value at the start.

    ``texts`` are those it prints from 0 to 1, each with the range of raw values that it stands
    for, found in steps of 1/1000.
    """

    name: str
    printed: str
    initial: float
    automatable: bool
    texts: tuple[tuple[str, float, float], ...]


class VST3:
    """An instrument of a bundle (a path, or a file's name in the usual places), in stereo.

    What has one channel only plays it on both.

    ``preset`` is a ``.vstpreset`` file's bytes, the base patch; ``fixed`` are raw values that
    patches start from; ``choices`` the raw values of parameters that know a few only, among which
    a plugin may round. The plugin is loaded by the first call that needs it, on the main thread.
    Raises children of :class:`EngineError` for a bundle that another process could not load, and
    :class:`PluginVersionError` for another ``version`` than is wanted.
    """

    sample_rate = SAMPLE_RATE
    channels = 2
    concurrency = Concurrency.PROCESSES

    def __init__(
        self,
        plugin: str,
        name: str | None = None,
        *,
        preset: bytes | None = None,
        fixed: RawPatch | None = None,
        choices: Mapping[str, Sequence[float]] | None = None,
        flush: float = FLUSH,
        deterministic: bool = False,
        version: str | None = None,
    ) -> None:
        require_pedalboard()
        self._bundle = find_bundle(plugin)
        # A worker process may die of a plugin; the user's own may not.
        if name is None or parent_process() is None:
            found = instrument(self._bundle, name)
            if version not in (None, found.version):
                raise PluginVersionError(
                    f"{self._bundle}: {found.name} is version {found.version}, the task is for "
                    f"{version}: install that, or change `version` in the task's file, after "
                    "which it needs sets and models of its own"
                )
            name = found.name
        self._name: str = name
        self._preset = preset
        self._fixed = dict(fixed or {})
        self._choices = {key: np.asarray(raw) for key, raw in (choices or {}).items()}
        self._flush = flush
        self.deterministic = deterministic
        self._plugin: VST3Plugin | None = None
        self._outputs = self.channels
        self._index: dict[str, int] = {}
        self._initial: dict[str, float] = {}
        self._touched: set[str] = set()
        self._rendered = 0

    @property
    def bundle(self) -> Path:
        """Where the plugin lies."""
        return self._bundle

    def render(
        self, patch: RawPatch, note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "2 samples"]:
        """Play one note of a patch.

        Raises :class:`PatchError` for an unknown name or a value outside 0 to 1, and
        :class:`ParameterLostError` where the plugin does not keep a value.
        """
        if not (0 <= note.pitch <= 127 and 0 <= note.velocity <= 127):
            raise PatchError(f"pitch {note.pitch}, velocity {note.velocity}: MIDI has 0 to 127")
        if not (seconds > 0 and note.duration > 0 and note.onset >= 0):
            raise PatchError(
                f"a note of {note.duration} s at {note.onset} s in {seconds} s cannot be played"
            )
        samples = round(seconds * self.sample_rate)
        wanted = self._set(patch)
        audio = self._process(note, samples)
        self._compare(wanted, self._shown(wanted), "says")
        self._rendered += 1
        if self._rendered & (self._rendered - 1) == 0:
            self._compare(wanted, self.held(wanted), "holds")
        return audio

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Make files of a patch that the plugin opens, by suffix: here a ``.vstpreset``.

        ``name`` is for formats that keep one. Raises as :meth:`render` does.
        """
        wanted = self._set(patch)
        self._compare(wanted, self.held(wanted), "holds")
        return {".vstpreset": bytes(self._open().preset_data)}

    def values(self) -> dict[str, float]:
        """List every parameter's raw value in the base patch, by name, in the plugin's order."""
        self._open()
        return dict(self._initial)

    def held(self, names: Iterable[str]) -> dict[str, float]:
        """Read parameters' raw values from the processor's state.

        Setting the state again is what makes the plugin read its values from there.
        """
        plugin = self._open()
        plugin.raw_state = plugin.raw_state
        values = self._shown(names)
        self._silence(FLUSH)
        return values

    def settled(self, patch: RawPatch) -> dict[str, float]:
        """Set a patch; read what the plugin makes of its values, which it may have rounded."""
        self._set(patch)
        return self.held(patch)

    def lost(self, patch: RawPatch) -> list[str]:
        """Set a patch; list the parameters that do not keep their values in it."""
        wanted = self._set(patch)
        held = self.held(patch)
        return [name for name in patch if not self._same(name, wanted[name], held[name])]

    def complaints(self, patches: Sequence[RawPatch]) -> list[str]:
        """Say what is wrong with this plugin's handling of patches; nothing if all is right."""
        lost = Counter(name for patch in patches for name in self.lost(patch))
        return [
            f"{name} does not keep its value in {count} of {len(patches)} patches: leave it out"
            for name, count in lost.items()
        ]

    def describe(self) -> list[HostParameter]:
        """List what the plugin says of its parameters, in its order; asks for many texts."""
        parameters = self._open()._parameters
        return [
            HostParameter(
                name,
                parameters[i].name,
                self._initial[name],
                bool(parameters[i].is_automatable),
                _printed(parameters[i].get_text_for_raw_value),
            )
            for name, i in self._index.items()
        ]

    # -- the plugin -------------------------------------------------------------------------

    def _open(self) -> "VST3Plugin":
        if threading.current_thread() is not threading.main_thread():
            raise EngineError(
                "a VST3 plugin works on the main thread only: render with a Renderer, whose "
                "worker processes have one each"
            )
        if self._plugin is None:
            try:
                plugin = load(self._bundle, self._name)
            except (ImportError, ValueError, RuntimeError) as error:
                raise PluginLoadError(f"{self._bundle} cannot be loaded: {error}") from None
            if not plugin.is_instrument:
                raise NotAnInstrumentError(
                    f"{self._name} in {self._bundle} is an effect: an instrument plays notes"
                )
            self._plugin = plugin
            self._outputs = outputs(plugin)
            self._prepare(plugin)
            self._index = {name: i for i, name in enumerate(self._names(plugin))}
            self._initial = self._shown(self._index)
        return self._plugin

    def _prepare(self, plugin: "VST3Plugin") -> None:
        """Bring a plugin that was just loaded to the base patch."""
        if self._preset is not None:
            load_preset(plugin, self._preset, self._outputs)

    def _names(self, plugin: "VST3Plugin") -> list[str]:
        """Name the parameters of a plugin that is in its base patch."""
        return parameter_names(plugin)

    def _set(self, patch: RawPatch) -> dict[str, float]:
        """Set a patch's values, let them reach the processor, and return them."""
        plugin = self._open()
        given = {**self._fixed, **patch}
        for name, value in given.items():
            if name not in self._index:
                near = get_close_matches(name, self._index, 1)
                hint = f"; the nearest is {near[0]}" if near else ""
                raise PatchError(f"{self._name} has no parameter {name!r}{hint}")
            if not 0.0 <= value <= 1.0:
                raise PatchError(f"{name}: {value} is not within 0 to 1")
        wanted = {name: self._initial[name] for name in sorted(self._touched)} | given
        self._touched |= set(given)
        # Read anew for each patch: a new instance has new ones, and the old ones crash.
        parameters = plugin._parameters
        for name, value in wanted.items():
            parameters[self._index[name]].raw_value = value
        self._silence(self._flush)
        return wanted

    def _process(self, note: Note, samples: int) -> Float32[np.ndarray, "2 samples"]:
        """Play a note on a new instance; a plugin gives a sample or two less than is asked for."""
        off = note.onset + note.duration
        events: list[Any] = [
            (bytes([0x90, note.pitch, note.velocity]), note.onset),
            (bytes([0x80, note.pitch, 0]), off),
        ]
        # Past the end, events are dropped.
        audio = self._open()(
            events,
            duration=(samples + 2) / self.sample_rate,
            sample_rate=float(self.sample_rate),
            num_channels=self._outputs,
            reset=True,
        )
        heard = np.broadcast_to(audio[:, :samples], (self.channels, samples))
        return np.array(heard, dtype=np.float32, order="C")

    def _silence(self, seconds: float) -> None:
        if seconds > 0:
            play_silence(self._open(), seconds, self._outputs)

    def _shown(self, names: Iterable[str]) -> dict[str, float]:
        assert self._plugin is not None
        parameters = self._plugin._parameters
        return {name: float(parameters[self._index[name]].raw_value) for name in names}

    def _compare(self, wanted: RawPatch, found: RawPatch, verb: str) -> None:
        for name, value in wanted.items():
            if not self._same(name, value, found[name]):
                raise ParameterLostError(
                    f"{name} does not stick: it was set to {value:g}, {self._name} {verb} "
                    f"{found[name]:g}; leave it out of the task, or give `flush` more than "
                    f"{self._flush:g} s"
                )

    def _same(self, name: str, value: float, found: float) -> bool:
        if abs(value - found) <= _TOLERANCE:
            return True
        choices = self._choices.get(name)
        if choices is None:
            return False
        return bool(np.abs(choices - value).argmin() == np.abs(choices - found).argmin())


class VST3Settings(BaseModel):
    """The ``engine`` section of a task's file; ``preset`` is a file's path."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    plugin: str = Field(min_length=1)
    name: str | None = None
    version: str | None = None
    preset: str | None = None
    flush: float = Field(default=FLUSH, ge=0.0, le=60.0)
    deterministic: bool = False


class VST3Engine:
    """A VST3 instrument for tasks that a file declares.

    Nothing here needs the plugin until a synth is made: its identity is what ``settings`` say, so
    that sets and models are read where it is not installed. Paths are relative to ``folder``.
    """

    package = "pedalboard"
    sample_rate, channels = VST3.sample_rate, VST3.channels

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        self.settings = _settings(settings)
        beside = folder / self.settings.plugin
        self._plugin = str(beside) if beside.exists() else self.settings.plugin
        self._preset: bytes | None = None
        if self.settings.preset is not None:
            path = folder / self.settings.preset
            try:
                self._preset = path.read_bytes()
            except OSError as error:
                raise TaskError(
                    f"engine: preset {path} cannot be read ({error.strerror})"
                ) from None

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]:
        """Say that each takes 0 to 1; whether there is one of a name, only the plugin knows."""
        return _AnyControl()

    @property
    def identity(self) -> str:
        """Say which plugin, in which version, and what its base patch is made of."""
        preset = None if self._preset is None else hashlib.sha256(self._preset).hexdigest()
        name = self.settings.name or Path(self.settings.plugin).stem
        return json.dumps(["vst3", name, self.settings.version, preset])

    def synth(self) -> VST3:
        """Make an engine."""
        return VST3(
            self._plugin,
            self.settings.name,
            preset=self._preset,
            flush=self.settings.flush,
            deterministic=self.settings.deterministic,
            version=self.settings.version,
        )

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Make a ``.vstpreset``; see :meth:`VST3.files`."""
        return _kept_synth(self).files(patch, name)


@lru_cache(maxsize=1)
def _kept_synth(engine: VST3Engine) -> VST3:
    """Keep the last engine's synth for its next patch: some plugins take seconds to load."""
    return engine.synth()


class _AnyControl(Mapping[str, tuple[float, float]]):
    """Raw values by any name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> tuple[float, float]:
        return 0.0, 1.0

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _settings(given: Mapping[str, Any]) -> VST3Settings:
    try:
        return VST3Settings.model_validate(dict(given))
    except ValidationError as error:
        # A misspelt key is the reason that another is missing.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            near = get_close_matches(key, VST3Settings.model_fields, 1, 0.5)
            known = ", ".join(VST3Settings.model_fields)
            hint = f"the nearest is {near[0]!r}" if near else f"there is {known}"
            raise TaskError(f"engine: {key!r} is not known; {hint}") from None
        raise TaskError(f"engine: {key}: {first['msg'].lower()}") from None


def outputs(plugin: "VST3Plugin") -> int:
    """Find how many channels a plugin plays: 2, or 1 where it has no more.

    To ask for more than there are loses values that were just set. Raises
    :class:`PluginLoadError` for any other number.
    """
    for channels in (2, 1):
        try:
            play_silence(plugin, FLUSH, channels)
        except ValueError as error:
            reason = error
        else:
            return channels
    raise PluginLoadError(f"{plugin.name} plays neither two channels nor one: {reason}")


def play_silence(plugin: "VST3Plugin", seconds: float, channels: int = 2) -> None:
    """Let a plugin go on for a while without notes; a length of 0 would do nothing."""
    rate = float(SAMPLE_RATE)
    plugin([], duration=seconds, sample_rate=rate, num_channels=channels, reset=False)


def load_preset(plugin: "VST3Plugin", preset: bytes, channels: int = 2) -> None:
    """Give a plugin of so many channels a ``.vstpreset`` file's bytes as its state.

    Twice, since some (Surge XT) take none before they have processed anything; and then the
    state once more, without which the values that a host sees, and sets in the next instance, may
    still be the old ones. Raises :class:`PatchError` for another plugin's preset, or one that is
    ignored.
    """
    before, wanted = read_vstpreset(plugin.preset_data), read_vstpreset(preset)
    if before.class_id != wanted.class_id:
        raise PatchError(f"this preset is another plugin's than {plugin.name}'s")
    try:
        for _ in range(2):
            plugin.preset_data = preset
            play_silence(plugin, 0.05, channels)
    except RuntimeError:
        raise PatchError(
            f"{plugin.name} refuses this preset: it is damaged, or of another version"
        ) from None
    plugin.raw_state = plugin.raw_state
    play_silence(plugin, 0.05, channels)
    after = read_vstpreset(plugin.preset_data)
    if after.chunks == before.chunks != wanted.chunks:
        raise PatchError(f"{plugin.name} ignores this preset: it is damaged or of another version")


def parameter_names(plugin: "VST3Plugin") -> list[str]:
    """Name each parameter by what the plugin prints, in small letters and underscores.

    Names that come again are numbered: ``filter_mod``, ``filter_mod_2``.
    """
    from pedalboard._pedalboard import to_python_parameter_name

    names: list[str] = []
    taken: set[str] = set()
    for parameter in plugin._parameters:
        plain = name = to_python_parameter_name(parameter) or "unnamed"
        number = 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        names.append(name)
    return names


def _printed(text: Callable[[float], str]) -> tuple[tuple[str, float, float], ...]:
    """Find where the text of a raw value changes, halfway between two steps."""
    found: list[tuple[str, float, float]] = []
    for step in range(_STEPS + 1):
        now = text(step / _STEPS).strip()
        if found and found[-1][0] == now:
            continue
        edge = max(0.0, (step - 0.5) / _STEPS)
        if found:
            found[-1] = (*found[-1][:2], edge)
        found.append((now, edge, 1.0))
    return tuple(found)
