"""Fixed tokens, the residual network, and VAE + RealNVP."""

import numpy as np
import pytest
import torch

from tests.models.small import MLP, REGRESSION, UNITS, VAE, numbers
from unsynth.flow.solver import Solver, solve
from unsynth.models.architecture import (
    FlowArchitecture,
    RegressionArchitecture,
    VAEArchitecture,
)
from unsynth.models.unit_tokens import Layout, UnitTokens
from unsynth.models.vae_realnvp import RealNVP, VAERealNVP
from unsynth.models.vector_fields import DiffusionTransformer, ResidualNetwork
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.spec import Spec, Unit

#: Three oscillators (wave of three, level), two filters (cutoff), and a volume.
PARAMETERS = (
    *(
        p
        for i in "123"
        for p in (Categorical(f"wave{i}", ("a", "b", "c")), Integer(f"level{i}", 0, 9))
    ),
    *(Integer(f"cutoff{i}", 0, 9) for i in "12"),
    Integer("volume", 0, 9),
)
SPEC = Spec(
    PARAMETERS,
    (Unit("oscillator", ((0, 1), (2, 3), (4, 5))), Unit("filter", ((6,), (7,)))),
)
#: Oscillators in another order, filters exchanged, as coordinates of the vector.
EXCHANGED = [8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 13, 12, 14]


def randomised(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Change all weights, so that none are zero or equal."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    return module.double().eval()


def test_copies_of_a_unit_are_tokens_of_one_kind():
    layout = Layout.of(SPEC)
    assert layout.kinds == [0, 0, 0, 1, 1, 2]
    assert layout.tokens == [0] * 4 + [1] * 4 + [2] * 4 + [3, 4, 5]
    assert layout.places == [0, 1, 2, 3] * 3 + [4, 4, 5]


def test_a_field_of_fixed_tokens_is_equivariant_to_machine_precision():
    tokens = UnitTokens(Layout.of(SPEC), 8)
    field = randomised(DiffusionTransformer(15, tokens, 4, 8, 2, 2, 8, 8, 6))
    x, t, sound = torch.randn(5, 15).double(), torch.rand(5).double(), torch.randn(5, 2, 4).double()
    v = field(x, t, sound)
    assert v.std() > 0.05
    torch.testing.assert_close(
        field(x[:, EXCHANGED], t, sound), v[:, EXCHANGED], atol=1e-12, rtol=0
    )
    other = list(range(15))
    other[3], other[12] = 12, 3  # a level and a cutoff are not copies of each other
    assert (field(x[:, other], t, sound) - v[:, other]).abs().max() > 1e-3

    # So exchanged noise, which is as likely, leads to the exchanged patch.
    def v_of(x: torch.Tensor, t: float) -> torch.Tensor:
        return field(x, torch.full((5,), t).double(), sound)

    ends = solve(v_of, x, 8, Solver.MIDPOINT)
    exchanged = solve(v_of, x[:, EXCHANGED], 8, Solver.MIDPOINT)
    torch.testing.assert_close(exchanged, ends[:, EXCHANGED], atol=1e-11, rtol=0)


def test_a_residual_network_distinguishes_values_by_their_places():
    field = randomised(ResidualNetwork(15, 4, 8, 2, 8, 8, 6))
    x, t, sound = torch.randn(5, 15).double(), torch.rand(5).double(), torch.randn(5, 2, 4).double()
    v = field(x, t, sound)
    assert (field(x[:, EXCHANGED], t, sound) - v[:, EXCHANGED]).abs().max() > 1e-3
    for changed in (field(x, 1 - t, sound), field(x, t, sound.flip(1))):
        assert (changed - v).abs().max() > 1e-3


def test_the_log_determinant_is_that_of_the_jacobian():
    flow = randomised(RealNVP(5, 3, 8, 1))
    x = torch.randn(4, 5).double()
    z, log_det = flow(x)
    for row, log_determinant in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None])[0][0], row)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_determinant)
    assert (z - x).abs().max() > 0.1


def vae() -> VAERealNVP:
    torch.manual_seed(0)
    return VAEArchitecture.model_validate(VAE | {"beta_steps": 100}).build(SPEC, (1, 128, 401))


def test_the_losses_of_a_vae_are_those_of_its_parts():
    model = randomised(vae()).float()
    observed = torch.randint(0, 256, (6, 1, 128, 401), dtype=torch.uint8)
    rng = np.random.default_rng(0)
    patches = np.column_stack([rng.integers(0, 3 if i in (0, 2, 4) else 10, 6) for i in range(9)])
    x1 = torch.from_numpy(SPEC.encode(patches.astype(float), dequantise=rng)).float()
    noise = torch.randn(6, 15)
    losses = model.losses(x1, observed, noise)

    noiseless = model.losses(x1, observed, torch.zeros(6, 15))
    patch = model(observed)
    picks = [(slice(4 * i, 4 * i + 3), x1[:, 4 * i : 4 * i + 3].argmax(1)) for i in range(3)]
    entropy = sum(
        -patch[:, at].log_softmax(1).take_along_dim(pick[:, None], 1).mean() for at, pick in picks
    )
    rest = [3, 7, 11, 12, 13, 14]
    squares = (patch - x1)[:, rest].square().mean()
    torch.testing.assert_close(noiseless.patch, entropy / 3 + squares)
    assert losses.reconstruction > 0 and (losses.latent - noiseless.latent).abs() > 0.01
    assert [model.beta(step) for step in (0, 50, 100, 999)] == pytest.approx(
        [0.02, 0.03, 0.04, 0.04]
    )


def test_the_latent_loss_is_the_divergence_if_the_flow_is_the_identity():
    model = vae().eval()
    for coupling in model.latent_flow.layers:
        torch.nn.init.zeros_(coupling.hyper[-1].weight)
    observed = torch.randint(0, 256, (2, 1, 128, 401), dtype=torch.uint8)
    spectrogram = observed.float() / 127.5 - 1.0
    with torch.no_grad():
        mean, spread = model._posterior(spectrogram)
        exact = (0.5 * (mean**2 + spread**2 - 1.0) - spread.log()).sum(1).mean() / 15
        draws = [model.losses(torch.zeros(2, 15), observed, torch.randn(2, 15)) for _ in range(400)]
    latents = torch.stack([draw.latent for draw in draws])
    assert float(latents.mean()) == pytest.approx(
        float(exact), abs=4 * float(latents.std()) / 400**0.5
    )


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [
        (FlowArchitecture, UNITS),
        (FlowArchitecture, MLP),
        (RegressionArchitecture, REGRESSION),
        (VAEArchitecture, VAE),
    ],
)
def test_weights_load_into_a_model_on_the_meta_device(architecture, sizes):
    spec = numbers(9)
    whole = randomised(architecture.model_validate(sizes).build(spec, (1, 128, 401))).float()
    with torch.device("meta"):
        empty = architecture.model_validate(sizes).build(spec, (1, 128, 401))
    empty.load_state_dict(whole.state_dict(), assign=True)
    empty.eval()
    observed = torch.randint(0, 256, (3, 1, 128, 401), dtype=torch.uint8)
    if architecture is FlowArchitecture:
        inputs = torch.randn(3, 9), torch.rand(3), whole.encode(observed)
        torch.testing.assert_close(empty.encode(observed), inputs[2])
    else:
        inputs = (observed,)
    torch.testing.assert_close(empty(*inputs), whole(*inputs))
