import pytest
import torch
from torch.nn import functional

from unsynth.models.convolutions import Convolution, ConvolutionStage, ShortConvolution


@pytest.mark.parametrize("length", [1, 2, 5, 6, 19, 57])
@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_a_short_convolution_equals_a_plain_one(length, kernel):
    torch.manual_seed(0)
    layer = ShortConvolution(5, 4, kernel)
    x = torch.randn(length, 3, 5, requires_grad=True)
    y = layer(x).permute(1, 2, 0)
    expected = functional.conv1d(x.permute(1, 2, 0), layer.weight, padding=kernel // 2)
    torch.testing.assert_close(y, expected, atol=2e-6, rtol=2e-5)
    weights = torch.randn_like(y)
    gradients = (
        torch.autograd.grad((result * weights).sum(), [x, layer.weight]) for result in (y, expected)
    )
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize(("kernel", "stride"), [(7, 1), (6, 3), (6, 2)])
def test_convolutions_with_channels_last_equal_those_of_torch(kernel, stride):
    layer = Convolution(5, 4, kernel, stride)
    x = torch.randn(3, 30, 5)
    padding = (kernel - stride + 1) // 2
    expected = functional.conv1d(x.mT, layer.weight, stride=stride, padding=padding)
    y = layer(x)
    assert y.shape == (3, 30 // stride, 4)
    torch.testing.assert_close(y, expected.mT[:, : 30 // stride], atol=1e-6, rtol=1e-5)


def test_a_stage_gives_the_same_with_either_kind_of_convolution():
    """Lengths of 64 and 65 use different kinds; in training and in evaluation mode."""
    torch.manual_seed(0)
    short, long = (ConvolutionStage(3, 4, length, 2) for length in (64, 65))
    long.load_state_dict(short.state_dict())
    x = torch.randn(5, 195, 3)
    torch.testing.assert_close(short(x), long(x), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(short.eval()(x), long.eval()(x), atol=1e-5, rtol=1e-4)


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match="odd"):
        ShortConvolution(2, 2, 6)
