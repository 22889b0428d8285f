"""How good the best candidate is: one word, one sentence, one scale.

The yardstick runs from the noise floor (0: the engine cannot tell the patch from itself) to the
median of random draws (1: no better than chance).
"""

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from unsynth.matching.result import MatchResult
from unsynth.matching.starts import INDEX, POSTERIOR, USER

#: Largest fraction of the way from the noise floor to the median random draw for each word. On
#: voices that the DX7 does make, a search without a model came to 0.25 of that distance, and the
#: nearest of 6,000 draws to 0.5. A rule of thumb, not a listening test.
THRESHOLDS = (("Matched", 0.02), ("Close", 0.25), ("Recognisable", 0.5))
FAR_OFF = "Far off"
#: A search has settled where the last third of it came less than this part nearer.
_SETTLED = 0.03
#: What was there before the search, by origin.
START_NAMES = {POSTERIOR: "the model alone", INDEX: "the index alone", USER: "your patch"}


@dataclass(frozen=True)
class Verdict:
    """A word, what it means for this sound, and the fraction (0 to 1) it comes from."""

    word: str
    meaning: str
    fraction: float


def verdict(best: float, noise_floor: float, random_median: float) -> Verdict:
    """Put the best candidate's score (MSS, dB) between the noise floor and the random median.

    >>> verdict(2.0, noise_floor=0.0, random_median=10.0).word
    'Close'
    """
    span = random_median - noise_floor
    fraction = max(0.0, best - noise_floor) / span if span > 0 else math.inf
    word = next((word for word, limit in THRESHOLDS if fraction <= limit), FAR_OFF)
    meaning = {
        "Matched": "the best candidate is the target, as far as this distance can tell",
        "Close": "the best candidate is near the target; listen for the details",
        "Recognisable": "the best candidate has the target's outline, and differs audibly",
        FAR_OFF: "nothing near it was found",
    }[word]
    return Verdict(word, meaning, fraction)


def reach(result: MatchResult, fraction: float, instrument: str) -> str:
    """Say in a sentence whether more of a search may help, or the sound is out of reach."""
    gain = _late_gain(result)
    if result.stopped:
        return "The search was stopped early; with more time it may come nearer."
    if gain is None:
        return "There was no time for a search; a larger --budget may come nearer."
    if gain > _SETTLED:
        nearer = f"the last third of the search still came {gain:.0%} nearer"
        return f"A larger --budget may help: {nearer}."
    settled = f"the last third of {result.renders:,} renders came hardly nearer"
    if fraction > THRESHOLDS[-1][1]:
        return f"This sound seems to be out of reach of {instrument}: {settled}."
    if fraction > THRESHOLDS[-2][1]:
        return f"This may be as near as {instrument} comes: {settled}."
    return ""


def _late_gain(result: MatchResult) -> float | None:
    """By what part the best score fell in the last third of the search; ``None`` without one."""
    began, end = result.search_began.renders, result.history[-1]
    if end.renders <= began or end.score == 0.0:
        return None if end.renders <= began else 0.0
    late = began + 2 * (end.renders - began) / 3
    before = [point.score for point in result.history if point.renders <= late]
    return (min(before, default=result.search_began.score) - end.score) / end.score


def scale_svg(result: MatchResult) -> Markup:
    """Draw noise floor, candidates, starts and random draws on one axis of MSS, 0 dB on the left.

    The box holds the middle half of the random draws, its whiskers all but the farthest 5 %.
    Horizontal places are percentages, so that the text keeps its size on every screen.
    """
    scores = [metrics.mss for metrics in result.metrics]
    starts = {origin: metrics.mss for origin, (_, metrics) in result.starts.items()}
    floor = result.noise_floor.mss
    low, q1, median, q3, high = np.percentile(
        [metrics.mss for metrics in result.random_metrics], [0, 25, 50, 75, 95]
    )
    step = tick_step(max(*scores, *starts.values(), high, floor))
    count = math.ceil(max(*scores, *starts.values(), high, floor) * 1.02 / step)
    end = step * max(count, 1)
    #: Where the starts' rows begin, the random draws' and the axis.
    top, row = 76, 30
    draws = top + row * len(starts)
    axis = draws + 66

    def x(value: float) -> str:
        return f"{100 * value / end:.2f}%"

    def text(value: float, y: int, words: str, name: str = "") -> str:
        place = value / end
        anchor = "start" if place < 0.3 else "end" if place > 0.7 else "middle"
        return f'<text class="{name}" x="{x(value)}" y="{y}" text-anchor="{anchor}">{words}</text>'

    def line(at: float, y1: int, y2: int, name: str) -> str:
        return f'<line class="{name}" x1="{x(at)}" x2="{x(at)}" y1="{y1}" y2="{y2}"/>'

    parts = [
        f'<line class="axis" x1="0%" x2="100%" y1="{axis}" y2="{axis}"/>',
        *(line(i * step, axis, axis + 5, "axis") for i in range(count + 1)),
        *(
            f'<text class="tick" x="{x(i * step)}" y="{axis + 19}" text-anchor="middle">'
            f"{i * step:g}</text>"
            for i in range(count + 1)
        ),
        line(floor, 18, axis, "floor"),
        text(floor, 12, f"noise floor {floor:.2f} dB", "floor"),
        text(scores[0], 40, f"best candidate {scores[0]:.2f} dB", "best"),
        *(line(score, 50, 68, "candidate") for score in scores[1:]),
        line(scores[0], 46, 72, "candidate best"),
        text(median, draws + 22, f"random draws, median {median:.2f} dB", "random"),
        f'<line class="whisker" x1="{x(low)}" x2="{x(high)}" y1="{draws + 40}" y2="{draws + 40}"/>',
        line(low, draws + 35, draws + 45, "whisker"),
        line(high, draws + 35, draws + 45, "whisker"),
        f'<rect class="box" x="{x(q1)}" width="{x(q3 - q1)}" y="{draws + 31}" height="18" rx="3"/>',
        line(median, draws + 31, draws + 49, "median"),
    ]
    for number, (origin, score) in enumerate(starts.items()):
        y = top + row * number
        parts.append(text(score, y + 14, f"{START_NAMES[origin]} {score:.2f} dB", "start"))
        parts.append(line(score, y + 18, y + 28, "start"))
    label = (
        f"Scale of MSS from 0 to {end:g} dB: noise floor {floor:.2f}, candidates "
        f"{min(scores):.2f} to {max(scores):.2f}, "
        + "".join(f"{START_NAMES[origin]} {score:.2f}, " for origin, score in starts.items())
        + f"95 % of random draws {low:.2f} to {high:.2f}, "
        f"half of them between {q1:.2f} and {q3:.2f} and their median at {median:.2f}"
    )
    return Markup(
        f'<svg class="scale" width="100%" height="{axis + 24}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def tick_step(end: float) -> float:
    """Find the distance between ticks that gives four to eight of them."""
    if end <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(end / 4))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if end / (m * power) <= 8)
