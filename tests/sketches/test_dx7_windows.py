import sys

import numpy as np
import pytest
import torch

from tests.conftest import relative_error
from unsynth.errors import EngineError
from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.dx7 import envelopes, kernel, kernel_notes
from unsynth.synths.base import Note
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.dx7.layout import OP, OPERATORS, WIDTH
from unsynth.tasks.dx7.task import DX7Task

SAMPLES = 1024


@pytest.fixture(scope="module")
def task():
    return DX7Task()


def without_modulation(task, patch):
    """Return the patch without pitch envelope and LFO."""
    at, copy = task.spec.position, patch.copy()
    copy[at["pitch_eg.level1"] : at["pitch_eg.level1"] + 4] = 50
    for name in ("lfo.pitch_depth", "lfo.amp_depth"):
        copy[at[name]] = 0
    return copy


def correlations(windows, others):
    return [np.corrcoef(a, b)[0, 1] for a, b in zip(windows, others, strict=True)]


def render_windows(task, patch, starts):
    sound = task.synth().render(task.engine_patch(patch), task.note(patch))[0]
    return np.stack([sound[start : start + SAMPLES] for start in starts])


def sketch_windows(task, patches, starts):
    sketch = sketch_of(task)
    values = torch.tensor(np.stack(patches)[:, sketch.fitted], dtype=torch.float32)
    windows = sketch.windows(patches, SAMPLES)
    return windows.gain * windows(values, torch.tensor(starts)).numpy()


def fitted_values(task, patches):
    return np.ascontiguousarray(np.stack(patches)[:, sketch_of(task).fitted], dtype=np.float32)


def play_with_slopes(task, patches, values, starts):
    return sketch_of(task).windows(patches, SAMPLES).play_with_slopes(values, np.array(starts))


def test_windows_match_the_engine(task):
    rng = np.random.default_rng(0)
    starts, similarities = [11_025, 22_050, 33_075, 61_740, 97_020], []
    patches = [
        without_modulation(task, task.with_note(task.sample(rng), Note(60, 0.2, 1.0)))
        for _ in range(40)
    ]
    for patch, sketched in zip(patches, sketch_windows(task, patches, starts), strict=True):
        rendered = render_windows(task, patch, starts)
        loud = rendered.std(axis=1) > 1e-2
        similarities += correlations(sketched[loud], rendered[loud])
    # Under a strong modulator phases drift apart, since the engine rounds its detune.
    assert len(similarities) > 60
    assert np.median(similarities) > 0.99
    assert np.mean(np.array(similarities) > 0.9) > 0.8


def test_levels_match_the_engines_envelopes(task):
    rng, algorithm = np.random.default_rng(1), 31  # six carriers
    at, starts = task.spec.position, list(range(4_000, 150_000, 9_000))
    errors = []
    for _ in range(20):
        patch = without_modulation(task, task.with_note(task.sample(rng), Note(60, 0.05, 1.5)))
        patch[at["algorithm"]] = algorithm
        ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        ops[1:, OP["output_level"]] = 0
        ops[0, OP["output_level"]], ops[0, OP["mode"]], ops[0, OP["ratio_coarse"]] = 99, 0, 4
        ops[0, :4], ops[0, 4:8] = rng.integers(20, 99, 4), rng.integers(60, 99, 4)
        engine = render_windows(task, patch, starts).std(axis=1)
        sketch = sketch_windows(task, [patch], starts)[0].std(axis=1)
        loud = engine > 0.02
        errors += np.abs(20.0 * np.log10(sketch[loud] / engine[loud])).tolist()
    assert len(errors) > 100
    assert np.median(errors) < 0.05
    assert np.quantile(errors, 0.9) < 1.5  # the sketch smooths attacks


@pytest.mark.parametrize(
    ("rate", "engine_rate"), [(5, 44_100), (20, 44_100), (40, 44_100), (5, 48_000), (5, 96_000)]
)
def test_an_attack_after_level_0_is_delayed_as_the_engines(rate, engine_rate):
    task = load_task("dx7", engine_rate)
    patch = carrier(task, op1__rate1=rate, op1__rate2=80, op1__level1=0)
    starts = list(range(0, 120_000, SAMPLES))
    engine, sketch = (
        np.argmax(np.abs(windows.ravel()) > 0.01) / 44_100
        for windows in (
            render_windows(task, patch, starts),
            sketch_windows(task, [patch], starts)[0],
        )
    )
    assert engine > 0.11  # 0.1 of it is the onset
    assert sketch == pytest.approx(engine, abs=0.02 + 0.1 * (engine - 0.1))


