"""Build an index of draws, in memory or in a file.

While a file is built, its draws are saved in parts beside it, so a build that is stopped or killed
can be resumed. A lock file keeps two processes from building the same index. An index in the user's
cache has the task's name and hash in its name.
"""

import itertools
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.arrays import check_array, read_npz
from unsynth.audio.semitones import BANDS, SEGMENTS, relative_to_note, semitone_levels
from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError, OutputError
from unsynth.files import lock_file, replacing
from unsynth.index.draw_index import INDEX_DURATION, INDEX_PITCH, DrawIndex, make_index
from unsynth.index.files import load_index, save_index, shipped_index_path, user_index_path
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: By default an index has as many draws as the engine renders in this time, in seconds …
_SECONDS = 180.0
#: … but at least this many,
_MIN_DRAWS = 1000
#: and at most this many.
_MAX_DRAWS = 4000
#: The engine's speed is measured over this many draws.
_TIMED_DRAWS = 32
#: The most draws in a part.
_MAX_PART_DRAWS = 64
#: A part is written after this time, in seconds, however few draws it has.
_PART_SECONDS = 15.0
#: After this many silent or failed draws in a row the engine is considered broken.
_MAX_FAILURES = 200


@dataclass(frozen=True)
class BuildProgress:
    """The draws rendered so far, out of ``total``; ``waiting`` while another process builds."""

    done: int
    total: int
    waiting: bool = False


def load_or_build_index(task: Task, renderer: Renderer) -> Iterator[BuildProgress | DrawIndex]:
    """Load a task's index, or build it in the user's cache; the index comes last.

    Raises :class:`~unsynth.errors.DrawIndexError` for a damaged index, and whatever
    :func:`build_index_file` raises.
    """
    if shipped_index_path(task).exists() or user_index_path(task).exists():
        yield load_index(task)
    else:
        yield from build_index_file(task, renderer, user_index_path(task))


def build_index(task: Task, renderer: Renderer, draws: int) -> Iterator[BuildProgress | DrawIndex]:
    """Build an index of ``draws`` audible draws in memory; the index comes last."""
    items: list[int] = []
    spectrograms = np.empty((draws, BANDS * SEGMENTS), dtype=np.float32)
    with closing(render_spectrograms(task, renderer)) as rendered:
        for item, spectrogram in itertools.islice(rendered, draws):
            spectrograms[len(items)] = spectrogram
            items.append(item)
            yield BuildProgress(len(items), draws)
    yield make_index(task, items, spectrograms)


def build_index_file(
    task: Task, renderer: Renderer, path: Path, draws: int | None = None, again: bool = False
) -> Iterator[BuildProgress | DrawIndex]:
    """Build a task's index in the file ``path``, or resume an unfinished build.

    The index comes last. ``draws`` defaults to what the engine renders in three minutes, between
    1,000 and 4,000. An index that exists already (another process may have built it) is loaded
    unless ``again`` is true. Raises :class:`OutputError` if the folder cannot be written, and
    :class:`~unsynth.errors.EngineError` if the engine makes no sound.
    """
    lock = path.with_name(f"{path.name}.lock")
    with ExitStack() as stack:
        with _explain_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            while not stack.enter_context(lock_file(lock, seconds=0.5)):
                yield BuildProgress(0, draws or _MAX_DRAWS, waiting=True)
        if path.exists() and not again:
            yield load_index(task, path)
        else:
            yield from _build_in_parts(task, renderer, draws, path)


