"""``unsynth reproduce kosc-quasi``: flows on k-osc with symmetries that hold only in part.

Section 5 of the paper proposes this. There are two kinds of condition: filters that differ by a
dial, from an exact symmetry to none (approximate), and a switch between common and disjoint ranges
(conditional). While a flow trains, a probe measures how asymmetric its posterior is for a few
sounds. With samples X of p(x | y), and Y other samples, each with its oscillators in a random
order, the asymmetry is

    (2 E|X - Y| - E|X - X'| - E|Y - Y'|) / 2 E|X - Y|,

the energy distance (G. Székely, M. Rizzo, 2013) of p from its average over all orders, as a share:
0 where p is invariant, up to 1. The probe also measures the equivariance error of the field and, of
Param2Tok, each token's share of one oscillator (:mod:`unsynth.studies.kosc.equivariance`). At the
end, the assignment and the parameter vectors of Param2Tok are plotted. Writes ``table.md``,
``scores.png``, ``invariance.png``, ``equivariance.png`` and ``NAME.param2tok.png``.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from textwrap import fill

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file

from unsynth.data.seeding import Split, item_rng
from unsynth.evaluation.tables import Table, format_interval
from unsynth.flow.guidance import guided_field
from unsynth.flow.solver import solve
from unsynth.models.kosc import FLOWS, Model, SpectrumFlow
from unsynth.output import write_figure, write_text
from unsynth.studies.folder import TABLE, StudyError
from unsynth.studies.kosc.cell import Cell, CellSettings, Network, Result
from unsynth.studies.kosc.equivariance import (
    TIMES,
    halves,
    measure_equivariance,
    measure_tokens,
    require_exchanges,
)
from unsynth.studies.kosc.figure3 import (
    format_differences,
    pooled_score,
    seed_differences,
    subtitle,
)
from unsynth.studies.kosc.scoring import uniform_patches
from unsynth.synths.kosc import KOsc, Ranges

#: Name of the condition with a switch between common and disjoint ranges.
CONDITIONAL = "conditional"
#: Validation sounds of the probe.
_SOUNDS = 16
#: Samples of X, and as many of Y, per sound.
_SAMPLES = 32
#: Steps of RK4 per sample.
_SOLVER_STEPS = 10
#: The place of the shares of tokens in the numbers of the probe.
_SHARES = 2 + 2 * len(TIMES)

#: Measurements of one cell: (step, numbers).
Watched = Sequence[tuple[int, list[float]]]


def quasi_cells(seeds: Mapping[int, int], dials: Sequence[float]) -> list[Cell]:
    """List the cells: flows and random draws, at each dial and with the switch.

    ``seeds`` gives the number of seeds for each k. Raises :class:`StudyError` for a k of 1.
    """
    require_exchanges(seeds)
    return [
        Cell(model, condition, synth, seed)
        for k, count in seeds.items()
        for seed in range(count)
        for condition, synth in [
            *((f"dial {dial:g}", KOsc(k, dial=dial)) for dial in dials),
            (CONDITIONAL, KOsc(k, Ranges.CHOSEN)),
        ]
        for model in (*FLOWS, Model.RANDOM)
    ]


@torch.no_grad()
def measure_asymmetry(cell: Cell, flow: SpectrumFlow, device: torch.device) -> list[float]:
    """Measure the mean asymmetry of a flow's posterior on each half of the validation sounds.

    With a switch, the first half has common ranges and the second half disjoint ones. Otherwise the
    halves do not differ.
    """
    synth = cell.synth
    target = halves(synth, uniform_patches(cell, Split.VALIDATION, range(_SOUNDS)))
    rngs = [item_rng(cell.task, Split.VALIDATION, i, 1 + cell.seed) for i in range(_SOUNDS)]
    shape = (2 * _SAMPLES, synth.values)
    x0 = np.concatenate([rng.standard_normal(shape, dtype=np.float32) for rng in rngs])
    sound = flow.encode(synth.render(target.to(device))).repeat_interleave(2 * _SAMPLES, 0)
    # A guidance scale of 1 samples the posterior itself; a larger one sharpens it.
    field = guided_field(flow, sound, flow.unconditional(len(sound)), 1.0)
    samples = solve(field, torch.from_numpy(x0).to(device), _SOLVER_STEPS).cpu()
    pairs = zip(samples.split(2 * _SAMPLES), rngs, strict=True)
    shares = [asymmetry(synth, x, rng) for x, rng in pairs]
    half = _SOUNDS // 2
    return [float(np.mean(shares[:half])), float(np.mean(shares[half:]))]


def probe_flow(cell: Cell, flow: Network, device: torch.device) -> list[float]:
    """Measure asymmetry (2 numbers), equivariance (2 per time) and the shares of tokens."""
    if not isinstance(flow, SpectrumFlow):
        raise TypeError(f"{cell.name}: only a flow can be measured")
    errors = measure_equivariance(cell, flow, device)
    return [*measure_asymmetry(cell, flow, device), *errors, *measure_tokens(cell, flow)]


def asymmetry(synth: KOsc, x: Float[torch.Tensor, "items d"], rng: np.random.Generator) -> float:
    """Estimate the asymmetry of samples: their first half against the second in random orders.

    The expected value is 0 where the distribution is invariant.
    """
    first, second = x.double().chunk(2)
    orders = np.stack([rng.permutation(synth.oscillators) for _ in second])
    units = synth.units(second).take_along_dim(torch.from_numpy(orders)[..., None], dim=1)
    mixed = torch.cat([synth.vectors(units), second[:, 3 * synth.oscillators :]], dim=1)
    between = torch.cdist(first, mixed).mean()
    within = sum(torch.pdist(samples).mean() for samples in (first, mixed))
    return float((2.0 * between - within) / (2.0 * between))


def quasi_table(results: Sequence[Result]) -> Table:
    """Lay out the scores and asymmetries: one row per condition, k and model."""
    rows = []
    for condition, k in dict.fromkeys((r.condition, r.k) for r in results):
        for model in (*FLOWS, Model.RANDOM):
            fields = {"model": model.value, "condition": condition, "k": k}
            row = [condition, str(k), model.value]
            for metric, digits in (("lsd", 2), ("mse", 4), ("lac", 4), ("unsquared lac", 4)):
                score = pooled_score(results, metric, **fields)
                row.append("" if score is None else format_interval(score[0], score[1], digits))
            cells = [
                r.watched
                for r in results
                if (r.model, r.condition, r.k) == (model.value, condition, k) and r.watched
            ]
            asymmetries = [watched[-1][1][:2] for watched in cells]
            row += (
                [f"{share:.3f}" for share in np.mean(asymmetries, axis=0)]
                if asymmetries
                else ["", ""]
            )
            rows.append(row + _learned(cells, condition))
    headings = ["condition", "k", "", "LSD, dB", "MSE", "LAC", "unsq. LAC"]
    headings += ["asymmetry, sounds 1-8", "9-16", "error at t = 0.1, 0.5, 0.9", "disjoint"]
    return Table([*headings, "shares of tokens", "mean", "untrained"], rows)


def difference_table(results: Sequence[Result]) -> Table:
    """Lay out the differences of two flows' scores: one row per condition, k and pair of flows.

    Each seed gives one difference. The interval is Student's, over seeds; one seed has none.
    """
    rows = []
    for condition, k in dict.fromkeys((r.condition, r.k) for r in results):
        for pair in combinations(FLOWS, 2):
            row = [condition, str(k), " - ".join(model.value for model in pair)]
            for metric, digits in (("lsd", 2), ("mse", 4), ("lac", 4)):
                differences = seed_differences(results, metric, pair, condition=condition, k=k)
                row.append(format_differences(differences, digits))
            rows.append(row)
    return Table(["condition", "k", "", "LSD, dB", "MSE", "LAC"], rows)


def _learned(cells: Sequence[Watched], condition: str) -> list[str]:
    """Lay out seeds' equivariance errors and shares of tokens; blank where not measured."""
    cells = [watched for watched in cells if len(watched[-1][1]) >= _SHARES]
    if not cells:
        return [""] * 5
    last = [np.array(watched[-1][1]) for watched in cells]
    errors = np.mean([numbers[2:_SHARES] for numbers in last], axis=0).reshape(2, len(TIMES))
    conditional = condition == CONDITIONAL
    groups = [errors[0], errors[1]] if conditional else [errors.mean(axis=0)]
    row = [", ".join(f"{error:.3f}" for error in group) for group in groups]
    row += [""] * (2 - len(row))
    if not len(last[0][_SHARES:]):
        return [*row, "", "", ""]
    # Tokens have no order, so those of a seed are sorted.
    shares = np.mean([np.sort(numbers[_SHARES:])[::-1] for numbers in last], axis=0)
    before = np.mean([watched[0][1][_SHARES:] for watched in cells])
    names = ", ".join(f"{share:.2f}" for share in shares)
    return [*row, names, f"{shares.mean():.2f}", f"{before:.2f}"]


