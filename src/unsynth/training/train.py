"""``unsynth train``: from an experiment file to trained weights, or on from a checkpoint."""

import logging
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import lightning
import torch
from jaxtyping import UInt8
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from torch.utils.data import DataLoader

from unsynth.data.batch import Batch, Waited
from unsynth.data.external import DatasetError
from unsynth.data.groups import RenderedGroups, SketchedGroups, render_sounds
from unsynth.data.seeding import Split
from unsynth.data.stream import Stream
from unsynth.models.architecture import NoteEncoderSettings, VAEArchitecture
from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.vae_realnvp import VAERealNVP
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task
from unsynth.training.callbacks import CHECKPOINT, Checkpoints, LossLog, Progress
from unsynth.training.experiment import Experiment, TrainingSettings, load_experiment
from unsynth.training.module import ModelTraining, TrainingError

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
    devices: int = 1,
    nodes: int = 1,
) -> Run | None:
    """Train an experiment, by default into ``runs/NAME``; Ctrl-C saves and returns.

    With more than one of ``devices`` (of each of the nodes) they share each batch; each has a
    process, and all but the first of these return nothing.
    Raises :class:`ExperimentError` for a bad experiment file, :class:`DatasetError` for a set that
    is not for it, and :class:`TrainingError` for a folder that holds a run already, a checkpoint
    of something else, or a loss that is not finite: the last checkpoint is then still there.
    """
    experiment = load_experiment(experiment_path, overrides)
    task = load_task(experiment.task)
    _check_devices(experiment, devices * nodes)
    shards = None if experiment.data.folder is None else open_set(experiment, task)
    folder = out or Path("runs") / experiment_path.stem
    checkpoint = _prepare(folder, resume)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    with Renderer(task.synth) as renderer:
        batches = shards or _LiveBatches(experiment, task, renderer)
        try:
            return _fit(experiment, task, renderer, batches, folder, checkpoint, devices, nodes)
        finally:
            batches.close()


def _check_devices(experiment: Experiment, count: int) -> None:
    if count == 1:
        return
    data, parts = experiment.data, experiment.training.accumulate
    if data.folder is None:
        raise TrainingError(
            "several devices train from a set: make one with unsynth render, and give it as "
            "--set data.folder=DIR"
        )
    if data.batch % (count * parts):
        raise TrainingError(
            f"a batch of {data.batch} cannot be shared by {count} devices in {parts} parts each: "
            f"let data.batch be a multiple of {count * parts}"
        )


def build(experiment: Experiment, task: Task, contents: str | None = None) -> ModelTraining:
    """Make a new model of an experiment, its weights a function of the seed.

    ``contents`` describes the set that it is trained from, if there is one.
    """
    torch.manual_seed(experiment.seed)
    model = experiment.model.build(task.spec, experiment.model.observed_shape(task))
    return ModelTraining(model, experiment, task, contents)


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
        coupling=experiment.training.coupling,
        seed=experiment.seed,
        loaders=data.loaders,
        parts=experiment.training.accumulate,
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


def _groups(
    experiment: Experiment, task: Task, renderer: Renderer
) -> RenderedGroups | SketchedGroups:
    data, observation = experiment.data, experiment.model.observation
    size = data.batch // data.uses
    if not data.sketched:
        return RenderedGroups(task, renderer, observation, size, experiment.seed)
    sketch = sketch_of(task)
    if sketch is None:
        raise TrainingError(
            f"data.sketched: {task.name} has no sketch of its engine; only dx7 has one"
        )
    # Triton comes with torch where it has a GPU, but for Windows.
    device = "cuda" if torch.cuda.is_available() and find_spec("triton") else "cpu"
    return SketchedGroups(sketch, size, data.loaders, experiment.seed, device)


