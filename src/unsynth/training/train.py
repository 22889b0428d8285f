"""``unsynth train``: train the model of an experiment file, from the start or a checkpoint."""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import lightning
import numpy as np
import torch
from jaxtyping import UInt8
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from torch.utils.data import DataLoader

from unsynth.data.batch import Batch, Pairing, Sounds, TimedBatches
from unsynth.data.external import DatasetError
from unsynth.data.groups import RenderedGroups, SketchedGroups, render_sounds
from unsynth.data.seeding import Split
from unsynth.data.stream import Stream
from unsynth.errors import OutputError, TrainingError
from unsynth.models.architecture import NoteEncoderSettings, VAEArchitecture
from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.vae_realnvp import VAERealNVP
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task
from unsynth.training.callbacks import Checkpoints, LossLog, ProgressPrinter
from unsynth.training.checkpoint import (
    CHECKPOINT,
    check_weights,
    is_out_of_memory,
    read_checkpoint,
)
from unsynth.training.experiment import Experiment, TrainingSettings, load_experiment
from unsynth.training.module import ModelTraining
from unsynth.training.precision import usable_precision
from unsynth.training.start import load_weights
from unsynth.training.tables import last_validation

if TYPE_CHECKING:
    from unsynth.data.datamodule import ShardBatches


#: The most weights of a model; training holds 20 bytes per weight in memory.
_MOST_WEIGHTS = 2_000_000_000


@dataclass(frozen=True)
class Run:
    """The state of a run at its end; ``resume`` continues from ``checkpoint``."""

    checkpoint: Path
    step: int
    steps: int
    #: ``None`` for a run that ended before it was measured.
    validation_loss: float | None


def train(
    experiment_path: Path,
    overrides: Iterable[str] = (),
    resume: bool = False,
    out: Path | None = None,
    devices: int = 1,
    nodes: int = 1,
) -> Run | None:
    """Train an experiment, by default into ``runs/NAME``; Ctrl-C saves and returns.

    Several devices share each batch: ``devices`` on each of ``nodes`` machines. Each device has a
    process; all but the first one return ``None``.
    Raises :class:`ExperimentError` for a bad experiment file, :class:`DatasetError` for a set that
    does not fit it, and :class:`TrainingError` for a folder that already holds a run, the
    checkpoint of another run, or a loss that is not finite; the last checkpoint is then kept.
    """
    experiment = load_experiment(experiment_path, overrides)
    task = load_task(experiment.task)
    _check_devices(experiment, devices * nodes)
    shards = None if experiment.data.folder is None else open_set(experiment, task)
    folder = out or Path("runs") / experiment_path.stem
    checkpoint = _checkpoint(folder, resume)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    read = _read_validation(experiment, task)
    with Renderer(task.synth) if experiment.data.rendered else nullcontext() as renderer:
        validation = read or renderer
        assert validation is not None
        batches = shards or _StreamBatches(experiment, task, renderer)
        try:
            return _fit(experiment, task, batches, validation, folder, checkpoint, devices, nodes)
        finally:
            batches.close()


def _check_devices(experiment: Experiment, count: int) -> None:
    if count == 1:
        return
    data, parts = experiment.data, experiment.training.accumulate
    if data.folder is None:
        raise TrainingError(
            "several devices train from a set: make one with unsynth render, and add "
            "--set data.folder=DIR"
        )
    if data.batch % (count * parts):
        raise TrainingError(
            f"a batch of {data.batch} cannot be shared by {count} devices in {parts} parts each: "
            f"set data.batch to a multiple of {count * parts}"
        )
    if data.batch == count * parts and isinstance(experiment.model, VAEArchitecture):
        raise TrainingError(
            "batch norms need two sounds or more per device and part: raise data.batch, or lower "
            "training.accumulate"
        )


def build(experiment: Experiment, task: Task, contents: str | None = None) -> ModelTraining:
    """Build the new model of an experiment; its weights are a function of the seed.

    ``contents`` describes the set that it is trained from, if there is one. Raises
    :class:`TrainingError` for a model of more than two billion weights.
    """
    shape = experiment.model.observed_shape(task)
    with torch.device("meta"):  # without memory
        weights = sum(
            each.numel() for each in experiment.model.build(task.spec, shape).parameters()
        )
    if weights > _MOST_WEIGHTS:
        raise TrainingError(
            f"this model has {weights:,} weights, more than {_MOST_WEIGHTS:,}: lower its sizes"
        )
    torch.manual_seed(experiment.seed)
    model = experiment.model.build(task.spec, shape)
    return ModelTraining(model, experiment, task, contents)


