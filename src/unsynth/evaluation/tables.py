"""Means with 95 % confidence intervals, laid out like Table 1 of the paper."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from unsynth.metrics.audio import METRICS

#: Table 1 of the paper: (mean, half width of the interval) in the order of :data:`METRICS`, by task
#: and set. The models scored on NSynth and FSD50K were trained on Surge Full.
PUBLISHED: dict[tuple[str, str], dict[str, tuple[tuple[float, float], ...]]] = {
    ("surge-simple", "draws"): {
        "CNF (Param2Tok)": ((3.18, 0.06), (5.57, 0.06), (0.042, 0.001), (0.948, 0.002)),
        "CNF (MLP)": ((3.53, 0.06), (6.02, 0.07), (0.045, 0.001), (0.932, 0.002)),
        "AST": ((6.51, 0.10), (9.11, 0.09), (0.076, 0.001), (0.738, 0.005)),
        "VAE + RealNVP": ((26.23, 0.14), (15.80, 0.10), (0.184, 0.002), (0.595, 0.006)),
    },
    ("surge-full", "draws"): {
        "CNF (Param2Tok)": ((6.13, 0.09), (9.63, 0.08), (0.086, 0.001), (0.939, 0.002)),
        "CNF (MLP)": ((7.35, 0.11), (11.01, 0.09), (0.095, 0.001), (0.924, 0.002)),
        "AST": ((14.73, 0.14), (14.42, 0.11), (0.136, 0.002), (0.804, 0.004)),
        "VAE + RealNVP": ((28.86, 0.19), (18.61, 0.12), (0.178, 0.002), (0.703, 0.004)),
    },
    ("surge-full", "nsynth"): {
        "CNF (Param2Tok)": ((11.04, 0.28), (19.71, 0.24), (0.158, 0.004), (0.834, 0.006)),
        "CNF (MLP)": ((13.51, 0.32), (21.09, 0.23), (0.175, 0.004), (0.840, 0.006)),
        "AST": ((24.04, 0.30), (28.62, 0.17), (0.224, 0.003), (0.755, 0.007)),
        "VAE + RealNVP": ((35.29, 0.26), (23.50, 0.14), (0.266, 0.004), (0.689, 0.007)),
    },
    ("surge-full", "fsd50k"): {
        "CNF (Param2Tok)": ((15.40, 0.17), (17.25, 0.12), (0.168, 0.003), (0.680, 0.005)),
        "CNF (MLP)": ((16.96, 0.18), (17.83, 0.12), (0.183, 0.003), (0.710, 0.004)),
        "AST": ((19.09, 0.16), (21.35, 0.14), (0.187, 0.003), (0.682, 0.004)),
        "VAE + RealNVP": ((25.06, 0.20), (21.24, 0.12), (0.247, 0.003), (0.681, 0.004)),
    },
}


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first column names the row."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Lay out as Markdown, with aligned columns for reading in a terminal."""
        lines = [list(self.headings), *map(list, self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.headings))]
        text = [
            "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
            for line in lines
        ]
        rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
        return "\n".join([text[0], rule, *text[1:]])

    def latex(self) -> str:
        """Lay out as a LaTeX tabular."""

        def cell(text: str) -> str:
            for sign, command in _LATEX.items():
                text = text.replace(sign, command)
            return text

        body = [" & ".join(map(cell, row)) + r" \\" for row in self.rows]
        head = " & ".join(map(cell, self.headings)) + r" \\"
        columns = "l" + "r" * (len(self.headings) - 1)
        return "\n".join(
            [
                rf"\begin{{tabular}}{{{columns}}}",
                r"\hline",
                head,
                r"\hline",
                *body,
                r"\hline",
                r"\end{tabular}",
            ]
        )


_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "±": r"$\pm$",
    "−": r"$-$",
    "Δ": r"$\Delta$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}


def mean_interval(values: Float[np.ndarray, " items"]) -> tuple[float, float]:
    """Return the mean and the half width of its 95 % confidence interval, 1.96 s / sqrt(n).

    The half width of a single value is NaN.
    """
    if len(values) < 2:
        return float(values.mean()), float("nan")
    return float(values.mean()), 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5


