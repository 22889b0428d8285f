"""A loaded VST3 plugin: its output channels, its presets, its parameters and their texts.

The functions here take a bare plugin of ``pedalboard`` and keep no state of their own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unsynth.conventions import SAMPLE_RATE
from unsynth.errors import PatchError
from unsynth.formats.vst import read_vstpreset
from unsynth.synths.plugins import PluginLoadError

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

#: Seconds of silence after which a value has reached the plugin's processor.
FLUSH = 0.02

#: Seconds of silence after loading a preset, so that the plugin takes it over.
_PRESET_FLUSH = 0.05

#: Matches the name of a parameter that chooses one of the plugin's presets.
PRESET_CHOOSER = r"\b(program|preset|patch|bank)s?\b"

#: Number of steps from 0 to 1 at which a parameter's text is read.
_TEXT_STEPS = 1000


@dataclass(frozen=True)
class HostParameter:
    """A parameter as the plugin describes it.

    ``name`` is unique, ``label`` is the name that the plugin prints, and ``initial`` is the raw
    value in the base patch. ``texts`` holds every text that the plugin prints between 0 and 1, each
    with the range of raw values that it stands for. The ends of the ranges are accurate to 1/1000.
    """

    name: str
    label: str
    initial: float
    automatable: bool
    texts: tuple[tuple[str, float, float], ...]


def chooses_preset(name: str) -> bool:
    """Say whether a parameter chooses one of the plugin's presets, by its name."""
    return re.search(PRESET_CHOOSER, name.replace("_", " "), re.IGNORECASE) is not None


def make_new_instances(plugin: "VST3Plugin") -> None:
    """Have each later render with ``reset`` make a new instance of the plugin.

    pedalboard (0.9.26) does so by itself only for plugins without an audio input. If there is one,
    it sends noise into it, and trusts a plugin that is silent after a reset. An instrument that
    ignores its input passes that test and may still hold notes and tails (Surge XT does).
    """
    plugin._reload_type = type(plugin._reload_type).PersistsAudioOnReset


def output_channels(plugin: "VST3Plugin") -> int:
    """Return the number of channels a plugin plays: 2, or 1 if it cannot play 2.

    A render that asks for too many channels fails and loses the values that were just set, so
    this is tried before any are set. Raises :class:`PluginLoadError` for any other number.
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
    """Run a plugin for ``seconds`` without notes. A length of 0 would do nothing."""
    rate = float(SAMPLE_RATE)
    plugin([], duration=seconds, sample_rate=rate, num_channels=channels, reset=False)


def load_preset(plugin: "VST3Plugin", preset: bytes, channels: int = 2) -> None:
    """Load the bytes of a ``.vstpreset`` file into a plugin with ``channels`` output channels.

    The preset is set twice, because some plugins (Surge XT) ignore presets until they have
    processed something. Then the state is set to itself. Otherwise the host may still see the
    old values, and would set them in the next instance. Raises :class:`PatchError` if the preset
    belongs to another plugin, or if the plugin refuses or ignores it.
    """
    before, new = read_vstpreset(plugin.preset_data), read_vstpreset(preset)
    if before.class_id != new.class_id:
        raise PatchError(f"this preset is another plugin's, not {plugin.name}'s")
    try:
        for _ in range(2):
            plugin.preset_data = preset
            play_silence(plugin, _PRESET_FLUSH, channels)
    except RuntimeError:
        raise PatchError(
            f"{plugin.name} refuses this preset: it is damaged or of another version"
        ) from None
    plugin.raw_state = plugin.raw_state
    play_silence(plugin, _PRESET_FLUSH, channels)
    after = read_vstpreset(plugin.preset_data)
    if after.chunks == before.chunks != new.chunks:
        raise PatchError(f"{plugin.name} ignores this preset: it is damaged or of another version")


def parameter_names(plugin: "VST3Plugin") -> list[str]:
    """Name each parameter after the name that the plugin prints, in lower case with underscores.

    Repeated names get numbers: ``filter_mod``, ``filter_mod_2``.
    """
    from pedalboard._pedalboard import to_python_parameter_name

    # A dictionary keeps the order, and makes the search for a free name fast.
    names: dict[str, None] = {}
    for parameter in plugin._parameters:
        plain = name = to_python_parameter_name(parameter) or "unnamed"
        number = 2
        while name in names:
            name, number = f"{plain}_{number}", number + 1
        names[name] = None
    return list(names)


def parameter_texts(text: Callable[[float], str]) -> tuple[tuple[str, float, float], ...]:
    """List the texts of a parameter with their ranges of raw values.

    ``text`` gives the text of a raw value. Where it changes between two steps, the boundary is
    taken to be halfway between them.
    """
    ranges: list[tuple[str, float, float]] = []
    for step in range(_TEXT_STEPS + 1):
        label = text(step / _TEXT_STEPS).strip()
        if ranges and ranges[-1][0] == label:
            continue
        edge = max(0.0, (step - 0.5) / _TEXT_STEPS)
        if ranges:
            ranges[-1] = (*ranges[-1][:2], edge)
        ranges.append((label, edge, 1.0))
    return tuple(ranges)
