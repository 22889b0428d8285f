"""Surge XT's base patch; with the plugin itself where it is installed."""

import json

import pytest

from unsynth.formats.surge import differences, read_surge_patch, surge_name
from unsynth.formats.vst import read_vstpreset
from unsynth.synths.plugins import PluginNotFoundError, find_bundle
from unsynth.synths.surge_xt import surge_base

NOTE_NAMES = ("simple", "full")


@pytest.fixture(scope="module")
def surge():
    pytest.importorskip("pedalboard")
    try:
        return find_bundle("Surge XT")
    except PluginNotFoundError:
        pytest.skip("Surge XT is not installed (UNSYNTH_VST3 may say where it is)")


@pytest.mark.parametrize("name", NOTE_NAMES)
def test_the_base_patch_carries_its_table(shared_data, name):
    facts = shared_data.parent / "facts"
    init = (facts / "surge_xt_init.vstpreset").read_bytes()
    table = json.loads((facts / "surge_xt_base_patch.json").read_text())[name]
    made = read_vstpreset(surge_base(init, table))
    start = read_vstpreset(init)
    patch = read_surge_patch(made.chunks["Comp"])
    assert not list(differences(patch, table))
    assert surge_name(patch) == "Init"
    assert made.class_id == start.class_id and made.chunks["Cont"] == start.chunks["Cont"]
    assert patch.rest == read_surge_patch(start.chunks["Comp"]).rest and len(patch.rest) == 31
