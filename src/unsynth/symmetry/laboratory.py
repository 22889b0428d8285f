"""Measure which exchanges leave a synthesizer's sound as it is: always, sometimes, or nearly.

No knowledge of the task's symmetries goes in. Candidates are tried on patches of the prior: x and
g·x are rendered and compared. Every second patch spreads the parameters that all copies share: each
category takes its choices in turn, and each whole number is at its lowest value in half of these
patches, so that rare settings occur. Where an exchange leaves some sounds as they are, a decision
tree proposes the conditions (:mod:`unsynth.symmetry.conditions`), and fresh patches that are made
to meet them put them to the test, until no test fails.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations, pairwise
from pathlib import Path
from time import perf_counter
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError
from unsynth.metrics.audio import METRICS, audio_metrics, mss
from unsynth.rendering.renderer import RenderFailure
from unsynth.symmetry.attempts import (
    CHUNK,
    COLUMN_SHARE,
    DIFFERENT,
    MOST_COLUMN_PATCHES,
    SAME,
    UNHEARD,
    Attempts,
    Job,
    Tried,
)
from unsynth.symmetry.candidates import (
    Candidate,
    alike,
    categories,
    column_candidates,
    parameter_candidates,
    unit_candidates,
    value_candidates,
    with_units,
)
from unsynth.symmetry.conditions import Group, Observations, find_conditions, meet
from unsynth.symmetry.findings import Errors, Finding, LabProgress, LabResult
from unsynth.symmetry.measurements import Measured, Measurements
from unsynth.symmetry.sensitivity import Profiles, measure_profiles
from unsynth.symmetry.subject import Subject
from unsynth.symmetry.trials import Trial, run_trials
from unsynth.tasks.exchange import Condition, Exchange, Kind, Verdict
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.spec import Patch

#: Patches on which the choices of categories are tried.
_VALUE_PATCHES = 96
#: Patches whose parameters move one at a time, for their profiles.
_PROFILED_PATCHES = 6
#: The most pairs of parameters that are tried.
_MOST_PARAMETER_PAIRS = 120
#: Rounds of conditions and their tests.
_ROUNDS = 4
#: Fresh patches that test a condition, at least this many and this many per choice.
_TESTS, _TESTS_PER_CHOICE = 16, 2
#: Settings around which more patches are tried, per round.
_EXPLORED = 3
#: Tests that must say something.
_LEAST_TESTS = 6
#: Share of the patches that must sound the same, for an engine that is not deterministic.
_NOISY_SHARE = 0.95
#: An exchange is approximate if its median distance is below this share of the median distance to
#: patches of which one exchanged part is overwritten with the other.
_NEAR = 0.25
#: Patches of an approximate exchange that are measured in all metrics.
_MEASURED_PATCHES = 12
#: Patches whose parts are overwritten.
_OVERWRITTEN_PATCHES = 4
#: Draws of the prior that the share of a condition is counted on, and its density is checked on.
_PRIOR_DRAWS, _DENSITY_DRAWS = 4000, 200
#: By default, patches that take this time, in seconds, but from 32 to 640.
_SECONDS, _LEAST_PAIRS, _MOST_PAIRS = 100.0, 32, 640


_Table = Float[np.ndarray, "_ metrics"]


class Laboratory:
    """Measures one subject; ``folder`` keeps what is measured."""

    def __init__(
        self, subject: Subject, pairs: int | None, seed: int, folder: Path | None = None
    ) -> None:
        self.subject, self.seed = subject, seed
        self.spec = with_units(subject.spec)
        self._pairs = pairs
        self._kept = Measurements(None if folder is None else folder / "measurements.jsonl")
        self._attempts = Attempts(subject, self.spec, self._kept)
        in_units = {p for unit in self.spec.units for copy in unit.members for p in copy}
        count = len(self.spec.parameters)
        self._shared = [p for p in range(count) if p not in in_units and p not in subject.note]
        self._measured_references: tuple[_Table, _Table] | None = None
        self._least_share = 1.0 if subject.deterministic else _NOISY_SHARE

    def run(self) -> Iterator[LabProgress | LabResult]:
        """Measure everything; yield progress, and the result last.

        Raises :class:`EngineError` if no patch can be heard.
        """
        start = perf_counter()
        pairs = self._pairs
        if pairs is None:
            yield LabProgress("timing", 0, 1)
            (pairs,) = self._kept.once("patches", lambda: [self._affordable()])
        screened = [
            *unit_candidates(self.spec),
            *(yield from self._parameters()),
            *column_candidates(self.spec),
        ]
        patches = [self.draw(item) for item in range(pairs)]
        codes = np.full((len(screened), pairs), UNHEARD)
        yield from self._attempts.screen(screened, patches, codes)
        others = self._others(patches[:_MEASURED_PATCHES])
        seen: dict[int, Tried] = {i: (patches, codes[i]) for i in range(len(screened))}
        candidates = list(screened)
        for category in categories(self.spec):
            pairs_of_values = value_candidates(self.spec, category)
            values = yield from self._attempts.choices(category, patches[:_VALUE_PATCHES])
            for candidate, (tried, outcomes) in zip(pairs_of_values, values, strict=False):
                if (outcomes == SAME).any():
                    seen[len(candidates)] = (tried, outcomes)
                    candidates.append(candidate)
        findings = []
        prior = np.stack(
            [self.subject.sample(self._rng(item, "prior")) for item in range(_PRIOR_DRAWS)]
        )
        for i, candidate in enumerate(candidates):
            yield LabProgress("finding conditions", i, len(candidates))
            finding = self._judge(candidate, *seen[i], prior)
            if finding.verdict is Verdict.NONE and self._is_near(candidate, *seen[i]):
                finding = self._measure(finding, seen[i])
            findings.append(finding)
        if not any(f.tried for f in findings):
            raise EngineError(
                f"no exchange of {self.subject.name} could be heard in {pairs} patches: give more "
                "--pairs, or a prior with more sound"
            )
        yield LabResult(
            self.subject.name,
            self.subject.hash,
            self.spec,
            self.seed,
            pairs,
            tuple(findings),
            others,
            self._by_choice(findings, {i: seen[i] for i in range(len(unit_candidates(self.spec)))}),
            perf_counter() - start,
        )

    def draw(self, item: int) -> Patch:
        """Draw patch ``item``: of the prior if even, else with the shared parameters spread."""
        rng = self._rng(item, "patch")
        patch = self.subject.sample(rng)
        if item % 2 == 0:
            return patch
        for position in self._shared:
            parameter = self.spec.parameters[position]
            if isinstance(parameter, Categorical):
                turn, place = divmod(item // 2, len(parameter.choices))
                order = np.random.default_rng((self.seed, position, turn))
                patch[position] = order.permutation(len(parameter.choices))[place]
            elif isinstance(parameter, Integer) and rng.random() < 0.5:
                patch[position] = parameter.low
        return patch

    def _rng(self, item: int, use: str) -> np.random.Generator:
        return item_rng(f"{self.subject.name}/symmetry/{use}", Split.RANDOM, item, self.seed)

    def _affordable(self) -> int:
        """Count the patches that can be tried in the default time."""
        start = perf_counter()
        count = 2 * CHUNK
        list(self.subject.render([self.draw(item) for item in range(count)]))
        renders = _SECONDS * count / (perf_counter() - start)
        per_patch = 1 + len(unit_candidates(self.spec))
        columns = len(column_candidates(self.spec))
        affordable = max(
            renders / (per_patch + columns / COLUMN_SHARE),
            (renders - MOST_COLUMN_PATCHES * columns) / per_patch,
        )
        return int(np.clip(affordable, _LEAST_PAIRS, _MOST_PAIRS))

    def _parameters(self) -> Generator[LabProgress, None, list[Candidate]]:
        """Propose pairs of parameters that no unit holds."""
        if not any(
            alike(self.spec.parameters[a], self.spec.parameters[b])
            for a, b in combinations(self._shared, 2)
        ):
            return []
        # An odd draw would put several parameters to their lowest value.
        patches = [self.draw(2 * item) for item in range(_PROFILED_PATCHES)]
        pairs: list[tuple[int, int]] = []
        for event in measure_profiles(self.subject, self._shared, patches):
            if isinstance(event, Profiles):
                pairs = event.pairs(self.subject, _MOST_PARAMETER_PAIRS)
            else:
                yield LabProgress("listening to each parameter", event, len(patches))
        # Kept, because the profiles of an engine that is not deterministic differ in the next run.
        kept = self._kept.once("parameters", lambda: pairs)
        return parameter_candidates(self.spec, [(one, other) for one, other in kept])

    def _others(self, patches: Sequence[Patch]) -> Float[np.ndarray, " pairs"]:
        """Measure the MSS between each patch and the next."""
        sounds = [s for s in self.subject.render(patches) if not isinstance(s, RenderFailure)]
        rate = self.subject.sample_rate
        return np.array([mss(a, b, rate) for a, b in pairwise(sounds)])

    def _judge(
        self,
        candidate: Candidate,
        patches: Sequence[Patch],
        codes: Int[np.ndarray, " patches"],
        prior: Float[np.ndarray, "draws parameters"],
    ) -> Finding:
        """Find an exchange's conditions and test them with fresh patches."""
        exchange = candidate.exchange
        said = codes != UNHEARD
        tried, same = int(said.sum()), int((codes == SAME).sum())
        observed = [patch for patch, heard in zip(patches, said, strict=True) if heard]
        labels = (codes[said] == SAME).tolist()
        screened = len(labels)
        shared = [
            p
            for p in range(len(self.spec.parameters))
            if p not in exchange.positions and p not in self.subject.note
        ]
        groups: tuple[Group, ...] = ()
        if same:
            for number in range(_ROUNDS):
                seen = Observations(np.stack(observed), np.array(labels))
                groups = find_conditions(seen, self.spec, shared, self._least_share)
                jobs = [*self._tests(candidate, groups, number)]
                jobs += self._explorations(candidate, seen, groups, number)
                failed = False
                for (_, job), result in zip(jobs, self._attempt(jobs), strict=True):
                    code = result.values[0]
                    if code != UNHEARD:
                        observed.append(job.patch)
                        labels.append(code == SAME)
                        inside = any(all(c.holds(job.patch) for c in group) for group in groups)
                        failed |= inside != (code == SAME)
                if not failed:
                    break
        tests = Observations(
            np.reshape(observed[screened:], (-1, len(self.spec.parameters))),
            np.array(labels[screened:], dtype=bool),
        )
        groups = tuple(group for group in groups if self._stands(group, tests))
        example = next((p for p, one in zip(observed, labels, strict=True) if one), None)
        if groups:
            seen = Observations(np.stack(observed), np.array(labels))
            outside = seen.same[~seen.matching_any(groups)]
            drawn = Observations(prior, np.ones(len(prior), dtype=bool))
            holding = prior[drawn.matching_any(groups)]
            always = any(not group for group in groups)
            return Finding(
                exchange,
                Verdict.EXACT if always else Verdict.CONDITIONAL,
                tried,
                same,
                groups,
                len(holding) / len(prior),
                len(tests.same),
                float(np.mean(outside)) if len(outside) else 0.0,
                self._keeps_prior(exchange, holding[:_DENSITY_DRAWS]),
                example=example,
            )
        return Finding(exchange, Verdict.NONE, tried, same)

    def _is_near(
        self, candidate: Candidate, patches: Sequence[Patch], codes: Int[np.ndarray, " patches"]
    ) -> bool:
        """Say whether an exchange changes the sound far less than its parts matter to it."""
        chosen = [p for p, code in zip(patches, codes, strict=True) if code == DIFFERENT]
        trials = [
            Trial(
                p,
                [candidate.exchange.apply(p), *self._attempts.probes(candidate, p)],
                measured=True,
            )
            for p in chosen[:_OVERWRITTEN_PATCHES]
        ]
        exchanged: list[float] = []
        overwritten: list[float] = []
        for result in chain.from_iterable(run_trials(self.subject, [trial]) for trial in trials):
            distances = [o.distance or 0.0 for o in result.outcomes if o is not None]
            if len(distances) == len(result.outcomes):
                exchanged.append(distances[0])
                # The part that can be heard less is the one that the exchange must not disturb.
                overwritten.append(min(distances[1:], default=0.0))
                if exchanged[0] > 2.0 * _NEAR * overwritten[0]:
                    return False  # One patch is enough to see that it is far.
        return bool(exchanged) and float(np.median(exchanged)) < _NEAR * float(
            np.median(overwritten)
        )

    def _attempt(self, jobs: list[tuple[str, Job]]) -> Iterator[Measured]:
        return self._kept.each(jobs, self._attempts.attempt, CHUNK)

    def _tests(
        self, candidate: Candidate, groups: Sequence[Group], number: int
    ) -> Iterator[tuple[str, Job]]:
        """Make fresh patches that meet each group."""
        for g, group in enumerate(groups):
            choices = max([len(c.choices) for c in group if c.choices is not None], default=1)
            for test in range(max(_TESTS, _TESTS_PER_CHOICE * choices)):
                item = 2 * (((number + 1) * 100 + g) * 1000 + test)
                yield self._job(candidate, group, item, test)

    def _explorations(
        self, candidate: Candidate, seen: Observations, groups: Sequence[Group], number: int
    ) -> Iterator[tuple[str, Job]]:
        """Make fresh patches around those that sound the same and meet no group.

        They take the same choices of the shared categories, and spread the other shared parameters.
        """
        outside = seen.same & ~seen.matching_any(groups)
        categories = [
            p
            for p in self._shared
            if isinstance(self.spec.parameters[p], Categorical)
            and p not in candidate.exchange.positions
        ]
        places = dict.fromkeys(
            tuple(int(patch[p]) for p in categories) for patch in seen.patches[outside]
        )
        for i, choices in enumerate(list(places)[:_EXPLORED]):
            group = tuple(
                Condition(p, choices=frozenset({choice}))
                for p, choice in zip(categories, choices, strict=True)
            )
            for test in range(_TESTS):
                item = 2 * (((number + 1) * 100 + 50 + i) * 1000 + test) + 1
                yield self._job(candidate, group, item, test)

    def _job(self, candidate: Candidate, group: Group, item: int, test: int) -> tuple[str, Job]:
        """Make a patch that meets a group, and on which a candidate can be tried."""
        exchange = candidate.exchange
        patch = meet(group, self.draw(item), self.spec, test, self._rng(item, exchange.name))
        if exchange.kind is Kind.VALUES:
            (swap,) = exchange.choice_swaps
            patch[swap.category] = swap.choices[test % 2]
        # With the patch in its key, no other tree's test is taken for this one.
        return f"{exchange.name} {item} {crc32(patch.tobytes()):08x}", Job(patch, [candidate])

    def _stands(self, group: Group, tests: Observations) -> bool:
        """Say whether enough tests of a group said something, and sounded the same."""
        tried, same = tests.counts(group)
        return tried >= _LEAST_TESTS and same >= self._least_share * tried

    def _keeps_prior(
        self, exchange: Exchange, patches: Float[np.ndarray, "some parameters"]
    ) -> bool:
        """Say whether exchanged patches are as likely as the patches."""
        if not len(patches):
            return False
        before = self.subject.log_density(patches)
        after = self.subject.log_density(np.stack([exchange.apply(p) for p in patches]))
        return bool(np.allclose(before, after, rtol=0.0, atol=1e-6))

    def _measure(self, finding: Finding, tried: Tried) -> Finding:
        """Measure an approximate exchange in all metrics."""
        patches, codes = tried
        chosen = [p for p, code in zip(patches, codes, strict=True) if code == DIFFERENT]
        chosen = chosen[:_MEASURED_PATCHES]
        pairs = [(patch, finding.exchange.apply(patch)) for patch in chosen]
        exchanged, (floor, other) = self._distances(pairs), self._references()
        return replace(
            finding,
            verdict=Verdict.APPROXIMATE,
            keeps_prior=self._keeps_prior(finding.exchange, np.stack(chosen)),
            errors={
                metric.name: Errors(exchanged[:, m], floor[:, m], other[:, m])
                for m, metric in enumerate(METRICS)
            },
            example=chosen[0],
        )

    def _references(self) -> tuple[_Table, _Table]:
        """Measure patches against their second renders, and against one another, once."""
        if self._measured_references is None:
            patches = [self.draw(2 * item) for item in range(_MEASURED_PATCHES)]
            again = self._distances([(patch, patch) for patch in patches])
            self._measured_references = again, self._distances(list(pairwise(patches)))
        return self._measured_references

    def _distances(self, pairs: Sequence[tuple[Patch, Patch]]) -> _Table:
        """Render pairs of patches, and compute all metrics of each."""
        sounds = list(self.subject.render(patch for pair in pairs for patch in pair))
        rows = []
        for one, other in zip(sounds[::2], sounds[1::2], strict=True):
            if not isinstance(one, RenderFailure) and not isinstance(other, RenderFailure):
                rows.append(audio_metrics(one, other, self.subject.sample_rate))
        return np.array(rows, dtype=float).reshape(-1, len(METRICS))

    def _by_choice(
        self,
        findings: Sequence[Finding],
        seen: dict[int, tuple[Sequence[Patch], Int[np.ndarray, " patches"]]],
    ) -> dict[int, Float[np.ndarray, "exchanges choices"]]:
        """Count the share of same sounds of unit exchanges by the choices that decide them."""
        deciding = {
            condition.parameter
            for i in seen
            for group in findings[i].groups
            for condition in group
            if condition.choices is not None
        }
        tables = {}
        for category in sorted(deciding):
            parameter = self.spec.parameters[category]
            assert isinstance(parameter, Categorical)
            table = np.full((len(seen), len(parameter.choices)), np.nan)
            for i, (patches, codes) in seen.items():
                values = np.array([int(p[category]) for p in patches])
                for choice in range(len(parameter.choices)):
                    some = (values == choice) & (codes != UNHEARD)
                    if some.any():
                        table[i, choice] = (codes[some] == SAME).mean()
            tables[category] = table
        return tables
