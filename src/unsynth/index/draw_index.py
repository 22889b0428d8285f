"""Proposals from an index: draws of the prior whose sound is nearest to the target.

The index holds no patches and no sound, only what tells its draws apart: each draw's picture
relative to its note (:mod:`unsynth.audio.semitones`), projected on the main directions of all
pictures and rounded to a byte a direction. A draw's patch is made again from its item number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, Int8

from unsynth.audio.semitones import (
    BANDS,
    relative_to_note,
    segments_within,
    semitone_levels,
)
from unsynth.data.seeding import Split, item_rng
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: Directions kept of a picture.
DIRECTIONS = 56
#: The note that every draw of an index is played on, held past the end of the sound.
INDEX_PITCH = 60
HELD = 6.0
_STEPS = 127.0


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
