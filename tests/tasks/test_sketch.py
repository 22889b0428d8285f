import numpy as np
import pytest

from unsynth.audio.observation import PICTURE, TRACKED, KeyOn, Observation
from unsynth.audio.windows import LONG, SHORT, beginnings
from unsynth.data.draws import draws, loudness, sketched_draws
from unsynth.data.seeding import Split
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Note
from unsynth.tasks.dx7 import DX7Task
from unsynth.tasks.sketch import SketchedTask, sketch

ITEMS = range(40)


@pytest.fixture(scope="module")
def dx7():
    return DX7Task()


@pytest.fixture(scope="module")
def both(dx7):
    with Renderer(dx7.synth, workers=1) as renderer:
        rendered = list(draws(dx7, renderer, Split.TEST, ITEMS))
    return rendered, list(sketched_draws(dx7, Split.TEST, ITEMS))


def test_sketched_draws_are_the_engines(both):
    louder = []
    for rendered, sketched in zip(*both, strict=True):
        np.testing.assert_array_equal(rendered.patch, sketched.patch)
        assert len(rendered.rejected) == len(sketched.rejected)
        louder.append(sketched.loudness - rendered.loudness)
    # Of the loudest 50 ms a part is played.
    assert -3.0 < np.median(louder) < 0.5


def test_a_sketch_looks_like_its_sound(dx7, both):
    def observed(draw):
        note = dx7.note(draw.patch)
        key = KeyOn(note.pitch, note.onset)
        seen = Observation.WINDOWS.of(draw.audio, dx7.sample_rate, key).numpy()
        return np.split(seen.astype(float), [PICTURE, PICTURE + TRACKED, len(seen) - 2])

    apart, others = [], []
    found = [[observed(draw) for draw in draws] for draws in both]
    for i, (rendered, sketched) in enumerate(zip(*found, strict=True)):
        another = found[0][i - 1]
        apart.append([np.abs(a - b).mean() for a, b in zip(rendered, sketched, strict=True)])
        others.append([np.abs(a - b).mean() for a, b in zip(another, sketched, strict=True)])
    near, far = np.median(apart, axis=0), np.median(others, axis=0)
    assert (80.0 / 255.0 * near[:2] < 1.0).all()
    assert (near[:3] < 0.15 * far[:3]).all()
    assert near[3] == 0.0


def test_only_windows_are_played_and_none_past_the_end(dx7):
    assert isinstance(dx7, SketchedTask)
    rate, patch = dx7.sample_rate, dx7.sample(np.random.default_rng(4))
    for onset in (0.0, 0.9):
        (sound,) = sketch(dx7, [dx7.with_note(patch, Note(60, onset, 3.0))])
        assert sound.shape == (4 * rate,) and loudness(sound[None], rate) > -60.0
        allowed = np.zeros(4 * rate, dtype=bool)
        for starts, samples in zip(beginnings(rate), (LONG, SHORT), strict=True):
            for start in starts + round(onset * rate):
                allowed[start : start + samples] = True
        assert not sound[~allowed].any() and np.isfinite(sound).all()
    (first,), (second,) = (
        sketch(dx7, [dx7.with_note(patch, Note(60, onset, 1.0))]) for onset in (0.0, 0.5)
    )
    np.testing.assert_array_equal(first[: 2 * rate], second[rate // 2 : rate // 2 + 2 * rate])
