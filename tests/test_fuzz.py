"""Mutated files must end in a result or one clear line, whatever they hold."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.commands import ROOT
from unsynth.cli.terminal import say_error

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere each input starts a Python of its own"
)


def test_mutated_files_end_in_a_result_or_one_clear_line():
    """They are the first of the 2,000 that the benchmark runs."""
    script = ROOT / "benchmarks" / "fuzz_inputs.py"
    command = [sys.executable, str(script), "--count", "48", "--skip-unchanged"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| all | 48 |" in done.stdout


def fail(*lines: str) -> None:
    for line in lines:
        say_error(line)
    sys.exit(2)


def raise_in_a_thread() -> None:
    thread = threading.Thread(target=lambda: [][0])
    thread.start()
    thread.join()
    fail("a clear line")


def compute() -> None:
    while True:
        pass


def fill() -> None:
    import resource

    from fuzzing import running

    parts = []
    while 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= running.MOST_MEMORY:
        parts.append(b"x" * 20_000_000)


#: What a command may do, with what must be found.
WAYS = {
    "result": (lambda: None, "result", ""),
    "error": (lambda: fail("x.wav: too short"), "clear error", "unsynth: x.wav: too short"),
    "absent": (lambda: fail("absent.wav: there is no such file"), "result", ""),
    "raises": (lambda: {}["no"], "traceback", "KeyError: 'no'"),
    "thread": (raise_in_a_thread, "traceback", "unsynth: a clear line"),
    "computes": (compute, "hang", ""),
    "waits": (lambda: time.sleep(100), "hang", ""),
    "dies": (lambda: os.kill(os.getpid(), 9), "other", "exit code -9"),
    "silent": (lambda: fail(), "other", "exit code 2 with 0 lines of errors"),
    "two": (lambda: fail("one", "two"), "other", "exit code 2 with 2 lines of errors"),
    "long": (lambda: fail("x" * 1000), "other", "an error of 1009 characters"),
    "escape": (lambda: print("\x1b[2J"), "other", "prints control characters"),
    "warns": (lambda: print("careful", file=sys.stderr), "other", "says careful"),
    "writes": (lambda: Path("in/new").write_text(""), "other", "in/new"),
    "elsewhere": (lambda: Path("../outside").mkdir(), "other", "outside"),
    "leaves": (lambda: Path("out/.half").mkdir(), "other", "left out/.half"),
    "fills": (fill, "other", "GB of memory"),
}


@pytest.fixture
def outcomes(tmp_path, monkeypatch) -> dict:
    """How the benchmark judges each of these ways."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from fuzzing import running
    from fuzzing.cases import Case

    # Pytest takes errors of threads, and a command prints them.
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    # A fork begins without the pages of files, such as a torch with CUDA has by the gigabyte.
    resident, of_files = map(int, Path("/proc/self/statm").read_text().split()[1:3])
    own = (resident - of_files) * os.sysconf("SC_PAGESIZE")
    monkeypatch.setattr(running, "MOST_MEMORY", own + 200_000_000)
    # Less than is loaded here, as with a large build of torch; a case may ask for it beside that.
    monkeypatch.setattr(running, "MOST_ASKED", 250_000_000)
    assert running._asked() > running.MOST_ASKED
    monkeypatch.setattr(running, "MOST_COMPUTING", 1)
    monkeypatch.setattr(running, "MOST_WAITING", 5)
    monkeypatch.setattr(running, "_command", lambda arguments: WAYS[arguments[0]][0]())
    cases = [Case(way, 0, "", {"x": b""}, (way,)) for way in WAYS]
    return {each.kind: each for each in running.run_cases(cases, {}, tmp_path, 4)}


def test_the_benchmark_notices_every_way_to_fail(outcomes):
    for way, (_, ended, detail) in WAYS.items():
        assert outcomes[way].ended == ended, outcomes[way]
        assert detail in outcomes[way].detail, outcomes[way]
