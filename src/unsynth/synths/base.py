"""What every synthesizer here is: one patch and one note in, float audio out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32

from unsynth.conventions import SECONDS

EnginePatch = TypeVar("EnginePatch", contravariant=True)


@dataclass(frozen=True)
class Note:
    """One note: MIDI pitch and velocity, onset and duration in seconds."""

    pitch: int
    onset: float = 0.0
    duration: float = 2.0
    velocity: int = 100


def note_name(pitch: int) -> str:
    """Name a MIDI pitch, middle C being C4.

    >>> note_name(60), note_name(70)
    ('C4', 'A♯4')
    """
    names = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
    return f"{names[pitch % 12]}{pitch // 12 - 1}"


class Concurrency(Enum):
    """Where an engine may run several times at once."""

    THREADS = "threads"
    PROCESSES = "processes"
    MAIN_THREAD = "main thread"


@runtime_checkable
class Synth(Protocol[EnginePatch]):
    """An engine, and what it says of itself.

    An instance may keep state between renders and is used by one thread at a time; the class is
    called without arguments to make another.
    """

    sample_rate: int
    channels: int
    deterministic: bool
    concurrency: Concurrency

    def render(
        self, patch: EnginePatch, note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "channels samples"]:
        """Play one note.

        Raises :class:`~unsynth.errors.PatchError` for a patch or note the engine would not
        understand, :class:`~unsynth.errors.EngineError` where the engine fails.
        """
        ...


@runtime_checkable
class Engine(Protocol):
    """A synthesizer and its base patch, as a task file declares it; picklable.

    A patch is a mapping from a control's name to its raw value; what it leaves out is as the base
    patch has it.
    """

    #: The distribution that the synthesizer comes in.
    package: str
    sample_rate: int
    channels: int

    @property
    def identity(self) -> str:
        """Fingerprint of what the sound depends on besides the patch: the base patch."""
        ...

    @property
    def controls(self) -> Mapping[str, tuple[float, float]] | None:
        """Lowest and highest raw value of each control; ``None`` where only the engine knows."""
        ...

    def synth(self) -> Synth[Any]:
        """Make an engine; raises :class:`~unsynth.errors.EngineError` where it is missing."""
        ...

    def files(self, patch: Mapping[str, float], name: str) -> dict[str, bytes]:
        """Make the files of a patch that the synthesizer opens, by suffix.

        Raises :class:`~unsynth.errors.PatchError` for a patch that it would not understand.
        """
        ...


@runtime_checkable
class ReadingEngine(Engine, Protocol):
    """An engine that reads the files it makes."""

    def read(self, data: bytes, names: Collection[str]) -> dict[str, float]:
        """Read the values of ``names`` from a file that is the base patch otherwise.

        Raises :class:`~unsynth.errors.PatchError` that names what is not so.
        """
        ...
