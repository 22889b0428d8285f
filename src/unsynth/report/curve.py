"""The progress of a match as a curve: the best score against renders or seconds."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from unsynth.matching.result import MatchResult
from unsynth.report.scale import START_NAMES, tick_step
from unsynth.search.candidates import HistoryPoint

#: Size of the picture, in SVG units like the lengths below.
_WIDTH, _HEIGHT = 360, 210
#: Edges of the plot in it.
_LEFT, _RIGHT, _TOP, _BASE = 34, 348, 14, 170
#: Distance between the labels of the starts.
_LABEL_WIDTH = 105


def curve_svg(result: MatchResult, against: str) -> Markup:
    """Draw the best score so far; ``against`` is ``renders`` or ``seconds``.

    Dashed lines: the best of each origin before the search. Thin upright line: where the search
    began.
    """
    points = result.history
    end = _place(points[-1], against)
    scores = [point.score for point in points]
    starts = {origin: candidate.score for origin, (candidate, _) in result.starts.items()}
    # The first few renders may be far off: on their scale, the rest would look flat.
    top = min(max(scores), 1.6 * max(scores[-1], *starts.values())) or 1.0
    ticks = _ticks(top)
    top = max(top, ticks[-1])

    def x(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (value / end if end else 0.0)

    def y(score: float) -> float:
        return _BASE - (_BASE - _TOP) * min(score, top) / top

    path = f"M{x(_place(points[0], against)):.1f} {y(points[0].score):.1f}"
    for point in points[1:]:
        path += f"H{x(_place(point, against)):.1f}V{y(point.score):.1f}"
    parts = [
        *(f'<path class="grid" d="M{_LEFT} {y(t):.1f}H{_RIGHT}"/>' for t in ticks),
        *(
            f'<text x="{_LEFT - 6}" y="{y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
            for t in ticks
        ),
        *(
            f'<text x="{x(t):.1f}" y="{_BASE + 16}" text-anchor="middle">{t:g}</text>'
            for t in _ticks(end)
        ),
        f'<path class="axis" d="M{_LEFT} {_BASE}H{_RIGHT}"/>',
    ]
    start = x(_place(result.search_began, against))
    parts.append(f'<path class="search-start" d="M{start:.1f} {_TOP}V{_BASE}"/>')
    for number, (name, score) in enumerate(starts.items()):
        parts.append(f'<path class="start" d="M{_LEFT} {y(score):.1f}H{_RIGHT}"/>')
        # Labels stand side by side, because scores may be close.
        right = _RIGHT - _LABEL_WIDTH * number
        parts.append(
            f'<text class="start" x="{right}" y="{y(score) - 4:.1f}" text-anchor="end">'
            f"{START_NAMES[name]}</text>"
        )
    parts.append(f'<path class="curve" d="{path}"/>')
    unit = "renders" if against == "renders" else "seconds"
    parts.append(
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{unit}</text>'
    )
    label = (
        f"Best distance against {unit}: from {scores[0]:.2f} dB to {scores[-1]:.2f} dB "
        f"after {end:,.0f} {unit}"
    )
    return Markup(
        f'<svg class="history" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _place(point: HistoryPoint, against: str) -> float:
    return float(point.renders) if against == "renders" else point.seconds


def _ticks(end: float) -> Sequence[float]:
    distance = tick_step(end)
    return [i * distance for i in range(math.floor(end / distance + 1e-9) + 1)]
