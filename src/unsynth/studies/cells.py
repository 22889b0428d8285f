"""The cells that k-osc studies are made of: one model, trained and tested on one synthesizer.

Paper section 4.1. Training draws patches for ever, none twice, on the device that trains; a step
is a function of (cell, step), so a cell that was cut goes on from its last checkpoint as if it had
not been. Tested are the same patches for all cells of one k, by the log spectral distance of the
sounds, the MSE of the patches and the linear assignment cost in both forms.

A study's folder holds ``plan.json`` (what was asked and the steps that it came to), and for each
cell ``NAME.json`` (scores of every item; written last, so a cell that has it is done) and
``NAME.safetensors``, or ``NAME.part`` while it trains.
"""

import dataclasses
import json
import math
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from jaxtyping import Float
from safetensors.torch import save_file
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from unsynth.data.seeding import Split, item_rng
from unsynth.errors import UnsynthError
from unsynth.flow.coupling import Coupling, align_units, couple
from unsynth.flow.guidance import guided
from unsynth.flow.solver import solve
from unsynth.metrics.audio import lsd
from unsynth.metrics.parameters import assignment_cost, mse, unsquared_assignment_cost
from unsynth.models.kosc import FLOWS, Model, SpectrumFlow, build_flow, build_regression
from unsynth.models.kosc_fields import TokenTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.regression import SpectrumRegression, chamfer_loss, sorted_units
from unsynth.synths.kosc import KOsc, Ranges
from unsynth.training.objective import Noise, draw_times, flow_matching_loss

#: The paper's; the same for all cells.
GRADIENT_CLIP = 1.0
CONDITION_DROPOUT = 0.1
ASSIGNMENT_PENALTY = 0.01
PAPER_STEPS = 400_000

_CHUNK = 1024
#: Steps whose draws are made ahead, each in a thread; steps between two looks at the losses.
_AHEAD = 4
_UNSEEN = 25
_CHECKPOINT_SECONDS = 300.0
_SPEAK_SECONDS = 20.0
_PATIENCE_SECONDS = 10.0
#: Share of a budget that is spent; the rest is for what the measurement did not see.
_SPENT = 0.9
#: How often a watcher looks, evenly in the logarithm of the step.
_LOOKS = 8
_PLAN = "plan.json"

Say = Callable[[str], None]


class StudyError(UnsynthError):
    """A study that cannot start, go on or be resumed."""


@dataclass(frozen=True)
class Cell:
    """One model, on one synthesizer, from one seed."""

    model: Model
    #: How tables and figures call the synthesizer.
    condition: str
    synth: KOsc
    seed: int
    #: Of noise and data, for flows.
    coupling: Coupling = Coupling.OPTIMAL_TRANSPORT

    @property
    def name(self) -> str:
        """What its files are called."""
        model = self.model.name.lower().replace("_", "-")
        condition = self.condition.replace(" ", "-")
        return f"{model}-{condition}-k{self.synth.oscillators}-seed{self.seed}"

    @property
    def task(self) -> str:
        """Name the stream of patches: one for all cells of a k."""
        return f"kosc-{self.synth.oscillators}"


@dataclass(frozen=True)
class Settings:
    """How cells are trained and tested; the defaults are the paper's."""

    #: Training steps; with a budget, whatever fits it.
    steps: int = PAPER_STEPS
    batch: int = 1024
    #: Of tokens and conditioning; all other sizes are in proportion.
    width: int = 128
    learning_rate: float = 1e-4
    #: How many times faster Param2Tok learns.
    param2tok_rate: float = 1.0
    #: Whether fields start from c(t) x (:mod:`unsynth.models.kosc_fields`).
    preconditioned: bool = False
    #: Sounds of the test.
    items: int = 51_200
    solver_steps: int = 200
    guidance: float = 2.0
    #: Training FLOPs of a cell, forward and backward, which set its steps instead.
    flops: float | None = None

    def __post_init__(self) -> None:
        if self.width < 16 or self.width % 16:
            raise StudyError(f"a width of {self.width}: give a multiple of 16")


