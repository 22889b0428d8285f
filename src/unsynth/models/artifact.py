"""A trained model on disk: ``NAME.safetensors`` and, in the same folder, ``NAME.json``.

Weights are stored as float16, or as float32 if float16 cannot hold them. If the file would be
larger than 20 MB, its matrices are stored as one-byte integers with a step per row. Neither file is
a pickle, so reading them runs no code. The JSON describes the model (:class:`Artifact`) and has the
SHA-256 of the weights. It is written last, so a half-written file, or one of another save, is
noticed. The models that unsynth ships lie in the package ``unsynth.shipped``.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import safetensors.torch
import torch
from pydantic import Field
from safetensors import SafetensorError
from torch import nn
from torch.overrides import TorchFunctionMode

from unsynth.documents import DocumentError, read_json, shown, validate
from unsynth.errors import UnsynthError
from unsynth.files import replacing
from unsynth.flow.solver import Solver
from unsynth.models.architecture import Architecture, Model, StrictSettings
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task
from unsynth.version import __version__

#: How the name of a weight file ends.
SUFFIX = ".safetensors"
#: Above this number of bytes, matrices are quantised to one byte per weight.
_QUANTISE_ABOVE = 20_000_000
#: The largest description in bytes; ours have 3 kB.
_MOST_JSON_BYTES = 1_000_000
#: The largest weight file in bytes.
_MOST_WEIGHT_BYTES = 16_000_000_000
#: What a quantised matrix's name is extended by to name its steps.
_STEP = ".step"


class ArtifactError(UnsynthError):
    """A weight file that is missing, damaged, or of another model."""


class SamplingSettings(StrictSettings):
    """How a trained flow is sampled by default."""

    solver: Solver = Solver.RK4
    steps: int = Field(100, gt=0, le=10_000)
    #: Guidance scale w (:mod:`unsynth.flow.guidance`).
    guidance: float = Field(2.0, ge=0.0, le=100.0)
    #: Error of the adaptive solver, which ignores ``steps``.
    tolerance: float = Field(1e-4, ge=1e-7, le=1.0)


#: A name or a version, which messages repeat.
_Text = Annotated[str, Field(max_length=200)]


class Artifact(StrictSettings):
    """The description of a trained model: the JSON file."""

    task: _Text
    task_hash: _Text
    #: The task file, if the task is declared in one.
    task_file: str | None = None
    #: Name and version of the engine that rendered the training sounds.
    engine: _Text
    #: Settings of the observation (:meth:`~unsynth.audio.observation.Observation.settings`).
    features: dict[str, Any]
    architecture: Architecture
    sampling: SamplingSettings
    #: Decay per step of the moving average of the weights; the average is what is stored.
    ema_decay: float
    training_steps: int
    #: The last validation loss; ``None`` if the run measured none.
    validation_loss: float | None
    #: The version of unsynth that wrote the file.
    unsynth: _Text = __version__
    #: Size of the weight file; :func:`save_artifact` sets it.
    weight_bytes: int = Field(default=0, ge=0, le=_MOST_WEIGHT_BYTES)
    #: SHA-256 of the weight file; :func:`save_artifact` sets it.
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")

    @property
    def source(self) -> str:
        """The name or the file that loads the task (:func:`~unsynth.tasks.catalogue.load_task`)."""
        return self.task_file or self.task


def describe(
    task: Task,
    architecture: Architecture,
    sampling: SamplingSettings,
    ema_decay: float,
    training_steps: int,
    validation_loss: float | None,
) -> Artifact:
    """Describe a model that was trained with the installed versions of unsynth and the engine.

    Size and SHA-256 of the weights are still missing; :func:`save_artifact` adds them.
    """
    measured = validation_loss is not None and math.isfinite(validation_loss)
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
        validation_loss=validation_loss if measured else None,
    )


def save_artifact(path: Path, model: Model, artifact: Artifact) -> Artifact:
    """Write ``path`` (``NAME.safetensors``) and its JSON; return the description in the JSON.

    Raises :class:`ArtifactError` for weights that are not finite, for a name with another suffix,
    or if a file cannot be written.
    """
    if path.suffix != SUFFIX:
        raise ArtifactError(f"{path}: a weight file's name ends in {SUFFIX}")
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    numbers = {name: value.float() for name, value in state.items() if value.is_floating_point()}
    infinite = [name for name, value in numbers.items() if not value.isfinite().all()]
    if infinite:
        raise ArtifactError(f"{infinite[0]} is not finite: train again, or go back to a checkpoint")
    largest = max(value.abs().max().item() for value in numbers.values())
    dtype = torch.float16 if largest < torch.finfo(torch.float16).max else torch.float32
    state |= {name: value.to(dtype) for name, value in numbers.items()}
    if sum(value.nbytes for value in state.values()) > _QUANTISE_ABOVE:
        state |= _quantise(numbers)
    weights = safetensors.torch.save({name: value.contiguous() for name, value in state.items()})
    digest = hashlib.sha256(weights).hexdigest()
    artifact = artifact.model_copy(update={"weight_bytes": len(weights), "sha256": digest})
    text = artifact.model_dump_json(indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, data in ((path, weights), (_json_path(path), text.encode())):
            with replacing(file) as unfinished:
                unfinished.write_bytes(data)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be written ({error.strerror})") from None
    return artifact


def load_artifact(path: Path, task: Task) -> tuple[Model, Artifact]:
    """Load a model of this task, ready to sample: float32, without gradients, on the CPU.

    Raises :class:`ArtifactError` for a file that is missing or damaged, or that belongs to another
    task, another version of the task, or other features, and for weights that are not finite.
    """
    artifact = read_artifact(path)
    if (artifact.task, artifact.task_hash) != (task.name, task.hash):
        raise ArtifactError(
            f"{path}: this model was trained for {artifact.task} {artifact.task_hash}, "
            f"not for {task.name} {task.hash}; train one for it, or give another file"
        )
    features = artifact.architecture.observation.settings()
    different = [
        key
        for key in features | artifact.features
        if features.get(key) != artifact.features.get(key)
    ]
    if different:
        key = different[0]
        raise ArtifactError(
            f"{path}: this model observes sounds with {key[:60]} "
            f"{shown(artifact.features.get(key))}, but this version of unsynth with {key[:60]} "
            f"{features.get(key)}; "
            f"use unsynth {artifact.unsynth}, or train the model again"
        )
    try:
        size = path.stat().st_size
        weights = path.read_bytes() if size == artifact.weight_bytes else b""
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from None
    if size != artifact.weight_bytes:
        raise ArtifactError(
            f"{path}: this file has {size} bytes, but its JSON says {artifact.weight_bytes}; it is "
            "truncated or from another save: copy both files again"
        )
    if hashlib.sha256(weights).hexdigest() != artifact.sha256:
        raise ArtifactError(
            f"{path}: these are not the weights that were saved (SHA-256 differs); "
            "copy both files again from a source that you trust"
        )
    try:
        state = _dequantise(safetensors.torch.load(weights))
        shape = artifact.architecture.observed_shape(task)
        with _NoInitialWeights():
            model = artifact.architecture.build(task.spec, shape)
        check_weights(state, model.state_dict())
        model.load_state_dict(state, assign=True)
    except (SafetensorError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"{path}: these weights do not fit the model that the JSON describes ({reason}); "
            "copy both files again"
        ) from None
    except (MemoryError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(f"{path}: this model cannot be loaded here ({reason})") from None
    return model.requires_grad_(False).eval(), artifact


class _NoInitialWeights(TorchFunctionMode):
    """Draws no initial weights: those of a file take their place.

    Memory that nothing writes to is never occupied. (Torch's "meta" device occupies none either,
    but imports torch's compiler at the first product: 130 MB and a second or more.)
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        options = options or {}
        if function in (torch.randn, torch.rand):
            return torch.zeros(*arguments, **options)
        draws = getattr(function, "__module__", None) == nn.init.__name__
        if draws or function in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return arguments[0] if arguments else options["tensor"]
        return function(*arguments, **options)


def _quantise(numbers: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Round matrices to one byte per weight, and add the size of a step in each row."""
    quantised: dict[str, torch.Tensor] = {}
    for name, matrix in numbers.items():
        if matrix.ndim == 2:
            step = (matrix.abs().amax(dim=1, keepdim=True) / 127.0).clamp_min(1e-30)
            quantised[name] = (matrix / step).round().to(torch.int8)
            quantised[name + _STEP] = step
    return quantised


def _dequantise(stored: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Convert stored weights to float32; multiply those that have steps by them.

    Raises ``ValueError`` for steps that do not belong to a matrix's rows.
    """
    state: dict[str, torch.Tensor] = {}
    for name, value in stored.items():
        if name + _STEP in stored:
            step = stored[name + _STEP]
            if value.ndim != 2 or step.shape != (len(value), 1):
                raise ValueError(f"{name[:60]}{_STEP} does not have one step for each row")
            state[name] = value.float() * step
        elif not name.endswith(_STEP):
            state[name] = value.float() if value.is_floating_point() else value
    return state


def check_weights(weights: Mapping[Any, Any], expected: Mapping[str, torch.Tensor]) -> None:
    """Raise ``ValueError`` for weights of other names, shapes or types, or that are not finite."""
    if others := weights.keys() ^ expected.keys():
        raise ValueError(f"{min(map(str, others))[:60]} is missing or not expected")
    for name, value in expected.items():
        weight = weights[name]
        if not isinstance(weight, torch.Tensor) or weight.is_meta or weight.layout != torch.strided:
            raise ValueError(f"{name} is {shown(weight)}, not a tensor of values")
        if (weight.shape, weight.dtype) != (value.shape, value.dtype):
            raise ValueError(f"{name} is of {_kind(weight)}, not {_kind(value)}")
        if not weight.isfinite().all():
            raise ValueError(f"{name} is not finite")


def _kind(values: torch.Tensor) -> str:
    return f"shape {shown(tuple(values.shape))} and type {values.dtype}"


def shipped_artifact(task_name: str) -> Path | None:
    """Return the path of the trained model that unsynth ships for a task, or ``None``."""
    with as_file(files("unsynth.shipped").joinpath(f"{task_name}{SUFFIX}")) as path:
        return path if path.exists() else None


def _engine(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (version not known)"


def _json_path(weights: Path) -> Path:
    return weights.with_suffix(".json")


def read_artifact(weights: Path) -> Artifact:
    """Read the description of a model, from the JSON next to its weight file.

    Raises :class:`ArtifactError` for another kind of file, if a file is missing, or if the JSON
    does not describe a model.
    """
    if not weights.exists():
        raise ArtifactError(
            f"{weights}: there is no weight file here; make one with unsynth export"
        )
    if weights.suffix != ".safetensors":
        raise ArtifactError(
            f"{weights}: is not a weight file; give the .safetensors that unsynth export wrote"
        )
    path = _json_path(weights)
    try:
        return validate(Artifact, read_json(path, _MOST_JSON_BYTES))
    except FileNotFoundError:
        raise ArtifactError(f"{path}: is missing; copy it next to the .safetensors file") from None
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from None
    except DocumentError as error:
        raise ArtifactError(
            f"{path}: does not describe a model of this version ({error}); copy both "
            "files again, or train the model again"
        ) from None


def find_weights(model: str) -> Path:
    """Return the path of a weight file: ``model`` itself, or the shipped one of that task.

    Raises :class:`ArtifactError` where no model of the task is shipped.
    """
    path = Path(model)
    if path.suffix == ".safetensors":
        return path
    shipped = shipped_artifact(load_task(model).name)
    if shipped is None:
        raise ArtifactError(f"unsynth ships no trained model for {model}; give a .safetensors file")
    return shipped
