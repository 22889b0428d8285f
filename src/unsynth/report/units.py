"""What raw values of Vital and Surge XT mean: seconds, hertz, semitones (st), as their panels show.

Task files hold what a host sets, such as 0.5 for an attack. Where this file knows how the engine
reads a control, reports show what a musician would set instead. Elsewhere they show the raw value.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from unsynth.report.values import value_text
from unsynth.synths.surge_xt import surge_controls
from unsynth.tasks.declared.declaration import ParameterDeclaration
from unsynth.tasks.declared.raw import raw_value
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.parameter import Categorical, Parameter
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class Scale:
    """How to read a parameter's value: ``number`` converts it to ``unit``."""

    number: Callable[[float], float]
    unit: str


def _same(value: float) -> float:
    return value


def _percent(value: float) -> float:
    return 100.0 * value


def _square(value: float) -> float:
    return value**2


def _fourth_power(value: float) -> float:
    return value**4


def _power_of_two(value: float) -> float:
    return 2.0**value


def _hertz(semitones_from_a4: float) -> float:
    return 440.0 * 2.0 ** (semitones_from_a4 / 12)


#: For a number whose unit is not known.
PLAIN = Scale(_same, "")

#: Vital's controls as regular expressions; the first match counts. The formulas are those of the
#: ``ValueScale`` that the engine names for each control; Vital itself shows rates as periods.
_VITAL = (
    (r"env_\d_(delay|attack|hold|decay|release)", Scale(_fourth_power, "s")),
    (r"(lfo_\d|chorus|flanger|phaser|delay|delay_aux)_frequency", Scale(_power_of_two, "Hz")),
    (r"reverb_decay_time|chorus_delay_\d", Scale(_power_of_two, "s")),
    (r"reverb_delay", Scale(_same, "s")),
    (r".*_cutoff|(flanger|phaser)_center", Scale(lambda pitch: _hertz(pitch - 69), "Hz")),
    (r"osc_\d_transpose", Scale(_same, "st")),
    (r"osc_\d_tune", Scale(_percent, "cents")),
    (r"osc_\d_unison_detune", Scale(_square, "%")),
    (r"(filter_\d|distortion)_drive|.*_gain", Scale(_same, "dB")),
    (r"(osc_\d|sample)_level", Scale(_square, "")),
)
#: Surge XT's continuous controls. The formulas start from the value in its patch files.
_SURGE_XT = (
    (
        r"a_.*_(attack|hold|decay|release)|fx_a1_delay_time|fx_a3_.*_(pre_delay|decay_time)",
        Scale(_power_of_two, "s"),
    ),
    (r".*_rate", Scale(_power_of_two, "Hz")),
    (r"a_filter_\d_cutoff|a_highpass|.*_(low|high)_cut", Scale(_hertz, "Hz")),
    (r"a_osc_\d_(pitch|sync)|.*_feg_mod_amount", Scale(_same, "st")),
    (r"a_vca_gain|fx_a\d_output_width|a_waveshaper_drive|a_fm_depth", Scale(_same, "dB")),
    (r"a_.*_volume", Scale(lambda v: 18.0 * math.log2(v) if v > 0 else -math.inf, "dB")),
    (r"a_osc_\d_unison_detune|fx_a2_modulation_depth", Scale(_percent, "cents")),
    (r".*", Scale(_percent, "%")),
)


def scales(task: Task) -> Mapping[str, Scale]:
    """Say how each number of a task reads, by the parameter's name.

    A unit in the spec comes first, then what is known of the engine. Without both, a value is shown
    as it is.
    """
    found = {
        p.name: Scale(_same, p.unit) for p in task.spec.parameters if not isinstance(p, Categorical)
    }
    engine_scale = None
    if isinstance(task, DeclaredTask):
        engine_scale = {"vital": _vital_scale, "surge-xt": _surge_scale}.get(task.declaration.synth)
    if not isinstance(task, DeclaredTask) or engine_scale is None:
        return found
    for parameter, declared in zip(task.spec.parameters, task.declaration.parameters, strict=True):
        if isinstance(parameter, Categorical) or parameter.unit or declared.control is None:
            continue
        scale = engine_scale(declared.control)
        if scale is not None:
            read = partial(_engine_number, parameter, declared, scale)
            found[parameter.name] = Scale(read, scale.unit)
    return found


def _engine_number(
    parameter: Parameter, declared: ParameterDeclaration, scale: Scale, value: float
) -> float:
    return scale.number(raw_value(parameter, declared, value))


def _first_match(rules: tuple[tuple[str, Scale], ...], control: str) -> Scale | None:
    return next((scale for rule, scale in rules if re.fullmatch(rule, control)), None)


def _vital_scale(control: str) -> Scale | None:
    return _first_match(_VITAL, control)


def _surge_scale(control: str) -> Scale | None:
    known, scale = surge_controls().get(control), _first_match(_SURGE_XT, control)
    if known is None or known.kind != "float" or scale is None:
        return None
    is_time = scale.unit == "s"

    def number(raw: float) -> float:
        if is_time and raw <= 0:
            return 0.0  # The lowest of Surge's times is no time at all.
        return scale.number(known.low + raw * (known.high - known.low))

    return Scale(number, scale.unit)


def quantity(number: float, unit: str) -> str:
    """Write a number with its unit, to three digits if it has one; no line breaks between them.

    >>> quantity(0.0125, "s").split(), quantity(1234.5, "Hz").split(), quantity(-7.0, "")
    (['12.5', 'ms'], ['1.23', 'kHz'], '−7')
    """
    if math.isinf(number):
        return f"{'−' if number < 0 else ''}∞\u00a0{unit}".strip()
    if unit == "s" and 0 < abs(number) < 1:
        number, unit = 1000 * number, "ms"
    elif unit == "Hz" and abs(number) >= 1000:
        number, unit = number / 1000, "kHz"
    if not unit:
        text = value_text(number + 0.0)
    elif abs(number) < 1:
        text = f"{round(number, 3 if unit == 'Hz' else 2) + 0.0:g}"
    elif abs(number) < 1000:
        text = f"{number:.3g}"
    else:
        text = f"{number:.0f}"
    return f"{text.replace('-', '−', 1)}\u00a0{unit}".strip()
