"""Datasets rendered on a real Ray cluster of this machine equal those of local workers."""

import os
import signal

import psutil
import pytest
import ray

from tests.data.tones import files, load, load_dead, plan_of, render_here
from unsynth.data.cluster import make_on_cluster
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import read_manifest
from unsynth.data.verify import verify
from unsynth.errors import EngineError


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Start two workers, at normal priority: by default, other load on the machine stalls them."""
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_killed_worker_does_not_change_the_set(tmp_path):
    plan = plan_of(count=30, shard_sounds=3)
    killed: list[int] = []
    for event in make_on_cluster(plan, Folder(tmp_path / "set"), None, load):
        busy = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "ray::_make_shard"]
        if not killed and busy and event.done >= 6:
            os.kill(busy[0].pid, signal.SIGKILL)
            killed.append(busy[0].pid)
            # What it leaves if it was just writing.
            (tmp_path / "set/.shard-000000.h5.1-1.unfinished").write_bytes(b"half")
    assert killed
    assert files(tmp_path / "set") == files(render_here(plan, tmp_path / "local").local)


def test_finished_shards_are_kept_on_any_filesystem(tmp_path):
    plan = plan_of(count=18)
    local = render_here(plan, tmp_path / "local")
    folder = Folder(tmp_path / "set")
    first = make_on_cluster(plan, folder, None, load)
    while next(first).done == 0:
        pass
    first.close()
    finished = [name for name in folder.names() if name.startswith("shard")]
    before = {name: (folder.local / name).stat().st_mtime_ns for name in finished}
    assert finished
    *_, last = make_on_cluster(plan, folder, None, load)
    assert last.done == 18 and files(folder.local) == files(local.local)
    assert {name: (folder.local / name).stat().st_mtime_ns for name in finished} == before
    # dir:// stands for the object stores: not a LocalFileSystem, so written by upload.
    remote = Folder(f"dir::file://{tmp_path}/remote")
    assert remote.local is None
    list(make_on_cluster(plan, remote, None, load))
    # That filesystem may put the files into folders below this one.
    uploaded = {p.name: p.read_bytes() for p in (tmp_path / "remote").rglob("*") if p.is_file()}
    assert uploaded == files(local.local)
    *_, result = verify([remote], load)
    assert result.problems == () and read_manifest(remote).finished


def test_errors_of_workers_are_raised(tmp_path):
    with pytest.raises(EngineError, match="gave a sound; the engine says: ValueError"):
        list(make_on_cluster(plan_of("broken", count=1), Folder(tmp_path / "a"), None, load_dead))
    ray.shutdown()
    with pytest.raises(DatasetError, match="no Ray cluster there"):
        list(make_on_cluster(plan_of(), Folder(tmp_path / "b"), "127.0.0.1:1", load))