def open_set(experiment: Experiment, task: Task) -> "ShardBatches":
    """Open the set that an experiment trains from; raises as :func:`train` does."""
    with _packages_required():
        from unsynth.data.datamodule import ShardBatches
        from unsynth.data.folder import Folder
    data = experiment.data
    assert data.folder is not None
    return ShardBatches(
        Folder(data.folder),
        experiment.model.observation,
        _pairing(experiment, task),
        batch=data.batch,
        group=data.coupled,
        seed=experiment.seed,
        loaders=data.loaders,
        parts=experiment.training.accumulate,
    )


@contextmanager
def _packages_required() -> Iterator[None]:
    """Turn the failed import of a package that reads sets into a :class:`TrainingError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"training from a set needs {error.name}: pip install 'unsynth[data]'"
        ) from None


def _read_validation(experiment: Experiment, task: Task) -> Sounds | None:
    """Read the sounds to validate with, if an experiment takes them from a set."""
    data = experiment.data
    if data.validation_folder is None:
        return None
    with _packages_required():
        from unsynth.data.datamodule import read_validation
        from unsynth.data.folder import Folder
    folder = Folder(data.validation_folder)
    return read_validation(folder, task, experiment.model.observation, data.validation)


def _pairing(experiment: Experiment, task: Task) -> Pairing:
    return Pairing(task, experiment.training.coupling, experiment.data.noises)


def _checkpoint(folder: Path, resume: bool) -> Path | None:
    """Return the checkpoint in a run's folder to resume from; ``None`` for a new run."""
    checkpoint = folder / CHECKPOINT
    if resume and not checkpoint.exists():
        raise TrainingError(f"{checkpoint} is missing: there is nothing to resume")
    if checkpoint.exists() and not resume:
        raise TrainingError(f"{folder} already holds a run: add --resume, or choose another --out")
    return checkpoint if resume else None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written: {error.strerror}") from None


def _groups(
    experiment: Experiment, task: Task, renderer: Renderer | None
) -> RenderedGroups | SketchedGroups:
    data, observation = experiment.data, experiment.model.observation
    size = data.batch // data.uses
    if not data.sketched:
        assert renderer is not None
        return RenderedGroups(task, renderer, observation, size, experiment.seed)
    sketch = sketch_of(task)
    if sketch is None:
        raise TrainingError(
            f"data.sketched: {task.name} has no sketch of its engine; dx7 and vital-simple have one"
        )
    # Torch brings Triton along where it supports a GPU, except on Windows.
    device = "cuda" if torch.cuda.is_available() and find_spec("triton") else "cpu"
    return SketchedGroups(sketch, size, data.loaders, experiment.seed, device)


