"""WAV files whose header says that they hold no samples, though samples follow.

Programs that write to a pipe cannot go back to the header, so some leave a length of 0 there.
libsndfile believes it. It takes the longest possible length, which other such programs write, to
mean the rest of the file; so these files are opened as if they said that.
"""

import io
from pathlib import Path

#: Bytes of a RIFF header, and of the header of a chunk in it.
_RIFF, _CHUNK = 12, 8


def open_unfinished(path: Path) -> io.RawIOBase | None:
    """Open a WAV file whose last chunk is samples of length 0, if bytes follow; else ``None``."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_RIFF)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        start = _RIFF
        while start + _CHUNK < size:
            file.seek(start)
            chunk = file.read(_CHUNK)
            if not _is_name(chunk[:4]):  # zeros would be millions of empty chunks
                return None
            length = int.from_bytes(chunk[4:], "little")
            start += _CHUNK + length + length % 2
            if chunk[:4] == b"data":
                if length == 0 and not _are_chunks(file, start, size):
                    return _Unfinished(path, start - 4)
                return None
    return None


def _are_chunks(file: io.BufferedReader, start: int, size: int) -> bool:
    """Say whether the rest of a file is whole chunks, as after samples that really are none."""
    while start < size:
        file.seek(start)
        chunk = file.read(_CHUNK)
        if len(chunk) < _CHUNK or not _is_name(chunk[:4]):
            return False
        length = int.from_bytes(chunk[4:], "little")
        start += _CHUNK + length + length % 2
    return start in (size, size + 1)


def _is_name(chunk: bytes) -> bool:
    """Say whether bytes can name a chunk."""
    return chunk.isascii() and chunk.decode().isprintable()


class _Unfinished(io.FileIO):
    """A file whose four bytes at a place read as the largest number."""

    def __init__(self, path: Path, place: int) -> None:
        super().__init__(path)
        self._place = place

    def readinto(self, buffer: object, /) -> int:
        """Read as :class:`io.FileIO` does, with the other four bytes."""
        start, view = self.tell(), memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = super().readinto(view)
        for place in range(max(start, self._place), min(start + count, self._place + 4)):
            view[place - start] = 0xFF
        return count
