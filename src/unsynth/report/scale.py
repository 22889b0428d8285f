"""How good the best candidate is: one word, one sentence, one scale.

The scale runs from the noise floor (0: a second render of the same patch is as far away) to the
median of random draws (1: no better than chance).
"""

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from unsynth.matching.result import MatchResult
from unsynth.matching.starts import INDEX, POSTERIOR, USER

#: Each word, and the largest fraction of the way from the noise floor to the median random draw
#: that it may describe. For voices that the DX7 can play, a search without a model reached a
#: fraction of 0.25, and the nearest of 6,000 draws one of 0.5. A rule of thumb, not a listening
#: test.
THRESHOLDS = (("Matched", 0.02), ("Close", 0.25), ("Recognisable", 0.5))
FAR_OFF = "Far off"
#: A search has settled if its last third lowered the best score by less than this fraction.
_SETTLED = 0.03
#: Labels of the best patches before the search, by origin.
START_NAMES = {POSTERIOR: "model alone", INDEX: "index alone", USER: "your patch"}


@dataclass(frozen=True)
class Rating:
    """A word, what it means for this sound, and the fraction (0 or more) behind it."""

    word: str
    meaning: str
    fraction: float


def rate(best: float, noise_floor: float, random_median: float) -> Rating:
    """Rate the best candidate's score (MSS, dB) between the noise floor and the random median.

    >>> rate(2.0, noise_floor=0.0, random_median=10.0).word
    'Close'
    """
    span = random_median - noise_floor
    fraction = max(0.0, best - noise_floor) / span if span > 0 else math.inf
    word = next((word for word, limit in THRESHOLDS if fraction <= limit), FAR_OFF)
    meaning = {
        "Matched": "as far as this distance can tell, the best candidate is the target",
        "Close": "the best candidate is near the target; listen for the details",
        "Recognisable": "the best candidate has the target's outline but is audibly different",
        FAR_OFF: "the search found nothing near the target",
    }[word]
    return Rating(word, meaning, fraction)


def outlook(result: MatchResult, fraction: float, instrument: str) -> str:
    """Say whether a longer search may help or the sound is out of reach; empty if it is close.

    ``fraction`` is the rating's; ``instrument`` is named in the sentence.
    """
    gain = _late_gain(result)
    if result.stopped:
        return "The search was stopped early; with more time it may get closer."
    if gain is None:
        return "There was no time to search; a larger --budget may get closer."
    if gain > _SETTLED:
        closer = f"the last third of this one still got {gain:.0%} closer"
        return f"A longer search (--budget or --renders) may help: {closer}."
    settled = (
        f"the last third of the search, {result.renders:,} renders in all, gained hardly anything"
    )
    if fraction > THRESHOLDS[-1][1]:
        return f"This sound seems to be out of reach of {instrument}: {settled}."
    if fraction > THRESHOLDS[-2][1]:
        return f"This may be as close as {instrument} can get: {settled}."
    return ""


def _late_gain(result: MatchResult) -> float | None:
    """Return how far the best score fell in the last third of the search, relative to the end.

    ``None`` if there was no search.
    """
    start, end = result.search_began.renders, result.history[-1]
    if end.renders <= start or end.score == 0.0:
        return None if end.renders <= start else 0.0
    late = start + 2 * (end.renders - start) / 3
    before = [point.score for point in result.history if point.renders <= late]
    return (min(before, default=result.search_began.score) - end.score) / end.score


def scale_svg(result: MatchResult) -> Markup:
    """Draw noise floor, candidates, starts and random draws on one axis of MSS, 0 dB on the left.

    The box spans the middle half of the random draws, the whiskers all but the farthest 5 %.
    Horizontal positions are percentages, so the text keeps its size on every screen.
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
    # From top to bottom: candidates, a row per start, random draws, the axis.
    starts_top, row = 76, 30
    draws = starts_top + row * len(starts)
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
        y = starts_top + row * number
        parts.append(text(score, y + 14, f"{START_NAMES[origin]} {score:.2f} dB", "start"))
        parts.append(line(score, y + 18, y + 28, "start"))
    label = (
        f"Scale of MSS from 0 to {end:g} dB: noise floor {floor:.2f}, candidates "
        f"{min(scores):.2f} to {max(scores):.2f}, "
        + "".join(f"{START_NAMES[origin]} {score:.2f}, " for origin, score in starts.items())
        + f"95 % of random draws {low:.2f} to {high:.2f}, "
        f"half of them {q1:.2f} to {q3:.2f}, their median {median:.2f}"
    )
    return Markup(
        f'<svg class="scale" width="100%" height="{axis + 24}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def tick_step(end: float) -> float:
    """Choose a round distance between ticks that gives four to eight of them up to ``end``."""
    if end <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(end / 4))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if end / (m * power) <= 8)
