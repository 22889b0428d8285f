"""Experiment files: what to train, on what, and how; read and checked whole before any work."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from unsynth.audio.observation import Observation
from unsynth.errors import UnsynthError
from unsynth.flow.coupling import Coupling
from unsynth.models.architecture import Architecture, FlowArchitecture, StrictSettings
from unsynth.models.artifact import SamplingSettings
from unsynth.tasks.catalogue import is_task_file

_GROUP = 64


class ExperimentError(UnsynthError):
    """An experiment file, or a ``--set``, that does not describe an experiment."""


class DataSettings(StrictSettings):
    """What a step sees: sounds rendered or sketched while training, or those of a set.

    See :mod:`unsynth.data.stream` for ``uses`` and ``apart``, :mod:`unsynth.data.order` for
    ``group``.
    """

    #: Sounds a step.
    batch: PositiveInt
    #: How many times each sound is used, with new noise and times.
    uses: PositiveInt = 1
    #: Steps between two uses of a sound.
    apart: PositiveInt = 1
    #: Noises and times a sound and step; the encoder runs once for all of them.
    noises: PositiveInt = 1
    #: Sounds on which the validation loss is computed, always the same.
    validation: PositiveInt = 256
    #: The set to train from, a path or a URL; without one, sounds are made while training.
    folder: str | None = None
    #: Whether they are sketched, not rendered (:mod:`unsynth.sketches.sketch`).
    sketched: bool = False
    #: Sounds of a set within which noise is coupled; by default :attr:`coupled`.
    group: PositiveInt | None = None
    #: Processes that read a set, for each device, or that sketch; 0 for the training process.
    loaders: NonNegativeInt = 1

    @model_validator(mode="after")
    def _uses_divide_batch(self) -> "DataSettings":
        if self.batch % self.uses:
            raise ValueError(f"{self.uses} uses do not divide a batch of {self.batch}")
        return self

    @model_validator(mode="after")
    def _live_or_from_a_set(self) -> "DataSettings":
        if self.folder is None and self.group is not None:
            raise ValueError(
                "group is for training from data.folder: without one, noise is coupled within the "
                "whole batch"
            )
        if self.folder is not None and self.sketched:
            raise ValueError("sketched is for training without data.folder")
        if self.folder is not None and (self.uses, self.apart) != (1, 1):
            raise ValueError(
                "uses and apart are for training without data.folder: a set uses its sounds once "
                "an epoch, so let both be 1"
            )
        if self.batch % self.coupled:
            raise ValueError(f"groups of {self.coupled} do not divide a batch of {self.batch}")
        return self

    @property
    def coupled(self) -> int:
        """Size of the groups of a set: the least divisor of the batch from 64 on, or all of it."""
        if self.group is not None:
            return self.group
        return next(
            (size for size in range(_GROUP, self.batch) if self.batch % size == 0), self.batch
        )


class TrainingSettings(StrictSettings):
    """The objective and its optimiser (warm-up, then a cosine to the final rate)."""

    steps: PositiveInt
    learning_rate: PositiveFloat
    #: How many times faster Param2Tok learns: its symmetry breaks in hundreds of steps, not 10^5.
    param2tok_rate: PositiveFloat = 1.0
    final_learning_rate: NonNegativeFloat = 1e-6
    warm_up: PositiveInt = 500
    weight_decay: NonNegativeFloat = 0.0
    #: Largest norm of the gradient.
    gradient_clip: PositiveFloat = 0.5
    #: Share of items that lose their sound.
    condition_dropout: float = Field(0.1, ge=0.0, le=1.0)
    #: Share of items whose sound is disturbed (:mod:`unsynth.audio.augmentation`).
    disturbed: float = Field(0.0, ge=0.0, le=1.0)
    #: Share of items of which some parameters are known (:mod:`unsynth.training.known`).
    known: float = Field(0.0, ge=0.0, le=1.0)
    coupling: Coupling = Coupling.OPTIMAL_TRANSPORT
    #: Weight of the mean absolute entry of Param2Tok's assignment.
    assignment_penalty: NonNegativeFloat = 0.01
    #: How much of the averaged weights stays at each step; lower in the first steps.
    ema_decay: float = Field(0.999, ge=0.0, lt=1.0)
    #: Parts that a step is computed in, one after the other, to save memory.
    accumulate: PositiveInt = 1
    #: Whether the networks are compiled, which takes minutes and then saves time.
    compile: bool = False
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    #: Whether the losses go to TensorBoard too, and to which project at Weights & Biases.
    tensorboard: bool = False
    wandb: str | None = None
    #: Steps between two validations, minutes between two checkpoints.
    validate_every: PositiveInt = 500
    checkpoint_minutes: NonNegativeFloat = 5.0


class Experiment(StrictSettings):
    """A whole experiment."""

    #: Its name, or the path of a task file, from here or from the experiment's folder.
    task: str
    seed: int = 0
    model: Architecture
    data: DataSettings
    training: TrainingSettings
    sampling: SamplingSettings

    @model_validator(mode="after")
    def _sketches_are_windows(self) -> "Experiment":
        if self.data.sketched and self.model.observation is not Observation.WINDOWS:
            raise ValueError("data.sketched is for an encoder of kind windows")
        return self

    @model_validator(mode="after")
    def _known_is_told(self) -> "Experiment":
        told = isinstance(self.model, FlowArchitecture) and self.model.told
        if told != (self.training.known > 0.0):
            raise ValueError("model.told is for training.known above 0, and that for model.told")
        return self

    @model_validator(mode="after")
    def _parts_divide_batch(self) -> "Experiment":
        parts, batch = self.training.accumulate, self.data.batch
        if batch % parts:
            raise ValueError(f"training.accumulate of {parts} does not divide a batch of {batch}")
        return self


def load_experiment(path: Path, overrides: Iterable[str] = ()) -> Experiment:
    """Read an experiment file and set single keys, each as ``training.steps=100``.

    Raises :class:`ExperimentError`, with the nearest valid key for an unknown one.
    """
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(fields, dict):
        raise ExperimentError(f"{path} holds no experiment, only {type(fields).__name__}")
    for override in overrides:
        _set(fields, override)
    _check_keys(fields, Experiment, "")
    try:
        experiment = Experiment.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        value = "" if isinstance(first["input"], dict) else f", not {first['input']!r}"
        raise ExperimentError(f"{path}: {where}: {what}{value}") from None
    return _with_task_found(experiment, path.parent)


def _with_task_found(experiment: Experiment, folder: Path) -> Experiment:
    """Find a task file beside the experiment, or else from here; its path becomes absolute."""
    if not is_task_file(experiment.task):
        return experiment
    task = Path(experiment.task).expanduser()
    found = folder / task if (folder / task).exists() else task
    return experiment.model_copy(update={"task": str(found.absolute())})


def _set(fields: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise ExperimentError(f"--set {override}: write it as key=value")
    *parents, last = key.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise ExperimentError(f"--set {override}: {parent} holds a value, not keys")
    try:
        fields[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ExperimentError(f"--set {override}: {value} is not a YAML value") from None


def _check_keys(fields: dict[str, Any], settings: type[BaseModel], prefix: str) -> None:
    for key, value in fields.items():
        if key not in settings.model_fields:
            near = difflib.get_close_matches(str(key), settings.model_fields, n=1, cutoff=0.0)[0]
            raise ExperimentError(f"unknown key {prefix}{key}; the nearest is {prefix}{near}")
        inner = _settings_of(settings.model_fields[key].annotation, value)
        if inner is not None:
            _check_keys(value, inner, f"{prefix}{key}.")


def _settings_of(annotation: Any, value: Any) -> type[BaseModel] | None:
    """Find the class that a section's keys belong to; among several, its ``kind`` tells."""
    if not isinstance(value, dict):
        return None
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            kind = option.model_fields.get("kind")
            if kind is None or value.get("kind") in get_args(kind.annotation):
                return option
    return None


def _options(annotation: Any) -> list[Any]:
    """List the members of a union, also of an annotated one and of unions within it."""
    inner = get_args(annotation)
    return [option for part in inner for option in _options(part)] if inner else [annotation]
