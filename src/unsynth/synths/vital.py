"""Vital's engine, through ``vita`` (GPL-3.0).

A patch maps control names to raw values. Controls that a patch omits keep their values from the
base patch. A whole ``.vital`` file is played too, with all that it holds.

The engine crashes on some invalid values, so every value is checked first. It also keeps traces of
every note it played, so each sound comes from an engine that has played none. On Linux that is a
forked copy of a process whose engine has loaded the base patch; elsewhere it is a new engine. Both
give the same bits. The copy is nearly twice as fast, and if it crashes, only one sound is lost.

After values are set, many controls glide to them. A short warm-up note, which is thrown away, gives
them time to arrive. The sound is then the one that a player hears from a patch loaded a while ago.
"""

import hashlib
import mmap
import os
import signal
import sys
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.errors import EngineError, PatchError, TaskError
from unsynth.formats.vital import (
    VitalPatch,
    base_patch,
    check_controls,
    read_vital,
    vital_controls,
    write_vital,
)
from unsynth.synths.base import Concurrency, Note, check_note
from unsynth.synths.vital_audibility import audible_differences, in_slots_of, unheard_controls

#: Controls during the warm-up note: an envelope whose delay of 3.8 s is longer, so that nothing of
#: the note is left, not even in the delay before a reverb.
_WARM_UP = {
    "env_1_delay": 1.4,
    "env_1_attack": 0.0,
    "env_1_hold": 0.0,
    "env_1_decay": 0.0,
    "env_1_sustain": 1.0,
    "env_1_release": 0.0,
}
#: Duration of the warm-up note in seconds.
_WARM_UP_NOTE = 0.02
#: Length of the warm-up in seconds. After 0.3 s controls are within 4e-5 of their targets. After
#: 0.5 s they have arrived: the sound is exactly that after a warm-up of 2 s (dev/log.md).
_WARM_UP_SECONDS = 0.5
#: Number of extra samples rendered at the end and thrown away: the engine fades out the last 200.
_EXTRA_SAMPLES = 512
#: Seconds after which a copy that hangs ends itself.
_TIMEOUT_SECONDS = 120

#: Ranges of controls that tasks may use only in part or not at all. Excluded values make every note
#: sound different, are never reset, are silent, or do not reach an engine that is already loaded.
_RESTRICTED = {
    **{f"osc_{n}_random_phase": (0.0, 0.0) for n in range(1, 4)},
    **{f"osc_{n}_destination": (0.0, 4.0) for n in range(1, 4)},
    "sample_destination": (0.0, 4.0),
    "sample_random_phase": (0.0, 0.0),
    "reverb_chorus_amount": (0.0, 0.0),
    "distortion_type": (0.0, 4.0),
    "oversampling": (1.0, 1.0),
}


class Vital:
    """Vital with a base patch; raises :class:`EngineError` if ``vita`` is not installed."""

    channels = 2
    deterministic = True
    concurrency = Concurrency.PROCESSES

    def __init__(self, base: VitalPatch | None = None, sample_rate: int = SAMPLE_RATE) -> None:
        if find_spec("vita") is None:
            raise EngineError("Vital's engine is not installed: pip install 'unsynth[vital]'")
        self.sample_rate = sample_rate
        self._base = base or base_patch()
        self._engine: Any = None
        self._shared: mmap.mmap | None = None

    def render(
        self, patch: Mapping[str, float] | bytes, note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "2 samples"]:
        """Play one note of a patch, or of the content of a ``.vital`` file.

        Two renders of a file may differ: its phases or its noise may be random. Raises
        :class:`PatchError` for an unknown control, a value outside its range (NaN included) or a
        file that Vital cannot play, and :class:`EngineError` if the engine crashes.
        """
        check_note(note, seconds)
        file = patch if isinstance(patch, bytes) else None
        if isinstance(patch, bytes):
            values = read_vital(patch).controls
            controls = {name: values[name] for name in _WARM_UP}
        else:
            controls = check_controls(patch)
        samples = round(seconds * self.sample_rate)
        start = min(samples, round(note.onset * self.sample_rate))
        audio = np.zeros((2, samples), dtype=np.float32)
        if start < samples:
            play = self._play_in_copy if sys.platform == "linux" else self._play_on_new
            audio[:, start:] = play(file, controls, note, samples - start)
        return audio

    def _play_on_new(
        self, file: bytes | None, controls: Mapping[str, float], note: Note, samples: int
    ) -> Float32[np.ndarray, "2 samples"]:
        engine = _load_engine(write_vital(self._base) if file is None else file, self.sample_rate)
        return self._play(engine, controls, note, samples)

    def _play_in_copy(
        self, file: bytes | None, controls: Mapping[str, float], note: Note, samples: int
    ) -> Float32[np.ndarray, "2 samples"]:
        """Play in a forked copy of this process, which returns the sound in shared memory."""
        if self._engine is None:
            self._engine = _load_engine(write_vital(self._base), self.sample_rate)
        size = 2 * 4 * samples
        if self._shared is None or len(self._shared) < size:
            self._shared = mmap.mmap(-1, size)
        sound = np.frombuffer(self._shared, np.float32, 2 * samples).reshape(2, samples)
        with warnings.catch_warnings():
            # Python warns about forking a process with threads. The copy needs none of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                _close_files()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(_TIMEOUT_SECONDS)
                engine = self._engine
                if file is not None:
                    engine = _load_engine(file, self.sample_rate)
                sound[:] = self._play(engine, controls, note, samples)
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
        self, engine: Any, values: Mapping[str, float], note: Note, samples: int
    ) -> Float32[np.ndarray, "2 samples"]:
        """Set a patch and play a note on an engine that has played nothing yet."""
        # Raw values only: vita's normalised values are wrong for exponential scales.
        controls = engine.get_controls()
        for name, value in values.items():
            controls[name].set(value)
        velocity = note.velocity / 127
        for name, value in _WARM_UP.items():
            controls[name].set(value)
        engine.render(note.pitch, velocity, _WARM_UP_NOTE, _WARM_UP_SECONDS)
        for name in _WARM_UP:
            controls[name].set(values.get(name, self._base.controls[name]))
        seconds = (samples + _EXTRA_SAMPLES) / self.sample_rate
        audio = engine.render(note.pitch, velocity, note.duration, seconds)
        return np.asarray(audio[:, :samples], dtype=np.float32)


