"""Output folders: their plans, and errors of writing."""

from pathlib import Path

import pytest

from unsynth.errors import OutputError, UnsynthError
from unsynth.output import PlanFile, make_folder, reserve, write_text


class WorkError(UnsynthError):
    """The error of the work whose plan is read."""


@pytest.fixture
def plan_file(tmp_path: Path) -> PlanFile:
    return PlanFile(tmp_path / "plan.json", "a study", WorkError)


def test_folder_that_holds_work_is_only_resumed(plan_file: PlanFile):
    assert plan_file.read(resume=False) is None
    assert plan_file.read(resume=True) is None
    write_text(plan_file.path, '{"seed": 1}')
    assert plan_file.read(resume=True) == {"seed": 1}
    with pytest.raises(WorkError, match="holds a study: add --resume, or choose another --out"):
        plan_file.read(resume=False)


@pytest.mark.parametrize("text", ['{"seed": ', "[1]"])
def test_damaged_plan_is_named(plan_file: PlanFile, text: str):
    plan_file.path.write_text(text)
    with pytest.raises(WorkError, match=r"plan\.json: .*; choose another --out"):
        plan_file.read(resume=True)


def test_other_settings_are_named(plan_file: PlanFile):
    plan_file.check({"sets": ["a"], "later": 2}, {"sets": ("a",)})
    with pytest.raises(WorkError, match="holds a study with seed 1, not 2; choose another --out"):
        plan_file.check({"seed": 1}, {"seed": 2})
    with pytest.raises(WorkError, match="with seed None, not 2"):
        plan_file.check({}, {"seed": 2})


def test_folder_is_for_one_process_at_a_time(tmp_path: Path):
    lock, refusal = tmp_path / "run" / ".lock", WorkError("another process writes there")
    second = reserve(lock, refusal)
    with reserve(lock, refusal), pytest.raises(WorkError, match="another process writes there"):
        second.__enter__()
    with reserve(lock, refusal):
        pass
    assert not list((tmp_path / "run").iterdir())


def test_paths_that_cannot_be_written_are_one_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for write in (make_folder, lambda path: write_text(path, "text")):
        with pytest.raises(OutputError, match=r"cannot be written \(.+\); choose another --out"):
            write(tmp_path / "file" / "inside")
