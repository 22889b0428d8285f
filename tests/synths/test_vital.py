"""Vital's engine, always in worker processes, because it may crash."""

import json
import os
import re
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from unsynth.errors import PatchError, TaskError
from unsynth.formats.vital import VitalPatch, base_patch, read_vital, vital_controls, write_vital
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.rendering.workers import Workers
from unsynth.synths.base import Note
from unsynth.synths.vital import Vital, VitalEngine

pytest.importorskip("vita")

ROUTES = ["lfo_1>osc_1_wave_frame", "env_2>filter_1_cutoff"]
SECONDS = 0.5


class NewEngines(Vital):
    """Vital with a new engine for every sound."""

    def render(self, patch, note, seconds=SECONDS):
        self._play_in_copy = self._play_on_new
        return super().render(patch, note, seconds)


class CrashingVital(Vital):
    """Vital that crashes its engine on note 61, and its worker on note 62."""

    def render(self, patch, note, seconds=SECONDS):
        if note.pitch == 62:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().render(patch, note, seconds)

    def _play(self, engine, values, note, samples):
        if note.pitch == 61:
            engine.connect_modulation("nothing", "nowhere")
        return super()._play(engine, values, note, samples)


def draw_requests(count: int) -> list[tuple[dict[str, float], Note]]:
    """Draw patches that set many controls, with the effects that remember earlier notes most."""
    rng = np.random.default_rng(1)
    requests = []
    for _ in range(count):
        patch = {
            "osc_1_wave_frame": rng.uniform(0, 64),
            "osc_1_transpose": float(rng.integers(-12, 13)),
            "modulation_1_amount": rng.uniform(-0.2, 0.2),
            "modulation_2_amount": rng.uniform(-0.5, 0.5),
            "filter_1_on": 1.0,
            "filter_1_cutoff": rng.uniform(40, 120),
            "filter_1_resonance": rng.uniform(0, 0.9),
            "env_1_release": rng.uniform(0.3, 1.0),
            "sample_on": 1.0,
            "reverb_on": float(rng.integers(2)),
            "chorus_on": float(rng.integers(2)),
            "delay_on": float(rng.integers(2)),
        }
        onset = float(rng.choice([0.0, 0.1]))
        requests.append((patch, Note(int(rng.integers(36, 85)), onset, float(rng.uniform(0.1, 1)))))
    return requests


def renders(synth: type[Vital], base: VitalPatch, requests: list, workers: int = 1) -> list:
    with Renderer(partial(synth, base), workers=workers, seconds=SECONDS) as renderer:
        return list(renderer.render(requests))


def test_a_sound_does_not_depend_on_earlier_sounds():
    """Copies in two processes, another order and new engines give the same bits."""
    base, requests = VitalEngine({"modulations": ROUTES}).base, draw_requests(8)
    first = renders(Vital, base, requests, workers=2)
    order = np.random.default_rng(2).permutation(len(requests)).tolist()
    shuffled = renders(Vital, base, [requests[i] for i in order])
    new = renders(NewEngines, base, requests[:3])
    assert all(np.abs(sound).max() > 1e-3 and sound.shape == (2, 22_050) for sound in first)
    for place, i in enumerate(order):
        np.testing.assert_array_equal(shuffled[place], first[i])
    np.testing.assert_array_equal(new, first[:3])


def test_a_file_sounds_like_its_patch_and_is_checked_when_read():
    engine = VitalEngine({"modulations": ROUTES})
    ((patch, note),) = draw_requests(1)
    (sound,) = renders(Vital, engine.base, [(patch, note)])
    file = engine.files(patch, "a name")[".vital"]
    assert json.loads(file)["synth_version"] == "1.0.6"
    (from_file,) = renders(Vital, read_vital(file), [({}, note)])
    np.testing.assert_array_equal(sound, from_file)
    values, _, differences = engine.read(file, patch)
    assert values == pytest.approx(patch, abs=1e-5) and not differences
    values, _, differences = engine.read(VitalEngine({}).files(patch, "")[".vital"], patch)
    assert values["modulation_1_amount"] == 0.0 and not differences
    changed = engine.files({**patch, "osc_1_level": 0.25}, "a name")[".vital"]
    base = base_patch([*engine.base.modulations, ("lfo_1", "osc_2_pan")])
    pan = write_vital(replace(base, controls={**base.controls, "modulation_3_amount": 0.1}))
    for wrong, message in (
        (changed, "osc_1_level is 0.25 in this patch, and always 0.707"),
        (pan, "the modulation lfo_1>osc_2_pan is not in this task"),
        (file.replace(b'"position": 16', b'"position": 17'), "wavetable of oscillator 1 is not"),
        (file.replace(b'"smooth": false', b'"smooth": true', 1), "shape of LFO 1 is not"),
        (file.replace(b'"sample_rate": 44100', b'"sample_rate": 48000'), "the sample is not this"),
    ):
        _, _, differences = engine.read(wrong, patch)
        assert re.search(message, "; ".join(differences))


