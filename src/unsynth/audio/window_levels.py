"""Windows of notes (:mod:`unsynth.audio.windows`), cut and observed in torch, on any device."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.semitones import BANDS, BELOW, triangles
from unsynth.audio.windows import LATEST_ONSET, LONG, SHORT, TRACKS, WIDTH, KeyOn, window_starts


class NoteWindows(NamedTuple):
    """The long and the short windows of some sounds."""

    long: Float[torch.Tensor, "items segments samples"]
    short: Float[torch.Tensor, "items frames samples"]


def cut_windows(
    audio: Float32[np.ndarray, " samples"], sample_rate: int, onset: float
) -> NoteWindows:
    """Cut the windows out of a sound whose note starts at ``onset`` seconds.

    Past its end the sound is silent.
    """

    def windows(starts: Int[np.ndarray, " windows"], samples: int) -> torch.Tensor:
        first = starts + round(onset * sample_rate)
        padded = np.pad(audio, (0, max(0, int(first[-1]) + samples - len(audio))))
        rows = np.lib.stride_tricks.sliding_window_view(padded, samples)[first]
        return torch.from_numpy(rows)[None]

    long, short = window_starts(sample_rate)
    return NoteWindows(windows(long, LONG), windows(short, SHORT))


def windows_loudness(windows: NoteWindows, sample_rate: int) -> Float[torch.Tensor, " items"]:
    """Estimate the RMS of the loudest 50 ms, in dB of full scale; silence gives -200.

    A short window or half a long one stands for the 50 ms, so the estimate is low by the part of
    them that it does not cover.
    """
    parts = windows.long.unflatten(2, (2, -1)).flatten(1, 2), windows.short
    energy = torch.cat([part.square().sum(dim=2) for part in parts], dim=1).amax(dim=1)
    return 10.0 * (energy / (sample_rate // 20) + 1e-20).log10()


def observe_windows(
    windows: NoteWindows, sample_rate: int, keys: Sequence[KeyOn]
) -> UInt8[torch.Tensor, "items values"]:
    """Observe sounds of which only the windows exist, on the device that holds them."""
    notes = torch.tensor([[pitch, min(1.0, onset / LATEST_ONSET)] for pitch, onset in keys])
    notes = notes.to(windows.long)
    pitches = notes[:, 0].long()
    spectrogram = note_spectrogram(windows.long, sample_rate, pitches)
    levels, places = tracks(windows.short, sample_rate, pitches)
    decibels = torch.cat([spectrogram.flatten(1), levels.flatten(1)], 1)
    # As levels_to_bytes has them.
    levels_as_bytes = 255.0 * (1.0 + decibels / DYNAMIC_RANGE)
    rest = [255.0 * places.flatten(1), notes[:, :1], 255.0 * notes[:, 1:]]
    return torch.cat([levels_as_bytes, *rest], 1).round().to(torch.uint8)


def note_spectrogram(
    long: Float[torch.Tensor, "items segments samples"],
    sample_rate: int,
    pitches: Int[torch.Tensor, " items"],
) -> Float[torch.Tensor, "items bands segments"]:
    """Compute the level of each semitone in the long windows, in dB below the loudest.

    The bands are relative to the notes, as those of
    :func:`~unsynth.audio.semitones.relative_to_note`. Levels are at least -80 dB.
    """
    lowest, highest = int(pitches.min()), int(pitches.max())
    # Copied, since torch aligns its memory: where NumPy's lies, the last bits may depend on it.
    bank = torch.tensor(triangles(sample_rate, LONG, lowest - BELOW, highest - lowest + BANDS))
    levels = _powers(long) @ bank.to(long).T
    bands = (pitches - lowest)[:, None] + torch.arange(BANDS, device=long.device)
    return _decibels(levels.take_along_dim(bands[:, None], dim=2).transpose(1, 2))


def tracks(
    short: Float[torch.Tensor, "items frames samples"],
    sample_rate: int,
    pitches: Int[torch.Tensor, " items"],
) -> tuple[Float[torch.Tensor, "items tracks frames"], Float[torch.Tensor, "items tracks frames"]]:
    """Compute the level of each half octave in the short windows, and the sound's place in it.

    Levels are in dB below the loudest, at least -80. A place is the mean of log frequency, weighted
    by power: 0 at the lower end of the half octave, 1 at the upper end, 0.5 if the level is -80 dB.
    """
    hz = np.maximum(np.fft.rfftfreq(SHORT, 1.0 / sample_rate), 1e-3)
    semitones = torch.from_numpy(69.0 + 12.0 * np.log2(hz / 440.0) + BELOW).to(short)
    place = ((semitones - pitches[:, None]) / WIDTH + 0.5)[:, None]
    track = torch.arange(TRACKS, device=short.device)[:, None]
    members = (place.floor() == track).to(short)
    powers = _powers(short).transpose(1, 2)
    totals, places = members @ powers, (members * (place % 1.0)) @ powers
    levels = _decibels(totals)
    return levels, torch.where(levels > -DYNAMIC_RANGE, places / totals, 0.5)


def _powers(
    windows: Float[torch.Tensor, "items windows samples"],
) -> Float[torch.Tensor, "items windows bins"]:
    spectrum = torch.fft.rfft(windows * torch.hann_window(windows.shape[2]).to(windows))
    return spectrum.real.square() + spectrum.imag.square()


def _decibels(
    levels: Float[torch.Tensor, "items bands windows"],
) -> Float[torch.Tensor, "items bands windows"]:
    relative = levels / levels.amax(dim=(1, 2), keepdim=True).clamp_min(1e-30)
    return (10.0 * relative.clamp_min(1e-30).log10()).clamp_min(-DYNAMIC_RANGE)
