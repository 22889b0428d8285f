"""What is read of any patch of Surge XT: what a task can hold, and what is named as lost."""

import re
from dataclasses import replace

import numpy as np
import pytest

from unsynth.errors import PatchError
from unsynth.formats.surge import (
    edit_surge_patch,
    read_surge_patch,
    surge_fxp,
    surge_parameters,
    write_surge_patch,
)
from unsynth.formats.vst import Program, read_fxp, write_fxp
from unsynth.matching.user_patches import UserPatches
from unsynth.synths.base import Note
from unsynth.synths.surge_xt import SurgeXTEngine
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask

NAMES = ("simple", "full")
NOTE = Note(60, 0.5, 1.0)


def task(name: str) -> DeclaredTask:
    surge_task = load_task(f"surge-{name}")
    assert isinstance(surge_task, DeclaredTask)
    return surge_task


def edited(own: DeclaredTask, patch: np.ndarray, table: dict, rename=()) -> bytes:
    """Write a patch of a task as Surge would after these changes by a user."""
    file = own.engine.files(own.engine_patch(patch), "mine")[".fxp"]
    surge_patch = edit_surge_patch(read_surge_patch(read_fxp(file).chunk), table)
    xml = surge_patch.xml.decode()
    for pattern, text in rename:
        xml = re.sub(pattern, text, xml)
    return surge_fxp(replace(surge_patch, xml=xml.encode()), "mine")


def drawn(own: DeclaredTask, **values: float | str) -> np.ndarray:
    """Draw a patch and set values in it, a category by its choice; ``__`` stands for a dot."""
    named = own.spec.named(own.sample(np.random.default_rng(4)))
    return own.spec.from_named(named | {k.replace("__", "."): v for k, v in values.items()})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".fxp", ".vstpreset"])
def test_files_of_draws_are_read_back_whole(name, suffix):
    own = task(name)
    rng = np.random.default_rng(0)
    for _ in range(25):
        patch = own.with_note(own.sample(rng), NOTE)
        file = own.engine.files(own.engine_patch(patch), "mine")[suffix]
        again = own.from_file(file, NOTE)
        heard = own.active(patch)
        np.testing.assert_allclose(again[heard], patch[heard], atol=2e-6)


def test_a_patch_that_plays_scene_b_is_read_from_there():
    own = task("full")
    patch = drawn(own)
    scenes = [("(</?)([ab])_", r"\1\2!_"), ("(</?)a!_", r"\1b_"), ("(</?)b!_", r"\1a_")]
    slots = [(rf"<fx{a}_", f"<fx{b}_") for a, b in ((1, 3), (2, 4), (9, 11))]
    file = edited(own, patch, {"scene_active": {"value": 1}}, [*scenes, *slots])
    again, lost = own.nearest_to_file(file, own.note(patch))
    heard = own.active(patch)
    assert not lost
    np.testing.assert_allclose(again[heard], patch[heard], atol=2e-6)


def test_an_effect_is_found_in_another_slot_and_a_missing_one_is_silent():
    own = task("full")
    patch = drawn(own, chorus__mix=0.25, delay__mix=0.5, reverb__mix=0.75)
    file = edited(own, patch, {"fx9_type": {"value": 0}}, [("<fx1_", "<fx10_")])
    again, lost = own.nearest_to_file(file, NOTE)
    mixes = {name: own.spec.named(again)[f"{name}.mix"] for name in ("chorus", "delay", "reverb")}
    assert mixes == {"chorus": 0.25, "delay": 0.5, "reverb": 0.0} and not lost


def test_other_kinds_of_parts_are_named_first():
    own = task("full")
    changes = {
        "volume": {"value": -6.0},
        "a_osc1_type": {"value": 11},
        "a_osc1_param0": {"value": 3.0},
        "a_mute_o1": {"value": 0},
        "fx7_type": {"value": 3},
        "a_filter1_cutoff": {"modulations": [{"source": 1, "depth": 12.0}]},
    }
    _, lost = own.nearest_to_file(edited(own, drawn(own), changes), NOTE)
    assert lost[:3] == [
        "oscillator 1 is Alias, in the task Modern",
        "the task has no Phaser",
        "velocity modulates a_filter1_cutoff",
    ]
    assert "volume is -6, in the task -2.02575" in lost
    assert not any("param0" in each or "fx7" in each for each in lost)


