"""The outline of a sound on the page; reading one is in :mod:`unsynth.app.sounds`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Waveform:
    """The outline of a sound.

    ``seconds`` is its length, ``peaks`` the largest sample in each of equal parts, and ``start``
    the second at which the stretch that unsynth would match begins.
    """

    seconds: float
    peaks: tuple[float, ...]
    start: float
