"""Surge XT's base patch and files, and the plugin itself if it is installed.

The tests read the files with independent readers, written from the descriptions of the formats.
"""

import json
import os
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
import soundfile
import yaml

from unsynth.data.draws import loudness
from unsynth.errors import PatchError, TaskError
from unsynth.formats.surge import (
    edit_surge_patch,
    read_surge_patch,
    reset_surge_session,
    surge_differences,
    surge_name,
)
from unsynth.formats.vst import read_vstpreset
from unsynth.metrics.audio import mss
from unsynth.synths.base import Note
from unsynth.synths.plugins import PluginNotFoundError, find_bundle
from unsynth.synths.surge_xt import (
    SurgeXT,
    SurgeXTEngine,
    base_differences,
    correct_names,
    surge_controls,
    surge_init,
    write_preset,
)
from unsynth.synths.vst3_plugin import load_preset, play_silence
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask

NAMES = ("simple", "full")


@pytest.fixture(scope="module")
def facts(shared_data):
    return shared_data.parent / "facts"


def task(name: str) -> DeclaredTask:
    surge_task = load_task(f"surge-{name}")
    assert isinstance(surge_task, DeclaredTask)
    return surge_task


def read_program(data: bytes) -> tuple[str, bytes]:
    """Read an ``.fxp``: the program's name and its chunk."""
    assert (data[:4], data[8:12], data[16:20]) == (b"CcnK", b"FPCh", b"cjs3")
    size, version, _, _ = (struct.unpack(">I", data[i : i + 4])[0] for i in (4, 12, 16, 20))
    programs, length = struct.unpack(">I28xI", data[24:60])
    assert size in (0, len(data) - 8) and version == 1 and programs == 1
    assert len(data) == 60 + length
    return data[28:56].split(b"\0")[0].decode(), data[60:]


def read_preset(data: bytes) -> dict[str, bytes]:
    """Read a ``.vstpreset``: its chunks, in order."""
    magic, version, class_id, offset = struct.unpack("<4sI32sq", data[:48])
    assert (magic, version, class_id) == (b"VST3", 1, b"ABCDEF019182FAEB566D624153675854")
    kind, count = struct.unpack("<4sI", data[offset : offset + 8])
    assert kind == b"List" and len(data) == offset + 8 + 20 * count
    chunks = {}
    for i in range(count):
        entry = offset + 8 + 20 * i
        name, start, length = struct.unpack("<4sqq", data[entry : entry + 20])
        chunks[name.decode()] = data[start : start + length]
    return chunks


def read_chunk(chunk: bytes) -> tuple[ET.Element, bytes]:
    """Read a patch and the bytes that follow it."""
    magic, length, *wavetables = struct.unpack("<4sI6I", chunk[:32])
    assert magic == b"sub3" and wavetables == [0] * 6
    text = chunk[32 : 32 + length]
    assert text.startswith(b"<?xml ") and text.count(b"<?xml") == 1
    return ET.fromstring(text), chunk[32 + length :]


def attributes(root: ET.Element) -> dict[str, dict[str, str]]:
    parameters = root.find("parameters")
    assert parameters is not None
    names = [element.tag for element in parameters]
    assert len(names) == len(set(names))
    return {element.tag: dict(element.attrib) for element in parameters}


def base_preset(name: str) -> bytes:
    """Write what the plugin is given as its base patch."""
    file = files("unsynth.tasks.declared").joinpath(f"surge-{name}.yaml")
    base = yaml.safe_load(file.read_text())["engine"]["base"]
    return write_preset(reset_surge_session(edit_surge_patch(surge_init(), base)))


@pytest.mark.parametrize("name", NAMES)
def test_the_base_patch_holds_the_changes_of_its_table(facts, name):
    table = json.loads((facts / "surge_xt_base_patch.json").read_text())[name]
    base, start = (
        read_vstpreset(data)
        for data in (base_preset(name), (facts / "surge_xt_init.vstpreset").read_bytes())
    )
    patch = read_surge_patch(base.chunks["Comp"])
    assert not list(surge_differences(patch, table))
    assert surge_name(patch) == "Init"
    assert base.class_id == start.class_id and base.chunks["Cont"] == start.chunks["Cont"]
    assert patch.rest == read_surge_patch(start.chunks["Comp"]).rest and len(patch.rest) == 31


