"""How far a field is from equivariant, with known answers."""

import numpy as np
import pytest
import torch

from unsynth.models.kosc import Model, build_flow
from unsynth.symmetry.equivariance import equivariance_errors, token_shares
from unsynth.synths.kosc import KOsc

#: Exchanges of the first two of three oscillators, and of the last two.
ROWS = np.array([[1, 0, 2, 4, 3, 5, 7, 6, 8], [0, 2, 1, 3, 5, 4, 6, 8, 7]])


def errors(model: Model) -> np.ndarray:
    torch.manual_seed(0)
    synth = KOsc(3)
    flow = build_flow(model, synth, 16).eval()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x = torch.rand(16, 9) * 2.0 - 1.0
    with torch.no_grad():
        conditioning = flow.encode(synth.render(x))
    return equivariance_errors(flow, torch.randn(16, 9), 0.5, conditioning, ROWS)


def test_fixed_tokens_are_equivariant_and_an_mlp_is_not() -> None:
    assert errors(Model.EQUIVARIANT).max() < 1e-5
    assert errors(Model.MLP).min() > 0.2


def test_the_error_of_a_linear_field_is_exact() -> None:
    """v(x) = (x1, 0): exchanged, it gives (x2, 0) where g·v is (0, x1)."""
    x = torch.tensor([[3.0, 4.0], [1.0, 2.0]])
    conditioning = torch.zeros(2, 1, 1)

    def field(x: torch.Tensor, t: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return x * torch.tensor([1.0, 0.0])

    rows = np.array([[1, 0]])
    (error,) = equivariance_errors(field, x, 0.5, conditioning, rows)
    assert error == pytest.approx(np.sqrt((16 + 9 + 4 + 1) / (9 + 1)))
    only_second = np.array([[False, True]])
    (error,) = equivariance_errors(field, x, 0.5, conditioning, rows, only_second)
    assert error == pytest.approx(np.sqrt(5.0))
    nowhere = np.zeros((1, 2), dtype=bool)
    assert np.isnan(equivariance_errors(field, x, 0.5, conditioning, rows, nowhere)).all()


def test_a_token_of_one_unit_has_a_share_of_one() -> None:
    assignment = torch.tensor([[0.0, -2.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, -3.0]])
    # Values 0 and 1 belong to one unit, value 2 to another, and value 3 to none.
    np.testing.assert_allclose(token_shares(assignment, [0, 0, 1, -1]), [1.0, 0.5, 0.25])
