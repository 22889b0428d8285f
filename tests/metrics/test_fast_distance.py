"""The fast distance of searches, against MSS and its properties."""

import numpy as np
from scipy.stats import spearmanr

from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.metrics.fast import FastSpectral


def sounds(task, count: int) -> np.ndarray:
    rng, synth = np.random.default_rng(4), task.synth()
    patches = (task.sample(rng) for _ in range(count))
    return np.stack([synth.render(task.engine_patch(p), task.note(p), 2.0) for p in patches])


def test_distance_of_a_sound_from_itself_is_0_at_any_level(task):
    renders = sounds(task, 3)
    distance = FastSpectral(renders[0])
    levels = np.stack([renders[0], np.float32(0.25) * renders[0], np.float32(3.0) * renders[0]])
    assert (distance(levels) < 1e-3).all()
    np.testing.assert_allclose(distance(renders[1:2])[0], FastSpectral(renders[1])(renders[:1])[0])
    assert (distance(np.zeros_like(renders[:1])) > 3.0).all()


def test_fast_distance_ranks_sounds_as_mss_does(task):
    renders = sounds(task, 40)
    for target in renders[:3]:
        fast, slow = FastSpectral(target)(renders), MultiScaleSpectral(target)(renders)
        assert spearmanr(fast, slow).statistic > 0.93


def test_channels_are_compared_separately(task):
    first, second = sounds(task, 2)[:, 0]
    target = np.stack([first, second])
    assert FastSpectral(target)(np.stack([target]))[0] == 0.0
    assert FastSpectral(target)(np.stack([target[::-1].copy()]))[0] > 1.0