def test_windows_do_not_depend_on_other_patches(task):
    rng = np.random.default_rng(2)
    patches = [task.with_note(task.sample(rng), Note(55, 0.0, 1.0)) for _ in ALGORITHMS]
    for number, patch in enumerate(patches):
        patch[task.spec.position["algorithm"]] = number
    together = sketch_windows(task, patches, [8_820])
    for patch, sketched in zip(patches, together, strict=True):
        np.testing.assert_allclose(sketched, sketch_windows(task, [patch], [8_820])[0], atol=1e-3)


def test_windows_are_silent_before_the_onset(task):
    patch = task.with_note(task.sample(np.random.default_rng(3)), Note(60, 0.5, 1.0))
    assert not sketch_windows(task, [patch], [0, 11_025]).any()


def carrier(task, **values):
    """Return a patch of one carrier at full level; ``values`` set other parameters."""
    patch = without_modulation(
        task, task.with_note(task.sample(np.random.default_rng(0)), Note(60, 0.1, 1.5))
    )
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
def test_vibrato_matches_the_engine(task, wave, sync):
    starts = list(range(8_820, 100_000, 4_410))
    for speed, delay in ((8, 0), (35, 50), (80, 0), (99, 70)):
        lfo = {"lfo__speed": speed, "lfo__delay": delay, "lfo__wave": wave, "lfo__sync": sync}
        patch = carrier(task, **lfo, lfo__pitch_depth=40, lfo__pitch_sensitivity=4)
        still = carrier(task)
        rendered = render_windows(task, patch, starts)
        with_vibrato, without = sketch_windows(task, [patch, still], starts)
        assert np.mean(correlations(with_vibrato, rendered)) > 0.99
        assert np.mean(correlations(without, rendered)) < 0.9


def test_pitch_envelope_matches_the_engine(task):
    rng, starts = np.random.default_rng(6), list(range(5_000, 120_000, 5_000))
    for _ in range(20):
        eg = {f"pitch_eg__rate{i}": rng.integers(20, 99) for i in range(1, 5)}
        eg |= {f"pitch_eg__level{i}": rng.integers(35, 65) for i in range(1, 5)}
        patch = carrier(task, **eg)
        sketched = sketch_windows(task, [patch], starts)[0]
        rendered = render_windows(task, patch, starts)
        assert np.mean(correlations(sketched, rendered)) > 0.99


def test_pitch_envelope_leaves_fixed_frequencies(task):
    fixed = {"op1.mode": 1, "op1.fixed_coarse": 2, "op1.fixed_fine": 50, "op1.fixed_detune": 0}
    patch = carrier(task, pitch_eg__level1=80, pitch_eg__rate1=50, **fixed)
    sketched = sketch_windows(task, [patch], [30_000])[0]
    rendered = render_windows(task, patch, [30_000])
    assert correlations(sketched, rendered)[0] > 0.999


@pytest.mark.parametrize("sensitivity", [1, 2, 3])
def test_tremolo_matches_the_engine(task, sensitivity):
    starts = list(range(6_000, 66_000, 1_500))
    for depth, speed, wave in ((0, 20, 0), (50, 20, 0), (80, 30, 4)):
        lfo = {"lfo__speed": speed, "lfo__amp_depth": depth, "lfo__wave": wave, "lfo__delay": 0}
        patch = carrier(task, **lfo, op1__amp_mod_sensitivity=sensitivity)
        sketch = sketch_windows(task, [patch], starts)[0].std(axis=1)
        engine = render_windows(task, patch, starts).std(axis=1)
        assert np.abs(20.0 * np.log10(sketch / engine)).mean() < 0.1
        if depth == 80 and sensitivity == 3:
            assert engine.max() > 10.0 * engine.min()


@pytest.mark.parametrize("number", [3, 5, 31])  # loops of three, of two and of one operator
def test_feedback_matches_the_engine(task, number):
    at, rng, similarities = task.spec.position, np.random.default_rng(number), []
    for _ in range(12):
        patch = without_modulation(task, task.with_note(task.sample(rng), Note(48, 0.0, 3.0)))
        patch[at["algorithm"]], patch[at["feedback"]] = number, 6
        ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        ops[:, 4:7], ops[:, :4], ops[:, OP["mode"]] = 99, 99, 0
        ops[:3, OP["output_level"]], ops[3:, OP["output_level"]] = 0, 80
        rendered = render_windows(task, patch, [30_000])
        sketched = sketch_windows(task, [patch], [30_000])[0]
        # Feedback starts from silence in each window.
        similarities += correlations(sketched[:, 64:], rendered[:, 64:])
    assert np.median(similarities) > 0.98


