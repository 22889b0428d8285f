"""A drafted task file loads, and names every parameter of the probe."""

import dataclasses

import numpy as np
import pytest
import yaml

from unsynth.authoring.draft import draft, task_name, write_draft
from unsynth.authoring.listening import ListeningProbe
from unsynth.authoring.probing import Probe, ProbedParameter
from unsynth.authoring.units import ProposedUnit
from unsynth.errors import OutputError
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Concurrency
from unsynth.synths.plugins import PluginClass
from unsynth.synths.vst3_plugin import HostParameter
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.parameter import Categorical, Continuous, Integer


def host(name, texts=("0 %", "100 %"), initial=0.5):
    edges = np.linspace(0, 1, len(texts) + 1).tolist()
    ranges = tuple(zip(texts, edges, edges[1:], strict=False))
    return HostParameter(name, name.replace("_", " ").title(), initial, True, ranges)


def stepped(name, texts):
    raw = np.linspace(0, 1, len(texts)).tolist()
    return ProbedParameter(host(name, texts), tuple(zip(texts, raw, strict=True)))


OSC = ProposedUnit(
    "osc_{}",
    ("1", "2"),
    ("level", "shape"),
    (("osc_1_level", "osc_1_shape"), ("osc_2_level", "osc_2_shape")),
)
ENV = ProposedUnit(
    "env_{}", ("a", "b"), ("attack", "decay"),
    (("env_a_attack", "env_a_decay"), ("env_b_attack", "env_b_decay")),
)  # fmt: skip
PROBE = Probe(
    plugin=PluginClass("Some: Synth", "Maker", "1.0", True, 14),
    parameters=(
        *(ProbedParameter(host(f"osc_{i}_level")) for i in "12"),
        *(ProbedParameter(host(f"env_{i}_{w}")) for i in "ab" for w in ("attack", "decay")),
        *(stepped(f"osc_{i}_shape", ("Saw", "Off", "Ünï: 3, #")) for i in "12"),
        *(ProbedParameter(host(f"lfo_{i}_{w}")) for i in "12" for w in ("rate", "depth")),
        stepped("octave", ("-1", "0", "+1")),
        stepped("voices", tuple(map(str, range(1, 41)))),
        ProbedParameter(host("stretch", initial=0.25), inert=True),
        ProbedParameter(host("master_volume"), excluded="output gain"),
    ),
    units=(OSC, ENV),
    unlike=((ProposedUnit("lfo_{}", ("1", "2"), ("rate", "depth"), ()), 3.21),),
    deterministic=True,
    patches=20,
)


def test_draft_holds_every_parameter_of_the_probe(tmp_path):
    path = tmp_path / "some.yaml"
    text = draft(PROBE, "some", "Some.vst3")
    task = write_draft(text, path)
    assert load_task(str(path)).hash == task.hash
    kinds = dict(zip(task.spec.names, task.spec.parameters, strict=True))
    assert isinstance(kinds["osc1.level"], Continuous) and "osc2.level" in kinds
    shape = kinds["osc2.shape"]
    assert isinstance(shape, Categorical) and shape.choices == ("Saw", "Off", "Ünï: 3, #")
    octave, voices = kinds["octave"], kinds["voices"]
    assert isinstance(octave, Integer) and (octave.low, octave.high) == (-1, 1)
    assert isinstance(voices, Integer) and (voices.low, voices.high) == (1, 40)
    assert [unit.name for unit in task.spec.units] == ["osc", "env"]
    assert "stretch" not in kinds and task.declaration.fixed == {"stretch": 0.25}
    controls = task.engine_patch(task.spec.decode(-np.ones((1, task.spec.width)))[0])
    assert {"osc_1_level", "env_b_decay", "lfo_2_rate", "stretch"} <= set(controls)
    assert controls["octave"] == 0.0 and "master_volume" not in controls
    assert len(task.symmetries(task.sample(np.random.default_rng(0)))) == 4
    for line in (
        "stretch: 0.25  # inert; Stretch: 0 % to 100 %, starts at 0.25 (0 %)",
        "#   master_volume: output gain; Master Volume: 0 % to 100 %",
        "# lfo_1, lfo_2 look like copies of a block of 2 parameters.",
        "# They are no unit: exchanging two copies moved a sound by up to 3.2 dB (MSS).",
        "# Octave: 3 steps, -1 to +1, starts at 0.5 (0)",
    ):
        assert line in text
    engine = yaml.safe_load(text)["engine"]
    assert engine == {
        "plugin": "Some.vst3", "name": "Some: Synth", "version": "1.0", "deterministic": True
    }  # fmt: skip
    with pytest.raises(OutputError, match="already exists"):
        write_draft(text, path)
    with pytest.raises(OutputError, match="cannot be written"):
        write_draft(text, tmp_path / "no" / "some.yaml")


