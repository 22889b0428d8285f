"""What happens around the steps: checkpoints, the loss on disk and as a picture, a word a while.

A run's folder holds ``experiment.yaml``, ``last.ckpt``, ``loss.csv``, ``validation.csv`` and
``loss.png``. A checkpoint replaces the last one in one rename, when it is whole.
"""

import csv
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import lightning
import torch
import yaml
from jaxtyping import Float, UInt8

from unsynth.data.batch import Waited
from unsynth.files import replacing
from unsynth.training.module import ModelTraining

CHECKPOINT = "last.ckpt"


class Checkpoints(lightning.Callback):
    """Saves every few minutes, at the end, and when Ctrl-C or SIGTERM asks the run to stop."""

    def __init__(self, folder: Path, minutes: float) -> None:
        self._path = folder / CHECKPOINT
        self._seconds = 60.0 * minutes
        self._saved_at = time.monotonic()
        self._previous: dict[int, Any] = {}
        #: True once the run was asked to stop.
        self.interrupted = False

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Take over the signals; a second Ctrl-C ends the run at once."""

        def stop(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            self._restore_signals()

        try:
            self._previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # only the main thread may; elsewhere the caller stops the run
            self._previous = {}

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save when it is time to."""
        if not _stepped(trainer, batch_idx):
            return
        last = trainer.global_step >= (trainer.max_steps or 0)
        self.interrupted = _any_device(trainer, self.interrupted)
        if self.interrupted:
            trainer.should_stop = True
        due = time.monotonic() - self._saved_at >= self._seconds
        if self.interrupted or last or _any_device(trainer, due):
            self._save(trainer)

    def _save(self, trainer: lightning.Trainer) -> None:
        part = self._path.with_suffix(".part")
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            part.replace(self._path)
        self._saved_at = time.monotonic()

    def _restore_signals(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def teardown(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str
    ) -> None:
        """Give the signals back."""
        self._restore_signals()


class LossLog(lightning.Callback):
    """Writes the loss of every step, validates now and then, and draws both."""

    def __init__(
        self,
        folder: Path,
        x1: Float[torch.Tensor, "items d"],
        observed: UInt8[torch.Tensor, "items ..."],
        every: int,
    ) -> None:
        self._folder = folder
        self._x1, self._observed = x1, observed
        self._every = every
        self.validation = float("nan")

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Go on where the checkpoint ended: later rows are of steps that are done again."""
        assert isinstance(module, ModelTraining)
        if not trainer.is_global_zero:
            return
        text = yaml.safe_dump(module.experiment.model_dump(mode="json"), sort_keys=False)
        (self._folder / "experiment.yaml").write_text(text, encoding="utf-8")
        columns = ["step", "loss", "penalty", "gradient_norm", "learning_rate"]
        self._loss = _open(self._folder / "loss.csv", columns, trainer.global_step)
        self._valid = _open(self._folder / "validation.csv", ["step", "loss"], trainer.global_step)
        self._picture_at = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write a row."""
        assert isinstance(module, ModelTraining)
        if not (trainer.is_global_zero and _stepped(trainer, batch_idx)):
            return
        step = trainer.global_step
        csv.writer(self._loss).writerow([step, *(f"{n:.7g}" for n in module.last.values())])
        for logger in trainer.loggers:
            logger.log_metrics(module.last, step)
        if step % self._every == 0 or step == trainer.max_steps:
            self.validation = module.validation_loss(self._x1, self._observed)
            csv.writer(self._valid).writerow([step, f"{self.validation:.7g}"])
            for logger in trainer.loggers:
                logger.log_metrics({"validation_loss": self.validation}, step)
            if time.monotonic() - self._picture_at > 60.0:
                draw_losses(self._folder)
                self._picture_at = time.monotonic()

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Draw the losses so far."""
        if trainer.is_global_zero:
            draw_losses(self._folder)

    def teardown(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str
    ) -> None:
        """Close the files."""
        for file in (getattr(self, "_loss", None), getattr(self, "_valid", None)):
            if file is not None:
                file.close()


class Progress(lightning.Callback):
    """Prints a line every ten seconds: step, losses, steps a second, time left.

    It also says which share of the time since the last line the trainer waited for batches: so
    much was an accelerator idle.
    """

    def __init__(self, log: LossLog, every: float = 10.0) -> None:
        self._log = log
        self._every = every

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._first = trainer.global_step
        self._started = self._spoke = time.monotonic()
        self._waited = _waited(trainer)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Print, when it is time to."""
        assert isinstance(module, ModelTraining)
        if not (trainer.is_global_zero and _stepped(trainer, batch_idx)):
            return
        now, step, steps = time.monotonic(), trainer.global_step, trainer.max_steps
        if now - self._spoke < self._every and step < steps:
            return
        waited = _waited(trainer)
        idle = (waited - self._waited) / (now - self._spoke)
        self._spoke, self._waited = now, waited
        speed = (step - self._first) / (now - self._started)
        left = time.strftime("%H:%M:%S", time.gmtime((steps - step) / speed))
        print(
            f"step {step}/{steps}  loss {module.last['loss']:.4f}  "
            f"validation {self._log.validation:.4f}  {speed:.2f} steps/s  "
            f"waited {100 * idle:.0f} % for data  {left} left",
            file=sys.stderr,
            flush=True,
        )


def _stepped(trainer: lightning.Trainer, batch_idx: int) -> bool:
    """Say whether this was the last part of a step."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0


def _any_device(trainer: lightning.Trainer, decision: bool) -> bool:
    """Decide alike on all devices."""
    if trainer.world_size == 1:
        return decision
    return trainer.strategy.reduce_boolean_decision(decision, all=False)


def _waited(trainer: lightning.Trainer) -> float:
    """Find the seconds that a trainer has waited for batches."""
    batches = trainer.train_dataloader
    assert isinstance(batches, Waited)
    return batches.seconds


def draw_losses(folder: Path) -> None:
    """Draw ``loss.png`` from the folder's two tables."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    steps, losses = _columns(folder / "loss.csv")
    blocks = max(1, len(losses) // 400)
    usable = len(losses) // blocks * blocks
    axes.plot(
        steps[:usable].reshape(-1, blocks).mean(1),
        losses[:usable].reshape(-1, blocks).mean(1),
        linewidth=0.8,
        label="training",
    )
    axes.plot(*_columns(folder / "validation.csv"), label="validation, averaged weights")
    axes.set(xlabel="step", ylabel="loss", xscale="log", yscale="log")
    axes.legend()
    figure.savefig(folder / "loss.png", dpi=120)


def _columns(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [row[:2] for row in csv.reader(path.read_text().splitlines()[1:])]
    table = torch.tensor([[float(value) for value in row] for row in rows]).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _open(path: Path, columns: list[str], step: int) -> TextIO:
    """Open a table for more rows after keeping those up to a step."""
    kept = []
    if path.exists():
        lines = path.read_text().splitlines()[1:]
        rows = (line.split(",") for line in lines if line.count(",") == len(columns) - 1)
        kept = [row for row in rows if int(row[0]) <= step]
    with replacing(path) as unfinished, unfinished.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *kept])
    return path.open("a", newline="", buffering=1)
