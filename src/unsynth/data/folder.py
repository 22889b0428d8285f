"""The folder of a dataset's files: on this machine, or in any place that fsspec reaches.

A file appears whole: it is written under another name, flushed to the disk and renamed. Object
stores need no such care, as an upload there is whole by itself.
"""

import io
import os
from pathlib import Path
from typing import cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from unsynth.data.external import DatasetError
from unsynth.files import replacing


class Folder:
    """A folder, given as a path or as a URL such as ``s3://bucket/set``.

    Its methods raise :class:`DatasetError` if it cannot be read or written.
    """

    def __init__(self, url: str | Path) -> None:
        self.url = str(url)
        try:
            self._system, root = fsspec.url_to_fs(self.url)
        except Exception as error:  # Each file system raises errors of its own kinds.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DatasetError(f"{self.url}: cannot be reached ({reason})") from None
        self._root = root.rstrip("/")

    @property
    def local(self) -> Path | None:
        """The path on this machine; ``None`` for a folder elsewhere."""
        return Path(self._root) if isinstance(self._system, LocalFileSystem) else None

    def make(self) -> None:
        """Make the folder, and check that it can be written."""
        try:
            self._system.makedirs(self._root, exist_ok=True)
            if self.local is not None and not os.access(self.local, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise self._refusal(error) from None

    def names(self) -> set[str]:
        """List the names of the files."""
        try:
            paths = self._system.ls(self._root, detail=False)
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise self._refusal(error) from None
        return {str(path).rstrip("/").rsplit("/", 1)[-1] for path in paths}

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        return int(self._system.size(f"{self._root}/{name}"))

    def open(self, name: str) -> io.IOBase:
        """Open a file for reading."""
        try:
            return cast(io.IOBase, self._system.open(f"{self._root}/{name}", "rb"))
        except FileNotFoundError:
            raise DatasetError(f"{self.url}/{name} is missing") from None
        except OSError as error:
            raise self._refusal(error) from None

    def read(self, name: str, most: int = 1_000_000_000) -> bytes:
        """Read a whole file of at most ``most`` bytes."""
        with self.open(name) as file:
            data = cast(bytes, file.read(most + 1))
        if len(data) > most:
            raise DatasetError(f"{self.url}/{name} has more than {most:,} bytes")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file; a failure leaves nothing of it behind."""
        local = self.local
        if local is None:
            try:
                self._system.pipe_file(f"{self._root}/{name}", data)
            except OSError as error:
                raise self._refusal(error) from None
            return
        try:
            with replacing(local / name) as unfinished, unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._refusal(error) from None

    def _refusal(self, error: OSError) -> DatasetError:
        reason = error.strerror or str(error)
        return DatasetError(
            f"{self.url}: {reason}; finished files are kept: solve this and run the command again"
        )
