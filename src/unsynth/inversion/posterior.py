"""Samples of p(patch | sound) from a trained model.

    x0 ~ N(0, 1),    dx/dt = v_u + w (v_c - v_u)  from t = 0 to t = 1,    patch = decode(x1)

(the paper, section 4): the sound is encoded once, all samples are one batch, and what lies outside
[-1, 1] decodes to the nearest patch. The note is part of the patch, so its pitch, onset and
duration are the model's reading of the sound unless they are fixed
(:mod:`unsynth.flow.inpainting`). A regression has one answer to a sound, which all samples are.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from unsynth.artifacts import Artifact, ArtifactError, load_artifact, shipped_artifact
from unsynth.audio.observation import KeyOn, Observation, heard_key
from unsynth.errors import PatchError
from unsynth.flow.guidance import guided
from unsynth.flow.inpainting import inpainted
from unsynth.flow.path import point
from unsynth.flow.solver import solve
from unsynth.models.architecture import Model
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.task import Task


class Posterior:
    """A task's trained model; ``sampling`` is how it is sampled where a call does not say."""

    def __init__(self, task: Task, model: Model, artifact: Artifact) -> None:
        self.task = task
        self.sampling = artifact.sampling
        self._observation = artifact.architecture.observation
        self._sample_rate = task.sample_rate
        self._model = model

    @torch.inference_mode()
    def sample(
        self,
        audio: Float32[np.ndarray, "channels samples"],
        count: int,
        rng: np.random.Generator,
        guidance: float | None = None,
        steps: int | None = None,
        fixed: Mapping[str, float | int] | None = None,
    ) -> Float[np.ndarray, "count parameters"]:
        """Sample patches for a sound of 4 s with the engine's channels and sample rate.

        ``fixed`` holds parameters to their values, as ``{"note.pitch": 60}``; raises
        :class:`~unsynth.errors.PatchError` for a value that the task does not have.
        """
        torch.set_flush_denormal(True)  # of this thread only
        known = self._known(fixed)
        observed = self._observed(audio, fixed)
        if isinstance(self._model, ConditionalFlow):
            x0 = self._noise(count, rng)
            x1 = self._solve(self._model, observed, x0, x0, 0.0, known, guidance, steps)
        else:
            x1 = self._model(observed).repeat(count, 1)
            x1[:, list(known)] = torch.tensor(list(known.values()))
        return self.task.spec.decode(x1.double().numpy())

    @torch.inference_mode()
    def resample(
        self,
        audio: Float32[np.ndarray, "channels samples"],
        patches: Float[np.ndarray, "count parameters"],
        start: float,
        rng: np.random.Generator,
        guidance: float | None = None,
        fixed: Mapping[str, float | int] | None = None,
    ) -> Float[np.ndarray, "count parameters"]:
        """Carry patches back to t = ``start``, with new noise, and again to t = 1.

        Near t = 1 they stay much as they are, near 0 they become samples. ``fixed`` is as in
        :meth:`sample`. Raises :class:`~unsynth.errors.PatchError` for a value that the task does
        not have, and :class:`ValueError` for a model that is no flow.
        """
        if not isinstance(self._model, ConditionalFlow):
            raise ValueError("this model is no flow: it has nothing to start from")
        torch.set_flush_denormal(True)  # of this thread only
        known = self._known(fixed)
        x1 = torch.from_numpy(self.task.spec.encode(patches)).float()
        x1[:, list(known)] = torch.tensor(list(known.values()))
        x0 = self._noise(len(x1), rng)
        x = point(x0, x1, torch.full((len(x1),), start))
        observed = self._observed(audio, fixed)
        # As long a step as from the beginning.
        steps = max(1, round((1.0 - start) * self.sampling.steps))
        x1 = self._solve(self._model, observed, x0, x, start, known, guidance, steps)
        return self.task.spec.decode(x1.double().numpy())

    @property
    def is_flow(self) -> bool:
        """Whether it has a path from noise to data, which :meth:`resample` needs."""
        return isinstance(self._model, ConditionalFlow)

    def _observed(
        self,
        audio: Float32[np.ndarray, "channels samples"],
        fixed: Mapping[str, float | int] | None,
    ) -> UInt8[torch.Tensor, "1 ..."]:
        key = None
        if self._observation is Observation.WINDOWS:
            heard, known = heard_key(audio, self._sample_rate), fixed or {}
            pitch = int(known.get("note.pitch", heard.pitch))
            key = KeyOn(pitch, float(known.get("note.onset", heard.onset)))
        return self._observation.of(audio, self._sample_rate, key)[None]

    def _known(self, fixed: Mapping[str, float | int] | None) -> dict[int, float]:
        known: dict[int, float] = {}
        for name, value in (fixed or {}).items():
            known |= self._coordinates(name, value)
        return known

    def _noise(self, count: int, rng: np.random.Generator) -> torch.Tensor:
        noise = rng.standard_normal((count, self.task.spec.width), dtype=np.float32)
        return torch.from_numpy(noise)

    def _solve(
        self,
        model: ConditionalFlow,
        observed: torch.Tensor,
        x0: torch.Tensor,
        x: torch.Tensor,
        start: float,
        known: Mapping[int, float],
        guidance: float | None,
        steps: int | None,
    ) -> torch.Tensor:
        count, sampling = len(x0), self.sampling
        w = sampling.guidance if guidance is None else guidance
        conditioning = model.encode(observed).expand(count, -1, -1)
        field = guided(model, conditioning, model.unconditional(count), w)
        return solve(
            inpainted(field, x0, known),
            x,
            steps or sampling.steps,
            sampling.solver,
            sampling.tolerance,
            start,
        )

    def _coordinates(self, name: str, value: float | int) -> dict[int, float]:
        """Encode one parameter: values by coordinate of the vector."""
        spec = self.task.spec
        position = spec.position[name]
        parameter, values = spec.parameters[position], np.array([float(value)])
        if not parameter.valid(values).all():
            raise PatchError(f"{name}: {value:g} is not a value that the task {self.task.name} has")
        encoded = parameter.encode(values, np.array([0.5]))[0]
        return dict(enumerate(encoded.tolist(), start=spec.slices[position].start))


def load_posterior(task: Task, path: Path | None = None) -> Posterior:
    """Load a trained model, by default the one in the package.

    Raises :class:`~unsynth.artifacts.ArtifactError` where there is none, or it is not of this task.
    """
    path = path or shipped_artifact(task.name)
    if path is None:
        raise ArtifactError(
            f"there is no trained model for {task.name} in this package; train one with: "
            "unsynth train EXPERIMENT.yaml"
        )
    model, artifact = load_artifact(path, task)
    return Posterior(task, model, artifact)
