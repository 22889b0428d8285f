"""Patches of Vital (``.vital`` files, which are JSON), and the parts of a base patch.

``settings`` holds the value of each control by name, 64 modulation slots (source and destination;
the amount is a control of its own), three wavetables, eight LFO shapes and the noise sample. Waves
and samples are little-endian, in base64: a keyframe of a wavetable is 2,048 float32 numbers, a
sample is 16-bit PCM. ``vital_controls.csv`` lists the 772 controls of Vital 1.0.6 with their range,
default, and whether they can be modulated.
"""

import base64
import csv
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float

from unsynth.documents import DocumentError, parse_json, shown
from unsynth.errors import PatchError

#: Modulation slots.
SLOTS = 64
#: Wavetables of a patch, one per oscillator.
WAVETABLES = 3
#: LFOs of a patch.
LFOS = 8
#: Samples of one frame of a wavetable.
FRAME = 2048
#: Modulation sources, without the random ones, which make every note different.
SOURCES = (
    *(f"env_{n}" for n in range(1, 7)),
    *(f"lfo_{n}" for n in range(1, LFOS + 1)),
    *(f"macro_control_{n}" for n in range(1, 5)),
    *("aftertouch", "lift", "mod_wheel", "note", "note_in_octave", "pitch_wheel", "slide"),
    *("stereo", "velocity"),
)
_RANDOM_SOURCES = ("random", "random_1", "random_2", "random_3", "random_4")
#: The version in files that are written. Vital refuses a file newer than itself.
_VERSION = "1.0.6"
#: The entries of ``settings`` that are no controls.
_ASSETS = ("modulations", "wavetables", "lfos", "sample")
#: The entries of a file that do not change its sound, and ``settings``.
_TEXTS = (
    *("author", "comments", "macro1", "macro2", "macro3", "macro4", "preset_name", "preset_style"),
    *("synth_version", "settings"),
)
#: The entries of a modulation slot that are read, and the one of its remap curve.
_ROUTE, _MAPPING = ("source", "destination"), "line_mapping"
#: Vital changes settings of patches from earlier versions when it loads them.
_FIRST_UNCONVERTED = (0, 8, 1)
#: In patches from versions before this one, Vital changes filters of the model that is diode.
_FIRST_DIODE, _DIODE = (0, 9, 0), 4
#: The shape of an LFO in a base patch.
_TRIANGLE = {
    "name": "Triangle",
    "num_points": 3,
    "points": [0.0, 1.0, 0.5, 0.0, 1.0, 1.0],
    "powers": [0.0, 0.0, 0.0],
    "smooth": False,
}

#: Source and destination of a modulation.
Route = tuple[str, str]
#: An object of a patch's JSON.
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Control:
    """Lowest, highest and default value of a control, and whether it can be modulated."""

    low: float
    high: float
    default: float
    destination: bool


