"""Containers of plugin states: ``.vstpreset`` (VST3) and ``.fxp`` (VST2), as bytes.

``.vstpreset``, little-endian (Steinberg, "VST 3 preset format"): ``VST3``, u32 version, 32
characters of class id, i64 offset of the list; chunks; at the offset ``List``, u32 count, and for
each chunk its 4-character id, i64 offset and i64 length.

``.fxp`` with an opaque chunk, big-endian: ``CcnK``, u32 length of what follows, ``FPCh``, u32 1,
the plugin's 4-character id, u32 its version, u32 programs, 28 bytes of name, u32 length, chunk.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from unsynth.errors import PatchError

_PRESET = struct.Struct("<4sI32sq")
_ENTRY = struct.Struct("<4sqq")
_PROGRAM = struct.Struct(">4sI4sI4sII28sI")


@dataclass(frozen=True)
class VSTPreset:
    """The chunks of a preset by their ids, in order; ``Comp`` is the processor's state."""

    class_id: str
    chunks: Mapping[str, bytes]


@dataclass(frozen=True)
class Program:
    """A program of a VST2 plugin: its 4-character id, a name and a chunk."""

    plugin: str
    name: str
    chunk: bytes


def read_vstpreset(data: bytes) -> VSTPreset:
    """Read a preset; raises :class:`PatchError` for bytes that are none."""
    try:
        magic, version, class_id, at = _PRESET.unpack_from(data)
        if (magic, version, data[at : at + 4]) != (b"VST3", 1, b"List"):
            raise PatchError("not a .vstpreset of version 1: save the preset again")
        (count,) = struct.unpack_from("<I", data, at + 4)
        entries = [_ENTRY.unpack_from(data, at + 8 + _ENTRY.size * i) for i in range(count)]
        if any(not 0 <= start <= start + size <= at for _, start, size in entries):
            raise PatchError("a .vstpreset whose list points outside of it: save the preset again")
        chunks = {name.decode("ascii"): data[start : start + size] for name, start, size in entries}
        return VSTPreset(class_id.decode("ascii"), chunks)
    except (struct.error, UnicodeDecodeError):
        raise PatchError("a .vstpreset that is cut off or damaged: save the preset again") from None


def write_vstpreset(preset: VSTPreset) -> bytes:
    """Write a preset, its chunks one after the other."""
    body, entries, at = b"", b"", _PRESET.size
    for name, chunk in preset.chunks.items():
        entries += _ENTRY.pack(name.encode("ascii"), at, len(chunk))
        body += chunk
        at += len(chunk)
    head = _PRESET.pack(b"VST3", 1, preset.class_id.encode("ascii"), at)
    return head + body + b"List" + struct.pack("<I", len(preset.chunks)) + entries


def read_fxp(data: bytes) -> Program:
    """Read a program; raises :class:`PatchError` for bytes that are none."""
    try:
        magic, _, kind, version, plugin, _, _, name, size = _PROGRAM.unpack_from(data)
        chunk = data[_PROGRAM.size : _PROGRAM.size + size]
        if (magic, kind, version) != (b"CcnK", b"FPCh", 1) or len(chunk) != size:
            raise PatchError("not a whole .fxp with a chunk: save the patch again")
        text = name.split(b"\0")[0].decode("utf-8", errors="replace")
        return Program(plugin.decode("ascii"), text, chunk)
    except (struct.error, UnicodeDecodeError):
        raise PatchError("an .fxp that is cut off or damaged: save the patch again") from None


def write_fxp(program: Program) -> bytes:
    """Write a program; a name is cut to 27 bytes."""
    name = program.name.encode()[:27].decode(errors="ignore").encode()
    # The length counts from after itself.
    size = _PROGRAM.size - 8 + len(program.chunk)
    plugin = program.plugin.encode("ascii")
    chunk = program.chunk
    return _PROGRAM.pack(b"CcnK", size, b"FPCh", 1, plugin, 1, 1, name, len(chunk)) + chunk
