"""The index of a task that the package has none of: built on first use, then kept.

It lies in the user's cache folder under the task's name and hash. What is rendered is kept in
parts beside it, so a build that is stopped or killed goes on where it was; a lock keeps two
processes from building the same one.
"""

import itertools
import shutil
import time
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import Float32

from unsynth.audio.semitones import BANDS, SEGMENTS, relative_to_note, semitone_levels
from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError, OutputError
from unsynth.files import replacing
from unsynth.index.draw_index import HELD, INDEX_PITCH, DrawIndex, make_index
from unsynth.index.files import load_index, own_index_path, save_index, shipped_index_path
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: How many draws an index gets: what these many seconds give, within these limits.
_SECONDS, _FEWEST, _MOST = 180.0, 1000, 4000
#: Draws by which the engine's speed is judged, and most of them in a part.
_TIMED, _PART = 32, 64
#: Seconds after which a part is written, however few draws it has.
_PART_SECONDS = 15.0


@dataclass(frozen=True)
class Building:
    """How many draws of how many are rendered; ``waiting`` while another process does it."""

    done: int
    total: int
    waiting: bool = False


def find_index(task: Task, renderer: Renderer) -> Iterator[Building | DrawIndex]:
    """Load the task's index, or build it; yield progress where it is built, last the index.

    Raises :class:`~unsynth.errors.DrawIndexError` for a damaged one, and what
    :func:`build_own_index` raises.
    """
    if shipped_index_path(task).exists() or own_index_path(task).exists():
        yield load_index(task)
    else:
        yield from build_own_index(task, renderer)


def build_own_index(
    task: Task, renderer: Renderer, draws: int | None = None, again: bool = False
) -> Iterator[Building | DrawIndex]:
    """Build a task's index in the user's cache; go on with what an earlier call left.

    ``draws`` defaults to what the engine renders in three minutes, 1,000 to 4,000. One there is
    already (another process may have built it) is taken unless ``again``. Raises
    :class:`OutputError` where the cache cannot be written and
    :class:`~unsynth.errors.EngineError` where nothing can be heard of the engine.
    """
    path = own_index_path(task)
    lock = FileLock(path.with_suffix(".lock"))
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                lock.acquire(timeout=0.5)
                break
            except Timeout:
                yield Building(0, draws or _MOST, waiting=True)
    try:
        if path.exists() and not again:
            yield load_index(task)
        else:
            yield from _build(task, renderer, draws, path)
    finally:
        lock.release()


def _build(
    task: Task, renderer: Renderer, draws: int | None, path: Path
) -> Iterator[Building | DrawIndex]:
    parts = path.with_suffix(".parts")
    with _writing(path):
        parts.mkdir(exist_ok=True)
    items, found, following = _read_parts(parts)
    wanted = draws or _MOST
    new_items: list[int] = []
    new: list[np.ndarray] = []
    first = written = time.perf_counter()
    with closing(pictures(task, renderer, following)) as heard:
        for made in itertools.count(1):
            if len(items) >= wanted:
                break
            item, picture = next(heard)
            new_items.append(item)
            new.append(picture)
            count, now = len(items) + len(new), time.perf_counter()
            if made == 1:
                first = now  # the engine has started
            elif made == _TIMED and draws is None:
                speed = (_TIMED - 1) / (now - first)
                wanted = round(min(_MOST, max(_FEWEST, _SECONDS * speed)))
            if len(new) == _PART or now - written > _PART_SECONDS or count >= wanted:
                with _writing(path):
                    _write_part(parts, following, new_items, np.stack(new))
                items, following, written = items + new_items, item + 1, now
                found = np.concatenate([found, np.stack(new)])
                new_items, new = [], []
            yield Building(count, wanted)
    index = make_index(task, items[:wanted], found[:wanted])
    save_index(index, path)
    shutil.rmtree(parts, ignore_errors=True)
    yield index


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path.parent}: cannot be written ({error.strerror}); make room there, or build an "
            "index elsewhere with: unsynth index TASK --out FILE"
        ) from None


def _write_part(parts: Path, first: int, items: list[int], found: np.ndarray) -> None:
    """Write a part that begins with item ``first``; those of its items that were not heard lack."""
    path = parts / f"{first:09d}.npz"
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, items=np.array(items), pictures=found)


def _read_parts(parts: Path) -> tuple[list[int], np.ndarray, int]:
    """Read items, pictures and the item to go on with; a damaged part ends what is kept."""
    items: list[int] = []
    found = [np.empty((0, BANDS * SEGMENTS), dtype=np.float32)]
    following = 0
    for path in sorted(parts.glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as arrays:
                its_items, its_pictures = arrays["items"].tolist(), arrays["pictures"]
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
            break
        if int(path.stem) != following or its_pictures.shape != (len(its_items), found[0].shape[1]):
            break
        items += its_items
        found.append(its_pictures)
        following = items[-1] + 1
    return items, np.concatenate(found), following


#: Draws without a sound, in a row, after which the engine is taken to be broken.
_MOST_UNHEARD = 200


def pictures(
    task: Task, renderer: Renderer, first: int = 0
) -> Generator[tuple[int, Float32[np.ndarray, " picture"]], None, None]:
    """Render draws from item ``first`` on, without end; yield item and picture of each one heard.

    Raises :class:`~unsynth.errors.EngineError` where so many in a row give no sound that the
    engine cannot be working.
    """

    def requests() -> Iterator[tuple[Any, Note]]:
        for item in itertools.count(first):
            patch = task.sample(item_rng(task.name, Split.INDEX, item))
            yield task.engine_patch(patch), Note(INDEX_PITCH, 0.0, HELD)

    unheard, reason = 0, "they are silent"
    for item, sound in enumerate(renderer.render(requests()), start=first):
        if not isinstance(sound, RenderFailure) and audible(sound, renderer.sample_rate):
            unheard = 0
            levels = semitone_levels(sound, renderer.sample_rate, 0.0)
            yield item, relative_to_note(levels, INDEX_PITCH).ravel()
            continue
        unheard += 1
        reason = sound.reason if isinstance(sound, RenderFailure) else reason
        if unheard == _MOST_UNHEARD:
            raise EngineError(
                f"{unheard} draws of task {task.name} in a row gave no sound: {reason}"
            )


def build_index(task: Task, renderer: Renderer, draws: int) -> Iterator[int | DrawIndex]:
    """Render draws until ``draws`` of them were heard; yield the count so far, then the index."""
    items: list[int] = []
    found = np.empty((draws, BANDS * SEGMENTS), dtype=np.float32)
    with closing(pictures(task, renderer)) as heard:
        for item, picture in itertools.islice(heard, draws):
            found[len(items)] = picture
            items.append(item)
            yield len(items)
    yield make_index(task, items, found)
