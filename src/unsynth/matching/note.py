"""The note of a target sound: onset, end and pitch, estimated before any patch is tried."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import estimate_pitch
from unsynth.conventions import SECONDS
from unsynth.index.draw_index import INDEX_DURATION
from unsynth.tasks.locks import Locks
from unsynth.tasks.parameter import Continuous, Integer
from unsynth.tasks.task import Task

#: The lowest and the highest pitch that are heard: 20 Hz and 12.5 kHz.
LOWEST, HIGHEST = 15, 127
#: The highest pitch that is a note: C8, the last key of a piano.
HIGHEST_NOTE = 108
#: The shortest duration to propose, in seconds.
SHORTEST = 0.05


@dataclass(frozen=True)
class NoteEstimate:
    """An estimated note: ``onset`` and ``end`` in seconds, and all possible MIDI ``pitches``.

    ``end`` counts from the onset. ``duration`` is the locked duration, if the user locks it.
    ``remark`` says so if the sound's pitch lies outside of the task's keys.
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
) -> NoteEstimate:
    """Estimate the note of a sound; locked values are not estimated.

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
    elif (pitch := estimate_pitch(audio, sample_rate, onset, LOWEST, HIGHEST)) is not None:
        keys, remark = _nearest_octave(round(pitch), keys)
    onsets = task.spec.parameters[task.spec.position["note.onset"]]
    if isinstance(onsets, Continuous):
        onset = float(onsets.quantise(np.array([onset]))[0])
    return NoteEstimate(onset, end, keys, locked.get("note.duration"), remark)


def _nearest_octave(
    pitch: int, keys: Int[np.ndarray, " all_keys"]
) -> tuple[Int[np.ndarray, " keys"], str]:
    """Find the key that plays a pitch, or else its nearest octave; return a remark for an octave.

    All keys are possible for a pitch beyond those of a piano, as of a whistling filter, and where a
    synthesizer has no octave of a pitch.
    """
    if pitch in keys:
        return np.array([pitch]), ""
    octaves = keys[(keys - pitch) % 12 == 0]
    if pitch > HIGHEST_NOTE or not octaves.size:
        return keys, ""
    key = int(octaves[np.abs(octaves - pitch).argmin()])
    limit = f"below the lowest ({keys[0]})" if key > pitch else f"above the highest ({keys[-1]})"
    return np.array([key]), (
        f"the pitch is that of MIDI note {pitch}, {limit} on which this synthesizer is matched: "
        f"matched on note {key}"
    )
