"""WAV files whose header says that they hold no samples, though samples follow.

Programs that write to a pipe cannot go back to the header, so some leave a length of 0 there.
libsndfile believes it. It takes the longest possible length, which other such programs write, to
mean the rest of the file; so these files are opened as if they said that.
"""

import io
from pathlib import Path

from unsynth.audio.chunks import chunks_from, read_chunks


def open_unfinished(path: Path) -> io.RawIOBase | None:
    """Open a WAV file whose last chunk is samples of length 0, if bytes follow; else ``None``."""
    size = path.stat().st_size
    with path.open("rb") as file:
        samples = next((each for each in read_chunks(file, size) if each.name == b"data"), None)
        if samples is None or samples.length > 0 or _are_chunks(file, samples.end, size):
            return None
    return _Unfinished(path, samples.start - 4)


def _are_chunks(file: io.BufferedReader, start: int, size: int) -> bool:
    """Say whether the rest of a file is whole chunks, as after samples that really are none."""
    for chunk in chunks_from(file, start, size):
        start = chunk.end
    return start in (size, size + 1)


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
