"""Render many patches in parallel, in order; a failure costs one sound.

Where an engine runs follows from its :class:`~unsynth.synths.base.Concurrency`: in threads with one
engine each, in worker processes that may die, or in the caller's thread. A single thread is always
the caller's.
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
from unsynth.errors import EngineError
from unsynth.interruption import await_result
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.synths.base import Concurrency, Note, Synth

#: A patch in the engine's own form, and the note to play.
Request = tuple[Any, Note]
#: A sound, at the engine's sample rate.
Audio = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class RenderFailure:
    """The reason why a sound could not be rendered."""

    reason: str
    #: Whether the engine's process died or hung. A second attempt may then succeed.
    worker_lost: bool = False
    #: The last lines that a process printed before it died.
    printed: str = ""


class Renderer:
    """A renderer of requests with engines from ``make_synth``; close it, or use it in a ``with``.

    ``workers`` defaults to the number of cores. ``timeout`` (seconds per sound) applies only to
    engines in processes, because only a process that hangs can be replaced. For those,
    ``make_synth`` must be picklable. Raises :class:`~unsynth.errors.EngineError` at once if the
    engine is not installed.
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
        synth = make_synth()
        self._sample_rate = synth.sample_rate
        #: The engine, if the caller's thread renders.
        self._synth: Synth[Any] | None = None
        self._workers = workers or cores()
        self._threads: ThreadPoolExecutor | None = None
        self._processes: Workers[Request, Audio | RenderFailure] | None = None
        match synth.concurrency:
            case Concurrency.THREADS if self._workers > 1:
                self._local = threading.local()
                self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="render")
            case Concurrency.PROCESSES:
                make = partial(_make_worker_function, make_synth, seconds)
                self._processes = Workers(make, self._workers, timeout)
            case _:
                self._workers, self._synth = 1, synth

    @property
    def sample_rate(self) -> int:
        """Sample rate of the engine in Hz."""
        return self._sample_rate

    @property
    def workers(self) -> int:
        """Number of sounds rendered at once."""
        return self._workers

    def render(self, requests: Iterable[Request]) -> Iterator[Audio | RenderFailure]:
        """Yield audio or a failure for each request, in the order of the requests.

        Requests are read only a few ahead of the results, so ``requests`` may be endless. Leaving
        the loop early cancels the requests that have not started.

        Raises :class:`~unsynth.errors.EngineError` if the engine is to run in processes and none of
        them starts.
        """
        if self._synth is not None:
            for patch, note in requests:
                yield _render(self._synth, patch, note, self._seconds)
            return
        futures: deque[Future[Audio | RenderFailure]] = deque()
        try:
            for patch, note in requests:
                futures.append(self._submit(patch, note))
                if len(futures) >= 4 * self._workers:
                    yield self._await_result(futures.popleft())
            while futures:
                yield self._await_result(futures.popleft())
        finally:
            for future in futures:
                future.cancel()

    def _submit(self, patch: Any, note: Note) -> "Future[Audio | RenderFailure]":
        if self._threads is not None:
            return self._threads.submit(self._in_thread, patch, note)
        assert self._processes is not None
        return self._processes.submit((patch, note))

    def _in_thread(self, patch: Any, note: Note) -> Audio | RenderFailure:
        if not hasattr(self._local, "synth"):
            self._local.synth = self._make_synth()
        return _render(self._local.synth, patch, note, self._seconds)

    def _await_result(self, future: "Future[Audio | RenderFailure]") -> Audio | RenderFailure:
        try:
            return await_result(future)
        except WorkerDied as error:
            if not error.began and self._processes is not None and not self._processes.started:
                raise EngineError(
                    "the engine's process dies or hangs each time it starts "
                    f"({error.ending}); is there enough memory?"
                ) from None
            when = "" if error.began else " while it started"
            reason = f"the worker died{when}, with exit code {error.exitcode}"
            return RenderFailure(reason, True, error.printed)
        except TimeoutError:
            return RenderFailure(f"no sound after {self._timeout:g} s", True)

    def close(self) -> None:
        """Stop the workers and free the engine; sounds that are being rendered are lost."""
        self._synth = None  # Dexed complains of engines that outlive the interpreter.
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


def _render(synth: Synth[Any], patch: Any, note: Note, seconds: float) -> Audio | RenderFailure:
    try:
        audio = synth.render(patch, note, seconds)
    except Exception as error:  # Engines may raise anything, and one sound must not end a run.
        return RenderFailure(f"{type(error).__name__}: {error}")
    if not np.isfinite(audio).all():
        return RenderFailure("the engine returned samples that are not finite")
    return audio


def _make_worker_function(
    make_synth: Callable[[], Synth[Any]], seconds: float
) -> Callable[[Request], Audio | RenderFailure]:
    """Make an engine, in a worker process, and return the function that renders with it."""
    synth = make_synth()
    return lambda request: _render(synth, *request, seconds)
