"""A trained model on disk: ``NAME.safetensors`` and, beside it, ``NAME.json``.

The weights are float16, or float32 where float16 could not hold them; matrices of a file that
would be larger than 20 MB are whole numbers of a byte, times a step for each row. Neither file is
a pickle, so reading one runs nothing. The JSON says what the weights are of (:class:`Artifact`) and
carries their SHA-256; it is written last, so a file that is half-written or of another save is
noticed.
"""

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError
from safetensors import SafetensorError

from unsynth.errors import UnsynthError
from unsynth.files import replacing
from unsynth.flow.solver import Solver
from unsynth.models.architecture import Architecture, Model, StrictSettings
from unsynth.tasks.task import Task
from unsynth.version import __version__

_SUFFIX = ".safetensors"
#: Bytes of weights above which matrices are stored in a byte a weight, and the name of their steps.
_LARGE, _STEP = 20_000_000, ".step"


class ArtifactError(UnsynthError):
    """A weight file that is missing, damaged, or of something else."""


class SamplingSettings(StrictSettings):
    """How a trained flow is to be sampled."""

    solver: Solver = Solver.RK4
    steps: PositiveInt = 100
    guidance: float = 2.0
    #: Of the adaptive solver, which finds its own steps.
    tolerance: PositiveFloat = 1e-4


class Artifact(StrictSettings):
    """What a weight file is of, and how to use it; ``engine`` made the sounds it learned from."""

    task: str
    task_hash: str
    #: Where a task that a user's file declares was read from.
    task_file: str | None = None
    engine: str
    features: dict[str, Any]
    architecture: Architecture
    sampling: SamplingSettings
    #: Of the averaged weights that are stored.
    ema_decay: float
    training_steps: int
    #: The last one measured; ``None`` where the run had not come to one.
    validation_loss: float | None
    unsynth: str = __version__
    #: Of the weight file; :func:`save_artifact` fills them in.
    weight_bytes: int = 0
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @property
    def source(self) -> str:
        """What the task is loaded by."""
        return self.task_file or self.task


def describe(
    task: Task,
    architecture: Architecture,
    sampling: SamplingSettings,
    ema_decay: float,
    training_steps: int,
    validation_loss: float | None,
) -> Artifact:
    """Describe a model that was trained with this package, here and now."""
    return Artifact(
        task=task.name,
        task_hash=task.hash,
        task_file=None if task.source == task.name else task.source,
        engine=_engine(task.package),
        features=architecture.observation.settings(),
        architecture=architecture,
        sampling=sampling,
        ema_decay=ema_decay,
        training_steps=training_steps,
        validation_loss=validation_loss,
    )


def save_artifact(path: Path, model: Model, artifact: Artifact) -> Artifact:
    """Write ``path`` (``NAME.safetensors``) and its JSON; return what the JSON says.

    Each file gets a temporary name first and is renamed when it is whole. Raises
    :class:`ArtifactError` for weights that are not finite, another ending of the name, or where
    ``path`` cannot be written.
    """
    if path.suffix != _SUFFIX:
        raise ArtifactError(f"{path}: a weight file's name ends in {_SUFFIX}")
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    numbers = {name: value.float() for name, value in state.items() if value.is_floating_point()}
    spoilt = [name for name, value in numbers.items() if not value.isfinite().all()]
    if spoilt:
        raise ArtifactError(f"{spoilt[0]} is not finite: train again, or go back to a checkpoint")
    largest = max(value.abs().max().item() for value in numbers.values())
    dtype = torch.float16 if largest < torch.finfo(torch.float16).max else torch.float32
    state |= {name: value.to(dtype) for name, value in numbers.items()}
    if sum(value.nbytes for value in state.values()) > _LARGE:
        state |= _in_bytes(numbers)
    weights = safetensors.torch.save({name: value.contiguous() for name, value in state.items()})
    digest = hashlib.sha256(weights).hexdigest()
    artifact = artifact.model_copy(update={"weight_bytes": len(weights), "sha256": digest})
    text = artifact.model_dump_json(indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, weights)
        _replace(_description(path), text.encode())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror})") from None
    return artifact