def test_feedback_is_as_deep_as_the_engines_in_each_algorithm(task):
    """Only the loop and its way to a carrier sound."""
    patches, starts = [], [30_000]
    for number, graph in enumerate(ALGORITHMS):
        patch = carrier(task, algorithm=number, feedback=5)
        ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        ops[:] = ops[0]
        ops[:, OP["ratio_coarse"]], ops[:, OP["output_level"]] = 1, 0
        source, target = op, _ = graph.feedback
        while op not in graph.carriers:
            op = min(modulated for modulator, modulated in graph.edges if modulator == op)
            ops[op, OP["output_level"]] = 75
        ops[source : target + 1, OP["output_level"]] = 85
        patches.append(patch)
    for patch, sketched in zip(patches, sketch_windows(task, patches, starts), strict=True):
        rendered = render_windows(task, patch, starts)
        # Feedback starts from silence in each window.
        assert relative_error(rendered[:, 64:], sketched[:, 64:]) < 0.1


def play(gains, phases, depths, algorithms):
    """Return windows, and the gradients of gains and depths as a function of those of samples."""
    items, ops, windows, _ = gains.shape
    sounds = np.empty((items, windows, SAMPLES), np.float32)
    total_phases = np.empty((items, ops, windows, SAMPLES), np.float32)
    kernel.play(algorithms, gains, phases, depths, sounds, total_phases)

    def gradients(grad_sounds):
        grads = np.empty_like(gains), np.empty_like(depths)
        kernel.play_gradients(algorithms, gains, depths, total_phases, grad_sounds, *grads)
        return grads

    return sounds, gradients


def play_levels(rates, targets, durations, times, factors):
    """Return amplitudes, and the gradients of rates and targets as a function of theirs."""
    notes = 40.0, durations, times, factors
    gains = np.empty((*rates.shape[:2], times.shape[1]), np.float32)
    kernel_notes.levels(rates, targets, *notes, gains)

    def gradients(grad_gains):
        grads = np.empty_like(rates), np.empty_like(targets)
        kernel_notes.levels_gradients(rates, targets, *notes, gains, grad_gains, *grads)
        return grads

    return gains, gradients


def test_gradients_of_gains_are_those_of_the_smooth_sine():
    """Compare with differences of the quantised sine, over steps far above its own."""
    rng = np.random.default_rng(0)
    algorithms = rng.integers(0, 32, 4)
    gains = rng.uniform(0.2, 0.8, (4, 6, 2, 9)).astype(np.float32)
    phases = np.cumsum(rng.uniform(0, 0.6, (4, 6, 2, 9)), axis=-1).astype(np.float32)
    gains[1, :, 0] = 0.0  # a silent window beside one that is heard
    weights = rng.normal(size=(4, 2, SAMPLES)).astype(np.float32)
    no_feedback = np.zeros(4, np.float32)

    def total(gains):
        return (play(gains, phases, no_feedback, algorithms)[0] * weights).sum(axis=(1, 2))

    gradients, _ = play(gains, phases, no_feedback, algorithms)[1](weights)
    assert not gradients[1, :, 0].any() and np.isfinite(gradients).all()
    for op in range(OPERATORS):
        step = np.zeros_like(gains)
        step[:, op, 1, 4] = 0.02
        change = (total(gains + step) - total(gains - step)) / 0.04
        np.testing.assert_allclose(gradients[:, op, 1, 4], change, rtol=0.1, atol=0.5)


def test_gradients_of_levels_match_differences():
    rng = np.random.default_rng(1)
    durations = rng.uniform(0.2, 2.0, 8)
    times = np.sort(rng.uniform(-0.1, 3.0, (8, 50)), axis=1)
    rates = rng.uniform(20, 90, (8, 6, 4))
    targets = rng.uniform(4, 15, (8, 6, 4))
    weights = rng.normal(size=(8, 6, 50)).astype(np.float32)
    factors = rng.uniform(0.5, 1.0, (8, 6, 50)).astype(np.float32)

    def total(targets):
        return (play_levels(rates, targets, durations, times, factors)[0] * weights).sum(axis=2)

    _, gradients = play_levels(rates, targets, durations, times, factors)
    grad_rates, grad_targets = gradients(weights)
    assert np.abs(grad_rates).sum() > 0
    close = []
    for stage in range(4):
        step = np.zeros_like(targets)
        step[..., stage] = 1e-4
        change = (total(targets + step) - total(targets - step)) / 2e-4
        error = np.abs(change - grad_targets[..., stage])
        close += (error < 0.02 * np.abs(change) + 0.02).ravel().tolist()
    assert np.mean(close) > 0.97  # the others: the step moves a time into another stage


