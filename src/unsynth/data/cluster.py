"""Make a dataset on a Ray cluster: a task a shard.

Ray gives a lost task to another worker, so a lost worker or node costs its unfinished shards and
no more. Each node needs unsynth and the engine, and must reach the folder: a shared disk, or any
place that fsspec knows.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import ray
import torch

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.local import Made
from unsynth.data.manifest import begin, finish
from unsynth.data.plan import Plan
from unsynth.data.shards import make_shard, shard_bytes
from unsynth.errors import EngineError, UnsynthError
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

#: How often a shard may lose its worker.
_LOSSES = 10


def make_on_cluster(
    plan: Plan,
    folder: Folder,
    address: str | None,
    load: Callable[[str], Task],
    workers: int | None = None,
) -> Iterator[Made]:
    """Make the shards that are missing, and the manifest; leave the loop to stop.

    ``address`` is that of a cluster; without one, Ray starts on this machine, with ``workers``
    cores. Raises what :func:`~unsynth.data.local.make_dataset` does, and :class:`DatasetError`
    where there is no cluster.
    """
    plan.check_task(load(plan.source), "the plan")
    ours = not ray.is_initialized()
    if ours:
        _connect(address, workers)
    try:
        yield from _make(plan, folder, begin(folder, plan), load)
    finally:
        if ours:
            ray.shutdown()
    finish(folder)
    yield Made(plan.count, plan.count)


def _connect(address: str | None, workers: int | None) -> None:
    try:
        _knock(address)
        ray.init(
            address=address,
            num_cpus=None if address else workers,
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"--address {address}: no Ray cluster there ({error})") from None


def _knock(address: str | None) -> None:
    """Raise :class:`OSError` where nobody answers, which Ray itself takes minutes to say."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10.0).close()


def _make(
    plan: Plan, folder: Folder, missing: list[int], load: Callable[[str], Task]
) -> Iterator[Made]:
    remote = ray.remote(num_cpus=1, max_retries=_LOSSES)(_make_shard)
    made = plan.count - sum(len(plan.items(shard)) for shard in missing)
    left = list(reversed(missing))
    running: dict[Any, int] = {}
    while left or running:
        # A few more than there are cores: those that join find work waiting.
        while left and len(running) < 2 * int(ray.cluster_resources().get("CPU", 1)):
            shard = left.pop()
            running[remote.remote(plan, folder.url, shard, load)] = shard
        done, _ = ray.wait(list(running), timeout=1.0)
        for reference in done:
            shard = running.pop(reference)
            try:
                ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, UnsynthError):
                    raise error.cause from None
                raise EngineError(f"shard {shard} failed: {error.cause!r}") from None
            except ray.exceptions.RayError as error:
                reason = " ".join(str(error).split())[:160]
                raise EngineError(
                    f"shard {shard} lost {_LOSSES + 1} workers; what is finished is kept ({reason})"
                ) from None
            made += len(plan.items(shard))
        yield Made(made, plan.count)


def _make_shard(plan: Plan, url: str, shard: int, load: Callable[[str], Task]) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    task = load(plan.source)
    with Renderer(task.synth, workers=1, timeout=plan.time_limit) as renderer:
        data = shard_bytes(plan, make_shard(plan, shard, task, renderer))
    Folder(url).write(plan.file(shard), data)
