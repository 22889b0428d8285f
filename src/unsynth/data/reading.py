"""Training batches from the shards of a dataset, in the order of :mod:`unsynth.data.order`.

A lane's next buffer is read run by run while groups of the present one are given out, so the work
of a step is always about the same. Uniform noise within the bins of integers is new in every
epoch; the noise that a group starts from is drawn and coupled within the group, so it depends on
neither the number of devices nor that of processes.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import h5py
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch.utils.data import IterableDataset, get_worker_info

from unsynth.audio.observation import Observation
from unsynth.data.batch import Batch, draw_noise
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.order import Order, Place
from unsynth.data.plan import Plan
from unsynth.data.shards import open_shard
from unsynth.errors import UnsynthError
from unsynth.flow.coupling import Coupling
from unsynth.tasks.task import Task

#: Shards that are kept open.
_OPEN = 32
_DEQUANTISE, _NOISE = 5, 6


class Rows(NamedTuple):
    """Patches, natural values, and what is observed of their sounds."""

    patches: Float[np.ndarray, "items parameters"]
    observed: UInt8[np.ndarray, "items ..."]


def _together(rows: Sequence[Rows]) -> Rows:
    return Rows(*(np.concatenate(part) for part in zip(*rows, strict=True)))


class Reader:
    """Reads items of a finished set; belongs to the process that made it."""

    def __init__(self, url: str, plan: Plan, observation: Observation) -> None:
        self._folder = Folder(url)
        self._plan = plan
        self._kind = str(observation)
        self._open: OrderedDict[int, h5py.File] = OrderedDict()

    def read(self, items: range) -> Rows:
        """Read items of one shard; raises :class:`DatasetError` where it is missing or damaged."""
        shard, first = divmod(items.start, self._plan.shard_sounds)
        file = self._shard(shard)
        try:
            rows = slice(first, first + len(items))
            found = Rows(file["patches"][rows], file[self._kind][rows])
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise self._damaged(shard, " ".join(str(error).split())[:120]) from None
        if not len(found.patches) == len(found.observed) == len(items):
            raise self._damaged(shard, "sounds are missing")
        return found

    def first(self, sounds: int) -> Rows:
        """Read the first items of the set, or all where there are fewer."""
        shards = (self._plan.items(shard) for shard in range(self._plan.shards))
        wanted = [range(items.start, min(items.stop, sounds)) for items in shards]
        rows = [self.read(items) for items in wanted if items]
        return _together(rows)

    def _shard(self, number: int) -> h5py.File:
        if number in self._open:
            self._open.move_to_end(number)
        else:
            if len(self._open) == _OPEN:
                self._open.popitem(last=False)[1].close()
            name = self._plan.file(number)
            self._open[number] = open_shard(self._folder.open(name), f"{self._folder.url}/{name}")
        return self._open[number]

    def _damaged(self, shard: int, reason: str) -> DatasetError:
        return DatasetError(
            f"{self._folder.url}/{self._plan.file(shard)} is damaged ({reason}): delete it, and "
            "give the command that made the set again"
        )


class ShardStream(IterableDataset[Batch | UnsynthError]):
    """The batches from step ``start`` on, without end, or those lanes of them.

    Each process of a loader yields its own part of every batch (:func:`join` puts them together),
    and an error in place of the batch that it cannot make. Their number divides that of the lanes.
    """

    def __init__(
        self,
        url: str,
        plan: Plan,
        observation: Observation,
        task: Task,
        order: Order,
        noises: int,
        coupling: Coupling,
        lanes: range,
        start: int = 0,
    ) -> None:
        self._set = url, plan, observation
        self._task = task
        self._order = order
        self._noises = noises
        self._coupling = coupling
        self._lanes = lanes
        self._start = start

    def __iter__(self) -> Iterator[Batch | UnsynthError]:
        worker = get_worker_info()
        lanes = self._lanes
        if worker is not None:
            share = len(lanes) // worker.num_workers
            lanes = lanes[worker.id * share : (worker.id + 1) * share]
        reader = Reader(*self._set)
        groups = [self._lane(reader, lane) for lane in lanes]
        try:
            while True:
                yield join([next(group) for group in groups])
        except UnsynthError as error:  # it is raised where the batch was wanted
            yield error

    def _lane(self, reader: Reader, lane: int) -> Iterator[Batch]:
        steps = count(self._start)
        place, first = self._order.find(self._start, lane)
        buffer = _Buffer(reader, self._order, place)
        while True:
            buffer.read(buffer.left)
            following = _Buffer(reader, self._order, self._order.after(place))
            groups = self._order.within(place)[first:]
            share = -(-following.left // len(groups))
            patches, observed = buffer.rows()
            x1 = self._encode(patches, place)
            for group in groups:
                yield self._batch(next(steps), lane, patches[group], x1[group], observed[group])
                following.read(share)
            place, first, buffer = self._order.after(place), 0, following

    def _encode(
        self, patches: Float[np.ndarray, "items parameters"], place: Place
    ) -> Float32[np.ndarray, "items d"]:
        rng = np.random.default_rng((self._order.seed, *place, _DEQUANTISE))
        return self._task.spec.encode(patches, dequantise=rng).astype(np.float32)

    def _batch(
        self,
        step: int,
        lane: int,
        patches: Float[np.ndarray, "items parameters"],
        x1: Float32[np.ndarray, "items d"],
        observed: UInt8[np.ndarray, "items ..."],
    ) -> Batch:
        rng = np.random.default_rng((self._order.seed, step, lane, _NOISE))
        data = torch.from_numpy(x1)
        x0 = draw_noise(rng, self._coupling, self._task, data, patches, self._noises)
        return Batch(step, data, torch.from_numpy(observed), x0, lane * self._order.group)


class _Buffer:
    """The sounds of a buffer, as far as they are read, in the order of its runs."""

    def __init__(self, reader: Reader, order: Order, place: Place) -> None:
        self._reader = reader
        self._runs = order.runs(place)
        self._read: list[Rows] = []

    @property
    def left(self) -> int:
        """How many runs are not read yet."""
        return len(self._runs) - len(self._read)

    def read(self, runs: int) -> None:
        """Read some more runs."""
        done = len(self._read)
        self._read += [self._reader.read(run) for run in self._runs[done : done + runs]]

    def rows(self) -> Rows:
        """Put the sounds together, and forget them."""
        found = _together(self._read)
        self._read = []
        return found


def join(parts: Sequence[Batch]) -> Batch:
    """Put parts of a step's batch together, in order."""
    if len(parts) == 1:
        return parts[0]
    return Batch(
        parts[0].step,
        torch.cat([part.x1 for part in parts]),
        torch.cat([part.observed for part in parts]),
        torch.cat([part.x0 for part in parts], dim=1),
        parts[0].first,
    )
