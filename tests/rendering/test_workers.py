"""Worker processes that are killed at any moment."""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from unsynth.errors import EngineError
from unsynth.rendering.workers import WorkerDied, Workers


def answer(word):
    match word:
        case "pid":
            return os.getpid()
        case "large":
            return np.ones(5_000_000, dtype=np.float32)
        case "sleep":
            time.sleep(100)
        case "print":
            # As a plugin prints: past Python's own streams.
            os.write(1, b"Path Error\nno user folder\n")
        case "print much":
            os.write(2, b"a line\n" * 20_000)
        case "print and die":
            os.write(1, b"first\n\nsecond\x1b[31m\nthird\n")
            os.write(2, b"last words\n")
            os._exit(3)
        case "log size":
            return os.fstat(1).st_size
        case "python prints and dies":
            print("a line of Python's")
            os.kill(os.getpid(), signal.SIGKILL)
        case "engine error":
            raise EngineError("a failure")
        case "unpicklable error":
            raise UnicodeDecodeError("ascii", b"", 0, 1, "an error that cannot be unpickled")
    return word


def make():
    return answer


def make_nothing():
    raise EngineError("no engine here")


needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


@pytest.fixture
def workers():
    pool = Workers(make, 2, timeout=60.0)
    yield pool
    pool.close()


def test_calls_are_answered(workers):
    assert [f.result() for f in [workers.submit(i) for i in range(50)]] == list(range(50))
    pids = {f.result() for f in [workers.submit("pid") for _ in range(50)]}
    assert len(pids) == 2 and os.getpid() not in pids


def test_what_a_worker_prints_is_kept_apart(workers, capfd):
    assert workers.submit("print").result() == "print"
    assert capfd.readouterr() == ("", "")


def test_the_last_lines_of_a_dead_worker_are_told(workers, capfd):
    with pytest.raises(WorkerDied) as died:
        workers.submit("print and die").result()
    assert died.value.ending.startswith("exit code 3; its last output: second")
    assert died.value.ending.endswith(" / third / last words") and "\x1b" not in died.value.ending
    assert capfd.readouterr() == ("", "")


@needs_unix
def test_lines_of_python_are_written_before_a_worker_is_killed(workers, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with pytest.raises(WorkerDied) as died:
        workers.submit("python prints and dies").result()
    assert died.value.printed == "a line of Python's"


@needs_unix
def test_a_log_goes_with_a_parent_that_is_killed(tmp_path):
    script = (
        "import os, signal\n"
        "from tests.rendering.test_workers import make\n"
        "from unsynth.rendering.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    print(Workers(make, 1, 60.0).submit('pid').result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    (tmp_path / "logs").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "logs"), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL and int(done.stdout) > 0
    deadline = time.monotonic() + 60.0
    while list((tmp_path / "logs").glob("unsynth-*")):
        assert time.monotonic() < deadline, "the log is still there"
        time.sleep(0.05)


def test_workers_run_without_a_place_for_logs(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")
    with closing(Workers(make, 1, timeout=60.0)) as one:
        assert one.submit("print").result() == "print"


def test_what_a_worker_prints_is_dropped_when_it_is_much():
    with closing(Workers(make, 1, timeout=60.0)) as one:
        one.submit("print much").result()
        one.submit("any").result()
        assert one.submit("log size").result() == 0


def test_errors_reach_the_caller(workers):
    with pytest.raises(EngineError, match="a failure"):
        workers.submit("engine error").result()
    with pytest.raises(RuntimeError, match="cannot be unpickled"):
        workers.submit("unpicklable error").result()
    assert workers.submit(1).result() == 1


def test_an_error_while_starting_reaches_the_caller():
    workers = Workers(make_nothing, 1, timeout=60.0)
    for _ in range(2):
        with pytest.raises(EngineError, match="no engine here"):
            workers.submit(1).result()
    workers.close()


def test_a_death_between_calls_costs_no_call(workers):
    for pid in {workers.submit("pid").result() for _ in range(20)}:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    assert [f.result() for f in [workers.submit(i) for i in range(6)]] == list(range(6))


@pytest.mark.parametrize("wait", [0.0, 0.02])
def test_a_death_during_an_answer_costs_only_that_call(workers, wait):
    pids = {workers.submit("pid").result() for _ in range(20)}
    calls = [workers.submit("large") for _ in range(2)]
    time.sleep(wait)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for call in calls:
        try:
            assert call.result().sum() == 5_000_000
        except WorkerDied as error:
            assert error.began and error.exitcode == -signal.SIGKILL
    assert workers.submit(1).result() == 1


def test_calls_that_hang_time_out():
    workers = Workers(make, 1, timeout=1.0)
    with pytest.raises(TimeoutError):
        workers.submit("sleep").result()
    os.kill(workers.submit("pid").result(), signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        workers.submit(1).result()
    assert workers.submit(1).result() == 1
    workers.close()


def test_a_call_that_its_worker_does_not_read_times_out():
    """The argument is larger than the buffer of a pipe, so sending it waits for the worker."""
    workers = Workers(make, 1, timeout=1.0)
    os.kill(workers.submit("pid").result(), signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        workers.submit(np.zeros(10_000_000)).result()
    assert workers.submit(1).result() == 1
    workers.close()


class LargeFactory:
    """Makes the function that answers; its pickle is far larger than the buffer of a pipe."""

    def __init__(self):
        self.ballast = b"." * 1_000_000

    def __call__(self):
        return answer


@needs_unix
def test_workers_that_are_killed_as_they_start_are_replaced(kill_starts):
    kill_starts(2)
    workers = Workers(LargeFactory(), 1, timeout=60.0)
    assert workers.submit(1).result() == 1
    workers.close()


@needs_unix
def test_a_worker_that_never_starts_ends_the_call_with_its_exit_code(kill_starts):
    kill_starts(1000)
    workers = Workers(LargeFactory(), 2, timeout=60.0)
    for call in [workers.submit(i) for i in range(2)]:
        with pytest.raises(WorkerDied) as died:
            call.result()
        assert not died.value.began and died.value.exitcode == -signal.SIGKILL
    assert not workers.started
    workers.close()


def test_an_import_that_fails_in_a_worker_is_one_line(tmp_path, monkeypatch):
    """The module can be imported in this process only."""
    (tmp_path / "fragile.py").write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process():\n"
        "    raise MemoryError('no room for the library')\n"
        "def make():\n"
        "    return str\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    workers = Workers(importlib.import_module("fragile").make, 1, timeout=60.0)
    with pytest.raises(EngineError, match="not start: MemoryError: no room for the library"):
        workers.submit(1).result()
    workers.close()


def test_closing_kills_running_workers():
    workers = Workers(make, 1, timeout=60.0)
    pid = workers.submit("pid").result()
    call = workers.submit("sleep")
    threading.Timer(0.5, workers.close).start()
    with pytest.raises(WorkerDied):
        call.result()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
