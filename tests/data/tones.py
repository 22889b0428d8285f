"""A task whose engine crashes, hangs or stays silent in some modes, as a plugin may; and sets."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from unsynth.conventions import SAMPLE_RATE
from unsynth.data import local
from unsynth.data.folder import Folder
from unsynth.data.local import make_dataset
from unsynth.data.plan import Plan
from unsynth.synths.base import Concurrency, Note
from unsynth.tasks.parameter import Continuous, Integer
from unsynth.tasks.spec import Spec

CRASH, HANG, SILENT, ERROR = range(4)


class Tone:
    """A sine of a level and a pitch; modes below 4 fail."""

    sample_rate = SAMPLE_RATE
    channels = 1
    deterministic = True
    concurrency = Concurrency.PROCESSES

    def render(self, patch: np.ndarray, note: Note, seconds: float = 4.0) -> np.ndarray:
        level, mode = patch
        if mode == CRASH:
            os.kill(os.getpid(), signal.SIGSEGV)
        if mode == HANG:
            time.sleep(1000)
        if mode == SILENT:
            level = 0.0
        if mode == ERROR:
            raise ValueError("no such mode")
        n = np.arange(round(seconds * SAMPLE_RATE))
        hz = 440 * 2 ** ((note.pitch - 69) / 12)
        return (level * np.sin(2 * np.pi * hz / SAMPLE_RATE * n))[None].astype(np.float32)


class ThreadTone(Tone):
    """The same in threads, for tasks without the modes that crash or hang."""

    concurrency = Concurrency.THREADS


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
    return Tones(name, ThreadTone, 10, 90)


def plan_of(task: str = "tones", **fields: object) -> Plan:
    return Plan(task=task, task_hash=load(task).hash, **{"count": 20, "shard_sounds": 6} | fields)


def render_set(plan: Plan, path: Path, workers: int = 1) -> Folder:
    folder = Folder(path)
    *_, last = make_dataset(plan, folder, workers, load)
    assert last == local.DatasetProgress(plan.count, plan.count)
    return folder


def files(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(path.iterdir())}
