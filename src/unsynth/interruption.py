"""Graceful interruption: the first signal asks the work to finish cleanly, the second aborts it.

Python calls a signal's handler in the main thread, once that thread runs Python again. A wait
without a limit of time may keep it from that: on Windows always, and on Unix where the system gives
the signal to another thread, as it may the second of two in a row. So the main thread waits for
engines in short turns (:func:`await_result`).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

_Result = TypeVar("_Result")

#: Seconds of a turn of waiting.
_TURN = 0.25


@contextmanager
def stop_on(*signals: signal.Signals) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether one of ``signals`` has arrived.

    A second signal raises :class:`KeyboardInterrupt`. Only the main thread receives signals; in any
    other thread the function always returns false.
    """
    requested = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        if requested:
            raise KeyboardInterrupt
        requested = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: requested
        return
    handlers = {number: signal.signal(number, handle) for number in signals}
    try:
        yield lambda: requested
    finally:
        for number, handler in handlers.items():
            # A handler that was not installed from Python is None and cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def await_result(future: "Future[_Result]") -> _Result:
    """Wait for a future's result, or raise its error; a signal is handled within 0.25 s."""
    while not future.done():
        wait((future,), timeout=_TURN)
    return future.result()
