"""What the laboratory finds, and ``symmetry.json``."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from unsynth.symmetry.conditions import Group
from unsynth.tasks.exchange import (
    ChoiceSwap,
    ChoiceSwapData,
    ConditionData,
    ErrorData,
    Exchange,
    ExchangeData,
    Kind,
    SymmetryFile,
    UnitData,
    Verdict,
)
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Patch, Spec

#: Percentiles of distances in ``symmetry.json``.
_PERCENTILES = (10, 50, 90)


@dataclass(frozen=True)
class LabProgress:
    """How far a stage is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Errors:
    """Distances in one metric: x to g·x, x to its second render, and between patches."""

    exchanged: Float[np.ndarray, " exchanged"]
    floor: Float[np.ndarray, " patches"]
    other: Float[np.ndarray, " others"]


@dataclass(frozen=True)
class Finding:
    """What was measured of an exchange.

    ``tried`` patches said something, ``same`` of them sounded the same. ``groups`` are the
    conditions, ``share`` the part of the prior in which they hold, ``tests`` the fresh patches that
    put them to the test, and ``missed`` the part of the other patches that sounded the same, too.
    """

    exchange: Exchange
    verdict: Verdict
    tried: int
    same: int
    groups: tuple[Group, ...] = ()
    share: float | None = None
    tests: int = 0
    missed: float = 0.0
    keeps_prior: bool = True
    #: By metric, for an approximate exchange.
    errors: dict[str, Errors] = field(default_factory=dict)
    #: A patch in which it holds, or is nearest to.
    example: Patch | None = None


@dataclass(frozen=True)
class LabResult:
    """All findings about a subject, with its units."""

    name: str
    hash: str
    spec: Spec
    seed: int
    pairs: int
    findings: tuple[Finding, ...]
    #: MSS between two patches of the prior, in dB.
    others: Float[np.ndarray, " pairs"]
    #: Share of patches that sounded the same, by unit exchange and choice, for each category that
    #: decides any of them; NaN where nothing was tried.
    by_choice: dict[int, Float[np.ndarray, "exchanges choices"]]
    seconds: float

    def of_kind(self, kind: Kind) -> list[Finding]:
        """List the findings of a kind."""
        return [f for f in self.findings if f.exchange.kind is kind]

    def symmetry_file(self) -> SymmetryFile:
        """Return what ``symmetry.json`` holds: units, and every exchange that was tried."""
        names = self.spec.names
        return SymmetryFile(
            task=self.name,
            hash=self.hash,
            seed=self.seed,
            pairs=self.pairs,
            units=[
                UnitData(name=u.name, members=[[names[p] for p in copy] for copy in u.members])
                for u in self.spec.units
            ],
            exchanges=[_exchange_data(finding, self.spec) for finding in self.findings],
        )


def _exchange_data(finding: Finding, spec: Spec) -> ExchangeData:
    exchange = finding.exchange
    return ExchangeData(
        kind=exchange.kind.value,
        name=exchange.name,
        swaps=[(spec.names[one], spec.names[other]) for one, other in exchange.swaps],
        choice_swaps=[_choice_swap_data(swap, spec) for swap in exchange.choice_swaps],
        verdict=finding.verdict.value,
        tried=finding.tried,
        same=finding.same,
        share=finding.share,
        conditions=[_conditions_data(group, spec) for group in finding.groups if group],
        keeps_prior=finding.keeps_prior,
        errors={
            name: ErrorData(
                exchanged=_percentiles(errors.exchanged),
                floor=_percentiles(errors.floor),
                other=float(np.median(errors.other)),
            )
            for name, errors in finding.errors.items()
        },
    )


def _choice_swap_data(swap: ChoiceSwap, spec: Spec) -> ChoiceSwapData:
    parameter = spec.parameters[swap.category]
    assert isinstance(parameter, Categorical)
    first, second = (parameter.choices[choice] for choice in swap.choices)
    return ChoiceSwapData(category=parameter.name, choices=(first, second))


def _conditions_data(group: Group, spec: Spec) -> list[ConditionData]:
    data = []
    for condition in group:
        parameter = spec.parameters[condition.parameter]
        choices = condition.choices
        data.append(
            ConditionData(
                parameter=parameter.name,
                low=None if condition.low == -np.inf else float(condition.low),
                high=None if condition.high == np.inf else float(condition.high),
                choices=[parameter.choices[choice] for choice in sorted(choices)]
                if choices is not None and isinstance(parameter, Categorical)
                else None,
            )
        )
    return data


def _percentiles(values: Sequence[float] | np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in np.percentile(values, _PERCENTILES)]
