import numpy as np
import pytest
import torch

from tests.training.runs import SKETCHED
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.encoders import NoteEncoder
from unsynth.models.posterior import load_posterior
from unsynth.models.vector_fields import ResidualNetwork
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.catalogue import load_task
from unsynth.training.experiment import ExperimentError, load_experiment
from unsynth.training.export import export_artifact
from unsynth.training.known_parameters import KnownParameters
from unsynth.training.objective import Noise, compute_losses, flow_matching_loss
from unsynth.training.train import train

CONDITIONED = [*SKETCHED, "model.told=true", "training.known=0.6"]


def conditioned_flow(values: int, width: int = 32) -> ConditionalFlow:
    """Make a flow that can be conditioned on known coordinates."""
    torch.manual_seed(0)
    field = ResidualNetwork(values, 8, width, 2, width, width, 16)
    return ConditionalFlow(NoteEncoder(4, 1, 2, 8, 2, 8, 1, 8), field, 8, known_width=values)


def silence(items: int) -> torch.Tensor:
    return torch.zeros(items, 4, dtype=torch.uint8)


def test_masks_cover_whole_parameters_of_a_share_of_items(task):
    parameters = KnownParameters(task)
    masks = parameters.draw(np.random.default_rng(0), 4000, 0.6)
    assert masks.shape == (4000, task.spec.width) and masks.dtype == torch.bool
    masked = masks.any(dim=1)
    assert 0.56 < masked.float().mean() < 0.64
    for part in task.spec.slices:
        assert (masks[:, part] == masks[:, part.start, None]).all()
    fitted = torch.zeros(task.spec.width, dtype=torch.bool)
    for position in sketch_of(task).fitted:
        fitted[task.spec.slices[position]] = True
    structure = (masks == ~fitted).all(dim=1)
    assert 0.27 < structure.float().mean() < 0.33
    # For the other items, any share of the parameters is known, from few to nearly all.
    shares = masks[masked & ~structure].float().mean(dim=1)
    assert 0.45 < shares.mean() < 0.55 and shares.min() < 0.05 and shares.max() > 0.95
    again = parameters.draw(np.random.default_rng(0), 4000, 0.6)
    assert torch.equal(again, masks)
    assert not parameters.draw(np.random.default_rng(1), 4000, 0.0).any()


def test_masks_need_no_sketch():
    task = load_task("vital-full")
    masks = KnownParameters(task).draw(np.random.default_rng(0), 400, 1.0)
    assert masks.shape == (400, task.spec.width)
    assert 0.4 < masks.float().mean() < 0.6


def test_the_loss_ignores_known_coordinates_of_the_noise():
    flow = conditioned_flow(3)
    torch.nn.init.normal_(flow.field.blocks[0].modulation[-1].weight)
    x0, x1, t = torch.randn(5, 3), torch.randn(5, 3), torch.rand(5)
    known = torch.tensor([True, False, False]).expand(5, -1)
    none = torch.zeros(5, dtype=torch.bool)

    def loss(x0, x1=x1, known=known):
        return compute_losses(flow, x1, silence(5), Noise(x0, t, none, known), 0.0, 0).loss.item()

    other = x0.clone()
    other[:, 0] = 9.0
    assert loss(other) == loss(x0)
    assert loss(other, known=~known) != loss(x0, known=~known)
    # The loss depends on the known values, and on which are known.
    changed = x1.clone()
    changed[:, 0] += 1.0
    assert loss(x0, changed) != loss(x0)
    assert loss(x0, known=torch.zeros_like(known)) == pytest.approx(
        flow_matching_loss(
            flow, x1, flow.encode(silence(5)), flow.unconditional(5), Noise(x0, t, none)
        ).item()
    )
    unconditioned = ConditionalFlow(flow.encoder, flow.field, 8)
    with pytest.raises(ValueError, match="cannot be conditioned on known"):
        unconditioned.add_known(torch.zeros(5, 2, 8), x1, known)


def test_a_conditioned_flow_samples_the_conditional_distribution():
    """Two coordinates with a correlation of 0.9: given one, the other is near it."""
    flow = conditioned_flow(2)
    rng = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(flow.parameters(), lr=6e-3)
    mixing = torch.tensor([[1.0, 0.9], [0.0, 0.19**0.5]])
    for _ in range(250):
        x0, x1 = torch.randn(2, 256, 2, generator=rng)
        x1 = x1 @ mixing
        known = torch.rand(256, 2, generator=rng) < torch.tensor([0.5, 0.0])
        noise = Noise(x0, torch.rand(256, generator=rng), torch.zeros(256, dtype=torch.bool), known)
        loss = compute_losses(flow, x1, silence(256), noise, 0.0, 0).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def sample(known: bool) -> torch.Tensor:
        x1 = torch.full((4000, 2), 1.5)
        mask = torch.tensor([known, False]).expand(4000, -1)
        conditioning = flow.add_known(flow.encode(silence(4000)), x1, mask)
        x = torch.where(mask, x1, torch.randn(4000, 2, generator=rng))
        for step in range(20):
            v = flow(x, torch.full((4000,), step / 20), conditioning)
            x = torch.where(mask, x, x + v / 20)
        return x[:, 1]

    given, free = sample(True), sample(False)
    assert given.mean() == pytest.approx(0.9 * 1.5, abs=0.15)
    assert given.std() == pytest.approx(0.19**0.5, abs=0.12)
    assert free.mean() == pytest.approx(0.0, abs=0.15)
    assert free.std() == pytest.approx(1.0, abs=0.15)


def test_a_conditioned_model_trains_from_sketches_and_keeps_locks(experiment_path, task, tmp_path):
    train(experiment_path, [*CONDITIONED, "training.steps=2"], out=tmp_path / "run")
    assert (tmp_path / "run" / "last.ckpt").exists()
    export_artifact(tmp_path / "run", tmp_path / "dx7.safetensors")
    posterior = load_posterior(task, tmp_path / "dx7.safetensors")
    patch = task.sample(np.random.default_rng(0))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    locked = {"note.pitch": 64, "op3.output_level": 77, "algorithm": 4, "op1.mode": 1}
    at = [task.spec.position[name] for name in locked]
    samples = posterior.sample(audio, 4, np.random.default_rng(0), fixed=locked)
    assert (samples[:, at] == list(locked.values())).all()
    task.spec.check(samples)
    others = {**locked, "op3.output_level": 12}
    again = posterior.sample(audio, 4, np.random.default_rng(0), fixed=others)
    rest = np.setdiff1d(np.arange(len(patch)), at)
    assert (again[:, rest] != samples[:, rest]).any()
    nearly = posterior.resample(audio, samples, 0.99, np.random.default_rng(0), fixed=locked)
    assert (nearly[:, at] == list(locked.values())).all()


def test_model_told_and_training_known_need_each_other(experiment_path):
    for settings in (["model.told=true"], ["training.known=0.5"]):
        with pytest.raises(
            ExperimentError, match=r"set model\.told and training\.known above 0 together"
        ):
            load_experiment(experiment_path, [*SKETCHED, *settings])