@dataclass(frozen=True)
class Result:
    """What is known of a cell that is done; ``scores`` are one number an item."""

    model: str
    condition: str
    k: int
    seed: int
    parameters: int
    steps: int
    training_seconds: float
    evaluation_seconds: float
    #: Mean of the last hundred steps; ``None`` without training.
    loss: float | None
    scores: dict[str, list[float]]
    #: What a watcher saw: (step, numbers).
    watched: list[tuple[int, list[float]]] = field(default_factory=list)


#: Looks at a flow after some steps; called with the flow in evaluation mode.
Watcher = Callable[[Cell, SpectrumFlow, torch.device], list[float]]


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
        layer = param2tok(self.model)
        faster = [] if layer is None else list(layer.parameters())
        found = {id(p) for p in faster}
        others = [p for p in self.model.parameters() if id(p) not in found]
        rate = settings.learning_rate
        groups = [{"params": others, "lr": rate}]
        if faster:
            groups.append({"params": faster, "lr": rate * settings.param2tok_rate})
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
        new = path.with_suffix(".new")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "losses": self.losses,
                "seconds": self.seconds,
                "watched": self.watched,
            },
            new,
        )
        new.replace(path)

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
    target = sorted_units(synth.units(x1), synth.frequencies(x1))
    return (synth.units(estimate) - target).square().mean()


