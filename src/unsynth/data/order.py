"""Which sounds of a set a training step sees: a function of the seed and the step alone.

The sounds of a set lie in runs that are read at one go. An epoch permutes the runs, which gives
all sounds an order, and cuts it into L = batch / group lanes of equal length. A lane is cut into
buffers; a buffer's sounds are permuted, and cut into groups. The batch of step s is

    group s of lane 0, group s of lane 1, ..., group s of lane L - 1,

so an epoch has count // batch steps, the less than a batch that is over is left out, and no sound
comes twice. Lanes can be read apart from each other, by processes that know nothing of one
another, and from any buffer on: neither how many read nor where they start changes a batch.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

#: Sounds of a buffer, at least.
BUFFER = 512
#: What a generator is for; other modules' numbers are others.
_RUNS, _WITHIN = 3, 4


class Place(NamedTuple):
    """A buffer: its epoch, its lane, and its number in the lane."""

    epoch: int
    lane: int
    number: int


@dataclass(frozen=True)
class Order:
    """The order of ``count`` sounds in shards of ``shard``, which are read in runs of ``run``."""

    count: int
    shard: int
    run: int
    #: Sounds a step, and how many of them are of one lane; ``group`` divides ``batch``.
    batch: int
    group: int
    seed: int = 0

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        return self.batch // self.group

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.count // self.batch

    @property
    def _groups(self) -> int:
        """Groups of a buffer; the last one of a lane may have fewer."""
        return -(-BUFFER // self.group)

    def find(self, step: int, lane: int) -> tuple[Place, int]:
        """Find the buffer of a lane that a step needs, and which group of it."""
        epoch, step = divmod(step, self.steps)
        number, group = divmod(step, self._groups)
        return Place(epoch, lane, number), group

    def groups(self, place: Place) -> int:
        """Count the groups of a buffer."""
        return min(self._groups, self.steps - place.number * self._groups)

    def after(self, place: Place) -> Place:
        """Find the next buffer of a lane."""
        if (place.number + 1) * self._groups < self.steps:
            return place._replace(number=place.number + 1)
        return Place(place.epoch + 1, place.lane, 0)

    def runs(self, place: Place) -> list[range]:
        """List the items of a buffer, as parts of runs: each range is of one run."""
        first = (place.lane * self.steps + place.number * self._groups) * self.group
        left = self.groups(place) * self.group
        starts, ends = _epoch(self.count, self.shard, self.run, self.seed, place.epoch)
        found = []
        run = int(np.searchsorted(ends, first, side="right"))
        while left:
            # ``ends[run]`` counts the sounds up to the end of this run, in the epoch's order.
            size = int(ends[run]) - (int(ends[run - 1]) if run else 0)
            skipped = size - (int(ends[run]) - first)
            taken = min(left, size - skipped)
            item = int(starts[run]) + skipped
            found.append(range(item, item + taken))
            first, left, run = first + taken, left - taken, run + 1
        return found

    def within(self, place: Place) -> Int[np.ndarray, "groups items"]:
        """Draw which of a buffer's sounds, counted as its runs list them, are of which group."""
        sounds = self.groups(place) * self.group
        rng = np.random.default_rng((self.seed, *place, _WITHIN))
        return rng.permutation(sounds).reshape(-1, self.group)


@lru_cache(maxsize=2)
def _epoch(
    count: int, shard: int, run: int, seed: int, epoch: int
) -> tuple[Int[np.ndarray, " runs"], Int[np.ndarray, " runs"]]:
    """Permute the runs: the first item of each, and how many sounds there are up to its end."""
    starts = (np.arange(0, count, shard)[:, None] + np.arange(0, shard, run)).ravel()
    ends = np.minimum(starts + run, (starts // shard + 1) * shard).clip(max=count)
    there = starts < count
    starts, sizes = starts[there], (ends - starts)[there]
    order = np.random.default_rng((seed, epoch, _RUNS)).permutation(len(starts))
    return starts[order], np.cumsum(sizes[order])
