"""The laboratory finds the symmetries of synthesizers that it knows nothing of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from unsynth.errors import EngineError
from unsynth.symmetry.conditions import describe
from unsynth.symmetry.findings import Finding, LabResult
from unsynth.symmetry.laboratory import Laboratory
from unsynth.symmetry.subject import Sound, load_subject
from unsynth.tasks.exchange import Kind, Verdict
from unsynth.tasks.parameter import Categorical, Continuous
from unsynth.tasks.spec import Patch, Spec, Unit

RATE, SAMPLES = 8000, 1000
TIME = np.arange(SAMPLES) / RATE


@dataclass
class Planted:
    """Two oscillators of level and pitch, a routing and a filter wheel that does nothing.

    Where the routing is "ring" or "am", the oscillators are multiplied; in "ring" the product is
    the same with both exchanged, in "am" the first one has a hidden offset. ``hidden`` is what the
    second oscillator's level is multiplied by.
    """

    hidden: float = 1.0
    noise: float = 0.0
    name: str = "planted"
    hash: str = "0"
    sample_rate: int = RATE
    deterministic: bool = True
    note: frozenset[int] = frozenset()
    rendered: int = 0
    spec: Spec = field(
        default_factory=lambda: Spec(
            (
                *(
                    Continuous(f"{n}{i}", 0.0, 1.0, 0.001)
                    for i in (1, 2)
                    for n in ("level", "pitch")
                ),
                Categorical("routing", ("mix", "ring", "am", "again mix")),
            ),
            (Unit("osc", ((0, 1), (2, 3))),),
        )
    )

    def sample(self, rng: np.random.Generator) -> Patch:
        return np.array([*rng.uniform(0.1, 1.0, 4), rng.integers(4)], dtype=np.float64)

    def log_density(self, patches: np.ndarray) -> np.ndarray:
        return np.zeros(len(patches))

    def render(self, patches: Iterable[Patch]) -> Iterator[Sound]:
        for patch in patches:
            self.rendered += 1
            first, second = (
                level * np.sin(2 * np.pi * (100.0 + 900.0 * pitch) * TIME)
                for level, pitch in (patch[0:2], patch[2:4])
            )
            second = self.hidden * second
            mode = int(patch[4])
            sound = (first + second) / 2 if mode in (0, 3) else (first + (mode == 2)) * second
            noise = self.noise * np.random.default_rng(self.rendered).standard_normal(SAMPLES)
            yield (sound + noise)[None].astype(np.float32)

    def close(self) -> None:
        pass


def measure(subject: object, pairs: int = 64, folder: Path | None = None) -> LabResult:
    *_, result = Laboratory(subject, pairs, 0, folder).run()  # type: ignore[arg-type]
    assert isinstance(result, LabResult)
    return result


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


def test_a_hidden_difference_of_two_copies_is_not_called_exact() -> None:
    """0.1 % of a level is 66 dB below the sound: it cannot be heard, but it is there."""
    result = measure(Planted(hidden=1.001))
    assert find(result, "osc 1 and 2").verdict in (Verdict.APPROXIMATE, Verdict.CONDITIONAL)
    if find(result, "osc 1 and 2").verdict is Verdict.CONDITIONAL:
        # In "ring" the product does not say which of the two has the factor.
        assert describe(find(result, "osc 1 and 2").groups, result.spec) == "routing is ring"


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
