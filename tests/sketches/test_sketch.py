import numpy as np
import pytest
import torch

from unsynth.audio.observation import (
    SPECTROGRAM_VALUES,
    TRACK_VALUES,
    KeyOn,
    Observation,
    observe_windows,
)
from unsynth.audio.windows import (
    FRAMES,
    LONG,
    SEGMENTS,
    SHORT,
    NoteWindows,
    cut_windows,
    window_starts,
    windows_loudness,
)
from unsynth.data.draws import draws, sketched_draws
from unsynth.data.seeding import Split
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.sketch import cut_notes
from unsynth.synths.base import Note
from unsynth.tasks.dx7.task import DX7Task

#: The first draws of the last two are silent.
ITEMS = [*range(38), 328, 599]


@pytest.fixture(scope="module")
def dx7():
    return DX7Task()


@pytest.fixture(scope="module")
def both(dx7):
    with Renderer(dx7.synth, workers=1) as renderer:
        rendered = list(draws(dx7, renderer, Split.TEST, ITEMS))
    patches, windows = zip(*sketched_draws(sketch_of(dx7), Split.TEST, ITEMS), strict=True)
    whole = (torch.cat(parts) for parts in zip(*windows, strict=True))
    return rendered, np.concatenate(patches), NoteWindows(*whole)


def test_sketched_draws_are_the_engines(dx7, both):
    rendered, patches, windows = both
    np.testing.assert_array_equal([draw.patch for draw in rendered], patches)
    assert any(draw.rejected for draw in rendered)
    louder = windows_loudness(windows, dx7.sample_rate) - torch.tensor(
        [d.loudness for d in rendered]
    )
    # Of the loudest 50 ms a part is played.
    assert -3.0 < louder.median() < 0.5


def test_a_sketch_looks_like_its_sound(dx7, both):
    rendered, patches, windows = both
    notes = [dx7.note(patch) for patch in patches]
    keys = [KeyOn(note.pitch, note.onset) for note in notes]
    heard = [
        Observation.WINDOWS.observe(draw.audio, dx7.sample_rate, key).numpy()
        for draw, key in zip(rendered, keys, strict=True)
    ]

    def parts(observed):
        places = [SPECTROGRAM_VALUES, SPECTROGRAM_VALUES + TRACK_VALUES, len(observed) - 2]
        return np.split(observed.astype(float), places)

    apart, others = [], []
    for i, seen in enumerate(observe_windows(windows, dx7.sample_rate, keys).numpy()):
        sketched, sound, another = parts(seen), parts(heard[i]), parts(heard[i - 1])
        apart.append([np.abs(a - b).mean() for a, b in zip(sound, sketched, strict=True)])
        others.append([np.abs(a - b).mean() for a, b in zip(another, sketched, strict=True)])
    near, far = np.median(apart, axis=0), np.median(others, axis=0)
    assert (80.0 / 255.0 * near[:2] < 1.0).all()
    assert (near[:3] < 0.15 * far[:3]).all()
    assert near[3] == 0.0


def test_nothing_is_played_past_the_end(dx7):
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


def test_short_windows_are_of_the_same_sound_as_long_ones(dx7):
    patch = dx7.with_note(dx7.sample(np.random.default_rng(4)), Note(60, 0.0, 3.0))
    rate = dx7.sample_rate
    found = cut_notes(sketch_of(dx7), [patch])
    wanted = cut_windows(dx7.synth().render(dx7.engine_patch(patch), dx7.note(patch))[0], rate, 0.0)
    for ours, theirs in zip(found, wanted, strict=True):
        alike = [
            np.corrcoef(a, b)[0, 1]
            for a, b in zip(ours[0].numpy(), theirs[0].numpy(), strict=True)
            if b.std() > 1e-3
        ]
        assert len(alike) > len(ours[0]) // 2
        assert min(alike) > 0.9
