"""Scoring in the process of the test, for tests of everything but the processes.

A process takes two seconds to start. ``test_evaluate.py`` starts real ones.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import pytest


class PoolHere:
    """What :class:`~unsynth.rendering.workers.Workers` does, in one thread."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], count: int, timeout: float):
        self._make = make

    @cached_property
    def _answer(self) -> Callable[[Any], Any]:
        return self._make()

    def submit(self, argument: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(self._answer(argument))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        pass


@contextmanager
def scored_here(nearest: int = 8) -> Iterator[None]:
    """Score targets here, and render a number of the index's draws for each, by default an eighth.

    A worker renders 64.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unsynth.evaluation.evaluate.Workers", PoolHere)
        patch.setattr("unsynth.evaluation.scorer.NEAREST", nearest)
        yield