def _chamfer_loss(synth: KOsc, x1: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
    return chamfer_loss(synth.units(x1), synth.units(estimate))


_REGRESSION_LOSSES: dict[Model, Callable[[KOsc, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    Model.FFN_MSE: _mse_loss,
    Model.FFN_SORT: _sort_loss,
    Model.FFN_CHAMFER: _chamfer_loss,
}


@torch.no_grad()
def estimate(
    model: nn.Module | None,
    cell: Cell,
    settings: Settings,
    audio: Float[torch.Tensor, "items samples"],
    first: int,
) -> Float[torch.Tensor, "items d"]:
    """Estimate the patches of test sounds, item ``first`` and on; no model draws at random."""
    items, d = range(first, first + len(audio)), cell.synth.values
    if isinstance(model, SpectrumFlow):
        rngs = (item_rng(cell.task, Split.TEST, i, 1 + cell.seed) for i in items)
        x0 = np.stack([rng.standard_normal(d, dtype=np.float32) for rng in rngs])
        none = model.unconditional(len(audio))
        field = guided(model, model.encode(audio), none, settings.guidance)
        return solve(field, torch.from_numpy(x0).to(audio.device), settings.solver_steps)
    if model is None:
        return uniform(cell, Split.RANDOM, items, cell.seed).to(audio.device)
    return model(audio)


def uniform(
    cell: Cell, split: Split, items: Iterable[int], seed: int = 0
) -> Float[torch.Tensor, "items d"]:
    """Draw patches, each from its own stream."""
    rngs = (item_rng(cell.task, split, i, seed) for i in items)
    patches = np.stack([rng.uniform(-1.0, 1.0, cell.synth.values) for rng in rngs])
    return torch.from_numpy(patches).float()


def evaluate(
    model: nn.Module | None, cell: Cell, settings: Settings, device: torch.device
) -> dict[str, list[float]]:
    """Score a cell on its test items.

    Estimates are clamped for the sound only; patches are compared as they were estimated.
    """
    if model is not None:
        model.eval()
    scores: dict[str, list[float]] = {"lsd": [], "mse": [], "lac": [], "unsquared lac": []}
    for first in range(0, settings.items, _CHUNK):
        items = range(first, min(first + _CHUNK, settings.items))
        target = uniform(cell, Split.TEST, items).to(device)
        audio = cell.synth.render(target)
        found = estimate(model, cell, settings, audio, first)
        sounds = zip(audio.cpu().numpy(), cell.synth.render(found).cpu().numpy(), strict=True)
        scores["lsd"] += [lsd(one[None], other[None]) for one, other in sounds]
        scores["mse"] += mse(*(x.double().cpu().numpy() for x in (target, found))).tolist()
        units = [cell.synth.units(x).double().cpu().numpy() for x in (target, found)]
        scores["lac"] += assignment_cost(*units).tolist()
        scores["unsquared lac"] += unsquared_assignment_cost(*units).tolist()
    return {name: [float(f"{value:.6g}") for value in values] for name, values in scores.items()}


def run(
    cells: Sequence[Cell],
    settings: Settings,
    out: Path,
    device: str = "auto",
    budget: float | None = None,
    resume: bool = False,
    say: Say = print,
    watcher: Watcher | None = None,
) -> tuple[list[Result], Settings]:
    """Train and test the cells that are not done, in turn; return all results, and the settings.

    Processes that share ``out`` share the work: each does the cells that no other does.
    ``budget``, in minutes, is for all cells together, and sets the steps, the same for each. Raises
    :class:`StudyError` for a folder that holds a study already (unless ``resume``) or another one,
    a device that is not there, and a budget too small for a step each.
    """
    place = _device(device)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    asked = dataclasses.asdict(settings) | {"budget": budget}
    settings = _prepare(out, asked, settings, resume, cells, place, say, watcher)
    while waiting := [cell for cell in cells if not (out / f"{cell.name}.json").exists()]:
        taken = [_try_cell(cell, settings, out, place, say, watcher) for cell in waiting]
        if not any(taken):
            say(f"  {len(waiting)} cells are left, which other processes work on")
            time.sleep(_PATIENCE_SECONDS)
    return [_read(out / f"{cell.name}.json") for cell in cells], settings


def _try_cell(
    cell: Cell,
    settings: Settings,
    out: Path,
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> bool:
    """Do a cell unless another process does it; say whether this one did."""
    lock = FileLock(out / f"{cell.name}.lock")
    path = out / f"{cell.name}.json"
    try:
        with lock.acquire(blocking=False):
            result = None
            if not path.exists():
                result = _run_cell(cell, settings, out, device, say, watcher)
    except Timeout:
        return False
    Path(lock.lock_file).unlink(missing_ok=True)
    if result is not None:
        say(
            f"{cell.name}: LSD {np.mean(result.scores['lsd']):.2f} dB, "
            f"{result.training_seconds:.0f} s training, {result.evaluation_seconds:.0f} s test"
        )
    return True


def _run_cell(
    cell: Cell,
    settings: Settings,
    out: Path,
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> Result:
    training = None
    part = out / f"{cell.name}.part"
    if cell.model is not Model.RANDOM:
        training = Training(cell, settings, device)
        if part.exists():
            training.load(part)
        try:
            _train(training, part, say, watcher)
        finally:
            training.close()
    start = time.perf_counter()
    model = None if training is None else training.model
    scores = evaluate(model, cell, settings, device)
    result = Result(
        model=cell.model.value,
        condition=cell.condition,
        k=cell.synth.oscillators,
        seed=cell.seed,
        parameters=0 if model is None else sum(p.numel() for p in model.parameters()),
        steps=0 if training is None else training.step,
        training_seconds=0.0 if training is None else training.seconds,
        evaluation_seconds=time.perf_counter() - start,
        loss=None if training is None else sum(training.losses) / len(training.losses),
        scores=scores,
        watched=[] if training is None else training.watched,
    )
    if model is not None:
        new = out / f"{cell.name}.new"
        save_file(model.state_dict(), new)
        new.replace(out / f"{cell.name}.safetensors")
    _write(out / f"{cell.name}.json", dataclasses.asdict(result))
    part.unlink(missing_ok=True)
    return result


def _train(training: Training, part: Path, say: Say, watcher: Watcher | None) -> None:
    steps = training.settings.steps
    if training.settings.flops is not None:
        steps = int(training.settings.flops / training.count_flops())
        if steps < 1:
            raise StudyError(f"{training.cell.name}: a step takes more FLOPs than it may have")
    looks = {round(steps ** (i / (_LOOKS - 1))) for i in range(_LOOKS)}
    saved = spoke = time.monotonic()
    while training.step < steps:
        training.advance()
        now = time.monotonic()
        model = training.model
        if watcher is not None and isinstance(model, SpectrumFlow) and training.step in looks:
            seen = watcher(training.cell, model.eval(), training.device)
            training.watched.append((training.step, seen))
            model.train()
        if now - saved > _CHECKPOINT_SECONDS:
            training.save(part)
            saved = now
        if now - spoke > _SPEAK_SECONDS:
            training.look()
            speed = training.step / training.seconds
            say(
                f"  {training.cell.name}: step {training.step}/{steps}, "
                f"loss {np.mean(training.losses):.4f}, {speed:.2f} steps/s"
            )
            spoke = now
    training.look()


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"--device {name} cannot be used: {reason}") from None
    return device


def _prepare(
    out: Path,
    asked: dict[str, Any],
    settings: Settings,
    resume: bool,
    cells: Sequence[Cell],
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> Settings:
    """Make or check the folder; find the settings with the steps of the budget."""
    plan = out / _PLAN
    if plan.exists():
        if not resume:
            raise StudyError(f"{out} holds a study: add --resume, or choose another --out")
        stored = _load(plan)
        for key, value in asked.items():
            if stored["asked"].get(key) != value:
                raise StudyError(
                    f"{out} is a study with {key} {stored['asked'].get(key)}, not {value}: "
                    "choose another --out"
                )
        return dataclasses.replace(settings, steps=stored["steps"])
    if resume:
        raise StudyError(f"{plan} is missing: there is nothing to resume")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{out} cannot be written: {error.strerror}") from None
    if asked["budget"] is not None:
        steps = _affordable(cells, settings, 60.0 * asked["budget"], device, say, watcher)
        settings = dataclasses.replace(settings, steps=steps)
    _write(plan, {"asked": asked, "steps": settings.steps})
    return settings


def _affordable(
    cells: Sequence[Cell],
    settings: Settings,
    seconds: float,
    device: torch.device,
    say: Say,
    watcher: Watcher | None,
) -> int:
    """Find how many steps each cell can take, from the speed of each model at each k."""
    start = time.perf_counter()
    trained = [cell for cell in cells if cell.model is not Model.RANDOM]
    step, test = {}, {}
    for cell in trained:
        kind = (cell.model, cell.synth)
        if kind in step:
            continue
        step[kind], test[kind] = _speed(cell, settings, device, watcher)
        say(f"  {cell.name}: {step[kind]:.3f} s a step, {test[kind]:.0f} s a test")
    kinds = [(cell.model, cell.synth) for cell in trained]
    left = _SPENT * (seconds - (time.perf_counter() - start)) - sum(test[kind] for kind in kinds)
    steps = int(left / sum(step[kind] for kind in kinds))
    if steps < 1:
        least = (sum(test[kind] for kind in kinds) / _SPENT + time.perf_counter() - start) / 60.0
        raise StudyError(
            f"a budget of {seconds / 60.0:g} minutes is too small: testing {len(kinds)} cells "
            f"alone takes {least:.1f}; try fewer --items, --solver-steps or --k, or more minutes"
        )
    return steps


def _speed(
    cell: Cell, settings: Settings, device: torch.device, watcher: Watcher | None
) -> tuple[float, float]:
    """Measure the seconds of a training step, and of the whole test with all looks."""
    training = Training(cell, settings, device)
    training.advance()
    training.look()
    training.seconds = 0.0
    for _ in range(2):
        training.advance()
        training.look()
    training.close()
    model, items = training.model, min(256, settings.items)
    seconds = []
    for solver_steps in (1, 3):
        start = time.perf_counter()
        short = dataclasses.replace(settings, items=items, solver_steps=solver_steps)
        evaluate(model, cell, short, device)
        seconds.append(time.perf_counter() - start)
    one, three = seconds
    test = one
    if isinstance(model, SpectrumFlow):
        test += max(0.0, three - one) / 2.0 * (settings.solver_steps - 1)
    test *= settings.items / items
    if watcher is not None and isinstance(model, SpectrumFlow):
        start = time.perf_counter()
        watcher(cell, model, device)
        test += _LOOKS * (time.perf_counter() - start)
    return training.seconds / 2.0, test


def _write(path: Path, fields: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(fields), encoding="utf-8")
    new.replace(path)


def _load(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read, delete it: {error}") from None


def _read(path: Path) -> Result:
    try:
        fields = _load(path)
        fields["watched"] = [(step, seen) for step, seen in fields["watched"]]
        return Result(**fields)
    except (TypeError, KeyError):
        raise StudyError(f"{path} holds no result of this version, delete it") from None
