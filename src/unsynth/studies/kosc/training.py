"""The training of one cell's model."""

import io
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from unsynth.data.seeding import Split, item_rng
from unsynth.flow.coupling import Coupling, align_units, couple
from unsynth.models.kosc import FLOWS, Model, SpectrumFlow, build_flow, build_regression, layout
from unsynth.models.kosc_fields import TokenTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.regression import chamfer_loss, sort_units
from unsynth.output import write_bytes
from unsynth.studies.folder import StudyError
from unsynth.studies.kosc.cell import Cell, CellSettings, Network
from unsynth.synths.kosc import KOsc
from unsynth.training.checkpoint import is_out_of_memory, read_tensors
from unsynth.training.objective import Noise, draw_times, flow_matching_loss
from unsynth.training.optimizer import parameter_groups

#: Largest norm of the gradient (the paper's value, as is the next).
GRADIENT_CLIP = 1.0
#: Share of items whose sound a flow does not see.
CONDITION_DROPOUT = 0.1
#: Steps drawn in advance, each in a thread of its own.
_STEPS_AHEAD = 4
#: Steps between two fetches of the losses.
_PENDING_STEPS = 25
#: Losses of this many last steps are kept for their mean.
_RECENT_LOSSES = 100


class _Progress(BaseModel):
    """What a checkpoint holds beside tensors."""

    model_config = ConfigDict(strict=True)

    step: PositiveInt
    #: Losses of the last steps, at least one.
    losses: list[FiniteFloat] = Field(min_length=1)
    seconds: FiniteFloat
    watched: list[tuple[int, list[float]]]


