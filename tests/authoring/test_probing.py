"""What is found of a real instrument's parameters."""

import pytest

from unsynth.authoring.probing import EXCLUSIONS, Probe, SilentPluginError, _exclusion, probe
from unsynth.synths.plugins import NotAnInstrumentError
from unsynth.synths.vst3 import VST3, HostParameter


def probed(*arguments, **options):
    *heard, found = probe(*arguments, **options)
    assert isinstance(found, Probe)
    assert all(0 <= each.done <= each.total for each in heard)
    return found


@pytest.fixture(scope="module")
def dx10(mda):
    return probed(mda, "mda DX10", patches=4)


def test_steps_are_heard(dx10):
    """Of DX10's parameters none prints steps; the octave has seven, the others more or none."""
    choices = {p.name: p.choices for p in dx10.parameters if p.choices}
    assert set(choices) == {"octave"}
    raw = [value for _, value in choices["octave"]]
    assert len(raw) == 7 and raw == sorted(raw) and abs(raw[3] - 0.5) < 0.02


def test_what_a_host_may_not_move_is_left_out(dx10):
    excluded = {p.name: p.excluded for p in dx10.parameters if p.excluded}
    assert excluded["factory_presets"] == excluded["pitch_bend"] == "not automatable"
    assert not {"attack", "coarse_ratio", "waveform"} & set(excluded)
    assert dx10.deterministic


def test_what_is_never_heard_is_inert(mda):
    """A piano's stretch of the tuning is none on the note that is listened to."""
    found = {p.name: p for p in probed(mda, "mda Piano", patches=3).parameters}
    assert found["stretch_tuning"].inert and not found["stretch_tuning"].excluded
    assert not found["envelope_decay"].inert and found["polyphony"].excluded


def test_an_effect_and_a_silent_instrument_are_named(mda, monkeypatch):
    with pytest.raises(NotAnInstrumentError):
        probed(mda, "mda Delay")
    # DX10 with the slowest attack and the fastest decay, and nothing that a host may move.
    fixed = {"attack": 1.0, "decay": 0.0}
    silent = VST3(mda, "mda DX10", fixed=fixed)
    preset = silent.files({}, "silent")[".vstpreset"]
    with pytest.raises(SilentPluginError, match=r"none of 3 random patches .* is heard"):
        probed(mda, "mda DX10", patches=3, preset=preset, leave_out=tuple(fixed))


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("MIDI Learn", "MIDI"),
        ("CC 74", "MIDI"),
        ("Bypass", "bypass"),
        ("Master Volume", "output gain"),
        ("Output Gain (dB)", "output gain"),
        ("Volume", "output gain"),
        ("Program", "preset"),
        ("OSC 1 Volume", ""),
        ("Filter 1 Gain", ""),
        ("Cutoff", ""),
        ("Noise Level", ""),
    ],
)
def test_names_that_are_left_out(printed, reason):
    texts = (("0", 0.0, 0.5), ("1", 0.5, 1.0))
    found = _exclusion(HostParameter("name", printed, 0.0, True, texts))
    assert (reason in found) if reason else not found
    assert len({why for _, why in EXCLUSIONS}) == len(EXCLUSIONS)
