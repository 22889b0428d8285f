"""Sounds and pictures as data URIs, so a page is complete in one file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from jaxtyping import Float32, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE, LOG_MEL, log_mel, mel_basis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Peak to which every sound is scaled. The distance ignores level, so A/B listening must too.
LISTENING_PEAK = 0.9
#: Colours in a spectrogram: 80 dB in steps of 1.25 dB keeps the images small.
_COLOURS = 64
#: Labelled frequencies, in Hz.
_TICKS = (500, 1000, 2000, 5000, 10_000)


def flac_uri(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> str:
    """Encode audio as :func:`flac_bytes` does, as a data URI."""
    return _data_uri("audio/flac", flac_bytes(audio, sample_rate))


def flac_bytes(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> bytes:
    """Encode audio, scaled to :data:`LISTENING_PEAK`, as 16-bit FLAC; silence stays silent."""
    peak = float(np.abs(audio).max(initial=0.0))
    scaled = audio * (LISTENING_PEAK / peak) if peak > 0 else audio
    buffer = io.BytesIO()
    soundfile.write(buffer, scaled.T, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def spectrogram_uris(
    sounds: Sequence[Float32[np.ndarray, "channels samples"]], sample_rate: int
) -> list[str]:
    """Draw spectrograms as :func:`spectrogram_pngs` does, as data URIs."""
    return [_data_uri("image/png", png) for png in spectrogram_pngs(sounds, sample_rate)]


def spectrogram_pngs(
    sounds: Sequence[Float32[np.ndarray, "channels samples"]], sample_rate: int
) -> list[bytes]:
    """Draw the log-mel spectrogram of each sound as a PNG; per cell, the loudest channel counts.

    One pixel per frame and band. All share one colour scale: -80 to 0 dB relative to the sound's
    own peak.
    """
    settings = LOG_MEL.at(sample_rate)
    loudest = np.stack([log_mel(sound, settings).max(axis=0) for sound in sounds])
    shades = np.rint((1.0 + loudest[:, ::-1] / DYNAMIC_RANGE) * (_COLOURS - 1)).astype(np.uint8)
    return [_png(image) for image in shades]


def figure_uri(figure: "Figure") -> str:
    """Draw a figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return _data_uri("image/png", buffer.getvalue())


@dataclass(frozen=True)
class Axis:
    """The frequency axis of a spectrogram.

    ``ticks`` are labels and their heights in per cent; ``highest`` is the frequency at the top, in
    Hz.
    """

    ticks: tuple[tuple[str, float], ...]
    highest: int


def frequency_axis(sample_rate: int) -> Axis:
    """Place frequencies on the spectrogram's mel axis."""
    settings = LOG_MEL.at(sample_rate)
    centres = mel_basis(sample_rate, settings.window, settings.bands).argmax(axis=1)
    hz = centres * sample_rate / settings.window
    heights = 100 * (np.interp(_TICKS, hz, np.arange(settings.bands)) + 0.5) / settings.bands
    ticks = zip(_TICKS, heights.tolist(), strict=True)
    return Axis(
        tuple((_hertz(f), height) for f, height in ticks if f < 0.95 * sample_rate / 2),
        sample_rate // 2,
    )


def colour_stops() -> list[str]:
    """List nine colours of the spectrogram's scale as CSS values, -80 dB first."""
    colours = _palette()[np.linspace(0, _COLOURS - 1, 9).round().astype(int)]
    return [f"rgb({r} {g} {b})" for r, g, b in colours.tolist()]


def _hertz(frequency: int) -> str:
    return f"{frequency // 1000} kHz" if frequency >= 1000 else f"{frequency} Hz"


@cache
def _palette() -> UInt8[np.ndarray, "colours 3"]:
    from matplotlib import colormaps

    rgb = colormaps["magma"](np.linspace(0.0, 1.0, _COLOURS))[:, :3]
    return np.rint(255 * rgb).astype(np.uint8)


def _png(shades: UInt8[np.ndarray, "rows columns"]) -> bytes:
    from PIL import Image

    image = Image.fromarray(shades)
    image.putpalette(_palette().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
