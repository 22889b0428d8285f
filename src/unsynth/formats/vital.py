"""Patches of Vital: JSON, as ``.vital`` files hold it, and the parts that a base patch is made of.

Under ``settings`` lie the value of each control by name, 64 modulation slots (source and
destination; how much is a control of its own), three wavetables, eight LFO shapes and the noise
sample. Waves and samples are base64, little-endian: a keyframe of a wavetable is 2,048 float32, a
sample is PCM of 16 bits. ``vital_controls.csv`` lists the 772 controls of Vital 1.0.6: range,
default, and whether a modulation may lead there.
"""

import base64
import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float

from unsynth.errors import PatchError

SLOTS = 64
WAVETABLES = 3
LFOS = 8
#: Samples of one frame of a wavetable.
FRAME = 2048
#: What modulates; ``random`` sources are left out, since no two notes would be the same.
SOURCES = (
    *(f"env_{n}" for n in range(1, 7)),
    *(f"lfo_{n}" for n in range(1, LFOS + 1)),
    *(f"macro_control_{n}" for n in range(1, 5)),
    *("aftertouch", "lift", "mod_wheel", "note", "note_in_octave", "pitch_wheel", "slide"),
    *("stereo", "velocity"),
)
_RANDOM_SOURCES = ("random", "random_1", "random_2", "random_3", "random_4")
#: The version to write: Vital refuses what is newer than itself.
_VERSION = "1.0.6"
_ASSETS = ("modulations", "wavetables", "lfos", "sample")
_TRIANGLE = {
    "name": "Triangle",
    "num_points": 3,
    "points": [0.0, 1.0, 0.5, 0.0, 1.0, 1.0],
    "powers": [0.0, 0.0, 0.0],
    "smooth": False,
}

#: Source and destination of a modulation.
Route = tuple[str, str]
#: Part of a patch as JSON has it.
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Control:
    """Lowest, highest and first value of a control, and whether it can be modulated."""

    low: float
    high: float
    default: float
    destination: bool


@dataclass(frozen=True)
class VitalPatch:
    """A patch: every control's value, its modulations by slot, and its waves, shapes and noise."""

    name: str
    controls: Mapping[str, float]
    #: At most 64; ``("", "")`` is a free slot.
    modulations: Sequence[Route]
    wavetables: Sequence[Json]
    lfos: Sequence[Json]
    sample: Json


@cache
def vital_controls() -> Mapping[str, Control]:
    """List Vital's controls by name."""
    text = files("unsynth.formats").joinpath("vital_controls.csv").read_text(encoding="utf-8")
    return {
        row["control"]: Control(
            float(row["low"]), float(row["high"]), float(row["default"]), row["destination"] == "1"
        )
        for row in csv.DictReader(text.splitlines())
    }


