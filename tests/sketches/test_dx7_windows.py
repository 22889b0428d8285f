import sys

import numpy as np
import pytest
import torch

from unsynth.errors import EngineError
from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.dx7 import windows as dx7_windows
from unsynth.synths.base import Note
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.layout import OP, OPERATORS, WIDTH
from unsynth.tasks.dx7.task import DX7Task

SAMPLES = 1024


@pytest.fixture(scope="module")
def task():
    return DX7Task()


def plain(task, patch):
    """Without pitch envelope and LFO."""
    at, plain = task.spec.position, patch.copy()
    plain[at["pitch_eg.level1"] : at["pitch_eg.level1"] + 4] = 50
    for name in ("lfo.pitch_depth", "lfo.amp_depth"):
        plain[at[name]] = 0
    return plain


def cut(task, patch, starts):
    sound = task.synth().render(task.engine_patch(patch), task.note(patch))[0]
    return np.stack([sound[start : start + SAMPLES] for start in starts])


def played(task, patches, starts):
    windows = sketch_of(task).windows(patches, SAMPLES)
    values = torch.tensor(np.stack(patches)[:, sketch_of(task).fitted], dtype=torch.float32)
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


def carrier(task, **values):
    """One carrier at full level, which pitch envelope and LFO may move."""
    patch = plain(task, task.with_note(task.sample(np.random.default_rng(0)), Note(60, 0.1, 1.5)))
    at = task.spec.position
    patch[at["algorithm"]], patch[at["feedback"]], patch[at["lfo.sync"]] = 31, 0, 0
    ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    ops[:, OP["output_level"]], ops[:, OP["amp_mod_sensitivity"]] = 0, 0
    ops[0, :8], ops[0, OP["output_level"]], ops[0, OP["mode"]] = 99, 99, 0
    ops[0, OP["ratio_coarse"]], ops[0, OP["ratio_fine"]], ops[0, OP["ratio_detune"]] = 2, 0, 0
    for name, value in values.items():
        patch[at[name.replace("__", ".")]] = value
    return patch


@pytest.mark.parametrize("sync", [0, 1])
@pytest.mark.parametrize("wave", range(6))
def test_vibrato_is_that_of_the_engine(task, wave, sync):
    starts = list(range(8_820, 100_000, 4_410))
    for speed, delay in ((8, 0), (35, 50), (80, 0), (99, 70)):
        lfo = {"lfo__speed": speed, "lfo__delay": delay, "lfo__wave": wave, "lfo__sync": sync}
        patch = carrier(task, **lfo, lfo__pitch_depth=40, lfo__pitch_sensitivity=4)
        still = carrier(task)
        wanted = cut(task, patch, starts)
        alike = [
            np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, wanted, strict=True)])
            for found in played(task, [patch, still], starts)
        ]
        assert alike[0] > 0.99
        assert alike[1] < 0.9


def test_the_pitch_envelope_is_that_of_the_engine(task):
    rng, starts, alike = np.random.default_rng(6), list(range(5_000, 120_000, 5_000)), []
    for _ in range(20):
        eg = {f"pitch_eg__rate{i}": rng.integers(20, 99) for i in range(1, 5)}
        eg |= {f"pitch_eg__level{i}": rng.integers(35, 65) for i in range(1, 5)}
        patch = carrier(task, **eg)
        found, wanted = played(task, [patch], starts)[0], cut(task, patch, starts)
        alike.append(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(found, wanted, strict=True)]))
    assert min(alike) > 0.99


def test_operators_of_fixed_frequency_are_not_bent(task):
    fixed = {"op1.mode": 1, "op1.fixed_coarse": 2, "op1.fixed_fine": 50, "op1.fixed_detune": 0}
    patch = carrier(task, pitch_eg__level1=80, pitch_eg__rate1=50, **fixed)
    found, wanted = played(task, [patch], [30_000])[0], cut(task, patch, [30_000])
    assert np.corrcoef(found[0], wanted[0])[0, 1] > 0.999