def load_artifact(path: Path, task: Task) -> tuple[Model, Artifact]:
    """Load a model of this task, ready to sample from: float32, no gradients, on the CPU.

    Raises :class:`ArtifactError` where a file is missing or damaged, or of another task, task
    version or features.
    """
    artifact = read_artifact(path)
    if (artifact.task, artifact.task_hash) != (task.name, task.hash):
        raise ArtifactError(
            f"{path}: this model was trained for {artifact.task} {artifact.task_hash}, "
            f"not for {task.name} {task.hash}; train one for it, or give another file"
        )
    ours = artifact.architecture.observation.settings()
    differing = [k for k in ours | artifact.features if ours.get(k) != artifact.features.get(k)]
    if differing:
        key = differing[0]
        raise ArtifactError(
            f"{path}: this model sees sounds with {key} {artifact.features.get(key)}, "
            f"this version makes {key} {ours.get(key)}; "
            f"use unsynth {artifact.unsynth}, or train it again"
        )
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from None
    if len(weights) != artifact.weight_bytes:
        raise ArtifactError(
            f"{path}: this file has {len(weights)} bytes where its JSON says "
            f"{artifact.weight_bytes}; it is truncated or of another save: copy both files again"
        )
    if hashlib.sha256(weights).hexdigest() != artifact.sha256:
        raise ArtifactError(
            f"{path}: these are not the weights that were saved (SHA-256 differs); "
            "copy both files again from where you trust them"
        )
    try:
        state = _as_floats(safetensors.torch.load(weights))
        shape = artifact.architecture.observed_shape(task)
        with torch.device("meta"):  # no memory or random numbers for weights that are replaced
            model = artifact.architecture.build(task.spec, shape)
        model.load_state_dict(state, assign=True)
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"{path}: these weights are not of the model that the JSON describes ({reason}); "
            "copy both files again"
        ) from None
    return model.requires_grad_(False).eval(), artifact


def _in_bytes(numbers: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Round matrices to a byte a weight, and say what a step is in each row."""
    found: dict[str, torch.Tensor] = {}
    for name, matrix in numbers.items():
        if matrix.ndim == 2:
            step = (matrix.abs().amax(dim=1, keepdim=True) / 127.0).clamp_min(1e-30)
            found[name] = (matrix / step).round().to(torch.int8)
            found[name + _STEP] = step
    return found


def _as_floats(stored: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Read weights as they are stored: in bytes, where there are steps beside them, or not."""
    state: dict[str, torch.Tensor] = {}
    for name, value in stored.items():
        if name + _STEP in stored:
            state[name] = value.float() * stored[name + _STEP]
        elif not name.endswith(_STEP):
            state[name] = value.float() if value.is_floating_point() else value
    return state


def shipped_artifact(task_name: str) -> Path | None:
    """Where the package keeps a task's trained model, or ``None`` where it has none."""
    with as_file(files("unsynth.shipped").joinpath(f"{task_name}{_SUFFIX}")) as path:
        return path if path.exists() else None


def _engine(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (version not known)"


def _description(path: Path) -> Path:
    return path.with_suffix(".json")


def read_artifact(weights: Path) -> Artifact:
    """Read what a weight file is of, from the JSON beside it.

    Raises :class:`ArtifactError` where it is missing or does not describe a model.
    """
    if not weights.exists():
        raise ArtifactError(
            f"{weights}: there is no weight file here; make one with unsynth export"
        )
    path = _description(weights)
    try:
        return Artifact.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError(
            f"{path}: is missing; it belongs beside the .safetensors file: copy both"
        ) from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ArtifactError(
            f"{path}: does not describe a model of this version ({where}: {first['msg']}); "
            "copy both files again, or train it again"
        ) from None


def _replace(path: Path, data: bytes) -> None:
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)
