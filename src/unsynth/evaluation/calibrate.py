"""Calibration of a model's posterior: ranks and coverage on held-out draws.

See :mod:`unsynth.metrics.calibration`. The functions h of a patch are the parameters of the note
and the log-density of the prior, because no exchange of equal parts changes them. Guidance above 1
is overconfident by construction, so judge calibration at w = 1; other scales stand beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from unsynth.data.draws import audible_draws
from unsynth.data.seeding import Split
from unsynth.evaluation.evaluate import EvaluationProgress
from unsynth.evaluation.tables import Table
from unsynth.metrics.calibration import coverage, rank_uniformity, ranks
from unsynth.models.artifact import find_weights, read_artifact
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task

#: Levels of the central credible intervals.
LEVELS = np.array([0.5, 0.8, 0.95])
_DENSITY = "log prior density"
#: In place of minus infinity, for a patch that the prior never draws: ranks need finite numbers.
_IMPOSSIBLE = -1e9


@dataclass(frozen=True)
class CalibrationResult:
    """A table with one row per guidance scale and function."""

    table: Table


def calibrate(
    model: str,
    draws: int = 200,
    samples: int = 19,
    guidances: Sequence[float] = (1.0, 2.0),
    seed: int = 0,
) -> Iterator[EvaluationProgress | CalibrationResult]:
    """Compare held-out draws with a model's samples for their sounds, at each guidance scale.

    ``model`` is as for :func:`find_weights`; ``samples`` is the number per draw. Yields
    :class:`EvaluationProgress` after each draw and :class:`CalibrationResult` at the end.
    """
    weights: Path = find_weights(model)
    task = load_task(read_artifact(weights).source)
    posterior = load_posterior(task, weights)
    truth: list[dict[str, float]] = []
    sampled_values: list[list[dict[str, np.ndarray]]] = []
    with Renderer(task.synth) as renderer:
        held_out = audible_draws(task, renderer, Split.TEST, range(draws), seed)
        for number, (patch, audio) in enumerate(held_out):
            truth.append({name: float(v[0]) for name, v in _functions(task, patch[None]).items()})
            by_guidance = []
            for guidance in guidances:
                rng = np.random.default_rng((seed, number))
                patches = posterior.sample(audio, samples, rng, guidance=guidance)
                by_guidance.append(_functions(task, patches))
            sampled_values.append(by_guidance)
            yield EvaluationProgress(number + 1, draws)
    rows = []
    for column, guidance in enumerate(guidances):
        for name in truth[0]:
            true_values = np.array([values[name] for values in truth])
            sample_values = np.stack([values[column][name] for values in sampled_values])
            uniformity = rank_uniformity(ranks(true_values, sample_values, seed), samples)
            shares = coverage(true_values, sample_values, LEVELS, seed)
            cells = [
                f"{100 * share:.0f} [{100 * low:.0f}, {100 * high:.0f}] %"
                for share, low, high in zip(*shares, strict=True)
            ]
            deviation = f"{uniformity.deviation:.3f}"
            p_value = f"{uniformity.p_value:.2g}"
            rows.append([f"w = {guidance:g}, {name}", *cells, deviation, p_value])
    headings = ["", *(f"in the middle {100 * level:.0f} %" for level in LEVELS)]
    yield CalibrationResult(Table([*headings, "deviation of ranks", "p"], rows))


def _functions(
    task: Task, patches: Float[np.ndarray, "items parameters"]
) -> dict[str, Float[np.ndarray, " items"]]:
    """Return the functions of each patch that no exchange of equal parts changes, by name."""
    notes = {name: at for name, at in task.spec.position.items() if name.startswith("note.")}
    density = np.maximum(task.log_density(patches), _IMPOSSIBLE)
    return {name: patches[:, at] for name, at in notes.items()} | {_DENSITY: density}
