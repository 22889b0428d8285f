"""Keep several different answers, not one answer several times.

Two candidates are different if their sounds are at least 1 dB apart (the mean absolute difference
of log-mel spectrograms, each below its own peak), or if their structures differ even up to the
task's symmetries.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32

from unsynth.audio.mel import LOG_MEL, log_mel
from unsynth.search.candidates import Candidate
from unsynth.tasks.structure import canonical_structure
from unsynth.tasks.task import Task

#: The least distance between different sounds, in dB.
APART = 1.0


def choose_distinct(
    task: Task, ranked: Sequence[Candidate], count: int, sample_rate: int
) -> list[Candidate]:
    """Keep up to ``count`` candidates, in order, of which no two are alike."""
    distinct: list[Candidate] = []
    spectrograms: list[np.ndarray] = []
    for candidate in ranked:
        if len(distinct) == count:
            break
        spectrogram = _log_mel(candidate.audio, sample_rate)
        near = [i for i, s in enumerate(spectrograms) if _difference(spectrogram, s) < APART]
        if near:
            structure = canonical_structure(task, candidate.patch)
            if any(canonical_structure(task, distinct[i].patch) == structure for i in near):
                continue
        distinct.append(candidate)
        spectrograms.append(spectrogram)
    return distinct


def mel_distance(
    first: Float32[np.ndarray, "channels samples"],
    second: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
) -> float:
    """Return the mean absolute difference of two sounds' log-mel spectrograms, in dB."""
    return _difference(_log_mel(first, sample_rate), _log_mel(second, sample_rate))


def _log_mel(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int
) -> Float32[np.ndarray, "channels bands frames"]:
    return log_mel(torch.from_numpy(audio)[None], LOG_MEL.at(sample_rate))[0].numpy()


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean(dtype=np.float64))