def _close_files() -> None:
    """Close all files but the standard ones, in a copy of a worker process.

    The worker's pipe is among them. If the worker is killed, its parent must see the end of that
    pipe at once, even if the copy goes on.
    """
    for file in list(Path("/proc/self/fd").iterdir()):
        if int(file.name) > 2:
            with suppress(OSError):  # the listing itself is closed already
                os.close(int(file.name))


def _load_engine(file: bytes, sample_rate: int) -> Any:
    import vita

    engine = vita.Synth()
    engine.set_sample_rate(float(sample_rate))
    if not engine.load_json(file.decode()):
        raise EngineError("Vital's engine refuses this patch")
    return engine


class VitalEngine:
    """Vital for declared tasks; ``modulations`` lists ``source>destination``, one per slot."""

    package = "vita"
    sample_rate, channels = SAMPLE_RATE, Vital.channels

    def __init__(self, settings: Mapping[str, Any]) -> None:
        modulations = settings.get("modulations", [])
        unknown = [key for key in settings if key != "modulations"]
        if unknown:
            raise TaskError(f"engine: {unknown[0]!r} is not known; the only setting is modulations")
        if not isinstance(modulations, list) or any(
            str(each).count(">") != 1 for each in modulations
        ):
            raise TaskError("engine: modulations is not a list of source>destination")
        routes = [(source, end) for source, end in (str(m).split(">") for m in modulations)]
        for source, destination in routes:
            if source.startswith("random"):
                raise TaskError(f"engine: modulations: {source} makes every note different")
            if _RESTRICTED.get(destination) is not None:
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
        """Lowest and highest raw value of each control that a task may use."""
        return {
            name: _RESTRICTED.get(name, (control.low, control.high))
            for name, control in vital_controls().items()
        }

    def synth(self, sample_rate: int = SAMPLE_RATE) -> Vital:
        """Make an engine."""
        return Vital(self.base, sample_rate)

    def files(self, patch: Mapping[str, float], name: str) -> dict[str, bytes]:
        """Write a patch as a ``.vital`` file, which includes the wavetable and the noise."""
        controls = {**self.base.controls, **check_controls(patch)}
        return {".vital": write_vital(replace(self.base, name=name, controls=controls))}

    def read(
        self, data: bytes, names: Collection[str]
    ) -> tuple[dict[str, float], Collection[str], list[str]]:
        """Read the values of ``names`` from a ``.vital`` file.

        A modulation of the base patch is found in any slot; one that the file lacks has amount 0.
        Also returns the names of the controls that change nothing in this patch, and what else
        differs from the base patch and can be heard. Raises :class:`PatchError` for a file that
        Vital cannot play.
        """
        patch = in_slots_of(self.base, read_vital(data))
        unheard = unheard_controls(patch.controls, patch.modulations)
        differences = list(audible_differences(patch, self.base, names, unheard))
        return {name: patch.controls[name] for name in names}, unheard, differences
