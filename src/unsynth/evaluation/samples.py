"""The model's samples of a target: drawn from its sound, and kept in an evaluation's folder.

Sampling needs the model and the sound, scoring needs the engine. A folder that holds samples can
therefore be filled on a machine with a GPU and scored on one with the plugin.
``samples/000012.npz`` has the samples of target 12 as two arrays (candidates, parameters) of
float64: ``free``, and ``on_estimated_note`` with onset and pitch fixed to their estimates.
``source`` says in JSON which model, settings and target they are of.
"""

import json
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
#: The settings that samples depend on.
_SETTINGS = ("model", "task", "candidates", "seed", "guidance", "solver", "solver_steps")


@dataclass(frozen=True)
class Samples:
    """All samples of a target."""

    free: Float[np.ndarray, "candidates parameters"]
    on_estimated_note: Float[np.ndarray, "candidates parameters"]


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


class SampleFiles:
    """The samples in the folder of an evaluation."""

    def __init__(self, folder: Path, settings: EvaluationSettings, task: Task) -> None:
        self._folder, self._settings, self._task = folder / _FOLDER, settings, task

    def write(self, number: int, name: str, samples: Samples) -> None:
        """Write the samples of target ``number``; raises :class:`~unsynth.errors.OutputError`."""
        path = self._path(number)
        make_folder(path.parent)
        with output_errors(path), replacing(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(file, source=np.array(self._source(name)), **vars(samples))

    def read(self, number: int, name: str) -> Samples | None:
        """Read the samples of target ``number``; ``None`` where there are none.

        Raises :class:`EvaluationError` for a file that is damaged, or of another model, target or
        settings.
        """
        path = self._path(number)
        try:
            arrays = read_npz(path)
            source = str(arrays.pop("source"))
            shape = self._settings.candidates, len(self._task.spec.names)
            for key in ("free", "on_estimated_note"):
                check_array(key, arrays[key], np.float64, shape)
                self._task.spec.check(arrays[key])
            samples = Samples(arrays["free"], arrays["on_estimated_note"])
        except FileNotFoundError:
            return None
        except (ArraysError, KeyError, PatchError) as error:
            raise EvaluationError(f"{path}: is damaged ({error}); delete it") from None
        if source != self._source(name):
            raise EvaluationError(
                f"{path}: holds samples of another model, target or settings; delete it"
            )
        return samples

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"

    def _source(self, name: str) -> str:
        return json.dumps([name, *(getattr(self._settings, key) for key in _SETTINGS)])
