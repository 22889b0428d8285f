"""Units are proposed from names of parameters."""

import json

from unsynth.authoring.units import propose_units


def stems(names, alike=lambda a, b: True):
    return {u.stem: (u.labels, u.suffixes) for u in propose_units(names, alike)}


def test_names_with_labels_make_blocks():
    names = [f"osc_{i}_{what}" for i in "123" for what in ("level", "pitch", "wave")]
    names += [f"env{i}_{what}" for i in "12" for what in ("attack", "decay")]
    names += ["osc_1_sync", "master_tune", "macro_1", "macro_2", "op_a_ratio", "op_a_level"]
    names += ["op_b_ratio", "op_b_level", "filter_1_cutoff"]
    assert stems(names) == {
        "osc_{}": (("1", "2", "3"), ("level", "pitch", "wave")),
        "env{}": (("1", "2"), ("attack", "decay")),
        "op_{}": (("a", "b"), ("ratio", "level")),
    }


def test_copies_share_only_parameters_with_the_same_values():
    names = [f"osc_{i}_{what}" for i in "12" for what in ("level", "pitch", "wave")]
    unlike = {"osc_1_wave", "osc_2_wave"}
    blocks = stems(names, lambda a, b: a not in unlike)
    assert blocks == {"osc_{}": (("1", "2"), ("level", "pitch"))}
    assert stems(names, lambda a, b: False) == {}


def test_no_name_is_in_two_blocks():
    """``lfo_1_to_osc_1_depth`` could belong to an LFO or to an oscillator."""
    names = [f"lfo_{i}_to_osc_{j}_{w}" for i in "12" for j in "123" for w in ("depth", "phase")]
    members = [
        name for u in propose_units(names, lambda a, b: True) for m in u.members for name in m
    ]
    assert len(members) == len(set(members)) == 12


def test_copies_that_lack_most_parameters_are_left_out():
    names = [f"osc_{i}_{what}" for i in "12" for what in ("a", "b", "c", "d")] + ["osc_3_a"]
    assert stems(names) == {"osc_{}": (("1", "2"), ("a", "b", "c", "d"))}


def test_blocks_of_a_real_plugin(shared_data):
    """Surge XT as a host sees it: three oscillators, six LFOs and two filters per scene."""
    path = shared_data.parent / "facts" / "surge_xt_host_parameters.json"
    host = json.loads(path.read_text())
    kinds = {
        each["python_name"]: (each["type"], tuple(each.get("first_last", ()))) for each in host
    }
    blocks = stems(list(kinds), lambda a, b: kinds[a][0] == kinds[b][0])
    assert blocks["a_osc_{}"][0] == ("1", "2", "3") and "sawtooth" in blocks["a_osc_{}"][1]
    assert blocks["a_lfo_{}"][0] == ("1", "2", "3", "4", "5", "6")
    assert {"rate", "attack", "amplitude"} <= set(blocks["a_lfo_{}"][1])
    assert blocks["a_filter_{}"][0] == ("1", "2") and "resonance" in blocks["a_filter_{}"][1]
