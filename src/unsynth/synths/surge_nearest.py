"""What a task can hold of any patch of Surge XT, and what of it can be heard and is lost.

A patch is a table of its elements here (:func:`unsynth.formats.surge.surge_parameters`). Numbers of
modulation sources, effect slots, types and scene modes are those of Surge XT 1.3.3.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from unsynth.documents import shown
from unsynth.errors import PatchError
from unsynth.formats.surge import MODULATIONS, Table

_OSCILLATORS = (
    *("Classic", "Sine", "Wavetable", "S&H Noise", "Audio In", "FM3", "FM2", "Window", "Modern"),
    *("String", "Twist", "Alias"),
)
_EFFECTS = (
    *("Off", "Delay", "Reverb 1", "Phaser", "Rotary Speaker", "Distortion", "EQ"),
    *("Frequency Shifter", "Conditioner", "Chorus", "Vocoder", "Reverb 2", "Flanger"),
    *("Ring Modulator", "Airwindows", "Neuron", "Graphic EQ", "Resonator", "CHOW", "Exciter"),
    *("Ensemble", "Combulator", "Nimbus", "Tape", "Treemonster", "Waveshaper", "Mid-Side Tool"),
    *("Spring Reverb", "Bonsai", "Audio Input"),
)
#: The element of an effect's mix, by the effect's type, for those that a task has.
_MIX = {1: "p10", 9: "p6", 11: "p9"}
#: Slots of insert effects by scene, those of the four sends, and those after the scenes.
_INSERTS = {"a": (1, 2, 9, 10), "b": (3, 4, 11, 12)}
_SENDS, _GLOBALS = (5, 6, 13, 14), (7, 8, 15, 16)
_SLOTS = range(1, 17)
#: The modulation sources that a patch may use; the first LFO has number 17.
_SOURCES = {
    **{1: "velocity", 2: "keytracking", 15: "the amp EG", 16: "the filter EG"},
    **{6 + n: f"macro {n}" for n in range(1, 9)},
    **{16 + n: f"LFO {n}" for n in range(1, 7)},
    **{22 + n: f"scene LFO {n}" for n in range(1, 7)},
}
_SEVENTH_MACRO, _FILTER_EG, _FIRST_LFO = 13, 16, 17
#: Sources that rest at 0 while one note is played and nothing else: aftertouch, pitch bend, wheel,
#: timbre, breath, expression and sustain.
_RESTING = {3, 4, 5, 6, 29, 35, 36, 37}
#: Parts of a scene's mixer.
_PARTS = ("o1", "o2", "o3", "ring12", "ring23", "noise")
#: Elements that only matter for several notes or for controllers. Surge ignores the bypass of
#: effects in a patch, and effects that are disabled have been taken out.
_NEVER_HEARD = {
    *("splitkey", "polylimit", "scene_active", "fx_disable", "fx_bypass", "a_polymode"),
    *("a_portamento", "a_pbrange_up", "a_pbrange_dn"),
}
#: Surge's values are 32 bits wide; the lowest stands for some that are not used.
_LARGEST = 2.0**31
#: Attributes that change what a value means, and what they are where they are missing.
_MEANINGS = {"temposync": 0, "extend_range": 0, "absolute": 0, "deactivated": 0, "deform_type": 0}
#: The Modern oscillator ignores these attributes on its second parameter.
_MEANINGLESS = re.compile(r"a_osc\d_param1")


def nearest_table(
    patch: Table, base: Table, elements: Collection[str]
) -> tuple[Table, set[str], list[str]]:
    """Express a patch, as far as possible, as a base patch with other values of ``elements``.

    Also returns the names of the elements that cannot be heard in one note, and what is lost, a
    line each, wrong types of oscillators and effects first. Raises
    :class:`~unsynth.errors.PatchError` if a value is no number.
    """
    for name, entry in patch.items():
        for key in ("value", *_MEANINGS):
            _check_number(name, str(entry.get(key, 0)))
    patch = _played_scene(_without_disabled_effects(patch))
    table, lost = _with_oscillators_of(base, _without_solos(patch))
    table = _with_open_filters(base, table)
    for convert in (_with_effects_of, _with_modulations_of):
        table, more = convert(base, table)
        lost += more
    unheard = _unheard_elements(table)
    table = _with_levels_for_mutes(table, elements)
    return table, unheard, lost + list(_differences(table, base, elements, unheard))


def with_eighth_macro(table: Table) -> Table:
    """Number the modulation sources of a patch with seven macros as in later ones."""
    return {
        name: {
            **entry,
            MODULATIONS: [
                {**each, "source": each["source"] + (each["source"] > _SEVENTH_MACRO)}
                for each in entry.get(MODULATIONS, ())
            ],
        }
        for name, entry in table.items()
    }


def _without_disabled_effects(table: Table) -> Table:
    """Take out the effects that are switched off."""
    disabled = int(_number(table, "fx_disable"))
    off = [f"fx{slot}_type" for slot in _SLOTS if disabled >> (slot - 1) & 1]
    changed = {name: _with_value(table, name, 0.0) for name in off if name in table}
    return {**table, **changed, "fx_disable": {"value": "0"}}


def _played_scene(table: Table) -> Table:
    """Exchange the scenes of a patch that plays only scene B, so that A is the one that plays."""
    if _number(table, "scenemode") or not _number(table, "scene_active"):
        return table
    slots = {
        f"fx{old}": f"fx{new}"
        for pair in zip(_INSERTS["a"], _INSERTS["b"], strict=True)
        for old, new in (pair, pair[::-1])
    }
    names = {"a": "b", "b": "a"} | slots
    exchanged = {}
    for name, entry in table.items():
        first, line, rest = name.partition("_")
        exchanged[names.get(first, first) + line + rest] = entry
    return exchanged


def _without_solos(table: Table) -> Table:
    """Mute what the solo switches of scene A silence, and set them back."""
    soloed = any(_number(table, f"a_solo_{part}") for part in _PARTS)
    changed = {}
    for part in _PARTS:
        silent = _number(table, f"a_mute_{part}") or (
            soloed and not _number(table, f"a_solo_{part}")
        )
        changed[f"a_mute_{part}"] = _with_value(table, f"a_mute_{part}", float(bool(silent)))
        changed[f"a_solo_{part}"] = _with_value(table, f"a_solo_{part}", 0.0)
    return {**table, **changed}


def _with_oscillators_of(base: Table, table: Table) -> tuple[Table, list[str]]:
    """Give oscillators of another type the type and the values that the base patch has."""
    changed, lost = dict(table), []
    for n in (1, 2, 3):
        kind, expected = (int(_number(each, f"a_osc{n}_type")) for each in (table, base))
        if kind != expected:
            if _is_used(table, n):
                names = (_name(_OSCILLATORS, each) for each in (kind, expected))
                lost.append("oscillator {} is {}, in the task {}".format(n, *names))
            # Modulations of another type's parameters mean nothing here.
            changed |= {
                name: {**entry, MODULATIONS: []}
                for name, entry in base.items()
                if name.startswith((f"a_osc{n}_type", f"a_osc{n}_param"))
            }
    return changed, lost


def _with_open_filters(base: Table, table: Table) -> Table:
    """Let filters that are off, and on in the base patch, be low-pass filters above all sound."""
    changed = {}
    for n in (1, 2):
        kind = f"a_filter{n}_type"
        if not _is_on(table, kind) and not float(base[kind].get("deactivated", 0)):
            values = {"type": 1.0, "subtype": 0.0, "cutoff": 70.0, "resonance": 0.0, "envmod": 0.0}
            for name, value in values.items():
                element = f"a_filter{n}_{name}"
                changed[element] = {**_with_value(base, element, value), MODULATIONS: []}
    return {**table, **changed}


def _with_effects_of(base: Table, table: Table) -> tuple[Table, list[str]]:
    """Put effects into the slots where the base patch has their kind, and take out the others.

    An effect that the patch lacks gets the mix 0.
    """
    inserts = [slot for slot in (*_INSERTS["a"], *_GLOBALS) if _effect(table, slot)]
    changed = {name: entry for name, entry in table.items() if not re.match(r"fx\d", name)}
    added = []
    for slot in _SLOTS:
        wanted = _effect(base, slot)
        found = next((each for each in inserts if _effect(table, each) == wanted), None)
        for source, prefix in ((base, f"fx{slot}_"), (table, f"fx{found}_")):
            changed |= {
                f"fx{slot}_{name.removeprefix(prefix)}": entry
                for name, entry in source.items()
                if name.startswith(prefix)
            }
        if found is not None:
            inserts.remove(found)
        elif wanted in _MIX:
            mix = f"fx{slot}_{_MIX[wanted]}"
            changed[mix] = _with_value(base, mix, 0.0)
        elif wanted:
            added.append(f"the task has {_name(_EFFECTS, wanted)}")
    sends = [
        slot
        for number, slot in enumerate(_SENDS, start=1)
        if _effect(table, slot) and _number(table, f"a_send_fx_{number}")
    ]
    lost = [f"the task has no {_name(_EFFECTS, _effect(table, slot))}" for slot in inserts + sends]
    return changed, lost + added


def _with_modulations_of(base: Table, table: Table) -> tuple[Table, list[str]]:
    """Give a patch the modulations of the base patch.

    Another depth becomes another amplitude of the LFO, and a missing modulation the amplitude 0, if
    the LFO has no other destination.
    """
    found = {(name, source): depth for name, source, depth in _modulations(table)}
    wanted = list(_modulations(base))
    ends = Counter(source for _, source, _ in wanted)
    changed, lost = dict(table), []
    for name, source, depth in wanted:
        share = found.pop((name, source), 0.0) / depth
        amplitude = f"a_lfo{source - _FIRST_LFO}_magnitude"
        if ends[source] == 1 and amplitude in table:
            value = _number(table, amplitude) * abs(share)
            changed[amplitude] = _with_value(table, amplitude, value)
            if share < 0:
                lost.append(f"{_source(source)} modulates {name} with the opposite sign")
        elif not math.isclose(share, 1.0, rel_tol=1e-3):
            lost.append(f"{_source(source)} modulates {name} by another depth")
    return changed, lost + [f"{_source(source)} modulates {name}" for name, source in found]


def _with_levels_for_mutes(table: Table, elements: Collection[str]) -> Table:
    """Turn down the muted parts whose mute switch is not among ``elements``, and switch them on."""
    changed = {}
    for part in _PARTS:
        mute, level = f"a_mute_{part}", f"a_level_{part}"
        if _number(table, mute) and mute not in elements and level in elements:
            changed[mute] = _with_value(table, mute, 0.0)
            changed[level] = _with_value(table, level, 0.0)
    return {**table, **changed}


def _unheard_elements(table: Table) -> set[str]:
    """Name the elements that change nothing in one note of a patch that plays scene A.

    They belong to a part that is off, or to a modulator that modulates nothing.
    """
    unheard = set(_NEVER_HEARD)
    silent = [] if _number(table, "scenemode") else ["b_"]
    silent += [f"fx{slot}_p" for slot in _SLOTS if not _effect(table, slot)]
    for number, slot in enumerate(_SENDS, start=1):
        if not _effect(table, slot):
            unheard |= {f"a_send_fx_{number}", f"volume_FX{number}"}
    for part in _PARTS:
        if _number(table, f"a_mute_{part}"):
            unheard |= {f"a_level_{part}", f"a_route_{part}"}
            unheard |= {"a_noisecol"} if part == "noise" else set()
    silent += [f"a_osc{n}_" for n in (1, 2, 3) if not _is_used(table, n)]
    silent += [f"a_filter{n}_" for n in (1, 2) if not _is_on(table, f"a_filter{n}_type")]
    for switch, amount in (("a_ws_type", "a_ws_drive"), ("a_fm_switch", "a_fm_depth")):
        if not _is_on(table, switch):
            unheard.add(amount)
    sources = {source for _, source, _ in _modulations(table)}
    for n in range(12):
        if _FIRST_LFO + n not in sources or not _number(table, f"a_lfo{n}_magnitude"):
            silent.append(f"a_lfo{n}_")
    if _FILTER_EG not in sources and not any(_number(table, f"a_filter{n}_envmod") for n in (1, 2)):
        silent.append("a_env2_")
    for n in (1, 2):
        if _number(table, f"a_env{n}_mode"):  # The analog envelope has shapes of its own.
            silent += [f"a_env{n}_{stage}_shape" for stage in ("attack", "decay", "release")]
    unheard |= {name for name in table if name.startswith(tuple(silent))}
    switches = {
        name for name in unheard if re.fullmatch(r"a_filter\d_type|a_lfo\d_magnitude", name)
    }
    return unheard - switches


def _differences(
    table: Table, base: Table, elements: Collection[str], unheard: Collection[str]
) -> Iterator[str]:
    """Yield how values and their meanings differ from a base patch, a line each."""
    for name in {**base, **table}:
        if name in unheard:
            continue
        one, other = table.get(name, {}), base.get(name, {})
        if name not in elements and abs(_value(one) - _value(other)) > 1e-4:
            yield f"{name} is {_value(one):g}, in the task {_value(other):g}"
        if _MEANINGLESS.fullmatch(name):
            continue
        for key, missing in _MEANINGS.items():
            found, expected = (int(float(each.get(key, missing))) for each in (one, other))
            if found != expected:
                yield f"{name}: {key} is {found}, in the task {expected}"


def _modulations(table: Table) -> Iterator[tuple[str, int, float]]:
    """Yield destination, source and depth of each modulation of scene A that does something."""
    for name, entry in table.items():
        for each in entry.get(MODULATIONS, ()):
            if not name.startswith("b_") and each["depth"] and each["source"] not in _RESTING:
                yield name, each["source"], each["depth"]


def _effect(table: Table, slot: int) -> int:
    """Return the type of the effect in a slot; 0 for none."""
    return int(_number(table, f"fx{slot}_type"))


def _is_used(table: Table, oscillator: int) -> bool:
    """Say whether an oscillator of scene A is heard, or makes another part sound."""
    rings = {1: ("ring12",), 2: ("ring12", "ring23"), 3: ("ring23",)}[oscillator]
    parts = (f"o{oscillator}", *rings)
    modulates = oscillator > 1 and _number(table, "a_fm_switch") != 0
    return modulates or any(not _number(table, f"a_mute_{part}") for part in parts)


def _is_on(table: Table, element: str) -> bool:
    entry: Mapping[str, Any] = table.get(element, {})
    return _value(entry) != 0 and not float(entry.get("deactivated", 0))


def _check_number(name: str, text: str) -> None:
    try:
        sane = abs(float(text)) <= _LARGEST
    except ValueError:
        sane = False
    if not sane:
        raise PatchError(f"{name}: {shown(text)} is not a value of Surge XT: save the patch again")


def _source(number: int) -> str:
    return _SOURCES.get(number, f"source {number}")


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"type {number}"


def _with_value(table: Table, element: str, value: float) -> dict[str, Any]:
    return {**table.get(element, {}), "value": str(value)}


def _number(table: Table, element: str) -> float:
    return _value(table.get(element, {}))


def _value(entry: Mapping[str, Any]) -> float:
    return float(entry.get("value", 0))
