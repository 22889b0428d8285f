"""Audio distances of the paper (section 4.2.2).

MSS, the multi-scale spectral distance: the mean absolute difference, in dB, of log-mel
spectrograms at three resolutions, averaged over the three. Each spectrogram is relative to its
own sound's peak and ends 80 dB below it, so a sound's level does not count.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32

from unsynth.audio.mel import MelSettings, log_mel
from unsynth.conventions import SAMPLE_RATE

_MSS_SCALES = ((0.010, 0.005, 32), (0.025, 0.010, 64), (0.100, 0.050, 128))


def _scales(sample_rate: int) -> tuple[MelSettings, ...]:
    return tuple(
        MelSettings(bands, int(window * sample_rate), int(hop * sample_rate), "hann", sample_rate)
        for window, hop, bands in _MSS_SCALES
    )


class MultiScaleSpectral:
    """MSS of many estimates against one target, whose spectrograms are computed once."""

    def __init__(
        self,
        target: Float32[np.ndarray, "channels samples"],
        sample_rate: int = SAMPLE_RATE,
    ) -> None:
        self._scales = _scales(sample_rate)
        audio = torch.from_numpy(target)
        self._target = [log_mel(audio, scale) for scale in self._scales]

    @torch.inference_mode()
    def __call__(
        self, estimates: Float32[np.ndarray, "items channels samples"]
    ) -> Float[np.ndarray, " items"]:
        """Distance of each estimate, in dB, 0 for an identical sound up to its level."""
        audio = torch.from_numpy(estimates)
        distances = torch.zeros(len(estimates), dtype=torch.float64)
        for scale, target in zip(self._scales, self._target, strict=True):
            difference = (log_mel(audio, scale) - target).abs_()
            distances += difference.mean(dim=(-3, -2, -1)) / len(self._scales)
        return distances.numpy()


def mss(
    target: Float[np.ndarray, "channels samples"],
    estimate: Float[np.ndarray, "its_channels its_samples"],
    sample_rate: int = SAMPLE_RATE,
) -> float:
    """MSS of one pair, in dB; symmetric; a silent sound counts as 80 dB below everywhere.

    Raises :class:`ValueError` unless both have the same channels and length.
    """
    if target.shape != estimate.shape:
        raise ValueError(f"target {target.shape} and estimate {estimate.shape} differ in shape")
    pair = [np.ascontiguousarray(a, dtype=np.float32) for a in (target, estimate)]
    return float(MultiScaleSpectral(pair[0], sample_rate)(pair[1][None])[0])
