"""What a trained flow has learned of a task's symmetries.

The equivariance error of its field (:mod:`unsynth.symmetry.equivariance`) under each exchange, on
paths to draws of the prior with their sounds as conditions, beside that of a new model of the same
architecture. For a conditional exchange, the draws that do not meet the condition are measured too:
a field that knows the condition has a smaller error where it holds. Param2Tok also shows which
values share a token.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from unsynth.audio.observation import Observation
from unsynth.data.draws import audible_draws, key_on
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import UnsynthError
from unsynth.flow.guidance import ConditionalField
from unsynth.flow.path import point
from unsynth.models.architecture import FlowArchitecture, Model
from unsynth.models.artifact import Artifact
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.unit_tokens import Layout
from unsynth.rendering.renderer import Renderer
from unsynth.symmetry.equivariance import equivariance_errors, token_shares
from unsynth.tasks.exchange import Symmetry
from unsynth.tasks.spec import Patch, Spec
from unsynth.tasks.task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Times at which fields are compared.
TIMES = (0.1, 0.5, 0.9)
#: The most exchanges in a plot, those that hold in most draws first.
_MOST_SHOWN = 40


@dataclass(frozen=True)
class ExchangeErrors:
    """The errors under one exchange, one per time.

    ``trained`` and ``untrained`` are on the draws in which the exchange holds, ``elsewhere`` is the
    trained field's on the others: NaN where there are none. ``draws`` counts the draws in which it
    holds, and ``others`` the others.
    """

    name: str
    draws: int
    others: int
    trained: tuple[float, ...]
    untrained: tuple[float, ...]
    elsewhere: tuple[float, ...]


@dataclass(frozen=True)
class LearnedTokens:
    """Param2Tok's |A|, its columns ordered by unit, and each token's share of one unit.

    ``boundaries`` are the columns at which another copy of a unit begins. ``untrained`` is the mean
    share of a new layer.
    """

    assignment: Float[np.ndarray, "tokens values"]
    boundaries: tuple[int, ...]
    shares: tuple[float, ...]
    untrained: float


@dataclass(frozen=True)
class LearnedSymmetry:
    """What a flow has learned; ``field`` is the kind of its field: mlp, param2tok or units."""

    field: str
    times: tuple[float, ...]
    exchanges: tuple[ExchangeErrors, ...]
    tokens: LearnedTokens | None


def measure_model(
    task: Task,
    model: Model,
    artifact: Artifact,
    symmetries: Sequence[Symmetry],
    items: int = 256,
    workers: int | None = None,
) -> LearnedSymmetry:
    """Measure a model on ``items`` draws of its task.

    The new model of the same architecture keeps the trained one's buffers, such as the whitening of
    sounds. Raises :class:`UnsynthError` for a model that is not a flow.
    """
    architecture = artifact.architecture
    if not isinstance(model, ConditionalFlow) or not isinstance(architecture, FlowArchitecture):
        raise UnsynthError(f"the model for {task.name} is not a flow: it has no field to measure")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        untrained = architecture.build(task.spec, architecture.observed_shape(task)).eval()
    buffers = dict(model.named_buffers())
    for name, buffer in untrained.named_buffers():
        buffer.copy_(buffers[name])
    patches, observed = _draw(task, artifact, items, workers)
    holds = np.array([[symmetry.holds(patch) for patch in patches] for symmetry in symmetries])
    holds = holds.reshape(len(symmetries), len(patches))
    rows = np.stack([np.arange(task.spec.width), *(s.exchange.row(task.spec) for s in symmetries)])
    points = _Points(task, artifact, patches)
    errors = np.empty((3, len(TIMES), len(symmetries)))
    for place, flow, where in ((0, model, holds), (1, untrained, holds), (2, model, ~holds)):
        conditioning = points.condition(flow, observed)
        for time, t in enumerate(TIMES):
            errors[place, time] = equivariance_errors(
                points.field(flow), points.at(t), t, conditioning, rows[1:], where
            )
    exchanges = tuple(
        ExchangeErrors(
            symmetry.exchange.name,
            int(holds[i].sum()),
            int((~holds[i]).sum()),
            *(tuple(errors[place, :, i].tolist()) for place in range(3)),
        )
        for i, symmetry in enumerate(symmetries)
    )
    tokens = _tokens(model, untrained, task.spec)
    return LearnedSymmetry(architecture.field.kind, TIMES, exchanges, tokens)


class _Points:
    """Paths from noise to patches, and what a field is told of them.

    The note of windows is known, as in a match: the field is conditioned on it.
    """

    def __init__(self, task: Task, artifact: Artifact, patches: Sequence[Patch]) -> None:
        spec, rng = task.spec, item_rng(task.name, Split.VALIDATION, len(patches), 1)
        self._x1 = torch.from_numpy(spec.encode(np.stack(patches), rng)).float()
        self._x0 = torch.from_numpy(rng.standard_normal(self._x1.shape, dtype=np.float32))
        self._known = torch.zeros(self._x1.shape, dtype=torch.bool)
        if artifact.architecture.observation is Observation.WINDOWS:
            for name in ("note.pitch", "note.onset"):
                self._known[:, spec.slices[spec.position[name]]] = True

    def at(self, t: float) -> Float[torch.Tensor, "items d"]:
        """Compute the points at a time; known coordinates are those of the patch."""
        x = point(self._x0, self._x1, torch.full((len(self._x1),), t))
        return torch.where(self._known, self._x1, x)

    @torch.no_grad()
    def condition(
        self, flow: ConditionalFlow, observed: UInt8[torch.Tensor, "items ..."]
    ) -> Float[torch.Tensor, "items layers width"]:
        """Encode the sounds, and add what is known."""
        vectors = flow.encode(observed)
        return flow.add_known(vectors, self._x1, self._known) if flow.accepts_known else vectors

    def field(self, flow: ConditionalFlow) -> ConditionalField:
        """Leave out known coordinates, in which a conditioned flow has no meaning."""
        free = ~self._known[0] if flow.accepts_known else torch.ones_like(self._known[0])
        return lambda x, t, conditioning: flow(x, t, conditioning) * free


def _draw(
    task: Task, artifact: Artifact, items: int, workers: int | None
) -> tuple[list[Patch], UInt8[torch.Tensor, "items ..."]]:
    observation, patches, observed = artifact.architecture.observation, [], []
    with Renderer(task.synth, workers) as renderer:
        for patch, audio in audible_draws(task, renderer, Split.VALIDATION, range(items)):
            patches.append(patch)
            key = key_on(task, patch) if observation is Observation.WINDOWS else None
            observed.append(observation.observe(audio, task.sample_rate, key))
    return patches, torch.from_numpy(np.stack(observed))


def _tokens(
    trained: ConditionalFlow, untrained: ConditionalFlow, spec: Spec
) -> LearnedTokens | None:
    if trained.param2tok is None or untrained.param2tok is None:
        return None
    order, units = values_by_unit(spec)
    layers = (trained.param2tok.assignment[:, order], untrained.param2tok.assignment[:, order])
    shares, before = (token_shares(a, units) for a in layers)
    return LearnedTokens(
        layers[0].detach().abs().numpy(),
        tuple(int(i) for i in np.flatnonzero(np.diff(units)) + 1),
        tuple(shares.tolist()),
        float(before.mean()),
    )


def values_by_unit(spec: Spec) -> tuple[list[int], list[int]]:
    """Order the values of a vector by copy of a unit, and number the copy of each; -1 is none.

    Values of no unit come last.
    """
    layout = Layout.of(spec)
    copies = sum(len(unit.members) for unit in spec.units)
    order = sorted(range(spec.width), key=lambda value: (layout.tokens[value], value))
    tokens = [layout.tokens[value] for value in order]
    return order, [token if token < copies else -1 for token in tokens]


def result_json(learned: LearnedSymmetry) -> str:
    """Write the errors of each exchange, and each token's share of one unit, as JSON."""
    tokens = learned.tokens
    content = {
        "field": learned.field,
        "times": learned.times,
        "exchanges": [asdict(exchange) for exchange in learned.exchanges],
        "token_shares": None if tokens is None else tokens.shares,
        "untrained_token_share": None if tokens is None else tokens.untrained,
    }
    return json.dumps(_without_nan(content), indent=1) + "\n"


