"""Make a dataset with worker processes of this machine.

Each worker makes whole shards, with an engine of its own. A worker that dies, or that sends nothing
for too long, is replaced; its shard is made again from its first item. An engine that may crash
runs in a process of its own below the worker (:class:`~unsynth.rendering.renderer.Renderer`), so
that a crash costs one draw and not a shard.
"""

import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import psutil

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import begin, finish
from unsynth.data.plan import Plan
from unsynth.data.shards import make_shard, set_up_torch, shard_bytes
from unsynth.errors import EngineError, UnsynthError
from unsynth.files import remove_unfinished
from unsynth.output import reserve
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

#: Shortest time between two heartbeats of a worker, in seconds.
HEARTBEAT_SECONDS = 0.2
#: Time that a worker may take to start, in seconds, on top of the time between two heartbeats.
START_SECONDS = 120.0
#: Longest time, in seconds, a worker may spend on its own work between two heartbeats.
WORK_SECONDS = 30.0
#: Workers that may die or hang on the same shard before the run is given up.
MOST_DEATHS = 3
#: Memory, in bytes, by which a worker may grow before another takes its place.
MOST_GROWTH = 512 * 2**20


@dataclass(frozen=True)
class DatasetProgress:
    """The number of sounds that are rendered, of all sounds of the set, or of a part of it."""

    done: int
    total: int


class _Message(Enum):
    """What a worker sends besides its heartbeats (the items done so far) and errors."""

    READY = "its shard, if it had one, is on disk; it waits for the next"
    GROWN = "its shard is on disk; it has grown too large and ends"


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    #: Time of its last message; while it starts, the time by which it has to have started.
    last_message: float
    #: The shard it makes; ``None`` while it starts or waits.
    shard: int | None = None
    #: Whether it waits for a shard.
    waits: bool = False
    #: Whether it ends because of its memory.
    grown: bool = False
    #: Items of the shard that are rendered.
    done: int = 0


def make_dataset(
    plan: Plan,
    folder: Folder,
    workers: int,
    load: Callable[[str], Task],
    part: tuple[int, int] = (1, 1),
) -> Iterator[DatasetProgress]:
    """Make the missing shards of a part, and the manifest; leave the loop to stop.

    ``load`` loads a task by its name, in each worker. ``part`` is the number of the part, from 1,
    and how many there are; other processes, on any machine, make the other parts meanwhile. The set
    is finished with its last shard. Raises :class:`DatasetError` for a folder that holds another
    set or cannot be written, and :class:`EngineError` if the engine is missing or no draw gives a
    sound.
    """
    plan.check_task(load(plan.source), "the plan")
    folder.make()
    shards = plan.part(*part)
    total = plan.sounds(shards)
    with _reserved(folder, part):
        missing = [shard for shard in begin(folder, plan) if shard in shards]
        try:
            if missing:
                made = _Workers(plan, folder, min(workers, len(missing)), load).make(missing)
                done = total - plan.sounds(missing)
                for more in made:
                    yield DatasetProgress(done + more, total)
            if not plan.missing(folder.names()):
                finish(folder)
        finally:
            if folder.local is not None:  # left by workers that were killed, now or earlier
                names = None if part == (1, 1) else {plan.file(shard) for shard in shards}
                remove_unfinished(folder.local, names)
    yield DatasetProgress(total, total)


@contextmanager
def _reserved(folder: Folder, part: tuple[int, int]) -> Iterator[None]:
    """Reserve a part of a local folder for one process.

    Raises :class:`DatasetError` if another process makes this part, or divides the set into another
    number of parts, some of whose shards are the same.
    """
    if folder.local is None:
        yield
        return
    number, parts = part
    ending = f"-of-{parts}.lock"
    taken = DatasetError(f"{folder.url}: another process makes this set")
    divided = DatasetError(
        f"{folder.url}: another process makes this set, divided into another number of parts: "
        "give the same number, or wait until it ends"
    )
    with reserve(folder.local / f".part-{number}{ending}", taken):
        for other in folder.local.glob(".part-*.lock"):
            if not other.name.endswith(ending):
                with reserve(other, divided):
                    pass
        yield


