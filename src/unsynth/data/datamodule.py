"""Training from a dataset: its sounds as the batches that Lightning trains on.

A step's batch is a function of the seed and the step (:mod:`unsynth.data.order`). Devices take
equal parts of it, lane by lane, and so do the loader processes of a device; the parts are put
together where the model is.
"""

import io
from collections.abc import Generator

import lightning
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch.utils.data import DataLoader

from unsynth.audio.observation import Observation
from unsynth.data.batch import Batch, Waited
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.groups import begin_loader
from unsynth.data.manifest import read_manifest, statistics_file
from unsynth.data.order import Order
from unsynth.data.plan import Plan
from unsynth.data.reading import Reader, ShardStream, join
from unsynth.data.seeding import Split
from unsynth.data.shards import RUN
from unsynth.errors import UnsynthError
from unsynth.flow.coupling import Coupling
from unsynth.tasks.task import Task


class ShardBatches(lightning.LightningDataModule):
    """The batches of a finished training set, from the step that the trainer has come to."""

    def __init__(
        self,
        folder: Folder,
        task: Task,
        observation: Observation,
        batch: int,
        group: int,
        noises: int,
        coupling: Coupling,
        seed: int = 0,
        loaders: int = 1,
        parts: int = 1,
    ) -> None:
        """Noise is coupled within groups of ``group`` sounds, which divides ``batch``.

        ``loaders`` processes read, 0 for this one; the trainer gets each batch in ``parts``.
        Raises :class:`DatasetError` for a set that is not finished, of another task or split,
        observed otherwise, or smaller than a batch.
        """
        super().__init__()
        self._folder, self._observation = folder, observation
        self._plan = _usable(folder, task, observation, batch)
        self._order = Order(self._plan.count, self._plan.shard_sounds, RUN, batch, group, seed)
        self._task = task
        self._noises, self._coupling = noises, coupling
        self._loaders, self._parts = loaders, parts
        self._running: Generator[list[Batch], None, None] | None = None

    @property
    def contents(self) -> str:
        """What the set holds, in words: equal words, equal batches."""
        plan = self._plan
        return (
            f"{plan.count} sounds of {plan.task} {plan.task_hash} with seed {plan.seed}, "
            f"{plan.shard_sounds} a shard"
        )

    def first(self, sounds: int) -> UInt8[torch.Tensor, "items ..."]:
        """Read what is observed of the first sounds of the set."""
        reader = Reader(self._folder.url, self._plan, self._observation)
        return torch.from_numpy(reader.first(sounds).observed)

    def statistics(self) -> Float32[np.ndarray, "2 ..."]:
        """Read mean and standard deviation of every observed cell, in the unit of its bytes."""
        name = statistics_file(self._observation)
        try:
            return np.load(io.BytesIO(self._folder.read(name)))
        except (ValueError, EOFError) as error:
            raise DatasetError(
                f"{self._folder.url}/{name} is damaged ({error}): give the command that made the "
                "set again"
            ) from None

    def loader(
        self, start: int, rank: int = 0, ranks: int = 1
    ) -> Generator[list[Batch], None, None]:
        """Yield one device's part of every batch, as :func:`join` takes it; close it to stop."""
        lanes = self._order.lanes
        if lanes % ranks:
            raise DatasetError(
                f"a batch of {self._order.batch} is {lanes} groups of {self._order.group}, which "
                f"{ranks} devices cannot share equally: let data.batch be a multiple of "
                f"{ranks * self._order.group}, or use another number of devices"
            )
        share = lanes // ranks
        # Each process takes as many lanes as the others.
        loaders = max((n for n in range(1, self._loaders + 1) if share % n == 0), default=0)
        stream = ShardStream(
            self._folder.url,
            self._plan,
            self._observation,
            self._task,
            self._order,
            self._noises,
            self._coupling,
            range(rank * share, (rank + 1) * share),
            start,
        )
        parts = iter(
            DataLoader(
                stream,
                batch_size=None,
                num_workers=loaders,
                # HDF5 and threads are not to be forked.
                multiprocessing_context="spawn" if loaders else None,
                worker_init_fn=begin_loader if loaders else None,
                pin_memory=torch.cuda.is_available(),
            )
        )
        while True:
            found = [next(parts) for _ in range(max(1, loaders))]
            for part in found:
                if isinstance(part, UnsynthError):
                    raise part
            yield found

    def train_dataloader(self) -> Waited[list[Batch]]:
        """Start at the trainer's step, with its device's share."""
        trainer = self.trainer
        assert trainer is not None
        self.close()
        self._running = self.loader(trainer.global_step, trainer.global_rank, trainer.world_size)
        if self._parts == 1:
            return Waited(self._running)
        whole = (join(batch) for batch in self._running)
        return Waited([part] for batch in whole for part in batch.parts(self._parts))

    def on_after_batch_transfer(self, batch: list[Batch], dataloader_idx: int) -> Batch:
        """Put the parts together, on the device."""
        return join(batch)

    def close(self) -> None:
        """End the trainer's loader processes."""
        if self._running is not None:
            self._running.close()
            self._running = None


def _usable(folder: Folder, task: Task, observation: Observation, batch: int) -> Plan:
    """Read the plan of a set that this task's model can be trained from."""
    manifest = read_manifest(folder)
    plan, where = manifest.plan, folder.url
    plan.check_task(task, where)
    if not manifest.finished:
        raise DatasetError(
            f"{where} is not finished: finish it first with the command that made it"
        )
    if plan.split is not Split.TRAIN:
        raise DatasetError(
            f"{where} holds sounds of the split {plan.split.value}, not {Split.TRAIN.value}: train "
            "from another set"
        )
    if observation not in plan.observe:
        kept = ", ".join(plan.observe)
        raise DatasetError(
            f"{where} keeps {kept} of its sounds, and this model's encoder sees {observation}: "
            f"make a set with --observe {observation}, or choose another encoder"
        )
    if plan.count < batch:
        raise DatasetError(
            f"{where} holds {plan.count} sounds, fewer than a batch of {batch}: make a larger set, "
            "or lower data.batch"
        )
    return plan