def _build_in_parts(
    task: Task, renderer: Renderer, draws: int | None, path: Path
) -> Iterator[BuildProgress | DrawIndex]:
    folder = path.with_name(f"{path.stem}.{task.hash}.parts")
    with _explain_write_errors(path):
        folder.mkdir(exist_ok=True)
    items, spectrograms, next_item = _read_parts(folder)
    total = draws or _MAX_DRAWS
    part_items: list[int] = []
    part: list[np.ndarray] = []
    timer = last_write = time.perf_counter()
    with closing(render_spectrograms(task, renderer, next_item)) as rendered:
        for number in itertools.count(1):
            if len(items) >= total:
                break
            item, spectrogram = next(rendered)
            part_items.append(item)
            part.append(spectrogram)
            done, now = len(items) + len(part), time.perf_counter()
            if number == 1:
                timer = now  # the start of the engine does not count
            elif number == _TIMED_DRAWS and draws is None:
                speed = (_TIMED_DRAWS - 1) / (now - timer)
                total = round(min(_MAX_DRAWS, max(_MIN_DRAWS, _SECONDS * speed)))
            if len(part) == _MAX_PART_DRAWS or now - last_write > _PART_SECONDS or done >= total:
                with _explain_write_errors(path):
                    _write_part(folder, next_item, part_items, np.stack(part))
                items, next_item, last_write = items + part_items, item + 1, now
                spectrograms = np.concatenate([spectrograms, np.stack(part)])
                part_items, part = [], []
            yield BuildProgress(done, total)
    index = make_index(task, items[:total], spectrograms[:total])
    save_index(index, path)
    shutil.rmtree(folder, ignore_errors=True)
    yield index


def render_spectrograms(
    task: Task, renderer: Renderer, first: int = 0
) -> Generator[tuple[int, Float32[np.ndarray, " cells"]], None, None]:
    """Render draws endlessly, from item ``first`` on.

    Yields the item number and the spectrogram, relative to the note, of each audible draw. Raises
    :class:`~unsynth.errors.EngineError` after so many failures in a row that the engine cannot be
    working.
    """

    def requests() -> Iterator[tuple[Any, Note]]:
        for item in itertools.count(first):
            patch = task.sample(item_rng(task.name, Split.INDEX, item))
            yield task.engine_patch(patch), Note(INDEX_PITCH, 0.0, INDEX_DURATION)

    failures, reason = 0, "they are silent"
    for item, sound in enumerate(renderer.render(requests()), start=first):
        if not isinstance(sound, RenderFailure) and audible(sound, renderer.sample_rate):
            failures = 0
            levels = semitone_levels(sound, renderer.sample_rate, 0.0)
            yield item, relative_to_note(levels, INDEX_PITCH).ravel()
            continue
        failures += 1
        reason = sound.reason if isinstance(sound, RenderFailure) else reason
        if failures == _MAX_FAILURES:
            raise EngineError(
                f"{failures} draws of task {task.name} in a row gave no sound: {reason}"
            )


@contextmanager
def _explain_write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path.parent}: cannot be written ({error.strerror}); make room there, or build an "
            "index elsewhere with: unsynth index TASK --out FILE"
        ) from None


def _write_part(folder: Path, first: int, items: list[int], spectrograms: np.ndarray) -> None:
    """Write a part that begins with item ``first``; it lacks the items that were not audible."""
    path = folder / f"{first:09d}.npz"
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, items=np.array(items, np.int64), pictures=spectrograms)


def _read_parts(folder: Path) -> tuple[list[int], np.ndarray, int]:
    """Read the items, their spectrograms, and the number of the item to render next.

    A damaged or missing part ends the reading: everything from there on is rendered again.
    """
    items: list[int] = []
    spectrograms = [np.empty((0, BANDS * SEGMENTS), dtype=np.float32)]
    next_item = 0
    for path in sorted(folder.glob("*.npz")):
        try:
            arrays = read_npz(path)
            numbers, part = arrays["items"], arrays["pictures"]
            check_array("items", numbers, np.int64, (numbers.size,))
            check_array("pictures", part, np.float32, (numbers.size, BANDS * SEGMENTS))
        except (OSError, ValueError, KeyError):
            break
        part_items = numbers.tolist()
        rising = part_items and (np.diff(numbers) > 0).all() and part_items[0] >= next_item
        if path.stem != f"{next_item:09d}" or not rising:
            break
        items += part_items
        spectrograms.append(part)
        next_item = items[-1] + 1
    return items, np.concatenate(spectrograms), next_item