def test_the_warm_up_leaves_nothing_in_a_reverb_that_begins_late():
    reverb = {"reverb_on": 1.0, "reverb_dry_wet": 1.0, "reverb_delay": 0.2}
    reverb |= {"reverb_decay_time": 3.0, "reverb_chorus_amount": 0.0}
    sound = Vital().render(reverb, Note(60, 0.0, 0.3), 1.0)
    assert np.abs(sound[:, :8_000]).max() == 0.0
    assert np.abs(sound[:, 11_000:20_000]).max() > 0.01


@pytest.mark.parametrize("version", ["0.8.5", "0.9.0", "1.5.5"])
def test_diode_filters_of_early_versions_are_read_as_they_are_played(version):
    base = base_patch([("env_2", "filter_1_blend")])
    diode = {"filter_1_on": 1.0, "filter_1_model": 4.0, "filter_1_style": 1.0}
    diode |= {"filter_1_blend": 1.5, "filter_1_cutoff": 70.0, "modulation_1_amount": 0.4}
    diode |= {f"osc_{n}_random_phase": 0.0 for n in range(1, 4)}
    patch = replace(base, controls={**base.controls, **diode})
    data = json.dumps(json.loads(write_vital(patch)) | {"synth_version": version}).encode()
    read = read_vital(data)
    assert (read.controls["filter_1_blend"] == 0.0) == (version == "0.8.5")
    played = Vital(base).render(data, Note(60, 0.0, 0.3), SECONDS)
    again = Vital(base).render(read.controls, Note(60, 0.0, 0.3), SECONDS)
    np.testing.assert_array_equal(played, again)


def test_a_crash_costs_one_sound():
    base, (patch, _) = base_patch(), draw_requests(1)[0]
    notes = [Note(pitch) for pitch in (60, 61, 60, 62, 60)]
    fine, crashed, again, killed, last = renders(CrashingVital, base, [(patch, n) for n in notes])
    assert isinstance(crashed, RenderFailure) and isinstance(killed, RenderFailure)
    assert "SIGSEGV" in crashed.reason and not crashed.worker_lost
    assert "exit code -11" in killed.reason and killed.worker_lost
    np.testing.assert_array_equal(fine, again)
    np.testing.assert_array_equal(fine, last)


class HangingVital(Vital):
    """Vital whose copy kills the worker on note 61, and then hangs."""

    def _play(self, engine, values, note, samples):
        if note.pitch == 61:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return super()._play(engine, values, note, samples)


@pytest.mark.skipif(sys.platform != "linux", reason="Vital plays in copies on Linux only")
def test_a_worker_killed_while_its_copy_hangs_costs_one_sound():
    notes = [Note(60), Note(61), Note(60)]
    began = time.monotonic()
    fine, killed, again = renders(HangingVital, base_patch(), [({}, note) for note in notes])
    assert killed == RenderFailure("the worker died, with exit code -9", worker_lost=True)
    np.testing.assert_array_equal(fine, again)
    assert time.monotonic() - began < 50


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"osc_1_level": float("nan")}, "osc_1_level cannot be nan"),
        ({"chorus_voices": 9.0}, "chorus_voices cannot be 9"),
        ({"osc_1_lvl": 1.0}, r"no control 'osc_1_lvl' \(the nearest is osc_1_level"),
    ],
)
def test_invalid_values_are_rejected_before_they_reach_the_engine(patch, message):
    with pytest.raises(PatchError, match=message):
        Vital().render(patch, Note(60))


def test_invalid_notes_are_rejected():
    for note in (
        Note(200), Note(60, velocity=0), Note(60, duration=0.0), Note(60, onset=-1.0)
    ):  # fmt: skip
        with pytest.raises(PatchError, match=r"MIDI|cannot be played"):
            Vital().render({}, note)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modulations": ["lfo_1>osc_1_pan"] * 65}, "65 modulations"),
        ({"modulations": ["lfo_1>osc_1_pann"]}, "nearest is osc_1_pan"),
        ({"modulations": ["lfo_1"]}, "list of source>destination"),
        ({"modulations": ["random_1>osc_1_pan"]}, "every note different"),
        ({"base": "x"}, "'base' is not known"),
    ],
)
def test_invalid_settings_are_rejected(settings, message):
    with pytest.raises(TaskError, match=message):
        VitalEngine(settings)


def make_table_reader():
    import vita

    def read_table(_: None) -> dict[str, tuple[float, float, float, bool]]:
        synth = vita.Synth()
        ends = set(vita.get_modulation_destinations())
        table = {}
        for name in synth.get_controls():
            details = synth.get_control_details(name)
            limits = details.min, details.max, details.default_value
            table[name] = (*limits, name in ends)
        return table

    return read_table


def test_the_table_of_controls_matches_the_engine():
    workers = Workers(make_table_reader, 1, 60.0)
    try:
        engine = workers.submit(None).result()
    finally:
        workers.close()
    assert list(engine) == list(vital_controls())
    for name, control in vital_controls().items():
        limits = (control.low, control.high, control.default)
        assert limits == pytest.approx(engine[name][:3], rel=1e-8), name
        assert control.destination == engine[name][3], name


def test_files_name_no_folder_of_this_machine():
    file = VitalEngine({}).files({}, "x")[".vital"]
    assert str(Path.home()).encode() not in file
