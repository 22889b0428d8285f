"""Training from a dataset: its sounds as the batches that Lightning trains on.

A step's batch is a function of the seed and the step (:mod:`unsynth.data.order`). Each device takes
an equal share of its lanes, and so does each loader process of a device. The parts are joined in
the process of the model.
"""

from collections.abc import Generator

import lightning
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch.utils.data import DataLoader

from unsynth.arrays import ArraysError, check_array, read_npy
from unsynth.audio.observation import Observation
from unsynth.data.batch import Batch, Pairing, Sounds, TimedBatches, join
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.groups import begin_loader
from unsynth.data.manifest import read_manifest, statistics_file
from unsynth.data.order import Order
from unsynth.data.plan import Plan
from unsynth.data.reading import ShardReader, ShardStream
from unsynth.data.seeding import Split
from unsynth.data.shards import RUN
from unsynth.errors import UnsynthError
from unsynth.tasks.task import Task


class ShardBatches(lightning.LightningDataModule):
    """The batches of a finished training set, from the trainer's current step on."""

    def __init__(
        self,
        folder: Folder,
        observation: Observation,
        pairing: Pairing,
        batch: int,
        group: int,
        seed: int = 0,
        loaders: int = 1,
        parts: int = 1,
    ) -> None:
        """Couple noise within groups of ``group`` sounds; ``group`` divides ``batch``.

        ``loaders`` processes read the set; with 0, this process does. The trainer gets each batch
        in ``parts``. Raises :class:`DatasetError` for a set that is not finished, of another task
        or split, without this observation, or smaller than a batch.
        """
        super().__init__()
        self._folder, self._observation, self._pairing = folder, observation, pairing
        self._plan = _read_plan(folder, pairing.task, observation, Split.TRAIN)
        if self._plan.count < batch:
            raise DatasetError(
                f"{folder.url} holds {self._plan.count} sounds, fewer than a batch of {batch}: "
                "make a larger set, or lower data.batch"
            )
        self._order = Order(self._plan.count, self._plan.shard_sounds, RUN, batch, group, seed)
        self._loaders, self._parts = loaders, parts
        self._running: Generator[list[Batch], None, None] | None = None

    @property
    def contents(self) -> str:
        """The content of the set in words: equal words, equal batches.

        Checkpoints store these words, so they must not change.
        """
        plan = self._plan
        return (
            f"{plan.count} sounds of {plan.task} {plan.task_hash} with seed {plan.seed}, "
            f"{plan.shard_sounds} a shard"
        )

    def first(self, sounds: int) -> UInt8[torch.Tensor, "items ..."]:
        """Read the observations of the first ``sounds`` items of the set."""
        reader = ShardReader(self._folder.url, self._plan, self._observation)
        return torch.from_numpy(reader.first(sounds).observed)

    def statistics(self) -> Float32[np.ndarray, "2 ..."]:
        """Read mean and standard deviation of every observed cell, in units of its bytes."""
        name = statistics_file(self._observation)
        shape = self._observation.shape(self._pairing.task.channels, self._pairing.task.sample_rate)
        try:
            statistics = read_npy(self._folder.read(name))
            check_array("it", statistics, np.float32, (2, *shape))
            return statistics
        except ArraysError as error:
            raise DatasetError(
                f"{self._folder.url}/{name} is damaged ({error}): run the command that made the "
                "set again"
            ) from None

    def loader(
        self, start: int, rank: int = 0, ranks: int = 1
    ) -> Generator[list[Batch], None, None]:
        """Yield one device's share of every batch from step ``start`` on, as parts to join.

        Close the generator to end its processes. Raises :class:`DatasetError` if ``ranks`` devices
        cannot share a batch equally, or for a shard that is missing or damaged.
        """
        lanes = self._order.lanes
        if lanes % ranks:
            raise DatasetError(
                f"a batch of {self._order.batch} is {lanes} groups of {self._order.group}, which "
                f"{ranks} devices cannot share equally: set data.batch to a multiple of "
                f"{ranks * self._order.group}, or use another number of devices"
            )
        share = lanes // ranks
        # The largest number of processes that divides the lanes, so that all get as many.
        loaders = max((n for n in range(1, self._loaders + 1) if share % n == 0), default=0)
        stream = ShardStream(
            self._folder.url,
            self._plan,
            self._observation,
            self._pairing,
            self._order,
            range(rank * share, (rank + 1) * share),
            start,
        )
        processes = iter(
            DataLoader(
                stream,
                batch_size=None,
                num_workers=loaders,
                # Neither HDF5 nor threads survive a fork.
                multiprocessing_context="spawn" if loaders else None,
                worker_init_fn=begin_loader if loaders else None,
                pin_memory=torch.cuda.is_available(),
            )
        )
        while True:
            parts = [next(processes) for _ in range(max(1, loaders))]
            for part in parts:
                if isinstance(part, UnsynthError):
                    raise part
            yield parts

    def train_dataloader(self) -> TimedBatches[list[Batch]]:
        """Start at the trainer's step, with its device's share."""
        trainer = self.trainer
        assert trainer is not None
        self.close()
        self._running = self.loader(trainer.global_step, trainer.global_rank, trainer.world_size)
        if self._parts == 1:
            return TimedBatches(self._running)
        batches = (join(parts) for parts in self._running)
        return TimedBatches([part] for batch in batches for part in batch.parts(self._parts))

    def on_after_batch_transfer(self, batch: list[Batch], dataloader_idx: int) -> Batch:
        """Join the parts, on the device."""
        return join(batch)

    def close(self) -> None:
        """End the trainer's loader processes."""
        if self._running is not None:
            self._running.close()
            self._running = None


def read_validation(folder: Folder, task: Task, observation: Observation, count: int) -> Sounds:
    """Read the first ``count`` sounds of a finished validation set.

    Raises :class:`DatasetError` for a set that is not finished, of another task or split, without
    this observation, damaged, or too small.
    """
    plan = _read_plan(folder, task, observation, Split.VALIDATION)
    if plan.count < count:
        raise DatasetError(
            f"{folder.url} holds {plan.count} sounds, fewer than the {count} to validate with: "
            "make a larger set, or lower data.validation"
        )
    return ShardReader(folder.url, plan, observation).first(count)


def _read_plan(folder: Folder, task: Task, observation: Observation, split: Split) -> Plan:
    """Read the plan of a set, and check that it is finished and fits a model of this task."""
    manifest = read_manifest(folder)
    plan, where = manifest.plan, folder.url
    plan.check_task(task, where)
    if not manifest.finished:
        raise DatasetError(f"{where} is not finished: first run the command that made it again")
    if plan.split is not split:
        raise DatasetError(
            f"{where} holds sounds of the split {plan.split.value}, not {split.value}: make a set "
            f"with --split {split.value}"
        )
    if observation not in plan.observe:
        kinds = ", ".join(plan.observe)
        raise DatasetError(
            f"{where} stores {kinds} of its sounds, but this model's encoder needs {observation}: "
            f"make a set with --observe {observation}, or choose another encoder"
        )
    return plan
