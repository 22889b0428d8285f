"""Proposals before the search: posterior samples, the nearest draws, and other durations."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from unsynth.index.draw_index import INDEX_DURATION, DrawIndex
from unsynth.matching.note import SHORTEST, NoteEstimate
from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate, Proposal, Target
from unsynth.synths.base import Note
from unsynth.tasks.locks import Locks
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: Origins of proposals, as candidates and reports name them.
POSTERIOR, INDEX, USER = "posterior", "index", "given"
#: The most draws that a search fits on a sketch without a render, where renders are dear.
UNRENDERED_DRAWS = 160
#: Short durations to try, in seconds.
_SHORT_DURATIONS = (0.08, 0.25)
#: Durations to try, as multiples of the estimated one.
_STRETCHES = (0.75, 0.9, 1.0, 1.1, 1.35)


def posterior_samples(
    posterior: Posterior,
    target: Target,
    note: NoteEstimate,
    locks: Locks,
    count: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """Sample the posterior at the estimated onset and pitch; the model chooses durations."""
    fixed = note.fixed_values | dict(locks.values)
    return [(patch, POSTERIOR) for patch in posterior.sample(target.audio, count, rng, fixed=fixed)]


def nearest_per_duration(
    index: DrawIndex,
    audio: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
    note: NoteEstimate,
    count: int,
) -> list[list[Patch]]:
    """Find the ``count`` draws nearest to a sound for each of its possible durations."""
    return [
        list(index.nearest(audio, sample_rate, note.onset, duration, note.pitches, count))
        for duration in note.durations
    ]


def nearest_draws(
    index: DrawIndex, target: Target, note: NoteEstimate, locks: Locks, count: int
) -> list[Proposal]:
    """Propose the nearest draws, nearest first; the possible durations take turns."""
    per_duration = -(-count // len(note.durations))
    lists = nearest_per_duration(index, target.audio, target.sample_rate, note, per_duration)
    draws = (patch for patches in zip(*lists, strict=True) for patch in patches)
    return [(locks.hold(patch), INDEX) for patch in draws][:count]


def other_durations(
    task: Task, ranked: Sequence[Candidate], end: float, locks: Locks
) -> list[Proposal]:
    """Propose candidates with other durations of the note, unless the duration is locked."""
    if "note.duration" in locks.values:
        return []
    stretched = (max(SHORTEST, round(end * stretch, 3)) for stretch in _STRETCHES)
    durations = {*_SHORT_DURATIONS, *stretched, INDEX_DURATION}
    proposals = []
    for candidate in ranked:
        note = task.note(candidate.patch)
        for duration in sorted(durations - {note.duration}):
            moved = task.with_note(candidate.patch, Note(note.pitch, note.onset, duration))
            proposals.append((moved, candidate.origin))
    return proposals
