"""The interfaces of synthesizers: one patch and one note in, float audio out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.errors import PatchError

EnginePatch = TypeVar("EnginePatch", contravariant=True)


@dataclass(frozen=True)
class Note:
    """One note: MIDI pitch and velocity (1 to 127), onset and duration in seconds."""

    pitch: int
    onset: float = 0.0
    duration: float = 2.0
    velocity: int = 100


def check_note(note: Note, seconds: float) -> None:
    """Raise :class:`PatchError` for a note that no engine can play in ``seconds`` of sound.

    Engines do not check this themselves: some play nonsense, others never stop. Velocity 0 releases
    a key in MIDI; here some play it loudly, others not at all.
    """
    if not (0 <= note.pitch <= 127 and 1 <= note.velocity <= 127):
        raise PatchError(
            f"pitch {note.pitch}, velocity {note.velocity}: MIDI has pitches of 0 to 127 and "
            "velocities of 1 to 127"
        )
    if not (seconds > 0 and note.duration > 0 and note.onset >= 0):
        raise PatchError(
            f"a note of {note.duration} s at {note.onset} s in {seconds} s cannot be played"
        )


def note_name(pitch: int) -> str:
    """Name a MIDI pitch; middle C is C4.

    >>> note_name(60), note_name(70)
    ('C4', 'A♯4')
    """
    names = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
    return f"{names[pitch % 12]}{pitch // 12 - 1}"


class Concurrency(Enum):
    """How an engine can render several sounds at once."""

    THREADS = "threads"
    PROCESSES = "processes"
    MAIN_THREAD = "main thread"


@runtime_checkable
class Synth(Protocol[EnginePatch]):
    """An engine that renders patches.

    An instance may keep state between renders, so only one thread at a time may use it.
    ``deterministic`` says whether a patch and a note always give the same samples.
    """

    sample_rate: int
    channels: int
    deterministic: bool
    concurrency: Concurrency

    def render(
        self, patch: EnginePatch, note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "channels samples"]:
        """Play one note.

        Raises :class:`~unsynth.errors.PatchError` for a patch or note that the engine does not
        support, and :class:`~unsynth.errors.EngineError` if the engine fails.
        """
        ...


@runtime_checkable
class Engine(Protocol):
    """A synthesizer and its base patch, as a task file declares it; picklable.

    A patch maps control names to raw values. Controls that a patch omits keep their values from
    the base patch.
    """

    #: The Python distribution that provides the synthesizer.
    package: str
    sample_rate: int
    channels: int

    @property
    def identity(self) -> str:
        """Fingerprint of everything besides the patch that the sound depends on."""
        ...

    @property
    def controls(self) -> Mapping[str, tuple[float, float]] | None:
        """Lowest and highest raw value of each control; ``None`` if only the engine knows."""
        ...

    def synth(self, sample_rate: int = SAMPLE_RATE) -> Synth[Any]:
        """Make an engine that runs at ``sample_rate``, in Hz.

        Raises :class:`~unsynth.errors.EngineError` if it is not installed.
        """
        ...

    def files(self, patch: Mapping[str, float], name: str) -> dict[str, bytes]:
        """Write a patch as files that the synthesizer opens, by suffix.

        Raises :class:`~unsynth.errors.PatchError` for a patch that the engine does not support.
        """
        ...


@runtime_checkable
class ReadingEngine(Engine, Protocol):
    """An engine that can read back the files it writes."""

    def read(
        self, data: bytes, names: Mapping[str, Sequence[float]]
    ) -> tuple[dict[str, float], Collection[str], Sequence[str]]:
        """Read the values of ``names`` from a file; each comes with its choices, if it has some.

        Also returns the names of the controls that change nothing in this patch, and what else in
        the file differs from the base patch and can be heard, a line each. Raises
        :class:`~unsynth.errors.PatchError` for a file that the synthesizer cannot play.
        """
        ...