def test_steps_that_do_not_count_evenly_are_choices(tmp_path):
    uneven = ProbedParameter(host("speed", ("1", "2", "3")), (("1", 0.0), ("2", 0.2), ("3", 1.0)))
    ratio = stepped("ratio", ("1/4", "2/4", "3/4"))
    hertz = stepped("corner", ("1.5 Hz", "2.5 Hz", "3.5 Hz"))
    probe = dataclasses.replace(PROBE, parameters=(uneven, ratio, hertz), units=(), unlike=())
    task = write_draft(draft(probe, "steps", "x.vst3"), tmp_path / "steps.yaml")
    assert all(isinstance(p, Categorical) for p in task.spec.parameters[:3])


def test_copies_with_too_many_exchanges_are_no_unit(tmp_path):
    labels = tuple("12345678")
    words = ("rate", "depth")
    lfo = ProposedUnit(
        "lfo_{}", labels, words, tuple(tuple(f"lfo_{i}_{w}" for w in words) for i in labels)
    )
    parameters = [
        ProbedParameter(host(name)) for copy in (*lfo.members, *OSC.members) for name in copy
    ]
    probe = dataclasses.replace(PROBE, parameters=tuple(parameters), units=(lfo, OSC), unlike=())
    task = write_draft(text := draft(probe, "many", "x.vst3"), tmp_path / "many.yaml")
    assert [unit.name for unit in task.spec.units] == ["osc"] and "lfo_8_depth" in task.spec.names
    assert "lfo_8 are copies of a block" in text and "at most 10,000 exchanges" in text


def test_task_names_come_from_plugin_names():
    assert task_name("mda JX10") == "mda-jx10" and task_name("???") == "own-synth"


class Additive:
    """Three sines with a level and a ratio each; ``spread`` Hz detunes the last one."""

    sample_rate, channels, deterministic = 44_100, 2, True
    concurrency = Concurrency.THREADS
    spread = 0.0

    def render(self, patch, note, seconds=4.0):
        time = np.arange(round(seconds * self.sample_rate)) / self.sample_rate
        sound = np.zeros_like(time)
        for i in "123":
            hz = 200 * (1 + round(5 * patch[f"osc_{i}_ratio"])) + (self.spread if i == "3" else 0)
            sound += 0.2 * patch[f"osc_{i}_level"] * np.sin(2 * np.pi * hz * time)
        return np.stack([sound, sound]).astype(np.float32)


class DetunedAdditive(Additive):
    spread = 30.0


@pytest.mark.parametrize(("synth", "interchangeable"), [(Additive, True), (DetunedAdditive, False)])
def test_exchange_distance_is_small_for_interchangeable_copies(synth, interchangeable):
    words = ("level", "ratio")
    unit = ProposedUnit(
        "osc_{}", tuple("123"), words, tuple(tuple(f"osc_{i}_{w}" for w in words) for i in "123")
    )
    parameters = [host(name) for copy in unit.members for name in copy]
    with Renderer(synth) as renderer:
        probe = ListeningProbe(renderer, parameters, {}, np.random.default_rng(0), 4)
        list(probe.draw_patches())
        distance = probe.exchange_distance(unit)
    assert (distance < 0.1) if interchangeable else (distance > 1.0)
