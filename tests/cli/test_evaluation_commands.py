"""The commands ``evaluate``, ``compare`` and ``calibrate`` as they are typed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.commands import failing
from tests.evaluation.pool import scored_here
from unsynth.cli.main import main


def test_two_evaluations_are_written_and_compared(model, tmp_path, capsys):
    runs = []
    for steps in ("1", "2"):
        runs.append(tmp_path / f"steps-{steps}")
        arguments = ["evaluate", model, "draws:2", "--candidates", "2", "--workers", "1"]
        sys.argv = ["unsynth", *arguments, "--steps", steps, "--out", str(runs[-1])]
        with scored_here():
            main()
        printed = capsys.readouterr().out
        assert "best of 2" in printed and "noise floor" in printed
        assert str(runs[-1] / "items.parquet") in printed
    assert "add --resume" in failing(capsys, *arguments, "--out", runs[-1])
    sys.argv = ["unsynth", "compare", *map(str, runs), "--out", str(tmp_path / "both")]
    main()
    assert "steps-2 − steps-1" in capsys.readouterr().out
    assert len(list((tmp_path / "both").iterdir())) == 4


def test_errors_are_one_line(model, tmp_path, capsys):
    out = ("--out", tmp_path / "out")
    assert "minimoog" in failing(capsys, "evaluate", "minimoog", "draws:2", *out)
    assert "no weight file" in failing(
        capsys, "evaluate", tmp_path / "x.safetensors", "draws:2", *out
    )
    assert "draws:200" in failing(capsys, "evaluate", model, "draws:many", *out)
    assert "no such file" in failing(capsys, "evaluate", model, tmp_path / "none", *out)
    assert "holds no evaluation" in failing(capsys, "compare", tmp_path, tmp_path / "x")
    assert "is not in the range" in failing(capsys, "calibrate", model, "--draws", 3)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_keeps_scored_targets(model, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "unsynth", "evaluate", model, "draws:50", "--out", str(out)]
    command += ["--workers", "1", "--candidates", "2"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    journal, deadline = out / "items.jsonl", time.monotonic() + 120
    while not (journal.exists() and journal.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to the workers, too
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "Traceback" not in err
    assert "--resume" in err.splitlines()[-1]
    assert journal.read_text().count("\n") >= 1
    assert not (out / "items.parquet").exists()
