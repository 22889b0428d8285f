"""Notes for the page's keyboard, rendered by the real engine.

Each engine runs in a process of its own: a plugin that crashes costs one note.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.rendering.workers import Workers
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task

#: Seconds that a note may take.
_TIMEOUT = 60.0


#: A patch by the names of its parameters.
_Values = Mapping[str, int | float | str]


@dataclass(frozen=True)
class _Play:
    parameters: _Values
    note: Note
    seconds: float


@dataclass(frozen=True)
class _Write:
    parameters: _Values


class Player:
    """Plays patches of any task. Close it after use."""

    def __init__(self) -> None:
        self._engines: dict[str, Workers[_Play | _Write, Any]] = {}
        self._lock = threading.Lock()

    def play(
        self,
        source: str,
        parameters: _Values,
        note: Note,
        seconds: float,
    ) -> "Future[Float32[np.ndarray, 'channels samples']]":
        """Render a note of a patch, given by name, of the task ``source``.

        The future raises :class:`~unsynth.errors.UnsynthError` for what cannot be played,
        :class:`~unsynth.rendering.workers.WorkerDied` and :class:`TimeoutError`.
        """
        return self._submit(source, _Play(dict(parameters), note, seconds))

    def write(self, source: str, parameters: _Values) -> "Future[dict[str, bytes]]":
        """Write a patch as the files that its synthesizer opens, by name; raises as ``play``."""
        return self._submit(source, _Write(dict(parameters)))

    def _submit(self, source: str, order: _Play | _Write) -> "Future[Any]":
        with self._lock:
            if source not in self._engines:
                self._engines[source] = Workers(partial(_make_player, source), 1, _TIMEOUT)
            return self._engines[source].submit(order)

    def close(self) -> None:
        """Stop the engines."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()


def _make_player(source: str) -> Callable[[_Play | _Write], Any]:
    """Make an engine, in its process, and return the function that carries out orders."""
    task = load_task(source)
    synth = task.synth()

    def carry_out(order: _Play | _Write) -> Any:
        patch = task.spec.from_named(order.parameters)
        if isinstance(order, _Play):
            return synth.render(task.engine_patch(patch), order.note, order.seconds)
        with TemporaryDirectory(prefix="unsynth-") as folder:
            paths = task.export(patch[None], Path(folder))
            return {path.name: path.read_bytes() for path in paths}

    return carry_out
