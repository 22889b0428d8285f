"""A DX7 patch as a musician reads it: algorithm graph, envelope curves, the panel's labels.

Parameters that ``task.active`` calls inactive are shown as undetermined: any other value would
sound the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from markupsafe import Markup

from unsynth.report.dx7_algorithm import algorithm_svg, operator_role
from unsynth.report.dx7_envelopes import eg_svg, pitch_eg_svg
from unsynth.report.values import UNDETERMINED, Value
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import OPERATORS
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class Operator:
    """One operator: ``role`` says where its output goes; a silent one has an empty ``eg``."""

    number: int
    carrier: bool
    audible: bool
    role: str
    eg: Markup
    output_level: Value
    values: tuple[Value, ...]
    rates: tuple[Value, ...]
    levels: tuple[Value, ...]


@dataclass(frozen=True)
class PatchView:
    """A whole patch, ready for the page."""

    algorithm: int
    graph: Markup
    operators: tuple[Operator, ...]
    voice: tuple[Value, ...]
    lfo: tuple[Value, ...]
    pitch_eg: Markup
    pitch_rates: tuple[Value, ...]
    pitch_levels: tuple[Value, ...]


def patch_view(task: Task, patch: Float[np.ndarray, " parameters"]) -> PatchView:
    """Prepare a patch of task dx7 for the page."""
    named = task.spec.named(patch)
    active = dict(zip(task.spec.names, task.active(patch).tolist(), strict=True))
    note = task.note(patch)

    def value(label: str, name: str, text: str | None = None) -> Value:
        text = str(named[name]) if text is None else text
        return Value(label, text if active[name] else UNDETERMINED, active[name])

    def stages(prefix: str) -> tuple[list[int], list[int]]:
        """Read an envelope's four rates and four levels."""
        return (
            [int(named[f"{prefix}rate{k}"]) for k in range(1, 5)],
            [int(named[f"{prefix}level{k}"]) for k in range(1, 5)],
        )

    number = int(named["algorithm"])
    algorithm = ALGORITHMS[number - 1]
    audible = [active[f"op{i}.rate1"] for i in range(1, OPERATORS + 1)]
    operators = []
    for i in range(1, OPERATORS + 1):
        op = f"op{i}."
        mode = str(named[f"{op}mode"])
        detune = f"{op}{mode}_detune"
        level = int(named[f"{op}output_level"])
        operators.append(
            Operator(
                number=i,
                carrier=i - 1 in algorithm.carriers,
                audible=audible[i - 1],
                role=operator_role(algorithm, i - 1),
                eg=eg_svg(*stages(op), level, note) if audible[i - 1] else Markup(""),
                output_level=value("Output level", f"{op}output_level"),
                values=(
                    value("Mode", f"{op}mode"),
                    value("Frequency", f"{op}{mode}_coarse", frequency(named, op)),
                    value("Detune", detune, _signed(int(named[detune]))),
                    value("A mod sens", f"{op}amp_mod_sensitivity"),
                ),
                rates=tuple(value(f"R{k}", f"{op}rate{k}") for k in range(1, 5)),
                levels=tuple(value(f"L{k}", f"{op}level{k}") for k in range(1, 5)),
            )
        )
    pitch_eg = pitch_eg_svg(*stages("pitch_eg."), note) if active["pitch_eg.rate1"] else Markup("")
    return PatchView(
        algorithm=number,
        graph=algorithm_svg(number, audible),
        operators=tuple(operators),
        voice=(value("Algorithm", "algorithm"), value("Feedback", "feedback")),
        lfo=(
            value("Wave", "lfo.wave"),
            value("Speed", "lfo.speed"),
            value("Delay", "lfo.delay"),
            value("PMD", "lfo.pitch_depth"),
            value("AMD", "lfo.amp_depth"),
            value("Sync", "lfo.sync"),
            value("P mod sens", "lfo.pitch_sensitivity"),
        ),
        pitch_eg=pitch_eg,
        pitch_rates=tuple(value(f"R{k}", f"pitch_eg.rate{k}") for k in range(1, 5)),
        pitch_levels=tuple(value(f"L{k}", f"pitch_eg.level{k}") for k in range(1, 5)),
    )


def frequency(named: Mapping[str, int | float | str], op: str) -> str:
    """Write the frequency of the operator with the name prefix ``op`` as the panel shows it.

    >>> frequency({"op1.mode": "ratio", "op1.ratio_coarse": 0, "op1.ratio_fine": 50}, "op1.")
    '0.75'
    >>> frequency({"op1.mode": "fixed", "op1.fixed_coarse": 2, "op1.fixed_fine": 0}, "op1.")
    '100.0 Hz'
    """
    mode = named[f"{op}mode"]
    coarse, fine = float(named[f"{op}{mode}_coarse"]), float(named[f"{op}{mode}_fine"])
    if mode == "ratio":
        return f"{(coarse or 0.5) * (1 + fine / 100):.2f}"
    hertz = 10 ** (coarse + fine / 100)
    return f"{hertz:.{3 - int(coarse)}f} Hz"


def _signed(value: int) -> str:
    return f"+{value}" if value > 0 else str(value).replace("-", "−")
