"""What a task is: a synthesizer, the parameters of its patches, a note and a prior.

The prior must be equal for patches that sound equal: the paper (section 3) requires p(x) to be
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
    """A synthesizer, the parameters of its patches, a note, and a prior over them."""

    name: str
    #: Argument of :func:`~unsynth.tasks.catalogue.load_task` that loads the task, here and in
    #: other processes: its name, or the path of its file.
    source: str
    spec: Spec

    @property
    def sample_rate(self) -> int:
        """Sample rate of the sounds, in Hz; does not load the engine."""
        ...

    @property
    def engine_rate(self) -> int:
        """Sample rate that the engine runs at, in Hz; its sounds are resampled to ``sample_rate``.

        What a draw sounds like may depend on it, but the hash does not: an index or a model for
        one rate serves for another.
        """
        ...

    @property
    def channels(self) -> int:
        """Channels of the sounds; does not load the engine."""
        ...

    @property
    def package(self) -> str:
        """The distribution that the engine comes in."""
        ...

    @property
    def hash(self) -> str:
        """Fingerprint of everything that a draw and its sound depend on."""
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
        """Convert a patch to what the engine's ``render`` takes."""
        ...

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write patches, best first, as files that the synthesizer opens; return their paths."""
        ...

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters are audible: changing the inactive ones changes nothing."""
        ...

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with every inactive parameter, but the note, at its neutral value."""
        ...

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """Describe the audible part of a patch in musical units, ready for JSON."""
        ...

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges that keep this patch's sound and its prior density.

        Each row orders the coordinates of the encoded vector: ``decode(x[row])`` sounds like
        ``decode(x)``. Row 0 is the identity.
        """
        ...
