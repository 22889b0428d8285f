"""A synthesizer whose symmetries are known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unsynth.symmetry.findings import LabResult
from unsynth.symmetry.laboratory import Laboratory
from unsynth.symmetry.subject import Sound
from unsynth.tasks.parameter import Categorical, Continuous
from unsynth.tasks.spec import Patch, Spec, Unit

RATE, SAMPLES = 8000, 1000
TIME = np.arange(SAMPLES) / RATE


@dataclass
class Planted:
    """Two oscillators of level and pitch, a routing and a filter wheel that does nothing.

    Where the routing is "ring" or "am", the oscillators are multiplied; in "ring" the product is
    the same with both exchanged, in "am" the first one has a hidden offset. ``hidden`` is what the
    second oscillator's level is multiplied by.
    """

    hidden: float = 1.0
    noise: float = 0.0
    name: str = "planted"
    hash: str = "0"
    sample_rate: int = RATE
    deterministic: bool = True
    note: frozenset[int] = frozenset()
    rendered: int = 0
    spec: Spec = field(
        default_factory=lambda: Spec(
            (
                *(
                    Continuous(f"{n}{i}", 0.0, 1.0, 0.001)
                    for i in (1, 2)
                    for n in ("level", "pitch")
                ),
                Categorical("routing", ("mix", "ring", "am", "again mix")),
            ),
            (Unit("osc", ((0, 1), (2, 3))),),
        )
    )

    def sample(self, rng: np.random.Generator) -> Patch:
        return np.array([*rng.uniform(0.1, 1.0, 4), rng.integers(4)], dtype=np.float64)

    def log_density(self, patches: np.ndarray) -> np.ndarray:
        return np.zeros(len(patches))

    def render(self, patches: Iterable[Patch]) -> Iterator[Sound]:
        for patch in patches:
            self.rendered += 1
            first, second = (
                level * np.sin(2 * np.pi * (100.0 + 900.0 * pitch) * TIME)
                for level, pitch in (patch[0:2], patch[2:4])
            )
            second = self.hidden * second
            mode = int(patch[4])
            sound = (first + second) / 2 if mode in (0, 3) else (first + (mode == 2)) * second
            noise = self.noise * np.random.default_rng(self.rendered).standard_normal(SAMPLES)
            yield (sound + noise)[None].astype(np.float32)

    def close(self) -> None:
        pass


@dataclass
class PlantedOctave(Planted):
    """Two oscillators, one of which a choice names: it sounds an octave higher."""

    spec: Spec = field(
        default_factory=lambda: Spec(
            (*Planted().spec.parameters[:4], Categorical("octave", ("none", "osc 1", "osc 2"))),
            Planted().spec.units,
        )
    )

    def sample(self, rng: np.random.Generator) -> Patch:
        return np.array([*rng.uniform(0.1, 1.0, 4), rng.integers(3)], dtype=np.float64)

    def render(self, patches: Iterable[Patch]) -> Iterator[Sound]:
        for patch in patches:
            octaves = np.array([0.0, 1.0, 2.0]) == patch[4]
            hz = (100.0 + 900.0 * patch[[1, 3]]) * (1.0 + octaves[1:])
            waves = np.sin(2 * np.pi * hz[:, None] * TIME)
            yield (patch[[0, 2]] @ waves)[None].astype(np.float32)


def measure(subject: object, pairs: int = 64, folder: Path | None = None) -> LabResult:
    *_, result = Laboratory(subject, pairs, 0, folder).run()  # type: ignore[arg-type]
    assert isinstance(result, LabResult)
    return result
