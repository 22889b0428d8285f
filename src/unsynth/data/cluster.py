"""Make a dataset on a Ray cluster, one Ray task per shard.

Ray gives the task of a lost worker to another one, so a lost worker or node costs only its
unfinished shards. Each node needs unsynth and the engine, and must reach the folder: a shared disk,
or any place that fsspec knows.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import ray

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.local import DatasetProgress
from unsynth.data.manifest import begin, finish
from unsynth.data.plan import Plan
from unsynth.data.shards import make_shard, set_up_torch, shard_bytes
from unsynth.errors import EngineError, UnsynthError
from unsynth.files import remove_unfinished
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

#: Workers that a shard may lose and still be given to another one.
_MOST_RETRIES = 10


def make_on_cluster(
    plan: Plan,
    folder: Folder,
    address: str | None,
    load: Callable[[str], Task],
    workers: int | None = None,
) -> Iterator[DatasetProgress]:
    """Make the missing shards and the manifest; leave the loop to stop.

    ``address`` is that of a cluster; without one, Ray starts on this machine, with ``workers``
    cores. Raises the errors of :func:`~unsynth.data.local.make_dataset`, and
    :class:`DatasetError` if there is no cluster at the address.
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
    if folder.local is not None:
        remove_unfinished(folder.local)  # by workers that were killed
    yield DatasetProgress(plan.count, plan.count)


def _connect(address: str | None, workers: int | None) -> None:
    try:
        _check_address(address)
        ray.init(
            address=address,
            num_cpus=None if address else workers,
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(f"--address {address}: no Ray cluster there ({error})") from None


def _check_address(address: str | None) -> None:
    """Raise :class:`OSError` if nothing answers; Ray itself would take minutes to notice."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10.0).close()


def _make(
    plan: Plan, folder: Folder, missing: list[int], load: Callable[[str], Task]
) -> Iterator[DatasetProgress]:
    remote = ray.remote(num_cpus=1, max_retries=_MOST_RETRIES)(_make_shard)
    on_disk = plan.count - plan.sounds(missing)
    pending = list(reversed(missing))
    running: dict[Any, int] = {}
    while pending or running:
        # More tasks than cores, so that nodes that join later find work.
        while pending and len(running) < 2 * int(ray.cluster_resources().get("CPU", 1)):
            shard = pending.pop()
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
                    f"shard {shard} lost {_MOST_RETRIES + 1} workers; finished shards are kept "
                    f"({reason})"
                ) from None
            on_disk += len(plan.items(shard))
        yield DatasetProgress(on_disk, plan.count)


def _make_shard(plan: Plan, url: str, shard: int, load: Callable[[str], Task]) -> None:
    set_up_torch(plan)
    task = load(plan.source)
    with Renderer(task.synth, workers=1, timeout=plan.time_limit) as renderer:
        data = shard_bytes(plan, make_shard(plan, shard, task, renderer))
    Folder(url).write(plan.file(shard), data)
