"""Vital's tasks: exchanges, audibility and files. Engines run in workers."""

from collections.abc import Iterator
from functools import partial
from itertools import permutations, product

import numpy as np
import pytest

from tests.conftest import relative_error
from unsynth.errors import PatchError
from unsynth.formats.vital import read_vital
from unsynth.matching.user_patches import UserPatches
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.synths.vital import Vital
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask

pytest.importorskip("vita")

TASKS = ("vital-simple", "vital-full")
SECONDS = 1.0


@pytest.fixture(scope="module", params=TASKS)
def vital(request) -> DeclaredTask:
    task = load_task(request.param)
    assert isinstance(task, DeclaredTask)
    return task


@pytest.fixture(scope="module")
def renderer(vital) -> Iterator[Renderer]:
    with Renderer(vital.synth, workers=1, seconds=SECONDS) as renderer:
        yield renderer


def draw(task: DeclaredTask, count: int, seed: int = 0) -> np.ndarray:
    """Draw patches from the prior, with notes that start and end within a second."""
    rng = np.random.default_rng(seed)
    patches = np.stack([task.sample(rng) for _ in range(count)])
    notes = [Note(int(rng.integers(40, 80)), 0.05, 0.5) for _ in range(count)]
    return np.stack([task.with_note(p, n) for p, n in zip(patches, notes, strict=True)])


def sounds(renderer: Renderer, task: DeclaredTask, patches: np.ndarray) -> list[np.ndarray]:
    rendered = list(renderer.render((task.engine_patch(p), task.note(p)) for p in patches))
    assert not any(isinstance(sound, RenderFailure) for sound in rendered)
    return rendered


def test_a_draw_sounds_the_same_in_any_process_and_order(vital, renderer):
    patches = draw(vital, 8)
    first = sounds(renderer, vital, patches)
    order = np.random.default_rng(1).permutation(len(patches))
    with Renderer(vital.synth, workers=2, seconds=SECONDS) as other:
        again = sounds(other, vital, patches[order])
    for place, i in enumerate(order):
        np.testing.assert_array_equal(again[place], first[i])
    assert np.median([np.abs(sound).max() for sound in first]) > 0.05


def test_exchanging_units_changes_neither_density_nor_sound(vital, renderer):
    patches = draw(vital, 5, seed=2)
    orders = [(o, f) for o, f in product(permutations(range(3)), permutations(range(2)))]
    images = vital.symmetries(patches[0])
    assert len(images) == len(orders) == 12
    vectors = vital.spec.encode(patches)
    rng = np.random.default_rng(3)
    rows = images[rng.integers(1, 12, len(patches))]
    moved = vital.spec.decode(np.take_along_axis(vectors, rows, axis=1))
    moved = np.stack(
        [vital.with_note(m, vital.note(p)) for m, p in zip(moved, patches, strict=True)]
    )
    assert (vital.log_density(moved) == vital.log_density(patches)).all()
    assert (moved != patches).any(axis=1).all()
    pairs = zip(sounds(renderer, vital, patches), sounds(renderer, vital, moved), strict=True)
    # Not 0: the engine adds up the oscillators in another order.
    assert max(relative_error(one, other) for one, other in pairs) < 1e-5


def test_inactive_parameters_do_not_change_the_sound(vital, renderer):
    patches, others = draw(vital, 8, seed=4), draw(vital, 8, seed=5)
    active = np.stack([vital.active(p) for p in patches])
    active[:, -3:] = True
    assert 10 < (~active).sum(axis=1).mean() < 150
    changed = np.where(active, patches, others)
    neutral = np.stack([vital.neutral(p) for p in patches])
    originals = sounds(renderer, vital, patches)
    for variants in (changed, neutral):
        for original, other in zip(originals, sounds(renderer, vital, variants), strict=True):
            assert relative_error(original, other) < 1e-5


def test_exported_files_hold_the_whole_patch(vital, renderer, tmp_path):
    """A new engine that loads the file makes the same sound; reading it gives the same patch."""
    patch = draw(vital, 1, seed=6)[0]
    (path,) = vital.export(patch[None], tmp_path)
    assert path.name == "patch-01.vital"
    file = path.read_bytes()
    (original,) = sounds(renderer, vital, patch[None])
    with Renderer(partial(Vital, read_vital(file)), workers=1, seconds=SECONDS) as other:
        (loaded,) = other.render([({}, vital.note(patch))])
    np.testing.assert_array_equal(original, loaded)
    np.testing.assert_allclose(vital.from_file(file, vital.note(patch)), patch, atol=1e-9)


def test_files_of_other_tasks_are_refused_with_the_reason(tmp_path):
    simple, full = load_task("vital-simple"), load_task("vital-full")
    (path,) = full.export(draw(full, 1), tmp_path)
    with pytest.raises(PatchError, match="modulation 4 is env_4>osc_1_distortion_amount"):
        simple.from_file(path.read_bytes(), Note(60))
    with pytest.raises(PatchError, match=r"patch-01\.vital: modulation 4 is"):
        UserPatches.read(path, simple)
    (read,) = UserPatches.read(path, full).patches
    np.testing.assert_allclose(read[:-3], draw(full, 1)[0, :-3], atol=1e-9)
    with pytest.raises(PatchError, match="the task is dx7"):
        UserPatches.read(path, load_task("dx7"))
    path.write_bytes(b"RIFF")
    with pytest.raises(PatchError, match="not a patch of Vital"):
        UserPatches.read(path, simple)
