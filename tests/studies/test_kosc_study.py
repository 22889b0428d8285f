"""A k-osc study: its cells, their cost, interruptions and damaged files."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from tests.studies.kosc_cells import CPU, SMALL, cell, silent
from unsynth.errors import OutputError, UnsynthError
from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import Model
from unsynth.models.param2tok import Start
from unsynth.studies.folder import StudyError
from unsynth.studies.kosc import budget as budget_module
from unsynth.studies.kosc import study as study_module
from unsynth.studies.kosc.quasi import quasi_cells
from unsynth.studies.kosc.start import start_cells
from unsynth.studies.kosc.study import run_cells
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import Ranges


def test_loss_that_is_not_finite_stops_the_cell(tmp_path):
    training = Training(cell(Model.MLP), SMALL, CPU)
    with torch.no_grad():
        training.model.no_sound.fill_(float("nan"))
        training.model.encoder.norm.bias.fill_(float("nan"))
    training.advance()
    with pytest.raises(StudyError, match="learning-rate"):
        training.save(tmp_path / "x.part")
    assert not list(tmp_path.iterdir())


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Limit the size of files, in bytes; writing more fails as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_error_and_leaves_nothing_half_written(tmp_path):
    training = Training(cell(Model.MLP), SMALL, CPU)
    training.advance()
    training.close()
    with file_limit(30_000), pytest.raises(OutputError, match=r"x\.part: cannot be written"):
        training.save(tmp_path / "x.part")
    with file_limit(30_000), pytest.raises(OutputError, match=r"\.safetensors: cannot be written"):
        run_cells([cell(Model.MLP)], SMALL, tmp_path / "study", "cpu", report=silent)
    assert [path.name for path in tmp_path.rglob("*")] == ["study", "plan.json"]


@pytest.mark.parametrize(
    "make", [lambda: quasi_cells({4: 1, 1: 1}, [0.5]), lambda: start_cells({1: 1})]
)
def test_exchanges_need_two_oscillators(make):
    """They are measured while a cell trains, and no file holds the mean of no numbers."""
    with pytest.raises(StudyError, match="--k 2 or more"):
        make()


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
    with pytest.raises(UnsynthError, match="--device"):
        run_cells([cell(Model.RANDOM)], SMALL, tmp_path, "abacus", report=silent)


@pytest.mark.parametrize(
    "setting",
    [{"noises": 2}, {"coupling": Coupling.INDEPENDENT}, {"param2tok_start": Start.RANDOM}],
)
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