def test_another_depth_of_a_modulation_is_another_amplitude():
    own = task("simple")
    patch = drawn(own, osc1__lfo__amplitude=0.5, osc2__lfo__amplitude=0.5)
    depths = {
        "a_osc1_param3": {"modulations": [{"source": 19, "depth": 0.5}]},
        "a_osc2_param3": {"modulations": [{"source": 20, "depth": -0.25}]},
    }
    gone = ('<modrouting source="17"[^>]*>', "")
    again, lost = own.nearest_to_file(edited(own, patch, depths, [gone]), NOTE)
    named = own.spec.named(again)
    assert named["osc1.lfo.amplitude"] == pytest.approx(0.25, abs=1e-6)
    assert named["osc2.lfo.amplitude"] == pytest.approx(0.125, abs=1e-6)
    assert named["filter1.lfo.amplitude"] == 0.0
    assert lost == ["LFO 4 modulates a_osc2_param3 with the opposite sign"]


def test_what_is_not_heard_is_neither_lost_nor_named():
    own = task("simple")
    patch = drawn(own, osc1__volume=0.7, osc2__volume=0.6, osc3__volume=0.5)
    changes = {
        "a_solo_o2": {"value": 1},
        "a_lfo9_rate": {"value": 3.0},
        "b_osc1_type": {"value": 2},
        "a_send_fx_1": {"value": 0.5},
        "a_portamento": {"value": 1.0},
    }
    again, lost = own.nearest_to_file(edited(own, patch, changes), NOTE)
    named = own.spec.named(again)
    assert [named[f"osc{n}.volume"] for n in (1, 2, 3)] == [0.0, 0.6, 0.0] and not lost


def test_a_filter_that_is_off_lets_everything_pass():
    own = task("simple")
    off = {"a_filter1_type": {"value": 0}, "a_filter2_type": {"value": 1, "deactivated": 1}}
    again, lost = own.nearest_to_file(edited(own, drawn(own), off), NOTE)
    controls = own.engine_patch(again)
    for n in (1, 2):
        cutoff, resonance = (controls[f"a_filter_{n}_{k}"] for k in ("cutoff", "resonance"))
        assert cutoff == 1.0 and resonance == 0.0
    assert not lost


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_without_modulations_gets_none(name):
    """The base patch has six, and LFOs of the init patch are at full amplitude."""
    own = task(name)
    again, _ = own.nearest_to_file(SurgeXTEngine({}).files({}, "x")[".fxp"], NOTE)
    amplitudes = {k: v for k, v in own.spec.named(again).items() if k.endswith("lfo.amplitude")}
    assert len(amplitudes) == 5 and not any(amplitudes.values())


def test_a_muted_modulation_does_nothing():
    own = task("simple")
    patch = drawn(own, osc1__lfo__amplitude=0.5)
    again, lost = own.nearest_to_file(edited(own, patch, {}, [('muted="0"', 'muted="1"')]), NOTE)
    assert own.spec.named(again)["osc1.lfo.amplitude"] == 0.0 and not lost


def test_a_disabled_effect_is_off_in_whatever_slot_it_is_found():
    own = task("full")
    patch = drawn(own, chorus__mix=0.6, delay__mix=0.5)
    swapped = [("(</?)([ab])_", r"\1\2!_"), ("(</?)a!_", r"\1b_"), ("(</?)b!_", r"\1a_")]
    slots = [("<fx1_", "<fx3_"), ("<fx2_", "<fx4_"), ("<fx9_", "<fx11_")]
    changes = {"scene_active": {"value": 1}, "fx_disable": {"value": 4}}
    again, _ = own.nearest_to_file(edited(own, patch, changes, [*swapped, *slots]), NOTE)
    named = own.spec.named(again)
    assert (named["chorus.mix"], named["delay.mix"]) == (0.0, 0.5)


