"""What of a patch of Vital can be heard in one note, and how two patches differ there."""

import base64
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from unsynth.formats.vital import Json, Route, VitalPatch, vital_controls

#: Controls that change Vital's window, or how several notes follow one another.
_NEVER_HEARD = (
    *("view_spectrogram", "osc_1_view_2d", "osc_2_view_2d", "osc_3_view_2d"),
    *("polyphony", "voice_priority", "voice_override", "legato"),
    *("portamento_force", "portamento_scale", "portamento_slope", "portamento_time"),
)
_EFFECTS = (
    *("chorus", "compressor", "delay", "distortion", "eq", "filter_fx", "flanger", "phaser"),
    "reverb",
)
#: What may keep time with the tempo or the key: the values of its ``sync`` that do.
_SYNCED = (
    *(f"lfo_{n}" for n in range(1, 9)),
    *(f"random_{n}" for n in range(1, 5)),
    *("chorus", "delay", "delay_aux", "flanger", "phaser"),
)
_TO_TEMPO, _TO_KEY = (1, 2, 3), 4
#: From this value of its ``distortion_type`` on, an oscillator is modulated by another or by the
#: sample, which may be off themselves.
_MODULATED_BY_ANOTHER = 7
#: Modulation sources with controls of their own. Envelope 1 is heard without a modulation.
_SOURCES = (
    *(f"env_{n}" for n in range(2, 7)),
    *(f"lfo_{n}" for n in range(1, 9)),
    *(f"random_{n}" for n in range(1, 5)),
)
#: Controls that are modulation sources themselves.
_SOURCE_CONTROLS = (*(f"macro_control_{n}" for n in range(1, 5)), "mod_wheel")
#: The most differences in a message.
_MOST_NAMED = 3


def unheard_controls(values: Mapping[str, float], routes: Sequence[Route]) -> set[str]:
    """Name the controls that change nothing in one note of a patch with these modulations.

    They belong to a part that is off, to a modulation source or slot that is free, to a tempo that
    nothing keeps, or to several notes. Controls that only seldom can be heard are not among them.
    """
    unheard = set(_NEVER_HEARD)
    sources = {source for source, _ in routes}
    parts = [name.removesuffix("_on") for name in vital_controls() if name.endswith("_on")]
    on = {part for part in parts if values[f"{part}_on"]}
    oscillators = {"osc_1", "osc_2", "osc_3"}
    if any(values[f"{each}_distortion_type"] >= _MODULATED_BY_ANOTHER for each in on & oscillators):
        on |= {*oscillators, "sample"}
    silent = [f"{part}_" for part in parts if part not in on]
    silent += [f"{source}_" for source in _SOURCES if source not in sources]
    used = [any(route) for route in routes]
    silent += [f"modulation_{n}_" for n in range(1, 65) if n > len(used) or not used[n - 1]]
    unheard |= {name for name in vital_controls() if name.startswith(tuple(silent))}
    unheard -= {f"{part}_on" for part in parts}
    unheard |= {name for name in _SOURCE_CONTROLS if name not in sources}
    keeps_tempo = False
    for part in _SYNCED:
        sync = round(values[f"{part}_sync"])
        if sync not in _TO_TEMPO:
            unheard.add(f"{part}_tempo")
        if sync != _TO_KEY:
            unheard |= {f"{part}_keytrack_transpose", f"{part}_keytrack_tune"}
        keeps_tempo |= sync in _TO_TEMPO and f"{part}_sync" not in unheard
    if not keeps_tempo:
        unheard.add("beats_per_minute")
    if values["pitch_wheel"] == 0:
        unheard.add("pitch_bend_range")
    if len(on.intersection(_EFFECTS)) <= 1:
        unheard.add("effect_chain_order")
    return unheard.intersection(vital_controls())


def describe_differences(
    patch: VitalPatch, base: VitalPatch, names: Collection[str], unheard: Collection[str]
) -> str:
    """Describe in one line how a patch differs from a base patch; "" if it does not.

    The controls in ``names`` may differ. What is in ``unheard``, names of parts, and steps of the
    sample by 1, which Vital makes when it saves, do not count.
    """
    found = list(_differences(patch, base, names, unheard))
    more = len(found) - _MOST_NAMED
    return "; ".join(found[:_MOST_NAMED]) + (f"; and {more} more differences" if more > 0 else "")


def _differences(
    patch: VitalPatch, base: VitalPatch, names: Collection[str], unheard: Collection[str]
) -> Iterator[str]:
    free = ("", "")
    routes = zip_longest(patch.modulations, base.modulations, fillvalue=free)
    for slot, (route, base_route) in enumerate(routes, start=1):
        if route != base_route:
            yield (
                f"modulation {slot} is {_route_text(route)} in this patch, not "
                f"{_route_text(base_route)}"
            )
    yield from (f"{what} is not read" for what in patch.others)
    tables = zip(patch.wavetables, base.wavetables, strict=True)
    for number, (table, base_table) in enumerate(tables, start=1):
        if not _equal(table, base_table, ("name", "author", "version")):
            yield f"the wavetable of oscillator {number} is not this task's"
    sources = {source for source, _ in base.modulations}
    for number, (lfo, base_lfo) in enumerate(zip(patch.lfos, base.lfos, strict=True), start=1):
        if f"lfo_{number}" in sources and not _equal(lfo, base_lfo, ("name",)):
            yield f"the shape of LFO {number} is not this task's triangle"
    if "sample_level" not in unheard and not _samples_equal(patch.sample, base.sample):
        yield "the sample is not this task's noise"
    for name, value in base.controls.items():
        if name not in names and name not in unheard and not _close(patch.controls[name], value):
            yield (
                f"{name} is {patch.controls[name]:g} in this patch, and always {value:g} in this "
                "task"
            )


def _equal(ours: Any, theirs: Any, left_out: Collection[str] = ()) -> bool:
    """Compare parts of JSON, but for some keys; Vital saves numbers as float32."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = (ours.keys() | theirs.keys()).difference(left_out)
        return all(k in ours and k in theirs and _equal(ours[k], theirs[k]) for k in keys)
    if isinstance(ours, list) and isinstance(theirs, list):
        pairs = zip_longest(ours, theirs)
        return all(_equal(mine, other) for mine, other in pairs)
    if any(
        isinstance(value, bool) or not isinstance(value, int | float) for value in (ours, theirs)
    ):
        return type(ours) is type(theirs) and bool(ours == theirs)
    return _close(float(ours), float(theirs))


def _close(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-5, abs_tol=1e-5)


def _samples_equal(sample: Json, base: Json) -> bool:
    if not _equal(sample, base, ("name", "samples")):
        return False
    pcm, base_pcm = (
        np.frombuffer(base64.b64decode(each["samples"]), "<i2").astype(int)
        for each in (sample, base)
    )
    return bool(np.abs(pcm - base_pcm).max() <= 1)


def _route_text(route: Route) -> str:
    return ">".join(route) if any(route) else "free"
