"""The same windows as :mod:`unsynth.sketches.vital.playback`, in torch, for other devices."""

import torch
from jaxtyping import Float

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
    wet = _filter(sources, sound)
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
    phases = sources.phases.float()[..., None]
    *starts, increment, ratio, audible = phases.unbind(-2)
    table = torch.from_numpy(frame_spectra()).to(level.device)
    harmonics = torch.arange(table.shape[1], dtype=torch.float32, device=level.device)
    below = frame.detach().floor().clamp_max(len(table) - 2.0)
    low, high = (table[below[..., 0].long() + more] for more in (0, 1))
    gains = (limit - harmonics).clamp(0.0, 1.0) * (harmonics < audible)
    waves = torch.fft.irfft((low + (frame - below) * (high - low)) * gains, CYCLE, norm="forward")
    levels = level * centre, level * detuned / 2, level * detuned / 2
    increments = increment, increment * ratio, increment / ratio
    sounds = [
        amplitude * _play_voice(waves, start + rise * offsets, bend)
        for amplitude, start, rise in zip(levels, starts, increments, strict=True)
    ]
    return torch.stack(sounds).sum(dim=(0, 2))


def _play_voice(waves: torch.Tensor, x: torch.Tensor, bend: torch.Tensor) -> torch.Tensor:
    """Read waves at phases in cycles, which are bent."""
    x = x - x.floor()
    rest, shift = 1.0 - x, 2.0 * (bend - bend.square())
    first, second = 3.0 * bend - shift, 3.0 * bend + shift
    at = x * ((first * rest + second * x) * rest + x.square()) + 0.5
    at = (at - at.floor()) * CYCLE
    index = at.detach().long().clamp_max(CYCLE - 1)
    values, following = waves.gather(-1, index), waves.gather(-1, (index + 1).remainder(CYCLE))
    return values + (at - index) * (following - values)


def _filter(
    sources: Sources, sound: Float[torch.Tensor, "items windows samples"]
) -> Float[torch.Tensor, "items windows samples"]:
    """Return the sum of both filters' outputs; see :mod:`unsynth.sketches.vital.kernel_filters`."""
    gain, step, intake, feedback, norm, from_u, from_a, from_b = sources.filters.unbind(-1)
    a = b = torch.zeros_like(gain)
    outputs = []
    for x in sound[:, None].unbind(-1):
        u = torch.tanh(norm * (gain * x + feedback * ((1.0 - intake) * a - b)))
        outputs.append((from_u * u + from_a * a + from_b * b).sum(dim=1))
        b = step * (intake * u + (1.0 - intake) * a) + (1.0 - step) * b
        a = step * u + (1.0 - step) * a
    return torch.stack(outputs, dim=-1)
