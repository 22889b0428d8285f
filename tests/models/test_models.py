import pytest
import torch

from tests.models.small import SMALL, small_flow
from unsynth.audio.observation import SPECTROGRAM_VALUES, Observation
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.layers import Block, ModulatedBlock
from unsynth.models.param2tok import Param2Tok
from unsynth.models.vector_fields import DiffusionTransformer, normal_velocity

NOTE_VALUES = Observation.NOTE.note_values


def test_a_new_param2tok_treats_all_parameters_alike():
    torch.manual_seed(0)
    layer, x, order = Param2Tok(30, 6, 16), torch.randn(8, 30), torch.randperm(30)
    tokens = layer.to_tokens(x)
    torch.testing.assert_close(layer.to_tokens(x[:, order]), tokens, atol=2e-3, rtol=0)
    assert tokens.std() > 0.02
    mixed = torch.randn(8, 6, 16)
    values = layer.to_values(mixed)
    torch.testing.assert_close(values[:, order], values, atol=2e-3, rtol=0)
    assert values.std() > 0.02

    with torch.no_grad():  # as training may do
        layer.z_in.normal_()
    assert (layer.to_tokens(x[:, order]) - layer.to_tokens(x)).abs().max() > 0.02


def test_a_new_field_is_equivariant():
    torch.manual_seed(0)
    field = DiffusionTransformer(
        20, Param2Tok(20, 6, 16), 4, 16, 2, 2, 16, 8, 6, data_variance=0.25
    )
    with torch.no_grad():
        for block in field.blocks:
            block.modulation[-1].weight.normal_(std=0.5)
    x, t, sound, order = torch.randn(8, 20), torch.rand(8), torch.randn(8, 2, 4), torch.randperm(20)
    v = field(x, t, sound)
    torch.testing.assert_close(field(x[:, order], t, sound), v[:, order], atol=5e-3, rtol=0)
    assert (v[:, order] - v).abs().max() > 0.5


def test_the_penalty_is_the_mean_absolute_assignment():
    layer = Param2Tok(3, 2, 4)
    with torch.no_grad():
        layer.assignment.copy_(torch.tensor([[1.0, -2.0, 0.0], [0.0, 3.0, -6.0]]))
    assert layer.penalty() == 2.0
    layer.penalty().backward()
    expected = torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]) / 6
    torch.testing.assert_close(layer.assignment.grad, expected)


@pytest.mark.parametrize(
    ("patch", "stride", "patches"),
    [((16, 16), (10, 10), 520), ((128, 8), (128, 8), 51), ((30, 500), (13, 9), 9)],
)
def test_patches_cover_the_spectrogram(patch, stride, patches):
    """The first case is the paper's: 13 x 40 patches."""
    torch.manual_seed(0)
    encoder = SpectrogramTransformer((1, 128, 401), 3, 5, patch, stride, 8, 2, 1, 8)
    assert len(encoder.positions) == patches
    spectrogram = torch.randint(0, 100, (2, 1, 128, 401), dtype=torch.uint8)
    out = encoder(spectrogram)
    assert out.shape == (2, 3, 5)
    spectrogram[1, 0, 127, 400] = 255
    moved = encoder(spectrogram)
    torch.testing.assert_close(moved[0], out[0])
    assert (moved[1] - out[1]).abs().max() > 1e-5


def test_a_spectrogram_is_silent_past_its_end():
    """Padding a spectrogram with -80 dB changes nothing."""
    torch.manual_seed(0)
    short = SpectrogramTransformer((1, 20, 30), 2, 4, (8, 8), (8, 8), 8, 2, 2, 8)
    whole = SpectrogramTransformer((1, 24, 32), 2, 4, (8, 8), (8, 8), 8, 2, 2, 8)
    whole.load_state_dict(short.state_dict())
    spectrogram = torch.randint(0, 256, (3, 1, 20, 30), dtype=torch.uint8)
    padded = torch.zeros((3, 1, 24, 32), dtype=torch.uint8)
    padded[:, :, :20, :30] = spectrogram
    torch.testing.assert_close(short(spectrogram), whole(padded))


