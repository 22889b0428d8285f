"""What is tried before the search: samples, the nearest draws, other durations, given patches."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from unsynth.index.draw_index import HELD, DrawIndex
from unsynth.matching.hearing import SHORTEST, HeardNote
from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate, Proposal, Target
from unsynth.synths.base import Note
from unsynth.tasks.locks import hold
from unsynth.tasks.task import Task

#: Where proposals come from, as candidates and reports name it.
POSTERIOR, INDEX, GIVEN = "posterior", "index", "given"
#: Durations that are tried: some in seconds, and some as multiples of the one that is heard.
_SHORT_DURATIONS = (0.08, 0.25)
_STRETCHES = (0.75, 0.9, 1.0, 1.1, 1.35)

Patch = Float[np.ndarray, " parameters"]


def sampled(
    posterior: Posterior,
    target: Target,
    heard: HeardNote,
    locked: Mapping[str, float],
    count: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """Sample the posterior at the onset and pitch that are heard; durations are its own."""
    fixed = heard.fixed | dict(locked)
    return [(patch, POSTERIOR) for patch in posterior.sample(target.audio, count, rng, fixed=fixed)]


def nearest(
    index: DrawIndex, target: Target, heard: HeardNote, locked: Mapping[str, float], count: int
) -> list[Proposal]:
    """Propose draws for each reading of a sound, the nearest of each first."""
    each = -(-count // len(heard.durations))
    readings = [
        index.nearest(target.audio, target.sample_rate, heard.onset, duration, heard.pitches, each)
        for duration in heard.durations
    ]
    spec = index.task.spec
    ordered = (patch for patches in zip(*readings, strict=True) for patch in patches)
    return [(hold(spec, patch, locked), INDEX) for patch in ordered][:count]


def retimed(
    task: Task, ranked: Sequence[Candidate], end: float, locked: Mapping[str, float]
) -> list[Proposal]:
    """Propose candidates with other durations of the note, unless that is locked."""
    if "note.duration" in locked:
        return []
    stretched = (max(SHORTEST, round(end * stretch, 3)) for stretch in _STRETCHES)
    durations = {*_SHORT_DURATIONS, *stretched, HELD}
    proposals = []
    for candidate in ranked:
        note = task.note(candidate.patch)
        for duration in sorted(durations - {note.duration}):
            moved = task.with_note(candidate.patch, Note(note.pitch, note.onset, duration))
            proposals.append((moved, candidate.origin))
    return proposals
