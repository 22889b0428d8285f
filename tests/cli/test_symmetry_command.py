"""``unsynth symmetry`` from the command line."""

from pathlib import Path

import pytest

from tests.commands import failing, output
from unsynth.tasks.exchange import read_symmetry_file


def test_a_measurement_writes_its_file_and_page_and_resumes(tmp_path: Path) -> None:
    out = tmp_path / "lab"
    command = ("symmetry", "kosc-3", "--pairs", 16, "--out", out)
    printed = output(*command)
    assert "exact: oscillator 1 and 2; oscillator 1 and 3; oscillator 2 and 3\n" in printed
    file = read_symmetry_file(out / "symmetry.json")
    assert [e.name for e in file.exchanges if e.verdict == "exact"] == [
        "oscillator 1 and 2",
        "oscillator 1 and 3",
        "oscillator 2 and 3",
    ]
    assert "oscillator: share" not in (out / "index.html").read_text(encoding="utf-8")
    before = (out / "symmetry.json").read_bytes()
    (out / "symmetry.json").unlink()
    output(*command, "--resume")
    assert (out / "symmetry.json").read_bytes() == before


def test_what_cannot_be_measured_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "choose kosc-K" in failing(capsys, "symmetry", "kosc-99")
    assert "there is no task named 'dx8'" in failing(capsys, "symmetry", "dx8")
    assert "--pairs" in failing(capsys, "symmetry", "kosc-2", "--pairs", 2)
    assert not list(tmp_path.iterdir())
    output("symmetry", "kosc-2", "--pairs", 16)
    assert "add --resume" in failing(capsys, "symmetry", "kosc-2", "--pairs", 16)
    message = failing(capsys, "symmetry", "kosc-2", "--pairs", 17, "--resume")
    assert "pairs 16, not 17" in message
