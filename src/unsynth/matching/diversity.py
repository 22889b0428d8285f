"""Keep several different answers, not one answer several times.

Half of the places after the first go to other structures than those before them, compared up to the
task's symmetries, if their MSS is at most 1.5 times that of the best: first to those that differ in
the category with the most choices, such as a DX7's algorithm. The rest go by MSS alone. No two
candidates are alike: their sounds are at least 1 dB apart (the mean absolute difference of log-mel
spectrograms, each below its own peak), or their structures differ.
"""

from collections.abc import Mapping
from functools import partial
from itertools import chain

import numpy as np
from jaxtyping import Float32

from unsynth.audio.mel import LOG_MEL, log_mel
from unsynth.search.candidates import Candidate
from unsynth.tasks.structure import canonical_structures, main_categories
from unsynth.tasks.task import Task

#: The least distance between different sounds, in dB.
APART = 1.0
#: MSS of another structure that is kept, at most, in units of the best candidate's.
_WORTH_KEEPING = 1.5


def choose_distinct(
    task: Task, mss: Mapping[Candidate, float], count: int, sample_rate: int
) -> list[Candidate]:
    """Keep up to ``count`` candidates, of which no two are alike.

    ``mss`` has the candidates in order, with the MSS of each; the result is in that order too.
    """
    encoded = canonical_structures(task, [candidate.patch for candidate in mss])
    structures = dict(zip(mss, encoded, strict=True))
    limit = _WORTH_KEEPING * min(mss.values())
    near = [candidate for candidate in mss if mss[candidate] <= limit]
    others: dict[bytes, Candidate] = {}
    for value in (partial(_main_choice, task), structures.__getitem__):
        seen = {value(candidate) for candidate in others.values()}
        for candidate in near:
            if value(candidate) not in seen and structures[candidate] not in others:
                others[structures[candidate]] = candidate
                seen.add(value(candidate))
    kept: dict[Candidate, np.ndarray] = {}
    for candidate in dict.fromkeys(chain(list(others.values())[: 1 + count // 2], mss)):
        if len(kept) == count:
            break
        spectrogram = log_mel(candidate.audio, LOG_MEL.at(sample_rate))
        if not any(
            structures[candidate] == structures[other] and _difference(spectrogram, each) < APART
            for other, each in kept.items()
        ):
            kept[candidate] = spectrogram
    return [candidate for candidate in mss if candidate in kept]


def _main_choice(task: Task, candidate: Candidate) -> float:
    """Return the value of the category with the most choices, such as a DX7's algorithm."""
    spec = task.spec
    widths = np.array([parameter.width for parameter in spec.parameters])
    return float(candidate.patch[np.where(main_categories(spec), widths, 0).argmax()])


def mel_distance(
    first: Float32[np.ndarray, "channels samples"],
    second: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
) -> float:
    """Return the mean absolute difference of two sounds' log-mel spectrograms, in dB."""
    settings = LOG_MEL.at(sample_rate)
    return _difference(log_mel(first, settings), log_mel(second, settings))


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean(dtype=np.float64))