def test_seven_macros_and_no_volume_are_what_early_patches_have():
    own = task("simple")
    patch = drawn(own, filter1__lfo__amplitude=0.5)
    early = [
        ('revision="24"', 'revision="8"'),
        *((f'source="{n}"', f'source="{n - 1}"') for n in range(17, 23)),
    ]
    again, lost = own.nearest_to_file(edited(own, patch, {"volume": {"value": 0}}, early), NOTE)
    assert own.spec.named(again)["filter1.lfo.amplitude"] == pytest.approx(0.5, abs=1e-6)
    assert lost == ["revision 8 has other filters: save it anew in Surge XT"]


def test_tasks_with_other_base_patches_read_files_too():
    engine = SurgeXTEngine(
        {
            "base": {
                "fx1_type": {"value": 3},
                "a_pan": {"modulations": [{"source": 40, "depth": 0.5}]},
                "a_volume": {"modulations": [{"source": 1, "depth": 0.5}]},
            }
        }
    )
    assert engine.read(engine.files({}, "x")[".fxp"], {"a_pan": ()})[2] == []
    plain = SurgeXTEngine({}).files({}, "x")[".fxp"]
    assert sorted(engine.read(plain, {"a_pan": ()})[2]) == [
        "source 40 modulates a_pan by another depth",
        "the task has Phaser",
        "velocity modulates a_volume by another depth",
    ]


def test_an_older_revision_and_forbidden_characters_are_read():
    """Patches that come with Surge XT have both."""
    own = task("simple")
    patch = drawn(own)
    older = [('revision="24"', 'revision="9"'), ('name="mine"', 'name="S&#x10;n\x02are"')]
    file = edited(own, patch, {}, older).replace(b"Init", b"In\xb4t")
    _, lost = own.nearest_to_file(file, NOTE)
    assert lost == ["revision 9 has other filters: save it anew in Surge XT"]
    surge_patch = read_surge_patch(read_fxp(file).chunk)
    assert b'name="Snare"' in surge_patch.xml
    assert read_surge_patch(write_surge_patch(surge_patch)) == surge_patch


def test_other_files_are_refused():
    own = task("simple")
    for data, message in (
        (b"{}", "neither an .fxp nor a .vstpreset"),
        (write_fxp(Program("Dexd", "x", b"chunk")), "a patch of 'Dexd', not of Surge XT"),
        (edited(own, drawn(own), {"a_pan": {"value": "left"}}), "a_pan: 'left' is not a value"),
        (edited(own, drawn(own), {"a_pan": {"value": "1e308"}}), "a_pan: '1e308' is not a value"),
        (
            edited(own, drawn(own), {}, [("<patch", '<?xml version="1.0" encoding="foo"?><patch')]),
            "not in UTF-8",
        ),
        (edited(own, drawn(own), {}, [('revision="24"', 'revision="x"')]), "has no revision"),
        (edited(own, drawn(own), {"a_pan": {"value": "nan"}}), "a_pan: 'nan' is not a value"),
        (
            edited(
                own, drawn(own), {"a_pan": {"modulations": [{"source": 1, "depth": float("inf")}]}}
            ),
            "a_pan: a modulation is damaged",
        ),
    ):
        with pytest.raises(PatchError, match=message):
            own.nearest_to_file(data, NOTE)


def test_a_search_starts_from_a_file(tmp_path):
    own = task("simple")
    patch = drawn(own)
    path = tmp_path / "mine.fxp"
    path.write_bytes(edited(own, patch, {"a_octave": {"value": -1}}))
    start = UserPatches.read(path, own)
    assert start.remarks == (
        "mine.fxp: surge-simple cannot hold all of it: a_octave is -1, in the task 0",
    )
    (again,) = start.patches
    heard = own.active(patch)
    heard[-3:] = False
    np.testing.assert_allclose(again[heard], patch[heard], atol=2e-6)
    with pytest.raises(PatchError, match="holds no patch of dx7"):
        UserPatches.read(path, load_task("dx7"))


def test_the_base_patch_is_a_table_of_all_its_parameters():
    base = surge_parameters(
        read_surge_patch(read_fxp(SurgeXTEngine({}).files({}, "x")[".fxp"]).chunk)
    )
    assert len(base) > 500 and base["a_osc1_pitch"]["value"] == "0.00000000000000"
