"""The laboratory finds the symmetries of synthesizers that it knows nothing of."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.symmetry.planted import Planted, PlantedOctave, measure
from unsynth.errors import EngineError
from unsynth.symmetry.conditions import describe
from unsynth.symmetry.findings import Finding, LabResult
from unsynth.symmetry.laboratory import Laboratory
from unsynth.symmetry.subject import load_subject
from unsynth.tasks.exchange import Kind, Verdict
from unsynth.tasks.spec import Patch, Spec


def verdicts(result: LabResult, kind: Kind) -> dict[str, Verdict]:
    return {f.exchange.name: f.verdict for f in result.of_kind(kind)}


def find(result: LabResult, name: str) -> Finding:
    (finding,) = (f for f in result.findings if f.exchange.name == name)
    return finding


def test_oscillators_of_one_range_can_all_be_exchanged() -> None:
    result = measure(load_subject("kosc-4"), 32)
    assert set(verdicts(result, Kind.UNITS).values()) == {Verdict.EXACT}
    assert len(result.of_kind(Kind.UNITS)) == 9
    assert set(verdicts(result, Kind.COLUMN).values()) == {Verdict.NONE}


def test_oscillators_of_different_ranges_cannot() -> None:
    result = measure(load_subject("kosc-4-asymmetric"), 32)
    assert {f.verdict for f in result.findings} == {Verdict.NONE}


def test_the_condition_of_the_switch_is_found() -> None:
    result = measure(load_subject("kosc-3-conditional"))
    units = result.of_kind(Kind.UNITS)
    assert [f.verdict for f in units] == [Verdict.CONDITIONAL] * 3
    for finding in units:
        ((condition,),) = finding.groups
        assert result.spec.names[condition.parameter] == "ranges"
        assert condition.low == -np.inf and -0.1 < condition.high <= 0.0
        assert finding.share == pytest.approx(0.5, abs=0.06)
        assert finding.missed < 0.1


def test_filters_that_differ_a_little_make_the_exchange_approximate() -> None:
    result = measure(load_subject("kosc-4-dial-0.1"), 32)
    neighbours = find(result, "oscillator 1 and 2")
    assert neighbours.verdict is Verdict.APPROXIMATE
    assert set(neighbours.errors) == {"mss", "wmfcc", "sot", "rms"}
    errors = neighbours.errors["mss"]
    assert np.median(errors.floor) == 0.0 < np.median(errors.exchanged) < np.median(errors.other)


def test_conditions_and_equal_choices_of_a_planted_synthesizer() -> None:
    result = measure(Planted())
    exchanged = find(result, "osc 1 and 2")
    assert exchanged.verdict is Verdict.CONDITIONAL
    assert describe(exchanged.groups, result.spec) == "routing is not am"
    assert exchanged.keeps_prior and exchanged.tests >= 16
    assert find(result, "routing mix and again mix").verdict is Verdict.EXACT
    assert [f.exchange.name for f in result.of_kind(Kind.VALUES)] == ["routing mix and again mix"]
    assert result.by_choice[4][0].tolist() == [1.0, 1.0, 0.0, 1.0]


def test_choices_that_name_the_copies_change_with_them() -> None:
    """Without that, the exchange would hold where the choice names none of them only."""
    result = measure(PlantedOctave(), 32)
    assert find(result, "osc 1 and 2").verdict is Verdict.EXACT
    (symmetry,) = result.symmetry_file().symmetries(result.spec)
    patch = np.array([0.1, 0.2, 0.3, 0.4, 1.0])
    assert symmetry.exchange.apply(patch).tolist() == [0.3, 0.4, 0.1, 0.2, 2.0]


def test_a_hidden_difference_of_two_copies_is_not_called_exact() -> None:
    """0.1 % of a level is 66 dB below the sound: it cannot be heard, but it is there."""
    result = measure(Planted(hidden=1.001))
    finding = find(result, "osc 1 and 2")
    assert finding.verdict is Verdict.CONDITIONAL
    # In "ring" the product does not say which of the two has the factor.
    assert describe(finding.groups, result.spec) == "routing is ring"


def test_an_engine_with_a_noise_floor_is_judged_by_it() -> None:
    result = measure(Planted(noise=0.0002, deterministic=False), 24)
    assert describe(find(result, "osc 1 and 2").groups, result.spec) == "routing is not am"


def test_what_cannot_be_heard_says_nothing() -> None:
    class Silent(Planted):
        def sample(self, rng: np.random.Generator) -> Patch:
            patch = super().sample(rng)
            patch[[0, 2]] = 0.0
            return patch

    with pytest.raises(EngineError, match="no exchange of planted could be heard"):
        measure(Silent(), 16)


def test_parameters_outside_units_are_paired_by_how_they_change_the_sound(tmp_path: Path) -> None:
    """Without its unit, both levels and both pitches are proposed, also when it resumes."""

    class Flat(Planted):
        def __init__(self) -> None:
            super().__init__()
            names = ("level_a", "pitch_a", "level_b", "pitch_b", "routing")
            parameters = zip(self.spec.parameters, names, strict=True)
            self.spec = Spec(tuple(replace(p, name=name) for p, name in parameters))

    for _ in range(2):
        result = measure(Flat(), 16, tmp_path)
        assert not result.spec.units
        names = set(verdicts(result, Kind.PARAMETERS))
        assert names and names <= {
            f"{a} and {b}" for a, b in combinations(("level_a", "pitch_a", "level_b", "pitch_b"), 2)
        }


def test_a_stopped_measurement_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    whole = measure(Planted(), 48)
    subject = Planted()
    for step, _ in enumerate(Laboratory(subject, 48, 0, tmp_path).run()):
        if step == 20:
            break
    lines = (tmp_path / "measurements.jsonl").read_text().splitlines()
    # The last line is cut short, as a killed run leaves it.
    (tmp_path / "measurements.jsonl").write_text("\n".join([*lines[:-1], lines[-1][:5]]))
    before = subject.rendered
    resumed = measure(subject, 48, tmp_path)
    assert resumed.symmetry_file() == whole.symmetry_file()
    again = Planted()
    assert measure(again, 48, tmp_path).symmetry_file() == whole.symmetry_file()
    assert again.rendered < subject.rendered - before
