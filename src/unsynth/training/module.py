"""The flow, its averaged weights and its optimiser, as Lightning trains them.

Noise, times and dropout are functions of (seed, step), so a resumed run repeats the run it goes
on from. The averaged weights (EMA) follow ``ema = d ema + (1 - d) weights`` after each step, with
d = min(decay, (1 + step) / (10 + step)); they are what validation and the weight file use.
"""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import lightning
import numpy as np
import torch
from jaxtyping import Float
from lightning.pytorch.core.optimizer import LightningOptimizer

from unsynth.data.stream import Batch
from unsynth.errors import UnsynthError
from unsynth.flow.coupling import Coupling
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.training.experiment import Experiment, TrainingSettings
from unsynth.training.objective import Noise, draw_noise, flow_matching_loss

_NOISE = 2


class TrainingError(UnsynthError):
    """A run that cannot start, go on or be resumed."""


class FlowTraining(lightning.LightningModule):
    """Trains ``model``; ``ema`` is a copy of it with averaged weights."""

    def __init__(
        self,
        model: ConditionalFlow,
        experiment: Experiment,
        task_hash: str,
        contents: str | None = None,
    ) -> None:
        """``contents`` describes the set that is trained from, if there is one."""
        super().__init__()
        torch.nn.Module.train(model)
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.experiment = experiment
        self._identity = identity(experiment, task_hash) | {"data.folder": contents}
        #: The numbers of the last step, for the log.
        self.last: dict[str, float] = {}

    def training_step(self, batch: Batch, batch_idx: int) -> Float[torch.Tensor, ""]:
        """Compute the loss; raises :class:`TrainingError` where it is not finite."""
        settings, data = self.experiment.training, self.experiment.data
        items = len(batch.x1) * data.noises
        noise, coupling = self._noise(batch), settings.coupling
        if batch.x0 is not None:
            noise, coupling = noise._replace(x0=batch.x0.flatten(0, 1)), Coupling.INDEPENDENT
        loss = flow_matching_loss(
            self.model,
            batch.x1.repeat(data.noises, 1),
            self.model.encode(batch.observed).repeat(data.noises, 1, 1),
            self.model.unconditional(items),
            noise,
            coupling,
        )
        penalty = self.model.field.param2tok.penalty()
        self.last = {"loss": loss.item(), "penalty": penalty.item()}
        _require_finite("loss", self.last["loss"], batch.step)
        return loss + settings.assignment_penalty * penalty

    def _noise(self, batch: Batch) -> Noise:
        """Draw the whole batch's noise, and keep that of this device's items."""
        data = self.experiment.data
        dropout = self.experiment.training.condition_dropout
        # What comes with noise needs none here.
        d = 0 if batch.x0 is not None else batch.x1.shape[1]
        rng = np.random.default_rng((self.experiment.seed, batch.step, _NOISE))
        noise = draw_noise(rng, data.noises * data.batch, d, dropout)
        mine = slice(batch.first, batch.first + len(batch.x1))
        parts = (part.unflatten(0, (data.noises, data.batch))[:, mine] for part in noise)
        return Noise(*(part.flatten(0, 1).to(self.device) for part in parts))

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

    @torch.no_grad()
    def validation_loss(self, x1: torch.Tensor, observed: torch.Tensor, noises: int = 4) -> float:
        """Compute the averaged weights' loss with fixed noise, times spread evenly, no dropout."""
        losses = []
        for chunk, (x, sounds) in enumerate(zip(x1.split(64), observed.split(64), strict=True)):
            rng = np.random.default_rng((0, chunk, _NOISE))
            noise = draw_noise(rng, len(x) * noises, x.shape[1], dropout=0.0)
            times = (rng.permutation(len(noise.t)) + 0.5) / len(noise.t)
            noise = noise._replace(t=torch.from_numpy(times.astype(np.float32)))
            conditioning = self.ema.encode(sounds.to(self.device))
            loss = flow_matching_loss(
                self.ema,
                x.to(self.device).repeat(noises, 1),
                conditioning.repeat(noises, 1, 1),
                self.ema.unconditional(len(x) * noises),
                Noise(*(part.to(self.device) for part in noise)),
                Coupling.INDEPENDENT,
            )
            losses.append(loss.item() * len(x))
        return sum(losses) / len(x1)

    def configure_optimizers(self) -> Any:
        """Set up AdamW with its schedule."""
        settings = self.experiment.training
        param2tok = list(self.model.field.param2tok.parameters())
        found = {id(p) for p in param2tok}
        others = [p for p in self.model.parameters() if id(p) not in found]
        optimizer = torch.optim.AdamW(
            [
                {"params": others, "lr": settings.learning_rate},
                {"params": param2tok, "lr": settings.learning_rate * settings.param2tok_rate},
            ],
            weight_decay=settings.weight_decay,
            fused=True,
        )
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
    for key in ("folder", "loaders"):
        del shared["data"][key]
    return {"task": f"{experiment.task} {task_hash}"} | _flat(shared)


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
