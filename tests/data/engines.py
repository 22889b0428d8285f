"""Engines of a tone that crash, hang or stay silent in some modes, as a plugin may.

A process that runs one imports little, so that it starts fast.
"""

import os
import signal
import sys
import time

import numpy as np

from unsynth.conventions import SAMPLE_RATE
from unsynth.synths.base import Concurrency, Note

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


class SlowTone(Tone):
    """The same with a pause before each sound, in which its process can be killed."""

    def render(self, patch: np.ndarray, note: Note, seconds: float = 4.0) -> np.ndarray:
        time.sleep(0.3)
        return super().render(patch, note, seconds)


class ThreadTone(Tone):
    """The same in threads, for tasks without the modes that crash or hang."""

    concurrency = Concurrency.THREADS


class TellingTone(ThreadTone):
    """A constant of 0.5, or of 1 if its process has imported torch and lets it use one thread."""

    def render(self, patch: np.ndarray, note: Note, seconds: float = 4.0) -> np.ndarray:
        torch = sys.modules.get("torch")
        level = 0.5 if torch is None else 1.0 / torch.get_num_threads()
        return np.full((1, round(seconds * SAMPLE_RATE)), level, dtype=np.float32)
