"""What is heard of a sound before any patch is tried: its onset, its end and its pitch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import pitch as hear_pitch
from unsynth.conventions import SECONDS
from unsynth.inversion.proposals import HELD
from unsynth.tasks.parameter import Integer
from unsynth.tasks.task import Task

#: The shortest note that is proposed, in seconds.
SHORTEST = 0.05


@dataclass(frozen=True)
class HeardNote:
    """A note, in seconds and MIDI numbers; ``pitches`` are all that the sound may have."""

    onset: float
    end: float
    pitches: Int[np.ndarray, " pitches"]

    @property
    def fixed(self) -> dict[str, float]:
        """What the posterior is told: the onset, and the pitch where one is heard."""
        pitch = {"note.pitch": float(self.pitches[0])} if len(self.pitches) == 1 else {}
        return {"note.onset": self.onset} | pitch

    @property
    def durations(self) -> list[float]:
        """Both readings of a sound: let go at its end, or held and fading alone."""
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
    pitch: int | None = None,
) -> HeardNote:
    """Hear a note; ``pitch`` is taken as given, and where none is heard, all are possible."""
    allowed = pitches(task)
    onset = round(first_onset(audio, sample_rate), 3)
    end = max(SHORTEST, round(note_end(audio, sample_rate, onset), 3))
    if pitch is None:
        heard = hear_pitch(audio, sample_rate, onset, allowed.start, allowed.stop - 1)
        pitch = None if heard is None else round(heard)
    return HeardNote(onset, end, np.array(allowed if pitch is None else [pitch]))
