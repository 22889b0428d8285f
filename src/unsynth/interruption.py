"""Graceful interruption: the first signal asks the work to finish cleanly, the second aborts it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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
