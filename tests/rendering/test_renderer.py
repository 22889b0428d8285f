"""The renderer, with engines in threads, in processes that may die, and on the main thread."""

import multiprocessing
import os
import signal
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from unsynth.conventions import SAMPLES
from unsynth.errors import EngineError
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Concurrency, Note


class Tone:
    """A synth whose patch is a number: the level if it is positive, otherwise a fault to cause."""

    sample_rate = 44_100
    channels = 1
    deterministic = True
    concurrency = Concurrency.THREADS

    def render(self, patch: float, note: Note, seconds: float = 4.0) -> np.ndarray:
        if patch == -1:
            raise ValueError("no such patch")
        if patch == -2:
            os.abort()
        if patch == -3:
            time.sleep(30)
        level = np.nan if patch == -4 else patch
        return np.full((1, round(seconds * self.sample_rate)), level, dtype=np.float32)


class ProcessTone(Tone):
    concurrency = Concurrency.PROCESSES


class MainThreadTone(Tone):
    concurrency = Concurrency.MAIN_THREAD

    def render(self, patch: float, note: Note, seconds: float = 4.0) -> np.ndarray:
        assert threading.current_thread() is threading.main_thread()
        return super().render(patch, note, seconds)


@pytest.mark.parametrize("synth", [Tone, ProcessTone, MainThreadTone])
def test_results_keep_the_order_with_failures_among_them(synth):
    levels = [0.1, -1, 0.2, -4, *np.linspace(0, 1, 20).tolist()]
    with Renderer(synth, workers=2, seconds=0.1) as renderer:
        results = list(renderer.render((level, Note(60)) for level in levels))
    assert len(results) == len(levels)
    for level, result in zip(levels, results, strict=True):
        if level < 0:
            assert isinstance(result, RenderFailure)
        else:
            assert result.shape == (1, 4410) and (result == np.float32(level)).all()
    assert "no such patch" in results[1].reason and "finite" in results[3].reason


@pytest.mark.parametrize("synth", [Tone, MainThreadTone])
def test_a_closed_renderer_keeps_no_engine(synth):
    """Dexed prints a page of complaints about engines that outlive the interpreter."""
    engines: weakref.WeakSet[Tone] = weakref.WeakSet()

    def make():
        engine = synth()
        engines.add(engine)
        return engine

    renderer = Renderer(make, workers=2, seconds=0.1)
    assert len(list(renderer.render([(0.1, Note(60))] * 4))) == 4
    assert len(engines) > 0
    renderer.close()
    assert len(engines) == 0
    assert renderer.sample_rate == 44_100


def test_a_worker_that_dies_or_hangs_costs_one_sound():
    patches = [0.1, -2, 0.2, -3, 0.3, 0.4]
    with Renderer(ProcessTone, workers=2, seconds=0.1, timeout=3.0) as renderer:
        results = list(renderer.render((p, Note(60)) for p in patches))
    failed = [isinstance(r, RenderFailure) for r in results]
    assert failed == [False, True, False, True, False, False]
    assert "died" in results[1].reason and "no sound after 3 s" in results[3].reason


def test_endless_requests_are_read_as_needed():
    read = []

    def requests():
        for i in range(10**9):
            read.append(i)
            yield 0.5, Note(60)

    with Renderer(Tone, workers=2, seconds=0.01) as renderer:
        results = renderer.render(requests())
        for _ in range(50):
            next(results)
        results.close()
    assert len(read) < 80


def test_parallel_dx7_renders_are_bit_exact(task):
    rng = np.random.default_rng(0)
    requests = [(task.engine_patch(p), task.note(p)) for p in (task.sample(rng) for _ in range(12))]
    with Renderer(task.synth, workers=3) as renderer:
        parallel = list(renderer.render(requests))
    synth = task.synth()
    for request, sound in zip(requests, parallel, strict=True):
        assert sound.shape == (1, SAMPLES)
        np.testing.assert_array_equal(sound, synth.render(*request))


class FailsToStart(ProcessTone):
    """A synth that kills the first processes that make it, as many as the file $DEATHS says."""

    def __init__(self) -> None:
        deaths = Path(os.environ["DEATHS"])
        remaining = int(deaths.read_text())
        if multiprocessing.parent_process() is not None and remaining:
            deaths.write_text(str(remaining - 1))
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_while_starting_is_replaced(tmp_path, monkeypatch):
    deaths = tmp_path / "deaths"
    monkeypatch.setenv("DEATHS", str(deaths))
    deaths.write_text("1")
    with Renderer(FailsToStart, workers=1, seconds=0.1) as renderer:
        assert next(iter(renderer.render([(0.1, Note(60))]))).shape == (1, 4410)
    deaths.write_text("3")
    with Renderer(FailsToStart, workers=1, seconds=0.1) as renderer:
        with pytest.raises(EngineError, match=r"dies or hangs each time it starts \(exit code -9"):
            next(iter(renderer.render([(0.1, Note(60))])))
        # Once a worker has started, workers that do not start cost one sound.
        (sound,) = renderer.render([(0.1, Note(60))])
        deaths.write_text("3")
        lost, first, second = renderer.render([(level, Note(60)) for level in (-2, 0.1, 0.2)])
    assert sound.shape == second.shape == (1, 4410)
    assert "died, with exit code -6" in lost.reason
    assert first.worker_lost and "while it started, with exit code -9" in first.reason
