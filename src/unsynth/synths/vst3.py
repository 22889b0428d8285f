"""Any VST3 instrument, without a display, through ``pedalboard`` (GPL-3.0).

A patch maps parameter names to raw values from 0 to 1. Parameters that a patch omits keep their
values from the base patch.

Each sound comes from a new instance of the plugin, which takes over the state of the last one, so
neither a tail nor a held note of an earlier sound is left. (A subclass that can end all sound in
another way keeps its instance.) Before that, the last instance gets the new values and plays
``flush`` seconds of silence. In that time the values reach the processor. Without it, the processor
can keep an old value although the plugin reports the new one. As a check, the processor's state is
read back too, but only after the 1st, 2nd, 4th, 8th, ... sound, because reading it is slow.
"""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.documents import DocumentError, read_bytes
from unsynth.errors import EngineError, PatchError, TaskError
from unsynth.synths.base import Concurrency, Note, check_note
from unsynth.synths.plugins import (
    NotAnInstrumentError,
    PluginLoadError,
    find_bundle,
    instrument,
    load,
    require_pedalboard,
)
from unsynth.synths.vst3_plugin import (
    FLUSH,
    HostParameter,
    chooses_preset,
    load_preset,
    make_new_instances,
    output_channels,
    parameter_names,
    parameter_texts,
    play_silence,
)

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

#: Raw values by parameter name.
RawPatch = Mapping[str, float]

#: Largest accepted difference between a raw value as set and as read back. Plugins round values to
#: steps of their own.
_TOLERANCE = 0.005


class PluginVersionError(EngineError):
    """The installed plugin has another version than the task, and so may sound different."""


class ParameterLostError(EngineError):
    """A parameter that does not keep the value it was set to."""


