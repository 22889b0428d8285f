"""Try exchanges on patches: does the exchanged patch sound the same?

A patch says something only if it can: the exchange changes it, and each exchanged part can be
heard, that is, overwriting it with the other changes the sound.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from unsynth.symmetry.candidates import Candidate
from unsynth.symmetry.findings import LabProgress
from unsynth.symmetry.measurements import Measurements
from unsynth.symmetry.subject import Subject
from unsynth.symmetry.trials import Trial, compare_choices, run_trials
from unsynth.tasks.exchange import Kind
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Patch, Spec

#: Patches, and the outcome of an exchange for each.
Tried = tuple[Sequence[Patch], Int[np.ndarray, " patches"]]

#: Outcomes of an exchange of a patch.
SAME, DIFFERENT, UNHEARD = 1, 0, -1

#: Columns and pairs of parameters are tried on a quarter of the patches, and at most on these.
COLUMN_SHARE, MOST_COLUMN_PATCHES = 4, 24
#: Patches that are rendered before their results are kept.
CHUNK = 16
#: Groups of choices that are rendered before their results are kept.
_CHOICES_CHUNK = 4
#: Other choices that tell whether a category can be heard.
_OTHER_CHOICES = 3


@dataclass(frozen=True)
class Job:
    """Candidates to try on a patch."""

    patch: Patch
    candidates: Sequence[Candidate]


class Attempts:
    """Tries exchanges of a subject's patches; ``kept`` has what was tried before."""

    def __init__(self, subject: Subject, spec: Spec, kept: Measurements) -> None:
        self.subject, self.spec, self._kept = subject, spec, kept

    def screen(
        self,
        candidates: Sequence[Candidate],
        patches: Sequence[Patch],
        codes: Int[np.ndarray, "candidates patches"],
    ) -> Iterator[LabProgress]:
        """Try each candidate on the patches, those of columns and parameters on a few.

        Fills in ``codes``, which holds :data:`UNHEARD` everywhere.
        """
        few = min(len(patches) // COLUMN_SHARE, MOST_COLUMN_PATCHES)
        units = sum(c.exchange.kind is Kind.UNITS for c in candidates)
        jobs = [
            (f"screen {i}", Job(patch, candidates[: None if i < few else units]))
            for i, patch in enumerate(patches)
        ]
        for i, measured in enumerate(self._kept.each(jobs, self.attempt, CHUNK)):
            codes[: len(measured.values), i] = measured.values
            yield LabProgress("trying exchanges", i + 1, len(patches))

    def attempt(self, jobs: list[Job]) -> Iterator[list[Any]]:
        """Try candidates on patches; yield the outcomes of each patch."""
        trials = (
            Trial(job.patch, [c.exchange.apply(job.patch) for c in job.candidates]) for job in jobs
        )
        results: list[list[Any]] = []
        second: list[tuple[int, int, int]] = []
        checks: list[Trial] = []
        for j, (job, result) in enumerate(zip(jobs, run_trials(self.subject, trials), strict=True)):
            row: list[Any] = []
            copies: list[Patch] = []
            for c, (candidate, outcome) in enumerate(
                zip(job.candidates, result.outcomes, strict=True)
            ):
                if outcome is None or not candidate.exchange.moves(job.patch):
                    row.append(UNHEARD)
                    continue
                row.append(SAME if outcome.same else DIFFERENT)
                if outcome.same:
                    probes = self.probes(candidate, job.patch)
                    second.append((j, c, len(probes)))
                    copies += probes
            results.append(row)
            checks.append(Trial(job.patch, copies))
        checked = [r.outcomes for r in run_trials(self.subject, (t for t in checks if t.variants))]
        flat = iter([outcome for outcomes in checked for outcome in outcomes])
        for j, c, count in second:
            outcomes = [next(flat) for _ in range(count)]
            changed = [outcome is not None and not outcome.same for outcome in outcomes]
            values = jobs[j].candidates[c].exchange.kind is Kind.VALUES
            if not (any(changed) if values else all(changed)):
                results[j][c] = UNHEARD
        yield from results

    def probes(self, candidate: Candidate, patch: Patch) -> list[Patch]:
        """List the patches that sound different if the exchanged parts can be heard."""
        exchange = candidate.exchange
        if exchange.kind is not Kind.VALUES:
            return candidate.copies(patch)
        (swap,) = exchange.choice_swaps
        parameter = self.spec.parameters[swap.category]
        assert isinstance(parameter, Categorical)
        others = [c for c in range(len(parameter.choices)) if c not in swap.choices]
        probes = []
        for choice in others[:_OTHER_CHOICES]:
            probe = patch.copy()
            probe[swap.category] = choice
            probes.append(probe)
        return probes

    def choices(
        self, category: int, patches: Sequence[Patch]
    ) -> Generator[LabProgress, None, list[Tried]]:
        """Try each two choices of a category; returns the patches and codes of each pair.

        Two choices alone say nothing: where they sound the same, the category cannot be heard.
        """
        parameter = self.spec.parameters[category]
        assert isinstance(parameter, Categorical)
        count = len(parameter.choices)
        if count < 3:
            return []
        groups = []
        for i, patch in enumerate(patches):
            group = []
            for choice in range(count):
                variant = patch.copy()
                variant[category] = choice
                group.append(variant)
            groups.append((f"values {parameter.name} {i}", group))
        matrices = []
        for i, measured in enumerate(self._kept.each(groups, self._compare, _CHOICES_CHUNK)):
            matrices.append(np.array(measured.values, dtype=int).reshape(count, count))
            yield LabProgress(f"trying choices of {parameter.name}", i + 1, len(groups))
        same = np.stack(matrices)
        # A patch in which all choices sound the same says nothing.
        same[(same == SAME).all(axis=(1, 2))] = UNHEARD
        return [
            ([group[a] for _, group in groups], same[:, a, b])
            for a in range(count)
            for b in range(a + 1, count)
        ]

    def _compare(self, groups: list[list[Patch]]) -> Iterator[list[Any]]:
        for group, same in zip(groups, compare_choices(self.subject, groups), strict=True):
            if same is None:
                yield [UNHEARD] * len(group) ** 2
            else:
                yield np.where(same, SAME, DIFFERENT).ravel().tolist()
