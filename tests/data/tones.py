"""Tasks of a tone, of which one has an engine that fails in some modes; and their sets."""

from pathlib import Path

import numpy as np

from tests.data.engines import SlowTone, TellingTone, ThreadTone, Tone
from unsynth.data import local
from unsynth.data.folder import Folder
from unsynth.data.local import make_dataset
from unsynth.data.manifest import begin, finish
from unsynth.data.plan import Plan
from unsynth.data.shards import make_shard, shard_bytes
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Note
from unsynth.tasks.parameter import Continuous, Integer
from unsynth.tasks.spec import Spec


class Tones:
    """The task: level, mode and pitch, with ``modes`` modes from ``first`` on."""

    hash = "0123456789abcdef"
    package = "numpy"
    sample_rate, channels = Tone.sample_rate, Tone.channels
    engine_rate = sample_rate

    def __init__(self, name: str, engine: type[Tone], first: int, modes: int) -> None:
        self.name, self.synth, self._first, self._modes = name, engine, first, modes
        self.source = name
        self.spec = Spec(
            (
                Continuous("level", 0.1, 1.0, step=0.001),
                Integer("mode", 0, 99),
                Integer("note.pitch", 36, 84),
            )
        )

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        mode = rng.integers(self._first, self._first + self._modes)
        return np.array([rng.integers(100, 1001) / 1000, mode, rng.integers(36, 85)])

    def note(self, patch: np.ndarray) -> Note:
        return Note(int(patch[2]))

    def engine_patch(self, patch: np.ndarray) -> np.ndarray:
        return patch[:2]

    def musical(self, patch: np.ndarray) -> dict[str, object]:
        return self.spec.named(patch)

    def log_density(self, patches: np.ndarray) -> np.ndarray:
        return np.zeros(len(patches))

    def with_note(self, patch: np.ndarray, note: Note) -> np.ndarray:
        return np.array([*patch[:2], note.pitch])

    def export(self, patches: np.ndarray, folder: Path) -> list[Path]:
        return []

    def active(self, patch: np.ndarray) -> np.ndarray:
        return np.array([True, False, True])

    def neutral(self, patch: np.ndarray) -> np.ndarray:
        return np.where(self.active(patch), patch, 0.0)

    def symmetries(self, patch: np.ndarray) -> np.ndarray:
        return np.arange(3)[None]


def load(name: str) -> Tones:
    """Load ``broken``, which fails in 4 of its 20 modes, or a task that never fails."""
    if name == "broken":
        return Tones(name, Tone, 0, 20)
    return Tones(name, SlowTone if name == "slow" else ThreadTone, 10, 90)


def load_telling(name: str) -> Tones:
    """Load a task whose sounds tell whether the process of their engine has torch."""
    return Tones("tones", TellingTone, 10, 90)


def load_dead(name: str) -> Tones:
    """Load a task whose draws all fail to render."""
    return Tones("broken", Tone, 3, 1)


def plan_of(task: str = "tones", **fields: object) -> Plan:
    return Plan(task=task, task_hash=load(task).hash, **{"count": 20, "shard_sounds": 6} | fields)


def render_set(plan: Plan, path: Path, workers: int = 1) -> Folder:
    folder = Folder(path)
    *_, last = make_dataset(plan, folder, workers, load)
    assert last == local.DatasetProgress(plan.count, plan.count)
    return folder


def render_here(plan: Plan, path: Path) -> Folder:
    """Render a set without a worker, for a task whose draws do not fail."""
    folder = Folder(path)
    with Renderer(ThreadTone, workers=1) as renderer:
        for number in begin(folder, plan):
            shard = make_shard(plan, number, load(plan.source), renderer)
            folder.write(plan.file(number), shard_bytes(plan, shard))
    finish(folder)
    return folder


def files(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(path.iterdir())}
