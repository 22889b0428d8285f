"""What a model of a task has learned of exchanges."""

import json

import numpy as np
import pytest
import torch

from tests.models.small import MLP, REGRESSION, SAMPLING, SMALL, UNITS
from unsynth.errors import UnsynthError
from unsynth.models.architecture import FlowArchitecture, RegressionArchitecture
from unsynth.models.artifact import describe
from unsynth.symmetry.candidates import unit_candidates
from unsynth.symmetry.learned import (
    LearnedSymmetry,
    measure_model,
    plot_errors,
    plot_tokens,
    result_json,
)
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.exchange import Condition, Symmetry

ITEMS = 6


def learned(task: DX7Task, content: dict[str, object], condition: Condition) -> LearnedSymmetry:
    """Measure a small model with random weights on two exchanges, one of them conditional."""
    architecture = FlowArchitecture.model_validate(content)
    torch.manual_seed(0)
    model = architecture.build(task.spec, architecture.observed_shape(task)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    artifact = describe(task, architecture, SAMPLING, 0.99, 1, None)
    pairs = [candidate.exchange for candidate in unit_candidates(task.spec)[:2]]
    symmetries = [Symmetry(pairs[0]), Symmetry(pairs[1], ((condition,),))]
    return measure_model(task, model, artifact, symmetries, ITEMS, 1)


@pytest.fixture
def half(task: DX7Task) -> Condition:
    """A condition on the algorithm that some draws meet, and some do not."""
    return Condition(task.spec.position["algorithm"], choices=frozenset(range(16)))


def test_fixed_tokens_follow_every_exchange_of_units(task: DX7Task, half: Condition) -> None:
    result = learned(task, UNITS, half)
    assert result.field == "units" and result.tokens is None
    for exchange in result.exchanges:
        assert max(exchange.trained) < 1e-4 and exchange.draws + exchange.others == ITEMS
    assert result.exchanges[0].others == 0 < result.exchanges[1].others
    assert np.isnan(result.exchanges[0].elsewhere).all()


def test_an_mlp_with_random_weights_follows_none(task: DX7Task, half: Condition) -> None:
    result = learned(task, MLP, half)
    assert min(min(exchange.trained) for exchange in result.exchanges) > 0.01
    text = json.loads(result_json(result))
    assert text["exchanges"][0]["elsewhere"] == [None] * len(result.times)
    assert plot_errors(result).axes[0].get_title() == "t = 0.1"


def test_tokens_are_ordered_by_unit(task: DX7Task, half: Condition) -> None:
    result = learned(task, SMALL, half)
    assert result.tokens is not None
    assert result.tokens.assignment.shape == (5, task.spec.width)
    # Six operators of equal width, and then what belongs to none.
    assert len(result.tokens.boundaries) == 6
    assert len(set(np.diff(result.tokens.boundaries))) == 1
    assert all(0 < share < 1 for share in result.tokens.shares)
    assert plot_tokens(result.tokens).axes


def test_a_regression_has_no_field(task: DX7Task) -> None:
    architecture = RegressionArchitecture.model_validate(REGRESSION)
    model = architecture.build(task.spec, architecture.observed_shape(task))
    artifact = describe(task, architecture, SAMPLING, 0.99, 1, None)
    with pytest.raises(UnsynthError, match="is not a flow"):
        measure_model(task, model, artifact, [], ITEMS)
