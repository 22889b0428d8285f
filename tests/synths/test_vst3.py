"""Hosting of a real VST3 instrument, and files that are no plugins."""

import itertools
import os
import signal
import threading
import time
from functools import partial

import numpy as np
import psutil
import pytest

from tests.synths.instruments import binaries, copy_bundle, error_of
from unsynth.errors import EngineError, PatchError
from unsynth.formats.vst import VSTPreset, read_vstpreset, write_vstpreset
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.synths.plugins import (
    CHOICE_VARIABLE,
    PLACES_VARIABLE,
    NotAnInstrumentError,
    PluginCrashError,
    PluginHangError,
    PluginLoadError,
    PluginNotFoundError,
    available,
    bundles,
    find_bundle,
    inspect,
    load,
)
from unsynth.synths.plugins import instrument as find_instrument
from unsynth.synths.vst3 import VST3, ParameterLostError
from unsynth.synths.vst3_plugin import play_silence

NOTE = Note(60, 0.1, 0.5)
JX10 = "mda JX10"


@pytest.fixture(scope="module")
def synth(instrument):
    return VST3(*instrument)


@pytest.fixture
def patches(settable, rng):
    """Patches that set everything a task would set."""
    return [{name: float(rng.random()) for name in settable} for _ in range(6)]


# -- any instrument -----------------------------------------------------------------------------


def test_a_sound_depends_only_on_its_patch(synth, instrument, patches):
    """The process and the sounds before it, with their tails, do not matter."""
    first = [synth.render(p, NOTE, 1.0) for p in patches]
    reverse_order = [synth.render(p, NOTE, 1.0) for p in reversed(patches)][::-1]
    new_plugin = VST3(*instrument).render(patches[-1], NOTE, 1.0)
    with Renderer(partial(VST3, *instrument), workers=2, seconds=1.0) as renderer:
        in_workers = list(renderer.render((p, NOTE) for p in patches))
    floor = max(error_of(synth.render(patches[0], NOTE, 1.0), first[0]), 1e-9)
    for sound, other, in_worker in zip(first, reverse_order, in_workers, strict=True):
        assert sound.shape == (2, 44_100) and sound.dtype == np.float32
        assert error_of(sound, other) <= 3 * floor and error_of(sound, in_worker) <= 3 * floor
    assert error_of(first[-1], new_plugin) <= 3 * floor
    assert error_of(first[0], first[1]) > 3 * floor


def test_a_long_tail_is_not_heard_in_the_next_sound(synth):
    """With Surge XT, which has an audio input, pedalboard would make no new instance by itself."""
    long = {name: 1.0 for name in synth.values() if "release" in name and "shape" not in name}
    for _ in range(3):
        synth.render(long, Note(60, 0.0, 10.0), 1.0)
        assert np.abs(synth.render(long, Note(60, 0.9, 0.1), 1.0)[:, :39_000]).max() < 1e-6


def test_values_reach_the_processor(synth, patches):
    """So do initial values, which the host alone can lose while it reports them as set."""
    start = synth.values()
    for patch in (patches[0], {name: start[name] for name in patches[0]}, patches[1]):
        synth.render(patch, NOTE, 0.2)
        state = synth.state_values(patch)
        assert max(abs(state[name] - value) for name, value in patch.items()) < 0.05


def test_omitted_parameters_have_base_patch_values(synth, patches):
    base = synth.render({}, NOTE, 0.5)
    synth.render(patches[0], NOTE, 0.5)
    assert error_of(base, synth.render({}, NOTE, 0.5)) < 1e-3


def test_a_preset_gives_the_same_sound_in_a_new_plugin(synth, instrument, patches):
    """Loading a preset alone may not refresh the values that the host sees."""
    sound = synth.render(patches[2], NOTE)
    preset = synth.files(patches[2], "any")[".vstpreset"]
    loaded = VST3(*instrument, preset=preset)
    again = [loaded.render({}, NOTE) for _ in range(2)]
    floor = error_of(synth.render(patches[2], NOTE), sound)
    assert error_of(sound, again[0]) <= floor and error_of(sound, again[1]) <= floor
    values = loaded.values()
    assert max(abs(values[n] - v) for n, v in patches[2].items()) < 0.05


