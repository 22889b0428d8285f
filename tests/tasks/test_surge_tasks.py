"""The paper's two tasks for Surge XT: draws, controls, audibility and exchanges.

No test needs the plugin. Figures from the paper's own code are read from the shared data.
"""

import json

import numpy as np
import pytest

from unsynth.errors import EngineError
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.parameter import Categorical, Continuous
from unsynth.tasks.task import Task

NAMES = ("simple", "full")
SIZES = {"simple": (92, 92), "full": (165, 300)}


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def task(name) -> DeclaredTask:
    loaded = load_task(f"surge-{name}")
    assert isinstance(loaded, DeclaredTask)
    return loaded


@pytest.fixture(scope="module")
def full() -> DeclaredTask:
    loaded = load_task("surge-full")
    assert isinstance(loaded, DeclaredTask)
    return loaded


@pytest.fixture(scope="module")
def draws(task) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([task.sample(rng) for _ in range(400)])


def draw_with(task: DeclaredTask, **values: float | str) -> np.ndarray:
    """Draw a patch and set values in it, a category by its choice; ``__`` stands for a dot."""
    named = task.spec.named(task.sample(np.random.default_rng(1)))
    return task.spec.from_named(named | {k.replace("__", "."): v for k, v in values.items()})


def test_parameters_and_coordinates_are_as_many_as_in_the_paper(name, task):
    assert isinstance(task, Task) and task.source == f"surge-{name}"
    assert (len(task.spec.parameters), task.spec.width) == SIZES[name]


def test_parameters_ranges_and_weights_are_those_of_the_paper(shared_data, name, task):
    facts = json.loads((shared_data.parent / "facts" / "surge_xt_tasks.json").read_text())[name]
    declared = {
        d.control: (p, d)
        for p, d in zip(task.spec.parameters, task.declaration.parameters, strict=True)
    }
    assert set(declared) - {None} == {fact["name"] for fact in facts["synth"]}
    assert not task.declaration.fixed and facts["encoded_length"] == task.spec.width
    for fact in facts["synth"]:
        parameter, declaration = declared[fact["name"]]
        if fact["kind"] == "continuous":
            assert isinstance(parameter, Continuous) and declaration.raw is None
            assert (parameter.low, parameter.high) == (fact["min"], fact["max"])
            points = ()
            if "constant" in fact:
                points = ((fact["constant"], fact["constant_probability"]),)
            assert declaration.points == points
        else:
            assert isinstance(parameter, Categorical)
            assert list(declaration.raw) == fact["raw_values"]
            choices = [
                float(c) if parameter.name.endswith("octave") else c for c in parameter.choices
            ]
            assert [str(choice) for choice in choices] == fact["values"]
            weights = np.array(declaration.weights or np.ones(parameter.width))
            expected = np.array(fact["weights"])
            np.testing.assert_allclose(weights / weights.sum(), expected / expected.sum())


@pytest.mark.parametrize("number", range(12))
def test_patches_of_the_papers_code_round_trip_exactly(shared_data, name, task, number):
    path = shared_data / "surge_xt" / f"{name}_{number:02d}.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the reference data")
    expected = json.loads(path.read_text())
    start, end = expected["note"]["start_s"], expected["note"]["end_s"]
    note = Note(expected["note"]["pitch"], start, end - start)
    patch = task.from_engine_patch(expected["parameters"], note)
    again = task.spec.decode(task.spec.encode(patch[None]))[0]
    assert task.engine_patch(again) == expected["parameters"]
    assert np.isfinite(task.log_density(again[None]))
    played = task.note(again)
    assert played.pitch == note.pitch and played.velocity == expected["note"]["velocity"]
    assert abs(played.onset - start) < 1e-6
    assert abs(played.onset + played.duration - end) < 2e-6


def test_draws_round_trip_and_follow_the_prior(task, draws):
    task.spec.check(draws)
    np.testing.assert_array_equal(task.spec.decode(task.spec.encode(draws)), draws)
    assert np.isfinite(task.log_density(draws)).all()
    amplitude = draws[:, task.spec.position["osc1.lfo.amplitude"]]
    assert 0.6 < (amplitude == 0).mean() < 0.74
    ends = draws[:, -2] + draws[:, -1]
    # The end is the larger of two uniform times.
    assert ends.max() < 4.0 and abs(ends.mean() - 4.0 * 2 / 3) < 0.2