class _StreamBatches(lightning.LightningDataModule):
    """The batches of a stream of new sounds, from the trainer's current step on."""

    def __init__(self, experiment: Experiment, task: Task, renderer: Renderer | None) -> None:
        super().__init__()
        self._parts = experiment.training.accumulate
        self._groups = _groups(experiment, task, renderer)
        self._stream = Stream(
            _pairing(experiment, task),
            self._groups,
            uses=experiment.data.uses,
            apart=experiment.data.apart,
            seed=experiment.seed,
        )

    def train_dataloader(self) -> TimedBatches[Batch]:
        assert self.trainer is not None
        self._stream.start = self.trainer.global_step
        batches = DataLoader(self._stream, batch_size=None)
        if self._parts == 1:
            return TimedBatches(batches)
        return TimedBatches(part for batch in batches for part in batch.parts(self._parts))

    def first(self, sounds: int) -> UInt8[torch.Tensor, "items ..."]:
        """Make the groups of the first ``sounds`` sounds, and return their observations."""
        groups = self._groups(range(-(-sounds // self._groups.size)))
        return torch.from_numpy(np.concatenate([group.observed for group in groups]))

    def close(self) -> None:
        self._stream.close()


def _fit_encoder(module: ModelTraining, batches: "_StreamBatches | ShardBatches") -> None:
    """Fit an encoder's scaling of its inputs, before the first step."""
    experiment = module.experiment
    if isinstance(module.model, VAERealNVP) or isinstance(experiment.model, VAEArchitecture):
        return
    sizes, encoder = experiment.model.encoder, module.model.encoder
    if isinstance(sizes, NoteEncoderSettings) and isinstance(encoder, NoteEncoder):
        if isinstance(batches, _StreamBatches):
            _say(f"making {sizes.sounds:,} sounds to scale the encoder's inputs by")
        encoder.fit(batches.first(sizes.sounds))
    elif isinstance(encoder, SpectrogramTransformer) and not isinstance(batches, _StreamBatches):
        encoder.standardise(*torch.from_numpy(batches.statistics()))
    module.ema.load_state_dict(module.model.state_dict())


def _say(message: str) -> None:
    """Announce work before the first step that takes minutes with a slow engine."""
    print(message, file=sys.stderr, flush=True)


def _fit(
    experiment: Experiment,
    task: Task,
    batches: "_StreamBatches | ShardBatches",
    validation: Sounds | Renderer,
    folder: Path,
    checkpoint: Path | None,
    devices: int,
    nodes: int,
) -> Run | None:
    settings = experiment.training
    shards = None if isinstance(batches, _StreamBatches) else batches
    module = build(experiment, task, None if shards is None else shards.contents)
    trained = None
    if checkpoint is None and experiment.start_from is not None:
        trained = load_weights(module, task, experiment.start_from)
    _make_folder(folder)  # after checks that need no time, before work that takes minutes
    if trained is not None:
        _say(f"starting from {experiment.start_from}, trained for {trained:,} steps")
    elif checkpoint is None:
        _fit_encoder(module, batches)
    step = 0
    if checkpoint is not None:  # Its faults are reported before any work.
        content = read_checkpoint(checkpoint, resumed=True)
        module.on_load_checkpoint(content)
        check_weights(checkpoint, content["state_dict"], module.state_dict())
        step = content["global_step"]
    if not isinstance(validation, Sounds):
        items = range(experiment.data.validation)
        observation = experiment.model.observation
        _say(f"rendering {len(items):,} sounds for validation")
        validation = render_sounds(
            task, validation, observation, Split.VALIDATION, items, experiment.seed
        )
    x1 = torch.from_numpy(task.spec.encode(validation.patches)).float()
    log = LossLog(folder, x1, torch.from_numpy(validation.observed), settings.validate_every)
    checkpoints = Checkpoints(folder, settings.checkpoint_minutes, step)
    if settings.compile:
        for network in module.model.children():
            network.compile()
    precision = usable_precision(settings.precision)
    if precision != settings.precision:
        _say(
            f"this machine does not compute in bfloat16: training in {precision}, "
            f"not {settings.precision}"
        )
    several = devices * nodes > 1
    with warnings.catch_warnings(), closing(log):
        # Lightning's advice on loaders and resuming is wrong for batches that know their step.
        warnings.filterwarnings("ignore", module="lightning")
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        trainer = lightning.Trainer(
            max_steps=settings.steps,
            max_epochs=-1,
            precision=precision,
            accelerator="auto",
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if several else "auto",
            sync_batchnorm=several and torch.cuda.is_available(),  # not supported on a CPU
            accumulate_grad_batches=settings.accumulate,
            logger=_loggers(settings, folder),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[log, ProgressPrinter(log), checkpoints],
        )
        try:
            trainer.fit(module, datamodule=batches, ckpt_path=checkpoint)
        except (TrainingError, DatasetError) as error:
            last = folder / CHECKPOINT
            state = f"{last} is unchanged" if last.exists() else "no checkpoint was saved yet"
            raise type(error)(f"{error}; {state}") from None
        except OutputError:
            raise
        except Exception as error:
            if checkpoint is None or checkpoints.begun or is_out_of_memory(error):
                raise
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
            raise TrainingError(
                f"{checkpoint} is damaged, or of another version ({reason}): train anew with "
                "another --out"
            ) from None
    if not trainer.is_global_zero:
        return None
    step = trainer.global_step
    return Run(folder / CHECKPOINT, step, settings.steps, last_validation(folder, step))


def _loggers(settings: TrainingSettings, folder: Path) -> list[Logger]:
    """Make the loggers of the settings, in addition to the tables in the run's folder."""
    loggers: list[Logger] = []
    if settings.tensorboard:
        loggers.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if settings.wandb is not None:
        try:
            loggers.append(WandbLogger(project=settings.wandb, name=folder.name, save_dir=folder))
        except ModuleNotFoundError:
            raise TrainingError(
                "training.wandb needs wandb: pip install 'unsynth[wandb]', or leave it out"
            ) from None
    return loggers
