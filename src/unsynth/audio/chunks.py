"""The chunks of WAV and AIFF files: a name, a length and so many bytes, one after the other."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: Bytes of the header of a file, and of that of a chunk in it.
_FILE_HEADER, _CHUNK_HEADER = 12, 8
#: The order of the bytes of numbers, by the first bytes of a file and those of its kind.
_ORDERS: dict[tuple[bytes, bytes], Literal["little", "big"]] = {
    (b"RIFF", b"WAVE"): "little",
    (b"FORM", b"AIFF"): "big",
    (b"FORM", b"AIFC"): "big",
}


@dataclass(frozen=True)
class Chunk:
    """A chunk: its name, and where in the file its bytes are."""

    name: bytes
    start: int
    length: int

    @property
    def end(self) -> int:
        """Where the next chunk begins: lengths are padded to even numbers."""
        return self.start + self.length + self.length % 2


def read_chunks(file: io.BufferedReader, size: int) -> Iterator[Chunk]:
    """Find the chunks of a WAV or AIFF file of ``size`` bytes; there are none in other files."""
    file.seek(0)
    head = file.read(_FILE_HEADER)
    order = _ORDERS.get((head[:4], head[8:]))
    if order is not None:
        yield from chunks_from(file, _FILE_HEADER, size, order)


def chunks_from(
    file: io.BufferedReader, start: int, size: int, order: Literal["little", "big"] = "little"
) -> Iterator[Chunk]:
    """Find the chunks from a place on, until there are none or bytes that name no chunk."""
    while start + _CHUNK_HEADER <= size:
        file.seek(start)
        header = file.read(_CHUNK_HEADER)
        name = header[:4]
        if not (name.isascii() and name.decode().isprintable()):  # such as a million zeros
            return
        chunk = Chunk(name, start + _CHUNK_HEADER, int.from_bytes(header[4:], order))
        yield chunk
        start = chunk.end
