"""Function calls in worker processes that may die or hang; that costs only the current call.

Each worker has its own pipe, and its own thread in this process that waits for it. Workers share no
lock, so a worker that dies cannot leave one locked. A worker's death closes its end of the pipe, so
the thread notices it.

Everything large goes through that pipe. What :mod:`multiprocessing` itself sends while it starts a
process must fit the buffer of a pipe: it keeps the other end open too, so a process that dies
before it has read everything would leave it waiting for ever.

What a worker prints goes to a file of its own, because plugins print whatever they like. The last
lines are shown if the worker dies, as far as they were written by then.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

from unsynth.documents import printable
from unsynth.errors import EngineError, UnsynthError

_Argument = TypeVar("_Argument")
_Reply = TypeVar("_Reply")

#: Seconds that a worker may take to start.
_START_TIMEOUT = 300.0
#: Number of attempts to start a worker for a call.
_START_ATTEMPTS = 3

#: Bytes of what a worker prints above which they are dropped after a call.
_PRINTED_BYTES = 65_536
#: How many of the last lines that a worker printed are shown, of how many characters in all, and in
#: how many of the last bytes they are looked for.
_LINES, _CHARACTERS, _READ_BYTES = 3, 300, 4096

#: Held while processes are started or joined: Python's table of child processes is not thread-safe.
_children = threading.Lock()


class WorkerDied(Exception):  # noqa: N818 (an event in a worker, not always an error)
    """A worker process ended during a call, or every attempt to start one failed.

    ``began`` says whether the call had reached a worker. ``exitcode`` is that of the last worker,
    or ``None`` if the pool was closed before the call. ``printed`` holds the last lines that the
    worker printed.
    """

    def __init__(self, exitcode: int | None, began: bool, printed: str = "") -> None:
        super().__init__(exitcode, began, printed)
        self.exitcode = exitcode
        self.began = began
        self.printed = printed

    @property
    def ending(self) -> str:
        """The exit code, and what the worker printed last."""
        said = f"; its last output: {self.printed}" if self.printed else ""
        return f"exit code {self.exitcode}{said}"


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
                printed = worker.printed()
                self._discard(worker)
                if not isinstance(error, WorkerDied | TimeoutError):
                    raise
        if self._closed:
            raise WorkerDied(None, began=False)
        raise WorkerDied(worker.process.exitcode, began=False, printed=printed)

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
        self._log = _make_log()
        self.process: BaseProcess = context.Process(target=_serve, args=(worker_end, self._log))
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
        return WorkerDied(self.process.exitcode, began=True, printed=self.printed())

    def printed(self) -> str:
        """Read the last lines that the process printed, in one line."""
        try:
            with Path(self._log).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _READ_BYTES))
                lines = file.read(_READ_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return ""
        last = " / ".join([line.strip() for line in lines if line.strip()][-_LINES:])
        return printable(last[-_CHARACTERS:])

    def close(self) -> None:
        self.process.kill()
        with _children:
            self.process.join()
        self._pipe.close()
        _remove_log(self._log)


def _make_log() -> str:
    """Make a file for what a worker prints; return its path, that of nowhere if there is no place.

    A worker removes it, too, if its parent is gone.
    """
    try:
        file, path = tempfile.mkstemp(prefix="unsynth-", suffix=".log")
    except OSError:
        return os.devnull
    os.close(file)
    return path


def _remove_log(path: str) -> None:
    if path != os.devnull:
        with suppress(OSError):  # Windows keeps a file that another process has open.
            Path(path).unlink()


def _serve(pipe: Connection, log: str) -> None:
    """Receive ``make``, then arguments of the function it returns.

    Sends (reply, None) or (None, error) for each. Prints to the file ``log``.
    """
    file = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    # Python's own streams may hold lines back, or write to the console past the file.
    sys.stdout = sys.stderr = open(  # noqa: SIM115 (open to the end of the process)
        2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    # Ctrl-C reaches the parent too, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        function = _start(pipe)
        if function is not None:
            while True:
                pipe.send(_answer(function, pipe.recv()))
                if os.fstat(file).st_size > _PRINTED_BYTES:
                    os.ftruncate(file, 0)
    except (EOFError, OSError):  # The parent is gone.
        _remove_log(log)


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
