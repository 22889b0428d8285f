import numpy as np
import pytest
import torch

from unsynth.synths.base import Note
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks import dx7_windows
from unsynth.tasks.dx7 import OP, OPERATORS, WIDTH, DX7Task

SAMPLES = 1024


@pytest.fixture(scope="module")
def task():
    return DX7Task()


def plain(task, patch):
    """Without pitch envelope, LFO and feedback, which windows leave out or cut short."""
    at, plain = task.spec.position, patch.copy()
    plain[at["pitch_eg.level1"] : at["pitch_eg.level1"] + 4] = 50
    for name in ("lfo.pitch_depth", "lfo.amp_depth", "feedback"):
        plain[at[name]] = 0
    return plain


def cut(task, patch, starts):
    sound = task.synth().render(task.engine_patch(patch), task.note(patch))[0]
    return np.stack([sound[start : start + SAMPLES] for start in starts])


def played(task, patches, starts):
    windows = task.windows(patches, SAMPLES)
    values = torch.tensor(np.stack(patches)[:, windows.positions], dtype=torch.float32)
    return windows(values, torch.tensor(starts)).numpy()


def test_windows_are_what_the_engine_plays(task):
    rng = np.random.default_rng(0)
    starts, alike = [11_025, 22_050, 33_075, 61_740, 97_020], []
    patches = [plain(task, task.with_note(task.sample(rng), Note(60, 0.2, 1.0))) for _ in range(40)]
    for patch, found in zip(patches, played(task, patches, starts), strict=True):
        for window, wanted in zip(found, cut(task, patch, starts), strict=True):
            if wanted.std() > 1e-2:
                alike.append(np.corrcoef(window, wanted)[0, 1])
    # Where a modulator is strong, phases drift apart by what its detune is rounded.
    assert len(alike) > 60
    assert np.median(alike) > 0.99
    assert np.mean(np.array(alike) > 0.9) > 0.8


def test_levels_follow_the_engines_envelopes(task):
    rng, algorithm = np.random.default_rng(1), 31  # six carriers
    at, starts = task.spec.position, list(range(4_000, 150_000, 9_000))
    errors = []
    for _ in range(20):
        patch = plain(task, task.with_note(task.sample(rng), Note(60, 0.05, 1.5)))
        patch[at["algorithm"]] = algorithm
        ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        ops[1:, OP["output_level"]] = 0
        ops[0, OP["output_level"]], ops[0, OP["mode"]], ops[0, OP["ratio_coarse"]] = 99, 0, 4
        ops[0, :4], ops[0, 4:8] = rng.integers(20, 99, 4), rng.integers(60, 99, 4)
        engine = cut(task, patch, starts).std(axis=1)
        found = played(task, [patch], starts)[0].std(axis=1) / 2.0  # the engine halves its sum
        loud = engine > 0.02
        errors += np.abs(20.0 * np.log10(found[loud] / engine[loud])).tolist()
    assert len(errors) > 100
    assert np.median(errors) < 0.05
    assert np.quantile(errors, 0.9) < 1.5  # rises are smoothed


def test_patches_of_all_algorithms_sound_alone_as_they_do_together(task):
    rng = np.random.default_rng(2)
    patches = [task.with_note(task.sample(rng), Note(55, 0.0, 1.0)) for _ in ALGORITHMS]
    for number, patch in enumerate(patches):
        patch[task.spec.position["algorithm"]] = number
    together = played(task, patches, [8_820])
    for patch, found in zip(patches, together, strict=True):
        np.testing.assert_allclose(found, played(task, [patch], [8_820])[0], atol=2e-3)


def test_nothing_sounds_before_the_onset(task):
    patch = task.with_note(task.sample(np.random.default_rng(3)), Note(60, 0.5, 1.0))
    assert not played(task, [patch], [0, 11_025]).any()


def test_a_sines_slopes_are_those_of_the_smooth_one():
    rng = torch.Generator().manual_seed(0)
    gain = torch.rand((2, 3, 1), generator=rng).requires_grad_()
    phase = (4.0 * torch.rand((2, 3, 50), generator=rng)).requires_grad_()
    weights = torch.randn((2, 3, 50), generator=rng)
    sound = dx7_windows._Sine.apply(gain, phase)
    smooth = gain * (2.0 * torch.pi * phase).sin()
    assert (sound - smooth).abs().max() < 2e-3
    assert (sound != smooth).any()
    found = torch.autograd.grad((sound * weights).sum(), (gain, phase))
    wanted = torch.autograd.grad((smooth * weights).sum(), (gain, phase))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_slopes_say_how_the_level_changes(task):
    """Of a carrier's level over a step of its output level, a window's energy gains 0.75 dB."""
    patch = plain(task, task.with_note(task.sample(np.random.default_rng(4)), Note(60, 0.0, 2.0)))
    at = task.spec.position
    patch[at["algorithm"]] = 31
    ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    ops[:, OP["output_level"]] = 0
    ops[2, OP["output_level"]], ops[2, :4], ops[2, 4:8] = 90, 99, 99
    windows = task.windows([patch], SAMPLES)
    values = torch.tensor(patch[windows.positions][None], dtype=torch.float32, requires_grad=True)
    sound = windows(values, torch.tensor([22_050]))
    level = 10.0 * sound.square().sum().log10()
    (slope,) = torch.autograd.grad(level, values)
    place = list(windows.positions).index(at["op3.output_level"])
    assert slope[0, place].item() == pytest.approx(6.02 / 8.0, rel=0.02)
    others = [i for i in range(len(windows.positions)) if i // 9 != 2]
    assert slope[0, others].abs().max() < 1e-6
