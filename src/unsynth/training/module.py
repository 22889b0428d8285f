"""A model, its averaged weights and its optimiser, as Lightning trains them.

Noise, times and dropout are functions of (seed, step, item): a resumed run repeats the run it goes
on from, and several devices, or the parts of a batch, do what one device does with all of it (but
for batch norms). The averaged weights (EMA) follow ``ema = d ema + (1 - d) weights`` after each
step, with d = min(decay, (1 + step) / (10 + step)); validation and the weight file use them.
"""

import copy
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from jaxtyping import Float, UInt8
from lightning.pytorch.core.optimizer import LightningOptimizer

from unsynth.audio.augmentation import RANDOM_VALUES, augment
from unsynth.data.batch import Batch
from unsynth.errors import UnsynthError
from unsynth.models.architecture import Model
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.task import Task
from unsynth.training.experiment import Experiment, TrainingSettings
from unsynth.training.known import Known
from unsynth.training.objective import Noise, draw_times, losses

_TIMES, _DISTURBANCE, _KNOWN = 2, 7, 9


class TrainingError(UnsynthError):
    """A run that cannot start, go on or be resumed."""


class ModelTraining(lightning.LightningModule):
    """Trains ``model``; ``ema`` is a copy of it with averaged weights."""

    def __init__(
        self,
        model: Model,
        experiment: Experiment,
        task: Task,
        contents: str | None = None,
    ) -> None:
        """``contents`` describes the set that is trained from, if there is one."""
        super().__init__()
        self._known = Known(task) if experiment.training.known else None
        torch.nn.Module.train(model)
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.experiment = experiment
        self._identity = identity(experiment, task.hash) | {"data.folder": contents}
        #: The numbers of the last step, for the log: the loss, what was added to it, and so on.
        self.last: dict[str, float] = {}
        self._sums = torch.zeros(2)

    def training_step(self, batch: Batch, batch_idx: int) -> Float[torch.Tensor, ""]:
        """Compute the loss; raises :class:`TrainingError` where it is not finite."""
        settings, noises = self.experiment.training, self.experiment.data.noises
        found = losses(
            self.model,
            batch.x1.repeat(noises, 1),
            self._disturbed(batch),
            self._noise(batch),
            settings.assignment_penalty,
            batch.step,
        )
        parts = settings.accumulate
        self._sums = self._sums.to(self.device) + torch.stack(found).detach() / parts
        if (batch_idx + 1) % parts == 0:
            mean = self._over_devices(self._sums)
            self.last = dict(zip(("loss", "penalty"), mean.tolist(), strict=True))
            self._sums = torch.zeros_like(mean)
            _require_finite("loss", sum(self.last.values()), batch.step)
        return found.loss + found.penalty

    def _over_devices(self, numbers: torch.Tensor) -> torch.Tensor:
        """Average numbers over the devices of a run."""
        if self._trainer is None or self.trainer.world_size == 1:
            return numbers
        gathered = self.all_gather(numbers)
        assert isinstance(gathered, torch.Tensor)
        return gathered.mean(dim=0)

    def _noise(self, batch: Batch) -> Noise:
        """Draw the whole batch's times and dropout, and keep those of the items at hand."""
        data, settings = self.experiment.data, self.experiment.training
        rng = np.random.default_rng((self.experiment.seed, batch.step, _TIMES))
        count = data.noises * data.batch
        drawn = draw_times(rng, count, settings.condition_dropout)
        mine = slice(batch.first, batch.first + len(batch.x1))

        def of_items(part: torch.Tensor) -> torch.Tensor:
            whole = part.unflatten(0, (data.noises, data.batch))
            return whole[:, mine].flatten(0, 1).to(self.device)

        t, dropped = (of_items(part) for part in drawn)
        known = None
        if self._known is not None:
            rng = np.random.default_rng((self.experiment.seed, batch.step, _KNOWN))
            known = of_items(self._known.draw(rng, count, settings.known))
        return Noise(batch.x0.flatten(0, 1), t, dropped, known)

    def _disturbed(self, batch: Batch) -> UInt8[torch.Tensor, "items ..."]:
        """Disturb some of the sounds, each by numbers of its own."""
        share = self.experiment.training.disturbed
        if share == 0.0:
            return batch.observed
        rng = np.random.default_rng((self.experiment.seed, batch.step, _DISTURBANCE))
        drawn = rng.random((self.experiment.data.batch, RANDOM_VALUES), dtype=np.float32)
        mine = torch.from_numpy(drawn[batch.first : batch.first + len(batch.x1)])
        return augment(batch.observed, mine.to(self.device), share)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient's norm, and stop before a step that would spoil the weights."""
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
        """Step, then average the weights."""
        step = self.global_step
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self.last["learning_rate"] = rate(self.experiment.training, step)
        decay = min(self.experiment.training.ema_decay, (1 + step) / (10 + step))
        averaged: list[torch.Tensor] = list(self.ema.parameters())
        torch._foreach_lerp_(averaged, [p.detach() for p in self.model.parameters()], 1.0 - decay)
        for ours, theirs in zip(self.ema.buffers(), self.model.buffers(), strict=True):
            ours.copy_(theirs)

    @torch.no_grad()
    def validation_loss(self, x1: torch.Tensor, observed: torch.Tensor, noises: int = 4) -> float:
        """Compute the averaged weights' loss with fixed noise, times spread evenly, no dropout."""
        self.ema.eval()  # Lightning puts all of this module into training mode
        total = 0.0
        for chunk, (x, sounds) in enumerate(zip(x1.split(64), observed.split(64), strict=True)):
            rng = np.random.default_rng((0, chunk, _TIMES))
            count = len(x) * noises
            x0 = torch.from_numpy(rng.standard_normal((count, x.shape[1]), dtype=np.float32))
            t = torch.from_numpy((rng.permutation(count) + 0.5) / count).float()
            noise = x0, t, torch.zeros(count, dtype=torch.bool)
            found = losses(
                self.ema,
                x.to(self.device).repeat(noises, 1),
                sounds.to(self.device),
                Noise(*(part.to(self.device) for part in noise)),
                assignment_penalty=0.0,
                step=0,
            )
            total += found.loss.item() * len(x)
        return total / len(x1)

    def configure_optimizers(self) -> Any:
        """Set up the optimiser with its schedule."""
        settings = self.experiment.training
        tokens = self.model.param2tok if isinstance(self.model, ConditionalFlow) else None
        faster = [] if tokens is None else list(tokens.parameters())
        found = {id(p) for p in faster}
        others = [p for p in self.model.parameters() if id(p) not in found]
        groups = [{"params": others, "lr": settings.learning_rate}]
        if faster:
            groups.append(
                {"params": faster, "lr": settings.learning_rate * settings.param2tok_rate}
            )
        optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate(settings, step) / settings.learning_rate
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say what the checkpoint is of."""
        checkpoint["unsynth"] = self._identity

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raise :class:`TrainingError` for a checkpoint of something else, naming both."""
        check_identity(checkpoint.get("unsynth", {}), self._identity)


