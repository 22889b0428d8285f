import math

import numpy as np
import pytest
import torch

from unsynth.synths.kosc import KOsc, Ranges


def patches(synth: KOsc, items: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.uniform(-1.0, 1.0, (items, synth.values)))


def exchanged(synth: KOsc, x: torch.Tensor, first: int = 0, second: int = 1) -> torch.Tensor:
    order = list(range(synth.oscillators))
    order[first], order[second] = second, first
    return torch.cat([synth.vectors(synth.units(x)[:, order]), x[:, 3 * len(order) :]], dim=1)


def blep(t: float, dt: float) -> float:
    """The textbook form of PolyBLEP for a rising step of height 2 at phase 0."""
    if t < dt:
        t /= dt
        return t + t - t * t - 1.0
    if t > 1.0 - dt:
        t = (t - 1.0) / dt
        return t * t + t + t + 1.0
    return 0.0


def reference(synth: KOsc, x: np.ndarray) -> np.ndarray:
    """Render one sample of one oscillator at a time."""
    k, audio = synth.oscillators, np.zeros(synth.samples)
    for i in range(k):
        f, a, s = (float(np.clip(x[i + part * k], -1, 1)) for part in range(3))
        low, high = synth.lowest_hz, synth.highest_hz
        disjoint = synth.ranges is Ranges.DISJOINT or (synth.ranges is Ranges.CHOSEN and x[-1] > 0)
        if disjoint:
            low, high = low + (high - low) * i / k, low + (high - low) * (i + 1) / k
        dt = max(1e-9, (low + (high - low) * (f + 1) / 2) / synth.sample_rate)
        last = 0.0
        for n in range(synth.samples):
            p = (n * dt) % 1.0
            sine = -math.sin(2 * math.pi * p)
            square = (1.0 if p < 0.5 else -1.0) + blep(p, dt) - blep((p + 0.5) % 1.0, dt)
            saw = 2 * p - 1 - blep(p, dt)
            wave = -s * sine - (1 + s) * square if s < 0 else -(1 - s) * square + s * saw
            wave *= (a + 1) / 2
            if synth.dial is not None:
                cutoff = synth.cutoff_hz * 2 ** (synth.dial * (i - (k - 1) / 2))
                decay = math.exp(-2 * math.pi * cutoff / synth.sample_rate)
                last = wave = (1 - decay) * wave + decay * last
            audio[n] += wave / k
    return audio


SYNTHS = [
    KOsc(4),
    KOsc(3, Ranges.DISJOINT),
    KOsc(2, Ranges.CHOSEN),
    KOsc(3, dial=0.0),
    KOsc(4, dial=0.7),
    KOsc(2, lowest_hz=0.0, highest_hz=22050.0),
]


@pytest.mark.parametrize("synth", SYNTHS, ids=str)
def test_sounds_match_the_slow_reference(synth):
    x = 1.1 * patches(synth, 3)
    x[0, -1], x[1, -1] = -0.5, 0.5
    audio = synth.render(x)
    for sound, patch in zip(audio.numpy(), x.numpy(), strict=True):
        np.testing.assert_allclose(sound, reference(synth, patch), atol=1e-9)
    np.testing.assert_allclose(synth.render(x.float()), audio, atol=3e-3)


def test_ranges_end_where_declared_and_parts_adjoin():
    ends = torch.tensor([[-1.0] * 4 + [0.0] * 8, [1.0] * 4 + [0.0] * 8])
    torch.testing.assert_close(KOsc(4).frequencies(ends)[:, 2], torch.tensor([20.0, 4000.0]))
    parts = KOsc(4, Ranges.DISJOINT).frequencies(ends)
    torch.testing.assert_close(parts[1, :-1], parts[0, 1:])
    torch.testing.assert_close(parts[1] - parts[0], torch.full((4,), 995.0))


@pytest.mark.parametrize("shape", [0.0, 1.0])
def test_waveforms_alias_less_than_naive_ones(shape):
    """The sound has a whole number of periods, so power between harmonics is aliasing."""
    synth = KOsc(1, samples=44100, lowest_hz=1001.0, highest_hz=3001.0)
    x = torch.tensor([[0.0, 1.0, shape]]).double()
    phase = torch.arange(44100).double() * 2001 / 44100 % 1.0
    naive = torch.where(phase < 0.5, -1.0, 1.0) if shape == 0 else 2 * phase - 1

    def aliased(audio: torch.Tensor) -> float:
        power = torch.fft.rfft(audio.double()).abs().square()
        off = torch.arange(len(power)) % 2001 != 0
        return float(power[off].sum() / power.sum())

    assert aliased(synth.render(x)[0]) < aliased(naive) / 8


@pytest.mark.parametrize("synth", SYNTHS, ids=str)
def test_every_value_but_the_range_selector_has_a_gradient(synth):
    x = (0.8 * patches(synth, 5)).requires_grad_()
    synth.render(x).square().sum().backward()
    assert x.grad.isfinite().all()
    gradients = x.grad[:, : 3 * synth.oscillators]
    assert (gradients.abs() > 1e-9).all()


def test_gradients_match_finite_differences():
    synth = KOsc(2, samples=64)
    x = patches(synth, 2).requires_grad_()
    # The step is too small to meet a jump of the square wave's derivative.
    assert torch.autograd.gradcheck(synth.render, (x,), eps=1e-8, atol=1e-4)


def test_silence_and_zero_frequency_are_finite():
    synth = KOsc(2, lowest_hz=0.0, highest_hz=22050.0)
    x = torch.full((1, 6), -1.0, requires_grad=True)
    audio = synth.render(x)
    audio.sum().backward()
    assert (audio == 0).all() and x.grad.isfinite().all()


def test_ranges_and_dial_set_the_effect_of_exchanging_oscillators():
    def change(synth: KOsc, x: torch.Tensor) -> float:
        return float((synth.render(exchanged(synth, x)) - synth.render(x)).abs().max())

    x = patches(KOsc(4), 8)
    assert change(KOsc(4), x) < 1e-12
    assert change(KOsc(4, Ranges.DISJOINT), x) > 0.05
    chosen = KOsc(4, Ranges.CHOSEN)
    assert change(chosen, torch.cat([x, torch.full((8, 1), -0.1)], dim=1)) < 1e-12
    assert change(chosen, torch.cat([x, torch.full((8, 1), 0.1)], dim=1)) > 0.05
    by_dial = [change(KOsc(4, dial=dial), x) for dial in (0.0, 0.1, 0.3, 1.0)]
    assert by_dial[0] < 1e-12
    assert 0.005 < by_dial[1] < by_dial[2] < by_dial[3]


@pytest.mark.parametrize("ranges", Ranges)
@pytest.mark.parametrize("dial", [None, 0.0, 0.7])
def test_exchangeable_oscillators_are_those_whose_exchange_keeps_the_sound(ranges, dial):
    synth = KOsc(3, ranges, dial)
    x = 2.0 * torch.rand((32, synth.values), generator=torch.Generator().manual_seed(0)) - 1.0
    x = x.double()
    changes = (synth.render(exchanged(synth, x)) - synth.render(x)).abs().amax(dim=1)
    torch.testing.assert_close(synth.are_exchangeable(x), changes < 1e-9)


@pytest.mark.parametrize("synth", SYNTHS, ids=str)
def test_an_item_sounds_the_same_whatever_the_batch(synth):
    x = patches(synth, 7).float()
    together = synth.render(x)
    alone = torch.cat([synth.render(item[None]) for item in x])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