def write_quasi(
    results: Sequence[Result], cells: Sequence[Cell], settings: CellSettings, out: Path
) -> None:
    """Write the table, and plot scores, measurements during training and each learned Param2Tok.

    Where the weights of a Param2Tok are gone, its last plot stays.
    """
    _plot_scores(results, settings, out / "scores.png")
    asymmetry_label = "asymmetry of the posterior"
    _plot_watched(results, settings, out / "invariance.png", asymmetry_label, (0, 1))
    middle = len(TIMES) // 2
    error_label = f"equivariance error at t = {TIMES[middle]:g}"
    places = (2 + middle, 2 + len(TIMES) + middle)
    _plot_watched(results, settings, out / "equivariance.png", error_label, places)
    for cell in cells:
        if cell.model is Model.PARAM2TOK and (out / f"{cell.name}.safetensors").exists():
            _plot_param2tok(cell, out)
    text = (
        f"# k-osc with quasi-symmetries\n\n{subtitle(settings, results)}. Mean ± 95 % interval "
        "over items. Asymmetry: energy distance of the posterior's samples from their permuted "
        "images, 0 to 1; in the conditional rows the first eight sounds have common ranges and "
        f"the others disjoint ones. Error: of the field's equivariance, mean over all exchanges of "
        "two oscillators. Shares of tokens: of each token of Param2Tok, the part of |A| that "
        f"belongs to one oscillator.\n\n{quasi_table(results).markdown()}\n\n"
        "## Differences between flows\n\nMean difference, and its 95 % interval over seeds "
        f"(Student's t).\n\n{difference_table(results).markdown()}\n"
    )
    write_text(out / TABLE, text)


