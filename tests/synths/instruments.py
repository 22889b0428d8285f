"""Helpers for tests of VST3 instruments."""

import shutil
from pathlib import Path

import numpy as np


def error_of(first, second):
    """Compute the mean absolute difference relative to the first sound."""
    return np.abs(first - second).mean() / max(1e-9, np.abs(first).mean())


def binaries(bundle):
    return [p for p in Path(bundle).rglob("*") if p.suffix in (".so", ".dylib", ".vst3", ".dll")]


def copy_bundle(bundle, folder):
    copy = folder / Path(bundle).name
    if Path(bundle).is_dir():
        shutil.copytree(bundle, copy)
    else:
        shutil.copy(bundle, copy)
    return copy


#: The ``note`` section of a task file.
NOTE_LINES = [
    {"name": "note.pitch", "low": 48, "high": 72},
    {"name": "note.onset", "kind": "continuous", "low": 0, "high": 0.5, "step": 0.001},
    {"name": "note.duration", "kind": "continuous", "low": 0.1, "high": 6.0, "step": 0.001},
]


def declaration(names, **engine):
    number = {"kind": "continuous", "low": 0.0, "high": 1.0, "step": 0.0001}
    return {
        "task": "own",
        "synth": "vst3",
        "engine": engine,
        "parameters": [{"name": name, "control": name, **number} for name in names],
        "note": NOTE_LINES,
    }
