"""Patches of Surge XT: XML in a chunk, which an ``.fxp`` or a ``.vstpreset`` holds.

The chunk, little-endian: ``sub3``, u32 length of the XML, six u32 sizes of wavetables, the XML,
then the wavetables, and in a preset 31 bytes of the plugin's framework. A patch's parameters are
the elements below ``<parameters>``. Their ``<modrouting>`` children are their modulations.
"""

import math
import re
import struct
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unsynth.documents import shown
from unsynth.errors import PatchError
from unsynth.formats.vst import Program, VSTPreset, write_fxp

_HEAD = struct.Struct("<4sI6I")
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>'
#: The 4-character id of Surge XT.
PLUGIN = "cjs3"
#: The deepest XML that is read; that of Surge XT is 5 deep.
_MOST_DEPTH = 64
#: A numeric character reference, and the characters that XML 1.0 forbids.
_REFERENCE = re.compile("&#(x[0-9a-fA-F]{1,8}|[0-9]{1,8});")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: The key of a parameter's modulations in a table, among its attributes.
MODULATIONS = "modulations"

#: State of a session that is not part of a patch: no MPE, twelve equal steps, no remote control.
_SESSION = {
    "mpeEnabled": 0,
    "monoPedalMode": 0,
    "oscStartIn": 0,
    "oscStartOut": 0,
    "disconnectFromOddSoundMTS": 1,
    "hasTuning": 0,
    "hasMapping": 0,
    "mapChannelToOctave": 0,
}

#: Attributes of each parameter by name; under :data:`MODULATIONS` a list of sources and depths.
Table = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class SurgePatch:
    """A patch: XML without its declaration, sizes of wavetables, and the bytes after the XML."""

    xml: bytes
    wavetables: Sequence[int]
    rest: bytes


def read_surge_patch(chunk: bytes) -> SurgePatch:
    """Read a chunk; raise :class:`PatchError` for bytes that are no patch, or a damaged one."""
    try:
        magic, size, *wavetables = _HEAD.unpack_from(chunk)
    except struct.error:
        raise PatchError("this Surge patch is cut off: save it again") from None
    xml, rest = chunk[_HEAD.size : _HEAD.size + size], chunk[_HEAD.size + size :]
    if magic != b"sub3" or not xml.startswith(_DECLARATION):
        raise PatchError("not a patch of Surge XT: save it from Surge XT 1.3")
    if sum(wavetables) > len(rest):
        raise PatchError("this Surge patch is cut off within its wavetables: save it again")
    patch = SurgePatch(_valid(xml.removeprefix(_DECLARATION)), tuple(wavetables), rest)
    # Python's writer of XML calls itself once per level.
    if _depth(_root(patch)) > _MOST_DEPTH:
        raise PatchError(
            f"this Surge patch's XML is nested more than {_MOST_DEPTH} deep: save it again"
        )
    return patch


def write_surge_patch(patch: SurgePatch) -> bytes:
    """Write a chunk."""
    xml = _DECLARATION + patch.xml
    return _HEAD.pack(b"sub3", len(xml), *patch.wavetables) + xml + patch.rest


def edit_surge_patch(patch: SurgePatch, table: Table) -> SurgePatch:
    """Set attributes and modulations of parameters, and add the parameters that are missing.

    A modulation replaces that of the same source. Raises :class:`PatchError` for damaged XML.
    """
    root = _root(patch)
    parameters = _parameters(root)
    for name, entry in table.items():
        element = parameters.find(name)
        if element is None:
            element = ET.SubElement(parameters, name)
        for key, value in entry.items():
            if key != MODULATIONS:
                element.set(key, str(value))
        for modulation in entry.get(MODULATIONS, ()):
            _modulate(element, modulation["source"], modulation["depth"])
    return replace(patch, xml=ET.tostring(root))


def surge_differences(patch: SurgePatch, table: Table) -> Iterator[str]:
    """Describe each attribute and modulation of a patch that differs from a table's.

    Values may differ by 1e-4, depths of modulations by 1e-4 of themselves.
    """
    parameters = _parameters(_root(patch))
    for name, entry in table.items():
        element = parameters.find(name)
        if element is None:
            yield f"{name} is missing"
            continue
        for key, value in entry.items():
            if key == MODULATIONS:
                continue
            text = element.get(key)
            if text is None or not _equal(text, str(value)):
                yield f"{name}: {key} is {text}, not {value}"
        routings = _routings(element)
        for modulation in entry.get(MODULATIONS, ()):
            source, depth = modulation["source"], modulation["depth"]
            if not math.isclose(routings.get(source, math.nan), depth, rel_tol=1e-4):
                yield f"{name}: depth of source {source} is {routings.get(source)}, not {depth}"