@pytest.mark.parametrize("sensitivity", [1, 2, 3])
def test_tremolo_is_that_of_the_engine(task, sensitivity):
    starts = list(range(6_000, 66_000, 1_500))
    for depth, speed, wave in ((0, 20, 0), (50, 20, 0), (80, 30, 4)):
        lfo = {"lfo__speed": speed, "lfo__amp_depth": depth, "lfo__wave": wave, "lfo__delay": 0}
        patch = carrier(task, **lfo, op1__amp_mod_sensitivity=sensitivity)
        found = played(task, [patch], starts)[0].std(axis=1) / 2.0
        wanted = cut(task, patch, starts).std(axis=1)
        assert np.abs(20.0 * np.log10(found / wanted)).mean() < 0.1
        if depth == 80 and sensitivity == 3:
            assert wanted.max() > 10.0 * wanted.min()


@pytest.mark.parametrize("number", [3, 5, 31])  # loops of three, of two and of one operator
def test_feedback_is_that_of_the_engine(task, number):
    at, rng, alike = task.spec.position, np.random.default_rng(number), []
    for _ in range(12):
        patch = plain(task, task.with_note(task.sample(rng), Note(48, 0.0, 3.0)))
        patch[at["algorithm"]], patch[at["feedback"]] = number, 6
        ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        ops[:, 4:7], ops[:, :4], ops[:, OP["mode"]] = 99, 99, 0
        ops[:3, OP["output_level"]], ops[3:, OP["output_level"]] = 0, 80
        (engine,), (found,) = cut(task, patch, [30_000]), played(task, [patch], [30_000])[0]
        alike.append(np.corrcoef(engine[64:], found[64:])[0, 1])
    assert np.median(alike) > 0.98


def test_slopes_of_samples_are_those_of_the_smooth_sine():
    """Against differences of the coarse one, over steps that are large beside its own."""
    rng = np.random.default_rng(0)
    algorithms = rng.integers(0, 32, 4)
    gains = rng.uniform(0.2, 0.8, (4, 6, 2, 9)).astype(np.float32)
    phases = np.cumsum(rng.uniform(0, 0.6, (4, 6, 2, 9)), axis=-1).astype(np.float32)
    weights = torch.from_numpy(rng.normal(size=(4, 2, SAMPLES)).astype(np.float32))

    def total(gains):
        none = torch.zeros(4)
        sound = dx7_windows._Play.apply(gains, none, phases, algorithms, SAMPLES)
        return (sound * weights).sum(dim=(1, 2))

    gains = torch.from_numpy(gains).requires_grad_()
    (slopes,) = torch.autograd.grad(total(gains).sum(), gains)
    for op in range(OPERATORS):
        step = torch.zeros_like(gains)
        step[:, op, 1, 4] = 0.02
        with torch.no_grad():
            change = (total(gains + step) - total(gains - step)) / 0.04
        torch.testing.assert_close(slopes[:, op, 1, 4], change, rtol=0.1, atol=0.5)


def test_slopes_of_levels_are_those_of_the_envelopes():
    rng = np.random.default_rng(1)
    durations = rng.uniform(0.2, 2.0, 8)
    times = np.sort(rng.uniform(-0.1, 3.0, (8, 50)), axis=1)
    rates = torch.from_numpy(rng.uniform(20, 90, (8, 6, 4))).requires_grad_()
    targets = torch.from_numpy(rng.uniform(4, 15, (8, 6, 4))).requires_grad_()
    weights = torch.from_numpy(rng.normal(size=(8, 6, 50)).astype(np.float32))
    kept = rng.uniform(0.5, 1.0, (8, 6, 50)).astype(np.float32)

    def total(targets):
        gains = dx7_windows._Levels.apply(rates, targets, durations, times, kept)
        return (gains * weights).sum(dim=2)

    of_rates, of_targets = torch.autograd.grad(total(targets).sum(), (rates, targets))
    assert of_rates.abs().sum() > 0
    close = []
    for stage in range(4):
        step = torch.zeros_like(targets)
        step[..., stage] = 1e-4
        with torch.no_grad():
            change = (total(targets + step) - total(targets - step)) / 2e-4
        apart = (change - of_targets[..., stage]).abs()
        close += (apart < 0.02 * change.abs() + 0.02).flatten().tolist()
    assert np.mean(close) > 0.97  # but for those whose step moves a time into another stage