class VST3:
    """An instrument in a VST3 bundle, in stereo; a mono instrument plays on both channels.

    ``plugin`` is the path of a bundle, or its file name in the usual places, and ``name`` the
    instrument in it. ``preset``, the bytes of a ``.vstpreset`` file, is the base patch. ``fixed``
    holds raw values that every patch starts from. ``choices`` lists the raw values of parameters
    that only have a few; the plugin may move a value to the nearest of these.

    The plugin is loaded by the first call that needs it, on the main thread. Raises subclasses of
    :class:`EngineError` if another process could not load the bundle, and
    :class:`PluginVersionError` if the plugin is not of ``version``.
    """

    channels = 2
    concurrency = Concurrency.PROCESSES
    #: Whether each sound needs a new instance of the plugin, or :meth:`_clear` is enough.
    _makes_instances = True

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
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        require_pedalboard()
        self.sample_rate = sample_rate
        self._bundle = find_bundle(plugin)
        # Inspecting a bundle first protects the user's own process. A worker may crash, so it
        # skips this, unless it needs the name.
        if name is None or parent_process() is None:
            plugin_class = instrument(self._bundle, name)
            if version not in (None, plugin_class.version):
                raise PluginVersionError(
                    f"{self._bundle}: {plugin_class.name} is version {plugin_class.version}, the "
                    f"task is for {version}: install that version, or change `version` in the "
                    "task file, which then needs new sets and models"
                )
            name = plugin_class.name
        self._name: str = name
        self._preset = preset
        self._fixed = dict(fixed or {})
        self._choices = {key: np.asarray(raw) for key, raw in (choices or {}).items()}
        self._flush = flush
        self.deterministic = deterministic
        self._plugin: VST3Plugin | None = None
        self._outputs = self.channels
        self._index: dict[str, int] = {}
        self._base_values: dict[str, float] = {}
        #: Parameters that any patch has set so far: the next patch must set them back.
        self._changed_names: set[str] = set()
        self._render_count = 0

    @property
    def bundle(self) -> Path:
        """Path of the plugin's bundle."""
        return self._bundle

    def render(
        self, patch: RawPatch, note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "2 samples"]:
        """Play one note of a patch.

        Raises :class:`PatchError` for an unknown name or a value outside 0 to 1, and
        :class:`ParameterLostError` if the plugin does not keep a value.
        """
        check_note(note, seconds)
        samples = round(seconds * self.sample_rate)
        values = self._set(patch)
        audio = self._process(note, samples)
        self._check_values(values, self._host_values(values), "says")
        self._render_count += 1
        if self._render_count & (self._render_count - 1) == 0:  # a power of two
            self._check_values(values, self.state_values(values), "holds")
        return audio

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Write a patch as files that the plugin opens, by suffix: here a ``.vstpreset``.

        ``name`` is ignored, because this format stores none. Raises the errors of :meth:`render`.
        """
        values = self._set(patch)
        self._check_values(values, self.state_values(values), "holds")
        return {".vstpreset": bytes(self._open().preset_data)}

    def values(self) -> dict[str, float]:
        """Return the raw value of every parameter in the base patch, in the plugin's order."""
        self._open()
        return dict(self._base_values)

    def state_values(self, names: Iterable[str]) -> dict[str, float]:
        """Read raw values of parameters from the processor's state, not from the host's copy."""
        plugin = self._open()
        # Setting the state to itself makes the plugin read its values from it.
        plugin.raw_state = plugin.raw_state
        values = self._host_values(names)
        self._silence(FLUSH)
        return values

    def set_and_read(self, patch: RawPatch) -> dict[str, float]:
        """Set a patch; return its values as the plugin holds them, which may be rounded."""
        self._set(patch)
        return self.state_values(patch)

    def lost_parameters(self, patch: RawPatch) -> list[str]:
        """Set a patch; list its parameters that do not keep their values."""
        values = self._set(patch)
        state = self.state_values(patch)
        return [name for name in patch if not self._same(name, values[name], state[name])]

    def complaints(self, patches: Sequence[RawPatch]) -> list[str]:
        """List what is wrong with the way this plugin handles patches."""
        counts = Counter(name for patch in patches for name in self.lost_parameters(patch))
        return [
            f"{name} does not keep its value in {count} of {len(patches)} patches: leave it out"
            for name, count in counts.items()
        ]

    def describe(self) -> list[HostParameter]:
        """Describe all parameters, in the plugin's order. Reads 1,001 texts per parameter."""
        parameters = self._open()._parameters
        return [
            HostParameter(
                name,
                parameters[i].name,
                self._base_values[name],
                bool(parameters[i].is_automatable),
                parameter_texts(parameters[i].get_text_for_raw_value),
            )
            for name, i in self._index.items()
        ]

    # -- the plugin -------------------------------------------------------------------------

    def _open(self) -> "VST3Plugin":
        if threading.current_thread() is not threading.main_thread():
            raise EngineError(
                "a VST3 plugin works on the main thread only: use a Renderer, which renders in "
                "worker processes with one plugin each"
            )
        if self._plugin is None:
            try:
                plugin = load(self._bundle, self._name)
            except (ImportError, ValueError, RuntimeError) as error:
                raise PluginLoadError(f"{self._bundle} cannot be loaded: {error}") from None
            if not plugin.is_instrument:
                raise NotAnInstrumentError(
                    f"{self._name} in {self._bundle} is an effect, not an instrument: it plays no "
                    "notes"
                )
            if self._makes_instances:
                make_new_instances(plugin)
            self._plugin = plugin
            self._outputs = output_channels(plugin)
            self._prepare(plugin)
            self._index = {name: i for i, name in enumerate(self._names(plugin))}
            self._base_values = self._host_values(self._index)
        return self._plugin

    def _prepare(self, plugin: "VST3Plugin") -> None:
        """Load the base patch into a new plugin."""
        if self._preset is not None:
            load_preset(plugin, self._preset, self._outputs)

    def _names(self, plugin: "VST3Plugin") -> list[str]:
        """Name the parameters of a plugin that holds its base patch."""
        return parameter_names(plugin)

    def _set(self, patch: RawPatch) -> dict[str, float]:
        """Set a patch's values, let them reach the processor, and return all values set."""
        plugin = self._open()
        changes = {**self._fixed, **patch}
        for name, value in changes.items():
            if name not in self._index:
                near = get_close_matches(name, self._index, 1)
                hint = f"; the nearest is {near[0]}" if near else ""
                raise PatchError(f"{self._name} has no parameter {name!r}{hint}")
            if not 0.0 <= value <= 1.0:
                raise PatchError(f"{name}: {value} is not within 0 to 1")
        values = {name: self._base_values[name] for name in sorted(self._changed_names)} | changes
        choosers = [name for name in changes if chooses_preset(name)]
        others = [name for name in self._index if choosers and name not in values]
        before = self._host_values(others)
        self._changed_names |= set(changes)
        # Read again for each patch: a new instance has new parameter objects, and using the old
        # ones crashes the process.
        parameters = plugin._parameters
        for name, value in values.items():
            parameters[self._index[name]].raw_value = value
        self._silence(self._flush)
        # Such a program shows in the host, but need not sound (mda JX10 with pedalboard 0.9.26).
        changed = [
            name for name, value in self._host_values(others).items() if value != before[name]
        ]
        if changed:
            self._changed_names |= set(changed)
            raise PatchError(
                f"{choosers[0]} chooses a preset: it changes {len(changed)} parameters that the "
                f"patch does not set, such as {changed[0]}; leave it out and set these"
            )
        return values

    def _process(self, note: Note, samples: int) -> Float32[np.ndarray, "2 samples"]:
        """Play a note on a plugin that holds nothing of an earlier sound."""
        self._clear()
        off = note.onset + note.duration
        # The host drops events past the end.
        events: list[Any] = [
            (bytes([0x90, note.pitch, note.velocity]), note.onset),
            (bytes([0x80, note.pitch, 0]), off),
        ]
        audio = self._open()(
            events,
            # The host computes the length in float32 and may return one or two samples too few.
            duration=(samples + 2) / self.sample_rate,
            sample_rate=float(self.sample_rate),
            num_channels=self._outputs,
            reset=True,
        )
        stereo = np.broadcast_to(audio[:, :samples], (self.channels, samples))
        return np.array(stereo, dtype=np.float32, order="C")

    def _clear(self) -> None:
        """End what still sounds. A new instance has nothing to end."""

    def _silence(self, seconds: float) -> None:
        if seconds > 0:
            play_silence(self._open(), seconds, self._outputs)

    def _host_values(self, names: Iterable[str]) -> dict[str, float]:
        """Read raw values as the host reports them, which may differ from the processor's."""
        assert self._plugin is not None
        parameters = self._plugin._parameters
        return {name: float(parameters[self._index[name]].raw_value) for name in names}

    def _check_values(self, expected: RawPatch, actual: RawPatch, verb: str) -> None:
        """Raise :class:`ParameterLostError` at the first value that differs."""
        for name, value in expected.items():
            if not self._same(name, value, actual[name]):
                raise ParameterLostError(
                    f"{name} does not stick: it was set to {value:g}, {self._name} {verb} "
                    f"{actual[name]:g}; leave it out of the task, or set `flush` to more than "
                    f"{self._flush:g} s"
                )

    def _same(self, name: str, expected: float, actual: float) -> bool:
        if abs(expected - actual) <= _TOLERANCE:
            return True
        choices = self._choices.get(name)
        if choices is None:
            return False
        return bool(np.abs(choices - expected).argmin() == np.abs(choices - actual).argmin())