def _without_nan(content: Any) -> Any:
    """Replace NaN, which JSON lacks, by null."""
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def plot_errors(learned: LearnedSymmetry) -> "Figure":
    """Draw the error under each exchange, at each time."""
    from matplotlib.figure import Figure

    shown = sorted(learned.exchanges, key=lambda e: -e.draws)[:_MOST_SHOWN]
    shown = [e for e in shown if e.draws]
    height = 1.3 + 0.17 * max(4, len(shown))
    figure = Figure(figsize=(3.2 * len(learned.times), height), layout="constrained")
    panels = figure.subplots(1, len(learned.times), sharex=True, sharey=True, squeeze=False)[0]
    places = range(len(shown))
    for time, axes in enumerate(panels):
        for label, colour, marker in (
            ("untrained", "0.6", "|"),
            ("elsewhere", "#e9b384", "o"),
            ("trained", "#0b7668", "o"),
        ):
            errors = [getattr(e, label)[time] for e in shown]
            name = "trained, where it does not hold" if label == "elsewhere" else label
            axes.plot(errors, places, marker, color=colour, label=name, markersize=5)
        axes.set(title=f"t = {learned.times[time]:g}", xlabel="equivariance error")
        axes.grid(axis="y", linewidth=0.3)
    panels[0].set_yticks(places, [f"{e.name} ({e.draws})" for e in shown], fontsize=6)
    panels[0].set(ylim=(len(shown) - 0.5, -0.5))
    panels[0].set_xlim(left=0)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def plot_tokens(tokens: LearnedTokens) -> "Figure":
    """Draw the absolute A with lines between copies of units."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(tokens.assignment, aspect="auto", cmap="magma", vmin=0)
    figure.colorbar(image, ax=axes, label="|A|")
    for column in tokens.boundaries:
        axes.axvline(column - 0.5, color="white", linewidth=0.6)
    axes.set(xlabel="value, ordered by unit", ylabel="token")
    return figure