def test_exchanging_oscillators_also_exchanges_their_lfos(task, draws):
    """The exchange of oscillators 1 and 2 exchanges LFOs 3 and 4, and nothing else."""
    patch = next(each for each in draws if len(task.symmetries(each)) >= 6)
    rows = task.symmetries(patch)
    x = task.spec.encode(patch[None])[0]
    images = task.spec.decode(x[rows])
    densities = task.log_density(images)
    np.testing.assert_array_equal(densities, densities[0])
    before = task.engine_patch(patch)
    swaps = {"a_osc_1_": "a_osc_2_", "a_lfo_3_": "a_lfo_4_"}
    swaps |= {second: first for first, second in swaps.items()}
    expected = dict(before)
    for control in before:
        if control[:8] in swaps:
            expected[control] = before[swaps[control[:8]] + control[8:]]
    # For the same octave, oscillator 1 has other raw values than the others.
    matching = [
        all(
            after[control] == pytest.approx(value, abs=0.05 if "octave" in control else 0)
            for control, value in expected.items()
        )
        for after in map(task.engine_patch, images)
    ]
    assert sum(matching) == 1


def test_filters_can_be_exchanged_only_if_both_are_in_the_same_place(full):
    dual = {"filter_configuration": "Dual 1", "filter_balance": 0.5}
    alone = {"fm_routing": "2 > 1"}
    for changed in ({}, {"filter_balance": 0.6}, {"filter_configuration": "Serial 1"}):
        patch = draw_with(full, **(dual | alone | changed))
        assert len(full.symmetries(patch)) == (1 if changed else 2)
    patch = draw_with(full, osc1__route="Filter 1", osc2__route="Both", noise__route="Filter 2",
                  **dual, **alone)  # fmt: skip
    x = full.spec.encode(patch[None])[0]
    image = full.spec.named(full.spec.decode(x[full.symmetries(patch)][1:])[0])
    named = full.spec.named(patch)
    assert (image["osc1.route"], image["osc2.route"]) == ("Filter 2", "Both")
    assert image["noise.route"] == "Filter 1"
    for own in ("cutoff", "type", "lfo.rate", "lfo.amplitude"):
        assert image[f"filter1.{own}"] == named[f"filter2.{own}"]
    simple = load_task("surge-simple")
    for row in simple.symmetries(simple.sample(np.random.default_rng(0))):
        unmoved = simple.spec.slices[simple.spec.position["filter1.cutoff"]].start
        assert row[unmoved] == unmoved


def test_ring_and_frequency_modulation_forbid_exchanges_of_oscillators(full):
    free = {"fm_routing": "Off", "ring_1x2.mute": "True", "ring_2x3.mute": "True"}
    serial = {"filter_configuration": "Wide"}
    for key, value in {"": "", "fm_routing": "2 > 1 < 3", "ring_1x2.mute": "False"}.items():
        named = free | serial | ({key: value} if key else {})
        patch = draw_with(full, **{k.replace(".", "__"): v for k, v in named.items()})
        assert len(full.symmetries(patch)) == (1 if key else 6)


def test_parameters_that_are_switched_off_are_inactive(full):
    at = full.spec.position
    muted = {
        **{"osc1__mute": "False", "osc1__lfo__amplitude": 0.3, "osc1__unison_voices": "1 voice"},
        **{"osc2__mute": "True", "noise__mute": "True", "fm_routing": "Off"},
        **{"ring_1x2__mute": "True", "ring_2x3__mute": "True", "waveshaper__type": "Off"},
        **{"filter1__lfo__amplitude": 0.0, "filter_configuration": "Serial 1"},
        **{"chorus__mix": 0.0, "delay__mix": 0.2, "note.onset": 3.0, "note.duration": 1.0},
    }
    active = full.active(draw_with(full, **muted))
    inactive = (
        *("osc2.pitch", "osc2.volume", "osc2.lfo.amplitude", "osc2.lfo.rate", "noise.color"),
        *("noise.route", "ring_1x2.volume", "fm_depth", "osc1.unison_detune", "feedback"),
        *("filter1.lfo.rate", "chorus.time", "waveshaper.drive", "amp_eg.release"),
        *("osc1.lfo.release", "note.duration"),
    )
    assert not any(active[at[name]] for name in inactive)
    audible = (
        *("osc2.mute", "osc1.pitch", "osc1.lfo.rate", "filter1.lfo.amplitude", "filter1.cutoff"),
        *("delay.time_left", "chorus.mix", "highpass"),
    )
    assert all(active[at[name]] for name in audible)
    # A muted oscillator is still audible through another one.
    for changed in ({"fm_routing": "2 > 1"}, {"ring_1x2__mute": "False"}):
        active = full.active(draw_with(full, **(muted | changed)))
        assert active[at["osc2.pitch"]] and not active[at["osc2.volume"]]
    released = full.active(draw_with(full, **(muted | {"note.duration": 0.5})))
    assert released[at["amp_eg.release"]] and released[at["osc1.lfo.release"]]
    assert not released[at["osc2.lfo.release"]]


def test_only_rendering_needs_the_plugin(task, no_plugin):
    with pytest.raises(EngineError, match=r"Surge XT.vst3 in .*vst3.*: install it, or .* --plugin"):
        task.synth()
