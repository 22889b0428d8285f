"""The sketch of ``vital-simple``: which parameters it has gradients in, and windows of notes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from unsynth.sketches.compiled import compiling
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task

if TYPE_CHECKING:
    from unsynth.sketches.vital.windows import VitalWindows

#: The task that the sketch plays.
TASK = "vital-simple"
#: Parameters without gradients: switches, and where a small step says nothing of a large one.
_STRUCTURE = ("on", "transpose", "tune", "phase", "unison_detune", "lfo_frequency", "lfo_to_tune")
#: Parameters that hardly matter in the mean of both channels.
_UNHEARD = ("pan", "stereo_spread")


class VitalSketch:
    """A :class:`unsynth.sketches.sketch.Sketch` of Vital, for the task ``vital-simple``."""

    dear_renders = True

    def __init__(self, task: Task) -> None:
        self.task = task
        places: dict[bool, list[int]] = {True: [], False: []}
        for position, name in enumerate(task.spec.names):
            unit, _, parameter = name.partition(".")
            if unit != "note" and parameter not in _UNHEARD:
                places[parameter in _STRUCTURE].append(position)
        self.structure, self.fitted = np.array(places[True]), np.array(places[False])

    def __reduce__(self) -> tuple[Callable[[], "VitalSketch"], tuple[()]]:
        # A spawned process that is handed more than 64 kB blocks its parent until it has read
        # them, and the task has more.
        return load_sketch, ()

    def windows(
        self,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str = "cpu",
    ) -> "VitalWindows":
        """Prepare windows of ``samples`` samples of these patches' notes.

        Raises as :func:`~unsynth.sketches.compiled.compiling` does.
        """
        with compiling():
            from unsynth.sketches.vital.windows import VitalWindows
        return VitalWindows(self.task.spec, self.fitted, patches, samples, device)


def load_sketch() -> VitalSketch:
    """Make the sketch of the task that comes with unsynth."""
    return VitalSketch(load_task(TASK))
