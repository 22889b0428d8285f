"""Find out what parameters a VST3 instrument has, by asking the plugin and by listening to it.

The plugin reports names, texts, which parameters a host may automate, and which keep a value that
is set. Random patches show the rest: which parameters change nothing, which move in steps (two raw
values sound the same), and whether blocks with similar names are interchangeable.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial

import numpy as np

from unsynth.authoring.listening import ListeningProbe, ProbeProgress
from unsynth.authoring.plugin_process import PluginProcess
from unsynth.authoring.units import ProposedUnit, propose_units
from unsynth.errors import PatchError
from unsynth.rendering.renderer import Renderer
from unsynth.synths.plugins import PluginClass, find_bundle, instrument
from unsynth.synths.vst3 import VST3
from unsynth.synths.vst3_plugin import PRESET_CHOOSER, HostParameter

#: Number of random patches to listen to, by default.
PATCHES = 20
#: Patterns of printed names to leave out, each with its reason.
EXCLUSIONS = (
    (r"midi|\bcc ?\d+|\blearn\b|pitch ?(bend|wheel)|mod(ulation)? ?wheel|aftertouch|"
     r"channel pressure|sustain pedal|\bmpe\b", "played by hand or MIDI"),
    (r"bypass", "bypass"),
    (PRESET_CHOOSER, "chooses a preset"),
    (r"^(master|main|output|out|global|amp)?[ _]?(volume|gain|level|out|output)"
     r"( \(?d?b\)?)?$", "output gain"),
    (r"\b(polyphony|max voices|poly limit|oversampl\w*|quality|tempo|bpm)\b",
     "not part of a patch"),
)  # fmt: skip


@dataclass(frozen=True)
class ProbedParameter:
    """A parameter, with names and raw values of its ``choices`` if it moves in steps.

    ``excluded`` is the reason to leave it out, or empty; an ``inert`` one changes nothing.
    """

    host: HostParameter
    choices: tuple[tuple[str, float], ...] = ()
    excluded: str = ""
    inert: bool = False

    @property
    def name(self) -> str:
        """The name to set it by."""
        return self.host.name


@dataclass(frozen=True)
class Probe:
    """An instrument, its parameters, and whether it gives the same sound twice.

    ``units`` are blocks with interchangeable copies. ``unlike`` are blocks that only look so by
    their names, each with the distance (MSS, dB) by which an exchange changed a sound.
    """

    plugin: PluginClass
    parameters: tuple[ProbedParameter, ...]
    units: tuple[ProposedUnit, ...]
    unlike: tuple[tuple[ProposedUnit, float], ...]
    deterministic: bool
    patches: int


def probe(
    plugin: str,
    name: str | None,
    *,
    preset: bytes | None = None,
    leave_out: Sequence[str] = (),
    patches: int = PATCHES,
    seed: int = 0,
) -> Iterator[ProbeProgress | Probe]:
    """Probe an instrument with random patches; yield progress, and last the probe.

    Parameters that are left out stay as the plugin starts, or as in ``preset``, the bytes of a
    ``.vstpreset`` file. Raises :class:`~unsynth.errors.PatchError` for an unknown parameter,
    :class:`~unsynth.authoring.listening.SilentPluginError` if every patch is silent, and other
    :class:`~unsynth.errors.EngineError` s if the plugin cannot be used.
    """
    plugin_class = instrument(find_bundle(plugin), name)
    make = partial(VST3, plugin, plugin_class.name, preset=preset)
    yield ProbeProgress("asking the plugin", 0, 1)
    rng = np.random.default_rng(seed)
    with closing(PluginProcess(make, plugin_class.name)) as process:
        parameters = [
            ProbedParameter(host, excluded=exclusion_reason(host)) for host in process.describe()
        ]
        names = {p.name for p in parameters}
        if unknown := sorted(set(leave_out) - names):
            near = get_close_matches(unknown[0], names, 1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise PatchError(
                f"{plugin_class.name} has no parameter {unknown[0]!r} to leave out{hint}"
            )
        parameters = [
            replace(p, excluded=p.excluded or "you left it out") if p.name in leave_out else p
            for p in parameters
        ]
        steps = process.steps([p.host for p in parameters if not p.excluded])
        lost = process.lost([p.host for p in parameters if not p.excluded], steps, rng)
    parameters = [
        replace(p, excluded="does not keep a value") if p.name in lost else p for p in parameters
    ]
    candidates = [p.host for p in parameters if not p.excluded]
    with Renderer(partial(make, choices=steps)) as renderer:
        listening = ListeningProbe(renderer, candidates, steps, rng, patches)
        yield from listening.draw_patches()
        yield from listening.test_parameters()
        for i, p in enumerate(parameters):
            if not p.excluded:
                choices = listening.choices.get(p.name, ())
                parameters[i] = replace(p, choices=choices, inert=p.name not in listening.audible)
        used = {p.name: p for p in parameters if not (p.excluded or p.inert)}
        proposed = propose_units(tuple(used), lambda a, b: _same_values(used[a], used[b]))
        distances = []
        for done, unit in enumerate(proposed):
            yield ProbeProgress("testing interchangeable blocks", done, len(proposed))
            distances.append(listening.exchange_distance(unit))
    measured = list(zip(proposed, distances, strict=True))
    limit = listening.exchange_limit
    yield Probe(
        plugin=plugin_class,
        parameters=tuple(parameters),
        units=tuple(unit for unit, distance in measured if distance <= limit),
        unlike=tuple((unit, distance) for unit, distance in measured if not distance <= limit),
        deterministic=listening.deterministic,
        patches=listening.patches,
    )


def exclusion_reason(host: HostParameter) -> str:
    """Say why a parameter is no part of a patch; empty if it is."""
    if not host.automatable:
        return "not automatable"
    for pattern, reason in EXCLUSIONS:
        if re.search(pattern, host.label, re.IGNORECASE):
            return reason
    return "has only one value" if len(host.texts) == 1 and host.texts[0][0] else ""


def _same_values(first: ProbedParameter, second: ProbedParameter) -> bool:
    """Say whether two parameters take the same values, as far as their texts tell."""
    ends = [(p.host.texts[0][0], p.host.texts[-1][0]) for p in (first, second)]
    return first.choices == second.choices and ends[0] == ends[1]
