"""Vital's engine, through ``vita`` (GPL-3.0).

A patch is the raw value of each control to set, by name; what it leaves out is as the base patch
has it. The engine crashes on some of what it is given and keeps traces of every note it played,
so nothing unchecked reaches it, and each sound comes from an engine that played none: where the
system can copy a process (Linux), from a copy of one that has loaded the base patch, otherwise from
a new one. Both give the same bits; the copy is nearly twice as fast, and its crash costs one sound.

After values are set, many controls glide to them. A short note before the one that is kept lets
them arrive, as they have when someone plays a patch that was loaded a while ago.
"""

import hashlib
import mmap
import os
import signal
import sys
import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.errors import EngineError, PatchError, TaskError
from unsynth.formats.vital import (
    VitalPatch,
    base_patch,
    check_controls,
    keyframes,
    read_vital,
    vital_controls,
    write_vital,
)
from unsynth.synths.base import Concurrency, Note

#: The note before: an envelope that is open at once and closed at once, played for 0.02 of 0.5 s.
#: After 0.3 s, controls are within 4e-5 of where they go; after 0.5 s they are there (dev/log.md).
_WARM_UP = {
    "env_1_delay": 0.0,
    "env_1_attack": 0.0,
    "env_1_hold": 0.0,
    "env_1_decay": 0.0,
    "env_1_sustain": 1.0,
    "env_1_release": 0.0,
}
_WARM_UP_NOTE, _WARM_UP_SECONDS = 0.02, 0.5
#: More samples than a block of the engine has, which are thrown away.
_BLOCKS = 512
#: Seconds after which a copy that hangs ends itself.
_PATIENCE = 120

#: Controls that a task may not use as the engine would let it: what plays no two notes alike, what
#: is never reset or silent, and what a loaded engine does not hear of.
_KEPT_OUT = {
    **{f"osc_{n}_random_phase": (0.0, 0.0) for n in range(1, 4)},
    **{f"osc_{n}_destination": (0.0, 4.0) for n in range(1, 4)},
    "sample_destination": (0.0, 4.0),
    "sample_random_phase": (0.0, 0.0),
    "reverb_chorus_amount": (0.0, 0.0),
    "distortion_type": (0.0, 4.0),
    "oversampling": (1.0, 1.0),
}
#: Controls of Vital's window alone.
_UNHEARD = ("view_spectrogram", "osc_1_view_2d", "osc_2_view_2d", "osc_3_view_2d")


class Vital:
    """Vital with a base patch. Raises :class:`EngineError` where ``vita`` is not installed."""

    sample_rate = SAMPLE_RATE
    channels = 2
    deterministic = True
    concurrency = Concurrency.PROCESSES

    def __init__(self, base: VitalPatch | None = None) -> None:
        if find_spec("vita") is None:
            raise EngineError("Vital's engine is not installed: pip install 'unsynth[vital]'")
        self._base = base or base_patch()
        self._engine: Any = None
        self._shared: mmap.mmap | None = None

    def render(
        self, patch: Mapping[str, float], note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "2 samples"]:
        """Play one note of a patch.

        Raises :class:`PatchError` for an unknown control, a value out of its range or that is no
        number, and :class:`EngineError` where the engine crashes.
        """
        if not (0 <= note.pitch <= 127 and 0 <= note.velocity <= 127):
            raise PatchError(f"pitch {note.pitch}, velocity {note.velocity}: MIDI has 0 to 127")
        if not (seconds > 0 and note.duration > 0 and note.onset >= 0):
            raise PatchError(
                f"a note of {note.duration} s at {note.onset} s in {seconds} s cannot be played"
            )
        changed = check_controls(patch)
        samples = round(seconds * self.sample_rate)
        start = min(samples, round(note.onset * self.sample_rate))
        audio = np.zeros((2, samples), dtype=np.float32)
        if start < samples:
            play = self._play_in_copy if sys.platform == "linux" else self._play_anew
            audio[:, start:] = play(changed, note, samples - start)
        return audio

    def _play_anew(
        self, changed: Mapping[str, float], note: Note, samples: int
    ) -> Float32[np.ndarray, "2 samples"]:
        return self._play(_loaded(self._base), changed, note, samples)

    def _play_in_copy(
        self, changed: Mapping[str, float], note: Note, samples: int
    ) -> Float32[np.ndarray, "2 samples"]:
        """Play in a copy of this process; the sound comes back in memory that both share."""
        if self._engine is None:
            self._engine = _loaded(self._base)
        size = 2 * 4 * samples
        if self._shared is None or len(self._shared) < size:
            self._shared = mmap.mmap(-1, size)
        sound = np.frombuffer(self._shared, np.float32, 2 * samples).reshape(2, samples)
        with warnings.catch_warnings():
            # Python warns where a process has threads: the copy uses none of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(_PATIENCE)
                sound[:] = self._play(self._engine, changed, note, samples)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            how = f"with {signal.Signals(-code).name}" if code < 0 else "in Python"
            raise EngineError(f"Vital's engine ended {how} on this patch")
        return sound.copy()

    def _play(
        self, engine: Any, changed: Mapping[str, float], note: Note, samples: int
    ) -> Float32[np.ndarray, "2 samples"]:
        """Set a patch and play it, on an engine that has played nothing yet."""
        # Only raw values: normalised ones are wrong where the scale is exponential.
        controls = engine.get_controls()
        for name, value in changed.items():
            controls[name].set(value)
        velocity = note.velocity / 127
        for name, value in _WARM_UP.items():
            controls[name].set(value)
        engine.render(note.pitch, velocity, _WARM_UP_NOTE, _WARM_UP_SECONDS)
        for name in _WARM_UP:
            controls[name].set(changed.get(name, self._base.controls[name]))
        # Its last block, where it is not a full one, is not what a longer sound has there.
        seconds = (samples + _BLOCKS) / self.sample_rate
        audio = engine.render(note.pitch, velocity, note.duration, seconds)
        return np.asarray(audio[:, :samples], dtype=np.float32)