class _Workers:
    """The workers of one set."""

    def __init__(self, plan: Plan, folder: Folder, count: int, load: Callable[[str], Task]) -> None:
        self._plan, self._folder, self._load = plan, folder, load
        self._count = count
        self._workers: list[_Worker] = []
        #: Deaths of workers by shard; under ``None``, of those that were starting.
        self._deaths: Counter[int | None] = Counter()

    def make(self, missing: list[int]) -> Iterator[int]:
        """Make the missing shards; yields the number of sounds that are rendered so far."""
        pending = list(reversed(missing))
        on_disk = 0
        try:
            self._workers = [self._start_worker() for _ in range(self._count)]
            while pending or any(worker.shard is not None for worker in self._workers):
                ready = wait([worker.connection for worker in self._workers], timeout=1.0)
                for place, worker in enumerate(self._workers):
                    if worker.connection in ready:
                        try:
                            on_disk += self._receive(worker)
                        except (EOFError, OSError):
                            self._workers[place] = self._replace(worker, pending)
                    elif self._hangs(worker):
                        self._workers[place] = self._replace(worker, pending)
                for worker in self._workers:
                    if worker.waits and pending:
                        worker.shard, worker.waits, worker.done = pending.pop(), False, 0
                        with suppress(ConnectionError):  # it has died; receiving will show it
                            worker.connection.send(worker.shard)
                yield on_disk + sum(worker.done for worker in self._workers)
        finally:
            for worker in self._workers:
                worker.process.kill()
            for worker in self._workers:
                worker.process.join()

    def _start_worker(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, self._plan, self._folder.url, self._load, MOST_GROWTH)
        )
        process.start()
        theirs.close()
        return _Worker(process, ours, time.monotonic() + START_SECONDS)

    def _receive(self, worker: _Worker) -> int:
        """Handle one message of a worker; return the number of sounds it has put on disk."""
        message = worker.connection.recv()
        worker.last_message = time.monotonic()
        if isinstance(message, UnsynthError):
            raise message
        if isinstance(message, int):
            worker.done = message
            return 0
        finished = worker.shard
        worker.shard, worker.done = None, 0
        worker.waits, worker.grown = message is _Message.READY, message is _Message.GROWN
        return 0 if finished is None else len(self._plan.items(finished))

    def _hangs(self, worker: _Worker) -> bool:
        # A draw that costs the engine its process is rendered twice, the second time by a process
        # that has to start.
        limit = 2 * self._plan.time_limit + WORK_SECONDS
        return not worker.waits and time.monotonic() - worker.last_message > limit

    def _replace(self, worker: _Worker, pending: list[int]) -> _Worker:
        """End a worker, put its shard back, and start another worker."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        if worker.shard is not None:
            pending.append(worker.shard)
        if not (worker.waits or worker.grown):
            self._deaths[worker.shard] += 1
        if self._deaths[worker.shard] >= MOST_DEATHS:
            activity = "starting" if worker.shard is None else f"making shard {worker.shard}"
            raise EngineError(
                f"{MOST_DEATHS} workers died or hung while {activity}, the last with exit code "
                f"{worker.process.exitcode}; finished shards are kept"
            )
        return self._start_worker()


def _work(
    connection: Connection, plan: Plan, url: str, load: Callable[[str], Task], growth: int
) -> None:
    """Make the shards that are received; end after one if memory has grown by ``growth`` bytes.

    Sends the number of finished items while it works, and the error that ends the whole run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and ends its workers
    set_up_torch(plan)
    last_heartbeat = time.monotonic()

    def send_heartbeat(done: int) -> None:
        nonlocal last_heartbeat
        if time.monotonic() - last_heartbeat >= HEARTBEAT_SECONDS:
            connection.send(done)
            last_heartbeat = time.monotonic()

    try:
        folder, task = Folder(url), load(plan.source)
        with Renderer(task.synth, workers=1, timeout=plan.time_limit) as renderer:
            first_size: int | None = None
            connection.send(_Message.READY)
            while True:
                shard = connection.recv()
                data = shard_bytes(plan, make_shard(plan, shard, task, renderer, send_heartbeat))
                folder.write(plan.file(shard), data)
                size = _memory()
                first_size = first_size or size
                if size - first_size > growth:
                    connection.send(_Message.GROWN)
                    return
                connection.send(_Message.READY)
    except UnsynthError as error:
        connection.send(error)
    except (EOFError, ConnectionError):
        pass  # the parent is gone
    except Exception as error:  # another worker would meet it too, so it ends the run
        connection.send(EngineError(f"a worker failed: {type(error).__name__}: {error}"))


def _memory() -> int:
    """Sum the resident memory of this process and its descendants, in bytes."""
    size = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            size += process.memory_info().rss
        except psutil.Error:
            continue
    return size
