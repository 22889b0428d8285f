"""A DX7 patch in musical units."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from unsynth.synths.base import Note
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import LEVEL_STEP_DB, LEVEL_STEPS, LEVELS, OP, RATES, WIDTH, Layout
from unsynth.tasks.note import describe_note, read_note


def describe(
    layout: Layout,
    patch: Float[np.ndarray, " parameters"],
    active: Bool[np.ndarray, " parameters"],
) -> dict[str, Any]:
    """Describe the audible part of a patch: Hz, ratios and dB, and the panel's own scales.

    An operator's level is in dB below the loudest possible. Envelope rates stay on the panel's
    scale of 0 to 99, where 99 is the fastest.
    """
    note = read_note(patch)
    carriers = ALGORITHMS[int(patch[layout.algorithm])].carriers
    operators = [
        {
            "operator": i + 1,
            "role": "carrier" if i in carriers else "modulator",
            **_describe_operator(operator, note),
        }
        for i, operator in enumerate(layout.operators(patch))
        if active[i * WIDTH + OP["rate1"]]
    ]
    named = layout.spec.named(patch).items()
    voice = {
        name: value
        for (name, value), audible in zip(named, active.tolist(), strict=True)
        if audible and not name.startswith(("op", "note."))
    }
    return {"note": describe_note(note), "operators": operators, **voice}


def _describe_operator(operator: Float[np.ndarray, " columns"], note: Note) -> dict[str, Any]:
    fixed = bool(operator[OP["mode"]])
    # A coarse ratio of 0 is a half.
    coarse = max(0.5, operator[OP["ratio_coarse"]])
    ratio = coarse * (1.0 + operator[OP["ratio_fine"]] / 100.0)
    if fixed:
        hz = 10.0 ** (operator[OP["fixed_coarse"]] + operator[OP["fixed_fine"]] / 100.0)
    else:
        hz = ratio * 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
    steps = int(LEVEL_STEPS[-1]) - int(LEVEL_STEPS[int(operator[OP["output_level"]])])
    return {
        "level_db": round(-LEVEL_STEP_DB * steps, 1),
        "frequency_hz": round(float(hz), 3),
        "ratio": None if fixed else round(float(ratio), 3),
        "detune": int(operator[OP["fixed_detune" if fixed else "ratio_detune"]]),
        "envelope_rates": operator[RATES].astype(int).tolist(),
        "envelope_levels": operator[LEVELS].astype(int).tolist(),
        "amp_mod_sensitivity": int(operator[OP["amp_mod_sensitivity"]]),
    }
