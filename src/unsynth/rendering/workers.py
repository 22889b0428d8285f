"""Function calls in worker processes that may die or hang; that costs only the current call.

Each worker has its own pipe, and its own thread in this process that waits for it. Workers share no
lock, so a worker that dies cannot leave one locked. A worker's death closes its end of the pipe, so
the thread notices it.

Everything large goes through that pipe. What :mod:`multiprocessing` itself sends while it starts a
process must fit the buffer of a pipe: it keeps the other end open too, so a process that dies
before it has read everything would leave it waiting for ever.
"""

import multiprocessing
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from unsynth.errors import EngineError, UnsynthError

_Argument = TypeVar("_Argument")
_Reply = TypeVar("_Reply")

#: Seconds that a worker may take to start.
_START_TIMEOUT = 300.0
#: Number of attempts to start a worker for a call.
_START_ATTEMPTS = 3

#: Held while processes are started or joined: Python's table of child processes is not thread-safe.
_children = threading.Lock()


class WorkerDied(Exception):  # noqa: N818 (an event in a worker, not always an error)
    """A worker process ended during a call, or every attempt to start one failed.

    ``began`` says whether the call had reached a worker. ``exitcode`` is that of the last worker,
    or ``None`` if the pool was closed before the call.
    """

    def __init__(self, exitcode: int | None, began: bool) -> None:
        super().__init__(exitcode, began)
        self.exitcode = exitcode
        self.began = began


class Workers(Generic[_Argument, _Reply]):
    """A pool of ``count`` processes that answer calls; close it.

    Each process calls ``make`` once, to get the function that answers. ``make``, arguments and
    replies must be picklable. ``timeout`` is in seconds per call.
    """

    def __init__(
        self, make: Callable[[], Callable[[_Argument], _Reply]], count: int, timeout: float
    ) -> None:
        self._make, self._timeout = make, timeout
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._thread_local = threading.local()
        self._lock = threading.Lock()
        self._running: set[_Worker] = set()
        self._closed = False
        #: Whether a worker ever started.
        self.started = False

    def submit(self, argument: _Argument) -> "Future[_Reply]":
        """Schedule a call; calls start in the order of submission.

        The future's ``result`` raises the function's error, :class:`TimeoutError`, or
        :class:`WorkerDied`.
        """
        return self._threads.submit(self._call, argument)

    def close(self) -> None:
        """Kill the workers; their current calls raise :class:`WorkerDied`."""
        with self._lock:
            self._closed = True
            for worker in self._running:
                worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._running:
            worker.close()

    def _call(self, argument: _Argument) -> Any:
        worker: _Worker | None = getattr(self._thread_local, "worker", None)
        if worker is not None and worker.died_idle():
            self._discard(worker)
            worker = None
        if worker is None:
            worker = self._thread_local.worker = self._start()
        try:
            return worker.call(argument, self._timeout)
        except (WorkerDied, TimeoutError):
            self._discard(worker)
            raise

    def _start(self) -> "_Worker":
        for _ in range(_START_ATTEMPTS):
            with self._lock:
                if self._closed:
                    break
                worker = _Worker()
                self._running.add(worker)
            try:
                worker.call(self._make, _START_TIMEOUT)
                self.started = True
                return worker
            except BaseException as error:
                self._discard(worker)
                if not isinstance(error, WorkerDied | TimeoutError):
                    raise
        raise WorkerDied(None if self._closed else worker.process.exitcode, began=False)

    def _discard(self, worker: "_Worker") -> None:
        self._thread_local.worker = None
        worker.close()
        with self._lock:
            self._running.discard(worker)


class _Worker:
    """One process, and this process's end of its pipe; its first call must be to ``make``."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, worker_end = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(worker_end,))
        with _children:
            self.process.start()
        worker_end.close()

    def died_idle(self) -> bool:
        """Check whether the process died: between two calls, a pipe is only readable at its end."""
        return self._pipe.poll()

    def call(self, argument: Any, timeout: float) -> Any:
        """Send an argument and wait for the reply.

        After ``timeout``, kill the worker: that closes its end of the pipe, so neither the sending
        nor the waiting can go on.
        """
        late = threading.Event()

        def kill() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(timeout, kill)
        timer.start()
        try:
            self._pipe.send(argument)
            reply, error = self._pipe.recv()
        except (EOFError, OSError):
            if late.is_set():
                raise TimeoutError(f"no answer after {timeout:g} s") from None
            raise self._death() from None
        finally:
            timer.cancel()
        if error is not None:
            raise error
        return reply

    def _death(self) -> WorkerDied:
        with _children:
            self.process.join()
        return WorkerDied(self.process.exitcode, began=True)

    def close(self) -> None:
        self.process.kill()
        with _children:
            self.process.join()
        self._pipe.close()


def _serve(pipe: Connection) -> None:
    """Receive ``make``, then arguments of the function it returns.

    Sends (reply, None) or (None, error) for each.
    """
    # Ctrl-C reaches the parent too, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        function = _start(pipe)
        if function is not None:
            while True:
                pipe.send(_answer(function, pipe.recv()))
    except (EOFError, OSError):
        pass  # The parent is gone.


def _start(pipe: Connection) -> Callable[[Any], Any] | None:
    """Make the function that answers; ``None``, after sending the error, if that fails."""
    data = pipe.recv_bytes()
    try:
        function: Callable[[Any], Any] = pickle.loads(data)()
    except Exception as error:
        if not isinstance(error, UnsynthError):
            error = EngineError(
                f"the engine's process could not start: {type(error).__name__}: {error}"
            )
        pipe.send((None, error))
        return None
    pipe.send((None, None))
    return function


def _answer(function: Callable[[Any], Any], argument: Any) -> tuple[Any, Exception | None]:
    try:
        return function(argument), None
    except Exception as error:
        return None, _portable(error)


def _portable(error: Exception) -> Exception:
    """Make an error picklable: errors from outside this package become their text."""
    return error if isinstance(error, UnsynthError) else RuntimeError(traceback.format_exc())