def test_a_spectrogram_encoder_standardises_each_cell():
    """Cells that never change become 0; the part past the end stays at -80 dB."""
    torch.manual_seed(0)
    encoder = SpectrogramTransformer((1, 20, 30), 2, 4, (8, 8), (8, 8), 8, 2, 2, 8)
    spectrograms = torch.randint(0, 256, (500, 1, 20, 30), dtype=torch.uint8)
    spectrograms[:, :, 3] = 17
    cells = spectrograms.float()
    encoder.standardise(cells.mean(dim=0), cells.std(dim=0, correction=0))
    inputs = []
    encoder.embed.register_forward_pre_hook(lambda module, arguments: inputs.append(arguments[0]))
    encoder(spectrograms)
    # Patches of 8 x 8 in 3 rows and 4 columns, put back together.
    whole = inputs[0].unflatten(2, (8, 8)).unflatten(1, (3, 4)).transpose(2, 3)
    whole = whole.reshape(500, 24, 32)
    torch.testing.assert_close(whole[:, :20, :30].mean(dim=0), torch.zeros(20, 30))
    expected = torch.ones(20, 30)
    expected[3] = 0.0
    torch.testing.assert_close(whole[:, :20, :30].std(dim=0, correction=0), expected)
    assert (whole[:, 20:] == -1).all() and (whole[:, :, 30:] == -1).all()


def test_a_note_encoder_whitens_the_sounds_of_its_fit():
    """All inputs have mean 0 and variance at most 1, the strongest directions variance 1."""
    torch.manual_seed(0)
    mixed = torch.randn(4000, 12) @ torch.randn(12, SPECTROGRAM_VALUES) * 6 + 100
    note = torch.rand(4000, NOTE_VALUES) * 255
    observed = torch.cat([mixed, note], dim=1).clamp(0, 255).to(torch.uint8)
    sizes = {"directions": 20, "width": 8, "layers": 2, "feed_forward": 16}
    encoder = NoteEncoder(SPECTROGRAM_VALUES + NOTE_VALUES, NOTE_VALUES, 3, 5, **sizes)
    encoder.fit(observed)
    inputs = []
    encoder.embed.register_forward_pre_hook(lambda module, arguments: inputs.append(arguments[0]))
    assert encoder(observed).shape == (4000, 3, 5)
    u = inputs[0]
    torch.testing.assert_close(u.mean(0), torch.zeros(20 + NOTE_VALUES), atol=1e-3, rtol=0)
    variances = u.var(0)
    torch.testing.assert_close(variances[:4], torch.ones(4), atol=0.05, rtol=0)
    torch.testing.assert_close(variances[20:], torch.ones(NOTE_VALUES), atol=0.05, rtol=0)
    assert (variances < 1.05).all() and variances[19] < 0.5  # the sounds have 12 directions
    correlated = torch.corrcoef(u.T) - torch.eye(20 + NOTE_VALUES)
    assert correlated[:20, :20].abs().max() < 0.02


def test_the_field_depends_on_the_time_and_on_each_layers_vector():
    model = small_flow()
    x, t, sound = torch.randn(4, 7), torch.rand(4), torch.randn(4, 2, 8)
    v = model(x, t, sound)
    assert (model(x, 1 - t, sound) - v).abs().max() > 1e-3
    for layer in range(2):
        other = sound.clone()
        other[:, layer] += 1.0
        assert (model(x, t, other) - v).abs().max() > 1e-3