@pytest.mark.parametrize("name", NAMES)
def test_a_users_own_session_does_not_stay(facts, name):
    """What a plugin without a user's settings says of its session is what the preset says."""
    fresh = ET.parse(facts / "surge_xt_init_patch.xml").getroot().find("dawExtraState")
    given = read_chunk(read_preset(base_preset(name))["Comp"])[0].find("dawExtraState")
    assert given.attrib == fresh.attrib == {"populated": "1"}
    values = {element.tag: element.get("v") for element in given}
    assert values.pop("disconnectFromOddSoundMTS") == "1"  # another program's tuning
    assert values == {name: fresh.find(name).get("v") for name in values} and len(values) == 7


def test_the_init_patch_is_the_plugins_without_session_state(facts):
    session = (facts / "surge_xt_init_patch.xml").read_text().split("?>", 1)[1]
    patch = re.sub(r"<dawExtraState.*</dawExtraState>", "", session)
    assert surge_init().xml.decode() == patch


@pytest.mark.parametrize("name", NAMES)
def test_base_patch_files_match_the_paper(facts, name):
    table = json.loads((facts / "surge_xt_base_patch.json").read_text())[name]
    file = task(name).engine.files({}, "base")[".fxp"]
    root, rest = read_chunk(read_program(file)[1])
    elements, init = attributes(root), attributes(ET.fromstring(surge_init().xml))
    routings = {}
    assert rest == b""
    for element, entry in table.items():
        for key, value in entry.items():
            if key == "modulations":
                routings[element] = {(m["source"], m["depth"]) for m in value}
            else:
                assert float(elements[element][key]) == pytest.approx(float(value), abs=1e-6)
    assert len(routings) == 6
    file_routings = {
        element.tag: {(int(r.get("source")), float(r.get("depth"))) for r in element}
        for element in root.find("parameters")
        if len(element)
    }
    assert file_routings == routings
    assert all(
        (r.get("muted"), r.get("source_index")) == ("0", "0") for r in root.iter("modrouting")
    )
    for element, entry in elements.items():
        if element not in table:
            assert entry == init[element]


def test_host_values_of_the_base_patch_write_the_base_patch(facts):
    """So files store values as the plugin does. The facts are of Full's base patch."""
    host = json.loads((facts / "surge_xt_host_parameters.json").read_text())
    raw = {each["python_name"]: each["raw"] for each in host if each["in_task"]}
    assert raw.keys() == surge_controls().keys()
    full = task("full").engine
    base, rewritten = (
        attributes(read_chunk(read_program(full.files(patch, "x")[".fxp"])[1])[0])
        for patch in ({}, raw)
    )
    assert base.keys() == rewritten.keys()
    for element, entry in base.items():
        values = float(entry["value"]), float(rewritten[element]["value"])
        assert values[0] == pytest.approx(values[1], abs=3e-4), element
        assert entry | {"value": ""} == rewritten[element] | {"value": ""}


def test_choices_store_the_value_that_the_host_prints(facts):
    host = json.loads((facts / "surge_xt_host_parameters.json").read_text())
    tasks = json.loads((facts / "surge_xt_tasks.json").read_text())["full"]["synth"]
    texts = {each["python_name"]: each.get("values", []) for each in host}
    parts = {"note": 1.0, "triplet": 2 / 3, "dotted": 1.5}
    checked = 0
    for fact in tasks:
        if fact["kind"] != "categorical":
            continue
        control = surge_controls()[fact["name"]]
        for value, raw in zip(fact["values"], fact["raw_values"], strict=True):
            stored = float(control.stored(raw))
            if control.kind == "beats":
                length, part = value.replace("whole", "1/1").split()
                above, below = length.split("/")
                expected = np.log2(2 * int(above) / int(below) * parts[part])
                assert stored == pytest.approx(expected, abs=1e-9)
            elif control.kind == "bool" or fact["name"].endswith("octave"):
                assert stored == {"False": 0, "True": 1}.get(value) or stored == float(value)
            else:
                assert texts[fact["name"]][int(stored) - control.low] == value
            # A value that the plugin rounds must not count as lost.
            nearest = min(control.choices, key=lambda choice: abs(choice - raw))
            assert control.stored(nearest) == control.stored(raw)
            checked += 1
    assert checked > 100