def identity(experiment: Experiment, task_hash: str) -> dict[str, Any]:
    """List what must be equal to go on; the optimiser's settings may change.

    Where a set lies and how many processes read it may change, too; what it holds may not, which
    an experiment alone does not tell.
    """
    shared = experiment.model_dump(mode="json", include={"seed", "model", "data"})
    for key in ("folder", "loaders", *([] if experiment.data.sketched else ["sketched"])):
        del shared["data"][key]
    return {"task": f"{Path(experiment.task).stem} {task_hash}"} | _flat(shared)


def check_identity(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise :class:`TrainingError` for a checkpoint of something else, naming both."""
    for key, value in ours.items():
        if theirs.get(key) != value:
            raise TrainingError(
                f"the checkpoint is of {key} {theirs.get(key)}, the experiment of {value}: "
                "train anew with another --out"
            )


def rate(settings: TrainingSettings, step: int) -> float:
    """Find the learning rate of a step: a line up, then half a cosine down."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    done = min(1.0, (step - settings.warm_up) / max(1, settings.steps - settings.warm_up))
    fall = 0.5 * (1.0 + math.cos(math.pi * done))
    return settings.final_learning_rate + fall * (
        settings.learning_rate - settings.final_learning_rate
    )


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write nested fields as one level of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        inner = isinstance(value, dict)
        flat |= _flat(value, f"{prefix}{key}.") if inner else {prefix + key: value}
    return flat


def _require_finite(what: str, value: float, step: int) -> None:
    if not math.isfinite(value):
        raise TrainingError(f"the {what} is {value} at step {step}: try a lower learning rate")
