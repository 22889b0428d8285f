"""Samples of p(patch | sound) from a trained model.

    x0 ~ N(0, 1),    dx/dt = v_u + w (v_c - v_u)  from t = 0 to t = 1,    patch = decode(x1)

(the paper, section 4): the sound is encoded once, all samples are one batch, and what lies outside
[-1, 1] decodes to the nearest patch. The note is part of the patch, so its pitch, onset and
duration are the model's reading of the sound unless they are fixed
(:mod:`unsynth.flow.inpainting`). A regression has one answer to a sound, which all samples are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from unsynth.audio.observation import KeyOn, Observation, detect_key
from unsynth.errors import PatchError
from unsynth.flow.guidance import guided_field
from unsynth.flow.inpainting import fixed_field, inpainted_field
from unsynth.flow.path import point
from unsynth.flow.solver import solve
from unsynth.models.architecture import Model
from unsynth.models.artifact import Artifact, ArtifactError, load_artifact, shipped_artifact
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.parameter import Continuous, Integer
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
        observed, fixed = self._heard(audio, fixed or {})
        values = self._values(fixed).expand(count, -1)
        known = self._coordinates(self._positions(fixed))
        if isinstance(self._model, ConditionalFlow):
            x0 = self._noise(count, rng)
            x1 = self._solve(self._model, observed, x0, values, known, guidance, steps)
        else:
            x1 = torch.where(known, values, self._model(observed))
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
        observed, fixed = self._heard(audio, fixed or {})
        known = self._coordinates(self._positions(fixed))
        x1 = torch.from_numpy(self.task.spec.encode(patches)).float()
        x1 = torch.where(known, self._values(fixed), x1)
        # As long a step as from the beginning.
        steps = max(1, round((1.0 - start) * self.sampling.steps))
        x0 = self._noise(len(x1), rng)
        x1 = self._solve(self._model, observed, x0, x1, known, guidance, steps, start)
        return self.task.spec.decode(x1.double().numpy())

    @property
    def is_flow(self) -> bool:
        """Whether it has a path from noise to data, which :meth:`resample` needs."""
        return isinstance(self._model, ConditionalFlow)

    def _heard(
        self,
        audio: Float32[np.ndarray, "channels samples"],
        fixed: Mapping[str, float | int],
    ) -> tuple[UInt8[torch.Tensor, "1 ..."], Mapping[str, float | int]]:
        """Observe a sound, and say what is fixed then.

        Windows are relative to a key, so the key that is heard is fixed like one that is known.
        """
        if self._observation is not Observation.WINDOWS:
            return self._observation.observe(audio, self._sample_rate)[None], fixed
        if not {"note.pitch", "note.onset"} <= fixed.keys():
            spec, heard = self.task.spec, detect_key(audio, self._sample_rate)
            pitches, onsets = (
                spec.parameters[spec.position[name]] for name in ("note.pitch", "note.onset")
            )
            assert isinstance(pitches, Integer) and isinstance(onsets, Continuous)
            note = {
                "note.pitch": min(max(heard.pitch, pitches.low), pitches.high),
                "note.onset": min(max(heard.onset, onsets.low), onsets.high),
            }
            fixed = {**note, **fixed}
        key = KeyOn(int(fixed["note.pitch"]), float(fixed["note.onset"]))
        return self._observation.observe(audio, self._sample_rate, key)[None], fixed

    def _noise(self, count: int, rng: np.random.Generator) -> torch.Tensor:
        noise = rng.standard_normal((count, self.task.spec.width), dtype=np.float32)
        return torch.from_numpy(noise)

    def _solve(
        self,
        model: ConditionalFlow,
        observed: torch.Tensor,
        x0: Float[torch.Tensor, "items d"],
        x1: Float[torch.Tensor, "items d"],
        known: Bool[torch.Tensor, " d"],
        guidance: float | None,
        steps: int | None = None,
        start: float = 0.0,
    ) -> Float[torch.Tensor, "items d"]:
        """Go from the point between ``x0`` and ``x1`` to data that is ``x1`` where it is known."""
        count, sampling = len(x0), self.sampling
        w = sampling.guidance if guidance is None else guidance
        conditioning = model.encode(observed).expand(count, -1, -1)
        unconditional = model.unconditional(count)
        x = point(x0, x1, torch.full((count,), start))
        if not model.accepts_known:
            field = inpainted_field(
                guided_field(model, conditioning, unconditional, w), x0, x1, known
            )
        else:
            conditioning, unconditional = (
                model.add_known(vectors, x1, known.expand(count, -1))
                for vectors in (conditioning, unconditional)
            )
            field = fixed_field(guided_field(model, conditioning, unconditional, w), known)
            x = torch.where(known, x1, x)
        steps = steps or sampling.steps
        return solve(field, x, steps, sampling.solver, sampling.tolerance, start)

    def _positions(self, fixed: Mapping[str, float | int]) -> list[int]:
        return [self.task.spec.position[name] for name in fixed]

    def _coordinates(self, positions: Sequence[int]) -> Bool[torch.Tensor, " d"]:
        """Say which coordinates of the vector are those of some parameters."""
        found = torch.zeros(self.task.spec.width, dtype=torch.bool)
        for position in positions:
            found[self.task.spec.slices[position]] = True
        return found

    def _values(self, fixed: Mapping[str, float | int]) -> Float[torch.Tensor, " d"]:
        """Encode some parameters; the other coordinates are 0."""
        spec, values = self.task.spec, torch.zeros(self.task.spec.width)
        for position, value in zip(self._positions(fixed), fixed.values(), strict=True):
            parameter, given = spec.parameters[position], np.array([float(value)])
            if not parameter.valid(given).all():
                name = spec.names[position]
                raise PatchError(
                    f"{name}: {value:g} is not a value that the task {self.task.name} has"
                )
            encoded = parameter.encode(given, np.array([0.5]))[0]
            values[spec.slices[position]] = torch.from_numpy(encoded).float()
        return values


def load_posterior(task: Task, path: Path | None = None) -> Posterior:
    """Load a trained model, by default the one in the package.

    Raises :class:`~unsynth.models.artifact.ArtifactError` where there is none, or it is not of this
    task.
    """
    path = path or shipped_artifact(task.name)
    if path is None:
        raise ArtifactError(
            f"there is no trained model for {task.name} in this package; train one with: "
            "unsynth train EXPERIMENT.yaml"
        )
    model, artifact = load_artifact(path, task)
    return Posterior(task, model, artifact)
