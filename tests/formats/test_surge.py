"""Plugin states as bytes, and the init preset of Surge XT if shared data has it."""

import json
import struct

import pytest

from unsynth.errors import PatchError
from unsynth.formats.surge import (
    SurgePatch,
    edit_surge_patch,
    read_surge_patch,
    surge_differences,
    surge_fxp,
    surge_preset,
    write_surge_patch,
)
from unsynth.formats.vst import (
    Program,
    VSTPreset,
    read_fxp,
    read_vstpreset,
    write_fxp,
    write_vstpreset,
)

XML = (
    b'<patch revision="24"><meta name="Init" /><parameters>'
    b'<volume type="2" value="0.00000000000000" />'
    b'<a_pitch type="2" value="0.50" extend_range="0">'
    b'<modrouting source="22" depth="3" /></a_pitch>'
    b'<a_filter1_type type="0" value="0" deactivated="1" /></parameters></patch>'
)
PATCH = SurgePatch(XML, (3, 0, 0, 2, 0, 0), b"waveswaves and a tail")
TABLE = {
    "volume": {"type": "2", "value": "-2.5"},
    "a_pitch": {"value": "0.5", "modulations": [{"source": 22, "depth": 14.0}]},
    "a_filter1_type": {"value": "4", "deactivated": "0"},
    "a_ws_type": {"type": "0", "value": "1", "deactivated": "0"},
}


def test_presets_round_trip():
    preset = VSTPreset("ABCDEF019182FAEB566D624153675854", {"Comp": b"state", "Cont": b""})
    data = write_vstpreset(preset)
    assert read_vstpreset(data) == preset
    assert data[:8] == b"VST3\1\0\0\0" and data[48:53] == b"state"
    at = struct.unpack_from("<q", data, 40)[0]
    assert data[at : at + 8] == b"List\2\0\0\0"
    for cut in range(len(data)):
        with pytest.raises(PatchError):
            read_vstpreset(data[:cut])
    with pytest.raises(PatchError, match="points outside"):
        read_vstpreset(data.replace(struct.pack("<q", 5), struct.pack("<q", 5000)))


def test_presets_whose_chunks_overlap_are_refused():
    """Else a small file could hold thousands of chunks, each as long as the file."""
    data = write_vstpreset(VSTPreset("A" * 32, {"Comp": bytes(100), "Cont": bytes(100)}))
    second = struct.pack("<qq", 148, 100)
    assert second in data
    with pytest.raises(PatchError, match="overlap"):
        read_vstpreset(data.replace(second, struct.pack("<qq", 48, 200)))


def test_a_preset_without_a_state_is_no_patch_of_surge():
    preset = read_vstpreset(write_vstpreset(VSTPreset("A" * 32, {"Cont": b""})))
    with pytest.raises(PatchError, match="cut off"):
        read_surge_patch(preset.chunks.get("Comp", b""))


def test_a_damaged_modulation_is_named():
    patch = SurgePatch(XML.replace(b'source="22"', b'source="lfo"'), (0,) * 6, b"")
    with pytest.raises(PatchError, match=r"a_pitch: a modulation is damaged .*'lfo'"):
        list(surge_differences(patch, TABLE))


def test_values_of_any_length_are_named_in_one_short_line():
    patch = SurgePatch(XML.replace(b'depth="3"', b'depth="' + b"x" * 5000 + b'"'), (0,) * 6, b"")
    with pytest.raises(PatchError) as raised:
        list(surge_differences(patch, TABLE))
    assert len(str(raised.value)) < 200


def test_xml_that_is_nested_too_deep_is_refused():
    deep = XML.replace(b"<parameters>", b"<parameters>" + b"<a>" * 5000 + b"</a>" * 5000)
    with pytest.raises(PatchError, match="nested more than 64 deep"):
        read_surge_patch(write_surge_patch(SurgePatch(deep, (0,) * 6, b"")))


def test_programs_round_trip():
    program = Program("cjs3", "Née à côté", bytes(range(256)))
    data = write_fxp(program)
    assert read_fxp(data) == program
    assert struct.unpack_from(">I", data, 4)[0] == len(data) - 8
    assert struct.unpack_from(">I", data, 56)[0] == 256 and len(data) == 60 + 256
    long = read_fxp(write_fxp(Program("cjs3", 20 * "né", b""))).name
    assert long == 9 * "né"
    for cut in range(len(data)):
        with pytest.raises(PatchError):
            read_fxp(data[:cut])


def test_editing_makes_a_patch_equal_to_its_table():
    chunk = write_surge_patch(PATCH)
    assert read_surge_patch(chunk) == PATCH
    assert list(surge_differences(PATCH, TABLE)) == [
        "volume: value is 0.00000000000000, not -2.5",
        "a_pitch: depth of source 22 is 3.0, not 14.0",
        "a_filter1_type: value is 0, not 4",
        "a_filter1_type: deactivated is 1, not 0",
        "a_ws_type is missing",
    ]
    edited = edit_surge_patch(PATCH, TABLE)
    assert not list(surge_differences(edited, TABLE))
    assert edit_surge_patch(edited, TABLE) == edited
    assert (edited.wavetables, edited.rest) == (PATCH.wavetables, PATCH.rest)
    assert edited.xml.count(b"<modrouting") == 1 and b'extend_range="0"' in edited.xml
    program = read_fxp(surge_fxp(edited, "Mine"))
    assert (program.plugin, program.name) == ("cjs3", "Mine")
    # An .fxp keeps the wavetables after the XML, but not the tail of the plugin's framework.
    assert read_surge_patch(program.chunk) == SurgePatch(edited.xml, PATCH.wavetables, b"waves")


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (b"sub3", "cut off"),
        (write_surge_patch(PATCH).replace(b"sub3", b"sub2"), "not a patch of Surge XT"),
        (write_surge_patch(PATCH)[:-60], "XML is damaged|within its wavetables"),
        (write_surge_patch(PATCH)[:-18], "cut off within its wavetables"),
        (write_surge_patch(SurgePatch(b"<patch>", (0,) * 6, b"")), "XML is damaged"),
    ],
)
def test_damaged_chunks_are_refused(chunk, message):
    with pytest.raises(PatchError, match=message):
        read_surge_patch(chunk)


def test_xml_without_parameters_is_refused():
    with pytest.raises(PatchError, match="has no parameters"):
        edit_surge_patch(SurgePatch(b"<patch />", (0,) * 6, b""), TABLE)


def test_the_init_preset_of_the_plugin_round_trips_and_is_edited(shared_data):
    facts = shared_data.parent / "facts"
    data = (facts / "surge_xt_init.vstpreset").read_bytes()
    preset = read_vstpreset(data)
    assert write_vstpreset(preset) == data
    patch = read_surge_patch(preset.chunks["Comp"])
    assert write_surge_patch(patch) == preset.chunks["Comp"]
    assert edit_surge_patch(patch, {}).xml == patch.xml
    for table in json.loads((facts / "surge_xt_base_patch.json").read_text()).values():
        assert list(surge_differences(patch, table))
        edited = edit_surge_patch(patch, table)
        assert not list(surge_differences(edited, table))
        again = read_vstpreset(write_vstpreset(surge_preset(preset, edited)))
        assert read_surge_patch(again.chunks["Comp"]) == edited
        assert (again.class_id, again.chunks["Cont"]) == (preset.class_id, preset.chunks["Cont"])
        assert read_surge_patch(read_fxp(surge_fxp(edited, "Base")).chunk).xml == edited.xml
