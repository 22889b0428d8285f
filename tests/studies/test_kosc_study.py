"""The k-osc study: cells, their scores, and the figures and tables of their results."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import stats

from unsynth.data.seeding import Split
from unsynth.flow.coupling import Coupling, couple
from unsynth.models.kosc import FLOWS, Model
from unsynth.models.param2tok import Start
from unsynth.studies.folder import StudyError
from unsynth.studies.kosc import budget as budget_module
from unsynth.studies.kosc import equivariance as equivariance_module
from unsynth.studies.kosc import quasi as quasi_module
from unsynth.studies.kosc import start as start_module
from unsynth.studies.kosc import study as study_module
from unsynth.studies.kosc.cell import Cell, CellSettings, Result
from unsynth.studies.kosc.equivariance import measure_equivariance
from unsynth.studies.kosc.figure3 import (
    figure3_cells,
    order_table,
    pooled_score,
    subtitle,
    write_figure3,
)
from unsynth.studies.kosc.learning import PAPER_SOUNDS, learning_table, probe_scores
from unsynth.studies.kosc.quasi import asymmetry, probe_flow, quasi_cells, quasi_table, write_quasi
from unsynth.studies.kosc.scoring import score_cell, uniform_patches
from unsynth.studies.kosc.start import probe_start, start_cells, start_table, write_start
from unsynth.studies.kosc.study import run_cells
from unsynth.studies.kosc.training import Training, param2tok
from unsynth.synths.kosc import KOsc, Ranges

CPU = torch.device("cpu")
SMALL = CellSettings(
    steps=4, batch=8, width=16, items=30, solver_steps=2, learning_rate=1e-3, param2tok_rate=2.0
)


def silent(line: str) -> None:
    pass


def cell(model: Model, ranges: Ranges = Ranges.COMMON, seed: int = 0, k: int = 2) -> Cell:
    return Cell(model, ranges.value, KOsc(k, ranges), seed)


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


def test_loss_that_is_not_finite_stops_the_cell(tmp_path):
    training = Training(cell(Model.MLP), SMALL, CPU)
    with torch.no_grad():
        training.model.no_sound.fill_(float("nan"))
        training.model.encoder.norm.bias.fill_(float("nan"))
    training.advance()
    with pytest.raises(StudyError, match="learning-rate"):
        training.save(tmp_path / "x.part")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_loses_the_current_cell_only(tmp_path):
    cells = [cell(Model.MLP), cell(Model.FFN_MSE), cell(Model.RANDOM)]
    out = tmp_path / "study"

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, SMALL, out, "cpu", report=stop)
    assert [path.stem for path in out.glob("*.json") if path.stem != "plan"] == [cells[0].name]
    first_result = (out / f"{cells[0].name}.json").read_text()
    with pytest.raises(StudyError, match="--resume"):
        run_cells(cells, SMALL, out, "cpu", report=silent)
    with pytest.raises(StudyError, match="batch 8, not 9"):
        run_cells(
            cells, dataclasses.replace(SMALL, batch=9), out, "cpu", resume=True, report=silent
        )
    results, _ = run_cells(cells, SMALL, out, "cpu", resume=True, report=silent)
    assert [result.model for result in results] == [c.model.value for c in cells]
    assert [result.steps for result in results] == [4, 4, 0]
    # The first cell was not trained again: even its times are unchanged.
    assert (out / f"{cells[0].name}.json").read_text() == first_result
    assert not [*out.glob("*.part"), *out.glob(".*"), *out.glob("*.lock")]
    again, _ = run_cells(cells, SMALL, out, "cpu", resume=True, report=silent)
    assert again == results


def test_damaged_result_names_its_file(tmp_path):
    cells = [cell(Model.RANDOM)]
    run_cells(cells, SMALL, tmp_path, "cpu", report=silent)
    path = tmp_path / f"{cells[0].name}.json"
    for text in ('{"model": 1', '{"watched": []}', "[]"):
        path.write_text(text)
        with pytest.raises(StudyError, match=path.name):
            run_cells(cells, SMALL, tmp_path, "cpu", resume=True, report=silent)


def test_budget_sets_the_same_steps_for_all_cells(tmp_path, monkeypatch):
    speeds = {Model.MLP: (0.5, 3.0), Model.FFN_MSE: (1.5, 1.0)}
    monkeypatch.setattr(budget_module, "measure_speed", lambda cell, *rest: speeds[cell.model])
    cells = [cell(Model.MLP), cell(Model.FFN_MSE), cell(Model.RANDOM)]
    with pytest.raises(StudyError, match="too small"):
        run_cells(cells, SMALL, tmp_path / "a", "cpu", budget=0.05, report=silent)
    results, settings = run_cells(cells, SMALL, tmp_path / "b", "cpu", budget=0.25, report=silent)
    # 0.9 * 15 s less 4 s of tests, over 2 s for a step of both.
    assert settings.steps == 4 and [r.steps for r in results] == [4, 4, 0]
    plan = json.loads((tmp_path / "b" / "plan.json").read_text())
    assert plan["steps"] == 4 and plan["asked"]["budget"] == 0.25


def test_a_long_study_says_its_cost_before_it_starts(tmp_path, monkeypatch):
    speeds = {Model.MLP: (0.5, 300.0), Model.FFN_MSE: (1.5, 60.0)}
    monkeypatch.setattr(budget_module, "measure_speed", lambda cell, *rest: speeds[cell.model])
    monkeypatch.setattr(study_module, "_LONG", SMALL.steps)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    cells = [cell(Model.MLP, ranges) for ranges in (Ranges.COMMON, Ranges.DISJOINT)]
    cells += [cell(Model.FFN_MSE), cell(Model.RANDOM)]
    lines: list[str] = []
    run_cells(cells, SMALL, tmp_path, "cpu", report=lines.append)
    hours = 2 * (SMALL.steps * (2 * 0.5 + 1.5) + 660) / 3600
    costs = [line for line in lines if "core-hours" in line]
    assert costs == [f"4 cells of {SMALL.steps} steps take about {hours:.1f} core-hours"]
    assert lines.index(costs[0]) == 2  # After one line for each kind of model.
    run_cells(cells, SMALL, tmp_path, "cpu", resume=True, report=lines.append)
    assert len([line for line in lines if "core-hours" in line]) == 1


def test_unavailable_device_is_refused(tmp_path):
    with pytest.raises(StudyError, match="--device"):
        run_cells([cell(Model.RANDOM)], SMALL, tmp_path, "abacus", report=silent)


def test_pooled_scores_average_each_item_over_seeds(tmp_path):
    cells = [cell(Model.RANDOM, seed=seed) for seed in (0, 1)]
    results, settings = run_cells(cells, SMALL, tmp_path, "cpu", report=silent)
    items = np.array([result.scores["lac"] for result in results])
    assert (items[0] != items[1]).all()
    mean, half, seeds = pooled_score(results, "lac", model="Random", k=2)
    assert mean == pytest.approx(items.mean()) and seeds == pytest.approx(items.mean(axis=1))
    assert half == pytest.approx(1.96 * items.mean(axis=0).std(ddof=1) / 30**0.5)
    assert pooled_score(results, "lac", model="Random", k=3) is None
    write_figure3(results, settings, tmp_path)
    assert not (tmp_path / "learning.png").exists()  # Results from before have no measurements.


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


def test_learning_is_measured_and_continued_to_the_papers_sounds(tmp_path):
    kinds = [("symmetric", Model.MLP), ("asymmetric", Model.FFN_MSE), ("symmetric", Model.RANDOM)]
    cells = [c for c in figure3_cells({2: 1}) if (c.condition, c.model) in kinds]
    cells.sort(key=lambda c: kinds.index((c.condition, c.model)))
    probe = probe_scores(SMALL)
    results, settings = run_cells(cells, SMALL, tmp_path, "cpu", report=silent, probe=probe)
    assert [[step for step, _ in r.watched] for r in results] == [[0, 1, 2, 4], [0, 1, 2, 4], []]
    trained = Training(cells[1], SMALL, CPU).model
    trained.load_state_dict(load_file(tmp_path / f"{cells[1].name}.safetensors"))
    last = probe(cells[1], trained.eval(), CPU)
    np.testing.assert_allclose(results[1].watched[-1][1], last, rtol=1e-5)
    assert not learning_table(results, settings).rows  # Three measurements do not suffice.
    # A power law is continued exactly; what came before the last three doublings does not count.
    laws = []
    for seed, exponent in enumerate((0.25, 0.5)):
        curve = [(step, (8 * step) ** -exponent) for step in (10, 20, 40, 80)]
        watched = [(0, [9.0, 9.0]), (1, [9.0, 9.0]), *((i, [20.0 * y, y]) for i, y in curve)]
        laws.append(dataclasses.replace(results[0], seed=seed, watched=watched))
        (row,) = learning_table(laws[-1:], settings).rows
        expected = PAPER_SOUNDS**-exponent
        assert row[:3] == ["symmetric", "2", "CNF (MLP)"]
        assert row[3:5] == [f"{exponent:.3f}", f"{20.0 * expected:.2f}"]
        assert row[5:] == [f"{exponent:.3f}", f"{expected:.3f}"]
    (row,) = learning_table(laws, settings).rows
    half = 0.25 / 2 * stats.t.ppf(0.975, 1)
    assert row[3] == row[5] == f"0.375 ± {half:.3f}"
    results = [*laws, *results[1:]]
    write_figure3(results, settings, tmp_path)
    assert "continued to the paper's 410 million sounds" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "learning.png").exists()


@pytest.mark.parametrize("coupling", [Coupling.OPTIMAL_TRANSPORT, Coupling.ALIGNED])
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


def test_param2tok_starts_as_told(tmp_path):
    cells = start_cells({2: 1})
    layers = {c.start: param2tok(Training(c, SMALL, CPU).model) for c in cells}
    assert len({c.name for c in cells}) == len(cells) == 9
    for layer in layers.values():
        assert layer.assignment.norm().item() == pytest.approx(1.0, rel=0.5)
    known = layers[Start.UNITS]
    assert (known.assignment != 0).tolist() == [[True, False] * 3, [False, True] * 3]
    assert (known.z_in[0::2] == known.z_in[1::2]).all()
    # With the units known, a new field is equivariant from the first step.
    untrained = Training(next(c for c in cells if c.start is Start.UNITS), SMALL, CPU)
    assert max(measure_equivariance(untrained.cell, untrained.model.eval(), CPU)) < 1e-4


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


@pytest.mark.parametrize("setting", [{"noises": 2}, {"coupling": Coupling.INDEPENDENT}])
def test_plans_without_a_new_setting_resume(setting, tmp_path):
    (name,) = setting
    changed = dataclasses.replace(SMALL, **setting)
    cells = [cell(Model.RANDOM)]
    for settings, folder in ((SMALL, tmp_path / "old"), (changed, tmp_path / "new")):
        for resume in (False, True):
            run_cells(cells, settings, folder, "cpu", resume=resume, report=silent)
    path = tmp_path / "old" / "plan.json"
    plan = json.loads(path.read_text())
    usual = plan["asked"].pop(name)
    path.write_text(json.dumps(plan))
    run_cells(cells, SMALL, tmp_path / "old", "cpu", resume=True, report=silent)
    with pytest.raises(StudyError, match=f"with {name} {usual!r}, not "):
        run_cells(cells, changed, tmp_path / "old", "cpu", resume=True, report=silent)


def test_no_flow_is_added_to_those_of_an_earlier_version(tmp_path):
    finished = [cell(Model.MLP)]
    run_cells(finished, SMALL, tmp_path, "cpu", report=silent)
    plan = json.loads((tmp_path / "plan.json").read_text())
    del plan["modulations"]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    more = [*finished, cell(Model.FFN_MSE)]
    results, _ = run_cells(more, SMALL, tmp_path, "cpu", resume=True, report=silent)
    assert [result.model for result in results] == ["CNF (MLP)", "FFN (MSE)"]
    with pytest.raises(StudyError, match="no flow can be added; choose another --out"):
        another = [*more, cell(Model.MLP, seed=1)]
        run_cells(another, SMALL, tmp_path, "cpu", resume=True, report=silent)


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
    x1, aligned = draw(Coupling.ALIGNED)
    _, independent = draw(Coupling.INDEPENDENT)
    swapped = independent.clone()
    swapped[:, : 3 * 2] = synth.vectors(synth.units(independent).flip(1))
    gains = (swapped - independent).mul(x1).sum(dim=1) > 0.0
    gains &= synth.are_exchangeable(x1)
    torch.testing.assert_close(aligned, torch.where(gains[:, None], swapped, independent))
    share = {Ranges.COMMON: 0.5, Ranges.CHOSEN: 0.25, Ranges.DISJOINT: 0.0}[ranges]
    assert gains.float().mean().item() == pytest.approx(0.0 if dial else share, abs=0.2 * share)


def test_damaged_plans_and_results_are_named(tmp_path):
    cells, out = [cell(Model.RANDOM)], tmp_path / "study"
    run_cells(cells, SMALL, out, "cpu", report=silent)

    def run_again(path, content):
        whole = path.read_bytes()
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        try:
            with pytest.raises(StudyError, match=path.name.replace(".", r"\.") + ": ") as error:
                run_cells(cells, SMALL, out, "cpu", resume=True, report=silent)
        finally:
            path.write_bytes(whole)
        assert "\n" not in str(error.value) and len(str(error.value)) < 400

    plan = json.loads((out / "plan.json").read_text())
    for content in (b"", b"{", b"\xff\xfe", b"[" * 100_000, [], {**plan, "asked": [1]}):
        run_again(out / "plan.json", content)
    for steps in (None, 0, -1, 4.0, "4", True, 10**30, [4], 5):
        run_again(out / "plan.json", {**plan, "steps": steps})
    path = out / f"{cells[0].name}.json"
    result = json.loads(path.read_text())
    for key in result.keys() - {"watched"}:  # which has a default
        run_again(path, {name: value for name, value in result.items() if name != key})
    lsd = result["scores"]["lsd"]
    for change in (
        {"model": "FFN (MSE)"},
        {"seed": 7},
        {"k": "2"},
        {"parameters": None},
        {"loss": "low"},
        {"watched": [1]},
        {"watched": [[1, ["x"]]]},
        {"scores": {}},
        {"scores": []},
        {"scores": {**result["scores"], "lsd": lsd[1:]}},
        {"scores": {**result["scores"], "lsd": ["x"] * len(lsd)}},
        {"scores": {**result["scores"], "lsd": [float("nan")] * len(lsd)}},
    ):
        run_again(path, result | change)
    assert run_cells(cells, SMALL, out, "cpu", resume=True, report=silent)[0][0].k == 2


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
