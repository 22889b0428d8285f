"""Train the model of one cell."""

import math
import pickle
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from unsynth.data.seeding import Split, item_rng
from unsynth.files import replacing
from unsynth.flow.coupling import Coupling, align_units, couple
from unsynth.models.kosc import FLOWS, Model, SpectrumFlow, build_flow, build_regression
from unsynth.models.kosc_fields import TokenTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.regression import SpectrumRegression, chamfer_loss, sort_units
from unsynth.studies.folder import StudyError
from unsynth.studies.kosc.cell import Cell, Settings
from unsynth.synths.kosc import KOsc, Ranges
from unsynth.training.objective import Noise, draw_times, flow_matching_loss
from unsynth.training.optimizer import parameter_groups

#: The paper's; the same for all cells.
GRADIENT_CLIP = 1.0
CONDITION_DROPOUT = 0.1
ASSIGNMENT_PENALTY = 0.01
#: Steps whose draws are made ahead, each in a thread; steps between two looks at the losses.
_AHEAD = 4
_UNSEEN = 25


class Training:
    """A cell while it trains."""

    def __init__(self, cell: Cell, settings: Settings, device: torch.device) -> None:
        torch.manual_seed(cell.seed)
        self.cell, self.settings, self.device = cell, settings, device
        self.model: SpectrumFlow | SpectrumRegression
        if cell.model in FLOWS:
            # Of values that are uniform in [-1, 1].
            variance = 1.0 / 3.0 if settings.preconditioned else None
            self.model = build_flow(cell.model, cell.synth, settings.width, variance)
        else:
            self.model = build_regression(cell.synth, settings.width)
        self.model.to(device).train()
        groups = parameter_groups(
            self.model, param2tok(self.model), settings.learning_rate, settings.param2tok_rate
        )
        self.optimizer = torch.optim.Adam(groups, fused=True)
        self.step = 0
        self.losses: list[float] = []
        self.seconds = 0.0
        self.watched: list[tuple[int, list[float]]] = []
        self._pool = ThreadPoolExecutor(_AHEAD)
        self._ahead: deque[Future[tuple[torch.Tensor, Noise | None]]] = deque()
        self._unseen: list[torch.Tensor] = []

    def advance(self) -> None:
        """Take a step; now and then, :class:`StudyError` where one had no finite loss."""
        start = time.perf_counter()
        while len(self._ahead) <= _AHEAD:
            step = self.step + len(self._ahead)
            self._ahead.append(self._pool.submit(self._draw, step))
        x1, noise = self._ahead.popleft().result()
        loss = self._loss(x1, self.cell.synth.render(x1), noise)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_CLIP)
        self.optimizer.step()
        self.step += 1
        self._unseen.append(torch.stack([loss.detach(), norm]))
        if len(self._unseen) == _UNSEEN:
            self.look()
        self.seconds += time.perf_counter() - start

    def look(self) -> None:
        """Read the losses of the last steps, for which a GPU has to be waited for."""
        if not self._unseen:
            return
        seen = torch.stack(self._unseen).tolist()
        first = self.step - len(seen)
        self._unseen = []
        for step, (loss, norm) in enumerate(seen, start=first):
            if not math.isfinite(loss) or not math.isfinite(norm):
                raise StudyError(
                    f"{self.cell.name}: loss {loss}, gradient {norm} at step {step}: "
                    "try a lower --learning-rate"
                )
        self.losses = [*self.losses, *(loss for loss, _ in seen)][-100:]

    def close(self) -> None:
        """Draw no more."""
        self._pool.shutdown(cancel_futures=True)

    def _draw(self, step: int) -> tuple[torch.Tensor, Noise | None]:
        """Draw a step's patches and its noise, coupled: a function of the step alone.

        Coupling is work for a CPU; in threads, steps ahead, it hides behind the network's.
        """
        rng = item_rng(self.cell.task, Split.TRAIN, step, self.cell.seed)
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**62)))
        shape = (self.settings.batch, self.cell.synth.values)
        x1 = 2.0 * torch.rand(shape, generator=generator, device=self.device) - 1.0
        if self.cell.model not in FLOWS:
            return x1, None
        x0 = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        times = draw_times(rng, len(x1), CONDITION_DROPOUT)
        noise = self._coupled(x0, x1.cpu()), *times
        return x1, Noise(*(part.to(self.device) for part in noise))

    def _coupled(self, x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
        coupling, synth = self.cell.coupling, self.cell.synth
        if coupling is not Coupling.ALIGNED:
            return couple(coupling, x0, x1)
        if synth.ranges is not Ranges.COMMON:
            raise StudyError(f"{self.cell.name}: only oscillators of one range are exchangeable")
        return synth.vectors(align_units(synth.units(x0), synth.units(x1)))

    def count_flops(self) -> int:
        """Count the FLOPs of a step, 2 for a multiply-add, forward and backward."""
        x1, noise = self._draw(0)
        audio = self.cell.synth.render(x1)
        counter = FlopCounterMode(display=False)
        with counter, sdpa_kernel(SDPBackend.MATH):
            self._loss(x1, audio, noise).backward()
        self.optimizer.zero_grad()
        return counter.get_total_flops()

    def _loss(self, x1: torch.Tensor, audio: torch.Tensor, noise: Noise | None) -> torch.Tensor:
        model, cell = self.model, self.cell
        if isinstance(model, SpectrumFlow):
            assert noise is not None
            sound, none = model.encode(audio), model.unconditional(len(x1))
            loss = flow_matching_loss(model, x1, sound, none, noise)
            layer = param2tok(model)
            return loss if layer is None else loss + ASSIGNMENT_PENALTY * layer.penalty()
        return _REGRESSION_LOSSES[cell.model](cell.synth, x1, model(audio))

    def save(self, path: Path) -> None:
        """Write a checkpoint, which replaces the last one when it is whole."""
        self.look()
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
            "seconds": self.seconds,
            "watched": self.watched,
        }
        with replacing(path) as unfinished:
            torch.save(state, unfinished)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint; raises :class:`StudyError` for one that is damaged."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (OSError, RuntimeError, KeyError, ValueError, EOFError, pickle.UnpicklingError):
            raise StudyError(f"{path} is damaged: delete it") from None
        self.step, self.losses = state["step"], state["losses"]
        self.seconds, self.watched = state["seconds"], state["watched"]
        self._ahead.clear()


def param2tok(model: nn.Module) -> Param2Tok | None:
    """Find a model's Param2Tok."""
    if isinstance(model, SpectrumFlow) and isinstance(model.field, TokenTransformer):
        tokens = model.field.tokens
        return tokens if isinstance(tokens, Param2Tok) else None
    return None


def _mse_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate - x1).square().mean()


def _sort_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    """By frequency in Hz: where ranges are disjoint, the order is that of x already."""
    target = sort_units(synth.units(x1), synth.frequencies(x1))
    return (synth.units(estimate) - target).square().mean()


def _chamfer_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return chamfer_loss(synth.units(x1), synth.units(estimate))


_REGRESSION_LOSSES: dict[Model, Callable[[KOsc, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    Model.FFN_MSE: _mse_loss,
    Model.FFN_SORT: _sort_loss,
    Model.FFN_CHAMFER: _chamfer_loss,
}
