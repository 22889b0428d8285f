"""Data augmentation: observed sounds with an equaliser, noise and a room added.

A model that is trained on an engine's renders never meets recordings. Each chosen item of a batch
is therefore changed in its observed levels, in dB below the peak:

- A room (spectrograms only) lets the power P decay by 60 dB in T seconds: frame k becomes
  ``P[k] + g (a P[k - 1] + a^2 P[k - 2] + ...)``, with ``a`` the decay per frame.
- An equaliser adds a curve over the bands, the sum of three slow cosines of at most 3 dB each.
- Noise adds its power. Its level is between -80 and -30 dB, with a slope over the bands.

The result is again relative to its peak and ends at -80 dB. Gain needs no augmentation, since
levels are relative to the peak; nor do shifts in time, since the prior draws onsets.
"""

import math

import torch
from jaxtyping import Float, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.observation import SPECTROGRAM_VALUES, TRACK_VALUES, Observation
from unsynth.audio.semitones import BANDS, SEGMENTS
from unsynth.audio.windows import FRAMES, TRACKS

#: Largest amplitude of each of the equaliser's cosines, in dB.
_EQUALISER_DB = 3.0
#: Number of cosines; the n-th has n / 2 cycles over the bands.
_WAVES = 3
#: Lowest and highest level of the noise, in dB.
_NOISE_DB = (-80.0, -30.0)
#: Largest difference of the noise's level between the lowest and the highest band, in dB.
_SLOPE_DB = 12.0
#: Shortest and longest time in which a room decays by 60 dB, in seconds.
_DECAY = (0.2, 2.0)
#: Least and most power g of the reverberation, relative to the sound.
_REVERBERATION = (0.003, 0.1)
#: Frames per second of a spectrogram (:data:`~unsynth.audio.mel.LOG_MEL`).
_FRAMES = 100.0

#: Random numbers per item that :func:`augment` takes.
RANDOM_VALUES = 2 * _WAVES + 5


def augment(
    observed: UInt8[torch.Tensor, "items ..."],
    numbers: Float[torch.Tensor, "items numbers"],
    share: float,
) -> UInt8[torch.Tensor, "items ..."]:
    """Augment a share of the items, each in its own way; the others stay as they are.

    ``numbers`` are :data:`RANDOM_VALUES` per item, uniform in [0, 1): the first chooses the item,
    the others are its settings. Only levels change. The values of the note at the end of an
    observation stay, and so do the places of the sound in the half octaves of windows.
    """
    choice, settings = numbers.split([1, RANDOM_VALUES - 1], dim=1)
    if observed.ndim == 2:
        spectrogram, rest = observed.tensor_split([SPECTROGRAM_VALUES], dim=1)
        parts = [
            _augment_levels(spectrogram.unflatten(1, (1, BANDS, SEGMENTS)), settings, room=False)
        ]
        if len(rest[0]) > Observation.NOTE.note_values:
            levels, rest = rest.tensor_split([TRACK_VALUES], dim=1)
            parts.append(
                _augment_levels(levels.unflatten(1, (1, TRACKS, FRAMES)), settings, room=False)
            )
        augmented = torch.cat([*(part.flatten(1) for part in parts), rest], dim=1)
    else:
        augmented = _augment_levels(observed, settings, room=True)
    return torch.where((choice < share).view(-1, *[1] * (observed.ndim - 1)), augmented, observed)


def _augment_levels(
    observed: UInt8[torch.Tensor, "items channels bands frames"],
    settings: Float[torch.Tensor, "items settings"],
    room: bool,
) -> UInt8[torch.Tensor, "items channels bands frames"]:
    shape, (phases, sizes, rest) = (-1, 1, 1, 1), settings.split([_WAVES, _WAVES, 4], dim=1)
    bands = observed.shape[2]
    place = torch.linspace(0.0, 1.0, bands, device=observed.device)
    cycles = torch.arange(1, _WAVES + 1, device=observed.device) / 2.0
    angles = 2.0 * math.pi * (place[:, None] * cycles + phases[:, None])
    equaliser = (_EQUALISER_DB * (2.0 * sizes[:, None] - 1.0) * angles.cos()).sum(dim=2)
    low, high = _NOISE_DB
    noise = (low + (high - low) * rest[:, 0]).view(-1, 1) + _SLOPE_DB * (
        2.0 * rest[:, 1:2] - 1.0
    ) * (place - 0.5)

    levels = (observed.float() / 255.0 - 1.0) * DYNAMIC_RANGE
    # A byte of 0 means silence, not -80 dB.
    power = torch.where(observed > 0, 10.0 ** (levels / 10.0), 0.0)
    if room:
        shortest, longest = _DECAY
        seconds = shortest * (longest / shortest) ** rest[:, 2]
        least, most = _REVERBERATION
        gain = least * (most / least) ** rest[:, 3]
        decay = 10.0 ** (-6.0 / (_FRAMES * seconds))
        power = power + gain.view(shape) * _reverberation(power, decay)
    power = power * 10.0 ** (equaliser / 10.0)[:, None, :, None]
    peak = power.amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    power = power / peak + 10.0 ** (noise / 10.0)[:, None, :, None]
    power = power / power.amax(dim=(1, 2, 3), keepdim=True)
    decibels = 10.0 * power.clamp_min(1e-12).log10()
    return (255.0 * (1.0 + decibels / DYNAMIC_RANGE)).round().clamp(0, 255).to(torch.uint8)


def _reverberation(
    power: Float[torch.Tensor, "items channels bands frames"], decay: Float[torch.Tensor, " items"]
) -> Float[torch.Tensor, "items channels bands frames"]:
    """Sum the decayed power of all earlier frames: ``y[k] = a (P[k - 1] + y[k - 1])``.

    The geometric series in a is a product of ``1 + a^n z^-n`` for n = 1, 2, 4, ..., so this takes
    as few steps as the number of frames has binary digits.
    """
    total, step, factor = power, 1, decay.view(-1, 1, 1, 1)
    while step < power.shape[3]:
        delayed = torch.nn.functional.pad(total[..., :-step], (step, 0))
        total = total + factor * delayed
        step, factor = 2 * step, factor.square()
    return total - power
