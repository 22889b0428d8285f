"""The paper's two tasks for Surge XT: what they draw and set, and what may change place.

Nothing here needs the plugin; the figures of the paper's own code lie beside a checkout.
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
    found = load_task(f"surge-{name}")
    assert isinstance(found, DeclaredTask)
    return found


@pytest.fixture(scope="module")
def full() -> DeclaredTask:
    found = load_task("surge-full")
    assert isinstance(found, DeclaredTask)
    return found


@pytest.fixture(scope="module")
def draws(task) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([task.sample(rng) for _ in range(400)])


def drawn(task: DeclaredTask, **values: float | str) -> np.ndarray:
    """Draw a patch and set values in it, a category's by its choice; ``__`` is a dot."""
    named = task.spec.named(task.sample(np.random.default_rng(1)))
    return task.spec.from_named(named | {k.replace("__", "."): v for k, v in values.items()})


def test_they_have_the_papers_sizes(name, task):
    assert isinstance(task, Task) and task.source == f"surge-{name}"
    assert (len(task.spec.parameters), task.spec.width) == SIZES[name]


def test_they_are_the_papers_parameters(shared_data, name, task):
    facts = json.loads((shared_data.parent / "facts" / "surge_xt_tasks.json").read_text())[name]
    declared = {d.control: (p, d) for p, d in zip(task.spec.parameters, task.declared, strict=True)}
    assert set(declared) - {None} == {fact["name"] for fact in facts["synth"]}
    assert not task.fixed and facts["encoded_length"] == task.spec.width
    for fact in facts["synth"]:
        parameter, found = declared[fact["name"]]
        if fact["kind"] == "continuous":
            assert isinstance(parameter, Continuous) and found.raw is None
            assert (parameter.low, parameter.high) == (fact["min"], fact["max"])
            points = ()
            if "constant" in fact:
                points = ((fact["constant"], fact["constant_probability"]),)
            assert found.points == points
        else:
            assert isinstance(parameter, Categorical)
            assert list(found.raw) == fact["raw_values"]
            shown = [
                float(c) if parameter.name.endswith("octave") else c for c in parameter.choices
            ]
            assert [str(choice) for choice in shown] == fact["values"]
            weights = np.array(found.weights or np.ones(parameter.width))
            expected = np.array(fact["weights"])
            np.testing.assert_allclose(weights / weights.sum(), expected / expected.sum())


@pytest.mark.parametrize("number", range(12))
def test_true_patches_come_back_exactly(shared_data, name, task, number):
    path = shared_data / "surge_xt" / f"{name}_{number:02d}.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the reference data")
    true = json.loads(path.read_text())
    start, end = true["note"]["start_s"], true["note"]["end_s"]
    note = Note(true["note"]["pitch"], start, end - start)
    patch = task.from_engine_patch(true["parameters"], note)
    again = task.spec.decode(task.spec.encode(patch[None]))[0]
    assert task.engine_patch(again) == true["parameters"]
    assert np.isfinite(task.log_density(again[None]))
    played = task.note(again)
    assert played.pitch == note.pitch and played.velocity == true["note"]["velocity"]
    assert abs(played.onset - start) < 1e-6
    assert abs(played.onset + played.duration - end) < 2e-6


def test_draws_come_back_and_are_as_the_density_says(task, draws):
    task.spec.check(draws)
    np.testing.assert_array_equal(task.spec.decode(task.spec.encode(draws)), draws)
    assert np.isfinite(task.log_density(draws)).all()
    amplitude = draws[:, task.spec.position["osc1.lfo.amplitude"]]
    assert 0.6 < (amplitude == 0).mean() < 0.74
    ends = draws[:, -2] + draws[:, -1]
    # The larger of two even moments.
    assert ends.max() < 4.0 and abs(ends.mean() - 4.0 * 2 / 3) < 0.2