def seeds_interval(values: Float[np.ndarray, " seeds"]) -> tuple[float, float]:
    """Return the mean over few seeds and the half width of its 95 % interval by Student's t.

    The half width of a single value is NaN.
    """
    from scipy import stats

    count = len(values)
    if count < 2:
        return float(values.mean()), float("nan")
    quantile = float(stats.t.ppf(0.975, count - 1))
    return float(values.mean()), quantile * float(values.std(ddof=1)) / count**0.5


def format_interval(mean: float, half: float, digits: int) -> str:
    """Format as ``mean ± half``, without the half width if it is NaN.

    >>> format_interval(3.178, 0.061, 2), format_interval(3.178, math.nan, 2)
    ('3.18 ± 0.06', '3.18')
    """
    return f"{mean:.{digits}f}" + ("" if math.isnan(half) else f" ± {half:.{digits}f}")


def format_difference(mean: float, low: float, high: float, digits: int) -> str:
    """Format a difference with the ends of its interval, without these if they are NaN.

    >>> format_difference(-1.5, -2.0, -1.0, 2), format_difference(-1.5, math.nan, math.nan, 2)
    ('-1.50 [-2.00, -1.00]', '-1.50')
    """
    interval = f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    return f"{mean:+.{digits}f}" + ("" if math.isnan(low) else interval)


def scores_table(
    items: Sequence[Mapping[str, Any]],
    estimates: Mapping[str, str],
    suffix: str = "",
    published: Mapping[str, tuple[tuple[float, float], ...]] | None = None,
) -> Table:
    """Lay out the scores of an evaluation, one row per estimate.

    ``estimates`` maps the keys of estimates to their names. ``suffix`` chooses the scores against
    the target in the channels of the engine ("") or in its original channels ("_original"); an item
    without other channels has only the first. An estimate that no item has is left out. The share
    of right notes is over the items whose note is known.
    """
    headings = ["", *(metric.heading for metric in METRICS), "right note", "failed"]
    rows = []
    for key, name in estimates.items():
        scored_items = [item for item in items if item.get(f"{key}.mss") is not None]
        if not scored_items:
            continue
        cells = [name]
        for metric in METRICS:
            column = f"{key}.{metric.name}"
            scores = [(item.get(column + suffix), item[column]) for item in scored_items]
            values = np.array([plain if chosen is None else chosen for chosen, plain in scores])
            cells.append(format_interval(*mean_interval(values), metric.digits))
        pitched = [
            i for i in scored_items if i["pitch"] is not None and i[f"{key}.pitch"] is not None
        ]
        right = np.array([float(i[f"{key}.pitch"] == i["pitch"]) for i in pitched])
        cells.append(_share(right))
        cells.append(str(sum(bool(item[f"{key}.failed"]) for item in scored_items)))
        rows.append(cells)
    for name, intervals in (published or {}).items():
        texts = [
            format_interval(*interval, metric.digits)
            for interval, metric in zip(intervals, METRICS, strict=False)
        ]
        texts += [""] * (len(METRICS) - len(texts))
        rows.append([f"published: {name}", *texts, "", ""])
    return Table(headings, rows)


def published_scores(
    settings: Mapping[str, Any],
) -> dict[str, tuple[tuple[float, float], ...]] | None:
    """Find the paper's scores for the ``settings`` of an evaluation; ``None`` if it has none.

    Held-out draws are those of ``draws:N`` and of a set that was rendered from the test split.
    """
    targets = settings["of"]
    kind = str(targets["set"]).partition(":")[0]
    if kind == "rendered" and targets["plan"]["split"] == "test":
        kind = "draws"
    return PUBLISHED.get((settings["task"], kind))


def left_out_list(reasons: Sequence[str], targets: int, most: int | None = None) -> str:
    """List why targets are left out of all means, at most ``most`` of them.

    >>> print(left_out_list(["a.wav: is silent", "b.wav: is silent"], 3, most=1))
    2 of 3 targets are left out of all means:
    - a.wav: is silent
    - and 1 more
    """
    lines = [f"{len(reasons)} of {targets} targets are left out of all means:"]
    lines += [f"- {' '.join(reason.split())}" for reason in reasons[:most]]
    if most is not None and len(reasons) > most:
        lines.append(f"- and {len(reasons) - most} more")
    return "\n".join(lines)


def _share(right: Float[np.ndarray, " items"]) -> str:
    if not len(right):
        return ""
    mean, half = mean_interval(right)
    return f"{format_interval(100 * mean, 100 * half, 0)} %"
