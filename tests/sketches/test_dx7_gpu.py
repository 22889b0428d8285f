"""The GPU's code: envelopes in torch, and the kernel, on a CPU in Triton's interpreter."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from unsynth.sketches.dx7 import envelopes, kernel, kernel_notes
from unsynth.synths.dx7_algorithms import ALGORITHMS

ITEMS, OPS = len(ALGORITHMS), 6


def test_torch_envelopes_match_compiled_envelopes():
    rng = np.random.default_rng(0)
    rates = rng.integers(0, 100, (ITEMS, OPS, 4)).astype(float)
    targets = rng.uniform(0.0625, 15.0, (ITEMS, OPS, 4))
    targets[:, 1, 1] = targets[:, 1, 0]  # a hold
    targets[:, 2, 0] = 0.0  # a delay
    durations = rng.uniform(0.05, 3.0, ITEMS)
    times = np.sort(rng.uniform(-0.1, 4.0, (ITEMS, 50)), axis=1)
    factors = rng.uniform(0.5, 1.0, (ITEMS, OPS, 50)).astype(np.float32)
    compiled = np.empty((ITEMS, OPS, 50), dtype=np.float32)
    kernel_notes.levels(rates, targets, 30.0, durations, times, factors, compiled)
    stages = torch.from_numpy(rates), torch.from_numpy(targets)
    rest = (torch.from_numpy(array) for array in (durations, times, factors))
    gains = envelopes.levels(*stages, 30.0, *rest)
    assert 0.3 < (compiled > 0).mean() < 0.99
    np.testing.assert_allclose(gains, compiled, rtol=1e-5)


#: Plays the windows stored in the file of the first argument; writes them to the second's.
_PLAY = """
import sys
import numpy as np, torch
from unsynth.sketches.dx7 import kernel_gpu
device = "cuda" if torch.cuda.is_available() else "cpu"
stored = np.load(sys.argv[1])
names = ("gains", "depths", "phases", "algorithms")
sounds = kernel_gpu.play(*(torch.from_numpy(stored[name]).to(device) for name in names), 256)
np.save(sys.argv[2], sounds.cpu().numpy())
"""


def run_with_triton(code, *arguments):
    """Run code in a new process: Triton reads the variable when it is imported."""
    interpreted = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, env={**os.environ, **interpreted}, check=True)


def test_gpu_windows_match_compiled_windows(tmp_path):
    pytest.importorskip("triton")
    rng = np.random.default_rng(1)
    samples, knots = 256, 3
    algorithms = np.arange(ITEMS)
    gains = rng.uniform(0.0, 1.0, (ITEMS, OPS, 2, knots)).astype(np.float32)
    gains[::3, 2] = 0.0
    phases = np.cumsum(rng.uniform(0.0, 3.0, (ITEMS, OPS, 2, knots)), axis=3).astype(np.float32)
    depths = np.where(algorithms % 4, 2.0 ** rng.integers(-8, -1, ITEMS), 0.0).astype(np.float32)
    compiled = np.empty((ITEMS, 2, samples), dtype=np.float32)
    total_phases = np.empty((ITEMS, OPS, 2, samples), dtype=np.float32)
    kernel.play(algorithms, gains, phases, depths, compiled, total_phases)
    np.savez(
        tmp_path / "arguments.npz", gains=gains, depths=depths, phases=phases, algorithms=algorithms
    )
    run_with_triton(_PLAY, tmp_path / "arguments.npz", tmp_path / "sounds.npy")
    sounds = np.load(tmp_path / "sounds.npy")
    assert (np.abs(compiled).max(axis=(1, 2)) > 0.1).all()
    # A phase at the edge of a step of the sine may fall into the next step.
    assert np.quantile(np.abs(sounds - compiled), 0.99) < 2e-3
    for sound, reference in zip(sounds, compiled, strict=True):
        assert np.corrcoef(sound.ravel(), reference.ravel())[0, 1] > 0.9999


#: Plays windows of draws in both ways; writes them to the file of the argument.
_PLAY_PATCHES = """
import sys
import numpy as np, torch
from unsynth.sketches.catalogue import sketch_of
from unsynth.synths.base import Note
from unsynth.tasks.dx7.task import DX7Task
task, rng, note = DX7Task(), np.random.default_rng(2), Note(60, 0.0, 1.5)
patches = [task.with_note(task.sample(rng), note) for _ in range(24)]
sketch, starts = sketch_of(task), torch.tensor([2_000, 40_000])
values = torch.tensor(np.stack(patches)[:, sketch.fitted], dtype=torch.float32)
device = "cuda" if torch.cuda.is_available() else "cpu"
windows = sketch.windows(patches, 256, device)
sounds = windows.play_with_triton(values.to(device), starts.to(device)).cpu()
compiled = sketch.windows(patches, 256)(values, starts)
np.savez(sys.argv[1], sounds=sounds, compiled=compiled)
"""


def test_patches_sound_the_same_on_a_gpu(tmp_path):
    pytest.importorskip("triton")
    run_with_triton(_PLAY_PATCHES, tmp_path / "sounds.npz")
    stored = np.load(tmp_path / "sounds.npz")
    sounds, compiled = stored["sounds"], stored["compiled"]
    audible = np.abs(compiled).max(axis=(1, 2)) > 0.01
    assert audible.sum() >= 16
    for sound, reference in zip(sounds[audible], compiled[audible], strict=True):
        assert np.corrcoef(sound.ravel(), reference.ravel())[0, 1] > 0.999
