import numpy as np
import pytest
import torch

from tests.models.small import MLP, SAMPLING
from unsynth.audio.observation import KeyOn, detect_key
from unsynth.errors import PatchError
from unsynth.flow.solver import Solver
from unsynth.models import artifact as artifacts
from unsynth.models import posterior as module
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import ArtifactError, describe
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.synths.base import Note


def sound(task, seed: int) -> np.ndarray:
    patch = task.sample(np.random.default_rng(seed))
    return task.synth().render(task.engine_patch(patch), task.note(patch))


def test_samples_are_valid_and_follow_the_seed(task, posterior):
    heard = sound(task, 0)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    patches = posterior.sample(heard, 6, np.random.default_rng(3))
    assert patches.shape == (6, len(task.spec.parameters)) and patches.dtype == np.float64
    task.spec.check(patches)
    again = posterior.sample(heard, 6, np.random.default_rng(3))
    np.testing.assert_array_equal(again, patches)
    others = [
        posterior.sample(heard, 6, np.random.default_rng(4)),
        posterior.sample(sound(task, 1), 6, np.random.default_rng(3)),
        posterior.sample(heard, 6, np.random.default_rng(3), guidance=1.0),
        posterior.sample(heard, 6, np.random.default_rng(3), steps=1),
    ]
    assert all((other != patches).any() for other in others)
    assert len(np.unique(patches, axis=0)) == 6
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_a_fixed_pitch_is_every_samples_pitch_and_is_heeded(task, posterior):
    heard, at = sound(task, 0), task.spec.position["note.pitch"]
    lowest, highest = (task.spec.parameters[at].low, task.spec.parameters[at].high)
    low, high = (
        posterior.sample(heard, 16, np.random.default_rng(0), fixed={"note.pitch": pitch})
        for pitch in (lowest, highest)
    )
    assert set(low[:, at]) == {lowest} and set(high[:, at]) == {highest}
    task.spec.check(low)
    rest = np.arange(len(task.spec.parameters)) != at
    assert (low[:, rest] != high[:, rest]).any()
    with pytest.raises(PatchError, match=f"note.pitch: {highest + 1} is not"):
        posterior.sample(heard, 1, np.random.default_rng(0), fixed={"note.pitch": highest + 1})


def test_windows_are_relative_to_the_note_that_is_known(task, monkeypatch):
    encoder = {"kind": "windows", "directions": 4, "width": 8, "layers": 1, "feed_forward": 8}
    architecture = FlowArchitecture.model_validate({**MLP, "encoder": {**encoder, "out": 6}})
    kind = architecture.observation
    model = architecture.build(task.spec, kind.shape(1, task.sample_rate)).eval()
    posterior = Posterior(task, model, describe(task, architecture, SAMPLING, 0.9, 1, None))
    seen, encode = [], model.encode
    monkeypatch.setattr(model, "encode", lambda observed: seen.append(observed) or encode(observed))
    patch = task.with_note(task.sample(np.random.default_rng(0)), Note(57, 0.25, 1.0))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    fixed, at = {"note.pitch": 64, "note.onset": 0.5}, task.spec.position["note.pitch"]
    pitches = [
        set(posterior.sample(audio, 4, np.random.default_rng(0), fixed=known)[:, at])
        for known in (None, {"note.pitch": 64}, fixed)
    ]
    posterior.resample(audio, patch[None], 0.5, np.random.default_rng(0), fixed=fixed)
    heard = detect_key(audio, task.sample_rate)
    assert pitches == [{heard.pitch}, {64}, {64}]
    keys = [heard, KeyOn(64, heard.onset), KeyOn(64, 0.5), KeyOn(64, 0.5)]
    for observed, key in zip(seen, keys, strict=True):
        assert torch.equal(observed[0], kind.observe(audio, task.sample_rate, key))
    assert not torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])


def test_patches_that_are_noised_in_part_come_back_the_nearer_the_later(task, posterior):
    heard, rng = sound(task, 0), np.random.default_rng(5)
    patches = np.stack([task.sample(rng) for _ in range(8)])
    at = task.spec.position["note.pitch"]

    def apart(start: float) -> float:
        again = posterior.resample(
            heard, patches, start, np.random.default_rng(1), fixed={"note.pitch": 47}
        )
        task.spec.check(again)
        assert set(again[:, at]) == {47.0}
        gap = task.spec.encode(again) - task.spec.encode(patches)
        return float(np.abs(np.delete(gap, task.spec.slices[at].start, axis=1)).mean())

    distances = [apart(start) for start in (0.0, 0.5, 0.9, 0.999)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.02 < 0.2 < distances[0]


def test_the_solver_is_the_artifacts(task, model_path, posterior):
    assert posterior.sampling == SAMPLING
    heard = sound(task, 0)
    model, artifact = artifacts.load_artifact(model_path, task)
    by_euler = SAMPLING.model_copy(update={"solver": Solver.EULER})
    euler = Posterior(task, model, artifact.model_copy(update={"sampling": by_euler}))
    given = posterior.sample(heard, 4, np.random.default_rng(0))
    assert (euler.sample(heard, 4, np.random.default_rng(0)) != given).any()


def test_a_package_without_a_model_says_so(task, monkeypatch):
    monkeypatch.setattr(module, "shipped_artifact", lambda name: None)
    with pytest.raises(ArtifactError, match="no trained model for dx7"):
        load_posterior(task)
    assert artifacts.shipped_artifact("no such task") is None
