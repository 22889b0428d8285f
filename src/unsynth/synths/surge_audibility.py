"""What of a patch of Surge XT can be heard in one note, and how two patches differ there.

A patch is a table of its elements here (:func:`unsynth.formats.surge.surge_parameters`). Numbers of
modulation sources, effect slots and scene modes are those of Surge XT 1.3.3.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from unsynth.formats.surge import MODULATIONS, Table

#: Attributes of an element that change what its value means, and their value if they are missing.
_MEANINGS = {"temposync": 0, "extend_range": 0, "absolute": 0, "deactivated": 0, "deform_type": 0}
#: Slots of insert effects by scene; then the slots of the four sends.
_INSERTS = {"a": (1, 2, 9, 10), "b": (3, 4, 11, 12)}
_SENDS = (5, 6, 13, 14)
_SLOTS = range(1, 17)
#: The number of LFOs per scene, and the modulation source of the first.
_LFOS, _FIRST_LFO = 12, 17
#: Sources that rest at 0 while one note is played and nothing else: aftertouch, pitch bend, wheel,
#: timbre, breath, expression and sustain. Macros rest where the patch has them.
_RESTING = {3, 4, 5, 6, 29, 35, 36, 37}
#: Parts of a scene's mixer.
_PARTS = ("o1", "o2", "o3", "ring12", "ring23", "noise")
#: Elements that only matter for several notes, or for controllers.
_NEVER_HEARD = (
    *("splitkey", "polylimit", "scene_active", "a_portamento", "a_pbrange_up", "a_pbrange_dn"),
)

_Elements = dict[str, dict[str, Any]]


def played_scene(table: Table) -> Table:
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


def without_solos(table: Table) -> Table:
    """Mute what the solo switches of scene A silence, and set them back."""
    soloed = any(_number(table, f"a_solo_{part}") for part in _PARTS)
    changed: _Elements = {}
    for part in _PARTS:
        mute, solo = f"a_mute_{part}", f"a_solo_{part}"
        if mute in table and solo in table:
            silent = _number(table, mute) or (soloed and not _number(table, solo))
            changed[mute] = {**table[mute], "value": str(int(bool(silent)))}
            changed[solo] = {**table[solo], "value": "0"}
    return {**table, **changed}


def unheard_elements(table: Table) -> set[str]:
    """Name the elements that change nothing in one note of a patch that plays scene A.

    They belong to a part that is off, or to an LFO that modulates nothing.
    """
    unheard = set(_NEVER_HEARD)
    silent = [] if _number(table, "scenemode") else ["b_", *(f"fx{n}_" for n in _INSERTS["b"])]
    disabled = int(_number(table, "fx_disable"))
    for slot in _SLOTS:
        if not _number(table, f"fx{slot}_type") or disabled >> (slot - 1) & 1:
            silent.append(f"fx{slot}_")
            if slot in _SENDS:
                send = _SENDS.index(slot) + 1
                unheard |= {f"a_send_fx_{send}", f"volume_FX{send}"}
    for part in _PARTS:
        if _number(table, f"a_mute_{part}"):
            unheard |= {f"a_level_{part}", f"a_route_{part}"}
    silent += [f"a_osc{n}_" for n in (1, 2, 3) if not _is_used(table, n)]
    for n in (1, 2):
        if not _is_on(table, f"a_filter{n}_type"):
            silent.append(f"a_filter{n}_")
    unheard |= {
        amount
        for switch, amount in (("a_ws_type", "a_ws_drive"), ("a_fm_switch", "a_fm_depth"))
        if not _is_on(table, switch)
    }
    sources = {source for _, source, _ in modulations(table)}
    silent += [f"a_lfo{n}_" for n in range(_LFOS) if _FIRST_LFO + n not in sources]
    unheard |= {name for name in table if name.startswith(tuple(silent))}
    return unheard - {name for name in table if re.fullmatch(r"fx\d+_type|a_filter\d_type", name)}


def modulations(table: Table) -> Iterator[tuple[str, int, float]]:
    """Yield destination, source and depth of each modulation that does something."""
    for name, entry in table.items():
        for each in entry.get(MODULATIONS, ()):
            if each["depth"] and each["source"] not in _RESTING:
                yield name, each["source"], each["depth"]


def audible_differences(
    table: Table, base: Table, elements: Collection[str], unheard: Collection[str]
) -> Iterator[str]:
    """Yield how a patch differs from a base patch, a line each.

    Values of ``elements`` may differ, and what is in ``unheard``. Modulations are not compared.
    """
    for name in {**base, **table}:
        if name in unheard:
            continue
        one, other = table.get(name), base.get(name)
        if one is None or other is None:
            yield f"{name} is only in {'the base patch' if one is None else 'this patch'}"
            continue
        if name not in elements and abs(_value(one) - _value(other)) > 1e-4:
            yield f"{name} is {_value(one):g}, in the task {_value(other):g}"
        for key, missing in _MEANINGS.items():
            found, expected = (int(float(each.get(key, missing))) for each in (one, other))
            if found != expected:
                yield f"{name}: {key} is {found}, in the task {expected}"


def _is_used(table: Table, oscillator: int) -> bool:
    """Say whether an oscillator of scene A is heard, or makes another part sound."""
    rings = {1: ("ring12",), 2: ("ring12", "ring23"), 3: ("ring23",)}[oscillator]
    parts = (f"o{oscillator}", *rings)
    modulates = oscillator > 1 and _number(table, "a_fm_switch") != 0
    return modulates or any(not _number(table, f"a_mute_{part}") for part in parts)


def _is_on(table: Table, element: str) -> bool:
    entry: Mapping[str, Any] = table.get(element, {})
    return _value(entry) != 0 and not float(entry.get("deactivated", 0))


def _number(table: Table, element: str) -> float:
    return _value(table.get(element, {}))


def _value(entry: Mapping[str, Any]) -> float:
    return float(entry.get("value", 0))
