"""The note of a target sound: onset, end and pitch, estimated before any patch is tried."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import estimate_pitch
from unsynth.audio.sampler_data import DeclaredNote
from unsynth.conventions import SECONDS
from unsynth.index.draw_index import INDEX_DURATION
from unsynth.tasks.locks import Locks
from unsynth.tasks.parameter import Continuous, Integer
from unsynth.tasks.task import Task

#: The lowest and the highest pitch that are heard: 20 Hz and 12.5 kHz.
LOWEST, HIGHEST = 15, 127
#: The highest pitch that is a note: C8, the last key of a piano.
HIGHEST_NOTE = 108
#: A pitch agrees with a note, or an octave of it, if it is nearer than this, in semitones.
_NEAR = 0.8
#: The shortest duration to propose, in seconds.
SHORTEST = 0.05


@dataclass(frozen=True)
class NoteEstimate:
    """An estimated note: ``onset`` and ``end`` in seconds, and all possible MIDI ``pitches``.

    ``end`` counts from the onset. ``duration`` is the locked duration, if the user locks it.
    ``remark`` says so if the sound's pitch lies outside of the task's keys, or is not the note
    that its file declares.
    """

    onset: float
    end: float
    pitches: Int[np.ndarray, " pitches"]
    duration: float | None = None
    remark: str = ""

    @property
    def fixed_values(self) -> dict[str, float]:
        """The values to fix in posterior samples: the onset, and the pitch if it is clear."""
        pitch = {"note.pitch": float(self.pitches[0])} if len(self.pitches) == 1 else {}
        return {"note.onset": self.onset} | pitch

    @property
    def durations(self) -> list[float]:
        """The possible durations: released where the sound ends, or held while it fades out."""
        if self.duration is not None:
            return [self.duration]
        return [self.end, INDEX_DURATION] if self.onset + self.end < SECONDS else [INDEX_DURATION]


def pitches(task: Task) -> range:
    """Return the range of pitches that a task has."""
    pitch = task.spec.parameters[task.spec.position["note.pitch"]]
    if not isinstance(pitch, Integer):
        raise TypeError(f"the pitch of task {task.name} is not an integer parameter")
    return range(pitch.low, pitch.high + 1)


def estimate_note(
    audio: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
    task: Task,
    locks: Locks | None = None,
    declared: DeclaredNote | None = None,
) -> NoteEstimate:
    """Estimate the note of a sound; locked values are not estimated.

    The pitch is that of the sound, in the octave of the ``declared`` note (:func:`likely_pitches`).
    A pitch outside of the task's keys becomes the nearest octave of it within them. Without a clear
    pitch, all keys are possible. An onset later than the task allows, such as that of a slow
    fade-in, becomes the latest that it allows.
    """
    locked = {} if locks is None else locks.values
    onset = locked.get("note.onset", round(first_onset(audio, sample_rate), 3))
    end = max(SHORTEST, round(note_end(audio, sample_rate, onset), 3))
    keys, remark = np.array(pitches(task)), ""
    if "note.pitch" in locked:
        keys = np.array([round(locked["note.pitch"])])
    else:
        heard = estimate_pitch(audio, sample_rate, onset, LOWEST, HIGHEST)
        likely, remark = likely_pitches(heard, declared)
        keys, more = _nearest_octaves(likely, keys)
        remark = "; ".join(filter(None, (remark, more)))
    onsets = task.spec.parameters[task.spec.position["note.onset"]]
    if isinstance(onsets, Continuous):
        onset = float(onsets.quantise(np.array([onset]))[0])
    return NoteEstimate(onset, end, keys, locked.get("note.duration"), remark)


def likely_pitches(
    heard: float | None, declared: DeclaredNote | None
) -> tuple[tuple[int, ...], str]:
    """Return the MIDI pitches that a sound may have, none if it may have any, and a remark.

    A declared note counts where the sound does not contradict it: if its pitch is that of the sound
    or an octave of it, or if the sound has no clear pitch. A pitch beyond a piano's, as of a
    whistling filter, is none.
    """
    pitch = None if heard is None else round(heard)
    if declared is None:
        return (() if pitch is None or pitch > HIGHEST_NOTE else (pitch,)), ""
    if pitch is None or heard is None:
        return declared.pitches, f"no clear pitch: taken for {declared.words}"
    if pitch in declared.pitches:
        return (pitch,), ""
    octaves = [p for p in declared.pitches if abs((heard - p + 6) % 12 - 6) < _NEAR]
    if octaves:
        nearest = min(octaves, key=lambda p: abs(p - pitch))
        return (nearest,), f"sounds like note {pitch}: taken for {declared.words}"
    if pitch > HIGHEST_NOTE:
        return (), ""
    return (pitch,), f"sounds like note {pitch}, so it is not taken for {declared.words}"


def _nearest_octaves(
    likely: Sequence[int], keys: Int[np.ndarray, " all_keys"]
) -> tuple[Int[np.ndarray, " keys"], str]:
    """Find the keys that play the likely pitches, or else the nearest octave of the first.

    All keys are possible without a likely pitch, and where a synthesizer has no octave of it. Also
    returns a remark for an octave.
    """
    within = [pitch for pitch in likely if pitch in keys]
    if within:
        return np.array(within), ""
    octaves = keys[(keys - likely[0]) % 12 == 0] if likely else keys[:0]
    if not octaves.size:
        return keys, ""
    pitch, key = likely[0], int(octaves[np.abs(octaves - likely[0]).argmin()])
    limit = f"below the lowest ({keys[0]})" if key > pitch else f"above the highest ({keys[-1]})"
    return np.array([key]), (
        f"the pitch is that of MIDI note {pitch}, {limit} on which this synthesizer is matched: "
        f"matched on note {key}"
    )
