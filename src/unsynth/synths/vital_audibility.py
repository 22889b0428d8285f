"""What of a patch of Vital can be heard in one note, and how two patches differ there."""

import base64
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np

from unsynth.documents import shown
from unsynth.formats.vital import SLOTS, Json, Route, VitalPatch, vital_controls

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
#: Vital changes wavetables of earlier versions as it loads them.
_FIRST_UNCONVERTED_TABLE = (0, 7, 7)
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


def unheard_controls(values: Mapping[str, float], routes: Sequence[Route]) -> set[str]:
    """Name the controls that change nothing in one note of a patch with these modulations.

    They belong to a part that is off, to a modulation source or slot that is free, to a tempo that
    nothing keeps, or to several notes. Controls that only seldom can be heard are not among them.
    """
    unheard = set(_NEVER_HEARD)
    slots = _slots_in_use(values, routes)
    sources = {routes[slot - 1][0] for slot in slots}
    parts = [name.removesuffix("_on") for name in vital_controls() if name.endswith("_on")]
    on = {part for part in parts if values[f"{part}_on"]}
    oscillators = {"osc_1", "osc_2", "osc_3"}
    if any(values[f"{each}_distortion_type"] >= _MODULATED_BY_ANOTHER for each in on & oscillators):
        on |= {*oscillators, "sample"}
    silent = [f"{part}_" for part in parts if part not in on]
    silent += [f"{source}_" for source in _SOURCES if source not in sources]
    silent += [f"modulation_{slot}_" for slot in range(1, SLOTS + 1) if slot not in slots]
    unheard |= {name for name in vital_controls() if name.startswith(tuple(silent))}
    # An amount of 0 is what makes a modulation do nothing, so it is no free choice.
    unheard -= {f"modulation_{slot}_amount" for slot, route in enumerate(routes, 1) if any(route)}
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


def _slots_in_use(values: Mapping[str, float], routes: Sequence[Route]) -> set[int]:
    """Number the slots whose modulation does something.

    One of amount 0 does nothing, unless its amount is modulated itself.
    """
    destinations = {destination for _, destination in routes}
    return {
        slot
        for slot, route in enumerate(routes, start=1)
        if any(route)
        and (values[f"modulation_{slot}_amount"] or f"modulation_{slot}_amount" in destinations)
    }


def in_slots_of(base: VitalPatch, patch: VitalPatch) -> VitalPatch:
    """Move the modulations of a patch to the slots where a base patch has the same ones.

    Those that the patch lacks are added with amount 0. The others follow, in the free slots. None
    moves if a modulation has another one as its destination, which it names by its slot.
    """
    waiting = [slot for slot, route in enumerate(patch.modulations) if any(route)]
    ends = [destination for _, destination in [*base.modulations, *patch.modulations]]
    may_move = not any(end.startswith("modulation_") for end in ends)
    order: list[int | None] = []
    for number, route in enumerate(base.modulations):
        same = [slot for slot in waiting if patch.modulations[slot] == route]
        found = next((slot for slot in same if may_move or slot == number), None)
        order.append(found)
        if found is not None:
            waiting.remove(found)
    order += waiting
    controls, routes = dict(patch.controls), [*base.modulations]
    for number, old in enumerate(order, start=1):
        if old is None:
            controls[f"modulation_{number}_amount"] = 0.0
            continue
        for part in ("amount", "bipolar", "bypass", "power", "stereo"):
            controls[f"modulation_{number}_{part}"] = patch.controls[f"modulation_{old + 1}_{part}"]
    routes += [patch.modulations[slot] for slot in waiting]
    return replace(patch, controls=controls, modulations=routes)


def audible_differences(
    patch: VitalPatch, base: VitalPatch, names: Collection[str], unheard: Collection[str]
) -> Iterator[str]:
    """Yield how a patch differs from a base patch, a line each.

    The controls in ``names`` may differ. What is in ``unheard``, names of parts, and steps of the
    sample by 1, which Vital makes when it saves, do not count.
    """
    added = [
        slot
        for slot in sorted(_slots_in_use(patch.controls, patch.modulations))
        if slot > len(base.modulations)
    ]
    for slot in added:
        yield f"the modulation {'>'.join(patch.modulations[slot - 1])} is not in this task"
    of_added = tuple(f"modulation_{slot}_" for slot in added)
    yield from (f"{what} is not read" for what in patch.others)
    tables = zip(patch.wavetables, base.wavetables, strict=True)
    for number, (table, base_table) in enumerate(tables, start=1):
        if not _equal(table, base_table, ("name", "author", "version")):
            yield f"the wavetable of oscillator {number} is not this task's"
        elif _is_converted(table.get("version")):
            version = shown(table["version"])
            yield f"the wavetable of oscillator {number} is of version {version}: Vital converts it"
    sources = {source for source, _ in base.modulations}
    for number, (lfo, base_lfo) in enumerate(zip(patch.lfos, base.lfos, strict=True), start=1):
        if f"lfo_{number}" in sources and not _equal(lfo, base_lfo, ("name",)):
            yield f"the shape of LFO {number} is not this task's triangle"
    if "sample_level" not in unheard and not _samples_equal(patch.sample, base.sample):
        yield "the sample is not this task's noise"
    for name, value in base.controls.items():
        if name in names or name in unheard or name.startswith(of_added):
            continue
        if not _close(patch.controls[name], value):
            yield (
                f"{name} is {patch.controls[name]:g} in this patch, and always {value:g} in this "
                "task"
            )


def _is_converted(version: Any) -> bool:
    """Say whether Vital changes a wavetable that is marked with this version as it loads it."""
    numbers = re.findall(r"\d{1,6}", version) if isinstance(version, str) else []
    return tuple(map(int, numbers)) < _FIRST_UNCONVERTED_TABLE


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
