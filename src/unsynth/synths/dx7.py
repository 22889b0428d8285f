"""The Yamaha DX7, through Dexed's engine (``dexed-py``, GPL-3.0-or-later).

The engine is bit-exact: a voice gives the same samples on a new engine and on a used one. The
engine checks neither voices nor notes, so this module does. Note-offs fall on the edges of blocks.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.errors import EngineError, PatchError, TaskError
from unsynth.formats.syx import (
    VOICE_BYTES,
    VOICE_MAXIMA,
    check_voice,
    init_voice,
    rename_voice,
    write_bank,
)
from unsynth.synths.base import Concurrency, Note, check_note

#: Samples per block of the engine, which updates envelopes and LFO once per block.
BLOCK = 64
#: Names of an operator's bytes, in the order of a voice.
_OPERATOR_BYTES = (
    *("rate1", "rate2", "rate3", "rate4", "level1", "level2", "level3", "level4"),
    *("breakpoint", "left_depth", "right_depth", "left_curve", "right_curve", "rate_scaling"),
    *("amp_mod_sensitivity", "velocity_sensitivity", "output_level", "mode", "coarse", "fine"),
    "detune",
)
#: Names of the bytes after the six operators, in the order of a voice, up to the voice's name.
_COMMON_BYTES = (
    *(f"pitch_eg.rate{i}" for i in range(1, 5)),
    *(f"pitch_eg.level{i}" for i in range(1, 5)),
    *("algorithm", "feedback", "oscillator_sync", "lfo.speed", "lfo.delay", "lfo.pitch_depth"),
    *("lfo.amp_depth", "lfo.sync", "lfo.wave", "lfo.pitch_sensitivity", "transpose"),
)
#: The position in a voice of the byte that each control of a declared task sets. A voice starts
#: with operator 6.
_BYTES = {f"op{op}.{n}": (6 - op) * 21 + i for op in range(1, 7)
          for i, n in enumerate(_OPERATOR_BYTES)} | {
    name: 126 + i for i, name in enumerate(_COMMON_BYTES)
}  # fmt: skip


class DX7:
    """A DX7 whose patches are voices of 155 bytes (:mod:`unsynth.formats.syx`)."""

    channels = 1
    deterministic = True
    concurrency = Concurrency.THREADS

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        self.sample_rate = sample_rate
        try:
            import dexed
        except ImportError:
            raise EngineError(
                "the DX7 engine is not installed: pip install 'unsynth[dx7]'"
            ) from None
        self._patch_from_raw = dexed.Patch.from_raw
        self._engine = dexed.DexedSynth(sample_rate=float(self.sample_rate))

    def render(
        self, patch: UInt8[np.ndarray, " bytes"], note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "1 samples"]:
        """Play one note of a voice; raises :class:`PatchError` for an invalid voice or note."""
        if patch.shape != (VOICE_BYTES,):
            raise PatchError(f"a DX7 voice has {VOICE_BYTES} bytes, not {patch.size}")
        check_voice(patch)
        check_note(note, seconds)
        samples = round(seconds * self.sample_rate)
        audio = np.zeros((1, samples), dtype=np.float32)
        start = round(note.onset * self.sample_rate)
        if start < samples:
            self._engine.load_patch(self._patch_from_raw(patch))
            sound = self._engine.render(
                midi_note=note.pitch,
                velocity=note.velocity,
                note_duration=note.duration,
                render_duration=(samples - start + 0.5) / self.sample_rate,
            )
            audio[0, start:] = sound[: samples - start]
        return audio


class ControlledDX7(DX7):
    """A DX7 whose patches map names of bytes to values; other bytes are those of the init voice."""

    def render(  # type: ignore[override]
        self, patch: Mapping[str, float], note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "1 samples"]:
        """Play one note; raises :class:`PatchError` for an invalid patch or note."""
        return super().render(voice_of(patch, "UNSYNTH"), note, seconds)


def voice_of(patch: Mapping[str, float], name: str) -> UInt8[np.ndarray, "155"]:
    """Make a voice from values by name; raises :class:`PatchError` for an unknown name or value."""
    voice = init_voice(name)
    for control, value in patch.items():
        if control not in _BYTES:
            near = get_close_matches(control, _BYTES, 1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise PatchError(f"a DX7 has no {control!r}{hint}")
        if not (0 <= value <= 255 and value == int(value)):
            raise PatchError(f"{control}: {value} is not a whole number")
        voice[_BYTES[control]] = int(value)
    check_voice(voice)
    return voice


class DX7Engine:
    """The DX7 for declared tasks; its base patch is the init voice."""

    package = "dexed-py"
    sample_rate, channels = SAMPLE_RATE, DX7.channels
    identity = "dx7 init voice"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        if settings:
            raise TaskError(f"engine: {next(iter(settings))!r}: synth dx7 has no settings")

    @property
    def controls(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value of each byte."""
        return {name: (0.0, float(VOICE_MAXIMA[byte])) for name, byte in _BYTES.items()}

    def synth(self, sample_rate: int = SAMPLE_RATE) -> ControlledDX7:
        """Make an engine."""
        return ControlledDX7(sample_rate)

    def files(self, patch: Mapping[str, float], name: str) -> dict[str, bytes]:
        """Write a bank of voices (``.syx``) whose first voice is the patch."""
        return {".syx": write_bank([rename_voice(voice_of(patch, name), name.upper())])}
