"""Scores of k-osc cells, and the figures and tables of their results."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import stats

from tests.studies.kosc_cells import CPU, SMALL, cell, silent
from unsynth.data.seeding import Split
from unsynth.models.kosc import FLOWS, Model
from unsynth.studies.kosc import equivariance as equivariance_module
from unsynth.studies.kosc import quasi as quasi_module
from unsynth.studies.kosc import start as start_module
from unsynth.studies.kosc.cell import Cell, CellSettings, Result
from unsynth.studies.kosc.figure3 import (
    figure3_cells,
    order_table,
    pooled_score,
    seeds_note,
    write_figure3,
)
from unsynth.studies.kosc.learning import (
    PAPER_SOUNDS,
    curve_settings,
    learning_table,
    probe_scores,
)
from unsynth.studies.kosc.quasi import (
    asymmetry,
    difference_table,
    probe_flow,
    quasi_cells,
    quasi_table,
    write_quasi,
)
from unsynth.studies.kosc.scoring import SCORES, score_cell, uniform_patches
from unsynth.studies.kosc.start import probe_start, start_cells, start_table, write_start
from unsynth.studies.kosc.study import run_cells
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import KOsc, Ranges


class Oracle(torch.nn.Module):
    """Returns the true patches of the test, with their oscillators in the given order."""

    def __init__(self, cell: Cell, order: list[int]) -> None:
        super().__init__()
        synth = cell.synth
        target = uniform_patches(cell, Split.TEST, range(SMALL.items))
        self.answer = synth.vectors(synth.units(target)[:, order])

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        return self.answer


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_permuted_oscillators_sound_equal_only_where_symmetric(order):
    for ranges in (Ranges.COMMON, Ranges.DISJOINT):
        small_cell = cell(Model.FFN_MSE, ranges, k=3)
        values = score_cell(Oracle(small_cell, order), small_cell, SMALL, CPU)
        scores = {metric: np.array(items) for metric, items in values.items()}
        assert (scores["lac"] == 0).all() and (scores["unsquared lac"] == 0).all()
        is_identity = order == [0, 1, 2]
        assert bool(scores["mse"].mean() == 0) is is_identity
        if is_identity:
            assert scores["lsd"].max() == 0
        else:
            assert bool(scores["lsd"].mean() < 0.05) is (ranges is Ranges.COMMON)


def test_random_draws_have_an_mse_of_two_thirds():
    """E (x - y)^2 of two uniform values in [-1, 1] is 2 / 3."""
    scores = score_cell(None, cell(Model.RANDOM), dataclasses.replace(SMALL, items=1500), CPU)
    assert np.mean(scores["mse"]) == pytest.approx(2 / 3, rel=0.05)
    assert np.mean(scores["lac"]) < np.mean(scores["mse"]) - 0.1


def test_pooled_scores_average_each_item_over_seeds(tmp_path):
    cells = [cell(Model.RANDOM, seed=seed) for seed in (0, 1)]
    results, settings = run_cells(cells, SMALL, tmp_path, "cpu", report=silent)
    items = np.array([result.scores["lac"] for result in results])
    assert (items[0] != items[1]).all()
    mean, half, seeds = pooled_score(results, "lac", model="Random", k=2)
    assert mean == pytest.approx(items.mean()) and seeds == pytest.approx(items.mean(axis=1))
    assert half == pytest.approx(1.96 * items.mean(axis=0).std(ddof=1) / 30**0.5)
    assert pooled_score(results, "lac", model="Random", k=3) is None
    assert seeds_note(results) == "2 seeds" and seeds_note(results[:1]) == "1 seed"
    assert seeds_note([*results, dataclasses.replace(results[0], k=3)]) == "1 to 2 seeds"
    write_figure3(results, settings, tmp_path)


def test_order_of_models_is_confirmed_only_where_seeds_agree():
    lacs = {
        Model.EQUIVARIANT: [0.20, 0.22, 0.21],
        Model.MLP: [0.30, 0.31, 0.32],
        Model.FFN_MSE: [0.10, 0.12, 0.11],
        Model.FFN_SORT: [0.10, 0.40, 0.30],
    }
    results = [
        Result(
            model.value, "symmetric", 4, seed, 0, 0, 0.0, 0.0, None, {"lac": [lac], "lsd": [lac]}
        )
        for model, seed_lacs in lacs.items()
        for seed, lac in enumerate(seed_lacs)
    ]
    rows = {row[2]: row[5:] for row in order_table(results).rows if row[0] == "symmetric"}
    assert rows["CNF (Equivariant) < CNF (MLP)"][1] == "as the paper"
    assert rows["CNF (Equivariant) < FFN (MSE)"][1] == "contrary"
    assert rows["CNF (Equivariant) < FFN (Sort)"][1] == "not resolved"
    assert rows["CNF (Equivariant) < FFN (Chamfer)"] == ["", "not measured"]
    differences = np.subtract(lacs[Model.EQUIVARIANT], lacs[Model.MLP])
    interval = stats.ttest_1samp(differences, 0.0).confidence_interval(0.95)
    half = (interval.high - interval.low) / 2
    assert rows["CNF (Equivariant) < CNF (MLP)"][0] == f"-0.1000 ± {half:.4f}"
    one_seed = [result for result in results if result.seed == 0]
    assert not {"as the paper", "contrary"} & {
        text for row in order_table(one_seed).rows for text in row
    }


def test_figure_3_has_every_model_condition_size_and_seed():
    cells = figure3_cells({4: 2, 8: 2})
    assert len({c.name for c in cells}) == len(cells) == 2 * 2 * (2 * len(Model) - 1)


def test_asymmetry_is_0_for_an_invariant_posterior_and_large_for_an_ordered_one():
    synth, rng = KOsc(4, Ranges.CHOSEN), np.random.default_rng(0)
    x = torch.from_numpy(rng.uniform(-1, 1, (4000, 13)))
    assert abs(asymmetry(synth, x, rng)) < 0.01
    units = synth.units(x)
    ordered = units.take_along_dim(units[..., :1].argsort(dim=1), dim=1)
    ordered_asymmetry = asymmetry(synth, torch.cat([synth.vectors(ordered), x[:, 12:]], dim=1), rng)
    units = units * 0.01 + torch.linspace(-1, 1, 4)[:, None]
    certain_asymmetry = asymmetry(
        synth, torch.cat([synth.vectors(units), x[:, 12:] * 0.01], dim=1), rng
    )
    assert 0.03 < ordered_asymmetry < certain_asymmetry < 1


def test_quasi_study_probes_the_asymmetry(tmp_path, monkeypatch):
    monkeypatch.setattr(quasi_module, "_SAMPLES", 4)
    monkeypatch.setattr(quasi_module, "_SOLVER_STEPS", 1)
    monkeypatch.setattr(equivariance_module, "_SOUNDS", 8)
    cells = quasi_cells({2: 1}, [0.5])
    assert {c.condition for c in cells} == {"dial 0.5", "conditional"}
    least = dataclasses.replace(SMALL, steps=2, batch=4, noises=2, items=4)
    results, settings = run_cells(cells, least, tmp_path, "cpu", report=silent, probe=probe_flow)
    for result in results:
        steps = [step for step, _ in result.watched]
        assert steps == ([] if result.model == "Random" else [0, 1, 2])
    write_quasi(results, cells, settings, tmp_path)
    table = (tmp_path / "table.md").read_text()
    assert table.count("conditional") >= len(FLOWS) + 1
    assert "2 steps of 4 sounds with 2 noises each (the paper" in table
    assert (tmp_path / "invariance.png").exists()
    assert (tmp_path / "scores.png").exists()
    assert len(list(tmp_path.glob("*.param2tok.png"))) == 2
    resumed, _ = run_cells(
        cells, least, tmp_path, "cpu", resume=True, report=silent, probe=probe_flow
    )
    assert resumed == results
    # The weights are large and may have been deleted: the table does not need them.
    for weights in tmp_path.glob("*.safetensors"):
        weights.unlink()
    (tmp_path / "table.md").unlink()
    write_quasi(resumed, cells, settings, tmp_path)
    assert (tmp_path / "table.md").read_text() == table
    assert (tmp_path / "equivariance.png").exists()
    for result in resumed:
        if result.model == "CNF (Equivariant)":
            errors = np.array([numbers[2:8] for _, numbers in result.watched])
            assert errors.max() < 1e-4
    # Results from before the fields were measured have blanks.
    for result in resumed:
        result.watched[:] = [(step, numbers[:2]) for step, numbers in result.watched if step]
    assert all(row[-5:] == [""] * 5 for row in quasi_table(resumed).rows)


def test_flows_are_compared_seed_by_seed():
    lsd = {Model.PARAM2TOK: (5, 5, 5), Model.EQUIVARIANT: (4, 6, 5), Model.MLP: (5, 8, 8)}

    def result(model, seed):
        scores = {metric: [float(lsd[model][seed])] * 2 for metric in SCORES}
        return Result(model.value, "dial 1", 4, seed, 0, 1, 0.0, 0.0, None, scores)

    def differences(results):
        return {row[2]: row[3] for row in difference_table(results).rows}

    three = differences([result(model, seed) for seed in range(3) for model in FLOWS])
    # Differences of -1, -2 and -3 dB; Student's t with two degrees of freedom is 4.303.
    assert three["CNF (Equivariant) - CNF (MLP)"] == "-2.00 ± 2.48"
    assert three["CNF (Param2Tok) - CNF (Equivariant)"] == "+0.00 ± 2.48"
    one = differences([result(model, 0) for model in FLOWS])
    assert one["CNF (Param2Tok) - CNF (Equivariant)"] == "+1.00"
    assert set(differences([result(Model.MLP, 0)]).values()) == {""}


def test_learning_curves_are_scores_of_validation_sounds(tmp_path):
    kinds = [("symmetric", Model.MLP), ("asymmetric", Model.FFN_MSE), ("symmetric", Model.RANDOM)]
    cells = [c for c in figure3_cells({2: 1}) if (c.condition, c.model) in kinds]
    cells.sort(key=lambda c: kinds.index((c.condition, c.model)))
    results, settings = run_cells(
        cells, SMALL, tmp_path, "cpu", report=silent, probe=probe_scores(SMALL)
    )
    assert [[step for step, _ in r.watched] for r in results] == [[0, 1, 2, 4], [0, 1, 2, 4], []]
    for chosen, result, metric in zip(cells, results, ("lac", "mse"), strict=False):
        model = Training(chosen, SMALL, CPU).model
        model.load_state_dict(load_file(tmp_path / f"{chosen.name}.safetensors"))
        scores = score_cell(model, chosen, SMALL, CPU, Split.VALIDATION)
        expected = [np.mean(scores["lsd"]), np.mean(scores[metric])]
        np.testing.assert_allclose(result.watched[-1][1], expected, rtol=1e-5)
        tested = [np.mean(result.scores["lsd"]), np.mean(result.scores[metric])]
        assert not np.allclose(tested, expected, rtol=1e-3)
    few = curve_settings(CellSettings())
    assert (few.items, few.solver_steps) == (256, 10)
    # Three measurements do not suffice for a fit.
    assert not learning_table(results, settings).rows
    write_figure3(results, settings, tmp_path)
    assert "Extrapolation" not in (tmp_path / "table.md").read_text()
    assert (tmp_path / "learning.png").exists()


def test_a_power_law_is_extrapolated_to_the_papers_sounds(tmp_path):
    laws = []
    for seed, exponent in enumerate((0.25, 0.26)):
        curve = [(step, (8 * step) ** -exponent) for step in (10, 20, 40, 80)]
        # What came before the last three doublings does not count.
        early = [(0, [9.0, 9.0]), (9, [9.0, 9.0])]
        law = Result(
            Model.MLP.value, "symmetric", 4, seed, 1, 80, 1.0, 1.0, 0.5,
            {name: [1.0, 1.0] for name in SCORES},
            [*early, *((step, [20.0 * y, y]) for step, y in curve)],
        )  # fmt: skip
        (row,) = learning_table([law], SMALL).rows
        score = PAPER_SOUNDS**-exponent
        assert row[:3] == ["symmetric", "4", "CNF (MLP)"]
        assert row[3:5] == [f"{exponent:.3f}", f"{20.0 * score:.2f}"]
        assert row[5:] == [f"{exponent:.3f}", f"{score:.3f}"]
        # Results of an earlier version, without measurements, may stand beside.
        laws += [law, dataclasses.replace(law, model=Model.FFN_SORT.value, watched=[])]
    (row,) = learning_table(laws, SMALL).rows
    half = 0.01 / 2 * stats.t.ppf(0.975, 1)
    assert row[3] == row[5] == f"0.255 ± {half:.3f}"
    low, high = (20.0 * PAPER_SOUNDS ** -(0.255 + sign * half) for sign in (1, -1))
    middle = 20.0 * PAPER_SOUNDS**-0.255
    assert row[4] == f"{middle:.2f} [{low:.2f}, {high:.2f}]"
    write_figure3(laws, SMALL, tmp_path)
    assert "continued to 410 million sounds" in (tmp_path / "table.md").read_text()
    without = [dataclasses.replace(law, watched=[]) for law in laws]
    (tmp_path / "learning.png").unlink()
    write_figure3(without, SMALL, tmp_path)
    assert not (tmp_path / "learning.png").exists()


def test_start_study_compares_with_the_papers_arm(tmp_path, monkeypatch):
    monkeypatch.setattr(equivariance_module, "_SOUNDS", 8)
    monkeypatch.setattr(start_module, "ARMS", start_module.ARMS[:2])
    least = dataclasses.replace(SMALL, steps=1, batch=4, items=4)
    cells = start_cells({2: 2})
    results, settings = run_cells(cells, least, tmp_path, "cpu", report=silent, probe=probe_start)
    write_start(results, dataclasses.replace(settings, flops=1e9), tmp_path)
    first, second = start_table(results).rows
    assert first[1:3] == ["paper", "0.01"] and first[4] == "" and "±" in second[4]
    assert all("±" in cell for cell in second[-5:])
    assert "1e+09 FLOPs" in (tmp_path / "table.md").read_text()
