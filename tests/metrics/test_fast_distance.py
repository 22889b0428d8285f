import numpy as np
from scipy.stats import spearmanr

from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.metrics.fast import FastSpectral


def sounds(task, count: int) -> np.ndarray:
    rng, synth = np.random.default_rng(4), task.synth()
    drawn = (task.sample(rng) for _ in range(count))
    return np.stack([synth.render(task.engine_patch(p), task.note(p), 2.0) for p in drawn])


def test_a_sound_is_0_from_itself_at_any_level(task):
    heard = sounds(task, 3)
    distance = FastSpectral(heard[0])
    levels = np.stack([heard[0], np.float32(0.25) * heard[0], np.float32(3.0) * heard[0]])
    assert (distance(levels) < 1e-3).all()
    np.testing.assert_allclose(distance(heard[1:2])[0], FastSpectral(heard[1])(heard[:1])[0])
    assert (distance(np.zeros_like(heard[:1])) > 3.0).all()


def test_it_ranks_sounds_as_mss_does(task):
    heard = sounds(task, 40)
    for target in heard[:3]:
        fast, slow = FastSpectral(target)(heard), MultiScaleSpectral(target)(heard)
        assert spearmanr(fast, slow).statistic > 0.93


def test_channels_are_compared_each_by_itself(task):
    first, second = sounds(task, 2)[:, 0]
    target = np.stack([first, second])
    assert FastSpectral(target)(np.stack([target]))[0] == 0.0
    assert FastSpectral(target)(np.stack([target[::-1].copy()]))[0] > 1.0
