"""The page of a symmetry measurement: what holds and when, pictures, and sounds, in one file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unsynth.metrics.audio import METRICS, Metric
from unsynth.output import write_text
from unsynth.rendering.renderer import RenderFailure
from unsynth.report.media import figure_uri, flac_uri
from unsynth.report.templates import load_template
from unsynth.symmetry.conditions import describe
from unsynth.symmetry.findings import Errors, Finding, LabResult
from unsynth.symmetry.learned import LearnedSymmetry, plot_errors, plot_tokens
from unsynth.symmetry.subject import Subject
from unsynth.tasks.exchange import Exchange, Kind, Verdict
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Errors of a model's field.
_KINDS = ("trained", "elsewhere", "untrained")
#: Smaller distances are drawn at the left edge.
_LEAST_DRAWN = 1e-4
#: Shorter sounds, in seconds, are not worth hearing.
_SHORTEST = 0.1
#: The most exchanges to hear.
_EXAMPLES = 6
_ORDER = (Verdict.EXACT, Verdict.CONDITIONAL, Verdict.APPROXIMATE, Verdict.NONE)
_COLOURS = {
    Verdict.EXACT: "#0b7668",
    Verdict.CONDITIONAL: "#6fb9ae",
    Verdict.APPROXIMATE: "#e9b384",
    Verdict.NONE: "#e4e1dc",
}
_HEADINGS = {
    Kind.UNITS: "Copies of units",
    Kind.PARAMETERS: "Parameters outside units",
    Kind.COLUMN: "One parameter of two copies",
}


@dataclass(frozen=True)
class Row:
    """Exchanges with one verdict and one condition, as the page shows them."""

    names: str
    verdict: str
    condition: str
    evidence: str


def write_page(
    result: LabResult, subject: Subject, path: Path, learned: LearnedSymmetry | None = None
) -> None:
    """Write the page, with what a model has learned if that was measured.

    Raises :class:`~unsynth.errors.OutputError` if it cannot be written.
    """
    counts = {v: sum(f.verdict is v for f in result.findings) for v in _ORDER}
    kinds = [(heading, rows_of(result, kind)) for kind, heading in _HEADINGS.items()]
    text = load_template("symmetry/page.html.j2").render(
        result=result,
        counts={verdict.value: count for verdict, count in counts.items()},
        sections=[(heading, rows) for heading, rows in kinds if rows],
        values=value_rows(result),
        plots=_plots(result),
        learned=None if learned is None else _learned(learned),
        examples=list(_examples(result, subject)),
        minutes=result.seconds / 60,
    )
    write_text(path, text)


def rows_of(result: LabResult, kind: Kind) -> list[Row]:
    """List what holds of a kind; exchanges with equal conditions share a row."""
    rows: dict[tuple[Verdict, str], list[Finding]] = {}
    for finding in result.of_kind(kind):
        if finding.verdict is not Verdict.NONE:
            condition = describe(finding.groups, result.spec) if finding.groups else ""
            rows.setdefault((finding.verdict, condition), []).append(finding)
    ordered = sorted(rows.items(), key=lambda item: _ORDER.index(item[0][0]))
    return [
        Row(
            "; ".join(f.exchange.name for f in findings),
            verdict.value,
            condition,
            _evidence(findings),
        )
        for (verdict, condition), findings in ordered
    ]


def value_rows(result: LabResult) -> list[Row]:
    """List the choices of each category that sound the same under one condition, or nearly."""
    pairs: dict[tuple[int, str], list[Finding]] = {}
    for finding in result.of_kind(Kind.VALUES):
        if finding.verdict in (Verdict.EXACT, Verdict.CONDITIONAL):
            for group in finding.groups:
                key = finding.exchange.choice_swaps[0].category, describe([group], result.spec)
                pairs.setdefault(key, []).append(finding)
    rows = []
    for (category, condition), findings in pairs.items():
        parameter = result.spec.parameters[category]
        assert isinstance(parameter, Categorical)
        classes = _classes(f.exchange for f in findings)
        names = (" = ".join(parameter.choices[choice] for choice in each) for each in classes)
        verdict = findings[0].verdict.value
        rows.append(
            Row(f"{parameter.name}: {', '.join(names)}", verdict, condition, _evidence(findings))
        )
    near = [f for f in result.of_kind(Kind.VALUES) if f.verdict is Verdict.APPROXIMATE]
    if near:
        names = (finding.exchange.name for finding in near)
        rows.append(Row("; ".join(names), Verdict.APPROXIMATE.value, "", _evidence(near)))
    return rows


def _classes(exchanges: Iterable[Exchange]) -> list[list[int]]:
    """Join pairs of choices into classes of equals."""
    classes: list[set[int]] = []
    for exchange in exchanges:
        joined = set(exchange.choice_swaps[0].choices)
        for each in [c for c in classes if c & joined]:
            joined |= each
            classes.remove(each)
        classes.append(joined)
    return sorted(sorted(each) for each in classes)


def _evidence(findings: Sequence[Finding]) -> str:
    """Say what was measured of exchanges with one verdict."""
    tested = sum(f.tests for f in findings)
    parts = []
    shares = sorted({round(100 * f.share) for f in findings if f.share is not None})
    if shares and findings[0].verdict is Verdict.CONDITIONAL:
        text = str(shares[0]) if len(shares) == 1 else f"{shares[0]} to {shares[-1]}"
        parts.append(f"{text} % of the prior")
    if findings[0].verdict is Verdict.APPROXIMATE:
        medians = [float(np.median(f.errors["mss"].exchanged)) for f in findings if f.errors]
        parts.append(f"median MSS {min(medians):.2f} to {max(medians):.2f} dB")
    else:
        same = sum(f.same for f in findings)
        tried = sum(f.tried for f in findings)
        parts.append(f"the same in {same:,} of {tried:,} trials, then {tested:,} tests")
        missed = max(f.missed for f in findings)
        if missed > 0.0:
            parts.append(f"the same elsewhere in up to {100 * missed:.1f} %")
    if not all(f.keeps_prior for f in findings):
        parts.append("changes how likely a patch is")
    return "; ".join(parts)


def _plots(result: LabResult) -> list[dict[str, str]]:
    from matplotlib.figure import Figure

    plots = []
    for unit in result.spec.units:
        figure = Figure(figsize=(1.2 + 0.6 * len(unit.members),) * 2, layout="constrained")
        _draw_matrix(figure.subplots(), result, unit)
        plots.append(
            {"image": figure_uri(figure), "caption": f"Exchanges of two copies of {unit.name}."}
        )
    units = result.of_kind(Kind.UNITS)
    for category, shares in result.by_choice.items():
        rows = [i for i, row in enumerate(shares) if np.nanmax(row, initial=0.0) > 0.0]
        if not rows:
            continue
        parameter = result.spec.parameters[category]
        assert isinstance(parameter, Categorical)
        size = (3.0 + 0.22 * shares.shape[1], 1.2 + 0.17 * len(rows))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(shares[rows], aspect="auto", cmap="viridis", vmin=0, vmax=1)
        axes.set_yticks(range(len(rows)), [units[i].exchange.name for i in rows], fontsize=6)
        axes.set_xticks(range(shares.shape[1]), list(parameter.choices), fontsize=6)
        axes.set_xlabel(parameter.name)
        figure.colorbar(image, ax=axes, label="share that sounds the same")
        caption = f"How often exchanged copies sound the same, by {parameter.name}."
        plots.append({"image": figure_uri(figure), "caption": caption})
    near = [f for f in result.findings if f.errors]
    if near:
        figure = Figure(figsize=(10, 2.4), layout="constrained")
        panels = figure.subplots(1, len(METRICS), sharey=True)
        for axes, metric in zip(panels, METRICS, strict=True):
            _draw_errors(axes, metric, [f.errors[metric.name] for f in near])
        caption = (
            "Approximate exchanges: the distances of exchanged patches, beside the noise floor and "
            "other patches. 0 is at the left edge, and bars are medians."
        )
        plots.append({"image": figure_uri(figure), "caption": caption})
    return plots


def _learned(learned: LearnedSymmetry) -> dict[str, Any]:
    """Lay out what a model has learned."""
    plots = [
        {
            "image": figure_uri(plot_errors(learned)),
            "caption": "The error of the trained field under each exchange, on patches in which it "
            "holds and on the others, and that of an untrained field. 0 is equivariant.",
        }
    ]
    if learned.tokens is not None:
        caption = "Param2Tok's assignment; lines part the copies of units."
        plots.append({"image": figure_uri(plot_tokens(learned.tokens)), "caption": caption})
    medians = [
        (f"t = {t:g}", *(_median(learned, kind, time) for kind in _KINDS))
        for time, t in enumerate(learned.times)
    ]
    return {"field": learned.field, "plots": plots, "medians": medians, "tokens": learned.tokens}


def _median(learned: LearnedSymmetry, kind: str, time: int) -> str:
    errors = np.array([getattr(exchange, kind)[time] for exchange in learned.exchanges])
    return f"{np.nanmedian(errors):.3f}" if np.isfinite(errors).any() else ""


def _draw_errors(axes: "Axes", metric: Metric, errors: Sequence[Errors]) -> None:
    """Draw the distances in one metric, on a logarithmic axis."""
    rows = {
        "second render": [each.floor for each in errors[:1]],
        "exchanged": [each.exchanged for each in errors],
        "other patch": [each.other for each in errors[:1]],
    }
    rng = np.random.default_rng(0)
    for row, values in enumerate(rows.values()):
        # RMS is a similarity. A logarithmic axis has no 0.
        distances = 1.0 - np.concatenate(values) if metric.better == "↑" else np.concatenate(values)
        points = np.maximum(distances, _LEAST_DRAWN)
        axes.scatter(points, row + rng.uniform(-0.15, 0.15, len(points)), s=8, alpha=0.5)
        axes.plot([np.median(points)] * 2, [row - 0.3, row + 0.3], color="black")
    axes.set_xscale("log")
    label = f"1 - {metric.label}" if metric.better == "↑" else metric.label
    axes.set(xlim=(0.7 * _LEAST_DRAWN, None), ylim=(2.6, -0.6), xlabel=f"{label} {metric.unit}")
    axes.set_yticks(range(len(rows)), list(rows))


def _draw_matrix(axes: "Axes", result: LabResult, unit: Unit) -> None:
    """Colour the exchange of each two copies of a unit by its verdict."""
    from matplotlib.colors import to_rgb

    count = len(unit.members)
    cells = np.ones((count, count, 3))
    for finding in result.of_kind(Kind.UNITS):
        pairs = set(finding.exchange.swaps)
        for a in range(count):
            for b in range(a + 1, count):
                if pairs == set(zip(unit.members[a], unit.members[b], strict=True)):
                    cells[[a, b], [b, a]] = to_rgb(_COLOURS[finding.verdict])
                    share = finding.same / max(1, finding.tried)
                    for x, y in ((a, b), (b, a)):
                        axes.text(x, y, f"{share:.2f}", ha="center", va="center", fontsize=8)
    axes.imshow(cells)
    labels = [str(i + 1) for i in range(count)]
    axes.set_xticks(range(count), labels)
    axes.set_yticks(range(count), labels)
    axes.set_title(f"{unit.name}: share that sounds the same", fontsize=8)


def _examples(result: LabResult, subject: Subject) -> Iterable[dict[str, Any]]:
    """Render a few patches before and after exchanges that hold, one per verdict and kind first."""
    chosen: list[Finding] = []
    for verdict in _ORDER[:3]:
        for kind in Kind:
            group = [f for f in result.of_kind(kind) if f.verdict is verdict]
            chosen += [f for f in group if f.example is not None][:2]
    for finding in chosen[:_EXAMPLES]:
        assert finding.example is not None
        exchanged = finding.exchange.apply(finding.example)
        one, other = subject.render([finding.example, exchanged])
        if isinstance(one, RenderFailure) or isinstance(other, RenderFailure):
            continue
        if one.shape[1] < _SHORTEST * subject.sample_rate:
            return
        positions = sorted(finding.exchange.positions)
        before, after = (result.spec.named(patch) for patch in (finding.example, exchanged))
        names = [result.spec.names[position] for position in positions]
        yield {
            "name": finding.exchange.name,
            "verdict": finding.verdict.value,
            "before": flac_uri(one, subject.sample_rate),
            "after": flac_uri(other, subject.sample_rate),
            "values": [(name, before[name], after[name]) for name in names],
        }
