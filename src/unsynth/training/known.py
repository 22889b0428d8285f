"""Which parameters a model is told of while it trains.

Of a share of the items some are known: of one half of these each parameter with an equal chance,
which is drawn from [0, 1] for the item; of the other half all that the sketch of the task's engine
has no slopes in, if there is one: a structure, whose envelopes and levels are asked for.
"""

import numpy as np
import torch
from jaxtyping import Bool

from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.task import Task


class Known:
    """Draws of what is known of a task's patches."""

    def __init__(self, task: Task) -> None:
        spec = task.spec
        widths = [part.stop - part.start for part in spec.slices]
        self._owner = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths))
        self._parameters = len(widths)
        self._structure: torch.Tensor | None = None
        sketch = sketch_of(task)
        if sketch is not None:
            self._structure = torch.ones(self._parameters, dtype=torch.bool)
            self._structure[list(sketch.fitted)] = False

    def draw(
        self, rng: np.random.Generator, items: int, share: float
    ) -> Bool[torch.Tensor, "items d"]:
        """Draw which coordinates of each item are known."""
        some, chance = torch.from_numpy(rng.random((2, items), dtype=np.float32))
        each = torch.from_numpy(rng.random((items, self._parameters), dtype=np.float32))
        known = each < chance[:, None]
        if self._structure is not None:
            known = torch.where((some < share / 2)[:, None], self._structure, known)
        return (known & (some < share)[:, None])[:, self._owner]
