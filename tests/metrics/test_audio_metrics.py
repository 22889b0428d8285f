import json

import numpy as np
import pytest
import soundfile

from unsynth.metrics.audio import MultiScaleSpectral, mss


def test_golden_numbers(shared_data):
    golden = json.loads((shared_data.parent / "facts" / "golden_audio_metrics.json").read_text())
    for pair in golden["pairs"]:
        target, estimate = (
            soundfile.read(shared_data / pair[side], dtype="float32", always_2d=True)[0].T
            for side in ("target", "pred")
        )
        assert mss(target, estimate) == pytest.approx(pair["mss"], rel=1e-5)


def test_identity_symmetry_and_level(rng):
    first, second = rng.normal(size=(2, 1, 50_000)).astype(np.float32)
    second *= np.linspace(1, 0, 50_000, dtype=np.float32)
    assert mss(first, first) == 0
    assert mss(first, second) == mss(second, first) > 1
    assert mss(first, 0.1 * first) < 1e-3


def test_silence_is_80_db_below_a_sound_that_fills_the_spectrum(rng):
    noise = rng.normal(size=(1, 44_100)).astype(np.float32)
    silence = np.zeros_like(noise)
    assert mss(silence, silence) == 0
    assert 60 < mss(noise, silence) < 80


def test_many_at_once_is_one_at_a_time(rng):
    sounds = rng.normal(size=(5, 2, 30_000)).astype(np.float32)
    together = MultiScaleSpectral(sounds[0])(sounds)
    alone = [mss(sounds[0], s) for s in sounds]
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_shapes_must_agree(rng):
    sounds = rng.normal(size=(2, 1, 1000)).astype(np.float32)
    with pytest.raises(ValueError, match="differ"):
        mss(sounds[0], sounds[1, :, :-1])
