"""Sounds and their spectrograms as data URIs, so that a page needs no file beside it."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import torch
from jaxtyping import Float32, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE, LOG_MEL, log_mel, mel_basis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The peak every sound is scaled to for listening: level is not observed, so A/B has to be fair.
LISTENING_PEAK = 0.9
#: Colours in a spectrogram: 80 dB in steps of 1.25 dB keeps the images small.
_COLOURS = 64
_TICKS = (500, 1000, 2000, 5000, 10_000)


def flac_uri(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> str:
    """Encode audio, scaled to :data:`LISTENING_PEAK`, as 16-bit FLAC; silence stays silent."""
    peak = float(np.abs(audio).max(initial=0.0))
    scaled = audio * (LISTENING_PEAK / peak) if peak > 0 else audio
    buffer = io.BytesIO()
    soundfile.write(buffer, scaled.T, sample_rate, format="FLAC", subtype="PCM_16")
    return _data_uri("audio/flac", buffer.getvalue())


def spectrogram_uris(
    sounds: Sequence[Float32[np.ndarray, "channels samples"]], sample_rate: int
) -> list[str]:
    """Draw the log-mel spectrogram of each sound, its loudest channel, as a PNG.

    One pixel a frame and band; all share one colour scale, -80 to 0 dB below a sound's peak.
    """
    batch = torch.from_numpy(np.stack(sounds))
    loudest = log_mel(batch, LOG_MEL.at(sample_rate)).amax(dim=1).numpy()
    shades = np.rint((1.0 + loudest[:, ::-1] / DYNAMIC_RANGE) * (_COLOURS - 1)).astype(np.uint8)
    return [_data_uri("image/png", _png(image)) for image in shades]


def figure_uri(figure: "Figure") -> str:
    """Draw a figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return _data_uri("image/png", buffer.getvalue())


@dataclass(frozen=True)
class Axis:
    """What stands beside a spectrogram: label and height (per cent) of each frequency."""

    ticks: tuple[tuple[str, float], ...]
    highest: int


def frequency_axis(sample_rate: int) -> Axis:
    """Find where frequencies lie on the spectrogram's mel axis."""
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
    """Nine colours of the spectrogram's scale, -80 dB first, as CSS writes them."""
    chosen = _palette()[np.linspace(0, _COLOURS - 1, 9).round().astype(int)]
    return [f"rgb({r} {g} {b})" for r, g, b in chosen.tolist()]


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
