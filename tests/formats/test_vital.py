"""Vital files: round trips, their waves, and errors."""

import json
from dataclasses import replace

import numpy as np
import pytest

from unsynth.errors import PatchError
from unsynth.formats.vital import (
    FRAME,
    base_patch,
    basic_waves,
    keyframes,
    noise_sample,
    read_vital,
    vital_controls,
    write_vital,
)

ROUTES = [("lfo_1", "osc_1_wave_frame"), ("", ""), ("env_2", "filter_1_cutoff")]


def damaged(change) -> bytes:
    """Write a patch and change its JSON."""
    data = json.loads(write_vital(base_patch(ROUTES)))
    change(data["settings"])
    return json.dumps(data).encode()


def test_a_patch_round_trips():
    patch = base_patch(ROUTES)
    rng = np.random.default_rng(0)
    values = {
        name: float(np.float32(rng.uniform(control.low, control.high)))
        for name, control in vital_controls().items()
    }
    patch = replace(patch, name="nördlich", controls=values)
    restored = read_vital(write_vital(patch))
    assert restored.name == "nördlich" and restored.controls == values
    assert restored.modulations[:3] == ROUTES and len(restored.modulations) == 64
    assert (restored.wavetables, restored.lfos, restored.sample) == (
        patch.wavetables, patch.lfos, patch.sample,
    )  # fmt: skip


def test_a_missing_control_gets_its_default():
    restored = read_vital(damaged(lambda settings: settings.pop("chorus_cutoff")))
    assert restored.controls["chorus_cutoff"] == vital_controls()["chorus_cutoff"].default


def test_the_waves_have_the_spectra_of_their_names():
    waves = basic_waves()
    spectra = {frame: np.abs(np.fft.rfft(wave))[1:] for frame, wave in waves.items()}
    k = np.arange(1, 40)
    expected = {
        0: k == 1,
        16: (k % 2) / k**2,
        32: (k % 2) / k,
        48: 1 / k,
        64: np.abs(np.sin(0.12 * np.pi * k)) / k / np.sin(0.12 * np.pi),
    }
    for frame, spectrum in spectra.items():
        np.testing.assert_allclose(spectrum[:39] / spectrum[0], expected[frame], atol=2e-3)
        assert np.abs(waves[frame]).max() == 1.0
        # All fundamentals have the same phase.
        assert np.angle(np.fft.rfft(waves[frame])[1]) == pytest.approx(-np.pi / 2, abs=1e-3)
    (table, *_) = base_patch().wavetables
    stored = [(at, np.frombuffer(wave, "<f4")) for at, wave in keyframes(table, "table")]
    assert [at for at, _ in stored] == list(waves)
    np.testing.assert_array_equal([wave for _, wave in stored], list(waves.values()))


def test_the_noise_is_always_the_same():
    assert noise_sample() == noise_sample() and noise_sample()["length"] == 44_100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.update(osc_1_level=1.5), "osc_1_level cannot be 1.5; Vital has 0 to 1"),
        (lambda s: s.update(osc_1_level=float("nan")), "osc_1_level cannot be nan"),
        (lambda s: s.update(osc_1_level=10**18), "osc_1_level cannot be 1000"),
        (lambda s: s.update(osc_1_level="loud"), "osc_1_level: 'loud' is not a number"),
        (lambda s: s.update(osc_1_level=True), "osc_1_level: True is not a number"),
        (lambda s: s.update(chorus_voices=9), "chorus_voices cannot be 9; Vital has 1 to 4"),
        (lambda s: s.update(filter_1_model=8), "filter_1_model cannot be 8"),
        (lambda s: s.update(effect_chain_order=-5), "effect_chain_order cannot be -5"),
        (lambda s: s["modulations"].append({"source": "", "destination": ""}), "65 modulations"),
        (
            lambda s: s["modulations"][0].update(source="lfo_9"),
            "modulation 1: .*the nearest is lfo",
        ),
        (lambda s: s["modulations"][2].update(destination="x"), "modulation 3: .*destination 'x'"),
        (lambda s: s["modulations"][2].update(destination=""), "modulation 3: .*destination ''"),
        (lambda s: s.update(modulations=None), "modulations is missing or damaged"),
        (lambda s: s["wavetables"].pop(), "2 wavetables"),
        (lambda s: s["wavetables"][0].update(groups=[1]), "wavetable 1: groups"),
        (lambda s: s["lfos"][3].update(points=[0.0]), "LFO 4: its points are not a list of 6"),
        (lambda s: s["lfos"][0].update(num_points=-1), "LFO 1: num_points -1"),
        (lambda s: s.pop("sample"), "no sample"),
        (lambda s: s["sample"].update(length=3), "sample: samples is not 3 values"),
        (lambda s: s["sample"].update(samples="?"), "sample: .*not base64"),
    ],
)
def test_what_vital_cannot_play_is_named(change, message):
    with pytest.raises(PatchError, match=message):
        read_vital(damaged(change))


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "synth_version is None"),
        ("latest", "synth_version is 'latest'"),
        ("0.5.0", "from Vital 0.5.0; open it in Vital 1.0 and save it again"),
        ("0.8", "from Vital 0.8;"),
    ],
)
def test_a_version_that_vital_refuses_or_converts_is_refused(version, message):
    data = json.loads(write_vital(base_patch(ROUTES)))
    for known in ("0.8.1", "1.5.5", "99999.9.9"):
        assert read_vital(json.dumps(data | {"synth_version": known}).encode())
    with pytest.raises(PatchError, match=message):
        read_vital(json.dumps(data | {"synth_version": version}).encode())


def test_controls_that_are_not_known_are_listed():
    """A later version of Vital may have more than ours."""
    data = json.loads(write_vital(base_patch(ROUTES)))
    data["settings"] |= {"osc_1_lvl": 0.5, "zzz": 1.0}
    others = read_vital(json.dumps(data).encode()).others
    assert others == ["'osc_1_lvl' (the nearest is osc_1_level)", "'zzz'"]


def test_a_truncated_wave_is_named():
    def cut(settings):
        frames = settings["wavetables"][1]["groups"][0]["components"][0]["keyframes"]
        frames[0]["wave_data"] = frames[0]["wave_data"][:400]

    with pytest.raises(PatchError, match=f"wavetable 2: a keyframe is not {FRAME} finite"):
        read_vital(damaged(cut))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"[]", b"{}", b'{"settings": 3}', b"[" * 100_000, b'{"settings": {}}'],
)
def test_the_error_for_no_patch_is_one_line(data):
    with pytest.raises(PatchError) as raised:
        read_vital(data)
    assert "\n" not in str(raised.value)
