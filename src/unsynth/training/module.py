"""A model, its averaged weights and its optimiser, as Lightning trains them.

Noise, times and dropout are functions of (seed, step, item). So a resumed run repeats the run that
it continues; and several devices, or the parts of a batch, together do what one device does with
the whole batch (except for batch norms). The averaged weights (EMA) follow
``ema = d ema + (1 - d) weights`` after each step, with d = min(decay, (1 + step) / (10 + step));
validation and the weight file use them.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import lightning
import numpy as np
import torch
from jaxtyping import Float, UInt8
from lightning.pytorch.core.optimizer import LightningOptimizer

from unsynth.audio.augmentation import RANDOM_VALUES, augment
from unsynth.data.batch import Batch
from unsynth.data.seeding import Purpose, training_rng
from unsynth.errors import TrainingError
from unsynth.models.architecture import Model
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.task import Task
from unsynth.training.experiment import Experiment
from unsynth.training.identity import check_identity, identity
from unsynth.training.known_parameters import KnownParameters
from unsynth.training.objective import Noise, compute_losses, draw_times
from unsynth.training.optimizer import learning_rate, parameter_groups


class ModelTraining(lightning.LightningModule):
    """Trains ``model``; ``ema`` is a copy of it with averaged weights."""

    def __init__(
        self,
        model: Model,
        experiment: Experiment,
        task: Task,
        contents: str | None = None,
    ) -> None:
        """``contents`` describes the set that the model is trained from, if there is one."""
        super().__init__()
        self._known_parameters = KnownParameters(task) if experiment.training.known else None
        torch.nn.Module.train(model)
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.experiment = experiment
        self._identity = identity(experiment, task.hash) | {"data.folder": contents}
        #: The numbers of the last step, by their column in the log.
        self.last: dict[str, float] = {}
        #: Loss and penalty of the step, over the parts so far.
        self._sums = torch.zeros(2)

    def training_step(self, batch: Batch, batch_idx: int) -> Float[torch.Tensor, ""]:
        """Compute the loss of a part; raises :class:`TrainingError` if it is not finite."""
        settings, noises = self.experiment.training, self.experiment.data.noises
        losses = compute_losses(
            self.model,
            batch.x1.repeat(noises, 1),
            self._disturbed(batch),
            self._noise(batch),
            settings.assignment_penalty,
            batch.step,
        )
        parts = settings.accumulate
        self._sums = self._sums.to(self.device) + torch.stack(losses).detach() / parts
        if (batch_idx + 1) % parts == 0:
            mean = self._over_devices(self._sums)
            self.last = dict(zip(("loss", "penalty"), mean.tolist(), strict=True))
            self._sums = torch.zeros_like(mean)
            _require_finite("loss", sum(self.last.values()), batch.step)
        return losses.loss + losses.penalty

    def _over_devices(self, numbers: torch.Tensor) -> torch.Tensor:
        """Average numbers over the devices of a run."""
        if self._trainer is None or self.trainer.world_size == 1:
            return numbers
        gathered = self.all_gather(numbers)
        assert isinstance(gathered, torch.Tensor)
        return gathered.mean(dim=0)

    def _noise(self, batch: Batch) -> Noise:
        """Draw times and dropout for the whole batch, and keep those of this part's items."""
        data, settings = self.experiment.data, self.experiment.training
        rng = training_rng(Purpose.TIMES, self.experiment.seed, batch.step)
        count = data.noises * data.batch
        times = draw_times(rng, count, settings.condition_dropout)
        items = slice(batch.first, batch.first + len(batch.x1))

        def of_items(values: torch.Tensor) -> torch.Tensor:
            whole = values.unflatten(0, (data.noises, data.batch))
            return whole[:, items].flatten(0, 1).to(self.device)

        t, dropped = (of_items(values) for values in times)
        mask = None
        if self._known_parameters is not None:
            rng = training_rng(Purpose.KNOWN_PARAMETERS, self.experiment.seed, batch.step)
            mask = of_items(self._known_parameters.draw(rng, count, settings.known))
        return Noise(batch.x0.flatten(0, 1), t, dropped, mask)

    def _disturbed(self, batch: Batch) -> UInt8[torch.Tensor, "items ..."]:
        """Disturb a share of the sounds, each by its own random numbers."""
        share = self.experiment.training.disturbed
        if share == 0.0:
            return batch.observed
        rng = training_rng(Purpose.DISTURBANCE, self.experiment.seed, batch.step)
        numbers = rng.random((self.experiment.data.batch, RANDOM_VALUES), dtype=np.float32)
        of_items = torch.from_numpy(numbers[batch.first : batch.first + len(batch.x1)])
        return augment(batch.observed, of_items.to(self.device), share)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient's norm; raise before a step that would spoil the weights."""
        clip = self.experiment.training.gradient_clip
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        self.last["gradient_norm"] = norm.item()
        _require_finite("gradient", self.last["gradient_norm"], self.global_step)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: torch.optim.Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Take a step, then average the weights."""
        step = self.global_step
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self.last["learning_rate"] = learning_rate(self.experiment.training, step)
        decay = min(self.experiment.training.ema_decay, (1 + step) / (10 + step))
        averaged: list[torch.Tensor] = list(self.ema.parameters())
        torch._foreach_lerp_(averaged, [p.detach() for p in self.model.parameters()], 1.0 - decay)
        for average, buffer in zip(self.ema.buffers(), self.model.buffers(), strict=True):
            average.copy_(buffer)

    @torch.no_grad()
    def validation_loss(self, x1: torch.Tensor, observed: torch.Tensor, noises: int = 4) -> float:
        """Compute the loss of the averaged weights: fixed noise, evenly spread t, no dropout."""
        self.ema.eval()  # Lightning puts all of this module into training mode
        total = 0.0
        for chunk, (x, sounds) in enumerate(zip(x1.split(64), observed.split(64), strict=True)):
            rng = training_rng(Purpose.TIMES, 0, chunk)
            count = len(x) * noises
            x0 = torch.from_numpy(rng.standard_normal((count, x.shape[1]), dtype=np.float32))
            t = torch.from_numpy((rng.permutation(count) + 0.5) / count).float()
            noise = x0, t, torch.zeros(count, dtype=torch.bool)
            losses = compute_losses(
                self.ema,
                x.to(self.device).repeat(noises, 1),
                sounds.to(self.device),
                Noise(*(part.to(self.device) for part in noise)),
                assignment_penalty=0.0,
                step=0,
            )
            total += losses.loss.item() * len(x)
        return total / len(x1)

    def configure_optimizers(self) -> Any:
        """Set up the optimiser with its schedule."""
        settings = self.experiment.training
        param2tok = self.model.param2tok if isinstance(self.model, ConditionalFlow) else None
        groups = parameter_groups(
            self.model, param2tok, settings.learning_rate, settings.param2tok_rate
        )
        optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate(settings, step) / settings.learning_rate
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the run's identity in the checkpoint."""
        checkpoint["unsynth"] = self._identity

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raise :class:`TrainingError` for the checkpoint of another run."""
        check_identity(checkpoint.get("unsynth", {}), self._identity)


def _require_finite(what: str, value: float, step: int) -> None:
    if not math.isfinite(value):
        raise TrainingError(f"the {what} is {value} at step {step}: try a lower learning rate")