def surge_parameters(patch: SurgePatch) -> Table:
    """List all parameters with their attributes and modulations, as a table.

    A muted modulation has the depth 0. Raises :class:`PatchError` for damaged XML.
    """
    return {
        element.tag: {
            **element.attrib,
            MODULATIONS: [
                {"source": source, "depth": depth} for source, depth in _routings(element).items()
            ],
        }
        for element in _parameters(_root(patch))
    }


def surge_name(patch: SurgePatch) -> str:
    """Read a patch's name; "" if it has none."""
    meta = _root(patch).find("meta")
    return "" if meta is None else meta.get("name", "")


def surge_revision(patch: SurgePatch) -> str:
    """Read the revision of a patch's format; "" if it has none."""
    return _root(patch).get("revision", "")


def rename_surge_patch(patch: SurgePatch, name: str) -> SurgePatch:
    """Give a patch another name, and remove author and license: it is no longer their work."""
    root = _root(patch)
    meta = root.find("meta")
    if meta is None:
        meta = ET.SubElement(root, "meta")
    meta.attrib.update(name=name, category="unsynth", author="", license="")
    return replace(patch, xml=ET.tostring(root))


def reset_surge_session(patch: SurgePatch) -> SurgePatch:
    """Add the state of a session, so that a user's own (MPE, tunings) does not stay in the plugin.

    Source: the plugin's ``dawExtraState``, as Surge XT 1.3.3 reads it.
    """
    root = _root(patch)
    session = ET.SubElement(root, "dawExtraState", populated="1")
    for name, value in _SESSION.items():
        ET.SubElement(session, name, v=str(value))
    return replace(patch, xml=ET.tostring(root))


def surge_fxp(patch: SurgePatch, name: str) -> bytes:
    """Write a patch as an ``.fxp`` file, which Surge XT's own browser opens."""
    own = replace(patch, rest=patch.rest[: sum(patch.wavetables)])
    return write_fxp(Program(PLUGIN, name, write_surge_patch(own)))


def surge_preset(preset: VSTPreset, patch: SurgePatch) -> VSTPreset:
    """Replace the patch in a preset."""
    return replace(preset, chunks={**preset.chunks, "Comp": write_surge_patch(patch)})


def _valid(xml: bytes) -> bytes:
    """Drop what XML forbids and Surge reads: control characters, and letters of another encoding.

    A few of the patches that come with Surge have them in names.
    """
    text = xml.decode("utf-8", errors="replace")
    text = _REFERENCE.sub(lambda m: "" if _FORBIDDEN.fullmatch(_character(m[1])) else m[0], text)
    return _FORBIDDEN.sub("", text).encode()


def _character(number: str) -> str:
    """Return the character of a reference; one that is forbidden for a number too large."""
    code = int(number[1:], 16) if number[0] == "x" else int(number)
    return chr(code) if code <= sys.maxunicode else "\0"


def _root(patch: SurgePatch) -> ET.Element:
    try:
        return ET.fromstring(patch.xml)
    except ET.ParseError as error:
        reason = str(error)
    except (ValueError, LookupError):  # It declares another encoding.
        reason = "it is not in UTF-8"
    raise PatchError(f"this Surge patch's XML is damaged ({reason}): save it again")


def _depth(root: ET.Element) -> int:
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
    return depth


def _parameters(root: ET.Element) -> ET.Element:
    parameters = root.find("parameters")
    if parameters is None:
        raise PatchError("this Surge patch has no parameters: save it again")
    return parameters


def _modulate(element: ET.Element, source: int, depth: float) -> None:
    for routing in element.findall("modrouting"):
        if routing.get("source") == str(source):
            element.remove(routing)
    attributes = {"source": str(source), "depth": str(depth), "muted": "0", "source_index": "0"}
    ET.SubElement(element, "modrouting", attributes)


def _routings(element: ET.Element) -> dict[int, float]:
    routings = {}
    for routing in element.findall("modrouting"):
        source, depth = routing.get("source", "-1"), routing.get("depth", "nan")
        if routing.get("muted", "0") != "0":
            depth = "0"
        try:
            routings[int(source)] = float(depth)
            if not math.isfinite(routings[int(source)]):
                raise ValueError
        except ValueError:
            raise PatchError(
                f"{element.tag}: a modulation is damaged (source {shown(source)}, depth "
                f"{shown(depth)}): save it again"
            ) from None
    return routings


def _equal(text: str, expected: str) -> bool:
    try:
        # The plugin keeps float32, and a host scales its numbers to ranges of up to 200.
        return abs(float(text) - float(expected)) < 1e-4
    except ValueError:
        return text == expected