@pytest.mark.parametrize(("stage", "time"), [(0, 0.05), (1, 0.5)])  # a rise, a fall
def test_gradient_of_a_rate_matches_one_of_time(stage, time):
    """A stage that is faster by a share reaches each level sooner by that share."""
    rates = np.full((1, 6, 4), 99.0)
    rates[..., stage] = 40.0
    targets = np.tile([14.0, 2.0, 2.0, 2.0], (1, 6, 1))
    factors = np.ones((1, 6, 1), dtype=np.float32)

    def play_at(time):
        return play_levels(rates, targets, np.array([4.0]), np.array([[time]]), factors)

    gains, gradients = play_at(time)
    of_levels = 1.0 / (np.log(2.0) * gains)  # slopes of levels in octaves
    gradient = gradients(of_levels.astype(np.float32))[0][0, 0]
    later, earlier = (np.log2(play_at(factor * time)[0][0, 0, 0]) for factor in (1.01, 0.99))
    grad_time = (later - earlier) / 0.02
    share = (41 / 64) / (4 + np.floor(40 * 41 / 64) % 4)  # of the speed, per step of the rate
    assert gradient[stage] == pytest.approx(share * grad_time, rel=0.05)
    assert not gradient[stage + 1 :].any()


@pytest.mark.parametrize("number", [3, 5, 31])
def test_gradient_of_feedback_matches_differences(number):
    """Weight samples by the change itself: else the quantised sine's noise would hide it."""
    rng = np.random.default_rng(number)
    gains, hz = np.full((1, 6, 1, 9), 0.3, np.float32), rng.uniform(100, 900, (1, 6, 1, 1))
    phases = (hz * np.arange(9) * 128 / 44_100).astype(np.float32)

    def play_at(depth):
        return play(gains, phases, np.array([depth], np.float32), np.array([number]))

    change = (play_at(0.018)[0] - play_at(0.002)[0]) / np.float32(0.016)
    _, (gradient,) = play_at(0.01)[1](change)
    assert gradient == pytest.approx(np.square(change).sum(), rel=0.03)


def test_only_what_a_held_note_depends_on_has_gradients(task):
    """The level it is held at, and the output level: not rates, nor what is over or to come."""
    patch = carrier(task, op1__level3=91)  # the engine plays 90 as 91
    values = fitted_values(task, [patch])
    sound, slopes = play_with_slopes(task, [patch], values, [44_100])
    gradients = slopes(2.0 * sound)
    names = np.array(task.spec.names)[sketch_of(task).fitted]
    assert set(names[gradients[0] > 0]) == {"op1.level3", "op1.output_level"}
    assert set(names[gradients[0] != 0]) == {"op1.level3", "op1.output_level"}


def test_gradient_of_the_feedback_parameter_matches_differences(task):
    """Weight samples by the change itself, as above; a step doubles the depth."""
    patch = carrier(task, feedback=4)  # of a lone carrier: operator 6 of algorithm 32
    ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    ops[5], ops[0, OP["output_level"]] = ops[0], 0

    def play(step):
        values = fitted_values(task, [patch])
        values[:, -1] += step
        return play_with_slopes(task, [patch], values, [44_100])

    change = (play(0.3)[0] - play(-0.3)[0]) / np.float32(0.6)
    gradients = play(0.0)[1](change)
    assert gradients[0, -1] == pytest.approx(np.square(change).sum(), rel=0.1)


