"""The order of a set's sounds in training: a function of the seed and the step alone.

A set's sounds lie in runs; a run is read in one go. An epoch permutes the runs, which puts all
sounds into an order, and cuts this order into L = batch / group lanes of equal length. A lane is
cut into buffers; a buffer's sounds are permuted and cut into groups. The batch of step s is

    group s of lane 0, group s of lane 1, ..., group s of lane L - 1.

An epoch has count // batch steps, a remainder of less than one batch is left out, and no sound
comes twice. Lanes can be read independently, by processes that know nothing of each other, and
from any buffer on: neither the number of readers nor where they start changes a batch.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from unsynth.data.seeding import Purpose, training_rng

#: The least number of sounds in a buffer, but for the last buffer of a lane.
BUFFER = 512


class BufferKey(NamedTuple):
    """A buffer's epoch, its lane, and its number within the lane."""

    epoch: int
    lane: int
    number: int


@dataclass(frozen=True)
class Order:
    """The order of ``count`` sounds in shards of ``shard``, which are read in runs of ``run``."""

    count: int
    shard: int
    run: int
    #: Sounds per step.
    batch: int
    #: Sounds per step and lane; ``group`` divides ``batch``.
    group: int
    seed: int = 0

    @property
    def lanes(self) -> int:
        """The number of lanes."""
        return self.batch // self.group

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self.count // self.batch

    @property
    def _groups_per_buffer(self) -> int:
        """Groups per buffer; the last buffer of a lane may have fewer."""
        return -(-BUFFER // self.group)

    def buffer_at(self, step: int, lane: int) -> tuple[BufferKey, int]:
        """Return the buffer that a lane needs at a step, and the number of the step's group in it.

        Steps count on through the epochs.
        """
        epoch, step = divmod(step, self.steps)
        number, group = divmod(step, self._groups_per_buffer)
        return BufferKey(epoch, lane, number), group

    def buffer_after(self, key: BufferKey) -> BufferKey:
        """Return the next buffer of a lane."""
        if (key.number + 1) * self._groups_per_buffer < self.steps:
            return key._replace(number=key.number + 1)
        return BufferKey(key.epoch + 1, key.lane, 0)

    def groups(self, key: BufferKey) -> int:
        """Count the groups of a buffer."""
        return min(self._groups_per_buffer, self.steps - key.number * self._groups_per_buffer)

    def runs(self, key: BufferKey) -> list[range]:
        """List the items of a buffer as ranges, each within one run."""
        first = (key.lane * self.steps + key.number * self._groups_per_buffer) * self.group
        missing = self.groups(key) * self.group
        starts, ends = _permuted_runs(self.count, self.shard, self.run, self.seed, key.epoch)
        runs = []
        run = int(np.searchsorted(ends, first, side="right"))
        while missing:
            # ``ends[run]`` counts the sounds up to the end of this run, in the epoch's order.
            size = int(ends[run]) - (int(ends[run - 1]) if run else 0)
            skipped = size - (int(ends[run]) - first)
            taken = min(missing, size - skipped)
            item = int(starts[run]) + skipped
            runs.append(range(item, item + taken))
            first, missing, run = first + taken, missing - taken, run + 1
        return runs

    def group_rows(self, key: BufferKey) -> Int[np.ndarray, "groups items"]:
        """Draw the sounds of each group of a buffer, as positions in the order of its runs."""
        sounds = self.groups(key) * self.group
        rng = training_rng(Purpose.BUFFER_ORDER, self.seed, *key)
        return rng.permutation(sounds).reshape(-1, self.group)


@lru_cache(maxsize=2)
def _permuted_runs(
    count: int, shard: int, run: int, seed: int, epoch: int
) -> tuple[Int[np.ndarray, " runs"], Int[np.ndarray, " runs"]]:
    """Permute the runs of an epoch.

    Returns the first item of each run, and the number of sounds up to its end.
    """
    starts = (np.arange(0, count, shard)[:, None] + np.arange(0, shard, run)).ravel()
    ends = np.minimum(starts + run, (starts // shard + 1) * shard).clip(max=count)
    inside = starts < count
    starts, sizes = starts[inside], (ends - starts)[inside]
    order = training_rng(Purpose.RUN_ORDER, seed, epoch).permutation(len(starts))
    return starts[order], np.cumsum(sizes[order])
