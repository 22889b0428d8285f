"""Training batches from the shards of a dataset, in the order of :mod:`unsynth.data.order`.

While the groups of one buffer are given out, the next buffer of the lane is read run by run, so
every step takes about the same work. The uniform noise within the bins of integers is new in every
epoch. The noise x0 of a group is drawn and coupled within the group, so it depends neither on the
number of devices nor on that of processes.
"""

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from itertools import count

import h5py
import torch
from torch.utils.data import IterableDataset, get_worker_info

from unsynth.audio.observation import Observation
from unsynth.data.batch import Batch, Pairing, Sounds, join
from unsynth.data.folder import Folder
from unsynth.data.order import BufferKey, Order
from unsynth.data.plan import Plan
from unsynth.data.seeding import Purpose, training_rng
from unsynth.data.shards import damage_reported, open_shard
from unsynth.errors import UnsynthError

#: Shards that a reader holds open.
_OPEN_SHARDS = 32


class ShardReader:
    """Reads items of a finished set; only for the process that made it."""

    def __init__(self, url: str, plan: Plan, observation: Observation) -> None:
        self._folder = Folder(url)
        self._plan = plan
        self._kind = str(observation)
        #: Open shards by number, the most recently used last.
        self._open: OrderedDict[int, h5py.File] = OrderedDict()

    def read(self, items: range) -> Sounds:
        """Read items of one shard; raises :class:`DatasetError` if it is missing or damaged."""
        shard, first = divmod(items.start, self._plan.shard_sounds)
        file = self._shard(shard)
        with damage_reported(self._path(shard)):
            rows = slice(first, first + len(items))
            sounds = Sounds(file["patches"][rows], file[self._kind][rows])
            if not len(sounds.patches) == len(sounds.observed) == len(items):
                raise ValueError("sounds are missing")
            return sounds

    def first(self, count: int) -> Sounds:
        """Read the first ``count`` items of the set, or all if it has fewer."""
        shards = (self._plan.items(shard) for shard in range(self._plan.shards))
        ranges = [range(items.start, min(items.stop, count)) for items in shards]
        return Sounds.join([self.read(items) for items in ranges if items])

    def _shard(self, number: int) -> h5py.File:
        if number in self._open:
            self._open.move_to_end(number)
        else:
            if len(self._open) == _OPEN_SHARDS:
                self._open.popitem(last=False)[1].close()
            file = self._folder.open(self._plan.file(number))
            self._open[number] = open_shard(file, self._path(number))
        return self._open[number]

    def _path(self, shard: int) -> str:
        return f"{self._folder.url}/{self._plan.file(shard)}"


class ShardStream(IterableDataset[Batch | UnsynthError]):
    """The batches from step ``start`` on, without end, or the part of them in ``lanes``.

    In a loader, each process yields its own part of every batch, as an equal share of the lanes;
    :func:`~unsynth.data.batch.join` puts the parts together. The number of processes divides that
    of the lanes. An error is yielded in place of the batch that cannot be made.
    """

    def __init__(
        self,
        url: str,
        plan: Plan,
        observation: Observation,
        pairing: Pairing,
        order: Order,
        lanes: range,
        start: int = 0,
    ) -> None:
        # Not a reader: the stream is sent to the processes of a loader.
        self._reader_arguments = url, plan, observation
        # A tensor's memory is shared with the processes. What is sent to them as they start has to
        # fit the buffer of a pipe (see unsynth.rendering.workers), and a task of Vital does not.
        self._pairing = torch.frombuffer(bytearray(pickle.dumps(pairing)), dtype=torch.uint8)
        self._order = order
        self._lanes = lanes
        self._start = start

    def __iter__(self) -> Iterator[Batch | UnsynthError]:
        worker = get_worker_info()
        lanes = self._lanes
        if worker is not None:
            share = len(lanes) // worker.num_workers
            lanes = lanes[worker.id * share : (worker.id + 1) * share]
        reader = ShardReader(*self._reader_arguments)
        pairing: Pairing = pickle.loads(self._pairing.numpy().tobytes())
        groups = [self._lane(reader, pairing, lane) for lane in lanes]
        try:
            while True:
                yield join([next(group) for group in groups])
        except UnsynthError as error:  # raised again in the process that takes the batch
            yield error

    def _lane(self, reader: ShardReader, pairing: Pairing, lane: int) -> Iterator[Batch]:
        """Yield the groups of a lane."""
        seed = self._order.seed
        steps = count(self._start)
        key, first = self._order.buffer_at(self._start, lane)
        buffer = _Buffer(reader, self._order, key)
        while True:
            buffer.read(buffer.unread_runs)
            following = _Buffer(reader, self._order, self._order.buffer_after(key))
            groups = self._order.group_rows(key)[first:]
            runs_per_group = -(-following.unread_runs // len(groups))
            sounds = buffer.take_sounds()
            x1 = pairing.encode(sounds.patches, training_rng(Purpose.SET_ENCODING, seed, *key))
            for rows in groups:
                step = next(steps)
                rng = training_rng(Purpose.SET_NOISE, seed, step, lane)
                x0 = pairing.draw_noise(x1[rows], sounds.patches[rows], rng)
                observed = torch.from_numpy(sounds.observed[rows])
                yield Batch(step, x1[rows], observed, x0, lane * self._order.group)
                following.read(runs_per_group)
            key, first, buffer = self._order.buffer_after(key), 0, following


class _Buffer:
    """The sounds of a buffer that are read so far, in the order of its runs."""

    def __init__(self, reader: ShardReader, order: Order, key: BufferKey) -> None:
        self._reader = reader
        self._runs = order.runs(key)
        self._sounds: list[Sounds] = []

    @property
    def unread_runs(self) -> int:
        """The number of runs that are still to be read."""
        return len(self._runs) - len(self._sounds)

    def read(self, runs: int) -> None:
        """Read up to this many more runs."""
        done = len(self._sounds)
        self._sounds += [self._reader.read(run) for run in self._runs[done : done + runs]]

    def take_sounds(self) -> Sounds:
        """Return the sounds of all runs, and free their memory here."""
        sounds = Sounds.join(self._sounds)
        self._sounds = []
        return sounds
