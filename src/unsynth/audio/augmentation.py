"""Observed sounds as other rooms and machines would have left them.

A model that is trained on what an engine renders has never seen noise, another equaliser or a
room. Each chosen item of a batch is disturbed in its observed levels L, in dB below the peak:

- an equaliser adds a curve over the bands, the sum of three slow cosines of 3 dB each;
- noise, of one level between -80 and -30 dB and a slope over the bands, adds its power;
- a room (spectrograms only) lets power decay by 60 dB in T seconds: ``P[k] + g a P[k - 1] + ...``
  with ``a`` the decay of a frame;

then the peak is 0 dB again, and what is below -80 dB is cut. Gain is no disturbance, as levels are
relative to the peak, and neither is a shift in time: the prior draws onsets.
"""

import math

import torch
from jaxtyping import Float, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.observation import SPECTROGRAM_VALUES, TRACK_VALUES, Observation
from unsynth.audio.semitones import BANDS, SEGMENTS
from unsynth.audio.windows import FRAMES, TRACKS

_EQUALISER_DB, _WAVES = 3.0, 3
_NOISE_DB, _SLOPE_DB = (-80.0, -30.0), 12.0
#: Seconds in which a room decays by 60 dB, its reverberation beside the sound, and frames a second.
_DECAY, _REVERBERATION, _FRAMES = (0.2, 2.0), (0.003, 0.1), 100.0

#: How many random numbers an item's disturbance takes.
RANDOM_VALUES = 2 * _WAVES + 5


def augment(
    observed: UInt8[torch.Tensor, "items ..."],
    numbers: Float[torch.Tensor, "items numbers"],
    share: float,
) -> UInt8[torch.Tensor, "items ..."]:
    """Disturb a share of the items, each in its own way; the others stay as they are.

    ``numbers`` are :data:`RANDOM_VALUES` for each item, uniform in [0, 1), and say how. Notes
    keep what was heard of them, and windows where in its half octave the sound lies.
    """
    chosen, how = numbers.split([1, RANDOM_VALUES - 1], dim=1)
    if observed.ndim == 2:
        seen, rest = observed.tensor_split([SPECTROGRAM_VALUES], dim=1)
        parts = [_disturbed(seen.unflatten(1, (1, BANDS, SEGMENTS)), how, room=False)]
        if len(rest[0]) > Observation.NOTE.note_values:
            levels, rest = rest.tensor_split([TRACK_VALUES], dim=1)
            parts.append(_disturbed(levels.unflatten(1, (1, TRACKS, FRAMES)), how, room=False))
        disturbed = torch.cat([*(part.flatten(1) for part in parts), rest], dim=1)
    else:
        disturbed = _disturbed(observed, how, room=True)
    return torch.where((chosen < share).view(-1, *[1] * (observed.ndim - 1)), disturbed, observed)


def _disturbed(
    observed: UInt8[torch.Tensor, "items channels bands frames"],
    numbers: Float[torch.Tensor, "items numbers"],
    room: bool,
) -> UInt8[torch.Tensor, "items channels bands frames"]:
    shape, (phases, sizes, rest) = (-1, 1, 1, 1), numbers.split([_WAVES, _WAVES, 4], dim=1)
    bands = observed.shape[2]
    place = torch.linspace(0.0, 1.0, bands, device=observed.device)
    turns = torch.arange(1, _WAVES + 1, device=observed.device) / 2.0
    angles = 2.0 * math.pi * (place[:, None] * turns + phases[:, None])
    equaliser = (_EQUALISER_DB * (2.0 * sizes[:, None] - 1.0) * angles.cos()).sum(dim=2)
    low, high = _NOISE_DB
    noise = (low + (high - low) * rest[:, 0]).view(-1, 1) + _SLOPE_DB * (
        2.0 * rest[:, 1:2] - 1.0
    ) * (place - 0.5)

    levels = (observed.float() / 255.0 - 1.0) * DYNAMIC_RANGE
    # What the byte 0 stands for is silence, not -80 dB.
    power = torch.where(observed > 0, 10.0 ** (levels / 10.0), 0.0)
    if room:
        shortest, longest = _DECAY
        seconds = shortest * (longest / shortest) ** rest[:, 2]
        least, most = _REVERBERATION
        gain = least * (most / least) ** rest[:, 3]
        power = power + gain.view(shape) * _decayed(power, 10.0 ** (-6.0 / (_FRAMES * seconds)))
    power = power * 10.0 ** (equaliser / 10.0)[:, None, :, None]
    peak = power.amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    power = power / peak + 10.0 ** (noise / 10.0)[:, None, :, None]
    power = power / power.amax(dim=(1, 2, 3), keepdim=True)
    decibels = 10.0 * power.clamp_min(1e-12).log10()
    return (255.0 * (1.0 + decibels / DYNAMIC_RANGE)).round().clamp(0, 255).to(torch.uint8)


def _decayed(
    power: Float[torch.Tensor, "items channels bands frames"], decay: Float[torch.Tensor, " items"]
) -> Float[torch.Tensor, "items channels bands frames"]:
    """Sum what is left in each frame of all frames before it: ``y[k] = a (P[k - 1] + y[k - 1])``.

    In steps of 1, 2, 4, ... frames, as products of ``1 + a^n z^-n`` are a geometric series.
    """
    total, step, factor = power, 1, decay.view(-1, 1, 1, 1)
    while step < power.shape[3]:
        moved = torch.nn.functional.pad(total[..., :-step], (step, 0))
        total = total + factor * moved
        step, factor = 2 * step, factor.square()
    return total - power
