import itertools

import numpy as np
import pytest
import torch

from unsynth.flow.guidance import guided_field
from unsynth.flow.solver import solve
from unsynth.metrics.parameters import chamfer
from unsynth.models.encoders import SpectrumEncoder
from unsynth.models.kosc import FLOWS, Model, build_flow, build_regression
from unsynth.models.regression import chamfer_loss, sort_units
from unsynth.synths.kosc import KOsc, Ranges
from unsynth.training.objective import Noise, draw_times, flow_matching_loss


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """Change all weights: unlike a trained model, a new one ignores much of its input."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def fit_batch_norms(encoder: SpectrumEncoder, audio: torch.Tensor) -> SpectrumEncoder:
    """Set the statistics of batch norms, which training learns in some hundred steps."""
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    encoder.train()(audio)
    return encoder.eval()


def small(model: Model, synth: KOsc, data_variance: float | None = None) -> torch.nn.Module:
    torch.manual_seed(0)
    flow = randomised(build_flow(model, synth, 32, data_variance)).eval()
    fit_batch_norms(flow.encoder, torch.randn(50, 1024))
    return flow


def permuted(synth: KOsc, x: torch.Tensor, order: list[int]) -> torch.Tensor:
    rest = x[:, 3 * synth.oscillators :]
    return torch.cat([synth.vectors(synth.units(x)[:, order]), rest], dim=1)


#: Parameters in the paper's code, for k = 4 and 32; the encoder here has 4,176 more.
COUNTS = {
    Model.PARAM2TOK: (3_978_440, 4_002_968),
    Model.EQUIVARIANT: (3_943_195, 3_943_195),
    Model.MLP: (4_117_860, 4_150_200),
    Model.FFN_MSE: (3_913_152, 3_986_904),
}


@pytest.mark.parametrize("model", COUNTS)
def test_parameter_counts_are_those_of_the_paper(model):
    for k, count in zip((4, 32), COUNTS[model], strict=True):
        with torch.device("meta"):
            built = build_flow(model, KOsc(k)) if model in FLOWS else build_regression(KOsc(k))
        assert sum(p.numel() for p in built.parameters()) == count + 4176


@pytest.mark.parametrize("ranges", [Ranges.COMMON, Ranges.CHOSEN])
def test_unit_tokens_make_the_field_and_its_samples_equivariant(ranges):
    synth = KOsc(4, ranges)
    flow = small(Model.EQUIVARIANT, synth, data_variance=0.3)
    x = torch.randn(5, synth.values)
    t, sound = torch.rand(5), flow.encode(torch.randn(5, 1024))
    v = flow(x, t, sound)
    field = guided_field(flow, sound, flow.unconditional(5), 2.0)
    samples = solve(field, x, 3)
    for order in itertools.permutations(range(4)):
        moved = permuted(synth, x, order)
        for result, expected in ((flow(moved, t, sound), v), (solve(field, moved, 3), samples)):
            torch.testing.assert_close(
                result, permuted(synth, expected, order), atol=2e-5, rtol=2e-5
            )
    assert (permuted(synth, v, [1, 0, 2, 3]) - v).abs().max() > 0.05


@pytest.mark.parametrize("model", [Model.PARAM2TOK, Model.MLP])
def test_other_fields_distinguish_oscillators(model):
    synth = KOsc(3)
    flow = small(model, synth)
    x, t = torch.randn(4, 9), torch.rand(4)
    sound = flow.encode(torch.randn(4, 1024))
    order = [2, 0, 1]
    moved = flow(permuted(synth, x, order), t, sound)
    assert (moved - permuted(synth, flow(x, t, sound), order)).abs().max() > 0.01


@pytest.mark.parametrize("model", FLOWS)
def test_fields_depend_on_the_sound_the_time_and_every_value(model):
    synth = KOsc(3)
    flow = small(model, synth)
    x = torch.randn(4, 9).requires_grad_()
    t, audio = torch.rand(4), torch.randn(4, 1024)
    v = flow(x, t, flow.encode(audio))
    assert (flow(x, 1 - t, flow.encode(audio)) - v).abs().max() > 1e-3
    assert (flow(x, t, flow.encode(2 * audio)) - v).abs().max() > 1e-3
    assert (flow(x, t, flow.unconditional(4)) - v).abs().max() > 1e-3
    v[:, 0].sum().backward()
    assert (x.grad.abs() > 1e-9).all()


@pytest.mark.parametrize("model", FLOWS)
def test_a_new_flow_depends_on_the_sound(model):
    """Else its encoder has no gradient at first, and learns late."""
    torch.manual_seed(0)
    flow = build_flow(model, KOsc(3), 32)
    x, t = torch.randn(2, 9), torch.rand(2)
    flow(x, t, flow.encode(torch.randn(2, 1024))).square().sum().backward()
    for name, parameter in flow.encoder.named_parameters():
        assert parameter.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("model", FLOWS)
def test_a_data_variance_adds_c_of_t_times_x_to_a_new_field(model):
    """E[x1 - x0 | x_t] for x1 ~ N(0, s^2)."""
    synth = KOsc(3)
    torch.manual_seed(0)
    plain = build_flow(model, synth, 32).eval()
    torch.manual_seed(0)
    flow = build_flow(model, synth, 32, 0.25).eval()
    x, t = torch.randn(6, 9), torch.rand(6)
    sound = flow.encode(torch.randn(6, 1024))
    slope = (t * 0.25 - (1 - t)) / ((1 - t) ** 2 + 0.25 * t**2)
    expected = plain(x, t, sound) + slope[:, None] * x
    torch.testing.assert_close(flow(x, t, sound), expected)


@pytest.mark.parametrize("model", FLOWS)
def test_all_weights_of_a_flow_have_a_gradient(model):
    synth = KOsc(3, Ranges.CHOSEN)
    flow = small(model, synth).train()
    x1 = torch.rand(12, synth.values) * 2 - 1
    noise = Noise(torch.randn_like(x1), *draw_times(np.random.default_rng(0), 12, dropout=0.3))
    sound = flow.encode(synth.render(x1))
    none = flow.unconditional(12)
    flow_matching_loss(flow, x1, sound, none, noise).backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


def test_all_weights_of_a_regression_have_a_gradient():
    synth = KOsc(3)
    model = randomised(build_regression(synth, 32))
    x = torch.rand(12, 9) * 2 - 1
    (model(synth.render(x)) - x).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_an_encoded_sound_does_not_depend_on_the_batch():
    torch.manual_seed(0)
    encoder = SpectrumEncoder(1024, 32, 6)
    audio = KOsc(4).render(torch.rand(6, 12) * 2 - 1)
    fit_batch_norms(encoder, audio)
    together, alone = encoder(audio), torch.cat([encoder(sound[None]) for sound in audio])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 0.01
    # The last bin of the spectrum counts like the others.
    nyquist = audio + 0.2 * torch.tensor([1.0, -1.0]).repeat(512)
    assert (encoder(nyquist) - together).abs().max() > 1e-4


def test_the_chamfer_loss_is_the_metric_for_any_order_of_units():
    rng = np.random.default_rng(0)
    target, estimate = rng.uniform(-1, 1, (2, 7, 5, 3))
    first, second = torch.from_numpy(target), torch.from_numpy(estimate).requires_grad_()
    loss = chamfer_loss(first, second)
    assert loss.item() == pytest.approx(chamfer(target, estimate).mean())
    assert chamfer_loss(first[:, [3, 1, 4, 0, 2]], second).item() == pytest.approx(loss.item())
    loss.backward()
    assert (second.grad.abs() > 0).all()


def test_sorting_units_gives_the_same_for_every_order():
    units = torch.rand(7, 5, 3)
    ordered = sort_units(units, units[..., 0])
    assert (ordered[..., 0].diff(dim=1) > 0).all()
    for order in ([4, 2, 0, 1, 3], [1, 0, 2, 4, 3]):
        moved = units[:, order]
        torch.testing.assert_close(sort_units(moved, moved[..., 0]), ordered)
    # Whole units move: amplitude and shape stay with their frequency.
    assert {tuple(u) for u in ordered[0].tolist()} == {tuple(u) for u in units[0].tolist()}