def test_outdated_parameter_names_are_corrected(facts):
    host = json.loads((facts / "surge_xt_host_parameters.json").read_text())
    names = [f"unnamed_{i}" for i in range(1 + max(each["index"] for each in host))]
    for each in host:
        names[each["index"]] = each["python_name"]
    assert correct_names(names) == names
    stale = [name.replace("a_osc_1_sawtooth", "a_osc_1_shape") for name in names]
    stale = [re.sub("fx_a1_.*", "fx_a1", name) for name in stale]
    assert stale != names
    corrected = correct_names(stale)
    for control in surge_controls():
        assert corrected.index(control) == names.index(control)


#: Number of copies of a part; pattern of the elements of copy {n} and of the LFO that moves it; and
#: the LFO's number minus {n}.
PARTS = {
    "osc": (3, r"a_osc{n}_(.*)|a_(level|mute|solo|route)_o{n}|a_lfo{lfo}_(.*)", 1),
    "filter": (2, r"a_filter{n}_(.*)|a_lfo{lfo}_(.*)", -1),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", PARTS)
def test_oscillators_and_filters_have_equal_base_patches(name, part):
    """Otherwise exchanging two would change the sound. Controls that patches set may differ."""
    own = task(name)
    root, _ = read_chunk(read_program(own.engine.files({}, "base")[".fxp"])[1])
    controlled = {
        surge_controls()[d.control].element
        for d in own.declaration.parameters
        if d.control is not None
    }
    count, pattern, shift = PARTS[part]
    copies = []
    for n in range(1, count + 1):
        copy = {}
        for element in root.find("parameters"):
            match = re.fullmatch(pattern.format(n=n, lfo=n + shift), element.tag)
            if match is None:
                continue
            entry = dict(element.attrib)
            if element.tag in controlled:
                del entry["value"]
            # A leftover of another oscillator type in oscillator 1: this type ignores it.
            if element.tag.endswith("param1"):
                entry.pop("extend_range", None)
            routings = [(int(r.get("source")) - n, r.get("depth")) for r in element]
            copy[match.groups()] = (entry, routings)
        copies.append(copy)
    assert len(copies[0]) > 15 and all(copy == copies[0] for copy in copies)


@pytest.mark.parametrize("name", NAMES)
def test_files_hold_the_patch_and_its_name(name):
    own = task(name)
    rng = np.random.default_rng(0)
    controls = own.engine_patch(own.sample(rng))
    written = own.engine.files(controls, "A draw of mine, with a long name")
    assert list(written) == [".fxp", ".vstpreset"]
    name_in_file, chunk = read_program(written[".fxp"])
    assert name_in_file == "A draw of mine, with a long"
    root, rest = read_chunk(chunk)
    assert rest == b"" and root.find("meta").get("name") == "A draw of mine, with a long name"
    elements = attributes(root)
    for name_of_control, raw in controls.items():
        control = surge_controls()[name_of_control]
        value = float(elements[control.element]["value"])
        assert control.low <= value <= control.high
        if control.kind == "float":
            assert (value - control.low) / (control.high - control.low) == pytest.approx(
                raw, abs=1e-12
            )
    chunks = read_preset(written[".vstpreset"])
    assert list(chunks) == ["Comp", "Cont"] and chunks["Cont"] == b""
    in_preset, tail = read_chunk(chunks["Comp"])
    assert ET.tostring(in_preset) == ET.tostring(root)
    assert len(tail) == 31 and tail.endswith(b"JUCEPrivateData")


def test_a_preset_has_the_layout_of_the_plugins_own(facts):
    plugins = read_preset((facts / "surge_xt_init.vstpreset").read_bytes())
    own = read_preset(write_preset(surge_init()))
    assert list(own) == list(plugins) and own["Cont"] == plugins["Cont"]
    assert read_chunk(own["Comp"])[1] == read_chunk(plugins["Comp"])[1]


def test_patches_are_exported_best_first(tmp_path):
    full = task("full")
    rng = np.random.default_rng(0)
    patches = np.stack([full.sample(rng) for _ in range(2)])
    paths = full.export(patches, tmp_path)
    assert [path.name for path in paths] == [
        *("patch-01.fxp", "patch-01.vstpreset", "patch-02.fxp", "patch-02.vstpreset")
    ]
    name, chunk = read_program(paths[2].read_bytes())
    assert name == "unsynth 02"
    cutoff = float(attributes(read_chunk(chunk)[0])["a_filter1_cutoff"]["value"])
    sampled = full.spec.named(patches[1])["filter1.cutoff"]
    assert (cutoff + 60) / 130 == pytest.approx(sampled, abs=1e-9)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"a_osc_1_pich": 0.5}, "nearest is 'a_osc_1_pitch'"),
        ({"a_osc_1_pitch": 1.5}, "is not within 0 to 1"),
        ({"a_osc_1_pitch": float("nan")}, "is not within 0 to 1"),
    ],
)
def test_invalid_patches_are_rejected(patch, message):
    with pytest.raises(PatchError, match=message):
        SurgeXTEngine({}).files(patch, "x")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bas": {}}, "'bas' is not known; the settings are base, flush"),
        ({"flush": -1}, "flush: -1 is not a number of seconds"),
        ({"flush": True}, "flush: True is not"),
        ({"base": ["volume"]}, "is not a mapping"),
        ({"base": {"volume": 3}}, "base: volume: 3 is not a mapping of attributes"),
        ({"base": {"volume": {"value": None}}}, "value: None is not a number or a text"),
        ({"base": {"a_pitch": {"modulations": [{"source": 22}]}}}, "is not like"),
    ],
)
def test_invalid_settings_are_rejected(settings, message):
    with pytest.raises(TaskError, match=message):
        SurgeXTEngine(settings)