@pytest.mark.parametrize(("stage", "time"), [(0, 0.05), (1, 0.5)])  # a rise, a fall
def test_a_slope_of_a_rate_is_one_of_time(stage, time):
    """Of a stage that is faster by a share, all comes sooner by that share."""
    rates = torch.full((1, 6, 4), 99.0)
    rates[..., stage] = 40.0
    rates.requires_grad_()
    targets = torch.tensor([14.0, 2.0, 2.0, 2.0]).expand(1, 6, 4)

    def level(time):
        when, kept = (np.array([4.0]), np.array([[time]])), np.ones((1, 6, 1), dtype=np.float32)
        gains = dx7_windows._Levels.apply(rates, targets, *when, kept)
        return gains.log2()[0, 0, 0]

    (slope,) = torch.autograd.grad(level(time), rates)
    with torch.no_grad():
        of_time = (level(1.01 * time) - level(0.99 * time)).item() / 0.02
    share = (41 / 64) / (4 + np.floor(40 * 41 / 64) % 4)  # of the speed, for a step of the rate
    assert slope[0, 0, stage].item() == pytest.approx(share * of_time, rel=0.05)
    assert slope[0, 0, stage + 1 :].abs().sum() == 0


@pytest.mark.parametrize("number", [3, 5, 31])
def test_slopes_of_feedback_are_those_of_a_little(number):
    """Weighted by the change itself: the coarse sine's noise would hide it among other weights."""
    rng = np.random.default_rng(number)
    gains, hz = torch.full((1, 6, 1, 9), 0.3), rng.uniform(100, 900, (1, 6, 1, 1))
    phases = (hz * np.arange(9) * 128 / 44_100).astype(np.float32)

    def sound(depths):
        return dx7_windows._Play.apply(gains, depths, phases, np.array([number]), SAMPLES)

    depths = torch.tensor([0.01], requires_grad=True)
    with torch.no_grad():
        change = (sound(depths + 0.008) - sound(depths - 0.008)) / 0.016
    (slope,) = torch.autograd.grad((sound(depths) * change).sum(), depths)
    assert slope.item() == pytest.approx(change.square().sum().item(), rel=0.03)


def test_without_numba_one_line_says_what_to_install(task, monkeypatch):
    monkeypatch.setitem(sys.modules, "unsynth.sketches.dx7.windows", None)
    with pytest.raises(EngineError, match="pip install"):
        sketch_of(task).windows([task.sample(np.random.default_rng(5))], SAMPLES)


def test_windows_have_to_be_whole_blocks(task):
    with pytest.raises(ValueError, match="multiples"):
        sketch_of(task).windows([task.sample(np.random.default_rng(5))], 1000)


def test_slopes_say_how_the_level_changes(task):
    """Of a carrier's level over a step of its output level, a window's energy gains 0.75 dB."""
    patch = plain(task, task.with_note(task.sample(np.random.default_rng(4)), Note(60, 0.0, 2.0)))
    at = task.spec.position
    patch[at["algorithm"]] = 31
    ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    ops[:, OP["output_level"]] = 0
    ops[2, OP["output_level"]], ops[2, :4], ops[2, 4:8] = 90, 99, 99
    windows = sketch_of(task).windows([patch], SAMPLES)
    values = torch.tensor(
        patch[sketch_of(task).fitted][None], dtype=torch.float32, requires_grad=True
    )
    sound = windows(values, torch.tensor([22_050]))
    level = 10.0 * sound.square().sum().log10()
    (slope,) = torch.autograd.grad(level, values)
    place = list(sketch_of(task).fitted).index(at["op3.output_level"])
    assert slope[0, place].item() == pytest.approx(6.02 / 8.0, rel=0.02)
    others = [i for i in range(len(sketch_of(task).fitted)) if i // 9 != 2]
    assert slope[0, others].abs().max() < 1e-6
