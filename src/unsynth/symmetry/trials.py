"""Render patches and variants of them, and compare each variant with its patch.

A variant sounds the same if the difference of the two signals is at least 80 dB below the sound. Of
an engine whose sounds differ from render to render, it also sounds the same if neither its MSS nor
its level is further from the patch than further renders of the patch are, by half as much again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from jaxtyping import Bool

from unsynth.data.draws import audible
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.rendering.renderer import RenderFailure
from unsynth.symmetry.subject import Sound, Subject
from unsynth.tasks.spec import Patch

#: A difference this far below the sound, in dB, is none.
SAME_DB = -80.0
#: Every so many samples are compared first.
_STRIDE = 8
#: Further renders of a patch by an engine that is not deterministic.
_FLOOR_RENDERS = 2
#: A variant may be this many times as far away as these, plus a margin in dB of MSS ...
_FACTOR, _MARGIN = 1.5, 0.05
#: ... and its level may differ by this much more, in dB.
_LEVEL_MARGIN = 0.1


@dataclass(frozen=True)
class Trial:
    """A patch and its variants."""

    patch: Patch
    variants: Sequence[Patch]
    #: Whether distances are to be measured, too.
    measured: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a variant sounds beside its patch."""

    same: bool
    #: MSS in dB, if it was measured.
    distance: float | None = None


@dataclass(frozen=True)
class TrialResult:
    """The outcomes of a trial's variants; ``None`` where one could not be rendered.

    ``sound`` is ``None`` if the patch is silent or could not be rendered; then all outcomes are
    ``None``.
    """

    sound: Sound | None
    outcomes: Sequence[Outcome | None]
    #: MSS of further renders of the patch, in dB.
    floor: Sequence[float] = ()


def run_trials(subject: Subject, trials: Iterable[Trial]) -> Iterator[TrialResult]:
    """Render and compare, trial by trial."""
    renders = 1 if subject.deterministic else 1 + _FLOOR_RENDERS
    waiting: list[Trial] = []

    def patches() -> Iterator[Patch]:
        for trial in trials:
            waiting.append(trial)
            yield from chain([trial.patch] * renders, trial.variants)

    sounds = iter(subject.render(patches()))
    for first in sounds:
        trial = waiting[0]
        again = [next(sounds) for _ in range(renders - 1)]
        comparison = _Comparison(first, again, subject.sample_rate)
        outcomes = [comparison.outcome(next(sounds), trial.measured) for _ in trial.variants]
        waiting.pop(0)
        yield TrialResult(comparison.sound, outcomes, comparison.floor)


class _Comparison:
    """Compares variants with one patch's sound."""

    def __init__(
        self,
        first: Sound | RenderFailure,
        again: Sequence[Sound | RenderFailure],
        sample_rate: int,
    ) -> None:
        heard = not isinstance(first, RenderFailure) and audible(first, sample_rate)
        self.sound: Sound | None = None
        if heard:
            assert isinstance(first, np.ndarray)
            self.sound = first
        self._rate = sample_rate
        self._again = [sound for sound in again if not isinstance(sound, RenderFailure)]
        self._distance: MultiScaleSpectral | None = None
        self.floor = [] if self.sound is None else [self._measure(s) for s in self._again]

    def outcome(self, variant: Sound | RenderFailure, measured: bool) -> Outcome | None:
        """Compare one variant; ``None`` where there is nothing to compare."""
        if self.sound is None or isinstance(variant, RenderFailure):
            return None
        if is_same(self.sound, variant):
            return Outcome(True, 0.0)
        if not self._again and not measured:
            return Outcome(False)
        distance = self._measure(variant)
        if not self._again:
            return Outcome(False, distance)
        levels = [abs(_level(self.sound) - _level(sound)) for sound in self._again]
        same = distance <= _FACTOR * max(self.floor) + _MARGIN
        near = abs(_level(self.sound) - _level(variant)) <= max(levels) + _LEVEL_MARGIN
        return Outcome(same and near, distance)

    def _measure(self, sound: Sound) -> float:
        """Compute a sound's MSS; the spectrograms of the patch are computed once."""
        if self._distance is None:
            assert self.sound is not None
            self._distance = MultiScaleSpectral(self.sound, self._rate)
        return float(self._distance(sound[None])[0])


def is_same(one: Sound, other: Sound) -> bool:
    """Say whether the difference of two sounds is at least 80 dB below the first."""
    limit = 10.0 ** (SAME_DB / 10.0) * _energy(one)
    # Part of the difference is enough to see that a sound differs, which most do.
    return _energy(one[:, ::_STRIDE] - other[:, ::_STRIDE]) <= limit and (
        _energy(one - other) <= limit
    )


def _energy(sound: Sound) -> float:
    return float(np.einsum("cs,cs->", sound, sound, dtype=np.float64))


def _level(sound: Sound) -> float:
    return float(10.0 * np.log10(np.square(sound, dtype=np.float64).mean() + 1e-20))


def compare_choices(
    subject: Subject, patches: Iterable[Sequence[Patch]]
) -> Iterator[Bool[np.ndarray, "choices choices"] | None]:
    """Render groups of patches, and say which of each group sound the same as which.

    ``None`` stands for a group in which one is silent or could not be rendered.
    """
    renders = 1 if subject.deterministic else 1 + _FLOOR_RENDERS
    waiting: list[int] = []

    def all_patches() -> Iterator[Patch]:
        for group in patches:
            waiting.append(len(group))
            for patch in group:
                yield from [patch] * renders

    sounds = iter(subject.render(all_patches()))
    for first in sounds:
        count = waiting[0]
        rendered = [first, *(next(sounds) for _ in range(count * renders - 1))]
        waiting.pop(0)
        comparisons = [
            _Comparison(rendered[i], rendered[i + 1 : i + renders], subject.sample_rate)
            for i in range(0, len(rendered), renders)
        ]
        if any(comparison.sound is None for comparison in comparisons):
            yield None
            continue
        same = np.eye(count, dtype=bool)
        for i, j in combinations(range(count), 2):
            other = comparisons[j].sound
            assert other is not None
            outcome = comparisons[i].outcome(other, measured=False)
            same[i, j] = same[j, i] = outcome is not None and outcome.same
        yield same
