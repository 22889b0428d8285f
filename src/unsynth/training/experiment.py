"""Experiment files: a model, its training data and its training, fully checked before any work."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, model_validator

from unsynth.audio.observation import Observation
from unsynth.documents import DocumentError, parse_yaml, read_yaml, shown, validate
from unsynth.errors import UnsynthError
from unsynth.flow.coupling import Coupling
from unsynth.models.architecture import (
    Architecture,
    Count,
    FlowArchitecture,
    Size,
    StrictSettings,
    VAEArchitecture,
    Weight,
)
from unsynth.models.artifact import SUFFIX, SamplingSettings
from unsynth.tasks.catalogue import is_task_file
from unsynth.training.precision import Precision

#: The least size of the groups of a set in which noise is coupled, if no size is set.
_LEAST_GROUP = 64
#: A rate, or the weight of a loss, above 0.
PositiveWeight = Annotated[float, Field(gt=0.0, le=1e30)]


class ExperimentError(UnsynthError):
    """An experiment file, or a ``--set``, that does not describe an experiment."""


class DataSettings(StrictSettings):
    """The training data: sounds rendered or sketched while training, or those of a set.

    See :mod:`unsynth.data.stream` for ``uses`` and ``apart``, :mod:`unsynth.data.order` for
    ``group``.
    """

    #: Sounds per step.
    batch: Size
    #: How many times each sound is used, with new noise and times.
    uses: Size = 1
    #: Steps between two uses of a sound.
    apart: Count = 1
    #: Noises and times per sound and step; the encoder runs once for all of them.
    noises: Size = 1
    #: Sounds of the validation loss, always the same.
    validation: Size = 256
    #: The set to train from, a path or a URL; without one, sounds are made while training.
    folder: str | None = None
    #: The set of the split validation to validate with, a path or a URL; without one, its sounds
    #: are rendered.
    validation_folder: str | None = None
    #: Whether sounds are sketched while training, not rendered (:mod:`unsynth.sketches.sketch`).
    sketched: bool = False
    #: Sounds per group of a set; noise is coupled within a group. See :attr:`coupled`.
    group: Size | None = None
    #: Processes per device that read the set or sketch; with 0, the training process does.
    loaders: int = Field(1, ge=0, le=1024)

    @model_validator(mode="after")
    def _check_uses(self) -> "DataSettings":
        if self.batch % self.uses:
            raise ValueError(f"{self.uses} uses do not divide a batch of {self.batch}")
        return self

    @model_validator(mode="after")
    def _check_source(self) -> "DataSettings":
        if self.folder is None and self.group is not None:
            raise ValueError(
                "group is for training from data.folder: without a set, noise is coupled within "
                "the whole batch"
            )
        if self.folder is not None and self.sketched:
            raise ValueError("sketched is for training without data.folder")
        if self.folder is not None and (self.uses, self.apart) != (1, 1):
            raise ValueError(
                "uses and apart are for training without data.folder: the sounds of a set are used "
                "once per epoch, so set both to 1"
            )
        if self.batch % self.coupled:
            raise ValueError(f"groups of {self.coupled} do not divide a batch of {self.batch}")
        return self

    @property
    def rendered(self) -> bool:
        """Whether training renders sounds, which needs the engine."""
        trained = self.folder is not None or self.sketched
        return not trained or self.validation_folder is None

    @property
    def coupled(self) -> int:
        """Sounds per group of a set: by default the batch's least divisor of 64 or more."""
        if self.group is not None:
            return self.group
        return next(
            (size for size in range(_LEAST_GROUP, self.batch) if self.batch % size == 0), self.batch
        )


class TrainingSettings(StrictSettings):
    """The objective, its optimiser and what a run writes."""

    #: Steps of the whole run.
    steps: Count
    #: The rate after the warm-up, from which it falls to the final rate as half a cosine.
    learning_rate: PositiveWeight
    #: Param2Tok's learning rate as a multiple of the rest's: if it is higher, Param2Tok's symmetry
    #: breaks in hundreds of steps instead of 10^5.
    param2tok_rate: PositiveWeight = 1.0
    #: The learning rate at the end of the run.
    final_learning_rate: Weight = 1e-6
    #: Steps in which the learning rate rises from 0.
    warm_up: Count = 500
    #: Weight decay of AdamW.
    weight_decay: Weight = 0.0
    #: Largest norm of the gradient.
    gradient_clip: PositiveWeight = 0.5
    #: Share of the items that lose their sound.
    condition_dropout: float = Field(0.1, ge=0.0, le=1.0)
    #: Share of the items whose sound is disturbed (:mod:`unsynth.audio.augmentation`).
    disturbed: float = Field(0.0, ge=0.0, le=1.0)
    #: Share of the items with some known parameters (:mod:`unsynth.training.known_parameters`).
    known: float = Field(0.0, ge=0.0, le=1.0)
    #: How noise is paired with patches.
    coupling: Coupling = Coupling.OPTIMAL_TRANSPORT
    #: Weight of the mean absolute entry of Param2Tok's assignment.
    assignment_penalty: Weight = 0.01
    #: Decay of the averaged weights per step; lower in the first steps.
    ema_decay: float = Field(0.999, ge=0.0, lt=1.0)
    #: Parts of a step's batch that are computed one after the other, to save memory.
    accumulate: Size = 1
    #: Whether to compile the networks, which takes minutes and then saves time.
    compile: bool = False
    #: The precision of Lightning's trainer, where the machine has it
    #: (:mod:`unsynth.training.precision`).
    precision: Precision = "32-true"
    #: Whether to log the losses to TensorBoard too.
    tensorboard: bool = False
    #: The project at Weights & Biases to log the losses to.
    wandb: str | None = None
    #: Steps between two validations.
    validate_every: Count = 500
    #: Minutes between two checkpoints.
    checkpoint_minutes: Weight = 5.0


