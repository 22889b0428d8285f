"""Several answers instead of one answer several times.

Two candidates count as different where their sounds are at least 1 dB apart (the mean absolute
difference of log-mel spectrograms, each below its own peak) or where their structures are: the
categories that can be heard, such as a DX7's algorithm, up to the exchanges that change nothing.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32

from unsynth.audio.mel import LOG_MEL, log_mel
from unsynth.search.candidates import Candidate
from unsynth.tasks.task import Task

#: In dB.
APART = 1.0


def distinct(
    task: Task, ranked: Sequence[Candidate], count: int, sample_rate: int
) -> list[Candidate]:
    """Keep up to ``count`` candidates, from the first on, no two of them alike."""
    kept: list[Candidate] = []
    pictures: list[np.ndarray] = []
    for candidate in ranked:
        if len(kept) == count:
            break
        picture = _picture(candidate.audio, sample_rate)
        near = [i for i, other in enumerate(pictures) if _apart(picture, other) < APART]
        if near:
            own = structure_up_to_symmetry(task, candidate.patch)
            if any(structure_up_to_symmetry(task, kept[i].patch) == own for i in near):
                continue
        kept.append(candidate)
        pictures.append(picture)
    return kept


def mel_distance(
    first: Float32[np.ndarray, "channels samples"],
    second: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
) -> float:
    """Mean absolute difference, in dB, of the log-mel spectrograms of two sounds."""
    return _apart(_picture(first, sample_rate), _picture(second, sample_rate))


def structure_up_to_symmetry(task: Task, patch: Float[np.ndarray, " parameters"]) -> bytes:
    """Name the categories that can be heard, alike for patches that are exchanges of each other."""
    spec = task.spec
    firsts = [each.start for each in spec.slices]
    images = task.symmetries(patch)
    vectors = spec.encode(patch[None])[0][images]
    heard = np.repeat(task.active(patch), [p.width for p in spec.parameters])[images][:, firsts]
    values = np.where(heard, spec.decode(vectors), -1.0)[:, spec.categorical]
    return min(row.tobytes() for row in values)


def _picture(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int
) -> Float32[np.ndarray, "channels bands frames"]:
    return log_mel(torch.from_numpy(audio)[None], LOG_MEL.at(sample_rate))[0].numpy()


def _apart(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean(dtype=np.float64))
