import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from tests.models.small import MLP, MODELS, SAMPLING, SMALL
from unsynth.audio.observation import detect_key
from unsynth.audio.windows import KeyOn
from unsynth.errors import PatchError
from unsynth.flow.solver import Solver
from unsynth.models import artifact as artifacts
from unsynth.models import posterior as module
from unsynth.models.architecture import Architecture, FlowArchitecture
from unsynth.models.artifact import ArtifactError, describe
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.synths.base import Note


def render_draw(task, seed: int) -> np.ndarray:
    patch = task.sample(np.random.default_rng(seed))
    return task.synth().render(task.engine_patch(patch), task.note(patch))


def test_samples_are_valid_and_follow_the_seed(task, posterior):
    audio = render_draw(task, 0)
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    patches = posterior.sample(audio, 6, np.random.default_rng(3))
    assert patches.shape == (6, len(task.spec.parameters)) and patches.dtype == np.float64
    task.spec.check(patches)
    again = posterior.sample(audio, 6, np.random.default_rng(3))
    np.testing.assert_array_equal(again, patches)
    others = [
        posterior.sample(audio, 6, np.random.default_rng(4)),
        posterior.sample(render_draw(task, 1), 6, np.random.default_rng(3)),
        posterior.sample(audio, 6, np.random.default_rng(3), guidance=1.0),
        posterior.sample(audio, 6, np.random.default_rng(3), steps=1),
    ]
    assert all((other != patches).any() for other in others)
    assert len(np.unique(patches, axis=0)) == 6
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_every_sample_has_the_fixed_pitch_and_depends_on_it(task, posterior):
    audio, position = render_draw(task, 0), task.spec.position["note.pitch"]
    pitch = task.spec.parameters[position]
    lowest, highest = pitch.low, pitch.high
    low, high = (
        posterior.sample(audio, 16, np.random.default_rng(0), fixed={"note.pitch": value})
        for value in (lowest, highest)
    )
    assert set(low[:, position]) == {lowest} and set(high[:, position]) == {highest}
    task.spec.check(low)
    rest = np.arange(len(task.spec.parameters)) != position
    assert (low[:, rest] != high[:, rest]).any()
    with pytest.raises(PatchError, match=f"note.pitch: {highest + 1} is not"):
        posterior.sample(audio, 1, np.random.default_rng(0), fixed={"note.pitch": highest + 1})


def test_windows_are_relative_to_the_fixed_or_estimated_note(task, monkeypatch):
    encoder = {"kind": "windows", "directions": 4, "width": 8, "layers": 1, "feed_forward": 8}
    architecture = FlowArchitecture.model_validate({**MLP, "encoder": {**encoder, "out": 6}})
    kind = architecture.observation
    model = architecture.build(task.spec, kind.shape(1, task.sample_rate)).eval()
    posterior = Posterior(task, model, describe(task, architecture, SAMPLING, 0.9, 1, None))
    observations, encode = [], model.encode
    monkeypatch.setattr(model, "encode", lambda each: observations.append(each) or encode(each))
    patch = task.with_note(task.sample(np.random.default_rng(0)), Note(57, 0.25, 1.0))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    key, position = {"note.pitch": 64, "note.onset": 0.5}, task.spec.position["note.pitch"]
    pitches = [
        set(posterior.sample(audio, 4, np.random.default_rng(0), fixed=fixed)[:, position])
        for fixed in (None, {"note.pitch": 64}, key)
    ]
    posterior.resample(audio, patch[None], 0.5, np.random.default_rng(0), fixed=key)
    estimate = detect_key(audio, task.sample_rate)
    assert pitches == [{estimate.pitch}, {64}, {64}]
    keys = [estimate, KeyOn(64, estimate.onset), KeyOn(64, 0.5), KeyOn(64, 0.5)]
    for observation, expected in zip(observations, keys, strict=True):
        observed = kind.observe(audio, task.sample_rate, expected)
        assert torch.equal(observation[0], torch.from_numpy(observed))
    first, second, third, _ = observations
    assert not torch.equal(first, second) and not torch.equal(second, third)


def test_resampled_patches_stay_nearer_the_later_the_start(task, posterior):
    audio, rng = render_draw(task, 0), np.random.default_rng(5)
    patches = np.stack([task.sample(rng) for _ in range(8)])
    position = task.spec.position["note.pitch"]

    def mean_change(start: float) -> float:
        resampled = posterior.resample(
            audio, patches, start, np.random.default_rng(1), fixed={"note.pitch": 47}
        )
        task.spec.check(resampled)
        assert set(resampled[:, position]) == {47.0}
        change = task.spec.encode(resampled) - task.spec.encode(patches)
        others = np.delete(change, task.spec.slices[position].start, axis=1)
        return float(np.abs(others).mean())

    changes = [mean_change(start) for start in (0.0, 0.5, 0.9, 0.999)]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] < 0.02 < 0.2 < changes[0]


@pytest.mark.parametrize("kind", ["param2tok", "units", "mlp", "regression", "told"])
def test_all_of_a_sample_is_on_its_device(task, kind):
    """The device "meta" refuses tensors of another one as a GPU does, and has no result to copy.

    It has no masks, which the VAE needs.
    """
    data = {**SMALL, "told": True} if kind == "told" else MODELS[kind]
    architecture = TypeAdapter(Architecture).validate_python(data)
    size = architecture.observation.shape(task.channels, task.sample_rate)
    model = architecture.build(task.spec, size).eval()
    artifact = describe(task, architecture, SAMPLING, 0.9, 1, None)
    on_meta = Posterior(task, model, artifact, torch.device("meta"))
    audio, rng = render_draw(task, 0), np.random.default_rng(0)
    for fixed in ({}, {"note.pitch": 60}):
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
            on_meta.sample(audio, 2, rng, fixed=fixed)
    if on_meta.is_flow:
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
            on_meta.resample(audio, task.sample(rng)[None], 0.5, rng)


def test_samples_use_the_solver_of_the_artifact(task, model_path, posterior):
    assert posterior.sampling == SAMPLING
    audio = render_draw(task, 0)
    model, artifact = artifacts.load_artifact(model_path, task)
    by_euler = SAMPLING.model_copy(update={"solver": Solver.EULER})
    euler = Posterior(task, model, artifact.model_copy(update={"sampling": by_euler}))
    patches = posterior.sample(audio, 4, np.random.default_rng(0))
    assert (euler.sample(audio, 4, np.random.default_rng(0)) != patches).any()


def test_loading_a_model_that_does_not_ship_is_refused(task, monkeypatch):
    monkeypatch.setattr(module, "shipped_artifact", lambda name: None)
    with pytest.raises(ArtifactError, match="no trained model for dx7"):
        load_posterior(task)
    assert artifacts.shipped_artifact("no such task") is None
