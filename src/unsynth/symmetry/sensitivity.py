"""Which parameters change the sound alike, by rendering.

Each parameter of a patch moves to a value of another draw, and the change of the sound's log-mel
spectrogram, without its sign, is the parameter's profile, averaged over draws. Two parameters with
the same values and a high cosine between their profiles may be exchangeable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float

from unsynth.metrics.fast import FastSpectral
from unsynth.rendering.renderer import RenderFailure
from unsynth.symmetry.candidates import alike
from unsynth.symmetry.subject import Subject
from unsynth.tasks.spec import Patch

#: The least cosine of a pair.
_LEAST_COSINE = 0.7


@dataclass(frozen=True)
class Profiles:
    """The mean change of each of ``positions``' spectrogram cells, in dB."""

    positions: Sequence[int]
    changes: Float[np.ndarray, "positions cells"]

    def pairs(self, subject: Subject, most: int) -> list[tuple[int, int]]:
        """List pairs of parameters that take the same values, those most alike first."""
        norms = np.linalg.norm(self.changes, axis=1)
        pairs = []
        for a, b in combinations(range(len(self.positions)), 2):
            one, other = self.positions[a], self.positions[b]
            if not alike(subject.spec.parameters[one], subject.spec.parameters[other]):
                continue
            if norms[a] > 0 and norms[b] > 0:
                cosine = float(self.changes[a] @ self.changes[b] / (norms[a] * norms[b]))
                if cosine >= _LEAST_COSINE:
                    pairs.append((cosine, one, other))
        pairs.sort(reverse=True)
        return [(one, other) for _, one, other in pairs[:most]]


def measure_profiles(
    subject: Subject, positions: Sequence[int], patches: Sequence[Patch]
) -> Iterator[int | Profiles]:
    """Render each patch, and it with each parameter moved to the next patch's value.

    Yields the number of finished patches, and the profiles last.
    """
    total: np.ndarray | None = None
    for number, patch in enumerate(patches):
        following = patches[(number + 1) % len(patches)]
        variants = [patch]
        for position in positions:
            variant = patch.copy()
            variant[position] = following[position]
            variants.append(variant)
        sounds = list(subject.render(variants))
        first = sounds[0]
        if not isinstance(first, RenderFailure):
            distance = FastSpectral(first, subject.sample_rate)
            changes = np.stack(
                [
                    np.zeros_like(distance.target_picture)
                    if isinstance(sound, RenderFailure)
                    else np.abs(distance.picture(sound) - distance.target_picture)
                    for sound in sounds[1:]
                ]
            )
            total = changes if total is None else total + changes
        yield number + 1
    if total is None:
        total = np.zeros((len(positions), 1))
    yield Profiles(positions, total / len(patches))
