"""A dataset as a plan: what it holds is a function of these few fields, whoever makes it.

Item i is the first draw of its own stream that is heard (:mod:`unsynth.data.draws`); shard j holds
items ``j shard_sounds`` up to, without, ``(j + 1) shard_sounds``.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, PositiveInt

from unsynth.audio.observation import Observation
from unsynth.data.external import DatasetError
from unsynth.data.seeding import Split
from unsynth.tasks.task import Task


class Plan(BaseModel):
    """What a dataset holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str
    task_hash: str
    #: Where a task that a user's file declares was read from.
    task_file: str | None = None
    #: Sounds.
    count: PositiveInt
    split: Split = Split.TRAIN
    seed: NonNegativeInt = 0
    shard_sounds: PositiveInt = 1000
    #: What of each sound is kept.
    observe: tuple[Observation, ...] = (Observation.LOG_MEL,)
    #: Whether the sounds themselves are kept, in 16 bits.
    audio: bool = False
    #: Seconds after which an engine that gives no sound is taken to hang.
    time_limit: PositiveFloat = 60.0
    #: Of the files' layout.
    format: Literal[1] = 1

    @property
    def source(self) -> str:
        """What the task is loaded by."""
        return self.task_file or self.task

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.count // self.shard_sounds)

    def items(self, shard: int) -> range:
        """Find the items of a shard."""
        first = shard * self.shard_sounds
        return range(first, min(self.count, first + self.shard_sounds))

    def file(self, shard: int) -> str:
        """Name a shard's file."""
        return f"shard-{shard:06d}.h5"

    def check_task(self, task: Task, where: str) -> None:
        """Raise :class:`DatasetError` where this is a plan for another version of its task."""
        if (self.task, self.task_hash) != (task.name, task.hash):
            raise DatasetError(
                f"{where} holds sounds of task {self.task} {self.task_hash}, and this version of "
                f"unsynth has {task.name} {task.hash}: make a new set, or use the version that "
                "made this one"
            )

    def check_same(self, other: "Plan", where: str) -> None:
        """Raise :class:`DatasetError` naming a field of another plan that differs."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        for key, value in mine.items():
            if theirs[key] != value and key != "task_file":  # its hash says what it holds
                raise DatasetError(
                    f"{where} holds another set, with {key} {theirs[key]}, not {value}: "
                    "choose another folder"
                )
