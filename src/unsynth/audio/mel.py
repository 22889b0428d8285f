"""Log-mel spectrograms in torch, batched; the only ones in the package.

Each frequency bin's power ``|STFT|^2`` is summed into triangles on Slaney's mel scale, then

    dB = 10 log10(max(mel, peak * 10^-8) / peak),

so the loudest cell of a sound is 0 and the quietest -80: the sound's level is not observed.
Conventions (centred frames, zero padding, Slaney's area normalisation) are librosa 0.11's. The
settings of :data:`LOG_MEL` are the paper's (section 4.2), with its Hamming window.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.sparse import csr_array
from torch.nn import functional

from unsynth.conventions import SAMPLE_RATE

#: dB below a sound's peak at which a log-mel spectrogram ends.
DYNAMIC_RANGE = 80.0


@dataclass(frozen=True)
class MelSettings:
    """A log-mel spectrogram: bands, window and hop in samples (as long as the FFT), window name."""

    bands: int
    window: int
    hop: int
    shape: str = "hann"
    sample_rate: int = SAMPLE_RATE


#: What models see and the index compares: 25 ms Hamming window, 10 ms hop, 128 bands.
LOG_MEL = MelSettings(bands=128, window=1102, hop=441, shape="hamming")


def log_mel(
    audio: Float[torch.Tensor, "*items channels samples"], settings: MelSettings = LOG_MEL
) -> Float[torch.Tensor, "*items channels bands frames"]:
    """Turn audio into dB below the peak over all channels, in [-80, 0].

    A silent sound is -80 everywhere. There are ``samples // hop + 1`` frames (401 for 4 s).
    """
    mel = mel_power(audio, settings)
    peak = mel.amax(dim=(-3, -2, -1), keepdim=True)
    floor = 10.0 ** (-DYNAMIC_RANGE / 10.0)
    relative = torch.where(peak > 0, mel / peak.clamp_min(1e-30), torch.zeros_like(mel))
    return 10.0 * relative.clamp_min(floor).log10()


def mel_power(
    audio: Float[torch.Tensor, "*items channels samples"], settings: MelSettings = LOG_MEL
) -> Float[torch.Tensor, "*items channels bands frames"]:
    """Turn audio into mel power, linear."""
    samples = audio.shape[-1]
    flat = audio.reshape(-1, samples)
    if audio.device.type == "cpu" and audio.dtype == torch.float32 and _rough(settings.window):
        mel = torch.stack([_mel_power_by_matrices(one, settings) for one in flat])
    else:
        mel = _mel_power_by_fft(flat, settings)
    return mel.reshape(*audio.shape[:-1], *mel.shape[-2:])


def _mel_power_by_fft(
    audio: Float[torch.Tensor, "items samples"], settings: MelSettings
) -> Float[torch.Tensor, "items bands frames"]:
    window, basis = _tables(settings, audio.device)
    spectrum = torch.stft(
        audio,
        n_fft=settings.window,
        hop_length=settings.hop,
        window=window.to(audio.dtype),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return basis.to(audio.dtype) @ (spectrum.real.square() + spectrum.imag.square())


def _mel_power_by_matrices(
    audio: Float[torch.Tensor, " samples"], settings: MelSettings
) -> Float[torch.Tensor, "bands frames"]:
    """Do the same for one sound by Cooley and Tukey's step, once, with dense matrices.

    With N = P Q, n = Q a + b and k = c + P d,

        X[k] = sum_b e^(-2 pi i b k / N) sum_a e^(-2 pi i a c / P) x[Q a + b].

    For windows with large prime factors, as the paper's 1,102 = 2 * 19 * 29, that is faster on a
    CPU than an FFT. As x is real, c up to P / 2 is enough.
    """
    (window, first, of_real, of_imaginary), basis = _matrices(settings)
    length, outer, inner = settings.window, *window.shape[::2]
    padded = functional.pad(audio, (length // 2, length // 2))
    frames = (len(padded) - length) // settings.hop + 1
    windowed = torch.empty(outer, frames, inner)
    cut = padded.as_strided((outer, frames, inner), (inner, settings.hop, 1))
    torch.mul(cut, window, out=windowed)
    half = (first @ windowed.view(outer, -1)).view(2, -1, frames, inner)
    spectrum = torch.baddbmm(torch.bmm(half[0], of_real), half[1], of_imaginary).square_()
    power = spectrum[..., :inner] + spectrum[..., inner:]
    # A bin lies in two triangles at most.
    return torch.from_numpy(basis @ power.mT.reshape(-1, frames).numpy())


def _rough(length: int) -> bool:
    """Say whether a length has a prime factor above 13."""
    for prime in (2, 3, 5, 7, 11, 13):
        while length % prime == 0:
            length //= prime
    return length > 1


@lru_cache(maxsize=4)
def _matrices(settings: MelSettings) -> tuple[tuple[torch.Tensor, ...], csr_array]:
    """Make the window (P 1 Q), both steps' transforms, and the mel triangles on their bins."""
    window, basis = _tables(settings, torch.device("cpu"))
    length = settings.window
    inner = max(q for q in range(1, math.isqrt(length) + 1) if length % q == 0)
    outer = length // inner
    a, b = (torch.arange(n, dtype=torch.float64) for n in (outer, inner))
    c = torch.arange(outer // 2 + 1, dtype=torch.float64)
    turns = 2.0 * math.pi * c[:, None] * a / outer
    first = torch.cat([turns.cos(), -turns.sin()])
    bins = c[:, None] + outer * b
    turns = 2.0 * math.pi * b[None, :, None] * bins[:, None, :] / length
    of_real = torch.cat([turns.cos(), -turns.sin()], dim=2)
    of_imaginary = torch.cat([turns.sin(), turns.cos()], dim=2)
    # Of a real sound bin k and bin N - k have one power; some occur twice.
    of_bin = torch.minimum(bins, length - bins).long().flatten()
    shared = basis[:, of_bin] / torch.bincount(of_bin)[of_bin]
    transforms = (
        window.float().view(outer, 1, inner),
        first.float(),
        of_real.float(),
        of_imaginary.float(),
    )
    return transforms, csr_array(shared.numpy())


@lru_cache(maxsize=16)
def _tables(settings: MelSettings, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    make = {"hann": torch.hann_window, "hamming": torch.hamming_window}[settings.shape]
    window = make(settings.window, periodic=True, dtype=torch.float64)
    basis = mel_basis(settings.sample_rate, settings.window, settings.bands)
    return window.to(device), torch.from_numpy(basis).to(device)


def mel_basis(sample_rate: int, window: int, bands: int) -> Float32[np.ndarray, "bands bins"]:
    """Weights of the mel triangles, from 0 Hz to half the sample rate.

    M. Slaney, "Auditory Toolbox", 1998: linear below 1 kHz, logarithmic above, each triangle
    of area 1.
    """
    bins = np.fft.rfftfreq(window, 1.0 / sample_rate)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(sample_rate / 2.0), bands + 2))
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges[2:] - edges[:-2])
    return (triangles * area[:, None]).astype(np.float32)


_HZ_PER_MEL = 200.0 / 3.0
_LOG_FROM_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _HZ_PER_MEL
    return _LOG_FROM_HZ / _HZ_PER_MEL + math.log(hz / _LOG_FROM_HZ) / _LOG_STEP


def _mel_to_hz(mel: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    knee = _LOG_FROM_HZ / _HZ_PER_MEL
    above = _LOG_FROM_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee))
    return np.where(mel < knee, mel * _HZ_PER_MEL, above)
