"""A drafted task file is one that loads, says all that was found, and hides nothing."""

import dataclasses

import numpy as np
import pytest
import yaml

from unsynth.authoring.draft import draft, task_name, write_draft
from unsynth.authoring.probing import Probe, Probed, _Ears
from unsynth.authoring.units import ProposedUnit
from unsynth.errors import OutputError
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Concurrency
from unsynth.synths.plugins import PluginClass
from unsynth.synths.vst3 import HostParameter
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.parameter import Categorical, Continuous, Integer


def host(name, texts=("0 %", "100 %"), initial=0.5):
    edges = np.linspace(0, 1, len(texts) + 1).tolist()
    ranges = tuple(zip(texts, edges, edges[1:], strict=False))
    return HostParameter(name, name.replace("_", " ").title(), initial, True, ranges)


def stepped(name, texts):
    raw = np.linspace(0, 1, len(texts)).tolist()
    return Probed(host(name, texts), tuple(zip(texts, raw, strict=True)))


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
FOUND = Probe(
    plugin=PluginClass("Some: Synth", "Maker", "1.0", True, 14),
    parameters=(
        *(Probed(host(f"osc_{i}_level")) for i in "12"),
        *(Probed(host(f"env_{i}_{w}")) for i in "ab" for w in ("attack", "decay")),
        *(stepped(f"osc_{i}_shape", ("Saw", "Off", "Ünï: 3, #")) for i in "12"),
        *(Probed(host(f"lfo_{i}_{w}")) for i in "12" for w in ("rate", "depth")),
        stepped("octave", ("-1", "0", "+1")),
        stepped("voices", tuple(map(str, range(1, 41)))),
        Probed(host("stretch", initial=0.25), inert=True),
        Probed(host("master_volume"), excluded="output gain"),
    ),
    units=(OSC, ENV),
    unlike=((ProposedUnit("lfo_{}", ("1", "2"), ("rate", "depth"), ()), 3.21),),
    deterministic=True,
    patches=20,
)


def test_all_that_was_found_is_in_the_file(tmp_path):
    path = tmp_path / "some.yaml"
    text = draft(FOUND, "some", "Some.vst3")
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
    assert "stretch" not in kinds and task.fixed == {"stretch": 0.25}
    controls = task.engine_patch(task.spec.decode(-np.ones((1, task.spec.width)))[0])
    assert {"osc_1_level", "env_b_decay", "lfo_2_rate", "stretch"} <= set(controls)
    assert controls["octave"] == 0.0 and "master_volume" not in controls
    assert len(task.symmetries(task.sample(np.random.default_rng(0)))) == 4
    for said in (
        "stretch: 0.25  # inert; Stretch: 0 % to 100 %, starts at 0.25 (0 %)",
        "#   master_volume: output gain; Master Volume: 0 % to 100 %",
        "# lfo_1, lfo_2 look like copies of a block, but changing places moved",
        "by up to 3.2 dB (MSS): no unit of 2 parameters",
        "# Octave: 3 steps, -1 to +1, starts at 0.5 (0)",
    ):
        assert said in text
    told = yaml.safe_load(text)["engine"]
    assert told == {
        "plugin": "Some.vst3", "name": "Some: Synth", "version": "1.0", "deterministic": True
    }  # fmt: skip
    with pytest.raises(OutputError, match="is there already"):
        write_draft(text, path)
    with pytest.raises(OutputError, match="cannot be written"):
        write_draft(text, tmp_path / "no" / "some.yaml")


def test_uneven_or_uncounted_steps_are_choices(tmp_path):
    uneven = Probed(host("speed", ("1", "2", "3")), (("1", 0.0), ("2", 0.2), ("3", 1.0)))
    ratio = stepped("ratio", ("1/4", "2/4", "3/4"))
    hertz = stepped("corner", ("1.5 Hz", "2.5 Hz", "3.5 Hz"))
    found = dataclasses.replace(FOUND, parameters=(uneven, ratio, hertz), units=(), unlike=())
    task = write_draft(draft(found, "steps", "x.vst3"), tmp_path / "steps.yaml")
    assert all(isinstance(p, Categorical) for p in task.spec.parameters[:3])


def test_copies_with_too_many_exchanges_stay_plain(tmp_path):
    labels = tuple("12345678")
    words = ("rate", "depth")
    lfo = ProposedUnit(
        "lfo_{}", labels, words, tuple(tuple(f"lfo_{i}_{w}" for w in words) for i in labels)
    )
    parameters = [Probed(host(name)) for copy in (*lfo.members, *OSC.members) for name in copy]
    found = dataclasses.replace(FOUND, parameters=tuple(parameters), units=(lfo, OSC), unlike=())
    task = write_draft(text := draft(found, "many", "x.vst3"), tmp_path / "many.yaml")
    assert [unit.name for unit in task.spec.units] == ["osc"] and "lfo_8_depth" in task.spec.names
    assert "lfo_8 are copies of a block" in text and "10,000 exchanges at most" in text


def test_names_of_tasks():
    assert task_name("mda JX10") == "mda-jx10" and task_name("???") == "own-synth"


class Additive:
    """Three sines with a level and a ratio each; ``spread`` tells the last one from the others."""

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


class Quasi(Additive):
    spread = 30.0


@pytest.mark.parametrize(("synth", "may"), [(Additive, True), (Quasi, False)])
def test_copies_may_change_places_where_the_sound_stays(synth, may):
    words = ("level", "ratio")
    unit = ProposedUnit(
        "osc_{}", tuple("123"), words, tuple(tuple(f"osc_{i}_{w}" for w in words) for i in "123")
    )
    asked = [host(name) for copy in unit.members for name in copy]
    with Renderer(synth) as renderer:
        ears = _Ears(renderer, asked, {}, np.random.default_rng(0), 4)
        list(ears.learn())
        distance = ears.exchanged(unit)
    assert (distance < 0.1) if may else (distance > 1.0)


# -- a real instrument --------------------------------------------------------------------------