class VST3Settings(BaseModel):
    """The ``engine`` section of a task file; ``preset`` is the path of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    plugin: str = Field(min_length=1)
    name: str | None = None
    version: str | None = None
    preset: str | None = None
    flush: float = Field(default=FLUSH, ge=0.0, le=60.0)
    deterministic: bool = False


class VST3Engine:
    """A VST3 instrument for declared tasks; paths in ``settings`` are relative to ``folder``.

    Only :meth:`synth` and :meth:`files` need the plugin. The identity follows from the settings
    alone, so sets and models can be read on machines without the plugin.
    """

    package = "pedalboard"
    sample_rate, channels = SAMPLE_RATE, VST3.channels

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        self.settings = _parse_settings(settings)
        local = folder / self.settings.plugin
        self._plugin = str(local) if local.exists() else self.settings.plugin
        self._preset: bytes | None = None
        if self.settings.preset is not None:
            path = folder / self.settings.preset
            try:
                self._preset = read_bytes(path)
            except OSError as error:
                raise TaskError(
                    f"engine: preset {path} cannot be read ({error.strerror})"
                ) from None
            except DocumentError as error:
                raise TaskError(f"engine: preset {path} is {error}") from None

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]:
        """The range 0 to 1 for any name: only the plugin knows which names exist."""
        return _AnyControl()

    @property
    def identity(self) -> str:
        """Fingerprint of the plugin, its version and its base patch."""
        preset = None if self._preset is None else hashlib.sha256(self._preset).hexdigest()
        name = self.settings.name or Path(self.settings.plugin).stem
        return json.dumps(["vst3", name, self.settings.version, preset])

    def synth(self, sample_rate: int = SAMPLE_RATE) -> VST3:
        """Make an engine."""
        return VST3(
            self._plugin,
            self.settings.name,
            preset=self._preset,
            flush=self.settings.flush,
            deterministic=self.settings.deterministic,
            version=self.settings.version,
            sample_rate=sample_rate,
        )

    def files(self, patch: RawPatch, name: str) -> dict[str, bytes]:
        """Write a patch as a ``.vstpreset``; see :meth:`VST3.files`."""
        return _cached_synth(self).files(patch, name)


@lru_cache(maxsize=1)
def _cached_synth(engine: VST3Engine) -> VST3:
    """Keep the synth of the last engine for its next patch: some plugins take seconds to load."""
    return engine.synth()


class _AnyControl(Mapping[str, tuple[float, float]]):
    """A mapping from any name to the range of raw values; it lists no names."""

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> tuple[float, float]:
        return 0.0, 1.0

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _parse_settings(settings: Mapping[str, Any]) -> VST3Settings:
    try:
        return VST3Settings.model_validate(dict(settings))
    except ValidationError as error:
        # Report an unknown key first: a misspelt key is often why another one is missing.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            near = get_close_matches(key, VST3Settings.model_fields, 1, 0.5)
            keys = ", ".join(VST3Settings.model_fields)
            hint = f"the nearest is {near[0]!r}" if near else f"the settings are {keys}"
            raise TaskError(f"engine: {key!r} is not known; {hint}") from None
        raise TaskError(f"engine: {key}: {first['msg'].lower()}") from None
