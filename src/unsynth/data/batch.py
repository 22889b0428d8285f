"""A batch: patches, observations and noise."""

import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from unsynth.flow.coupling import Coupling, couple
from unsynth.tasks.task import Task

_T = TypeVar("_T")


class Batch(NamedTuple):
    """What one step trains on, or a device's part of it.

    Encoded patches, what is observed of their sounds, and the noise that goes with the patches.
    The first item here is number ``first`` of the whole batch.
    """

    step: int
    x1: Float[torch.Tensor, "items d"]
    observed: UInt8[torch.Tensor, "items ..."]
    x0: Float[torch.Tensor, "noises items d"]
    first: int = 0

    def parts(self, count: int) -> "Iterator[Batch]":
        """Cut it into equal parts."""
        size = len(self.x1) // count
        for start in range(0, len(self.x1), size):
            mine = slice(start, start + size)
            yield Batch(
                self.step,
                self.x1[mine],
                self.observed[mine],
                self.x0[:, mine],
                self.first + start,
            )


def draw_noise(
    rng: np.random.Generator,
    coupling: Coupling,
    task: Task,
    x1: Float[torch.Tensor, "items d"],
    patches: Float[np.ndarray, "items parameters"],
    noises: int,
) -> Float[torch.Tensor, "noises items d"]:
    """Draw noise for encoded patches, and couple it with them."""
    noise = rng.standard_normal((noises, *x1.shape), dtype=np.float32)

    @cache
    def symmetries() -> list[Int[np.ndarray, "images d"]]:
        return [task.symmetries(patch) for patch in patches]

    return torch.stack([couple(coupling, x0, x1, symmetries) for x0 in torch.from_numpy(noise)])


class Waited(Generic[_T]):
    """Batches to loop over, with the seconds that were waited for them in all."""

    def __init__(self, batches: Iterable[_T]) -> None:
        self._batches = batches
        self.seconds = 0.0

    def __iter__(self) -> Iterator[_T]:
        batches = iter(self._batches)
        while True:
            asked = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.seconds += time.monotonic() - asked
            yield batch
