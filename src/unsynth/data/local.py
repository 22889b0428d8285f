"""Make a dataset with the processes of this machine.

Each worker process makes whole shards, with an engine of its own. One that dies is replaced, and
so is one from which nothing was heard for too long; its shard is made again from its first item.
An engine that may crash lives in a process of its own below the worker
(:class:`~unsynth.rendering.renderer.Renderer`), so there a crash costs a draw and not a shard.
"""

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil
import torch
from filelock import FileLock, Timeout

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import begin, finish
from unsynth.data.plan import Plan
from unsynth.data.shards import make_shard, shard_bytes
from unsynth.errors import EngineError, UnsynthError
from unsynth.files import remove_unfinished
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

#: Seconds between two words of a worker, and what is granted for its start.
_BEAT, _START = 0.2, 120.0
#: What a worker needs for itself between two words, at most.
_OWN_SECONDS = 30.0
#: How often the worker of one shard may die.
_DEATHS = 3
#: How much a worker may grow, in bytes, before another takes its place.
_GROWTH = 512 * 2**20


@dataclass(frozen=True)
class Made:
    """How far a set is: sounds that are on disk or rendered, of all."""

    sounds: int
    total: int


class _Word(Enum):
    """What a worker says besides numbers and errors."""

    READY = "its shard, if it had one, is on disk; it waits for another"
    GROWN = "its shard is on disk, and it ends"


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    heard: float
    #: What it works on; it waits for one, or it starts.
    shard: int | None = None
    waits: bool = False
    #: Whether it ends because it holds too much memory.
    grown: bool = False
    #: Items of the shard that are rendered.
    done: int = 0


def make_dataset(
    plan: Plan, folder: Folder, workers: int, load: Callable[[str], Task]
) -> Iterator[Made]:
    """Make the shards that are missing, and the manifest; leave the loop to stop.

    ``load`` finds a task by its name, in each worker. Raises :class:`DatasetError` for a folder
    that holds another set or cannot be written, :class:`EngineError` where the engine is missing
    or no draw sounds.
    """
    plan.check_task(load(plan.source), "the plan")
    missing = begin(folder, plan)
    with _Alone(folder):
        if missing:
            yield from _Team(plan, folder, min(workers, len(missing)), load).make(missing)
        finish(folder)
    yield Made(plan.count, plan.count)


class _Alone:
    """Holds a local folder for one process at a time."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lock = None if folder.local is None else FileLock(folder.local / ".lock")

    def __enter__(self) -> None:
        if self._lock is None:
            return
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise DatasetError(f"{self._folder.url}: another process makes this set") from None
        self._clean()

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._clean()
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def _clean(self) -> None:
        """Remove what killed workers left."""
        assert self._folder.local is not None
        remove_unfinished(self._folder.local)


class _Team:
    """The workers of one set."""

    def __init__(
        self, plan: Plan, folder: Folder, workers: int, load: Callable[[str], Task]
    ) -> None:
        self._plan, self._folder, self._load = plan, folder, load
        self._count = workers
        self._workers: list[_Worker] = []
        #: Of workers that made a shard, and of those that had none yet.
        self._deaths: Counter[int | None] = Counter()

    def make(self, missing: list[int]) -> Iterator[Made]:
        left = list(reversed(missing))
        total = self._plan.count
        made = total - sum(len(self._plan.items(shard)) for shard in missing)
        try:
            self._workers = [self._hire() for _ in range(self._count)]
            while left or any(worker.shard is not None for worker in self._workers):
                ready = wait([worker.connection for worker in self._workers], timeout=1.0)
                for place, worker in enumerate(self._workers):
                    if worker.connection in ready:
                        try:
                            made += self._listen(worker)
                        except (EOFError, OSError):
                            self._workers[place] = self._replace(worker, left)
                    elif self._hangs(worker):
                        self._workers[place] = self._replace(worker, left)
                for worker in self._workers:
                    if worker.waits and left:
                        worker.shard, worker.waits, worker.done = left.pop(), False, 0
                        with suppress(ConnectionError):  # if it has died, that is heard next
                            worker.connection.send(worker.shard)
                yield Made(made + sum(worker.done for worker in self._workers), total)
        finally:
            for worker in self._workers:
                worker.process.kill()
            for worker in self._workers:
                worker.process.join()

    def _hire(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, self._plan, self._folder.url, self._load, _GROWTH)
        )
        process.start()
        theirs.close()
        return _Worker(process, ours, time.monotonic() + _START)

    def _listen(self, worker: _Worker) -> int:
        """Hear a word of a worker; return how many more sounds are on disk."""
        word = worker.connection.recv()
        worker.heard = time.monotonic()
        if isinstance(word, UnsynthError):
            raise word
        if isinstance(word, int):
            worker.done = word
            return 0
        finished = worker.shard
        worker.shard, worker.done = None, 0
        worker.waits, worker.grown = word is _Word.READY, word is _Word.GROWN
        return 0 if finished is None else len(self._plan.items(finished))

    def _hangs(self, worker: _Worker) -> bool:
        # Its engine has the limit twice, and may have to start; the rest is its own work.
        granted = 2 * self._plan.time_limit + _OWN_SECONDS
        return not worker.waits and time.monotonic() - worker.heard > granted

    def _replace(self, worker: _Worker, left: list[int]) -> _Worker:
        """Put another in a worker's place, and its shard back."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        if worker.shard is not None:
            left.append(worker.shard)
        if not (worker.waits or worker.grown):
            self._deaths[worker.shard] += 1
        if self._deaths[worker.shard] >= _DEATHS:
            where = "started" if worker.shard is None else f"made shard {worker.shard}"
            raise EngineError(
                f"{_DEATHS} workers died or hung while they {where}, the last with exit code "
                f"{worker.process.exitcode}; what is finished is kept"
            )
        return self._hire()


def _work(
    connection: Connection, plan: Plan, url: str, load: Callable[[str], Task], growth: int
) -> None:
    """Make shards until there are no more; a worker that has grown ends, for another to start.

    Says the number of items that are done while it works, and the error that all of the work is
    to end with.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    spoke = time.monotonic()

    def say(done: int) -> None:
        nonlocal spoke
        if time.monotonic() - spoke >= _BEAT:
            connection.send(done)
            spoke = time.monotonic()

    try:
        folder, task = Folder(url), load(plan.source)
        with Renderer(task.synth, workers=1, timeout=plan.time_limit) as renderer:
            first_size: int | None = None
            connection.send(_Word.READY)
            while True:
                shard = connection.recv()
                data = shard_bytes(plan, make_shard(plan, shard, task, renderer, say))
                folder.write(plan.file(shard), data)
                size = _memory()
                first_size = first_size or size
                if size - first_size > growth:
                    connection.send(_Word.GROWN)
                    return
                connection.send(_Word.READY)
    except UnsynthError as error:
        connection.send(error)
    except (EOFError, ConnectionError):
        pass  # the parent is gone
    except Exception as error:  # whatever it is, another worker would meet it too
        connection.send(EngineError(f"a worker failed: {type(error).__name__}: {error}"))


def _memory() -> int:
    """Sum the bytes of this process and those below it."""
    found = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            found += process.memory_info().rss
        except psutil.Error:
            continue
    return found
