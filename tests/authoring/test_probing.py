"""A probe finds out what a real instrument's parameters do."""

import pytest

from unsynth.authoring.listening import SilentPluginError
from unsynth.authoring.probing import EXCLUSIONS, Probe, exclusion_reason, probe
from unsynth.synths.plugins import NotAnInstrumentError
from unsynth.synths.vst3 import VST3
from unsynth.synths.vst3_plugin import HostParameter


def run_probe(*arguments, **options):
    *progress, result = probe(*arguments, **options)
    assert isinstance(result, Probe)
    assert all(0 <= each.done <= each.total for each in progress)
    return result


@pytest.fixture(scope="module")
def dx10(mda):
    return run_probe(mda, "mda DX10", patches=4)


def test_listening_finds_steps_that_no_text_names(dx10):
    """No text of DX10 names a step; its octave has seven, the others have more or none."""
    choices = {p.name: p.choices for p in dx10.parameters if p.choices}
    assert set(choices) == {"octave"}
    raw = [value for _, value in choices["octave"]]
    assert len(raw) == 7 and raw == sorted(raw) and abs(raw[3] - 0.5) < 0.02


def test_parameters_that_are_not_automatable_are_excluded(dx10):
    excluded = {p.name: p.excluded for p in dx10.parameters if p.excluded}
    assert excluded["factory_presets"] == excluded["pitch_bend"] == "not automatable"
    assert not {"attack", "coarse_ratio", "waveform"} & set(excluded)
    assert dx10.deterministic


def test_inaudible_parameters_are_inert(mda):
    """The stretch tuning of a piano does nothing on the note that the probe plays."""
    parameters = {p.name: p for p in run_probe(mda, "mda Piano", patches=3).parameters}
    assert parameters["stretch_tuning"].inert and not parameters["stretch_tuning"].excluded
    assert not parameters["envelope_decay"].inert and parameters["polyphony"].excluded


def test_effect_and_silent_instrument_are_errors(mda, monkeypatch):
    with pytest.raises(NotAnInstrumentError):
        run_probe(mda, "mda Delay")
    # DX10 is silent with the slowest attack and the fastest decay.
    fixed = {"attack": 1.0, "decay": 0.0}
    silent = VST3(mda, "mda DX10", fixed=fixed)
    preset = silent.files({}, "silent")[".vstpreset"]
    with pytest.raises(SilentPluginError, match=r"none of 3 random patches .* can be heard"):
        run_probe(mda, "mda DX10", patches=3, preset=preset, leave_out=tuple(fixed))


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
def test_exclusion_by_printed_name(printed, reason):
    texts = (("0", 0.0, 0.5), ("1", 0.5, 1.0))
    answer = exclusion_reason(HostParameter("name", printed, 0.0, True, texts))
    assert (reason in answer) if reason else not answer
    assert len({why for _, why in EXCLUSIONS}) == len(EXCLUSIONS)
