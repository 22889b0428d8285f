"""An index of draws from a task's prior, searched for those whose sound is nearest to a target.

The index holds neither patches nor sounds. For each draw it holds the item number, from which the
patch is drawn again, and a code: the draw's spectrogram relative to its note
(:mod:`unsynth.audio.semitones`), projected on the principal directions of all spectrograms and
rounded to one byte per direction.
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

#: Principal directions that a code has.
DIRECTIONS = 56
#: The pitch at which every draw of an index is rendered.
INDEX_PITCH = 60
#: The duration for which every draw is held, in seconds: past the end of the sound.
INDEX_DURATION = 6.0
#: The largest code.
_MAX_CODE = 127.0


@dataclass(frozen=True)
class DrawIndex:
    """An index of a task's draws; see :mod:`unsynth.index.build` and :mod:`unsynth.index.files`.

    ``items`` are item numbers of the index split. ``codes[i] * scale`` is the position of draw i
    in the space that ``basis`` spans around ``mean``.
    """

    task: Task
    items: Int[np.ndarray, " draws"]
    codes: Int8[np.ndarray, "draws directions"]
    scale: Float32[np.ndarray, " directions"]
    mean: Float32[np.ndarray, " cells"]
    basis: Float32[np.ndarray, "cells directions"]

    def __len__(self) -> int:
        return len(self.items)

    def patch(self, draw: int) -> Float[np.ndarray, " parameters"]:
        """Draw a patch again, with the note that the prior gave it."""
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
        """Yield the ``count`` patches nearest to a target, nearest first, on the target's note.

        The note starts at ``onset`` and is held for ``duration`` seconds; the sound after its
        release is not compared. Each patch gets the best-fitting pitch of ``pitches``.
        """
        levels = semitone_levels(target, sample_rate, onset)
        spectrograms = np.stack([relative_to_note(levels, int(p)).ravel() for p in pitches])
        weights = np.tile(segments_within(duration), BANDS)
        # The distance sum_j w_j (r_j - (B c)_j)^2 between spectrogram r and code c, expanded.
        difference = spectrograms - self.mean
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
    spectrograms: Float32[np.ndarray, "draws cells"],
) -> DrawIndex:
    """Make an index from draws and their spectrograms, each relative to its note."""
    mean = spectrograms.mean(axis=0)
    centred = spectrograms - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    basis = np.ascontiguousarray(vectors[:, ::-1][:, :DIRECTIONS])
    positions = centred @ basis
    scale = np.abs(positions).max(axis=0) / _MAX_CODE
    codes = np.round(positions / scale).astype(np.int8)
    return DrawIndex(task, np.array(items), codes, scale, mean, basis)
