"""The graph of a DX7 algorithm, as a picture."""

from collections.abc import Sequence

from markupsafe import Markup

from unsynth.synths.dx7_algorithms import ALGORITHMS, Algorithm
from unsynth.tasks.dx7.layout import OPERATORS

#: Side of an operator's box, in SVG units like all lengths here.
_BOX = 28
#: Distance between columns.
_COLUMN = 50
#: Distance between rows.
_ROW = 52
#: Space left and right of the boxes: room for a feedback loop.
_MARGIN = 22
#: Space above the boxes: room for a feedback loop.
_TOP = 16


def layout(algorithm: Algorithm) -> dict[int, tuple[float, int]]:
    """Place operators (counted from 0) in columns and rows; carriers are in row 0.

    An operator stands below the middle of the modulators that feed only it. A modulator of several
    operators stands above the middle of them.
    """
    targets = {op: [b for a, b in sorted(algorithm.edges) if a == op] for op in range(OPERATORS)}
    places: dict[int, tuple[float, int]] = {}
    next_column = 0

    def place(op: int, row: int) -> None:
        nonlocal next_column
        above = [a for a, b in sorted(algorithm.edges) if b == op and len(targets[a]) == 1]
        for modulator in above:
            place(modulator, row + 1)
        if above:
            column = sum(places[a][0] for a in above) / len(above)
        else:
            column, next_column = float(next_column), next_column + 1
        places[op] = column, row

    for carrier in sorted(algorithm.carriers):
        place(carrier, 0)
    for op, below in targets.items():
        if len(below) > 1:
            column = sum(places[b][0] for b in below) / len(below)
            places[op] = column, 1 + max(places[b][1] for b in below)
    return places


def algorithm_svg(number: int, audible: Sequence[bool] = (True,) * OPERATORS) -> Markup:
    """Draw algorithm 1 to 32: modulators above their targets, carriers on the output line.

    Operators that are not ``audible`` are grey. Each element names its part of the graph in
    ``data-op``, ``data-edge`` (``2>1``), ``data-feedback`` or ``data-carrier``; operators count
    from 1.
    """
    algorithm = ALGORITHMS[number - 1]
    places = layout(algorithm)
    rows = 1 + max(row for _, row in places.values())
    columns = 1 + max(column for column, _ in places.values())
    width = 2 * _MARGIN + _BOX + (columns - 1) * _COLUMN
    bottom = _TOP + rows * _ROW

    def x(op: int) -> float:
        return _MARGIN + _BOX / 2 + places[op][0] * _COLUMN

    def top(op: int) -> float:
        return float(_TOP) + (rows - 1 - places[op][1]) * _ROW

    def dim(*ops: int) -> str:
        return "" if all(audible[op] for op in ops) else " silent"

    parts = []
    for a, b in sorted(algorithm.edges):
        bend = top(b) - 10
        parts.append(
            f'<path class="wire{dim(a, b)}" data-edge="{a + 1}&gt;{b + 1}" '
            f'd="M{x(a):g} {top(a) + _BOX:g}V{bend:g}H{x(b):g}V{top(b):g}"/>'
        )
    source, target = algorithm.feedback
    side = x(source) + _COLUMN / 2 - 3
    parts.append(
        f'<path class="wire loop{dim(source, target)}" '
        f'data-feedback="{source + 1}&gt;{target + 1}" '
        f'd="M{x(source):g} {top(source) + _BOX + 6:g}H{side:g}V{top(target) - 8:g}'
        f'H{x(target):g}V{top(target):g}"/>'
    )
    for op in sorted(algorithm.carriers):
        parts.append(
            f'<path class="wire{dim(op)}" data-carrier="{op + 1}" '
            f'd="M{x(op):g} {top(op) + _BOX:g}V{bottom:g}"/>'
        )
    ends = [x(op) for op in algorithm.carriers]
    parts.append(f'<path class="output" d="M{min(ends) - 14:g} {bottom:g}H{max(ends) + 14:g}"/>')
    for op in range(OPERATORS):
        kind = "carrier" if op in algorithm.carriers else "modulator"
        parts.append(
            f'<g class="op {kind}{dim(op)}" data-op="{op + 1}">'
            f'<rect x="{x(op) - _BOX / 2:g}" y="{top(op):g}" width="{_BOX}" height="{_BOX}" '
            f'rx="5"/>'
            f'<text x="{x(op):g}" y="{top(op) + _BOX / 2 + 5:g}">{op + 1}</text></g>'
        )
    label = f"Algorithm {number}: " + "; ".join(
        f"operator {op + 1} {operator_role(algorithm, op)}{'' if audible[op] else ' (silent)'}"
        for op in range(OPERATORS)
    )
    return Markup(
        f'<svg class="algorithm" viewBox="0 0 {width:g} {bottom + 4}" width="{1.25 * width:g}" '
        f'height="{1.25 * (bottom + 4):g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def operator_role(algorithm: Algorithm, op: int) -> str:
    """Say where the output of an operator (counted from 0) goes.

    >>> operator_role(ALGORITHMS[0], 5), operator_role(ALGORITHMS[0], 2)
    ('modulates 5, feedback', 'carrier')
    """
    targets = sorted(b + 1 for a, b in algorithm.edges if a == op)
    text = f"modulates {_listed(targets)}" if targets else "carrier"
    source, target = algorithm.feedback
    if op == source:
        text += ", feedback" if source == target else f", feedback to {target + 1}"
    return text


def _listed(numbers: Sequence[int]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last
