"""The results in a folder, as ``unsynth match`` writes them: they are the page's only database."""

import hashlib
import json
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsynth.app.requests import NotThereError
from unsynth.errors import OutputError

#: Files larger than this are no ``patch.json`` of a match.
_MOST_BYTES = 16_000_000


@dataclass(frozen=True)
class Match:
    """One result: its folder and what a list of results shows of it.

    ``mss_db`` is the distance of the best patch, ``noise_floor_db`` that of its second render.
    """

    id: str
    folder: Path
    name: str
    task: str
    time: float
    mss_db: float
    noise_floor_db: float
    stopped: bool
    files: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Describe the match for the page."""
        return {
            "id": self.id,
            "name": self.name,
            "folder": str(self.folder),
            "task": self.task,
            "time": self.time,
            "mss_db": self.mss_db,
            "noise_floor_db": self.noise_floor_db,
            "stopped": self.stopped,
            "files": list(self.files),
        }


class Matches:
    """The results below a folder. Safe to use from several threads."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._read: dict[Path, tuple[int, Match | None]] = {}

    def list(self) -> list[Match]:
        """List the results, newest first; what is no result is left out."""
        with self._lock:
            found = {}
            for path in self._out.rglob("patch.json"):
                below = path.relative_to(self._out).parts
                if any(part.startswith(".") for part in below) or path.is_symlink():
                    continue
                try:
                    changed = path.stat().st_mtime_ns
                except OSError:
                    continue
                if self._read.get(path, (None, None))[0] == changed:
                    found[path] = self._read[path]
                else:
                    found[path] = changed, _read(path, self._out)
            self._read = found
            matches = [match for _, match in found.values() if match is not None]
        return sorted(matches, key=lambda match: -match.time)

    def get(self, id: str) -> Match:
        """Find a result; raises :class:`NotThereError`."""
        for match in self.list():
            if match.id == id:
                return match
        raise NotThereError(id)

    def file(self, id: str, name: str) -> Path:
        """Find a file of a result; raises :class:`NotThereError` for any other name."""
        match = self.get(id)
        if name not in match.files:
            raise NotThereError(name)
        return match.folder / name

    def content(self, id: str) -> dict[str, Any]:
        """Read the ``patch.json`` of a result; raises :class:`NotThereError`."""
        content = _content(self.get(id).folder / "patch.json")
        if content is None:
            raise NotThereError(id)
        return content

    def id_of(self, folder: Path | None) -> str | None:
        """Return the name of the result in a folder."""
        return None if folder is None else match_id(folder, self._out)

    def delete(self, id: str) -> None:
        """Delete the folder of a result; raises :class:`NotThereError` and :class:`OutputError`."""
        folder = self.get(id).folder
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"{folder}: could not be deleted ({error.strerror})") from None


def match_id(folder: Path, out: Path) -> str:
    """Name a result by its place below ``out``."""
    place = folder.relative_to(out).as_posix()
    return hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _content(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and "unsynth" in content else None


def _read(path: Path, out: Path) -> Match | None:
    content, folder = _content(path), path.parent
    if content is None or folder == out:
        return None
    try:
        best: Mapping[str, Any] = content["candidates"][0]
        return Match(
            id=match_id(folder, out),
            folder=folder,
            name=str(content["target"])[:200],
            task=str(content["task"])[:200],
            time=path.stat().st_mtime,
            mss_db=float(best["mss_db"]),
            noise_floor_db=float(content["noise_floor"]["mss_db"]),
            stopped=bool(content["stopped"]),
            files=tuple(sorted(each.name for each in folder.iterdir() if _is_plain(each))),
        )
    except (KeyError, IndexError, TypeError, ValueError, OSError):
        return None


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