def test_the_identity_depends_only_on_the_base_patch():
    base = {"a_pitch": {"value": 1.0}}
    assert SurgeXTEngine({"base": base}).identity == SurgeXTEngine({"base": base}).identity
    assert SurgeXTEngine({"base": base}).identity != SurgeXTEngine({}).identity
    assert (
        SurgeXTEngine({"base": base, "flush": 3}).identity == SurgeXTEngine({"base": base}).identity
    )


# -- a preset in a stand-in for the plugin ------------------------------------------------------


class PresetHolder:
    """A stand-in that holds a state as Surge XT does; it drops the text ``without`` from it."""

    name = "a stand-in that makes no sound"

    def __init__(self, init: bytes, without: str = "") -> None:
        self._state, self._without = init, without
        self._processed = False

    @property
    def preset_data(self) -> bytes:
        return self._state

    @preset_data.setter
    def preset_data(self, data: bytes) -> None:
        if self._processed:  # Surge XT ignores presets before it has processed something.
            self._state = data.replace(self._without.encode(), b" " * len(self._without))

    @property
    def raw_state(self) -> bytes:
        return self._state

    @raw_state.setter
    def raw_state(self, state: bytes) -> None:
        assert state == self._state

    def __call__(self, events: list, duration: float, **how: object) -> None:
        assert not events and duration > 0 and how["reset"] is False
        self._processed = True


def differences_after_loading(name: str, without: str = "") -> list[str]:
    preset = base_preset(name)
    holder = PresetHolder(write_preset(surge_init()), without)
    load_preset(holder, preset)
    loaded, base = (
        read_surge_patch(read_vstpreset(data).chunks["Comp"])
        for data in (holder.preset_data, preset)
    )
    return base_differences(loaded, base)


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_base_patch_has_no_differences(name):
    assert differences_after_loading(name) == []


def test_lost_parts_of_the_base_patch_are_reported():
    assert "volume: value is None, not -2.0257453918457" in differences_after_loading(
        "full", 'value="-2.0257453918457"'
    )
    differences = differences_after_loading(
        "full", '<modrouting source="22" depth="14.0" muted="0" source_index="0" />'
    )
    assert differences == ["a_pitch: depth of source 22 is None, not 14.0"]
    differences = differences_after_loading("simple", 'deactivated="0"')
    assert "a_filter1_type: deactivated is None, not 0" in differences


def test_another_revision_is_reported():
    base = surge_init()
    other = replace(base, xml=base.xml.replace(b'revision="24"', b'revision="25"'))
    assert base_differences(other, base) == [
        "the plugin writes patches of revision 25, not 24: use Surge XT 1.3.3"
    ]


# -- with the plugin --------------------------------------------------------------------------


@pytest.fixture(scope="module", params=NAMES)
def surge(request) -> tuple[DeclaredTask, SurgeXT]:
    pytest.importorskip("pedalboard")
    try:
        find_bundle("Surge XT")
    except PluginNotFoundError:
        pytest.skip("Surge XT is not installed (UNSYNTH_VST3 may say where it is)")
    own = task(request.param)
    synth = own.synth()
    assert isinstance(synth, SurgeXT)
    return own, synth


