"""The model's samples of a target: drawn from its sound, and kept in an evaluation's folder.

Sampling needs the model and the sound, scoring needs the engine. A folder that holds samples can
therefore be filled on a machine with a GPU and scored on one with the plugin.
``samples/000012.npz`` has the samples of target 12 as two arrays (candidates, parameters), float64:
``free``, and ``heard`` with the note fixed to the one that was heard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from unsynth.arrays import ArraysError, check_array, read_npz
from unsynth.errors import PatchError
from unsynth.evaluation.folder import EvaluationError
from unsynth.evaluation.settings import EvaluationSettings
from unsynth.evaluation.targets import Audio
from unsynth.files import replacing
from unsynth.models.posterior import Posterior
from unsynth.output import make_folder, output_errors
from unsynth.tasks.task import Task

#: The subfolder of an evaluation's folder.
_FOLDER = "samples"


@dataclass(frozen=True)
class Samples:
    """All samples of a target."""

    free: Float[np.ndarray, "candidates parameters"]
    heard: Float[np.ndarray, "candidates parameters"]


def draw_samples(
    posterior: Posterior,
    settings: EvaluationSettings,
    number: int,
    audio: Audio,
    fixed: Mapping[str, float | int],
) -> Float[np.ndarray, "candidates parameters"]:
    """Sample patches for the sound of target ``number``, with some values ``fixed``."""
    return posterior.sample(
        audio,
        settings.candidates,
        np.random.default_rng((settings.seed, number)),
        guidance=settings.guidance,
        steps=settings.solver_steps,
        fixed=fixed,
    )


def samples_path(folder: Path, number: int) -> Path:
    """Name the file of the samples of target ``number``."""
    return folder / _FOLDER / f"{number:06d}.npz"


def write_samples(folder: Path, number: int, samples: Samples) -> None:
    """Write the samples of target ``number``; raises :class:`~unsynth.errors.OutputError`."""
    path = samples_path(folder, number)
    make_folder(path.parent)
    with output_errors(path), replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, free=samples.free, heard=samples.heard)


def read_samples(folder: Path, number: int, candidates: int, task: Task) -> Samples | None:
    """Read the samples of target ``number``; ``None`` where the folder has none.

    Raises :class:`EvaluationError` for a file that is damaged or holds what the task does not have.
    """
    path = samples_path(folder, number)
    try:
        arrays = read_npz(path)
        for name in ("free", "heard"):
            check_array(name, arrays[name], np.float64, (candidates, len(task.spec.names)))
            task.spec.check(arrays[name])
    except FileNotFoundError:
        return None
    except (ArraysError, KeyError, PatchError) as error:
        raise EvaluationError(f"{path}: is damaged ({error}); delete it") from None
    return Samples(arrays["free"], arrays["heard"])
