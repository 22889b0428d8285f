"""What a GPU plays: its envelopes in torch, and its kernel, on a CPU in Triton's interpreter."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from unsynth.sketches.dx7 import envelopes as dx7_envelopes
from unsynth.sketches.dx7 import kernel as dx7_kernel
from unsynth.synths.dx7_algorithms import ALGORITHMS

ITEMS, OPS = len(ALGORITHMS), 6


def test_envelopes_are_those_that_are_compiled():
    rng = np.random.default_rng(0)
    rates = rng.integers(0, 100, (ITEMS, OPS, 4)).astype(float)
    targets = rng.uniform(0.0625, 15.0, (ITEMS, OPS, 4))
    targets[:, 1, 1] = targets[:, 1, 0]  # a stage that stays
    durations = rng.uniform(0.05, 3.0, ITEMS)
    times = np.sort(rng.uniform(-0.1, 4.0, (ITEMS, 50)), axis=1)
    kept = rng.uniform(0.5, 1.0, (ITEMS, OPS, 50)).astype(np.float32)
    wanted = np.empty((ITEMS, OPS, 50), dtype=np.float32)
    dx7_kernel.levels(rates, targets, durations, times, kept, wanted)
    arrays = (torch.from_numpy(array) for array in (rates, targets, durations, times, kept))
    found = dx7_envelopes.levels(*arrays)
    assert 0.3 < (wanted > 0).mean() < 0.99
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


#: Plays what lies in the file of its first argument, and writes it to that of its second.
_PLAY = """
import sys
import numpy as np, torch
from unsynth.tasks import dx7_triton
device = "cuda" if torch.cuda.is_available() else "cpu"
stored = np.load(sys.argv[1])
names = ("gains", "depths", "phases", "algorithms")
sounds = dx7_triton.play(*(torch.from_numpy(stored[name]).to(device) for name in names), 256)
np.save(sys.argv[2], sounds.cpu().numpy())
"""


def test_windows_are_those_that_are_compiled(tmp_path):
    pytest.importorskip("triton")
    rng = np.random.default_rng(1)
    samples, knots = 256, 3
    algorithms = np.arange(ITEMS)
    gains = rng.uniform(0.0, 1.0, (ITEMS, OPS, 2, knots)).astype(np.float32)
    gains[::3, 2] = 0.0
    phases = np.cumsum(rng.uniform(0.0, 3.0, (ITEMS, OPS, 2, knots)), axis=3).astype(np.float32)
    depths = np.where(algorithms % 4, 2.0 ** rng.integers(-8, -1, ITEMS), 0.0).astype(np.float32)
    wanted = np.empty((ITEMS, 2, samples), dtype=np.float32)
    kept = np.empty((ITEMS, OPS, 2, samples), dtype=np.float32)
    dx7_kernel.play(algorithms, gains, phases, depths, wanted, kept)
    np.savez(
        tmp_path / "given.npz", gains=gains, depths=depths, phases=phases, algorithms=algorithms
    )
    # Whether kernels are interpreted is decided when triton is imported.
    interpreted = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-c", _PLAY, tmp_path / "given.npz", tmp_path / "found.npy"]
    subprocess.run(command, env={**os.environ, **interpreted}, check=True)
    found = np.load(tmp_path / "found.npy")
    assert (np.abs(wanted).max(axis=(1, 2)) > 0.1).all()
    # Phases that lie at the edge of one of the sine's steps may fall into another.
    assert np.quantile(np.abs(found - wanted), 0.99) < 2e-3
    for one, other in zip(found, wanted, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9999
