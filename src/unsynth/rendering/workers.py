"""Calls in worker processes that may die or hang, at the cost of the call they were in.

Each worker has a pipe of its own, and a thread here that waits for it: workers share no lock that
one of them could take with it, and a pipe whose far end is gone says so.
"""

import multiprocessing
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from unsynth.errors import UnsynthError

_Argument = TypeVar("_Argument")
_Reply = TypeVar("_Reply")

#: Seconds within which a worker must have begun, and how often one may die before it has.
_START = 300.0
_STARTS = 3

#: Python's table of child processes is not made for several threads.
_children = threading.Lock()


class WorkerDied(Exception):  # noqa: N818 (it happened to a worker; it may be no error)
    """A worker process ended in the middle of a call, or ``_STARTS`` of them before one."""

    def __init__(self, exitcode: int | None, began: bool) -> None:
        super().__init__(exitcode, began)
        self.exitcode = exitcode
        self.began = began


class Workers(Generic[_Argument, _Reply]):
    """Answers calls in ``count`` processes, each of which makes its function once; close it.

    ``make`` and what is sent must be picklable; ``timeout`` is seconds a call.
    """

    def __init__(
        self, make: Callable[[], Callable[[_Argument], _Reply]], count: int, timeout: float
    ) -> None:
        self._make, self._timeout = make, timeout
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._started: set[_Worker] = set()
        self._closed = False

    def submit(self, argument: _Argument) -> "Future[_Reply]":
        """Schedule a call; calls begin in the order in which they came.

        The result raises what the function raised, :class:`TimeoutError`, or :class:`WorkerDied`.
        """
        return self._threads.submit(self._call, argument)

    def close(self) -> None:
        """Kill the workers; the calls that they were in end as if they had died."""
        with self._lock:
            self._closed = True
            for worker in self._started:
                worker.process.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._started:
            worker.close()

    def _call(self, argument: _Argument) -> Any:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is not None and worker.died_idle():
            self._dismiss(worker)
            worker = None
        if worker is None:
            worker = self._own.worker = self._hire()
        try:
            return worker.call(argument, self._timeout)
        except (WorkerDied, TimeoutError):
            self._dismiss(worker)
            raise

    def _hire(self) -> "_Worker":
        for _ in range(_STARTS):
            with self._lock:
                if self._closed:
                    break
                worker = _Worker(self._make)
                self._started.add(worker)
            try:
                worker.answer(_START)
                return worker
            except BaseException as error:
                self._dismiss(worker)
                if not isinstance(error, WorkerDied | TimeoutError):
                    raise
        raise WorkerDied(None if self._closed else worker.process.exitcode, began=False)

    def _dismiss(self, worker: "_Worker") -> None:
        self._own.worker = None
        worker.close()
        with self._lock:
            self._started.discard(worker)


class _Worker:
    """One process, and this side of its pipe."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, make))
        with _children:
            self.process.start()
        theirs.close()

    def died_idle(self) -> bool:
        """Find out between two calls, when there is nothing to read but the pipe's end."""
        return self._pipe.poll()

    def call(self, argument: Any, timeout: float) -> Any:
        try:
            self._pipe.send(argument)
        except ConnectionError:
            raise self._death() from None
        return self.answer(timeout)

    def answer(self, timeout: float) -> Any:
        """Wait for an answer; a worker that is killed for being late closes the pipe."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(timeout, end)
        timer.start()
        try:
            answer, error = self._pipe.recv()
        except (EOFError, OSError):
            if late.is_set():
                raise TimeoutError(f"no answer after {timeout:g} s") from None
            raise self._death() from None
        finally:
            timer.cancel()
        if error is not None:
            raise error
        return answer

    def _death(self) -> WorkerDied:
        with _children:
            self.process.join()
        return WorkerDied(self.process.exitcode, began=True)

    def close(self) -> None:
        self.process.kill()
        with _children:
            self.process.join()
        self._pipe.close()


def _serve(pipe: Connection, make: Callable[[], Callable[[Any], Any]]) -> None:
    """Answer calls with (answer, None) or (None, error), the making of the function first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
    try:
        function = make()
    except Exception as error:
        pipe.send((None, _portable(error)))
        return
    pipe.send((None, None))
    try:
        while True:
            pipe.send(_answer(function, pipe.recv()))
    except (EOFError, OSError):
        pass  # the parent is gone


def _answer(function: Callable[[Any], Any], argument: Any) -> tuple[Any, Exception | None]:
    try:
        return function(argument), None
    except Exception as error:
        return None, _portable(error)


def _portable(error: Exception) -> Exception:
    """Make an error that another process can read: of any but ours, its text."""
    return error if isinstance(error, UnsynthError) else RuntimeError(traceback.format_exc())
