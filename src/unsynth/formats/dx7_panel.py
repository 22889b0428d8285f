"""A DX7 voice in the words and on the scales of the instrument's panel.

(Yamaha DX7 Operation Manual, "Voice data", 1983.)
"""

from typing import Any

from unsynth.formats.syx import Voice, transposition, voice_name

_CURVES = ("-LIN", "-EXP", "+EXP", "+LIN")
_WAVES = ("triangle", "saw down", "saw up", "square", "sine", "sample & hold")
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
#: Bytes of an operator in a voice.
_OPERATOR = 21
#: The break point 0 is A-1 on the panel, nine semitones above C-1.
_LOWEST_BREAK_POINT = 9


def describe_voice(voice: Voice) -> dict[str, Any]:
    """Describe all of a voice by name: numbers as on the panel, operators from 1 to 6."""
    v = [int(byte) for byte in voice]
    operators = [_operator(v[at : at + _OPERATOR]) for at in range(0, 126, _OPERATOR)]
    return {
        "name": voice_name(voice),
        "algorithm": v[134] + 1,
        "feedback": v[135],
        "oscillator_key_sync": bool(v[136]),
        "transpose": transposition(voice),
        "operators": [
            {"operator": number, **operator}
            for number, operator in enumerate(reversed(operators), start=1)
        ],
        "pitch_envelope": {"rates": v[126:130], "levels": v[130:134]},
        "lfo": {
            "wave": _WAVES[v[142]],
            "speed": v[137],
            "delay": v[138],
            "pitch_depth": v[139],
            "amp_depth": v[140],
            "key_sync": bool(v[141]),
            "pitch_sensitivity": v[143],
        },
    }


def _operator(v: list[int]) -> dict[str, Any]:
    fixed = v[17] == 1
    if fixed:
        frequency = {"hz": round(10.0 ** (v[18] % 4 + v[19] / 100.0), 3)}
    else:
        frequency = {"ratio": round((v[18] or 0.5) * (1.0 + v[19] / 100.0), 4)}
    break_point = v[8] + _LOWEST_BREAK_POINT
    return {
        "output_level": v[16],
        "mode": "fixed" if fixed else "ratio",
        **frequency,
        "coarse": v[18],
        "fine": v[19],
        "detune": v[20] - 7,
        "rates": v[:4],
        "levels": v[4:8],
        "break_point": f"{_NOTES[break_point % 12]}{break_point // 12 - 1}",
        "left_curve": _CURVES[v[11]],
        "left_depth": v[9],
        "right_curve": _CURVES[v[12]],
        "right_depth": v[10],
        "rate_scaling": v[13],
        "amp_mod_sensitivity": v[14],
        "velocity_sensitivity": v[15],
    }
