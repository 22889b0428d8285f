"""A small task with a fast engine of its own, for tests of what must hold for any task.

It has two oscillators that can be exchanged, a category that switches the second one on, and stereo
sound. Its engines run in threads, in processes, or in processes that certain patches kill.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

from unsynth.conventions import SECONDS
from unsynth.synths.base import Concurrency, Note
from unsynth.tasks.spec import Spec

RATE = 8000
SPEC = """
units:
  - name: osc
    count: 2
    parameters:
      - {name: level, low: 0, high: 20}
      - {name: ratio, low: 1, high: 12}
      - {name: decay, kind: continuous, low: 0.05, high: 4.0, step: 0.001, log: true}
parameters:
  - {name: second, kind: categorical, choices: ["off", "on"]}
  - {name: width, kind: continuous, low: 0.0, high: 1.0, step: 0.001}
note:
  - {name: note.pitch, low: 36, high: 84}
  - {name: note.onset, kind: continuous, low: 0.0, high: 1.0, step: 0.001, unit: s}
  - {name: note.duration, kind: continuous, low: 0.05, high: 3.0, step: 0.001, log: true}
"""


class TinySynth:
    sample_rate = RATE
    channels = 2
    deterministic = True
    concurrency = Concurrency.THREADS

    def render(self, patch: np.ndarray, note: Note, seconds: float = SECONDS) -> np.ndarray:
        time = np.arange(round(seconds * RATE), dtype=np.float32) / RATE - note.onset
        sound = np.zeros_like(time)
        hz = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
        for i in range(1 + int(patch[6])):
            level, ratio, decay = patch[3 * i : 3 * i + 3]
            envelope = np.exp(-np.maximum(time, 0.0) / decay)
            sound += level / 40 * np.sin(2 * np.pi * ratio * hz * time) * envelope
        sound *= (time >= 0) * np.exp(-20.0 * np.maximum(0.0, time - note.duration))
        return np.stack([sound, sound * patch[7]]).astype(np.float32)


class ProcessTinySynth(TinySynth):
    concurrency = Concurrency.PROCESSES


class CrashingTinySynth(ProcessTinySynth):
    """A synth whose process dies if the first ratio of a patch is 7; it raises an error at 5."""

    def render(self, patch: np.ndarray, note: Note, seconds: float = SECONDS) -> np.ndarray:
        if patch[1] == 7:
            os._exit(9)
        if patch[1] == 5:
            raise RuntimeError("no fives")
        return super().render(patch, note, seconds)


class TellingSynth(ProcessTinySynth):
    """Tells whether its process has imported torch, which takes longer than all the rest."""

    def torch(self) -> list[str]:
        return ["torch"] if "torch" in sys.modules else []

    def render(self, patch: np.ndarray, note: Note, seconds: float = SECONDS) -> np.ndarray:
        return np.full_like(super().render(patch, note, seconds), len(self.torch()))


class TinyTask:
    name = source = "tiny"
    package = "numpy"
    sample_rate, channels = TinySynth.sample_rate, TinySynth.channels
    engine_rate = sample_rate

    def __init__(self, synth: type[TinySynth] = TinySynth) -> None:
        self.spec = Spec.from_yaml(SPEC)
        self.synth = synth
        self.hash = hashlib.sha256(self.spec.hash.encode()).hexdigest()[:16]

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        values = []
        for _ in range(2):
            values += [rng.integers(0, 21), rng.integers(1, 13), np.exp(rng.uniform(-3.0, 1.3))]
        values += [rng.integers(2), rng.random(), rng.integers(36, 85), 0.1 * rng.random()]
        values.append(0.1 + 2.0 * rng.random())
        patch = np.array(values, dtype=float)
        columns = zip(self.spec.parameters, patch, strict=True)
        return np.array([p.quantise(np.array([v]))[0] if hasattr(p, "step") else v
                         for p, v in columns])  # fmt: skip

    def log_density(self, patches: np.ndarray) -> np.ndarray:
        return np.zeros(len(patches))

    def note(self, patch: np.ndarray) -> Note:
        return Note(int(patch[-3]), float(patch[-2]), float(patch[-1]))

    def with_note(self, patch: np.ndarray, note: Note) -> np.ndarray:
        moved = patch.copy()
        moved[-3:] = note.pitch, note.onset, min(note.duration, 3.0)
        return moved

    def engine_patch(self, patch: np.ndarray) -> np.ndarray:
        return patch

    def export(self, patches: np.ndarray, folder: Path) -> list[Path]:
        paths = []
        for rank, patch in enumerate(patches, start=1):
            paths.append(folder / f"{rank:02d}.tiny")
            paths[-1].write_text(json.dumps(patch.tolist()))
        return paths

    def active(self, patch: np.ndarray) -> np.ndarray:
        active = np.ones(len(patch), dtype=bool)
        active[3:6] = patch[6] > 0
        return active

    def neutral(self, patch: np.ndarray) -> np.ndarray:
        init = np.array([0, 1, 0.05, 0, 1, 0.05, 0, 0, 60, 0, 1])
        return np.where(self.active(patch), patch, init)

    def musical(self, patch: np.ndarray) -> dict[str, object]:
        return dict(self.spec.named(patch))

    def symmetries(self, patch: np.ndarray) -> np.ndarray:
        identity = np.arange(self.spec.width)
        if not patch[6]:
            return identity[None]
        swapped = identity.copy()
        swapped[:6] = [3, 4, 5, 0, 1, 2]
        return np.stack([identity, swapped])


class TellingTask(TinyTask):
    """Its patch files tell what :class:`TellingSynth` does."""

    def __init__(self) -> None:
        super().__init__(TellingSynth)

    def export(self, patches: np.ndarray, folder: Path) -> list[Path]:
        path = folder / "torch.json"
        path.write_text(json.dumps(TellingSynth().torch()))
        return [path]