class Experiment(StrictSettings):
    """A whole experiment."""

    #: A task's name, or the path of a task file, relative to the experiment's folder or to here.
    task: str
    seed: int = Field(0, ge=0)
    #: The model whose weights a run starts from: a weight file, or the task of one that ships.
    start_from: str | None = None
    model: Architecture
    data: DataSettings
    training: TrainingSettings
    sampling: SamplingSettings

    @model_validator(mode="after")
    def _check_sketched(self) -> "Experiment":
        if self.data.sketched and self.model.observation is not Observation.WINDOWS:
            raise ValueError("data.sketched is for an encoder of kind windows")
        return self

    @model_validator(mode="after")
    def _check_known(self) -> "Experiment":
        conditioned = isinstance(self.model, FlowArchitecture) and self.model.told
        if conditioned != (self.training.known > 0.0):
            raise ValueError("set model.told and training.known above 0 together, or neither")
        return self

    @model_validator(mode="after")
    def _check_parts(self) -> "Experiment":
        parts, batch = self.training.accumulate, self.data.batch
        if batch % parts:
            raise ValueError(f"training.accumulate of {parts} does not divide a batch of {batch}")
        if batch == parts and isinstance(self.model, VAEArchitecture):
            raise ValueError(
                "batch norms need two sounds or more: raise data.batch, or lower "
                "training.accumulate"
            )
        return self


def load_experiment(path: Path, overrides: Iterable[str] = ()) -> Experiment:
    """Read an experiment file and set single keys, each given as ``training.steps=100``.

    Raises :class:`ExperimentError`; for an unknown key, it names the nearest valid one.
    """
    try:
        fields = read_yaml(path)
    except OSError as error:
        raise ExperimentError(f"{path}: {error.strerror}") from None
    except DocumentError as error:
        raise ExperimentError(f"{path}: cannot be read: {error}") from None
    if not isinstance(fields, dict):
        raise ExperimentError(
            f"{path} holds no experiment: it is of type {type(fields).__name__}, not a mapping"
        )
    for override in overrides:
        _apply_override(fields, override)
    _check_keys(fields, Experiment, "")
    try:
        experiment = validate(Experiment, fields)
    except DocumentError as error:
        raise ExperimentError(f"{path}: {error}") from None
    update = {}
    if is_task_file(experiment.task):
        update["task"] = _resolve(experiment.task, path.parent)
    if experiment.start_from is not None and experiment.start_from.endswith(SUFFIX):
        update["start_from"] = _resolve(experiment.start_from, path.parent)
    return experiment.model_copy(update=update)


def _resolve(file: str, folder: Path) -> str:
    """Make a file's path absolute: from the experiment's folder, or else from here."""
    given = Path(file).expanduser()
    path = folder / given if (folder / given).exists() else given
    return str(path.absolute())


def _apply_override(fields: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise ExperimentError(f"--set {shown(override)}: write it as key=value")
    *parents, last = key.split(".")
    for parent in parents:
        fields = fields.setdefault(parent, {})
        if not isinstance(fields, dict):
            raise ExperimentError(f"--set {key[:60]}: {parent[:60]} holds a value, not keys")
    try:
        fields[last] = parse_yaml(value)
    except DocumentError as error:
        raise ExperimentError(f"--set {key[:60]}: {error}") from None


def _check_keys(fields: dict[str, Any], settings: type[BaseModel], prefix: str) -> None:
    for key, value in fields.items():
        if key not in settings.model_fields:
            name = str(key)[:60]
            near = difflib.get_close_matches(name, settings.model_fields, n=1, cutoff=0.0)[0]
            raise ExperimentError(f"unknown key {prefix}{name}; the nearest is {prefix}{near}")
        section = _section_class(settings.model_fields[key].annotation, value)
        if section is not None:
            _check_keys(value, section, f"{prefix}{key}.")


def _section_class(annotation: Any, value: Any) -> type[BaseModel] | None:
    """Return the class of a section; its ``kind`` selects one of several."""
    if not isinstance(value, dict):
        return None
    for option in _union_members(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            kind = option.model_fields.get("kind")
            if kind is None or value.get("kind") in get_args(kind.annotation):
                return option
    return None


def _union_members(annotation: Any) -> list[Any]:
    """List the members of a union, also of an annotated one and of unions within it."""
    arguments = get_args(annotation)
    if not arguments:
        return [annotation]
    return [member for argument in arguments for member in _union_members(argument)]