def _loaded(base: VitalPatch) -> Any:
    import vita

    engine = vita.Synth()
    engine.set_sample_rate(float(SAMPLE_RATE))
    if not engine.load_json(write_vital(base).decode()):
        raise EngineError("Vital's engine refuses the base patch")
    return engine


class VitalEngine:
    """Vital for declared tasks; ``modulations`` lists ``source>destination``, a slot each."""

    package = "vita"
    sample_rate, channels = Vital.sample_rate, Vital.channels

    def __init__(self, settings: Mapping[str, Any]) -> None:
        listed = settings.get("modulations", [])
        unknown = [key for key in settings if key != "modulations"]
        if unknown:
            raise TaskError(f"engine: {unknown[0]!r} is not known; synth vital has modulations")
        if not isinstance(listed, list) or not all(str(each).count(">") == 1 for each in listed):
            raise TaskError("engine: modulations is not a list of source>destination")
        routes = [(source, end) for source, end in (str(each).split(">") for each in listed)]
        for source, destination in routes:
            if source.startswith("random"):
                raise TaskError(f"engine: modulations: {source} makes no two notes alike")
            if _KEPT_OUT.get(destination) is not None:
                raise TaskError(f"engine: modulations: {destination} must stay as it is")
        try:
            self.base = base_patch(routes)
        except PatchError as error:
            raise TaskError(f"engine: {error}") from None

    @property
    def identity(self) -> str:
        """Fingerprint of the base patch."""
        return "vital " + hashlib.sha256(write_vital(self.base)).hexdigest()[:16]

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest raw value of each control, of those that a task may use."""
        return {
            name: _KEPT_OUT.get(name, (control.low, control.high))
            for name, control in vital_controls().items()
        }

    def synth(self) -> Vital:
        """Make an engine."""
        return Vital(self.base)

    def files(self, patch: Mapping[str, float], name: str) -> dict[str, bytes]:
        """Make a ``.vital`` file of a patch, its wavetable and noise inside."""
        controls = {**self.base.controls, **check_controls(patch)}
        return {".vital": write_vital(replace(self.base, name=name, controls=controls))}

    def read(self, data: bytes, names: Collection[str]) -> dict[str, float]:
        """Read the values of ``names`` from a ``.vital`` file that is the base patch otherwise.

        Raises :class:`PatchError` that names what is not as in the base patch.
        """
        patch = read_vital(data)
        base = self.base
        free = ("", "")
        slots = [[*routes, *[free] * 64][:64] for routes in (patch.modulations, base.modulations)]
        for slot, (found, wanted) in enumerate(zip(*slots, strict=True), start=1):
            if found != wanted:
                raise PatchError(
                    f"modulation {slot} is {_route(found)} in this patch, not {_route(wanted)}"
                )
        for number, (table, own) in enumerate(
            zip(patch.wavetables, base.wavetables, strict=True), start=1
        ):
            if keyframes(table, "wavetable") != keyframes(own, "wavetable"):
                raise PatchError(f"oscillator {number} has another wavetable than this task's")
        for number, (shape, own) in enumerate(zip(patch.lfos, base.lfos, strict=True), start=1):
            if any(shape.get(key) != own[key] for key in ("points", "powers", "smooth")):
                raise PatchError(f"LFO {number} has another shape than this task's triangle")
        if any(patch.sample.get(key) != base.sample[key] for key in ("samples", "sample_rate")):
            raise PatchError("the sample is another one than this task's noise")
        for name, value in base.controls.items():
            heard = name not in names and name not in _UNHEARD
            if heard and abs(patch.controls[name] - value) > 1e-5 * max(1.0, abs(value)):
                raise PatchError(
                    f"{name} is {patch.controls[name]:g} in this patch; in this task it is "
                    f"always {value:g}"
                )
        return {name: patch.controls[name] for name in names}


def _route(route: tuple[str, str]) -> str:
    return ">".join(route) if any(route) else "free"
