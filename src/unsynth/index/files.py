"""Where indices are kept, and how they are written and read."""

import json
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import platformdirs
from jaxtyping import UInt8

from unsynth.audio.semitones import (
    BANDS,
    SEGMENTS,
)
from unsynth.errors import DrawIndexError, OutputError
from unsynth.files import replacing
from unsynth.index.draw_index import DIRECTIONS, DrawIndex
from unsynth.tasks.task import Task


def save_index(index: DrawIndex, path: Path) -> None:
    """Write an index under a temporary name, then rename it.

    Raises :class:`OutputError` where it cannot be written.
    """
    header = {"task": index.task.name, "task_hash": index.task.hash, "draws": len(index)}
    try:
        with replacing(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                items=np.diff(index.items, prepend=-1).astype(np.uint8),
                codes=index.codes,
                scale=index.scale,
                mean=index.mean,
                basis=index.basis.astype(np.float16),
            )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def shipped_index_path(task: Task) -> Path:
    """Where the package keeps a task's index."""
    with as_file(files("unsynth.shipped").joinpath(f"{task.name}.index.npz")) as path:
        return path


def own_index_path(task: Task) -> Path:
    """Where a user's index of a task is kept that the package has none of."""
    folder = platformdirs.user_cache_path("unsynth", appauthor=False) / "index"
    return folder / f"{task.name}-{task.hash}.npz"


def load_index(task: Task, path: Path | None = None) -> DrawIndex:
    """Load an index; by default the one in the package, or the user's where it has none.

    Raises :class:`DrawIndexError` where it is missing, damaged, or of another task or version.
    """
    if path is None:
        shipped = shipped_index_path(task)
        path = shipped if shipped.exists() else own_index_path(task)
    rebuild = f"build it again with: unsynth index {task.source}"
    try:
        if not path.exists():
            raise DrawIndexError(f"{path}: there is no index here; {rebuild}")
        with np.load(path, allow_pickle=False) as arrays:
            stored = {name: arrays[name] for name in arrays.files}
        header = json.loads(bytes(stored["header"]))
        gaps: UInt8[np.ndarray, " draws"] = stored["items"]
        index = DrawIndex(
            task,
            gaps.astype(np.int64).cumsum() - 1,
            stored["codes"],
            stored["scale"],
            stored["mean"],
            stored["basis"].astype(np.float32),
        )
        theirs = (header["task"], header["task_hash"])
        shapes = [a.shape for a in (index.items, index.codes, index.scale, index.mean, index.basis)]
        picture = BANDS * SEGMENTS
        expected = [(header["draws"],), (header["draws"], DIRECTIONS), (DIRECTIONS,)]
        if shapes != [*expected, (picture,), (picture, DIRECTIONS)]:
            raise ValueError("its parts do not fit together")
    except (ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DrawIndexError(f"{path}: this index is damaged ({error}); {rebuild}") from None
    if theirs != (task.name, task.hash):
        raise DrawIndexError(
            f"{path}: this index was made for {theirs[0]} {theirs[1]}, "
            f"not for {task.name} {task.hash}; {rebuild}"
        )
    return index
