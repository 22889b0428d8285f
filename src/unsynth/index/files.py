"""Index files: where they are, and how to save and load them."""

import json
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import platformdirs

from unsynth.arrays import check_array, read_npz
from unsynth.audio.semitones import BANDS, SEGMENTS
from unsynth.documents import parse_json
from unsynth.errors import DrawIndexError, OutputError
from unsynth.files import hash_file, replacing
from unsynth.index.draw_index import DIRECTIONS, DrawIndex
from unsynth.tasks.task import Task


def save_index(index: DrawIndex, path: Path) -> None:
    """Write an index to a file. Raises :class:`OutputError` if it cannot be written."""
    header = {"task": index.task.name, "task_hash": index.task.hash, "draws": len(index)}
    try:
        with replacing(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                # Gaps between audible draws fit in a byte: 200 failures in a row end a build.
                items=np.diff(index.items, prepend=-1).astype(np.uint8),
                codes=index.codes,
                scale=index.scale,
                mean=index.mean,
                basis=index.basis.astype(np.float16),
            )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def shipped_index_path(task: Task) -> Path:
    """Return where the package has a task's index, if it ships one."""
    with as_file(files("unsynth.shipped").joinpath(f"{task.name}.index.npz")) as path:
        return path


def user_index_path(task: Task) -> Path:
    """Return where the user's cache has the index of a task that ships none."""
    folder = platformdirs.user_cache_path("unsynth", appauthor=False) / "index"
    return folder / f"{task.name}-{task.hash}.npz"


def index_path(task: Task) -> Path:
    """Return where a task's index is, or would be: in the package, or else in the user's cache."""
    shipped = shipped_index_path(task)
    return shipped if shipped.exists() else user_index_path(task)


def hash_index(task: Task) -> str | None:
    """Return the first 16 digits of the SHA-256 of a task's index; ``None`` where it has none.

    Raises :class:`DrawIndexError` as :func:`load_index` does.
    """
    path = index_path(task)
    if not path.exists():
        return None
    load_index(task)
    return hash_file(path)[:16]


def load_index(task: Task, path: Path | None = None) -> DrawIndex:
    """Load an index: from ``path``, from the package, or else from the user's cache.

    Raises :class:`DrawIndexError` for an index that is missing, damaged (numbers that are not
    finite included), or of another task or version of it.
    """
    path = path or index_path(task)
    rebuild = f"build it again with: unsynth index {task.source}"
    try:
        stored = read_npz(path)
        header = parse_json(bytes(stored["header"]))
        name, fingerprint, draws = header["task"], header["task_hash"], header["draws"]
    except FileNotFoundError:
        raise DrawIndexError(f"{path}: there is no index here; {rebuild}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise DrawIndexError(f"{path}: this index is damaged ({error}); {rebuild}") from None
    if (name, fingerprint) != (task.name, task.hash):
        raise DrawIndexError(
            f"{path}: this index was made for {str(name)[:60]} {str(fingerprint)[:60]}, "
            f"not for {task.name} {task.hash}; {rebuild}"
        )
    cells = BANDS * SEGMENTS
    try:
        if not draws:
            raise ValueError("it has no draws")
        check_array("items", stored["items"], np.uint8, (draws,))
        check_array("codes", stored["codes"], np.int8, (draws, DIRECTIONS))
        check_array("scale", stored["scale"], np.float32, (DIRECTIONS,))
        check_array("mean", stored["mean"], np.float32, (cells,))
        check_array("basis", stored["basis"], np.float16, (cells, DIRECTIONS))
    except (ValueError, KeyError) as error:
        raise DrawIndexError(f"{path}: this index is damaged ({error}); {rebuild}") from None
    return DrawIndex(
        task,
        stored["items"].astype(np.int64).cumsum() - 1,
        stored["codes"],
        stored["scale"],
        stored["mean"],
        stored["basis"].astype(np.float32),
    )