def test_slopes_of_levels_match_differences(task):
    """Of a weighted sum of targets. Tables of levels bend at whole values: keep between them."""
    rng = np.random.default_rng(4)
    patches = [task.with_note(task.sample(rng), Note(60, 0.0, 1.0)) for _ in range(6)]
    values = np.clip(fitted_values(task, patches), 2.0, 97.0) + np.float32(0.5)
    sounds, slopes = play_with_slopes(task, patches, values, [0, 4_410, 30_000])
    gradients = slopes(2.0 * sounds)
    names = np.array(task.spec.names)[sketch_of(task).fitted]
    for name in ("op1.rate2", "op1.level2", "op1.output_level", "feedback"):
        assert gradients[:, names == name].any()
    weights = rng.normal(size=(6, OPERATORS, 4))
    _, targets, depths = read_values(values)
    gradients, none = np.empty_like(values), np.zeros_like(weights)
    kernel_notes.read_gradients(
        values, targets, depths, none, weights, np.zeros_like(depths), gradients
    )
    for name in ("op1.level2", "op3.output_level"):
        step = np.float32(0.25) * (names == name)
        change = read_values(values + step)[1] - read_values(values - step)[1]
        change = 2.0 * (change * weights).sum(axis=(1, 2))
        np.testing.assert_allclose(gradients[:, names == name][:, 0], change, rtol=1e-4, atol=1e-6)


def read_values(values):
    """Read rates, targets and depths with the compiled code."""
    rates, targets = np.empty((2, len(values), OPERATORS, 4))
    depths = np.empty(len(values), dtype=np.float32)
    kernel_notes.read(np.ascontiguousarray(values), np.ones_like(depths), rates, targets, depths)
    return rates, targets, depths


def test_torch_reads_values_as_the_compiled_code(task):
    rng = np.random.default_rng(7)
    values = fitted_values(task, [task.sample(rng) for _ in range(40)])
    values += rng.uniform(-2.0, 2.0, values.shape).astype(np.float32)  # also out of range
    values[::4, 4] = 0.0  # a first level of 0
    for compiled, other in zip(
        read_values(values), envelopes.read(torch.from_numpy(values)), strict=True
    ):
        np.testing.assert_allclose(compiled, other.numpy(), rtol=1e-5, atol=1e-6)


def test_torch_places_knots_as_the_compiled_code(task):
    """Times, phases and tremolo: with torch, where windows are played on a GPU."""
    rng = np.random.default_rng(8)
    patches = [task.sample(rng) for _ in range(20)]
    windows, starts = sketch_of(task).windows(patches, SAMPLES), np.array([0, 4_410, 60_000])
    times, factors, phases = windows.place_knots(starts)
    expected = windows.place_knots_with_torch(torch.from_numpy(starts))
    for compiled, other in zip((times, factors), expected[:2], strict=True):
        np.testing.assert_allclose(compiled.reshape(other.shape), other, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(phases, expected[2], atol=1e-3)


def test_a_part_plays_the_same_windows(task):
    rng = np.random.default_rng(9)
    patches, starts = [task.sample(rng) for _ in range(5)], np.array([0, 4_410])
    values, windows = fitted_values(task, patches), sketch_of(task).windows(patches, SAMPLES)
    whole, _ = windows.play_with_slopes(values, starts)
    part, _ = windows.part(slice(2, 4)).play_with_slopes(values[2:4], starts)
    np.testing.assert_array_equal(part, whole[2:4])


def test_error_without_numba_says_what_to_install(task, monkeypatch):
    monkeypatch.setitem(sys.modules, "unsynth.sketches.dx7.windows", None)
    with pytest.raises(EngineError, match="pip install"):
        sketch_of(task).windows([task.sample(np.random.default_rng(5))], SAMPLES)


def test_windows_of_partial_blocks_are_refused(task):
    with pytest.raises(ValueError, match="multiples"):
        sketch_of(task).windows([task.sample(np.random.default_rng(5))], 1000)


def test_gradient_of_output_level_is_a_step_of_the_level_table(task):
    """A step of a lone carrier's output level raises a window's energy by 0.75 dB."""
    patch = without_modulation(
        task, task.with_note(task.sample(np.random.default_rng(4)), Note(60, 0.0, 2.0))
    )
    at = task.spec.position
    patch[at["algorithm"]] = 31
    ops = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    ops[:, OP["output_level"]] = 0
    ops[2, OP["output_level"]], ops[2, :4], ops[2, 4:8] = 90, 99, 99
    fitted = list(sketch_of(task).fitted)
    sound, slopes = play_with_slopes(task, [patch], fitted_values(task, [patch]), [22_050])
    of_level = 10.0 / np.log(10.0) * 2.0 * sound / np.square(sound).sum()
    gradient = slopes(of_level.astype(np.float32))
    assert gradient[0, fitted.index(at["op3.output_level"])] == pytest.approx(6.02 / 8.0, rel=0.02)
    others = [i for i in range(len(fitted)) if i // 9 != 2]
    assert np.abs(gradient[0, others]).max() < 1e-6
