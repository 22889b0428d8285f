"""The same windows as :mod:`unsynth.sketches.vital.playback`, in torch, for other devices."""

import torch
from jaxtyping import Float

from unsynth.conventions import SAMPLE_RATE
from unsynth.sketches.vital.sources import Sources
from unsynth.sketches.vital.waves import CYCLE, frame_spectra, noise


def play_with_torch(
    sources: Sources, lead: int, samples: int
) -> Float[torch.Tensor, "items windows samples"]:
    """Play windows of ``samples`` samples, after a lead-in of ``lead``."""
    length, device = lead + samples, sources.first.device
    offsets = torch.arange(length, device=device)
    places = sources.first[..., None] + offsets
    sound = _play_waves(sources, offsets)
    sample = torch.from_numpy(noise()).to(device)
    sound = sound + sources.noise[:, None, None] * sample[places.remainder(len(sample))]
    sound = sound * (places >= 0)
    wet = torch.fft.irfft(_filter(sources, sound), length)
    # The weight of each knot at each sample.
    knots = sources.knots.shape[-1]
    at = torch.linspace(0.0, knots - 1.0, length, device=device)
    weights = (1.0 - (at - torch.arange(knots, device=device)[:, None]).abs()).clamp_min(0.0)
    return ((sources.dry[:, None, None] * sound + wet) * (sources.knots @ weights))[..., lead:]


def _play_waves(
    sources: Sources, offsets: torch.Tensor
) -> Float[torch.Tensor, "items windows samples"]:
    """Play the oscillators; see :mod:`unsynth.sketches.vital.kernel`."""
    level, frame, limit, centre, detuned, bend = sources.oscillators[..., None].unbind(-2)
    start, increment, beat, audible = sources.phases.float()[..., None].unbind(-2)
    table = torch.from_numpy(frame_spectra()).to(level.device)
    harmonics = torch.arange(table.shape[1], dtype=torch.float32, device=level.device)
    below = frame.detach().floor().clamp_max(len(table) - 2.0)
    low, high = (table[below[..., 0].long() + more] for more in (0, 1))
    gains = (limit - harmonics).clamp(0.0, 1.0) * (harmonics < audible)
    gains = gains * (centre + detuned * torch.cos(beat * harmonics))
    waves = torch.fft.irfft((low + (frame - below) * (high - low)) * gains, CYCLE, norm="forward")
    x = start + increment * offsets
    x = x - x.floor()
    rest, shift = 1.0 - x, 2.0 * (bend - bend.square())
    first, second = 3.0 * bend - shift, 3.0 * bend + shift
    at = x * ((first * rest + second * x) * rest + x.square()) + 0.5
    at = (at - at.floor()) * CYCLE
    index = at.detach().long().clamp_max(CYCLE - 1)
    values, following = waves.gather(-1, index), waves.gather(-1, (index + 1).remainder(CYCLE))
    return (level * (values + (at - index) * (following - values))).sum(dim=1)


def _filter(sources: Sources, sound: Float[torch.Tensor, "items windows samples"]) -> torch.Tensor:
    """Return the spectrum of the sum of both filters' outputs."""
    gain, cutoff, damping, low, band, high, scale = sources.filters[..., None].unbind(-2)
    length = sound.shape[-1]
    frequencies = torch.fft.rfftfreq(length, 1.0 / SAMPLE_RATE, device=sound.device)
    s = frequencies / cutoff
    response = torch.complex(low - high * s.square(), band * s)
    response = response / torch.complex(1.0 - s.square(), damping * s) * scale
    return (torch.fft.rfft(torch.tanh(gain * sound[:, None])) * response).sum(dim=1)
