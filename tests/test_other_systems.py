"""What other systems lack or do otherwise, in processes that lack it here.

The workflow ``.github/workflows/systems.yml`` runs the whole suite on those systems.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, local

import pytest
import yaml

from tests.commands import EXAMPLES, ROOT
from tests.report.results import match_result
from tests.training.runs import EXPERIMENT
from unsynth.report.folder import result_name, save
from unsynth.tasks.catalogue import load_task

#: Python runs this as it starts, in each process: what Windows does not have is gone.
_LIKE_WINDOWS = """
import os, signal, sys
for name in ("fork", "forkpty", "nice", "sched_getaffinity", "setsid",
             "killpg", "mkfifo"):
    delattr(os, name)
for name in ("SIGHUP", "SIGALRM", "alarm", "setitimer"):
    delattr(signal, name)
for name in ("fcntl", "grp", "pwd"):
    sys.modules[name] = None
import multiprocessing
multiprocessing.set_start_method("spawn")
"""

#: Match, render a set with two processes, and train from it with one that reads.
_COMMANDS = """
import sys
from click.testing import CliRunner
from unsynth.cli.main import commands

if __name__ == "__main__":
    sound, index, model, experiment = sys.argv[1:]
    small = ["--set", "training.steps=2", "--set", "data.validation=2"]
    small += ["--set", "data.folder=set"]
    for line in (
        ["match", sound, "--renders", "40", "--keep", "2", "--index", index, "--model", model],
        ["render", "dx7", "set", "--count", "8", "--shard-sounds", "4", "--observe", "log-mel"],
        ["train", experiment, *small],
    ):
        CliRunner().invoke(commands, line, catch_exceptions=False, standalone_mode=False)
"""

#: Build an index, match with it, and render a set with two processes.
_WITHOUT_CACHE = """
import sys
from click.testing import CliRunner
from unsynth.cli.main import commands
from unsynth.index.files import user_index_path
from unsynth.tasks.catalogue import load_task

if __name__ == "__main__":
    sound, task = sys.argv[1:]
    assert user_index_path(load_task(task)).is_absolute()
    for line in (
        ["index", task, "--draws", "100", "--out", "small.npz"],
        ["match", sound, "--synth", task, "--index", "small.npz", "--renders", "20"],
        ["render", task, "set", "--count", "4", "--shard-sounds", "2", "--workers", "2"],
    ):
        CliRunner().invoke(commands, line, catch_exceptions=False, standalone_mode=False)
"""


def python(
    code: str,
    folder: Path,
    *arguments: object,
    before: Sequence[str] = (),
    unset: Sequence[str] = (),
) -> None:
    """Run code in a Python of its own, in a folder, by the command ``before``."""
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT / "src")])
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    command = [*before, sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(sys.platform == "win32", reason="it is Windows")
def test_commands_work_without_what_windows_lacks(tmp_path, index_file, model_path):
    (tmp_path / "sitecustomize.py").write_text(_LIKE_WINDOWS)
    experiment = tmp_path / "small.yaml"
    experiment.write_text(small_experiment())
    sound = EXAMPLES / "organ.flac"
    python(_COMMANDS, tmp_path, sound, index_file, model_path, experiment)
    assert (tmp_path / "unsynth-matches" / "organ" / "patches.syx").exists()
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["finished"]
    assert (tmp_path / "runs" / "small" / "last.ckpt").exists()


def test_a_read_only_package_without_home_and_shared_memory_is_enough(tmp_path):
    """As in a container: the package belongs to root, and there is no /dev/shm."""
    private = ["unshare", "--mount", "--propagation", "private"]
    if shutil.which("unshare") is None or subprocess.run([*private, "true"]).returncode:
        pytest.skip("needs root on Linux, and unshare")
    source = ROOT / "src"
    mounts = (
        f"mount --bind '{source}' '{source}' && mount -o remount,bind,ro '{source}' && "
        'mount -t tmpfs -o ro,size=4k none /dev/shm && exec "$@"'
    )
    python(
        _WITHOUT_CACHE,
        tmp_path,
        EXAMPLES / "organ.flac",
        ROOT / "tests" / "tasks" / "small.yaml",
        before=[*private, "sh", "-c", mounts, "sh"],
        unset=("HOME", "XDG_CACHE_HOME", "TMPDIR", "USER", "LOGNAME"),
    )
    assert (tmp_path / "unsynth-matches" / "organ" / "patch-01.syx").exists()
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["finished"]


def test_line_ends_of_windows_do_not_change_a_task(tmp_path):
    text = (ROOT / "tests" / "tasks" / "small.yaml").read_bytes()
    (tmp_path / "windows.yaml").write_bytes(text.replace(b"\n", b"\r\n"))
    (tmp_path / "unix.yaml").write_bytes(text)
    windows, unix = (load_task(str(tmp_path / f"{name}.yaml")) for name in ("windows", "unix"))
    assert windows.hash == unix.hash


@pytest.mark.parametrize(
    ("sound", "name"),
    [
        ("Pad: warm? <1>.wav", "Pad_ warm_ _1_"),
        ("aux.flac", "aux_"),
        ("COM1.take.wav", "COM1.take_"),
        ("consul.wav", "consul"),
        ("kick . .wav", "kick"),
        ("a\\b|c\t.wav", "a_b_c_t"),
        ("...", "sound"),
    ],
)
def test_a_results_folder_has_a_name_that_windows_can_hold(sound, name):
    assert result_name(sound) == name


def test_results_of_one_name_that_end_at_once_get_folders_of_their_own(tmp_path, task, monkeypatch):
    """So do those of ``Organ.wav`` and ``organ.wav`` where the case of a name does not count."""
    result = match_result(task, 1, "organ.wav")
    together, met, rename = Barrier(3), local(), Path.rename

    def rename_together(path: Path, target: Path) -> Path:
        """Let each thread find the first name free before one of them takes it."""
        if not hasattr(met, "others"):
            met.others = together.wait(60)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_together)
    with ThreadPoolExecutor(3) as threads:
        saved = list(threads.map(lambda _: save(result, tmp_path).folder, range(3)))
    assert {folder.name for folder in saved} == {"organ", "organ-2", "organ-3"}
    assert all((folder / "patch.json").exists() for folder in saved)
    assert {path.name for path in tmp_path.iterdir()} == {folder.name for folder in saved}


def small_experiment() -> str:
    """Write the experiment of a small model that trains from a set."""
    return yaml.safe_dump(EXPERIMENT | {"data": {"batch": 4, "group": 4, "loaders": 1}})
