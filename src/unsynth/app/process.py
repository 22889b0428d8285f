"""The process that searches, so that neither its load nor its death reaches the page's server.

It takes one order at a time through a pipe and answers with the messages below. It ends when the
pipe closes, so it does not outlive the server.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unsynth.app.requests import SearchRequest
from unsynth.errors import UnsynthError

if TYPE_CHECKING:
    from unsynth.matching.matcher import Matcher
    from unsynth.search.candidates import Candidate, Target

#: Seconds between two messages of progress.
_PROGRESS_INTERVAL = 0.15
#: Seconds between two sounds of the best patch: each costs the search some 20 ms.
_BEST_INTERVAL = 1.0
#: The search gives way to the server, which plays the keyboard.
_NICENESS = 5


@dataclass(frozen=True)
class Order:
    """A sound file to match, what to search, and the folder for the result."""

    sound: Path
    request: SearchRequest
    out: Path
    #: The file of patches to start from, if the request names one.
    patches: Path | None


@dataclass(frozen=True)
class Media:
    """A sound to hear (FLAC) and to see (its spectrogram as PNG)."""

    flac: bytes
    png: bytes


@dataclass(frozen=True)
class TargetReady:
    """The sound as it is matched, and what was changed to make it so."""

    media: Media
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Advance:
    """How far a stage has come; ``best`` is the best distance in dB after ``seconds``."""

    stage: str
    done: int
    total: int
    best: float | None
    seconds: float


@dataclass(frozen=True)
class BestSoFar:
    """The best patch so far: its sound, and its values by name."""

    media: Media
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """The folder of the result."""

    folder: Path


@dataclass(frozen=True)
class Failed:
    """Why there is no result."""

    reason: str


Message = TargetReady | Advance | BestSoFar | Finished | Failed


class SearchProcess:
    """A process that searches; a new one is started when it has died."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._stop = self._context.Event()
        self._pipe, worker_end = self._context.Pipe()
        self._process = self._context.Process(
            target=_serve, args=(worker_end, self._stop), daemon=False
        )
        self._process.start()
        worker_end.close()

    def prepare(self) -> None:
        """Make ready for the next order: from now on :meth:`stop` stops that one."""
        with self._lock:
            if not self._closed and not self._process.is_alive():
                self._start()
            self._stop.clear()

    def run(self, order: Order) -> Iterator[Message]:
        """Carry out an order; the last message is :class:`Finished` or :class:`Failed`."""
        try:
            self._pipe.send(order)
            while True:
                message: Message = self._pipe.recv()
                yield message
                if isinstance(message, Finished | Failed):
                    return
        except (EOFError, OSError):
            self._process.join()
            yield Failed(
                f"the process of the search ended (exit code {self._process.exitcode}); "
                "search again, with less on this machine if its memory was short"
            )

    def stop(self) -> None:
        """Let the search end with its best patches so far."""
        self._stop.set()

    def kill(self) -> None:
        """End the search at once; there is no result."""
        self._process.kill()

    def close(self) -> None:
        """End the process for good."""
        with self._lock:
            self._closed = True
            self._process.kill()
        self._process.join()


def _serve(pipe: Connection, stop: Event) -> None:
    """Carry out orders until the pipe closes."""
    # Ctrl-C reaches the server too, which then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        # The first search would wait for these imports.
        import torch

        import unsynth.batch  # noqa: F401

        # Sounds are scored in parallel; torch's own threads would wait for one another.
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        with ExitStack() as matchers:
            current: dict[str, Matcher] = {}
            while True:
                order = pipe.recv()
                try:
                    for message in _search(order, current, matchers, stop.is_set):
                        pipe.send(message)
                except UnsynthError as error:
                    pipe.send(Failed(str(error)))
                except KeyboardInterrupt:
                    pipe.send(Failed("stopped before there was a patch"))
                except OSError as error:
                    pipe.send(
                        Failed(f"{error.strerror or error}; nothing was lost but this search")
                    )
    except (EOFError, BrokenPipeError, ConnectionError):
        pass  # The server is gone.


def _search(
    order: Order, current: "dict[str, Matcher]", stack: ExitStack, stopped: Callable[[], bool]
) -> Iterator[Message]:
    from unsynth.batch import hash_sound
    from unsynth.matching.matcher import Matcher
    from unsynth.matching.request import Request
    from unsynth.matching.run import Progress
    from unsynth.report.folder import check_output, save
    from unsynth.tasks.catalogue import load_task

    yield Advance("loading", 0, 1, None, 0.0)
    asked = order.request
    task = load_task(asked.synth)
    request = Request(
        task,
        budget=asked.seconds,
        renders=asked.renders,
        lock=asked.held,
        start=order.patches or (() if asked.patch is None else (asked.patch,)),
        seed=asked.seed,
    )
    target = _target(order, task)
    yield TargetReady(_media(target.audio, target.sample_rate), target.remarks)
    check_output(order.out)
    if task.hash not in current:
        # One task's engines, index and model at a time: each takes hundreds of MB.
        stack.close()
        current.clear()
        current[task.hash] = stack.enter_context(Matcher.load(task))
    began = time.perf_counter()
    reported = heard = -_BEST_INTERVAL
    candidate: Candidate | None = None
    for event in current[task.hash].events(target, request, stopped):
        now = time.perf_counter() - began
        if not isinstance(event, Progress):
            settings = request.settings() | {"sound": hash_sound(order.sound)}
            yield Finished(save(event, order.out, settings).folder)
            return
        if now - reported >= _PROGRESS_INTERVAL:
            reported = now
            yield Advance(event.stage, event.done, event.total, event.best, now)
        better = event.candidate is not None and event.candidate is not candidate
        if better and now - heard >= _BEST_INTERVAL:
            candidate, heard = event.candidate, now
            assert candidate is not None
            media = _media(candidate.audio, target.sample_rate)
            yield BestSoFar(media, task.spec.named(candidate.patch))


def _target(order: Order, task: Any) -> "Target":
    """Read the stretch of the sound that was chosen, or let the reader choose one."""
    from unsynth.app.sounds import read_stretch
    from unsynth.audio.sampler_data import declared_note
    from unsynth.matching.targets import fit_target, read_target

    if order.request.start is None:
        return read_target(order.sound, task)
    audio, rate = read_stretch(order.sound, order.request.start)
    return fit_target(order.sound.name, audio, rate, task, declared_note(order.sound))


def _media(audio: Any, sample_rate: int) -> Media:
    from unsynth.report.media import flac_bytes, spectrogram_pngs

    return Media(flac_bytes(audio, sample_rate), spectrogram_pngs([audio], sample_rate)[0])
