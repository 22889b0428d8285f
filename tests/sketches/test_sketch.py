import numpy as np
import pytest
import torch

from unsynth.audio.observation import (
    SPECTROGRAM_VALUES,
    TRACK_VALUES,
    Observation,
)
from unsynth.audio.window_levels import (
    NoteWindows,
    cut_windows,
    observe_windows,
    windows_loudness,
)
from unsynth.audio.windows import FRAMES, LONG, SEGMENTS, SHORT, KeyOn, window_starts
from unsynth.data.draws import draws
from unsynth.data.seeding import Split
from unsynth.data.sketched import sketched_draws
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.sketch import cut_notes
from unsynth.synths.base import Note
from unsynth.tasks.dx7.task import DX7Task

#: The last two items reject their first draws, which are silent.
ITEMS = [*range(38), 328, 599]


@pytest.fixture(scope="module")
def dx7():
    return DX7Task()


@pytest.fixture(scope="module")
def draw_pairs(dx7):
    with Renderer(dx7.synth, workers=1) as renderer:
        rendered = list(draws(dx7, renderer, Split.TEST, ITEMS))
    patches, windows = zip(*sketched_draws(sketch_of(dx7), Split.TEST, ITEMS), strict=True)
    joined = (torch.cat(parts) for parts in zip(*windows, strict=True))
    return rendered, np.concatenate(patches), NoteWindows(*joined)


def test_sketched_draws_have_the_patches_and_loudness_of_rendered_draws(dx7, draw_pairs):
    rendered, patches, windows = draw_pairs
    np.testing.assert_array_equal([draw.patch for draw in rendered], patches)
    assert any(draw.rejections for draw in rendered)
    loudness = torch.tensor([draw.loudness for draw in rendered])
    difference = windows_loudness(windows, dx7.sample_rate) - loudness
    # Windows cover only a part of the loudest 50 ms.
    assert -3.0 < difference.median() < 0.5


def test_observation_of_a_sketch_is_near_that_of_its_render(dx7, draw_pairs):
    rendered, patches, windows = draw_pairs
    notes = [dx7.note(patch) for patch in patches]
    keys = [KeyOn(note.pitch, note.onset) for note in notes]
    observations = [
        Observation.WINDOWS.observe(draw.audio, dx7.sample_rate, key)
        for draw, key in zip(rendered, keys, strict=True)
    ]

    def parts(observation):
        places = [SPECTROGRAM_VALUES, SPECTROGRAM_VALUES + TRACK_VALUES, len(observation) - 2]
        return np.split(observation.astype(float), places)

    def distances(one, other):
        return [np.abs(a - b).mean() for a, b in zip(parts(one), parts(other), strict=True)]

    to_own, to_another = [], []
    for i, sketched in enumerate(observe_windows(windows, dx7.sample_rate, keys).numpy()):
        to_own.append(distances(sketched, observations[i]))
        to_another.append(distances(sketched, observations[i - 1]))
    near, far = np.median(to_own, axis=0), np.median(to_another, axis=0)
    assert (80.0 / 255.0 * near[:2] < 1.0).all()
    assert (near[:3] < 0.15 * far[:3]).all()
    assert near[3] == 0.0


def test_windows_are_silent_past_the_end_of_the_sound(dx7):
    rate, patch = dx7.sample_rate, dx7.sample(np.random.default_rng(4))
    early, late = (
        cut_notes(sketch_of(dx7), [dx7.with_note(patch, Note(60, onset, 3.0))])
        for onset in (0.0, 0.95)
    )
    assert early.long.shape == (1, SEGMENTS, LONG) and early.short.shape == (1, FRAMES, SHORT)
    assert windows_loudness(early, rate) > -60.0
    for starts, before, after in zip(window_starts(rate), early, late, strict=True):
        times = starts[:, None] + np.arange(before.shape[2]) + round(0.95 * rate)
        inside = torch.from_numpy(times < 4 * rate)
        assert not inside.all()
        np.testing.assert_allclose(after[0], before[0] * inside, atol=1e-3)


def test_short_and_long_windows_match_the_render(dx7):
    patch = dx7.with_note(dx7.sample(np.random.default_rng(4)), Note(60, 0.0, 3.0))
    rate = dx7.sample_rate
    sketched = cut_notes(sketch_of(dx7), [patch])
    sound = dx7.synth().render(dx7.engine_patch(patch), dx7.note(patch))[0]
    rendered = cut_windows(sound, rate, 0.0)
    for sketches, renders in zip(sketched, rendered, strict=True):
        correlations = [
            np.corrcoef(sketch, render)[0, 1]
            for sketch, render in zip(sketches[0].numpy(), renders[0].numpy(), strict=True)
            if render.std() > 1e-3
        ]
        assert len(correlations) > len(sketches[0]) // 2
        assert min(correlations) > 0.9
