"""The Yamaha DX7, through Dexed's engine (``dexed-py``, GPL-3.0-or-later).

The engine is bit-exact: the same voice gives the same samples, fresh or used. It checks nothing
it is given, so this module does. Its note-off moves in steps of 64 samples.
"""

import numpy as np
from jaxtyping import Float32, UInt8

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.errors import EngineError, PatchError
from unsynth.formats.syx import VOICE_BYTES, check_voice
from unsynth.synths.base import Concurrency, Note


class DX7:
    """A DX7: a patch is a voice of 155 bytes (:mod:`unsynth.formats.syx`)."""

    sample_rate = SAMPLE_RATE
    channels = 1
    deterministic = True
    concurrency = Concurrency.THREADS

    def __init__(self) -> None:
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
        """Play one note of a voice. Raises :class:`PatchError` for what a DX7 cannot take."""
        if patch.shape != (VOICE_BYTES,):
            raise PatchError(f"a DX7 voice has {VOICE_BYTES} bytes, not {patch.size}")
        check_voice(patch)
        if not (0 <= note.pitch <= 127 and 0 <= note.velocity <= 127):
            raise PatchError(f"pitch {note.pitch}, velocity {note.velocity}: MIDI has 0 to 127")
        if not (seconds > 0 and note.duration > 0 and note.onset >= 0):
            raise PatchError(
                f"a note of {note.duration} s at {note.onset} s in {seconds} s cannot be played"
            )
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
