"""The index of a task that ships none is built once, however often the build is interrupted."""

import multiprocessing
import threading
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from tests.tiny import RATE, CrashingTinySynth, ProcessTinySynth, TinySynth, TinyTask
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import DrawIndexError, EngineError, OutputError
from unsynth.index.build import BuildProgress, build_index, build_index_file, load_or_build_index
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import load_index, user_index_path
from unsynth.rendering.renderer import Renderer

#: Two whole parts of an index, and some more.
DRAWS = 150


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def reference() -> DrawIndex:
    """The index as one uninterrupted build in memory makes it."""
    with Renderer(TinySynth, workers=2) as renderer:
        *_, index = build_index(TinyTask(), renderer, DRAWS)
    return index


def equal(one: DrawIndex, other: DrawIndex) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("items", "codes", "scale", "mean")
    )


def test_an_index_is_built_on_first_use_and_then_loaded(cache, reference):
    task = TinyTask(ProcessTinySynth)  # stereo, in processes
    with pytest.raises(DrawIndexError, match="unsynth index tiny"):
        load_index(task)
    with Renderer(task.synth, workers=2) as renderer:
        *progress, index = build_index_file(task, renderer, user_index_path(task), DRAWS)
        assert progress[-1] == BuildProgress(DRAWS, DRAWS) and equal(index, reference)
        (loaded,) = load_or_build_index(task, renderer)
    assert equal(loaded, reference)
    assert user_index_path(task).exists()
    assert task.hash in user_index_path(task).name
    assert not [*cache.rglob("*.parts"), *cache.rglob("*.lock")]
    target = TinySynth().render(index.patch(7), task.note(index.patch(7)))
    note = task.note(index.patch(7))
    nearest = index.nearest(target, RATE, note.onset, note.duration, np.array([note.pitch]), 5)
    assert any(np.array_equal(patch[:8], index.patch(7)[:8]) for patch in nearest)


def test_an_interrupted_build_is_resumed(cache, reference):
    task, rendered = TinyTask(), []

    class Counting(TinySynth):
        def render(self, patch, note, seconds=4.0):
            rendered.append(0)
            return super().render(patch, note, seconds)

    task.synth = Counting
    for stop in (1, 70, 130):  # within the first part, and after one and more
        with Renderer(task.synth, workers=1) as renderer:
            for event in build_index_file(task, renderer, user_index_path(task), DRAWS):
                if event.done >= stop:
                    break
    parts = sorted(next(cache.rglob("*.parts")).glob("*.npz"))
    assert len(parts) >= 2
    parts[-1].write_bytes(parts[-1].read_bytes()[:500])  # a damaged part is rendered again
    del rendered[:]
    with Renderer(task.synth, workers=1) as renderer:
        *_, index = build_index_file(task, renderer, user_index_path(task), DRAWS)
    assert equal(index, reference) and len(rendered) < DRAWS - 20


def test_a_file_is_resumed_from_parts_of_its_own_task_only(tmp_path):
    task, path = TinyTask(), tmp_path / "draws.npz"
    with Renderer(task.synth, workers=1) as renderer:
        for event in build_index_file(task, renderer, path, DRAWS):
            if event.done >= 130:
                break
    (folder,) = tmp_path.glob("*.parts")
    assert task.hash in folder.name and len(list(folder.glob("*.npz"))) == 2
    with Renderer(task.synth, workers=1) as renderer:
        *_, index = build_index_file(task, renderer, path, 140)
    assert equal(load_index(task, path), index) and len(index) == 140
    assert [each.name for each in tmp_path.iterdir()] == ["draws.npz"]


def test_draws_that_kill_the_engine_are_left_out(cache):
    task = TinyTask(CrashingTinySynth)
    with Renderer(task.synth, workers=2) as renderer:
        *_, index = build_index_file(task, renderer, user_index_path(task), 40)
    assert len(index) == 40
    last = int(index.items[-1])
    drawn = [task.sample(item_rng(task.name, Split.INDEX, item))[1] for item in range(last)]
    assert {5.0, 7.0} < set(drawn)
    assert not {5.0, 7.0} & {index.patch(i)[1] for i in range(40)}


def build_in_process(cache: Path, results) -> None:
    """Send whether it waits, then the number of draws that it rendered, and those of the index."""
    platformdirs.user_cache_path = lambda *a, **k: cache
    task = TinyTask()
    with Renderer(task.synth, workers=1) as renderer:
        events = build_index_file(task, renderer, user_index_path(task), DRAWS)
        if next(events).waiting:
            results.put("waits")
        *rest, index = events
    results.put((sum(not event.waiting for event in rest), len(index)))


def test_of_two_processes_one_builds_and_the_other_waits(cache):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=build_in_process, args=(cache, results))
    task = TinyTask()
    with Renderer(task.synth, workers=1) as renderer:
        events = build_index_file(task, renderer, user_index_path(task), DRAWS)
        next(events)
        process.start()
        assert results.get(timeout=240) == "waits"
        *_, index = events
    assert results.get(timeout=240) == (0, DRAWS) and len(index) == DRAWS
    process.join()


class Silent(TinySynth):
    def render(self, patch, note, seconds=4.0):
        return 0.0 * super().render(patch, note, seconds)


class Broken(TinySynth):
    def render(self, patch, note, seconds=4.0):
        raise RuntimeError("no licence")


@pytest.mark.parametrize(("synth", "reason"), [(Silent, "silent"), (Broken, "no licence")])
def test_the_error_of_an_engine_without_sound_gives_the_reason(synth, reason):
    task = TinyTask(synth)
    with Renderer(synth) as renderer, pytest.raises(EngineError, match=reason):
        list(build_index_file(task, renderer, user_index_path(task)))


def test_an_unwritable_cache_is_reported_and_no_thread_is_left(cache):
    cache.write_text("a file")
    with Renderer(TinySynth) as renderer, pytest.raises(OutputError, match="--out FILE"):
        list(build_index_file(TinyTask(), renderer, user_index_path(TinyTask())))
    assert threading.active_count() < 10
