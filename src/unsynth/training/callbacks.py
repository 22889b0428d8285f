"""Callbacks of a run: checkpoints, the losses as tables and as a picture, progress.

A run's folder holds ``experiment.yaml``, ``last.ckpt``, ``loss.csv``, ``validation.csv`` and
``loss.png``. A complete checkpoint replaces the last one by a rename.
"""

import csv
import signal
import sys
import time
from contextlib import ExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import torch
from jaxtyping import Float, UInt8

from unsynth.data.batch import TimedBatches
from unsynth.documents import write_yaml
from unsynth.errors import TrainingError
from unsynth.files import replacing
from unsynth.output import output_errors, reserve, write_text
from unsynth.training.checkpoint import CHECKPOINT
from unsynth.training.module import ModelTraining
from unsynth.training.tables import LOSSES, VALIDATIONS, draw_losses, last_validation, open_table

#: Shortest time between two pictures of the losses, in seconds.
_PICTURE_SECONDS = 60.0


class Checkpoints(lightning.Callback):
    """Saves every few minutes, at the end, and when Ctrl-C or SIGTERM asks the run to stop.

    ``step`` is the step from which the run has to begin.
    """

    def __init__(self, folder: Path, minutes: float, step: int) -> None:
        self._step = step
        self._path = folder / CHECKPOINT
        self._seconds = 60.0 * minutes
        self._saved_at = time.monotonic()
        self._previous: dict[int, Any] = {}
        #: Whether the run was asked to stop.
        self.interrupted = False
        #: Whether training has begun, which is after a checkpoint is restored.
        self.begun = False

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Handle the first Ctrl-C or SIGTERM here; a second one aborts the run.

        Raises :class:`TrainingError` if the checkpoint was not restored as a whole.
        """
        self.begun = True
        if trainer.global_step != self._step:
            raise TrainingError(
                f"{self._path} is damaged: it is of step {self._step}, but resumes at step "
                f"{trainer.global_step}; train anew with another --out"
            )
        for parameter, state in trainer.optimizers[0].state.items():
            if any(value.ndim and value.shape != parameter.shape for value in state.values()):
                raise TrainingError(
                    f"{self._path} is damaged: the optimiser's state does not fit the weights; "
                    "train anew with another --out"
                )

        def stop(number: int, frame: FrameType | None) -> None:
            self.interrupted = True
            self._restore_signals()

        try:
            self._previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # only the main thread may set handlers; else the caller stops the run
            self._previous = {}

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save a checkpoint if one is due."""
        if not _ends_step(trainer, batch_idx):
            return
        last = trainer.global_step >= (trainer.max_steps or 0)
        self.interrupted = _on_any_device(trainer, self.interrupted)
        if self.interrupted:
            trainer.should_stop = True
        due = time.monotonic() - self._saved_at >= self._seconds
        if self.interrupted or last or _on_any_device(trainer, due):
            self._save(trainer)

    def _save(self, trainer: lightning.Trainer) -> None:
        # All processes have to take part in saving, but only the first writes the file.
        first = trainer.is_global_zero
        with replacing(self._path) if first else nullcontext(self._path) as path:
            trainer.save_checkpoint(path)
        self._saved_at = time.monotonic()

    def _restore_signals(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def teardown(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str
    ) -> None:
        """Restore the signal handlers."""
        self._restore_signals()


class LossLog(lightning.Callback):
    """Writes the loss of every step, validates every ``every`` steps, and draws both losses.

    Keeps other processes out of the run's folder; :meth:`close` it after the training.

    ``x1`` and ``observed`` are the data to validate with; ``validation`` is the last result.
    """

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
        self.validation: float | None = None
        self._opened = ExitStack()
        #: Writers of the tables, by the name of the file.
        self._tables: dict[str, Any] = {}

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Open the tables, without the rows of steps after the checkpoint: they are repeated.

        Raises :class:`~unsynth.errors.OutputError` where they cannot be written, and
        :class:`TrainingError` where another process trains into the folder.
        """
        assert isinstance(module, ModelTraining)
        if not trainer.is_global_zero:
            return
        refusal = TrainingError(
            f"{self._folder}: another process writes there: stop it, or choose another --out"
        )
        self._opened.enter_context(reserve(self._folder / ".lock", refusal))
        text, step = write_yaml(module.experiment.model_dump(mode="json")), trainer.global_step
        write_text(self._folder / "experiment.yaml", text)
        with output_errors(self._folder):
            for name in (LOSSES, VALIDATIONS):
                table = self._opened.enter_context(open_table(self._folder / name, step))
                self._tables[name] = csv.writer(table)
        self.validation = last_validation(self._folder, step)
        self._drawn_at = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write the step's row; validate and draw if it is time."""
        assert isinstance(module, ModelTraining)
        if not (trainer.is_global_zero and _ends_step(trainer, batch_idx)):
            return
        step = trainer.global_step
        with output_errors(self._folder):
            self._tables[LOSSES].writerow([step, *(f"{n:.7g}" for n in module.last.values())])
        for logger in trainer.loggers:
            logger.log_metrics(module.last, step)
        if step % self._every == 0 or step == trainer.max_steps:
            self.validation = module.validation_loss(self._x1, self._observed)
            with output_errors(self._folder):
                self._tables[VALIDATIONS].writerow([step, f"{self.validation:.7g}"])
            for logger in trainer.loggers:
                logger.log_metrics({"validation_loss": self.validation}, step)
            if time.monotonic() - self._drawn_at > _PICTURE_SECONDS:
                draw_losses(self._folder)
                self._drawn_at = time.monotonic()

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Draw the final picture."""
        if trainer.is_global_zero:
            draw_losses(self._folder)

    def close(self) -> None:
        """Close the tables, and let other processes into the folder."""
        self._opened.close()


class ProgressPrinter(lightning.Callback):
    """Prints a line every ten seconds: step, losses, steps per second, time left.

    The line also states the share of the time since the last line that was spent waiting for the
    next batch; a GPU is idle for that share of the time.
    """

    def __init__(self, log: LossLog, seconds: float = 10.0) -> None:
        self._log = log
        self._seconds = seconds

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Start the clock."""
        self._first = trainer.global_step
        self._started_at = self._printed_at = time.monotonic()
        self._waiting_seconds = _waiting_seconds(trainer)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Print a line if it is time."""
        assert isinstance(module, ModelTraining)
        if not (trainer.is_global_zero and _ends_step(trainer, batch_idx)):
            return
        now, step, steps = time.monotonic(), trainer.global_step, trainer.max_steps
        if now - self._printed_at < self._seconds and step < steps:
            return
        waiting = _waiting_seconds(trainer)
        share = (waiting - self._waiting_seconds) / (now - self._printed_at)
        self._printed_at, self._waiting_seconds = now, waiting
        speed = (step - self._first) / (now - self._started_at)
        line = progress_line(step, steps, module.last["loss"], self._log.validation, speed, share)
        print(line, file=sys.stderr, flush=True)


def progress_line(
    step: int, steps: int, loss: float, validation: float | None, speed: float, waiting: float
) -> str:
    """Describe where a run stands.

    ``validation`` is the last validation loss, ``speed`` the steps per second, and ``waiting`` the
    share of the time that was spent waiting for data.

    >>> progress_line(10, 500_010, 0.5, None, 2.0, 0.02)
    'step 10/500010  loss 0.5000  2.00 steps/s  waited 2 % for data  2 days, 21:26:40 left'
    """
    measured = "" if validation is None else f"validation {validation:.4f}  "
    remaining = timedelta(seconds=round((steps - step) / speed))
    return (
        f"step {step}/{steps}  loss {loss:.4f}  {measured}{speed:.2f} steps/s  "
        f"waited {100 * waiting:.0f} % for data  {remaining} left"
    )


def _ends_step(trainer: lightning.Trainer, batch_idx: int) -> bool:
    """Say whether this was the last part of a step's batch."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0


def _on_any_device(trainer: lightning.Trainer, decision: bool) -> bool:
    """Say whether a decision is true on any device, with the same answer on all of them."""
    if trainer.world_size == 1:
        return decision
    return trainer.strategy.reduce_boolean_decision(decision, all=False)


def _waiting_seconds(trainer: lightning.Trainer) -> float:
    """Return the total time that a trainer has spent waiting for batches."""
    batches = trainer.train_dataloader
    assert isinstance(batches, TimedBatches)
    return batches.waiting_seconds