class Training:
    """A cell's model, its optimizer and its progress. Close it to stop the threads."""

    def __init__(self, cell: Cell, settings: CellSettings, device: torch.device) -> None:
        torch.manual_seed(cell.seed)
        self.cell, self.settings, self.device = cell, settings, device
        self.model: Network
        if cell.model in FLOWS:
            # The variance of values that are uniform in [-1, 1].
            variance = 1.0 / 3.0 if settings.preconditioned else None
            self.model = build_flow(cell.model, cell.synth, settings.width, variance)
        else:
            self.model = build_regression(cell.synth, settings.width)
        layer = param2tok(self.model)
        if layer is not None:
            known = layout(cell.synth)
            layer.restart(cell.start or settings.param2tok_start, known.tokens, known.places)
        self.model.to(device).train()
        groups = parameter_groups(
            self.model, layer, settings.learning_rate, settings.param2tok_rate
        )
        self.optimizer = torch.optim.Adam(groups, fused=True)
        self.step = 0
        self.losses: list[float] = []
        self.seconds = 0.0
        self.measurements: list[tuple[int, list[float]]] = []
        self._pool = ThreadPoolExecutor(_STEPS_AHEAD)
        self._upcoming: deque[Future[tuple[torch.Tensor, Noise | None]]] = deque()
        self._pending: list[torch.Tensor] = []

    def advance(self) -> None:
        """Take one training step.

        Raises :class:`StudyError` at the next fetch of the losses if one is not finite.
        """
        start = time.perf_counter()
        while len(self._upcoming) <= _STEPS_AHEAD:
            step = self.step + len(self._upcoming)
            self._upcoming.append(self._pool.submit(self._draw, step))
        x1, noise = self._upcoming.popleft().result()
        loss = self._loss(x1, self.cell.synth.render(x1), noise)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_CLIP)
        self.optimizer.step()
        self.step += 1
        self._pending.append(torch.stack([loss.detach(), norm]))
        if len(self._pending) == _PENDING_STEPS:
            self.fetch_losses()
        self.seconds += time.perf_counter() - start

    def fetch_losses(self) -> None:
        """Fetch the pending losses. This synchronises the GPU, so it is done rarely.

        Raises :class:`StudyError` for a loss or gradient that is not finite.
        """
        if not self._pending:
            return
        pairs = torch.stack(self._pending).tolist()
        first = self.step - len(pairs)
        self._pending = []
        for step, (loss, norm) in enumerate(pairs, start=first):
            if not math.isfinite(loss) or not math.isfinite(norm):
                raise StudyError(
                    f"{self.cell.name}: loss {loss}, gradient {norm} at step {step}: "
                    "try a lower --learning-rate"
                )
        self.losses = [*self.losses, *(loss for loss, _ in pairs)][-_RECENT_LOSSES:]

    def close(self) -> None:
        """Stop the threads that draw."""
        self._pool.shutdown(cancel_futures=True)

    def _draw(self, step: int) -> tuple[torch.Tensor, Noise | None]:
        """Draw the patches of a step and their coupled noise, a function of the step alone.

        The items of the noise are the patches in order, repeated. Each repetition is coupled by
        itself, because optimal transport takes the cube of its items.

        Coupling runs on the CPU. Threads do it some steps ahead, while the network trains.
        """
        rng = item_rng(self.cell.task, Split.TRAIN, step, self.cell.seed)
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**62)))
        shape = (self.settings.batch, self.cell.synth.values)
        x1 = 2.0 * torch.rand(shape, generator=generator, device=self.device) - 1.0
        if self.cell.model not in FLOWS:
            return x1, None
        items = self.settings.batch * self.settings.noises
        x0 = torch.from_numpy(rng.standard_normal((items, shape[1]), dtype=np.float32))
        times = draw_times(rng, items, CONDITION_DROPOUT)
        patches = x1.cpu()
        x0 = torch.cat([self._couple(part, patches) for part in x0.split(len(patches))])
        return x1, Noise(*(part.to(self.device) for part in (x0, *times)))

    def _couple(self, x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
        coupling, synth = self.cell.coupling or self.settings.coupling, self.cell.synth
        if coupling is Coupling.ALIGNED_TRANSPORT:
            x0 = couple(Coupling.OPTIMAL_TRANSPORT, x0, x1)
        elif coupling is not Coupling.ALIGNED:
            return couple(coupling, x0, x1)
        exchangeable = synth.are_exchangeable(x1)
        aligned = x0.clone()
        units = align_units(synth.units(x0[exchangeable]), synth.units(x1[exchangeable]))
        aligned[exchangeable, : 3 * synth.oscillators] = synth.vectors(units)
        return aligned

    def count_flops(self) -> int:
        """Count the FLOPs of a step, forward and backward; a multiply-add counts as 2."""
        x1, noise = self._draw(0)
        audio = self.cell.synth.render(x1)
        # The counter knows attention as plain products on every device.
        counter = FlopCounterMode(display=False)
        with counter, sdpa_kernel(SDPBackend.MATH):
            self._loss(x1, audio, noise).backward()
        self.optimizer.zero_grad()
        return counter.get_total_flops()

    def _loss(self, x1: torch.Tensor, audio: torch.Tensor, noise: Noise | None) -> torch.Tensor:
        model, cell = self.model, self.cell
        if isinstance(model, SpectrumFlow):
            assert noise is not None
            x1 = x1.repeat(self.settings.noises, 1)
            # A sound is encoded once, whatever the number of its noises.
            sound = model.encode(audio).repeat(self.settings.noises, 1, 1)
            none = model.unconditional(len(x1))
            loss = flow_matching_loss(model, x1, sound, none, noise)
            layer = param2tok(model)
            return loss if layer is None else loss + cell.penalty * layer.penalty()
        return _REGRESSION_LOSSES[cell.model](cell.synth, x1, model(audio))

    def save(self, path: Path) -> None:
        """Write a checkpoint; it replaces the previous one only when it is complete.

        Raises :class:`~unsynth.errors.OutputError` where it cannot be written.
        """
        self.fetch_losses()
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
            "seconds": self.seconds,
            "watched": self.measurements,
        }
        # Torch itself would report a full disk as a RuntimeError.
        content = io.BytesIO()
        torch.save(state, content)
        write_bytes(path, content.getvalue())

    def load(self, path: Path) -> None:
        """Resume from a checkpoint; raises :class:`StudyError` for a damaged one."""
        state = read_tensors(path, StudyError, "delete it")
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            progress = _Progress.model_validate(state)
        except Exception as error:  # Values of other types raise errors of many kinds.
            if is_out_of_memory(error):
                raise
            raise StudyError(f"{path}: is damaged; delete it") from None
        self.step, self.losses = progress.step, progress.losses
        self.seconds, self.measurements = progress.seconds, progress.watched
        self._upcoming.clear()


def param2tok(model: nn.Module) -> Param2Tok | None:
    """Return a model's Param2Tok layer; ``None`` where it has none."""
    if isinstance(model, SpectrumFlow) and isinstance(model.field, TokenTransformer):
        tokens = model.field.tokens
        return tokens if isinstance(tokens, Param2Tok) else None
    return None


def _mse_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return (estimate - x1).square().mean()


def _sort_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    """Compare oscillators sorted by frequency in Hz; disjoint ranges leave x in its order."""
    target = sort_units(synth.units(x1), synth.frequencies(x1))
    return (synth.units(estimate) - target).square().mean()


def _chamfer_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return chamfer_loss(synth.units(x1), synth.units(estimate))


_REGRESSION_LOSSES: dict[Model, Callable[[KOsc, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    Model.FFN_MSE: _mse_loss,
    Model.FFN_SORT: _sort_loss,
    Model.FFN_CHAMFER: _chamfer_loss,
}