@dataclass(frozen=True)
class VitalPatch:
    """A patch: values of all controls, modulations by slot, wavetables, LFO shapes and sample."""

    name: str
    controls: Mapping[str, float]
    #: At most 64; ``("", "")`` is an empty slot.
    modulations: Sequence[Route]
    wavetables: Sequence[Json]
    lfos: Sequence[Json]
    sample: Json
    #: What else a file holds and is not kept here, by its place in the file.
    others: Sequence[str] = ()


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

    Raises :class:`PatchError` for an unknown control, or a value that is no number or out of range.
    """
    controls = vital_controls()
    rounded = {}
    for name, value in values.items():
        control = controls.get(name)
        if control is None:
            hint = _nearest(name, controls)
            raise PatchError(f"Vital has no control {name!r}{hint}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PatchError(f"{name}: {value!r:.60} is not a number")
        # Controls stay within thousands, but a whole number in JSON may be too large for a float.
        rounded[name] = float(np.float32(value)) if abs(value) < 1e9 else math.nan
        if not np.float32(control.low) <= rounded[name] <= np.float32(control.high):
            raise PatchError(
                f"{name} cannot be {value!r:.20}; Vital has {control.low:g} to {control.high:g}"
            )
    return rounded


def check_modulations(routes: Sequence[Route]) -> None:
    """Raise :class:`PatchError` for more than 64 modulations, or an unknown source or destination.

    An unknown name crashes the engine.
    """
    if len(routes) > SLOTS:
        raise PatchError(f"{len(routes)} modulations are too many; Vital has {SLOTS}")
    controls = vital_controls()
    destinations = [name for name, control in controls.items() if control.destination]
    for slot, (source, destination) in enumerate(routes, start=1):
        if not source and not destination:
            continue
        for end, name, names in (
            ("source", source, (*SOURCES, *_RANDOM_SOURCES)),
            ("destination", destination, destinations),
        ):
            if name not in names:
                hint = _nearest(name, names)
                raise PatchError(f"modulation {slot}: Vital has no {end} {name!r}{hint}")


def _nearest(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), 1)
    return f" (the nearest is {near[0]})" if near else ""


# -- files ------------------------------------------------------------------------------------


def read_vital(data: bytes) -> VitalPatch:
    """Read a ``.vital`` file. Controls that it lacks get their defaults, as in Vital.

    Raises :class:`PatchError`, in one line, for a file that is no patch, that Vital cannot play, or
    that is so old that Vital converts it.
    """
    try:
        patch = parse_json(data, finite=False)
    except DocumentError as error:
        raise PatchError(f"not a patch of Vital, which is JSON ({error})") from None
    if not isinstance(patch, dict) or not isinstance(patch.get("settings"), dict):
        raise PatchError("not a patch of Vital: it has no settings; save it from Vital again")
    version = _read_version(patch.get("synth_version"))
    settings = patch["settings"]
    numbers = {name: value for name, value in settings.items() if name in vital_controls()}
    defaults = {name: control.default for name, control in vital_controls().items()}
    controls = check_controls(defaults | numbers)
    slots = _parts(settings, "modulations")
    routes = [(_text(slot, "source"), _text(slot, "destination")) for slot in slots]
    check_modulations(routes)
    if version < _FIRST_DIODE:
        controls |= _converted_diodes(controls, routes)
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
    others = [shown(key) for key in patch if key not in _TEXTS]
    others += [
        f"{shown(key)}{_nearest(key, controls)}"
        for key in settings
        if key not in _ASSETS and key not in controls
    ]
    others += [
        f"the {shown(key)} of modulation {number}"
        for number, (slot, route) in enumerate(zip(slots, routes, strict=True), start=1)
        for key, value in slot.items()
        if any(route) and key not in _ROUTE and not (key == _MAPPING and _is_line(value))
    ]
    return VitalPatch(
        name=str(patch.get("preset_name", "")),
        controls=controls,
        modulations=routes,
        wavetables=wavetables,
        lfos=lfos,
        sample=sample,
        others=others,
    )


def write_vital(patch: VitalPatch) -> bytes:
    """Write a patch as a ``.vital`` file.

    Raises :class:`PatchError` as :func:`check_controls` and :func:`check_modulations` do.
    """
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
    """List the positions (0 to 256) and waves of a wavetable's keyframes, if they are waves.

    A wave is 2,048 little-endian float32 numbers. Raises :class:`PatchError`, which begins with
    ``where``, for a table that the engine cannot read.
    """
    waves = []
    for group in _parts(table, "groups", where):
        for component in _parts(group, "components", where):
            for frame in _parts(component, "keyframes", where):
                position = frame.get("position")
                if not isinstance(position, int) or not 0 <= position <= 256:
                    _fail(where, f"position {position!r} of a keyframe is not one of 0 to 256")
                if "wave_data" not in frame:
                    continue  # components of other kinds, such as a folder, have none
                wave = _decoded(frame["wave_data"], where)
                if len(wave) != 4 * FRAME or not np.isfinite(np.frombuffer(wave, "<f4")).all():
                    _fail(where, f"a keyframe is not {FRAME} finite float32")
                waves.append((position, wave))
    return waves


def _read_version(version: Any) -> tuple[int, ...]:
    """Refuse a patch without a version, which Vital refuses, or one that Vital converts much."""
    if not isinstance(version, str) or not re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,3}", version):
        _fail("this patch", f"its synth_version is {shown(version)}; save it from Vital again")
    numbers = tuple(int(part) for part in version.split("."))
    if numbers < _FIRST_UNCONVERTED:
        _fail("this patch", f"it is from Vital {version}; open it in Vital 1.0 and save it again")
    return numbers


def _converted_diodes(controls: Mapping[str, float], routes: Sequence[Route]) -> dict[str, float]:
    """Return the controls that Vital changes in diode filters of its early versions."""
    changed: dict[str, float] = {}
    for part in ("filter_1", "filter_2"):
        if round(controls[f"{part}_model"]) == _DIODE:
            changed |= {f"{part}_blend": 0.0, f"{part}_style": 0.0}
            changed |= {
                f"modulation_{slot}_amount": 0.0
                for slot, (_, destination) in enumerate(routes, start=1)
                if destination == f"{part}_blend"
            }
    return changed


def _is_line(mapping: Any) -> bool:
    """Say whether a modulation's mapping changes nothing; Vital leaves such a mapping out."""
    return (
        isinstance(mapping, dict)
        and mapping.get("points") == [0.0, 1.0, 1.0, 0.0]
        and mapping.get("powers") == [0.0, 0.0]
        and not mapping.get("smooth")
    )