def _plot_scores(results: Sequence[Result], settings: CellSettings, path: Path) -> None:
    """Plot each flow's LSD relative to chance, and its MSE, by condition; dots are seeds."""
    from matplotlib.figure import Figure

    ks = sorted({result.k for result in results})
    conditions = list(dict.fromkeys(result.condition for result in results))
    figure = Figure(figsize=(1.2 + 3.8 * len(ks), 5.5), layout="constrained")
    panels = figure.subplots(2, len(ks), sharex=True, sharey="row", squeeze=False)
    for column, k in enumerate(ks):
        for axes, metric in zip(panels[:, column], ("lsd", "mse"), strict=True):
            for place, model in enumerate(FLOWS):
                scores = [_seed_scores(results, metric, model, each, k) for each in conditions]
                at = np.arange(len(conditions)) + 0.2 * (place - 1)
                axes.plot(
                    np.repeat(at, [len(each) for each in scores]),
                    np.concatenate(scores),
                    f"C{place}.",
                    label=model.value,
                )
                means = [each.mean() if len(each) else np.nan for each in scores]
                axes.plot(at, means, f"C{place}_", markersize=14)
            axes.set_xticks(range(len(conditions)), conditions)
        panels[0, column].set_title(f"k = {k}")
    panels[0, 0].set_ylabel("LSD relative to chance, dB")
    panels[1, 0].set_ylabel("MSE")
    labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside lower center", ncols=3, fontsize=7)
    figure.suptitle(fill(subtitle(settings, results), 20 + 40 * len(ks)), fontsize=8)
    write_figure(path, figure, dpi=130)