def check_controls(values: Mapping[str, Any]) -> dict[str, float]:
    """Round values to the engine's float32.

    Raises :class:`PatchError` for an unknown control, one out of its range, or no number.
    """
    known = vital_controls()
    rounded = {}
    for name, value in values.items():
        control = known.get(name)
        if control is None:
            near = get_close_matches(name, known, 1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise PatchError(f"Vital has no control {name!r}{hint}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PatchError(f"{name}: {value!r:.60} is not a number")
        # No control goes beyond thousands; whole numbers of JSON may be too large for a float.
        rounded[name] = float(np.float32(value)) if abs(value) < 1e9 else math.nan
        if not np.float32(control.low) <= rounded[name] <= np.float32(control.high):
            raise PatchError(
                f"{name} cannot be {value!r:.20}; Vital has {control.low:g} to {control.high:g}"
            )
    return rounded


def check_modulations(routes: Sequence[Route]) -> None:
    """Raise :class:`PatchError` for more than 64 modulations, or one that Vital has not.

    An unknown name crashes the engine.
    """
    if len(routes) > SLOTS:
        raise PatchError(f"{len(routes)} modulations are too many; Vital has {SLOTS}")
    controls = vital_controls()
    destinations = [name for name, control in controls.items() if control.destination]
    for slot, (source, destination) in enumerate(routes, start=1):
        if not source and not destination:
            continue
        for what, name, names in (
            ("source", source, (*SOURCES, *_RANDOM_SOURCES)),
            ("destination", destination, destinations),
        ):
            if name not in names:
                near = get_close_matches(name, names, 1)
                hint = f"; the nearest is {near[0]}" if near else ""
                raise PatchError(f"modulation {slot}: Vital has no {what} {name!r}{hint}")


# -- files ------------------------------------------------------------------------------------


def read_vital(data: bytes) -> VitalPatch:
    """Read a ``.vital`` file; a control that it lacks has its default, as in Vital.

    Raises :class:`PatchError`, one line, for what is no patch or one that Vital could not play.
    """
    try:
        patch = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PatchError(f"not a patch of Vital, which is JSON ({error})") from None
    if not isinstance(patch, dict) or not isinstance(patch.get("settings"), dict):
        raise PatchError("not a patch of Vital: it has no settings; save it from Vital again")
    settings = patch["settings"]
    numbers = {
        name: value
        for name, value in settings.items()
        if name not in _ASSETS and (name in vital_controls() or isinstance(value, int | float))
    }
    defaults = {name: control.default for name, control in vital_controls().items()}
    controls = check_controls(defaults | numbers)
    routes = [
        (_text(slot, "source"), _text(slot, "destination"))
        for slot in _parts(settings, "modulations")
    ]
    check_modulations(routes)
    wavetables, lfos = _parts(settings, "wavetables"), _parts(settings, "lfos")
    if len(wavetables) != WAVETABLES or len(lfos) != LFOS:
        raise PatchError(
            f"{len(wavetables)} wavetables and {len(lfos)} LFOs: Vital has {WAVETABLES} and {LFOS}"
        )
    for number, table in enumerate(wavetables, start=1):
        keyframes(table, f"wavetable {number}")
    for number, shape in enumerate(lfos, start=1):
        _check_lfo(shape, f"LFO {number}")
    sample = settings.get("sample")
    if not isinstance(sample, dict):
        raise PatchError("this patch has no sample; save it from Vital again")
    _check_sample(sample)
    return VitalPatch(str(patch.get("preset_name", "")), controls, routes, wavetables, lfos, sample)


def write_vital(patch: VitalPatch) -> bytes:
    """Write a patch as a ``.vital`` file. Raises :class:`PatchError` as reading it would."""
    check_modulations(patch.modulations)
    routes = [*patch.modulations, *[("", "")] * (SLOTS - len(patch.modulations))]
    data = {
        "author": "",
        "comments": "",
        **{f"macro{n}": f"MACRO {n}" for n in range(1, 5)},
        "preset_name": patch.name,
        "preset_style": "",
        "settings": {
            **check_controls(patch.controls),
            "modulations": [{"source": s, "destination": d} for s, d in routes],
            "wavetables": list(patch.wavetables),
            "lfos": list(patch.lfos),
            "sample": patch.sample,
        },
        "synth_version": _VERSION,
    }
    return json.dumps(data).encode()


def keyframes(table: Json, where: str) -> list[tuple[int, bytes]]:
    """List positions and waves of a wavetable's keyframes, those that are waves.

    Raises :class:`PatchError` for a table that the engine could not read.
    """
    found = []
    for group in _parts(table, "groups", where):
        for component in _parts(group, "components", where):
            for frame in _parts(component, "keyframes", where):
                position = frame.get("position")
                if not isinstance(position, int) or not 0 <= position <= 256:
                    _fail(where, f"position {position!r} of a keyframe is not one of 0 to 256")
                if "wave_data" not in frame:
                    continue  # other components, such as a folder, have none
                wave = _decoded(frame["wave_data"], where)
                if len(wave) != 4 * FRAME or not np.isfinite(np.frombuffer(wave, "<f4")).all():
                    _fail(where, f"a keyframe is not {FRAME} finite float32")
                found.append((position, wave))
    return found


def _check_lfo(shape: Json, where: str) -> None:
    count = shape.get("num_points")
    if not isinstance(count, int) or not 1 <= count <= 100:
        _fail(where, f"num_points {count!r} is not one of 1 to 100")
    for key, wanted in (("points", 2 * count), ("powers", count)):
        values = shape.get(key)
        if not isinstance(values, list) or len(values) < wanted:
            _fail(where, f"its {key} are not a list of {wanted}")
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
            _fail(where, f"its {key} are not all numbers")


def _check_sample(sample: Json) -> None:
    length, rate = sample.get("length"), sample.get("sample_rate")
    if not isinstance(length, int) or not isinstance(rate, int) or length < 1 or rate < 1:
        _fail("sample", "its length and sample_rate are not whole numbers above 0")
    for key in ("samples", "samples_stereo"):
        if key in sample and len(_decoded(sample[key], "sample")) != 2 * length:
            _fail("sample", f"{key} is not {length} values of 16 bits")


def _parts(data: Json, key: str, where: str = "this patch") -> list[dict[str, Any]]:
    parts = data.get(key)
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        _fail(where, f"{key} is missing or damaged; save it from Vital again")
    return list(parts)


def _text(data: Json, key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        _fail("modulations", f"{key} {value!r:.60} is not a name")
    return str(value)


def _decoded(text: Any, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        _fail(where, "its data is not base64")


def _fail(where: str, text: str) -> NoReturn:
    raise PatchError(f"{where}: {text}")


# -- the base patch ---------------------------------------------------------------------------


def base_patch(modulations: Iterable[Route] = ()) -> VitalPatch:
    """Make a patch of defaults with a wavetable to move through, and noise that stays the same.

    Vital's own first patch has one frame, so that no position in it is heard, and noise that each
    start makes anew. Raises :class:`PatchError` as :func:`check_modulations`.
    """
    routes = tuple(modulations)
    check_modulations(routes)
    controls = {name: control.default for name, control in vital_controls().items()}
    # At random phases, no two notes are the same.
    controls |= {f"osc_{n}_random_phase": 0.0 for n in range(1, 4)}
    table = wavetable("unsynth", basic_waves())
    return VitalPatch(
        "", controls, routes, [table] * WAVETABLES, [_TRIANGLE] * LFOS, noise_sample()
    )


def basic_waves() -> dict[int, Float[np.ndarray, "2048"]]:
    """Make waves by their frame in a table: sine, triangle, square, saw, and a pulse of 12 %.

    Sums of 1,023 harmonics, whose first begins as a sine does in all of them, so that what lies
    between two keyframes cancels nothing.
    """
    harmonics = np.arange(1, FRAME // 2)
    odd = harmonics % 2 == 1
    triangle = np.where(odd, (-1.0) ** (harmonics // 2) / harmonics**2, 0.0)
    pulse = np.sin(0.12 * np.pi * harmonics) / harmonics
    sines = {
        0: np.where(harmonics == 1, 1.0, 0.0),
        16: triangle,
        32: np.where(odd, 1.0 / harmonics, 0.0),
        48: 1.0 / harmonics,
    }
    coefficients = {frame: -1j * sine for frame, sine in sines.items()}
    # In the middle of its pulse, a quarter into the cycle, all cosines begin.
    coefficients[64] = pulse * (-1j) ** (harmonics % 4)
    waves = {}
    for frame, series in coefficients.items():
        wave = np.fft.irfft([0.0, *series, 0.0], FRAME)
        # To a grid far below what is heard: every machine's FFT then gives the same bits.
        waves[frame] = np.round(wave / np.abs(wave).max() * 2**20) / 2**20
    return waves


def wavetable(name: str, waves: Mapping[int, Float[np.ndarray, "2048"]]) -> dict[str, Any]:
    """Make a wavetable of keyframes by frame number, 0 to 256; in between they are blended."""
    frames = [
        {"position": frame, "wave_data": _encoded(wave.astype("<f4"))}
        for frame, wave in waves.items()
    ]
    source = {
        "interpolation": 1,
        "interpolation_style": 1,
        "keyframes": frames,
        "type": "Wave Source",
    }
    return {
        "author": "",
        "full_normalize": True,
        "groups": [{"components": [source]}],
        "name": name,
        "remove_all_dc": True,
        "version": _VERSION,
    }


def noise_sample() -> dict[str, Any]:
    """Make one second of white noise, the same always."""
    rng = np.random.Generator(np.random.PCG64(0))
    noise = np.round((2.0 * rng.random(44_100) - 1.0) * 32_767).astype("<i2")
    return {
        "length": len(noise),
        "name": "White Noise",
        "sample_rate": 44_100,
        "samples": _encoded(noise),
    }


def _encoded(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
