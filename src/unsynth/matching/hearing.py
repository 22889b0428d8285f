"""What is heard of a sound before any patch is tried: its onset, its end and its pitch."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import pitch as hear_pitch
from unsynth.conventions import SECONDS
from unsynth.index.draw_index import HELD
from unsynth.tasks.parameter import Continuous, Integer
from unsynth.tasks.task import Task

#: The shortest note that is proposed, in seconds.
SHORTEST = 0.05


@dataclass(frozen=True)
class HeardNote:
    """A note, in seconds and MIDI numbers; ``pitches`` are all that the sound may have.

    Its ``duration`` is known only where a user says so.
    """

    onset: float
    end: float
    pitches: Int[np.ndarray, " pitches"]
    duration: float | None = None

    @property
    def fixed(self) -> dict[str, float]:
        """What the posterior is told: the onset, and the pitch where one is heard."""
        pitch = {"note.pitch": float(self.pitches[0])} if len(self.pitches) == 1 else {}
        return {"note.onset": self.onset} | pitch

    @property
    def durations(self) -> list[float]:
        """Both readings of a sound, unless one is known: let go at its end, or held and fading."""
        if self.duration is not None:
            return [self.duration]
        return [self.end, HELD] if self.onset + self.end < SECONDS else [HELD]


def pitches(task: Task) -> range:
    """List a task's pitches."""
    pitch = task.spec.parameters[task.spec.position["note.pitch"]]
    if not isinstance(pitch, Integer):
        raise TypeError(f"the pitch of task {task.name} is not an integer parameter")
    return range(pitch.low, pitch.high + 1)


def hear(
    audio: Float32[np.ndarray, "channels samples"],
    sample_rate: int,
    task: Task,
    locked: Mapping[str, float] | None = None,
) -> HeardNote:
    """Hear a note; what is ``locked`` is taken as given.

    Where no pitch is heard, all are possible. A sound may rise so slowly that it is heard after
    the latest onset of the task, which is taken then.
    """
    known = locked or {}
    allowed = pitches(task)
    onset = known.get("note.onset", round(first_onset(audio, sample_rate), 3))
    end = max(SHORTEST, round(note_end(audio, sample_rate, onset), 3))
    pitch = known.get("note.pitch")
    if pitch is None:
        pitch = hear_pitch(audio, sample_rate, onset, allowed.start, allowed.stop - 1)
    possible = task.spec.parameters[task.spec.position["note.onset"]]
    if isinstance(possible, Continuous):
        onset = float(possible.quantise(np.array([onset]))[0])
    found = np.array(allowed if pitch is None else [round(pitch)])
    return HeardNote(onset, end, found, known.get("note.duration"))
