"""Training batches: from sounds to encoded patches, observations and coupled noise."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

from unsynth.flow.coupling import Coupling, couple
from unsynth.tasks.task import Task

_T = TypeVar("_T")


@dataclass(frozen=True)
class Sounds:
    """Patches in natural values, and the observations of their sounds.

    Arrays, as torch passes tensors between processes by threads that outlive an interrupt; and a
    dataclass, as a ``DataLoader`` would turn the arrays of a named tuple into tensors.
    """

    patches: Float[np.ndarray, "items parameters"]
    observed: UInt8[np.ndarray, "items ..."]

    @classmethod
    def join(cls, parts: Sequence["Sounds"]) -> "Sounds":
        """Concatenate parts, in order."""
        return cls(
            np.concatenate([part.patches for part in parts]),
            np.concatenate([part.observed for part in parts]),
        )


class Batch(NamedTuple):
    """The data of one training step, or one device's part of it.

    ``x1`` are encoded patches, ``observed`` the observations of their sounds, ``x0`` the noise
    that is coupled with them. Item 0 here is item ``first`` of the whole batch.
    """

    step: int
    x1: Float[torch.Tensor, "items d"]
    observed: UInt8[torch.Tensor, "items ..."]
    x0: Float[torch.Tensor, "noises items d"]
    first: int = 0

    def parts(self, count: int) -> "Iterator[Batch]":
        """Cut the batch into ``count`` equal parts."""
        size = len(self.x1) // count
        for start in range(0, len(self.x1), size):
            items = slice(start, start + size)
            yield Batch(
                self.step,
                self.x1[items],
                self.observed[items],
                self.x0[:, items],
                self.first + start,
            )


def join(parts: Sequence[Batch]) -> Batch:
    """Concatenate the parts of one step's batch, in order."""
    if len(parts) == 1:
        return parts[0]
    return Batch(
        parts[0].step,
        torch.cat([part.x1 for part in parts]),
        torch.cat([part.observed for part in parts]),
        torch.cat([part.x0 for part in parts], dim=1),
        parts[0].first,
    )


@dataclass(frozen=True)
class Pairing:
    """Encodes a task's patches as data x1, and draws ``noises`` coupled x0 for each of them."""

    task: Task
    coupling: Coupling
    noises: int = 1

    def encode(
        self, patches: Float[np.ndarray, "items parameters"], rng: np.random.Generator
    ) -> Float[torch.Tensor, "items d"]:
        """Encode patches, with uniform noise within the bins of integers."""
        x1 = self.task.spec.encode(patches, dequantise=rng)
        return torch.from_numpy(x1.astype(np.float32))

    def draw_noise(
        self,
        x1: Float[torch.Tensor, "items d"],
        patches: Float[np.ndarray, "items parameters"],
        rng: np.random.Generator,
    ) -> Float[torch.Tensor, "noises items d"]:
        """Draw normal noise for encoded patches, and couple it with them."""
        noise = rng.standard_normal((self.noises, *x1.shape), dtype=np.float32)

        @cache
        def symmetries() -> list[Int[np.ndarray, "images d"]]:
            return [self.task.symmetries(patch) for patch in patches]

        return torch.stack(
            [couple(self.coupling, x0, x1, symmetries) for x0 in torch.from_numpy(noise)]
        )


class TimedBatches(Generic[_T]):
    """Iterates over batches and measures the time spent waiting for the next one."""

    def __init__(self, batches: Iterable[_T]) -> None:
        self._batches = batches
        #: Total time spent waiting so far, in seconds.
        self.waiting_seconds = 0.0

    def __iter__(self) -> Iterator[_T]:
        batches = iter(self._batches)
        while True:
            start = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.waiting_seconds += time.monotonic() - start
            yield batch
