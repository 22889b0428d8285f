"""Containers of plugin states: ``.vstpreset`` (VST3) and ``.fxp`` (VST2), as bytes.

``.vstpreset``, little-endian (Steinberg, "VST 3 preset format"): ``VST3``, u32 version, 32
characters of class id, i64 offset of the list; then the chunks; at that offset ``List``, u32 count,
and for each chunk its 4-character id, i64 offset and i64 length.

``.fxp`` with an opaque chunk, big-endian: ``CcnK``, u32 length of the rest, ``FPCh``, u32 1, the
plugin's 4-character id, u32 version of the plugin, u32 programs, 28 bytes of name, u32 length of
the chunk, chunk.
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
    """A preset: its chunks by id, in order. ``Comp`` holds the state of the plugin's processor."""

    class_id: str
    chunks: Mapping[str, bytes]


@dataclass(frozen=True)
class Program:
    """A program of a VST2 plugin: the plugin's 4-character id, a name and a chunk."""

    plugin: str
    name: str
    chunk: bytes


def read_vstpreset(data: bytes) -> VSTPreset:
    """Read a ``.vstpreset``.

    Raises :class:`PatchError` for bytes that are no preset, or a damaged one.
    """
    try:
        magic, version, class_id, at = _PRESET.unpack_from(data)
        if (magic, version, data[at : at + 4]) != (b"VST3", 1, b"List"):
            raise PatchError("not a .vstpreset of version 1: save the preset again")
        (count,) = struct.unpack_from("<I", data, at + 4)
        entries = [_ENTRY.unpack_from(data, at + 8 + _ENTRY.size * i) for i in range(count)]
        if any(not 0 <= start <= start + size <= at for _, start, size in entries):
            raise PatchError("this .vstpreset's list points outside it: save the preset again")
        if sum(size for _, _, size in entries) > len(data):
            raise PatchError("this .vstpreset's chunks overlap: save the preset again")
        chunks = {name.decode("ascii"): data[start : start + size] for name, start, size in entries}
        return VSTPreset(class_id.decode("ascii"), chunks)
    except (struct.error, UnicodeDecodeError):
        raise PatchError("this .vstpreset is truncated or damaged: save the preset again") from None


def write_vstpreset(preset: VSTPreset) -> bytes:
    """Write a ``.vstpreset``: its chunks one after the other, then their list."""
    body, entries, at = b"", b"", _PRESET.size
    for name, chunk in preset.chunks.items():
        entries += _ENTRY.pack(name.encode("ascii"), at, len(chunk))
        body += chunk
        at += len(chunk)
    head = _PRESET.pack(b"VST3", 1, preset.class_id.encode("ascii"), at)
    return head + body + b"List" + struct.pack("<I", len(preset.chunks)) + entries


def read_fxp(data: bytes) -> Program:
    """Read an ``.fxp``.

    Raises :class:`PatchError` for bytes that are no program with a chunk, or a damaged one.
    """
    try:
        magic, _, kind, version, plugin, _, _, name, size = _PROGRAM.unpack_from(data)
        chunk = data[_PROGRAM.size : _PROGRAM.size + size]
        if (magic, kind, version) != (b"CcnK", b"FPCh", 1) or len(chunk) != size:
            raise PatchError("not a complete .fxp with a chunk: save the patch again")
        text = name.split(b"\0")[0].decode("utf-8", errors="replace")
        return Program(plugin.decode("ascii"), text, chunk)
    except (struct.error, UnicodeDecodeError):
        raise PatchError("this .fxp is truncated or damaged: save the patch again") from None


def write_fxp(program: Program) -> bytes:
    """Write an ``.fxp``. The name is cut to 27 bytes of UTF-8, at a whole character."""
    name = program.name.encode()[:27].decode(errors="ignore").encode()
    # The length counts the bytes after itself.
    size = _PROGRAM.size - 8 + len(program.chunk)
    plugin = program.plugin.encode("ascii")
    chunk = program.chunk
    return _PROGRAM.pack(b"CcnK", size, b"FPCh", 1, plugin, 1, 1, name, len(chunk)) + chunk
