"""Samples of p(patch | sound) from a trained model.

    x0 ~ N(0, 1),    dx/dt = v_u + w (v_c - v_u)  from t = 0 to t = 1,    patch = decode(x1)

(the paper, section 4). The sound is encoded once, all samples are one batch, and coordinates
outside [-1, 1] decode to the nearest value. The note is part of the patch: the model estimates its
pitch, onset and duration from the sound, unless they are fixed (:mod:`unsynth.flow.inpainting`).
A regression has one answer to a sound, so all its samples are equal.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from unsynth.audio.observation import Observation, detect_key
from unsynth.audio.windows import KeyOn
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

CPU = torch.device("cpu")


class Posterior:
    """A task's trained model; ``sampling`` holds the default settings of a call."""

    def __init__(
        self, task: Task, model: Model, artifact: Artifact, device: torch.device = CPU
    ) -> None:
        self.task = task
        self._device = device
        self.sampling = artifact.sampling
        self._observation = artifact.architecture.observation
        self._sample_rate = task.sample_rate
        self._model = model.to(device)

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

        ``fixed`` gives the values of fixed parameters, such as ``{"note.pitch": 60}``. Raises
        :class:`~unsynth.errors.PatchError` for a value that the task does not have.
        """
        torch.set_flush_denormal(True)  # for this thread only
        observation, fixed = self._observe(audio, fixed or {})
        values, mask = self._encode_fixed(fixed)
        values = values.expand(count, -1)
        if isinstance(self._model, ConditionalFlow):
            x0 = self._draw_noise(count, rng)
            x1 = self._solve(self._model, observation, x0, values, mask, guidance, steps)
        else:
            x1 = torch.where(mask, values, self._model(observation))
        return self._decode(x1)

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
        """Carry patches back to t = ``start``, with new noise, and to t = 1 again.

        With ``start`` near 1 the patches change little; near 0 they become new samples. ``fixed``
        is as in :meth:`sample`. Raises :class:`~unsynth.errors.PatchError` for a value that the
        task does not have, and :class:`ValueError` for a model that is not a flow.
        """
        if not isinstance(self._model, ConditionalFlow):
            raise ValueError("this model is not a flow: it has no path to go back on")
        torch.set_flush_denormal(True)  # for this thread only
        observation, fixed = self._observe(audio, fixed or {})
        values, mask = self._encode_fixed(fixed)
        x1 = torch.from_numpy(self.task.spec.encode(patches)).float().to(self._device)
        x1 = torch.where(mask, values, x1)
        # Steps are as long as those of a sample, so there are fewer of them.
        steps = max(1, round((1.0 - start) * self.sampling.steps))
        x0 = self._draw_noise(len(x1), rng)
        x1 = self._solve(self._model, observation, x0, x1, mask, guidance, steps, start)
        return self._decode(x1)

    @property
    def is_flow(self) -> bool:
        """Whether the model has a path from noise to data, which :meth:`resample` needs."""
        return isinstance(self._model, ConditionalFlow)

    def _observe(
        self,
        audio: Float32[np.ndarray, "channels samples"],
        fixed: Mapping[str, float | int],
    ) -> tuple[UInt8[torch.Tensor, "1 ..."], Mapping[str, float | int]]:
        """Observe a sound; return the observation and all values that are then fixed.

        Windows are relative to a key. Where ``fixed`` does not have the key, it is estimated from
        the sound and fixed too.
        """
        if self._observation is not Observation.WINDOWS:
            return self._to_device(self._observation.observe(audio, self._sample_rate)), fixed
        if not {"note.pitch", "note.onset"} <= fixed.keys():
            spec, estimate = self.task.spec, detect_key(audio, self._sample_rate)
            pitches, onsets = (
                spec.parameters[spec.position[name]] for name in ("note.pitch", "note.onset")
            )
            assert isinstance(pitches, Integer) and isinstance(onsets, Continuous)
            note = {
                "note.pitch": min(max(estimate.pitch, pitches.low), pitches.high),
                "note.onset": min(max(estimate.onset, onsets.low), onsets.high),
            }
            fixed = {**note, **fixed}
        key = KeyOn(int(fixed["note.pitch"]), float(fixed["note.onset"]))
        return self._to_device(self._observation.observe(audio, self._sample_rate, key)), fixed

    def _to_device(self, observation: UInt8[np.ndarray, "..."]) -> UInt8[torch.Tensor, "1 ..."]:
        return torch.from_numpy(observation)[None].to(self._device)

    def _draw_noise(self, count: int, rng: np.random.Generator) -> Float32[torch.Tensor, "count d"]:
        noise = rng.standard_normal((count, self.task.spec.width), dtype=np.float32)
        return torch.from_numpy(noise).to(self._device)

    def _solve(
        self,
        model: ConditionalFlow,
        observation: UInt8[torch.Tensor, "1 ..."],
        x0: Float[torch.Tensor, "items d"],
        x1: Float[torch.Tensor, "items d"],
        mask: Bool[torch.Tensor, " d"],
        guidance: float | None,
        steps: int | None = None,
        start: float = 0.0,
    ) -> Float[torch.Tensor, "items d"]:
        """Follow the flow from the point between ``x0`` and ``x1`` at t = ``start`` to data.

        Coordinates of the ``mask`` end at their values in ``x1``.
        """
        count, sampling = len(x0), self.sampling
        w = sampling.guidance if guidance is None else guidance
        conditioning = model.encode(observation).expand(count, -1, -1)
        unconditional = model.unconditional(count)
        x = point(x0, x1, torch.full((count,), start, device=x0.device))
        if not model.accepts_known:
            field = guided_field(model, conditioning, unconditional, w)
            field = inpainted_field(field, x0, x1, mask)
        else:
            conditioning, unconditional = (
                model.add_known(vectors, x1, mask.expand(count, -1))
                for vectors in (conditioning, unconditional)
            )
            field = fixed_field(guided_field(model, conditioning, unconditional, w), mask)
            x = torch.where(mask, x1, x)
        steps = steps or sampling.steps
        return solve(field, x, steps, sampling.solver, sampling.tolerance, start)

    def _decode(self, x1: Float[torch.Tensor, "items d"]) -> Float[np.ndarray, "items parameters"]:
        x1 = x1.cpu().double()
        if not x1.isfinite().all():
            raise ArtifactError(
                f"the model for {self.task.name} gives numbers that are not finite: use another "
                "weight file, or train it again"
            )
        return self.task.spec.decode(x1.numpy())

    def _encode_fixed(
        self, fixed: Mapping[str, float | int]
    ) -> tuple[Float[torch.Tensor, " d"], Bool[torch.Tensor, " d"]]:
        """Encode fixed values; return the vector, 0 elsewhere, and the mask of its coordinates."""
        spec = self.task.spec
        vector, mask = torch.zeros(spec.width), torch.zeros(spec.width, dtype=torch.bool)
        for name, value in fixed.items():
            position = spec.position[name]
            parameter, values = spec.parameters[position], np.array([float(value)])
            if not parameter.valid(values).all():
                raise PatchError(
                    f"{name}: {value:g} is not a value that the task {self.task.name} has"
                )
            encoded = parameter.encode(values, np.array([0.5]))[0]
            vector[spec.slices[position]] = torch.from_numpy(encoded).float()
            mask[spec.slices[position]] = True
        return vector.to(self._device), mask.to(self._device)


def load_posterior(task: Task, path: Path | None = None, device: torch.device = CPU) -> Posterior:
    """Load a trained model, by default the one that ships with unsynth, onto a torch device.

    Raises :class:`~unsynth.models.artifact.ArtifactError` if there is none for the task, or if the
    file is of another task.
    """
    path = path or shipped_artifact(task.name)
    if path is None:
        raise ArtifactError(
            f"there is no trained model for {task.name} in this package; train one with: "
            "unsynth train EXPERIMENT.yaml"
        )
    model, artifact = load_artifact(path, task)
    return Posterior(task, model, artifact, device)
