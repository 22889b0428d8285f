"""``unsynth reproduce kosc-quasi``: k-osc with symmetries that hold in part, and what is learned.

Section 5 of the paper asks for it. Conditions: filters that differ by a dial, from an exact
symmetry to none (approximate), and a switch between common and disjoint ranges (conditional).
While a flow trains it is asked, about a few sounds, how invariant its posterior is: with samples
X of p(x | y), and Y other samples with the oscillators of each in an order of its own,

    (2 E|X - Y| - E|X - X'| - E|Y - Y'|) / 2 E|X - Y|,

the energy distance (G. Székely, M. Rizzo, 2013) of p from its average over all orders, as a share:
0 where p is invariant, up to 1. At the end the assignment and the parameters' vectors of
Param2Tok are drawn. Writes ``table.md``, ``invariance.png`` and ``NAME.param2tok.png``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file

from unsynth.data.seeding import Split, item_rng
from unsynth.evaluation.tables import Table, written
from unsynth.flow.guidance import guided_field
from unsynth.flow.solver import solve
from unsynth.models.kosc import FLOWS, Model, SpectrumFlow
from unsynth.studies.kosc.cell import Cell, Result, Settings
from unsynth.studies.kosc.figure3 import pooled, subtitle
from unsynth.studies.kosc.scoring import uniform
from unsynth.synths.kosc import KOsc, Ranges

CONDITIONAL = "conditional"

#: Of the invariance: sounds, samples of each of X and Y, steps of RK4.
_SOUNDS, _SAMPLES, _SOLVER_STEPS = 16, 32, 10


def quasi_cells(ks: Sequence[int], seeds: int, dials: Sequence[float]) -> list[Cell]:
    """List the cells: flows and chance, at each dial and with the switch."""
    return [
        Cell(model, condition, synth, seed)
        for k in ks
        for seed in range(seeds)
        for condition, synth in [
            *((f"dial {dial:g}", KOsc(k, dial=dial)) for dial in dials),
            (CONDITIONAL, KOsc(k, Ranges.CHOSEN)),
        ]
        for model in (*FLOWS, Model.RANDOM)
    ]


@torch.no_grad()
def invariance(cell: Cell, flow: SpectrumFlow, device: torch.device) -> list[float]:
    """Measure a flow's posterior on validation sounds: mean share for one half, and the other.

    With a switch, the first half's is at common ranges and the second's at disjoint ones; without,
    the halves are alike.
    """
    synth = cell.synth
    target = uniform(cell, Split.VALIDATION, range(_SOUNDS))
    if synth.ranges is Ranges.CHOSEN:
        disjoint = torch.arange(_SOUNDS) >= _SOUNDS // 2
        target[:, -1] = torch.where(disjoint, target[:, -1].abs(), -target[:, -1].abs())
    rngs = [item_rng(cell.task, Split.VALIDATION, i, 1 + cell.seed) for i in range(_SOUNDS)]
    shape = (2 * _SAMPLES, synth.values)
    x0 = np.concatenate([rng.standard_normal(shape, dtype=np.float32) for rng in rngs])
    sound = flow.encode(synth.render(target.to(device))).repeat_interleave(2 * _SAMPLES, 0)
    # w = 1: the posterior itself, not what guidance makes of it.
    field = guided_field(flow, sound, flow.unconditional(len(sound)), 1.0)
    samples = solve(field, torch.from_numpy(x0).to(device), _SOLVER_STEPS).cpu()
    pairs = zip(samples.split(2 * _SAMPLES), rngs, strict=True)
    shares = [asymmetry(synth, x, rng) for x, rng in pairs]
    half = _SOUNDS // 2
    return [float(np.mean(shares[:half])), float(np.mean(shares[half:]))]


def asymmetry(synth: KOsc, x: Float[torch.Tensor, "items d"], rng: np.random.Generator) -> float:
    """Compare the first half of samples with the second in random orders; 0 expected if alike."""
    first, second = x.double().chunk(2)
    orders = np.stack([rng.permutation(synth.oscillators) for _ in second])
    units = synth.units(second).take_along_dim(torch.from_numpy(orders)[..., None], dim=1)
    mixed = torch.cat([synth.vectors(units), second[:, 3 * synth.oscillators :]], dim=1)
    between = torch.cdist(first, mixed).mean()
    within = sum(torch.pdist(samples).mean() for samples in (first, mixed))
    return float((2.0 * between - within) / (2.0 * between))


def table(results: Sequence[Result]) -> Table:
    """Lay out the scores: a row a condition, k and model."""
    rows = []
    for condition, k in dict.fromkeys((r.condition, r.k) for r in results):
        for model in (*FLOWS, Model.RANDOM):
            wanted = {"model": model.value, "condition": condition, "k": k}
            row = [condition, str(k), model.value]
            for metric, digits in (("lsd", 2), ("mse", 4), ("lac", 4), ("unsquared lac", 4)):
                score = pooled(results, metric, **wanted)
                row.append("" if score is None else written(score[0], score[1], digits))
            watched = [
                r.watched[-1][1]
                for r in results
                if (r.model, r.condition, r.k) == (model.value, condition, k) and r.watched
            ]
            row += [f"{share:.3f}" for share in np.mean(watched, axis=0)] if watched else ["", ""]
            rows.append(row)
    shares = ("asymmetry, sounds 1-8", "9-16")
    return Table(["condition", "k", "", "LSD, dB", "MSE", "LAC", "unsq. LAC", *shares], rows)


def draw_quasi(
    results: Sequence[Result], cells: Sequence[Cell], settings: Settings, out: Path
) -> None:
    """Write the table, the asymmetry over training, and what each Param2Tok learned.

    Of one whose weights were not kept, the last picture is left as it is.
    """
    _draw_invariance(results, settings, out)
    for cell in cells:
        if cell.model is Model.PARAM2TOK and (out / f"{cell.name}.safetensors").exists():
            _draw_param2tok(cell, out)
    text = (
        f"# k-osc with quasi-symmetries\n\n{subtitle(settings, results)}. Mean ± 95 % interval "
        "over items. Asymmetry: energy distance of the posterior's samples from their permuted "
        "images, 0 to 1; in the conditional rows the first eight sounds have common ranges and "
        f"the others disjoint ones.\n\n{table(results).markdown()}\n"
    )
    (out / "table.md").write_text(text, encoding="utf-8")


def _draw_invariance(results: Sequence[Result], settings: Settings, out: Path) -> None:
    from matplotlib.figure import Figure

    groups = list(dict.fromkeys((r.condition, r.k) for r in results))
    figure = Figure(figsize=(3.2 * len(groups), 3.6), layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for axes, group in zip(panels, groups, strict=True):
        for place, model in enumerate(FLOWS):
            for result in results:
                if (result.condition, result.k) != group or result.model != model.value:
                    continue
                steps = [step for step, _ in result.watched]
                shares = np.array([seen for _, seen in result.watched])
                if group[0] == CONDITIONAL:
                    axes.plot(steps, shares[:, 0], f"C{place}.-", label=f"{model.value}, common")
                    axes.plot(steps, shares[:, 1], f"C{place}.:", label=f"{model.value}, disjoint")
                else:
                    axes.plot(steps, shares.mean(axis=1), f"C{place}.-", label=model.value)
        axes.set(xscale="log", xlabel="step", title=f"{group[0]}, k = {group[1]}")
    panels[0].set_ylabel("asymmetry of the posterior")
    handles, labels = panels[-1].get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3, fontsize=7)
    figure.suptitle(subtitle(settings, results), fontsize=8)
    figure.savefig(out / "invariance.png", dpi=130)


def _draw_param2tok(cell: Cell, out: Path) -> None:
    """Draw |A| and the cosines of the rows of Z, values in order of oscillators."""
    from matplotlib.figure import Figure

    weights = load_file(out / f"{cell.name}.safetensors")
    k, values = cell.synth.oscillators, cell.synth.values
    order = [part * k + i for i in range(k) for part in range(3)] + list(range(3 * k, values))
    assignment = weights["field.tokens.assignment"].abs().cpu()[:, order]
    rows = torch.nn.functional.normalize(weights["field.tokens.z_in"].cpu()[order], dim=1)
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = left.imshow(assignment.numpy(), aspect="auto", cmap="magma", vmin=0)
    figure.colorbar(shown, ax=left)
    left.set(title="|A|", ylabel="token", xlabel="value: frequency, amplitude, shape of each")
    shown = right.imshow((rows @ rows.T).numpy(), cmap="coolwarm", vmin=-1, vmax=1)
    figure.colorbar(shown, ax=right)
    right.set(title="cosines of the rows of Z", xlabel="value")
    figure.suptitle(cell.name)
    figure.savefig(out / f"{cell.name}.param2tok.png", dpi=110)
