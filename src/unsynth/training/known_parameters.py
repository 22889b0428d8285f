"""Which parameters a model is conditioned on while it trains.

For a share of the items, some parameters are known. For one half of these items, each parameter is
known with the same probability, which is drawn from [0, 1] for the item. For the other half, all
parameters are known in which the sketch of the task's engine has no gradients, if there is a
sketch: the model then learns to find envelopes and levels for a given structure.
"""

import numpy as np
import torch
from jaxtyping import Bool

from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.task import Task


class KnownParameters:
    """Draws masks of the known parameters of a task's patches."""

    def __init__(self, task: Task) -> None:
        spec = task.spec
        widths = [part.stop - part.start for part in spec.slices]
        #: The parameter that each coordinate of an encoded patch belongs to.
        self._owners = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths))
        self._parameters = len(widths)
        #: The mask of the parameters in which the sketch has no gradients.
        self._structure: torch.Tensor | None = None
        sketch = sketch_of(task)
        if sketch is not None:
            self._structure = torch.ones(self._parameters, dtype=torch.bool)
            self._structure[list(sketch.fitted)] = False

    def draw(
        self, rng: np.random.Generator, items: int, share: float
    ) -> Bool[torch.Tensor, "items d"]:
        """Draw which coordinates of each item are known; none for a share ``1 - share``."""
        choice, probability = torch.from_numpy(rng.random((2, items), dtype=np.float32))
        numbers = torch.from_numpy(rng.random((items, self._parameters), dtype=np.float32))
        mask = numbers < probability[:, None]
        if self._structure is not None:
            mask = torch.where((choice < share / 2)[:, None], self._structure, mask)
        return (mask & (choice < share)[:, None])[:, self._owners]
