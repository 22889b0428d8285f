"""The same plan on a real Ray cluster of this machine."""

import os
import signal

import psutil
import pytest
import ray

from tests.data.tones import files, load, made, plan_of
from unsynth.data.cluster import make_on_cluster
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import read_manifest
from unsynth.data.verify import verify
from unsynth.errors import EngineError


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two workers; by default they would wait for whatever else this machine does."""
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_set_is_the_same_with_a_worker_killed_in_the_middle(tmp_path):
    plan = plan_of(count=48, shard_sounds=6)
    killed: list[int] = []
    for event in make_on_cluster(plan, Folder(tmp_path / "set"), None, load):
        busy = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "ray::_make_shard"]
        if not killed and busy and event.sounds >= 12:
            os.kill(busy[0].pid, signal.SIGKILL)
            killed.append(busy[0].pid)
    assert killed
    assert files(tmp_path / "set") == files(made(plan, tmp_path / "local").local)


def test_what_is_there_is_kept_and_any_filesystem_will_do(tmp_path):
    plan = plan_of(count=18)
    one = made(plan, tmp_path / "one")
    folder = Folder(tmp_path / "two")
    first = make_on_cluster(plan, folder, None, load)
    while next(first).sounds == 0:
        pass
    first.close()
    there = [name for name in folder.names() if name.startswith("shard")]
    before = {name: (folder.local / name).stat().st_mtime_ns for name in there}
    assert there
    *_, last = make_on_cluster(plan, folder, None, load)
    assert last.sounds == 18 and files(folder.local) == files(one.local)
    assert {name: (folder.local / name).stat().st_mtime_ns for name in there} == before
    # dir:// stands for the object stores: not a LocalFileSystem, so written by upload.
    remote = Folder(f"dir::file://{tmp_path}/three")
    assert remote.local is None
    list(make_on_cluster(plan, remote, None, load))
    # Where that filesystem puts them below the folder is its own affair.
    uploaded = {p.name: p.read_bytes() for p in (tmp_path / "three").rglob("*") if p.is_file()}
    assert uploaded == files(one.local)
    *_, verdict = verify([remote], load)
    assert verdict.problems == () and read_manifest(remote).finished


def test_errors_of_the_workers_arrive(tmp_path):
    with pytest.raises(EngineError, match="gave a sound; the engine says: ValueError"):
        list(make_on_cluster(plan_of("broken", count=1), Folder(tmp_path / "a"), None, dead))
    ray.shutdown()
    with pytest.raises(DatasetError, match="no Ray cluster there"):
        list(make_on_cluster(plan_of(), Folder(tmp_path / "b"), "127.0.0.1:1", load))


def dead(name: str) -> object:
    """Every draw of this task fails."""
    task = load("broken")
    task._first, task._modes = 3, 1
    return task
