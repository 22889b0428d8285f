"""The DX7's sketch: which parameters it has gradients in, and windows of patches' notes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from unsynth.sketches.compiled import compiling
from unsynth.tasks.dx7.layout import OP, OPERATORS, WIDTH
from unsynth.tasks.dx7.task import DX7Task

if TYPE_CHECKING:
    from unsynth.sketches.dx7.windows import DX7Windows


class DX7Sketch:
    """A :class:`unsynth.sketches.sketch.Sketch` of the DX7."""

    dear_renders = False

    def __init__(self, task: DX7Task) -> None:
        self.task = task
        position = task.spec.position
        frequency_columns = range(OP["mode"], OP["amp_mod_sensitivity"])
        self.structure = np.array(
            [op * WIDTH + column for op in range(OPERATORS) for column in frequency_columns]
            + [position["algorithm"]]
        )
        # Rates and levels of the envelope, then the output level: DX7Windows reads this order.
        level_columns = [*range(8), OP["output_level"]]
        self.fitted = np.array(
            [op * WIDTH + column for op in range(OPERATORS) for column in level_columns]
            + [position["feedback"]]
        )

    def __reduce__(self) -> tuple[type["DX7Sketch"], tuple[DX7Task]]:
        # A spawned process that is handed more than 64 kB blocks its parent until it has read
        # them, so the pickle is kept small: the task alone.
        return type(self), (self.task,)

    def windows(
        self,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str = "cpu",
    ) -> "DX7Windows":
        """Prepare windows of ``samples`` samples of these patches' notes.

        Raises as :func:`~unsynth.sketches.compiled.compiling` does.
        """
        with compiling():
            from unsynth.sketches.dx7.windows import DX7Windows
        return DX7Windows(self.task.spec, patches, samples, device, self.task.engine_rate)
