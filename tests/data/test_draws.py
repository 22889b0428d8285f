import numpy as np

from unsynth.data.draws import audible, audible_draws
from unsynth.data.seeding import Split, item_rng
from unsynth.rendering.renderer import Renderer


def test_streams_differ_between_items_splits_tasks_and_seeds():
    keys = [
        (task, split, item, seed)
        for task in ("dx7", "vital")
        for split in Split
        for item in range(50)
        for seed in (0, 1)
    ]
    assert len({item_rng(*key).random() for key in keys}) == len(keys)
    assert item_rng("dx7", Split.TEST, 7).random() == item_rng("dx7", Split.TEST, 7).random()


def test_sounds_below_60_db_are_inaudible():
    time = np.arange(44_100) / 44_100
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)[None]
    assert audible(2e-3 * tone, 44_100)
    assert not audible(1e-3 * tone, 44_100)
    blip = np.where(time < 0.05, 2e-3 * tone, 0).astype(np.float32)
    assert audible(blip, 44_100)
    assert not audible(np.zeros((2, 10), dtype=np.float32), 44_100)


def test_an_item_does_not_depend_on_the_other_items(task):
    with Renderer(task.synth, workers=2) as renderer:
        many = dict(
            zip(range(10), audible_draws(task, renderer, Split.TEST, range(10)), strict=True)
        )
        for item in (7, 2):
            ((patch, sound),) = audible_draws(task, renderer, Split.TEST, [item])
            np.testing.assert_array_equal(patch, many[item][0])
            np.testing.assert_array_equal(sound, many[item][1])
    assert all(audible(sound, 44_100) for _, sound in many.values())