@pytest.mark.parametrize("seconds", [0.0101, 1 / 3, 1.0, 3.3333, 4.0])
def test_lengths_are_exact(synth, seconds):
    """The host computes lengths in float32 and returns one or two samples too few."""
    assert synth.render({}, NOTE, seconds).shape == (2, round(seconds * 44_100))


def test_a_note_past_the_end_is_silent(synth):
    assert np.abs(synth.render({}, Note(60, 1.5, 1.0), 1.0)).max() < 1e-4


def test_invalid_patches_are_rejected(synth):
    """The host would accept values outside 0 to 1 and NaN."""
    name = next(iter(synth.values()))
    for value in (-0.5, 1.5, float("nan")):
        with pytest.raises(PatchError, match=f"{name}: {value} is not within 0 to 1"):
            synth.render({name: value}, NOTE)
    with pytest.raises(PatchError, match=f"no parameter '{name}x'; the nearest is {name}"):
        synth.render({name + "x": 0.5}, NOTE)
    for note in (
        Note(128),
        Note(60, velocity=200),
        Note(60, velocity=0),
        Note(60, -1.0),
        Note(60, duration=0.0),
    ):
        with pytest.raises(PatchError):
            synth.render({}, note)


def test_only_the_main_thread_renders(synth):
    """In another thread, a plugin cannot be loaded or reset."""
    errors = []

    def play():
        try:
            synth.render({}, NOTE)
        except EngineError as error:
            errors.append(str(error))

    thread = threading.Thread(target=play)
    thread.start()
    thread.join()
    assert "main thread only" in errors[0]


def test_memory_does_not_grow(synth, patches):
    """Nor do many instances crash: parameters are read again for each, as old ones dangle."""
    sounds = [synth.render(p, NOTE, 0.05) for p in patches * 5]
    before = psutil.Process().memory_info().rss
    sounds = [synth.render(p, NOTE, 0.05) for p in patches * 30]
    assert psutil.Process().memory_info().rss - before < 30e6
    assert len(sounds) == 180


def test_a_worker_that_hangs_costs_one_sound(instrument):
    make = partial(VST3, *instrument)
    with Renderer(make, workers=1, seconds=0.5, timeout=4.0) as renderer:
        (first,) = renderer.render([({}, NOTE)])
        # The worker is the youngest child of this process.
        worker = max(psutil.Process().children(), key=lambda child: child.create_time())
        worker.send_signal(signal.SIGSTOP)
        stopped, after = renderer.render([({}, NOTE)] * 2)
    assert isinstance(stopped, RenderFailure) and stopped.worker_lost
    assert stopped.reason == "no sound after 4 s"
    assert after.shape == first.shape == (2, 22_050)


# -- files ------------------------------------------------------------------------------------


def test_missing_bundles_and_other_files_are_rejected(tmp_path, monkeypatch):
    pytest.importorskip("pedalboard")
    monkeypatch.setenv(PLACES_VARIABLE, str(tmp_path))
    with pytest.raises(PluginNotFoundError, match="there is no plugin here; check the path"):
        VST3(str(tmp_path / "none.vst3"))
    with pytest.raises(PluginNotFoundError, match=f"no plugin none.vst3 in {tmp_path}, .*--plugin"):
        VST3("none")
    for name, content in (("empty", b""), ("text", b"not a plugin\n" * 100)):
        path = tmp_path / f"{name}.vst3"
        path.write_bytes(content)
        with pytest.raises(PluginLoadError, match=rf"{name}.vst3 .*as a VST3 plugin"):
            VST3(str(path))
    (tmp_path / "folder.vst3").mkdir()
    with pytest.raises(PluginLoadError, match=r"folder\.vst3"):
        VST3("folder")
    reasons = dict(available())
    assert [p.name for p in reasons] == ["empty.vst3", "folder.vst3", "text.vst3"]
    assert all(isinstance(reason, str) for reason in reasons.values())


@pytest.mark.parametrize("damage", ["cut", "zeroed"])
def test_a_damaged_binary_crashes_only_another_process(instrument, tmp_path, damage):
    copy = copy_bundle(instrument[0], tmp_path)
    (binary,) = binaries(copy)
    content = binary.read_bytes()
    half = len(content) // 2
    damaged = content[:half] if damage == "cut" else content[:4096] + bytes(half)
    binary.write_bytes(damaged)
    with pytest.raises((PluginCrashError, PluginLoadError), match=copy.name) as caught:
        VST3(str(copy), instrument[1])
    assert "\n" not in str(caught.value)
    if damage == "cut":
        assert isinstance(caught.value, PluginCrashError) and "is damaged" in str(caught.value)


