"""``unsynth train``: from an experiment file to trained weights, or on from a checkpoint."""

import logging
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import lightning
import torch
from torch.utils.data import DataLoader

from unsynth.data.external import DatasetError
from unsynth.data.seeding import Split
from unsynth.data.stream import Batch, Stream, Waited, render_sounds
from unsynth.flow.coupling import couple
from unsynth.models.architecture import NoteEncoderSettings
from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task, load_task
from unsynth.training.callbacks import CHECKPOINT, Checkpoints, LossLog, Progress
from unsynth.training.experiment import Experiment, load_experiment
from unsynth.training.module import FlowTraining, TrainingError

if TYPE_CHECKING:
    from unsynth.data.datamodule import ShardBatches


@dataclass(frozen=True)
class Run:
    """A run, as it was left; ``checkpoint`` is where it goes on with ``resume``."""

    checkpoint: Path
    step: int
    steps: int
    validation_loss: float


def train(
    experiment_path: Path,
    overrides: Iterable[str] = (),
    resume: bool = False,
    out: Path | None = None,
) -> Run:
    """Train an experiment, by default into ``runs/NAME``; Ctrl-C saves and returns.

    Raises :class:`ExperimentError` for a bad experiment file, :class:`DatasetError` for a set that
    is not for it, and :class:`TrainingError` for a folder that holds a run already, a checkpoint
    of something else, or a loss that is not finite: the last checkpoint is then still there.
    """
    experiment = load_experiment(experiment_path, overrides)
    task = load_task(experiment.task)
    shards = None if experiment.data.folder is None else open_set(experiment, task)
    folder = out or Path("runs") / experiment_path.stem
    checkpoint = _prepare(folder, resume)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    with Renderer(task.synth) as renderer:
        batches = shards or _LiveBatches(experiment, task, renderer)
        try:
            return _fit(experiment, task, renderer, batches, folder, checkpoint)
        finally:
            batches.close()


def build(experiment: Experiment, task: Task, contents: str | None = None) -> FlowTraining:
    """Make a new model of an experiment, its weights a function of the seed.

    ``contents`` describes the set that it is trained from, if there is one.
    """
    torch.manual_seed(experiment.seed)
    model = experiment.model.build(task.spec.width, experiment.model.observed_shape(task))
    return FlowTraining(model, experiment, task.hash, contents)


def open_set(experiment: Experiment, task: Task) -> "ShardBatches":
    """Open the set that an experiment trains from; raises as :func:`train` does."""
    try:
        from unsynth.data.datamodule import ShardBatches
        from unsynth.data.folder import Folder
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"training from a set needs {error.name}: pip install 'unsynth[data]'"
        ) from None
    data = experiment.data
    assert data.folder is not None
    return ShardBatches(
        Folder(data.folder),
        task,
        experiment.model.observation,
        batch=data.batch,
        group=data.coupled,
        noises=data.noises,
        couple=partial(couple, experiment.training.coupling),
        seed=experiment.seed,
        loaders=data.loaders,
    )


def _prepare(folder: Path, resume: bool) -> Path | None:
    """Make the run's folder; return the checkpoint to resume from."""
    checkpoint = folder / CHECKPOINT
    if resume and not checkpoint.exists():
        raise TrainingError(f"{checkpoint} is missing: there is nothing to resume")
    if checkpoint.exists() and not resume:
        raise TrainingError(f"{folder} holds a run: add --resume, or choose another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written: {error.strerror}") from None
    return checkpoint if resume else None


class _LiveBatches(lightning.LightningDataModule):
    """Starts the stream at the step that the checkpoint has brought the trainer to."""

    def __init__(self, experiment: Experiment, task: Task, renderer: Renderer) -> None:
        super().__init__()
        self._stream = Stream(
            task,
            renderer,
            experiment.model.observation,
            batch=experiment.data.batch,
            uses=experiment.data.uses,
            apart=experiment.data.apart,
            seed=experiment.seed,
        )

    def train_dataloader(self) -> Waited[Batch]:
        assert self.trainer is not None
        self._stream.start = self.trainer.global_step
        return Waited(DataLoader(self._stream, batch_size=None))

    def close(self) -> None:
        self._stream.close()


def _fit_encoder(
    module: FlowTraining, task: Task, renderer: Renderer, shards: "ShardBatches | None"
) -> None:
    """Find what an encoder has to know of its inputs before the first step."""
    experiment = module.experiment
    sizes, encoder = experiment.model.encoder, module.model.encoder
    if isinstance(sizes, NoteEncoderSettings) and isinstance(encoder, NoteEncoder):
        if shards is not None:
            observed = shards.first(sizes.sounds)
        else:
            observation, items = experiment.model.observation, range(sizes.sounds)
            sounds = render_sounds(task, renderer, observation, Split.TRAIN, items, experiment.seed)
            observed = sounds.observed
        encoder.fit(observed)
    elif isinstance(encoder, SpectrogramTransformer) and shards is not None:
        encoder.standardise(*torch.from_numpy(shards.statistics()))
    module.ema.encoder.load_state_dict(encoder.state_dict())


def _fit(
    experiment: Experiment,
    task: Task,
    renderer: Renderer,
    batches: "_LiveBatches | ShardBatches",
    folder: Path,
    checkpoint: Path | None,
) -> Run:
    settings = experiment.training
    shards = None if isinstance(batches, _LiveBatches) else batches
    module = build(experiment, task, None if shards is None else shards.contents)
    if checkpoint is None:
        _fit_encoder(module, task, renderer, shards)
    items = range(experiment.data.validation)
    observation = experiment.model.observation
    held_out = render_sounds(task, renderer, observation, Split.VALIDATION, items, experiment.seed)
    x1 = torch.from_numpy(task.spec.encode(held_out.patches)).float()
    log = LossLog(folder, x1, held_out.observed, settings.validate_every)
    saver = Checkpoints(folder, settings.checkpoint_minutes)
    with warnings.catch_warnings():
        # Lightning's advice on loaders and resuming does not hold for batches that know their step.
        warnings.filterwarnings("ignore", module="lightning")
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        trainer = lightning.Trainer(
            max_steps=settings.steps,
            max_epochs=-1,
            precision=settings.precision,
            accelerator="auto",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[log, Progress(log), saver],
        )
        try:
            trainer.fit(module, datamodule=batches, ckpt_path=checkpoint)
        except (TrainingError, DatasetError) as error:
            kept = folder / CHECKPOINT
            state = f"{kept} is as it was" if kept.exists() else "no checkpoint was saved yet"
            raise type(error)(f"{error}; {state}") from None
    return Run(folder / CHECKPOINT, trainer.global_step, settings.steps, log.validation)
