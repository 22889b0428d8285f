"""Is a model's posterior as sure as it should be? Ranks and coverage on held-out draws.

See :mod:`unsynth.metrics.calibration`. The functions h of a patch are those that no exchange
changes: the note's parameters and the prior's log-density. Guidance above 1 is overconfident by
construction, so a model is calibrated at w = 1 and others stand beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from unsynth.data.draws import audible_draws
from unsynth.data.seeding import Split
from unsynth.evaluation.evaluate import Scored, find_weights
from unsynth.evaluation.tables import Table
from unsynth.metrics.calibration import coverage, rank_uniformity, ranks
from unsynth.models.artifact import read_artifact
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task

LEVELS = np.array([0.5, 0.8, 0.95])
_DENSITY = "log prior density"
#: Of a patch that the prior never draws.
_IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class Calibrated:
    """A row a function and guidance scale."""

    table: Table


def calibrate(
    model: str,
    draws: int = 200,
    samples: int = 19,
    guidances: Sequence[float] = (1.0, 2.0),
    seed: int = 0,
) -> Iterator[Scored | Calibrated]:
    """Sample a model (see :func:`find_weights`) on held-out draws, at each guidance scale.

    Yields :class:`Scored` after each draw, last :class:`Calibrated`.
    """
    weights: Path = find_weights(model)
    task = load_task(read_artifact(weights).source)
    posterior = load_posterior(task, weights)
    truth: list[dict[str, float]] = []
    sampled: list[list[dict[str, np.ndarray]]] = []
    with Renderer(task.synth) as renderer:
        drawn = audible_draws(task, renderer, Split.TEST, range(draws), seed)
        for number, (patch, audio) in enumerate(drawn):
            truth.append({name: float(v[0]) for name, v in _functions(task, patch[None]).items()})
            found = []
            for guidance in guidances:
                rng = np.random.default_rng((seed, number))
                patches = posterior.sample(audio, samples, rng, guidance=guidance)
                found.append(_functions(task, patches))
            sampled.append(found)
            yield Scored(number + 1, draws)
    rows = []
    for column, guidance in enumerate(guidances):
        for name in truth[0]:
            true = np.array([values[name] for values in truth])
            theirs = np.stack([found[column][name] for found in sampled])
            uniformity = rank_uniformity(ranks(true, theirs, seed), samples)
            covered = coverage(true, theirs, LEVELS, seed)
            cells = [
                f"{100 * share:.0f} [{100 * low:.0f}, {100 * high:.0f}] %"
                for share, low, high in zip(*covered, strict=True)
            ]
            deviation = f"{uniformity.deviation:.3f}"
            p_value = f"{uniformity.p_value:.2g}"
            rows.append([f"w = {guidance:g}, {name}", *cells, deviation, p_value])
    headings = ["", *(f"in the middle {100 * level:.0f} %" for level in LEVELS)]
    yield Calibrated(Table([*headings, "deviation of ranks", "p"], rows))


def _functions(
    task: Task, patches: Float[np.ndarray, "items parameters"]
) -> dict[str, Float[np.ndarray, " items"]]:
    """What of each patch no exchange changes."""
    notes = {name: at for name, at in task.spec.position.items() if name.startswith("note.")}
    density = np.maximum(task.log_density(patches), _IMPOSSIBLE)
    return {name: patches[:, at] for name, at in notes.items()} | {_DENSITY: density}