def test_a_plugin_that_hangs_while_loading_is_reported(instrument, tmp_path):
    copy = copy_bundle(instrument[0], tmp_path)

    def stop():
        process = psutil.Process()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for child in process.children():
                if "unsynth.synths.plugins" in " ".join(child.cmdline()):
                    child.send_signal(signal.SIGSTOP)
                    return
            time.sleep(0.001)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(PluginHangError, match="no answer in 3 s: it hangs"):
        inspect(copy, None, 3.0)
    thread.join()


def test_foreign_and_damaged_presets_are_rejected(synth, instrument):
    """The host would pass them on unchecked."""
    preset = read_vstpreset(synth.files({}, "any")[".vstpreset"])
    other = VSTPreset("0" * 32, preset.chunks)
    damaged = VSTPreset(preset.class_id, {"Comp": b"garbage"})
    for data, message in (
        (b"garbage", "damaged"),
        (write_vstpreset(other), "another plugin's"),
        (write_vstpreset(damaged), "(refuses|ignores) this preset"),
    ):
        with pytest.raises(PatchError, match=message):
            VST3(*instrument, preset=data).render({}, NOTE)


def test_bundles_can_be_located_by_name(instrument, tmp_path, monkeypatch):
    copy = copy_bundle(instrument[0], tmp_path)
    monkeypatch.setenv(PLACES_VARIABLE, os.pathsep.join([str(tmp_path / "no"), str(tmp_path)]))
    assert copy in bundles() and find_bundle(copy.stem) == copy.resolve()
    monkeypatch.setenv(CHOICE_VARIABLE, str(copy))
    assert find_bundle("another") == copy.resolve()
    monkeypatch.delenv(CHOICE_VARIABLE)
    monkeypatch.setenv(PLACES_VARIABLE, str(copy))
    assert find_bundle(copy.name) == copy.resolve()
    assert any(each.is_instrument for each in dict(available())[copy])


# -- mda JX10 -----------------------------------------------------------------------------------


def test_a_lost_value_is_reported(mda):
    """Without the silence that lets values reach the processor, the host loses one."""
    start = VST3(mda, JX10).values()["osc_mix"]
    unflushed = VST3(mda, JX10, flush=0.0)
    unflushed.render({"osc_mix": 0.3}, NOTE, 0.2)
    message = rf"osc_mix does not stick: it was set to {start:g}, mda JX10 holds 0.3; .*`flush`"
    with pytest.raises(ParameterLostError, match=message):
        unflushed.render({"osc_mix": start}, NOTE, 0.2)


def test_a_parameter_that_chooses_a_preset_is_refused(mda):
    synth = VST3(mda, JX10)
    plain = synth.render({}, Note(60), 1.0)
    chooser = next(name for name in synth.values() if "preset" in name)
    with pytest.raises(PatchError, match=f"{chooser} chooses a preset: it changes .* parameters"):
        synth.render({chooser: 10 / 52}, Note(60), 1.0)
    # What the preset changed is set back for the next patch.
    np.testing.assert_array_equal(synth.render({chooser: 0.0}, Note(60), 1.0), plain)
    np.testing.assert_array_equal(synth.render({}, Note(60), 1.0), plain)


def test_a_plain_preset_assignment_is_lost(mda):
    """So :func:`load_preset` is still needed."""
    synth = VST3(mda, JX10)
    preset = synth.files({"vcf_freq": 0.2, "noise": 0.9}, "any")[".vstpreset"]
    expected = VST3(mda, JX10, preset=preset).render({}, NOTE, 0.5)
    plugin = load(find_bundle(mda), JX10)
    plugin([], duration=0.02, sample_rate=44_100.0, reset=True)
    plugin.preset_data = preset
    events = [(bytes([0x90, 60, 100]), 0.1), (bytes([0x80, 60, 0]), 0.6)]
    audio = plugin(events, duration=0.5, sample_rate=44_100.0, num_channels=2, reset=True)
    assert error_of(expected, audio[:, : expected.shape[1]]) > 0.1