def test_the_plugin_keeps_the_base_patch_and_draws(surge):
    own, synth = surge
    assert not synth.base_differences()
    rng = np.random.default_rng(0)
    assert not synth.complaints([own.engine_patch(own.sample(rng)) for _ in range(20)])


def test_reference_patches_sound_like_their_recordings(surge, shared_data):
    """They are near the noise floor: about 1 dB, against 20 dB between two patches."""
    own, synth = surge
    distances = []
    for path in sorted(
        (shared_data / "surge_xt").glob(f"{own.name.removeprefix('surge-')}_*.json")
    ):
        reference = json.loads(path.read_text())
        start, end = reference["note"]["start_s"], reference["note"]["end_s"]
        note = Note(reference["note"]["pitch"], start, end - start)
        recorded = soundfile.read(path.with_suffix(".flac"), dtype="float32")[0].T
        rendered = np.clip(synth.render(reference["parameters"], note), -1.0, 1.0)
        distances.append(mss(recorded, rendered, synth.sample_rate))
    if not distances:
        pytest.skip("the reference sounds of Surge XT are not here")
    assert np.median(distances) < 3.0, distances


def test_a_held_note_is_not_heard_in_the_next_sound(surge):
    """The host drops the end of a note past the end of a sound, so the key stays down."""
    own, synth = surge
    rng = np.random.default_rng(0)
    patches = [own.engine_patch(own.sample(rng)) for _ in range(20)]
    late = Note(60, 3.5, 0.4)
    for patch in patches:
        synth.render(patch, Note(60, 0.0, 10.0))
        before = synth.render(patches[0], late)[:, : int(3.5 * synth.sample_rate)]
        assert loudness(before, synth.sample_rate) < -150.0


def test_a_note_at_the_start_is_not_dropped(surge):
    """It may differ from one at 1 s by some dB: oscillators drift, and LFOs run on."""
    own, synth = surge
    rate, attack = synth.sample_rate, int(0.3 * synth.sample_rate)
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(20):
        patch = own.engine_patch(own.sample(rng))
        first, later = (synth.render(patch, Note(60, onset, 1.0)) for onset in (0.0, 1.0))
        expected = loudness(later[:, rate : rate + attack], rate)
        if expected > -55.0:
            differences.append(expected - loudness(first[:, :attack], rate))
    assert len(differences) >= 6 and max(differences) < 20.0, differences


@pytest.mark.skipif(sys.platform != "linux", reason="the user's folder of Surge XT on Linux")
def test_the_users_own_start_patch_and_session_do_not_matter(surge, tmp_path):
    own, synth = surge
    folder = tmp_path / ".Surge XT"
    mine = SurgeXTEngine({"base": {"a_pan": {"value": 0.5}, "a_octave": {"value": -2}}})
    chosen = folder / "Patches" / "Own" / "Mine.fxp"
    chosen.parent.mkdir(parents=True)
    chosen.write_bytes(mine.files({}, "Mine")[".fxp"])
    values = {"Name": "Mine", "Category": "Own", "CategoryType": "User"}
    (folder / "SurgeXTUserDefaults.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8" ?>\n<defaults version="1">'
        + "".join(
            f'<default key="initialPatch{k}" value="{v}" type="1"/>' for k, v in values.items()
        )
        + "</defaults>\n"
    )
    script = (
        "import sys\n"
        "from unsynth.formats.surge import surge_name\n"
        "from unsynth.synths.plugins import find_bundle, load\n"
        "from unsynth.synths.surge_xt import _read_preset\n"
        "from unsynth.tasks.catalogue import load_task\n"
        "start = load(find_bundle('Surge XT'), 'Surge XT').preset_data\n"
        "synth = load_task(sys.argv[1]).synth()\n"
        "print([surge_name(_read_preset(start)), synth.base_differences()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, own.name],
        env={**os.environ, "HOME": str(tmp_path), "UNSYNTH_PLUGIN": str(synth.bundle)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "['Mine', []]"


def test_the_plugin_opens_a_preset_as_written(surge):
    own, synth = surge
    patch = own.engine_patch(own.sample(np.random.default_rng(1)))
    plugin = synth._open()
    load_preset(plugin, own.engine.files(patch, "mine")[".vstpreset"])
    play_silence(plugin, 0.05)
    values = synth._host_values(patch)
    assert all(synth._same(name, raw, values[name]) for name, raw in patch.items())
    assert surge_name(synth.patch()) == "mine"