def _seed_scores(
    results: Sequence[Result], metric: str, model: Model, condition: str, k: int
) -> Float[np.ndarray, " seeds"]:
    """Return each seed's mean score, LSD relative to chance; none where it is not measured."""
    score, chance = (
        pooled_score(results, metric, model=each.value, condition=condition, k=k)
        for each in (model, Model.RANDOM)
    )
    if score is None or chance is None:
        return np.array([])
    return np.array(score[2]) - (chance[0] if metric == "lsd" else 0.0)


def _plot_watched(
    results: Sequence[Result],
    settings: CellSettings,
    path: Path,
    label: str,
    places: tuple[int, int],
) -> None:
    """Plot two of the probe's numbers during training, or their mean where halves do not differ.

    A row of panels for each k, a column for each condition. Nothing is plotted where no result has
    the numbers.
    """
    from matplotlib.figure import Figure

    results = [r for r in results if r.watched and len(r.watched[-1][1]) > max(places)]
    if not results:
        return
    ks = sorted({result.k for result in results})
    conditions = list(dict.fromkeys(result.condition for result in results))
    size = (3.2 * len(conditions), 0.8 + 2.8 * len(ks))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(ks), len(conditions), sharex=True, sharey=True, squeeze=False)
    groups = [(condition, k) for k in ks for condition in conditions]
    for axes, group in zip(panels.flat, groups, strict=True):
        for result in results:
            if (result.condition, result.k) != group:
                continue
            colour = f"C{[model.value for model in FLOWS].index(result.model)}"
            steps = [step for step, _ in result.watched]
            first, second = (
                np.array([numbers[place] for _, numbers in result.watched]) for place in places
            )
            if group[0] == CONDITIONAL:
                axes.plot(steps, first, f"{colour}.-", label=f"{result.model}, common")
                axes.plot(steps, second, f"{colour}.:", label=f"{result.model}, disjoint")
            else:
                axes.plot(steps, (first + second) / 2.0, f"{colour}.-", label=result.model)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_title(f"{group[0]}, k = {group[1]}")
    for axes in panels[:, 0]:
        axes.set_ylabel(label)
    for axes in panels[-1]:
        axes.set_xlabel("step")
    handles, labels = panels[0, -1].get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3, fontsize=7)
    figure.suptitle(fill(subtitle(settings, results), 40 * len(conditions)), fontsize=8)
    write_figure(path, figure, dpi=130)


def _plot_param2tok(cell: Cell, out: Path) -> None:
    """Plot |A| and the cosines of the rows of Z, with the values grouped by oscillator."""
    from matplotlib.figure import Figure

    path = out / f"{cell.name}.safetensors"
    k, values = cell.synth.oscillators, cell.synth.values
    order = [part * k + i for i in range(k) for part in range(3)] + list(range(3 * k, values))
    try:
        weights = load_file(path)
        assignment = weights["field.tokens.assignment"].abs()[:, order]
        rows = torch.nn.functional.normalize(weights["field.tokens.z_in"][order], dim=1)
    except (SafetensorError, OSError, KeyError, IndexError, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise StudyError(f"{path}: cannot be read ({reason}); delete it") from None
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    image = left.imshow(assignment.numpy(), aspect="auto", cmap="magma", vmin=0)
    figure.colorbar(image, ax=left)
    left.set(title="|A|", ylabel="token", xlabel="value: frequency, amplitude, shape of each")
    image = right.imshow((rows @ rows.T).numpy(), cmap="coolwarm", vmin=-1, vmax=1)
    figure.colorbar(image, ax=right)
    right.set(title="cosines of the rows of Z", xlabel="value")
    figure.suptitle(cell.name)
    write_figure(out / f"{cell.name}.param2tok.png", figure, dpi=110)
