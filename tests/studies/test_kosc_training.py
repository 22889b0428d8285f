"""The training of one cell's model."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.studies.kosc_cells import CPU, SMALL, cell
from unsynth.flow.coupling import Coupling, couple
from unsynth.models.kosc import Model
from unsynth.models.param2tok import Start
from unsynth.studies.folder import StudyError
from unsynth.studies.kosc.cell import Cell, CellSettings
from unsynth.studies.kosc.equivariance import measure_equivariance
from unsynth.studies.kosc.figure3 import subtitle
from unsynth.studies.kosc.scoring import score_cell
from unsynth.studies.kosc.start import start_cells
from unsynth.studies.kosc.training import Training, param2tok
from unsynth.synths.kosc import KOsc, Ranges


@pytest.mark.parametrize("model", [Model.PARAM2TOK, Model.MLP, Model.FFN_SORT])
def test_resumed_training_equals_uninterrupted_training(model, tmp_path):
    whole, interrupted = (Training(cell(model), SMALL, CPU) for _ in range(2))
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        interrupted.advance()
    interrupted.save(tmp_path / "x.part")
    resumed = Training(cell(model), SMALL, CPU)
    resumed.load(tmp_path / "x.part")
    for _ in range(2):
        resumed.advance()
    for training in (whole, resumed):
        training.fetch_losses()
    assert resumed.losses == whole.losses and resumed.step == 4
    for name, weights in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], weights, atol=0, rtol=0)
    (tmp_path / "x.part").write_bytes(b"nothing")
    with pytest.raises(StudyError, match="delete it"):
        resumed.load(tmp_path / "x.part")


def test_noise_is_coupled_as_the_settings_or_the_cell_say():
    independent = dataclasses.replace(SMALL, coupling=Coupling.INDEPENDENT)

    def distance(settings: CellSettings, coupling: Coupling | None = None) -> float:
        chosen = dataclasses.replace(cell(Model.MLP), coupling=coupling)
        x1, noise = Training(chosen, settings, CPU)._draw(0)
        assert noise is not None
        return float((x1 - noise.x0).square().sum())

    assert distance(SMALL) < distance(independent)
    assert distance(independent, Coupling.OPTIMAL_TRANSPORT) == distance(SMALL)
    assert ", independent noise, width" in subtitle(independent, [])
    assert "transport" not in subtitle(SMALL, [])


def test_seeds_and_steps_draw_different_patches():
    def first_losses(seed: int) -> list[float]:
        training = Training(cell(Model.FFN_MSE, seed=seed), SMALL, CPU)
        training.advance()
        training.advance()
        training.fetch_losses()
        return training.losses

    losses = first_losses(0)
    assert losses == first_losses(0)
    assert len({*losses, *first_losses(1)}) == 4


@pytest.mark.parametrize("model", [Model.FFN_MSE, Model.FFN_CHAMFER])
def test_training_beats_random_draws(model):
    """With one oscillator, the spectrum shows the frequency directly."""
    settings = dataclasses.replace(SMALL, batch=32, learning_rate=4e-3, items=60)
    training = Training(cell(model, k=1), settings, CPU)
    for _ in range(60):
        training.advance()
    scores = score_cell(training.model, training.cell, settings, CPU)
    assert np.mean(scores["mse"]) < 0.4
    random = score_cell(None, training.cell, settings, CPU)
    assert np.mean(scores["lsd"]) < np.mean(random["lsd"]) - 0.5


@pytest.mark.parametrize("coupling", list(Coupling))
def test_several_noises_share_one_sound(coupling):
    settings = dataclasses.replace(SMALL, noises=3)
    training = Training(dataclasses.replace(cell(Model.MLP), coupling=coupling), settings, CPU)
    encoded = []
    training.model.encoder.register_forward_hook(lambda *call: encoded.append(len(call[2])))
    training.advance()
    training.fetch_losses()
    training.close()
    assert encoded == [SMALL.batch] and np.isfinite(training.losses).all()


def test_each_repetition_of_a_batch_is_coupled_by_itself():
    settings = dataclasses.replace(SMALL, noises=3)
    training = Training(cell(Model.MLP), settings, CPU)
    x1, noise = training._draw(0)
    training.close()
    for x0 in noise.x0.split(len(x1)):
        assert torch.equal(couple(Coupling.OPTIMAL_TRANSPORT, x0, x1), x0)
    together = couple(Coupling.OPTIMAL_TRANSPORT, noise.x0, x1.repeat(3, 1))
    assert not torch.equal(together, noise.x0)


@pytest.mark.parametrize(
    ("ranges", "dial"), [*((ranges, None) for ranges in Ranges), (Ranges.COMMON, 1.0)]
)
def test_only_exchangeable_oscillators_are_aligned(ranges, dial):
    def draw(coupling: Coupling) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = Cell(Model.MLP, "any", synth, 0, coupling)
        x1, noise = Training(chosen, dataclasses.replace(SMALL, batch=64), CPU)._draw(0)
        assert noise is not None
        return x1, noise.x0

    synth = KOsc(2, ranges, dial)
    shares = []
    for coupling, before in (
        (Coupling.ALIGNED_TRANSPORT, Coupling.OPTIMAL_TRANSPORT),
        (Coupling.ALIGNED, Coupling.INDEPENDENT),
    ):
        x1, aligned = draw(coupling)
        _, noise = draw(before)
        swapped = noise.clone()
        swapped[:, : 3 * 2] = synth.vectors(synth.units(noise).flip(1))
        gains = (swapped - noise).mul(x1).sum(dim=1) > 0.0
        gains &= synth.are_exchangeable(x1)
        torch.testing.assert_close(aligned, torch.where(gains[:, None], swapped, noise))
        shares.append(gains.float().mean().item())
    # Half of all independent noises are nearer in the other order, fewer after transport.
    share = {Ranges.COMMON: 0.5, Ranges.CHOSEN: 0.25, Ranges.DISJOINT: 0.0}[ranges]
    assert shares[1] == pytest.approx(0.0 if dial else share, abs=0.2 * share)
    assert shares[0] < shares[1] or shares == [0.0, 0.0]


def test_param2tok_starts_as_told():
    cells = start_cells({2: 1})
    layers = {c.start: param2tok(Training(c, SMALL, CPU).model) for c in cells}
    settings = dataclasses.replace(SMALL, param2tok_start=Start.RANDOM)
    as_set = dataclasses.replace(next(c for c in cells if c.start is Start.RANDOM), start=None)
    chosen, told = param2tok(Training(as_set, settings, CPU).model), layers[Start.RANDOM]
    assert torch.equal(chosen.assignment, told.assignment)
    assert "Param2Tok's start random, width" in subtitle(settings, [])
    assert len({c.name for c in cells}) == len(cells) == 9
    for layer in layers.values():
        assert layer.assignment.norm().item() == pytest.approx(1.0, rel=0.5)
    known = layers[Start.UNITS]
    assert (known.assignment != 0).tolist() == [[True, False] * 3, [False, True] * 3]
    assert (known.z_in[0::2] == known.z_in[1::2]).all()
    # A switch belongs to no unit, so all tokens share it.
    conditional = Cell(Model.PARAM2TOK, "conditional", KOsc(2, Ranges.CHOSEN), 0, None, Start.UNITS)
    with_switch = param2tok(Training(conditional, SMALL, CPU).model).assignment
    assert (with_switch != 0).tolist() == [[True, False] * 3 + [True], [False, True] * 3 + [True]]
    assert with_switch.norm().item() == pytest.approx(1.0)
    # With the units known, a new field is equivariant from the first step.
    untrained = Training(next(c for c in cells if c.start is Start.UNITS), SMALL, CPU)
    assert max(measure_equivariance(untrained.cell, untrained.model.eval(), CPU)) < 1e-4


def test_damaged_checkpoints_of_cells_are_named(tmp_path):
    training = Training(cell(Model.MLP), SMALL, CPU)
    training.advance()
    path = tmp_path / "x.part"
    training.save(path)
    training.close()
    state, whole = torch.load(path, weights_only=True), path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 4
    weight = next(iter(state["model"]))
    changes = [{"step": "1"}, {"step": -1}, {"losses": []}, {"losses": [None]}, {"seconds": "x"}]
    changes += [{"watched": 3}, {"model": []}, {"optimizer": None}, {"optimizer": {}}]
    changes += [{"model": {**state["model"], weight: torch.ones(1)}}]
    lacking = [{k: v for k, v in state.items() if k != key} for key in state]
    fresh = Training(cell(Model.MLP), SMALL, CPU)
    for content in (*(state | change for change in changes), *lacking, [], bytes(flipped), b""):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        with pytest.raises(StudyError, match=r"x\.part"):
            fresh.load(path)
    fresh.close()
