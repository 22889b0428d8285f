"""Many patches to audio, in order, in parallel; a failure costs one sound.

The synth says where it may run (:class:`~unsynth.synths.base.Concurrency`): threads that each
hold an engine (one alone is the caller's), worker processes that may die, or the caller's thread.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.conventions import SECONDS
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.synths.base import Concurrency, Note, Synth

Request = tuple[Any, Note]
Audio = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class RenderFailure:
    """A sound that could not be made, and why."""

    reason: str
    #: Whether the engine's process died or hung, so that another may do better.
    worker_lost: bool = False


class Renderer:
    """Renders requests with engines made by ``make_synth``; close it, or use it in a ``with``.

    ``workers`` defaults to the number of cores. ``timeout`` (seconds a sound) holds for engines
    in processes, where a hanging worker can be replaced. ``make_synth`` must be picklable for
    those. Raises :class:`EngineError` at once where the engine is not installed.
    """

    def __init__(
        self,
        make_synth: Callable[[], Synth[Any]],
        workers: int | None = None,
        seconds: float = SECONDS,
        timeout: float = 60.0,
    ) -> None:
        self._seconds = seconds
        self._timeout = timeout
        self._make_synth = make_synth
        self._synth = make_synth()
        self._workers = workers or cores()
        self._threads: ThreadPoolExecutor | None = None
        self._processes: Workers[Request, Audio | RenderFailure] | None = None
        match self._synth.concurrency:
            case Concurrency.THREADS if self._workers > 1:
                self._local = threading.local()
                self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="render")
            case Concurrency.PROCESSES:
                make = partial(_engine, make_synth, seconds)
                self._processes = Workers(make, self._workers, timeout)
            case _:  # in the caller's thread
                self._workers = 1

    @property
    def sample_rate(self) -> int:
        """The engine's, in Hz."""
        return self._synth.sample_rate

    @property
    def workers(self) -> int:
        """How many sounds are rendered at once."""
        return self._workers

    def render(self, requests: Iterable[Request]) -> Iterator[Audio | RenderFailure]:
        """Yield audio or a failure for each request, in the order of the requests.

        Requests are taken as they are needed, a few ahead of what was yielded, so an endless
        stream of them is fine; leaving the loop early stops the work.
        """
        if self._threads is None and self._processes is None:
            for patch, note in requests:
                yield _attempt(self._synth, patch, note, self._seconds)
            return
        waiting: deque[Future[Audio | RenderFailure]] = deque()
        try:
            for patch, note in requests:
                waiting.append(self._submit(patch, note))
                if len(waiting) >= 4 * self._workers:
                    yield _result(waiting.popleft(), self._timeout)
            while waiting:
                yield _result(waiting.popleft(), self._timeout)
        finally:
            for future in waiting:
                future.cancel()

    def _submit(self, patch: Any, note: Note) -> "Future[Audio | RenderFailure]":
        if self._threads is not None:
            return self._threads.submit(self._in_thread, patch, note)
        assert self._processes is not None
        return self._processes.submit((patch, note))

    def _in_thread(self, patch: Any, note: Note) -> Audio | RenderFailure:
        if not hasattr(self._local, "synth"):
            self._local.synth = self._make_synth()
        return _attempt(self._local.synth, patch, note, self._seconds)

    def close(self) -> None:
        """Stop the workers; what they are rendering is lost."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        if self._processes is not None:
            self._processes.close()

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _attempt(synth: Synth[Any], patch: Any, note: Note, seconds: float) -> Audio | RenderFailure:
    try:
        audio = synth.render(patch, note, seconds)
    except Exception as error:  # an engine may raise anything, and one sound must not end a run
        return RenderFailure(f"{type(error).__name__}: {error}")
    if not np.isfinite(audio).all():
        return RenderFailure("the engine gave samples that are not finite")
    return audio


def _result(future: "Future[Audio | RenderFailure]", timeout: float) -> Audio | RenderFailure:
    try:
        return future.result()
    except WorkerDied as error:
        when = "" if error.began else " before it could begin"
        return RenderFailure(f"the worker died{when}, with exit code {error.exitcode}", True)
    except TimeoutError:
        return RenderFailure(f"no sound after {timeout:g} s", True)


def _engine(
    make_synth: Callable[[], Synth[Any]], seconds: float
) -> Callable[[Request], Audio | RenderFailure]:
    """Make an engine in a worker."""
    synth = make_synth()
    return lambda request: _attempt(synth, *request, seconds)
