"""The plan of a dataset: a few fields that determine its content, whoever makes it.

Item i is the first audible draw of its own stream (:mod:`unsynth.data.draws`). Shard j holds the
items from ``j * shard_sounds`` up to, but not including, ``(j + 1) * shard_sounds``.
"""

from collections.abc import Collection, Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unsynth.audio.observation import Observation
from unsynth.data.external import DatasetError
from unsynth.data.seeding import Split
from unsynth.documents import shown
from unsynth.tasks.task import Task

#: The most shards: their names have six digits.
MOST_SHARDS = 1_000_000


class Plan(BaseModel):
    """The content of a dataset, as a manifest and every shard store it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    #: The task's name.
    task: str = Field(max_length=200)
    task_hash: str = Field(max_length=200)
    #: The task file that the task was read from; ``None`` for a shipped task.
    task_file: str | None = None
    #: Sounds in the set.
    count: int = Field(gt=0, le=1_000_000_000)
    split: Split = Split.TRAIN
    seed: int = Field(default=0, ge=0)
    #: Sounds per shard; the last shard may hold fewer.
    shard_sounds: int = Field(default=1000, gt=0, le=100_000)
    #: The observations that are stored of each sound.
    observe: tuple[Observation, ...] = (Observation.LOG_MEL,)
    #: Whether the sounds themselves are stored, in 16 bits.
    audio: bool = False
    #: Seconds after which an engine that gives no sound is taken to hang.
    time_limit: float = Field(default=60.0, gt=0.0, le=1e6)
    #: Version of the files' layout.
    format: Literal[1] = 1

    @model_validator(mode="after")
    def _check_shards(self) -> "Plan":
        if self.shards > MOST_SHARDS:
            raise ValueError(
                f"{self.count} sounds in shards of {self.shard_sounds} are more than "
                f"{MOST_SHARDS:,} shards: put more sounds into a shard"
            )
        return self

    @property
    def source(self) -> str:
        """The name or path to load the task by."""
        return self.task_file or self.task

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.count // self.shard_sounds)

    def items(self, shard: int) -> range:
        """Return the items of a shard."""
        first = shard * self.shard_sounds
        return range(first, min(self.count, first + self.shard_sounds))

    def sounds(self, shards: Iterable[int]) -> int:
        """Count the sounds of some shards."""
        return sum(len(self.items(shard)) for shard in shards)

    def part(self, number: int, parts: int) -> range:
        """Return the shards of one of ``parts`` nearly equal parts; ``number`` counts from 1."""
        return range(number - 1, self.shards, parts)

    def file(self, shard: int) -> str:
        """Name a shard's file."""
        return f"shard-{shard:06d}.h5"

    def missing(self, names: Collection[str]) -> list[int]:
        """List the shards of which no file has a name among ``names``."""
        return [shard for shard in range(self.shards) if self.file(shard) not in names]

    def names_shard(self, name: str) -> bool:
        """Say whether a file's name is that of a shard."""
        number = name.removeprefix("shard-").removesuffix(".h5")
        return number.isdecimal() and int(number) < self.shards and self.file(int(number)) == name

    def check_task(self, task: Task, where: str) -> None:
        """Raise :class:`DatasetError` if this plan is for another version of its task."""
        if (self.task, self.task_hash) != (task.name, task.hash):
            raise DatasetError(
                f"{where} holds sounds of task {self.task} {self.task_hash}, but this version of "
                f"unsynth has {task.name} {task.hash}: make a new set, or use the version that "
                "made this one"
            )

    def check_same(self, other: "Plan", where: str) -> None:
        """Raise :class:`DatasetError` for another plan, naming the first field that differs."""
        fields, others = self.model_dump(mode="json"), other.model_dump(mode="json")
        for key, value in fields.items():
            # A task file may move; the task's hash stands for its content.
            if others[key] != value and key != "task_file":
                raise DatasetError(
                    f"{where} holds another set, with {key} {shown(others[key])}, not "
                    f"{shown(value)}: "
                    "choose another folder"
                )
