"""What a model is asked to invert: a synthesizer, its parameters, a note and a prior.

The prior must be equal for patches that sound equal: the paper (section 3) needs p(x) to be
invariant under the synthesizer's symmetries for p(x | y) to be so too.
"""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.synths.base import Note, Synth
from unsynth.tasks.spec import Spec


@runtime_checkable
class Task(Protocol):
    """A task; patches are ``(items, parameters)`` unless a method takes one."""

    name: str
    #: What :func:`load_task` finds it by, here and in other processes: its name, or a file's path.
    source: str
    spec: Spec

    @property
    def sample_rate(self) -> int:
        """Of the sounds, in Hz; known without the engine."""
        ...

    @property
    def channels(self) -> int:
        """Of the sounds; known without the engine."""
        ...

    @property
    def package(self) -> str:
        """The distribution that the engine comes in."""
        ...

    @property
    def hash(self) -> str:
        """Fingerprint of all that a draw and its sound depend on."""
        ...

    def synth(self) -> Synth[Any]:
        """Make an engine; raises :class:`~unsynth.errors.EngineError` where it is missing."""
        ...

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch from the prior."""
        ...

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant."""
        ...

    def note(self, patch: Float[np.ndarray, " parameters"]) -> Note:
        """Read the note out of a patch."""
        ...

    def with_note(
        self, patch: Float[np.ndarray, " parameters"], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with another note."""
        ...

    def engine_patch(self, patch: Float[np.ndarray, " parameters"]) -> Any:
        """Turn a patch into what the engine's ``render`` takes."""
        ...

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write patches, best first, as files that the synthesizer opens."""
        ...

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard: changing an inactive one changes nothing."""
        ...

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with every inactive parameter at its neutral value."""
        ...

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """Describe a patch in musical units, ready for JSON; what cannot be heard is left out."""
        ...

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges that leave this patch's sound and prior density as they are.

        Each row orders the coordinates of the encoded vector: ``decode(x[row])`` sounds like
        ``decode(x)``. The first row is the identity.
        """
        ...