def test_an_oscillator_moves_with_its_lfo(task, draws):
    """The exchange of oscillators 1 and 2 is that of LFOs 3 and 4, and of nothing else."""
    patch = next(each for each in draws if len(task.symmetries(each)) >= 6)
    rows = task.symmetries(patch)
    x = task.spec.encode(patch[None])[0]
    images = task.spec.decode(x[rows])
    densities = task.log_density(images)
    np.testing.assert_array_equal(densities, densities[0])
    before = task.engine_patch(patch)
    turns = {"a_osc_1_": "a_osc_2_", "a_lfo_3_": "a_lfo_4_"}
    turns |= {there: here for here, there in turns.items()}
    expected = dict(before)
    for control in before:
        if control[:8] in turns:
            expected[control] = before[turns[control[:8]] + control[8:]]
    # Oscillator 1 has other values for an octave than the others, for the same choices.
    matching = [
        all(
            after[control] == pytest.approx(value, abs=0.05 if "octave" in control else 0)
            for control, value in expected.items()
        )
        for after in map(task.engine_patch, images)
    ]
    assert sum(matching) == 1


def test_filters_change_place_only_where_they_are_alike(full):
    dual = {"filter_configuration": "Dual 1", "filter_balance": 0.5}
    alone = {"fm_routing": "2 > 1"}
    for changed in ({}, {"filter_balance": 0.6}, {"filter_configuration": "Serial 1"}):
        patch = drawn(full, **(dual | alone | changed))
        assert len(full.symmetries(patch)) == (1 if changed else 2)
    patch = drawn(full, osc1__route="Filter 1", osc2__route="Both", noise__route="Filter 2",
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


def test_ring_and_frequency_modulation_tell_oscillators_apart(full):
    free = {"fm_routing": "Off", "ring_1x2.mute": "True", "ring_2x3.mute": "True"}
    serial = {"filter_configuration": "Wide"}
    for key, value in {"": "", "fm_routing": "2 > 1 < 3", "ring_1x2.mute": "False"}.items():
        named = free | serial | ({key: value} if key else {})
        patch = drawn(full, **{k.replace(".", "__"): v for k, v in named.items()})
        assert len(full.symmetries(patch)) == (1 if key else 6)


def test_what_is_switched_off_is_not_heard(full):
    at = full.spec.position
    quiet = {
        **{"osc1__mute": "False", "osc1__lfo__amplitude": 0.3, "osc1__unison_voices": "1 voice"},
        **{"osc2__mute": "True", "noise__mute": "True", "fm_routing": "Off"},
        **{"ring_1x2__mute": "True", "ring_2x3__mute": "True", "waveshaper__type": "Off"},
        **{"filter1__lfo__amplitude": 0.0, "filter_configuration": "Serial 1"},
        **{"chorus__mix": 0.0, "delay__mix": 0.2, "note.onset": 3.0, "note.duration": 1.0},
    }
    heard = full.active(drawn(full, **quiet))
    silent = ("osc2.pitch", "osc2.volume", "osc2.lfo.amplitude", "osc2.lfo.rate", "noise.color",
              "noise.route", "ring_1x2.volume", "fm_depth", "osc1.unison_detune", "feedback",
              "filter1.lfo.rate", "chorus.time", "waveshaper.drive", "amp_eg.release",
              "osc1.lfo.release", "note.duration")  # fmt: skip
    assert not any(heard[at[name]] for name in silent)
    loud = ("osc2.mute", "osc1.pitch", "osc1.lfo.rate", "filter1.lfo.amplitude", "filter1.cutoff",
            "delay.time_left", "chorus.mix", "highpass")  # fmt: skip
    assert all(heard[at[name]] for name in loud)
    # A muted oscillator is still heard through another.
    for changed in ({"fm_routing": "2 > 1"}, {"ring_1x2__mute": "False"}):
        heard = full.active(drawn(full, **(quiet | changed)))
        assert heard[at["osc2.pitch"]] and not heard[at["osc2.volume"]]
    released = full.active(drawn(full, **(quiet | {"note.duration": 0.5})))
    assert released[at["amp_eg.release"]] and released[at["osc1.lfo.release"]]
    assert not released[at["osc2.lfo.release"]]


def test_only_a_sound_needs_the_plugin(task, no_plugin):
    with pytest.raises(EngineError, match=r"Surge XT.vst3 in .*vst3.*: install it, or .* --plugin"):
        task.synth()
