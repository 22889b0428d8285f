"""Small sets without rendering: the observations are noise that carries the item's number."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from unsynth.audio.observation import Observation
from unsynth.data.folder import Folder
from unsynth.data.manifest import begin, finish
from unsynth.data.plan import Plan
from unsynth.data.shards import Shard, shard_bytes
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.task import Task

SHAPES = {str(kind): kind.shape(1, 44_100) for kind in Observation}


def make_set(path: Path, task: Task, finished: bool = True, **changes: Any) -> Folder:
    """Make 200 sounds in shards of 40, that is, with runs of 32 and 8 sounds."""
    fields = {
        "task": task.name,
        "task_hash": task.hash,
        "count": 200,
        "shard_sounds": 40,
        "observe": tuple(Observation),
    }
    plan = Plan(**(fields | changes))
    folder = Folder(path)
    for shard in begin(folder, plan):
        folder.write(plan.file(shard), shard_bytes(plan, _shard(plan, shard, task)))
    if finished:
        finish(folder)
    return folder


def _shard(plan: Plan, number: int, task: Task) -> Shard:
    items = plan.items(number)
    rng = np.random.default_rng((plan.seed, number))
    arrays = {"patches": np.stack([task.sample(rng) for _ in items])}
    for kind in map(str, plan.observe):
        frame = rng.integers(0, 256, (len(items), *SHAPES[kind][-1:]), dtype=np.uint8)
        frame[:, :2] = np.array(items, dtype=">u2")[:, None].view(np.uint8)
        shape = (len(items), *[1] * (len(SHAPES[kind]) - 1), frame.shape[-1])
        arrays[kind] = np.broadcast_to(frame.reshape(shape), (len(items), *SHAPES[kind])).copy()
        levels = arrays[kind].astype(np.uint64)
        arrays[f"sums/{kind}"] = np.stack([levels.sum(0), np.square(levels).sum(0)])
    return Shard(number, arrays, 0, [])


def item_numbers(observed: torch.Tensor) -> list[int]:
    """Read the items' numbers out of their observations."""
    frames = observed.reshape(len(observed), -1).int()
    return (256 * frames[:, 0] + frames[:, 1]).tolist()


class LargeTask(DX7Task):
    """A task whose pickle is far larger than the buffer of a pipe, as one of Vital."""

    def __init__(self, ballast: bytes = b"." * 1_000_000) -> None:
        super().__init__()
        self._ballast = ballast

    def __reduce__(self) -> tuple[type, tuple[bytes]]:
        return LargeTask, (self._ballast,)