def test_a_preset_that_the_plugin_ignores_is_reported(mda):
    preset = read_vstpreset(VST3(mda, JX10).files({}, "any")[".vstpreset"])
    cut = VSTPreset(preset.class_id, {**preset.chunks, "Comp": preset.chunks["Comp"][:-4]})
    with pytest.raises(PatchError, match="mda JX10 ignores this preset"):
        VST3(mda, JX10, preset=write_vstpreset(cut)).render({}, NOTE)


def test_tails_go_on_without_a_new_instance(mda):
    """So every sound still needs a new instance."""
    plugin = load(find_bundle(mda), JX10)
    play = partial(plugin, sample_rate=44_100.0, num_channels=2)
    play([(bytes([0x90, 60, 100]), 0.0)], duration=0.5, reset=True)
    assert np.abs(play([], duration=0.2, reset=False)).max() > 1e-3
    play_silence(plugin, 0.02)
    assert np.abs(play([], duration=0.2, reset=True)).max() < 1e-4


def test_parameters_with_equal_labels_get_unique_names(mda):
    """The 31 parameters have 30 labels. A default value need not be the initial value."""
    from pedalboard import VST3Plugin

    synth = VST3(mda, JX10)
    values = synth.values()
    assert len(values) == 31 and {"filter_mod", "filter_mod_2"} <= set(values)
    plugin = VST3Plugin(mda, plugin_name=JX10, initialization_timeout=0.0)
    assert len(plugin.parameters) == 30
    assert values["osc_mix"] == 1.0 and plugin._parameters[1].default_raw_value != 1.0
    host = {each.name: each for each in synth.describe()}
    assert not host["factory_presets"].automatable and host["osc_mix"].automatable
    assert (host["filter_mod"].label, host["filter_mod_2"].label) == (
        "Filter Mod+",
        "Filter Mod-",
    )
    glide = host["glide"].texts
    assert [text for text, _, _ in glide][::5] == ["Poly", "Mono-Glide"]
    assert glide[0][1] == 0.0 and glide[-1][2] == 1.0
    assert all(a[2] == b[1] for a, b in itertools.pairwise(glide))
    assert len(host["noise"].texts) == 1001


def test_loading_reads_no_texts_and_waits_for_no_sound(mda, monkeypatch):
    """pedalboard alone does both, which takes many seconds."""
    from pedalboard import VST3Plugin, _pedalboard

    def refuse(*_):
        raise AssertionError("loading reads the texts of parameters")

    with monkeypatch.context() as patched:
        patched.setattr(_pedalboard, "AudioProcessorParameter", refuse)
        plugin = load(find_bundle(mda), JX10)
        with pytest.raises(AssertionError, match="reads the texts"):
            VST3Plugin(mda, plugin_name=JX10)
    assert VST3Plugin(mda, plugin_name=JX10, initialization_timeout=0.0).vcf_freq is not None
    with pytest.raises(AttributeError, match="vcf_frq"):  # pedalboard would accept it
        plugin.vcf_frq = 0.5
    silent = VST3(mda, "mda DX10", fixed={"attack": 1.0, "decay": 0.0})
    silent.values()
    started = time.perf_counter()
    audio = silent.render({}, NOTE)
    assert time.perf_counter() - started < 3.0 and np.abs(audio).max() < 0.01


def test_a_bundle_needs_the_name_of_one_of_its_instruments(mda):
    with pytest.raises(NotAnInstrumentError, match="mda Delay plays no notes, it is an effect"):
        VST3(mda, "mda Delay")
    with pytest.raises(PluginLoadError, match="several instruments; say which of them: mda DX10,"):
        VST3(mda)
    with pytest.raises(PluginLoadError, match="holds no plugin 'mda Nothing', but: mda Ambience"):
        VST3(mda, "mda Nothing")
    plugin = find_instrument(find_bundle(mda), JX10)
    assert (plugin.maker, plugin.parameters, plugin.is_instrument) == ("mda", 31, True)


def test_the_plugin_may_round_to_a_choice(mda):
    rounding = VST3(mda, JX10, choices={"glide": (0.1, 0.5, 0.9)})
    assert rounding._same("glide", 0.5, 0.6) and not rounding._same("glide", 0.5, 0.9)
    assert not rounding._same("noise", 0.5, 0.6)
