"""``unsynth train``: from an experiment file to trained weights, or on from a checkpoint."""

import logging
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from torch.utils.data import DataLoader

from unsynth.data.seeding import Split
from unsynth.data.stream import Batch, Stream, render_sounds
from unsynth.models.architecture import NoteEncoderSettings
from unsynth.models.encoders import NoteEncoder
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task, load_task
from unsynth.training.callbacks import CHECKPOINT, Checkpoints, LossLog, Progress
from unsynth.training.experiment import Experiment, load_experiment
from unsynth.training.module import FlowTraining, TrainingError


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

    Raises :class:`ExperimentError` for a bad experiment file and :class:`TrainingError` for a
    folder that holds a run already, a checkpoint of something else, or a loss that is not finite:
    the last checkpoint is then still there.
    """
    experiment = load_experiment(experiment_path, overrides)
    folder = out or Path("runs") / experiment_path.stem
    checkpoint = _prepare(folder, resume)
    task = load_task(experiment.task)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    with Renderer(task.synth) as renderer:
        stream = Stream(
            task,
            renderer,
            experiment.model.observation,
            batch=experiment.data.batch,
            uses=experiment.data.uses,
            apart=experiment.data.apart,
            seed=experiment.seed,
        )
        try:
            return _fit(experiment, task, renderer, stream, folder, checkpoint)
        finally:
            stream.close()


def build(experiment: Experiment, task: Task) -> FlowTraining:
    """Make a new model of an experiment, its weights a function of the seed."""
    torch.manual_seed(experiment.seed)
    model = experiment.model.build(task.spec.width, experiment.model.observed_shape(task))
    return FlowTraining(model, experiment, task.hash)


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


class _Batches(lightning.LightningDataModule):
    """Starts the stream at the step that the checkpoint has brought the trainer to."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        self._stream.start = self.trainer.global_step
        return DataLoader(self._stream, batch_size=None)


def _fit_encoder(module: FlowTraining, task: Task, renderer: Renderer) -> None:
    """Find what a note encoder has to know of its inputs before the first step."""
    experiment = module.experiment
    sizes, encoder = experiment.model.encoder, module.model.encoder
    if isinstance(sizes, NoteEncoderSettings) and isinstance(encoder, NoteEncoder):
        observation, items = experiment.model.observation, range(sizes.sounds)
        sounds = render_sounds(task, renderer, observation, Split.TRAIN, items, experiment.seed)
        encoder.fit(sounds.observed)
        module.ema.encoder.load_state_dict(encoder.state_dict())


def _fit(
    experiment: Experiment,
    task: Task,
    renderer: Renderer,
    stream: Stream,
    folder: Path,
    checkpoint: Path | None,
) -> Run:
    settings = experiment.training
    module = build(experiment, task)
    if checkpoint is None:
        _fit_encoder(module, task, renderer)
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
            trainer.fit(module, datamodule=_Batches(stream), ckpt_path=checkpoint)
        except TrainingError as error:
            kept = folder / CHECKPOINT
            state = f"{kept} is as it was" if kept.exists() else "no checkpoint was saved yet"
            raise TrainingError(f"{error}; {state}") from None
    return Run(folder / CHECKPOINT, trainer.global_step, settings.steps, log.validation)