def test_the_velocity_to_a_normal_is_the_least_squares_regression():
    """E[x1 - x0 | x_t] is linear in x_t; its two coefficients are those of least squares."""
    torch.manual_seed(0)
    x0, x1, t = torch.randn(200_000), 0.7 + 0.3 * torch.randn(200_000), 0.6
    x = (1 - t) * x0 + t * x1
    design = torch.stack([torch.ones_like(x), x], dim=1)
    coefficients = torch.linalg.lstsq(design, (x1 - x0)[:, None]).solution.flatten()
    mean, variance = torch.full((1, 2), 0.7), torch.full((1, 2), 0.09)
    v = normal_velocity(torch.tensor([[0.0, 1.0]]), torch.tensor([[t]]), mean, variance)[0]
    torch.testing.assert_close(torch.stack([v[0], v[1] - v[0]]), coefficients, atol=0.02, rtol=0)


def test_a_new_field_is_the_regression_on_white_data():
    """At first g is E[x1 - x0 | x_t] for independent coordinates of the given variance."""
    torch.manual_seed(0)
    x0, x1, t = torch.randn(200_000), 0.5 * torch.randn(200_000), 0.7
    x = (1 - t) * x0 + t * x1
    slope = float(((x1 - x0) * x).mean() / x.square().mean())
    field = DiffusionTransformer(1, Param2Tok(1, 6, 16), 4, 16, 2, 2, 16, 8, 6, data_variance=0.25)
    with torch.no_grad():
        field.tokens.z_out.zero_()
        v = field(torch.ones(1, 1), torch.tensor([t]), torch.zeros(1, 2, 4))
    assert float(v) == pytest.approx(slope, abs=0.02)


def test_heads_that_do_not_divide_the_width_are_refused():
    wrong = {**SMALL, "field": {**SMALL["field"], "heads": 3}}
    with pytest.raises(ValueError, match="3 heads do not divide a width of 8"):
        FlowArchitecture.model_validate(wrong)


def test_strides_that_skip_cells_are_refused():
    wrong = {**SMALL, "encoder": {**SMALL["encoder"], "stride": (128, 65)}}
    with pytest.raises(ValueError, match=r"\(128, 65\) skips cells between patches of \(128, 64\)"):
        FlowArchitecture.model_validate(wrong)


def test_a_modulated_block_with_gates_of_one_is_a_plain_block():
    torch.manual_seed(0)
    plain, modulated = Block(8, 2, 16), ModulatedBlock(8, 2, 16, 4, 6)
    modulated.attention.load_state_dict(plain.attention.state_dict())
    modulated.feed_forward.load_state_dict(plain.feed_forward.state_dict())
    x, condition = 3 * torch.randn(2, 5, 8), torch.randn(2, 4)
    torch.testing.assert_close(modulated(x, condition), x)
    with torch.no_grad():
        scale, shift, gate = 0, 1, 2
        bias = modulated.modulation[-1].bias.view(2, 3, 8)
        bias[:, gate] = 1.0
        torch.testing.assert_close(modulated(x, condition), plain(x))
        bias[:, scale], bias[:, shift] = 0.5, -0.25
        for norm in (plain.norm1, plain.norm2):
            norm.weight.fill_(1.5)
            norm.bias.fill_(-0.25)
        torch.testing.assert_close(modulated(x, condition), plain(x))


def test_attention_is_a_softmax_per_head_and_a_block_can_update_its_first_tokens_only():
    torch.manual_seed(0)
    block, x = Block(8, 2, 16), torch.randn(2, 5, 8)
    torch.testing.assert_close(block(x, 3), block(x)[:, :3])
    layer = block.attention
    query, (key, value) = layer.query(x), layer.key_value(x).chunk(2, dim=-1)
    heads = [
        torch.softmax(query[..., h] @ key[..., h].mT / 2.0, dim=-1) @ value[..., h]
        for h in (slice(0, 4), slice(4, 8))
    ]
    torch.testing.assert_close(layer(x), layer.out(torch.cat(heads, dim=-1)))


@pytest.mark.parametrize(("values", "count"), [(92, 631_296), (300, 870_912)])
def test_param2tok_has_the_parameter_count_of_the_paper(values, count):
    """Surge XT, Simple and Full: 128 tokens of 512."""
    with torch.device("meta"):
        layer = Param2Tok(values, 128, 512)
    assert sum(p.numel() for p in layer.parameters()) == count