def _check_lfo(shape: Json, where: str) -> None:
    count = shape.get("num_points")
    if not isinstance(count, int) or not 1 <= count <= 100:
        _fail(where, f"num_points {count!r} is not one of 1 to 100")
    for key, length in (("points", 2 * count), ("powers", count)):
        values = shape.get(key)
        if not isinstance(values, list) or len(values) < length:
            _fail(where, f"its {key} are not a list of {length}")
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
    """Make a patch of default values, with a wavetable of several frames and constant noise.

    The wavetable of Vital's own init patch has one frame, so its position would be inaudible, and
    its noise is new at each start of Vital. Raises :class:`PatchError` as
    :func:`check_modulations` does.
    """
    routes = tuple(modulations)
    check_modulations(routes)
    controls = {name: control.default for name, control in vital_controls().items()}
    # With random phases, no two notes are the same.
    controls |= {f"osc_{n}_random_phase": 0.0 for n in range(1, 4)}
    table = wavetable("unsynth", basic_waves())
    return VitalPatch(
        "", controls, routes, [table] * WAVETABLES, [_TRIANGLE] * LFOS, noise_sample()
    )


def basic_waves() -> dict[int, Float[np.ndarray, "2048"]]:
    """Make waves by their frame in a wavetable: sine, triangle, square, saw, and a 12 % pulse.

    Each is a sum of 1,023 harmonics with a peak of 1. Their fundamentals are all in sine phase, so
    a blend of two keyframes cancels no fundamental.
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
    # All cosines start in the middle of the pulse, a quarter into the cycle.
    coefficients[64] = pulse * (-1j) ** (harmonics % 4)
    waves = {}
    for frame, series in coefficients.items():
        wave = np.fft.irfft([0.0, *series, 0.0], FRAME)
        # Round to steps far below audibility, so that every machine's FFT gives the same bits.
        waves[frame] = np.round(wave / np.abs(wave).max() * 2**20) / 2**20
    return waves


def wavetable(name: str, waves: Mapping[int, Float[np.ndarray, "2048"]]) -> dict[str, Any]:
    """Make a wavetable of waves by frame number, 0 to 256. The frames in between are blends."""
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
    """Make one second of white noise at 44,100 Hz, always the same."""
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
