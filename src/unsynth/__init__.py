"""unsynth: give it a sound, get the synthesizer patch back.

    import unsynth
    match = unsynth.match(audio, sample_rate, task="dx7")

The method is that of B. Hayes, C. Saitis and G. Fazekas, "Audio synthesizer inversion in
symmetric parameter spaces with approximately equivariant flow matching", ISMIR 2025.
"""

import os
from typing import TYPE_CHECKING, Any

from unsynth.version import __version__

if TYPE_CHECKING:
    from unsynth.api import Distance, Match, match

# Threads of torch that wait for one another sleep. Spinning, the default, is hardly faster on an
# idle machine. On one that is busy, as with a DAW, it made a search's steps 20 times as slow.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["Distance", "Match", "__version__", "match"]


def __getattr__(name: str) -> Any:
    """Import what needs torch and engines only on first use."""
    if name not in ("Distance", "Match", "match"):
        raise AttributeError(f"module 'unsynth' has no attribute {name!r}")
    from unsynth import api

    return getattr(api, name)