class _LiveBatches(lightning.LightningDataModule):
    """Starts the stream at the step that the checkpoint has brought the trainer to."""

    def __init__(self, experiment: Experiment, task: Task, renderer: Renderer) -> None:
        super().__init__()
        self._parts = experiment.training.accumulate
        self._groups = _groups(experiment, task, renderer)
        self._stream = Stream(
            task,
            self._groups,
            uses=experiment.data.uses,
            apart=experiment.data.apart,
            noises=experiment.data.noises,
            coupling=experiment.training.coupling,
            seed=experiment.seed,
        )

    def train_dataloader(self) -> Waited[Batch]:
        assert self.trainer is not None
        self._stream.start = self.trainer.global_step
        batches = DataLoader(self._stream, batch_size=None)
        if self._parts == 1:
            return Waited(batches)
        return Waited(part for batch in batches for part in batch.parts(self._parts))

    def first(self, sounds: int) -> UInt8[torch.Tensor, "items ..."]:
        """Make the first sounds, or some more, and say what is observed of them."""
        found = self._groups(range(-(-sounds // self._groups.size)))
        return torch.cat([group.observed for group in found])

    def close(self) -> None:
        self._stream.close()


def _fit_encoder(module: ModelTraining, batches: "_LiveBatches | ShardBatches") -> None:
    """Find what an encoder has to know of its inputs before the first step."""
    experiment = module.experiment
    if isinstance(module.model, VAERealNVP) or isinstance(experiment.model, VAEArchitecture):
        return
    sizes, encoder = experiment.model.encoder, module.model.encoder
    if isinstance(sizes, NoteEncoderSettings) and isinstance(encoder, NoteEncoder):
        if isinstance(batches, _LiveBatches):
            _say(f"making {sizes.sounds:,} sounds that the encoder's inputs are scaled by")
        encoder.fit(batches.first(sizes.sounds))
    elif isinstance(encoder, SpectrogramTransformer) and not isinstance(batches, _LiveBatches):
        encoder.standardise(*torch.from_numpy(batches.statistics()))
    module.ema.load_state_dict(module.model.state_dict())


def _say(what: str) -> None:
    """Say what takes minutes with a slow engine before the first step."""
    print(what, file=sys.stderr, flush=True)


def _fit(
    experiment: Experiment,
    task: Task,
    renderer: Renderer,
    batches: "_LiveBatches | ShardBatches",
    folder: Path,
    checkpoint: Path | None,
    devices: int,
    nodes: int,
) -> Run | None:
    settings = experiment.training
    shards = None if isinstance(batches, _LiveBatches) else batches
    module = build(experiment, task, None if shards is None else shards.contents)
    if checkpoint is None:
        _fit_encoder(module, batches)
    items = range(experiment.data.validation)
    observation = experiment.model.observation
    _say(f"rendering {len(items):,} sounds to validate with")
    held_out = render_sounds(task, renderer, observation, Split.VALIDATION, items, experiment.seed)
    x1 = torch.from_numpy(task.spec.encode(held_out.patches)).float()
    log = LossLog(folder, x1, held_out.observed, settings.validate_every)
    saver = Checkpoints(folder, settings.checkpoint_minutes)
    if settings.compile:
        for network in module.model.children():
            network.compile()
    several = devices * nodes > 1
    with warnings.catch_warnings():
        # Lightning's advice on loaders and resuming does not hold for batches that know their step.
        warnings.filterwarnings("ignore", module="lightning")
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        trainer = lightning.Trainer(
            max_steps=settings.steps,
            max_epochs=-1,
            precision=settings.precision,
            accelerator="auto",
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if several else "auto",
            sync_batchnorm=several and torch.cuda.is_available(),  # a CPU cannot
            accumulate_grad_batches=settings.accumulate,
            logger=_loggers(settings, folder),
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
    if not trainer.is_global_zero:
        return None
    return Run(folder / CHECKPOINT, trainer.global_step, settings.steps, log.validation)


def _loggers(settings: TrainingSettings, folder: Path) -> list[Logger]:
    """Make the loggers that are asked for; the tables in the run's folder are always written."""
    found: list[Logger] = []
    if settings.tensorboard:
        found.append(TensorBoardLogger(folder, name="", version="tensorboard"))
    if settings.wandb is not None:
        try:
            found.append(WandbLogger(project=settings.wandb, name=folder.name, save_dir=folder))
        except ModuleNotFoundError:
            raise TrainingError(
                "training.wandb needs wandb: pip install 'unsynth[wandb]', or leave it out"
            ) from None
    return found
