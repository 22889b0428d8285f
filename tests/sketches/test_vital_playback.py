"""Windows of Vital's sketch, and their slopes, as compiled loops and as torch compute them."""

import numpy as np
import pytest
import torch

from unsynth.sketches.vital import playback
from unsynth.sketches.vital.playback_torch import play_with_torch
from unsynth.sketches.vital.sketch import load_sketch
from unsynth.threads import torch_threads

#: Before the onset, around it, while the note sounds, and after its release.
STARTS = torch.tensor([0, 8_500, 20_000, 60_000, 150_000])


@pytest.fixture(scope="module")
def notes():
    """Draws in which all sources sound, and a draw as it is; their windows and fitted values."""
    sketch, rng = load_sketch(), np.random.default_rng(0)
    patches = np.stack([sketch.task.sample(rng) for _ in range(17)])
    at = sketch.task.spec.position
    patches[:16, [at["osc1.on"], at["osc2.on"], at["osc3.on"], at["noise.on"]]] = 1
    patches[:, at["note.onset"]] = 0.2
    values = torch.tensor(patches[:, sketch.fitted], dtype=torch.float32)
    return sketch.windows(list(patches), 1024), values


def play_and_slopes(notes, play):
    windows, values = notes
    x = values.clone().requires_grad_(True)
    sounds = play(windows.sources(x, STARTS), 512, 1024)
    weights = torch.randn(sounds.shape, generator=torch.Generator().manual_seed(0))
    (slopes,) = torch.autograd.grad((sounds * weights).sum(), x)
    return sounds.detach(), slopes


def test_compiled_loops_play_what_torch_plays(notes):
    (sounds, _), (reference, _) = (
        play_and_slopes(notes, play) for play in (playback.play, play_with_torch)
    )
    loudest = reference.abs().amax(dim=(1, 2), keepdim=True).clamp_min(0.01)
    assert ((sounds - reference).abs() / loudest).max() < 1e-3


def test_compiled_slopes_are_those_of_torch(notes):
    (_, slopes), (_, reference) = (
        play_and_slopes(notes, play) for play in (playback.play, play_with_torch)
    )
    steepest = reference.abs().max(dim=0).values
    assert (steepest > 0).all()
    assert ((slopes - reference).abs() / steepest).max() < 0.02


def test_windows_and_slopes_do_not_depend_on_threads(notes):
    results = []
    for threads in (1, 3):
        with torch_threads(threads):
            results.append(play_and_slopes(notes, playback.play))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
