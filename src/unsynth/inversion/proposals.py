"""Proposals from an index: draws of the prior whose sound is nearest to the target.

The index holds no patches and no sound, only what tells its draws apart: each draw's picture
relative to its note (:mod:`unsynth.audio.semitones`), projected on the main directions of all
pictures and rounded to a byte a direction. A draw's patch is made again from its item number.
"""

import itertools
import json
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from jaxtyping import Float, Float32, Int, Int8, UInt8

from unsynth.audio.semitones import (
    BANDS,
    SEGMENTS,
    relative_to_note,
    segments_within,
    semitone_levels,
)
from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import DrawIndexError, EngineError, OutputError
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: Directions kept of a picture.
DIRECTIONS = 56
#: The note that every draw of an index is played on, held past the end of the sound.
INDEX_PITCH = 60
HELD = 6.0
_STEPS = 127.0
#: Draws without a sound, in a row, after which the engine is taken to be broken.
_MOST_UNHEARD = 200


@dataclass(frozen=True)
class DrawIndex:
    """An index of a task's draws; see :func:`build_index` and :func:`load_index`.

    ``items`` are item numbers of the index split, ``codes[i] * scale`` the position of draw i in
    the space spanned by ``basis`` around ``mean``.
    """

    task: Task
    items: Int[np.ndarray, " draws"]
    codes: Int8[np.ndarray, "draws directions"]
    scale: Float32[np.ndarray, " directions"]
    mean: Float32[np.ndarray, " picture"]
    basis: Float32[np.ndarray, "picture directions"]

    def __len__(self) -> int:
        return len(self.items)

    def patch(self, draw: int) -> Float[np.ndarray, " parameters"]:
        """Make a draw's patch again, on its own note."""
        return self.task.sample(item_rng(self.task.name, Split.INDEX, int(self.items[draw])))

    def nearest(
        self,
        target: Float32[np.ndarray, "channels samples"],
        sample_rate: int,
        onset: float,
        duration: float,
        pitches: Int[np.ndarray, " pitches"],
        count: int,
    ) -> Iterator[Float[np.ndarray, " parameters"]]:
        """Yield the ``count`` patches nearest to a target, nearest first, with its note.

        The note starts at ``onset`` and is held for ``duration`` seconds; what follows it is not
        compared. Each patch gets the one of ``pitches`` that fits it best.
        """
        levels = semitone_levels(target, sample_rate, onset)
        pictures = np.stack([relative_to_note(levels, int(p)).ravel() for p in pitches])
        weights = np.tile(segments_within(duration), BANDS)
        # The distance sum_j w_j (r_j - (B c)_j)^2 between picture r and code c, expanded.
        difference = pictures - self.mean
        weighted = difference * weights
        draws = self.codes * self.scale
        gram = (self.basis * weights[:, None]).T @ self.basis
        distances = (
            (weighted * difference).sum(axis=1)[:, None]
            - 2.0 * (weighted @ self.basis) @ draws.T
            + ((draws @ gram) * draws).sum(axis=1)[None]
        )
        best_pitch = distances.argmin(axis=0)
        for draw in distances.min(axis=0).argsort(kind="stable")[:count]:
            note = Note(int(pitches[best_pitch[draw]]), onset, duration)
            yield self.task.with_note(self.patch(int(draw)), note)


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


def make_index(
    task: Task,
    items: Sequence[int],
    pictures: Float32[np.ndarray, "draws picture"],
) -> DrawIndex:
    """Make an index of draws and their pictures."""
    mean = pictures.mean(axis=0)
    centred = pictures - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    basis = np.ascontiguousarray(vectors[:, ::-1][:, :DIRECTIONS])
    positions = centred @ basis
    scale = np.abs(positions).max(axis=0) / _STEPS
    codes = np.round(positions / scale).astype(np.int8)
    return DrawIndex(task, np.array(items), codes, scale, mean, basis)


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


def save_index(index: DrawIndex, path: Path) -> None:
    """Write an index under a temporary name, then rename it.

    Raises :class:`OutputError` where it cannot be written.
    """
    header = {"task": index.task.name, "task_hash": index.task.hash, "draws": len(index)}
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                items=np.diff(index.items, prepend=-1).astype(np.uint8),
                codes=index.codes,
                scale=index.scale,
                mean=index.mean,
                basis=index.basis.astype(np.float16),
            )
        unfinished.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        unfinished.unlink(missing_ok=True)


def shipped_index_path(task: Task) -> Path:
    """Where the package keeps a task's index."""
    with as_file(files("unsynth.inversion").joinpath(f"{task.name}.index.npz")) as path:
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
