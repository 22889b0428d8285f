"""Datasets rendered by real processes, with real engines that are killed in the middle."""

import contextlib
import dataclasses
import inspect
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from tests.commands import failing, output
from tests.data.engines import CRASH, ERROR, HANG
from tests.data.tones import files, load, load_dead, load_telling, plan_of, render_here, render_set
from unsynth.audio.mel import log_mel
from unsynth.audio.observation import Observation
from unsynth.data import local
from unsynth.data.draws import audible_draws
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.local import make_dataset
from unsynth.data.manifest import MANIFEST, begin, read_manifest, read_patches
from unsynth.data.plan import Plan
from unsynth.data.seeding import Split, item_key
from unsynth.data.shards import levels, make_shard, read_shard, shard_bytes, sound
from unsynth.data.verify import Verification, verify
from unsynth.errors import EngineError
from unsynth.evaluation.targets import find_targets
from unsynth.rendering.renderer import Renderer

UNSYNTH = [sys.executable, "-m", "unsynth"]


def spawned(parent: psutil.Process | None = None) -> list[psutil.Process]:
    """List the workers that a process has started, without the loaders of other tests."""
    workers = []
    for child in (parent or psutil.Process()).children():
        with contextlib.suppress(psutil.Error):
            loader = child.name() == "pt_data_worker"
            if "spawn_main" in " ".join(child.cmdline()) and not loader:
                workers.append(child)
    return workers


def verification(*folders: Folder) -> Verification:
    *_, result = verify(list(folders), load)
    assert isinstance(result, Verification)
    return result


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Draws of the prior take most of the time of a check."""
    monkeypatch.setattr("unsynth.data.verify._PRIOR_DRAWS", 500)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of 20 sounds; tests that change it copy it first."""
    return render_here(plan_of(), tmp_path_factory.mktemp("sets") / "good").local


def test_a_shard_holds_patches_sounds_and_observations(task):
    plan = Plan(
        task="dx7",
        task_hash=task.hash,
        count=8,
        shard_sounds=5,
        observe=(Observation.LOG_MEL, Observation.NOTE),
        audio=True,
    )
    with Renderer(task.synth, workers=1) as renderer:
        shards = [make_shard(plan, number, task, renderer) for number in range(2)]
    data = shard_bytes(plan, shards[1])
    assert data == shard_bytes(plan, shards[1])

    stored_plan, shard, digest = read_shard(io.BytesIO(data), "a shard")
    assert (
        stored_plan == plan and shard.number == 1 and digest == shard.digest() == shards[1].digest()
    )
    arrays = shard.arrays
    assert len(arrays["patches"]) == 3 and not np.array_equal(
        shards[0].arrays["patches"][:3], arrays["patches"]
    )
    np.testing.assert_array_equal(task.spec.decode(arrays["x"].astype(float)), arrays["patches"])
    assert arrays["log-mel"].dtype == np.uint8 and arrays["log-mel"].shape == (3, 1, 128, 401)
    for row, patch in enumerate(arrays["patches"]):
        audio = task.synth().render(task.engine_patch(patch), task.note(patch))
        restored = sound(shard, row)
        step = max(1.0, np.abs(audio).max()) / 32767
        assert np.abs(restored - audio).max() <= 0.51 * step
        exact = log_mel(audio)
        assert np.abs(levels(arrays["log-mel"][row]) - exact).max() <= 80 / 255 / 2 + 1e-3
        note = Observation.NOTE.observe(audio, 44100)
        np.testing.assert_array_equal(arrays["note"][row], note)
    total, squares = arrays["sums/log-mel"]
    np.testing.assert_array_equal(total, arrays["log-mel"].astype(int).sum(axis=0))
    np.testing.assert_array_equal(squares, (arrays["log-mel"].astype(int) ** 2).sum(axis=0))


def test_a_set_is_a_function_of_its_plan(good, tmp_path):
    """Rendered by two workers, it is the same as without any."""
    folder = render_set(plan_of(), tmp_path / "again", workers=2)
    assert files(folder.local) == files(good)
    assert set(files(good)) == {
        MANIFEST,
        "log-mel.statistics.npy",
        *(f"shard-{j:06d}.h5" for j in range(4)),
    }
    other = render_here(plan_of(seed=1), tmp_path / "other")
    assert not set(files(other.local).values()) & set(files(good).values())
    result = verification(Folder(good), other)
    assert result.problems == () and "20 sounds of tones (train)" in result.remarks[0]


@pytest.mark.parametrize(
    ("kinds", "level"),
    [((Observation.LOG_MEL, Observation.NOTE), 0.5), ((Observation.WINDOWS,), 1.0)],
)
def test_a_worker_has_torch_for_windows_alone_and_with_one_thread(tmp_path, kinds, level):
    """Without torch it starts a second sooner, and is half as large."""
    plan = plan_of(count=2, observe=kinds, audio=True)
    list(make_dataset(plan, Folder(tmp_path), 1, load_telling))
    _, shard, _ = read_shard(io.BytesIO((tmp_path / plan.file(0)).read_bytes()), "a shard")
    assert [sound(shard, row).max() for row in range(2)] == pytest.approx([level] * 2, abs=1e-4)


def test_statistics_are_those_of_the_sounds(good):
    sounds = []
    for number in range(4):
        with (good / f"shard-{number:06d}.h5").open("rb") as file:
            sounds.append(read_shard(file, "a shard")[1].arrays["log-mel"])
    values = np.concatenate(sounds).astype(float)
    mean, deviation = np.load(good / "log-mel.statistics.npy")
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, values.std(axis=0), rtol=1e-4, atol=1e-4)


def test_draws_that_crash_hang_or_fail_are_recorded_and_replaced(tmp_path):
    """A second worker renders each draw that costs a worker; the run continues."""
    # Of this seed's draws, the first ones of items 1 and 3 fail once in each way.
    plan = plan_of("broken", count=4, shard_sounds=2, seed=130, time_limit=2.0)
    folder = render_set(plan, tmp_path / "broken")
    manifest = read_manifest(folder)
    reasons = {entry["patch"]["mode"]: entry["reason"] for entry in manifest.failed}
    assert "exit code -11" in reasons[CRASH] and "no sound after 2 s" in reasons[HANG]
    assert "no such mode" in reasons[ERROR]
    assert manifest.rejected == {"silent": 1, "failed": 3} and len(manifest.failed) == 3
    for entry in manifest.failed:
        assert set(entry) == {"item", "draw", "reason", "patch"} and entry["patch"]["mode"] < 4
    shards = []
    for number in range(2):
        with folder.open(plan.file(number)) as file:
            shards.append(read_shard(file, "a shard")[1].arrays)
    modes = np.concatenate([arrays["patches"][:, 1] for arrays in shards])
    assert len(modes) == 4 and modes.min() > ERROR
    assert sum(int(a["draws"].sum()) for a in shards) == 4
    assert verification(folder).problems == ()


def test_a_draw_survives_a_kill_of_its_engine(tmp_path):
    """A kill of the engine's process from outside does not change the sound."""
    plan, killed = plan_of("slow", count=10, shard_sounds=10), []
    whole, folder = render_here(plan, tmp_path / "whole"), Folder(tmp_path / "killed")
    for event in make_dataset(plan, folder, 1, load):
        engines = [engine for worker in spawned() for engine in spawned(worker)]
        if event.done and engines and not killed:  # it renders the next sound
            killed.append(engines[0])
            engines[0].kill()
    assert killed and files(folder.local) == files(whole.local)


def test_a_stopped_worker_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "WORK_SECONDS", 1.0)
    monkeypatch.setattr(local, "START_SECONDS", 30.0)
    plan, stopped = plan_of(count=60, shard_sounds=60, time_limit=1.0), []
    for event in make_dataset(plan, Folder(tmp_path / "set"), 1, load):
        if not stopped and 0 < event.done < 60:
            stopped += spawned()
            stopped[-1].suspend()
    assert stopped and not stopped[-1].is_running()
    assert files(tmp_path / "set") == files(render_here(plan, tmp_path / "whole").local)


def test_workers_that_grow_are_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "MOST_GROWTH", -1)
    plan, workers = plan_of(count=4, shard_sounds=2), set()
    for _ in make_dataset(plan, Folder(tmp_path / "set"), 1, load):
        workers |= {child.pid for child in spawned()}
    assert len(workers) >= plan.shards == 2
    assert files(tmp_path / "set") == files(render_here(plan, tmp_path / "whole").local)


def test_an_engine_that_always_fails_ends_the_run(tmp_path):
    with pytest.raises(EngineError, match="gave a sound; the engine says"):
        list(make_dataset(plan_of("broken", count=1), Folder(tmp_path), 1, load_dead))


def rendering(path: Path, workers: int = 1) -> list[str]:
    options = f"--count 80 --shard-sounds 10 --workers {workers}"
    return ["render", "dx7", str(path), *options.split()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output(*rendering(path := tmp_path_factory.mktemp("undisturbed") / "set"))
    return path


def test_kills_at_random_moments_do_not_change_the_set(undisturbed, tmp_path):
    """Kill -9 the command; kill a worker of the next one, and press Ctrl-C; then finish the set."""
    path, rng = tmp_path / "set", random.Random(0)

    def start(workers: int) -> subprocess.Popen[bytes]:
        command = [*UNSYNTH, *rendering(path, workers)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=default_interrupts)

    def wait_for_a_shard(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Wait until there is one more, and a moment; return the workers."""
        before = len(list(path.glob("shard*")))
        while len(list(path.glob("shard*"))) == before and process.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.1))
        return spawned(psutil.Process(process.pid))

    def check_ended(workers: list[psutil.Process]) -> None:
        _, outlive = psutil.wait_procs(workers, timeout=60)
        assert not [p for p in outlive if p.is_running() and p.status() != "zombie"]

    killed = start(workers=1)
    workers = wait_for_a_shard(killed)
    killed.kill()
    assert killed.wait(120) == -signal.SIGKILL
    check_ended(workers)

    interrupted = start(workers=2)
    wait_for_a_shard(interrupted)[-1].kill()
    workers = wait_for_a_shard(interrupted)
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(120) == 2
    assert b"the same command continues" in interrupted.stderr.read()
    check_ended(workers)

    assert 3 <= len(list(path.glob("shard*.h5"))) < 8
    output(*rendering(path))
    assert files(path) == files(undisturbed)


def default_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_full_disk_costs_no_finished_shard(undisturbed, tmp_path, capsys):
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk here")
    try:
        assert "No space left" in failing(capsys, *rendering(path / "set"))
        finished = files(path / "set")
        assert {name: files(undisturbed)[name] for name in finished if name != MANIFEST} == {
            name: data for name, data in finished.items() if name != MANIFEST
        }
        assert any(name.startswith("shard") for name in finished)
        assert subprocess.run(["mount", "-o", "remount,size=20m", str(path)]).returncode == 0
        output(*rendering(path / "set"))
        assert files(path / "set") == files(undisturbed)
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_quarter_of_a_million_items_have_different_keys():
    """Keys of 32 bits would already have some in common."""
    each = 250_000 // len(Split)
    key = inspect.unwrap(item_key)  # the check of its types takes most of its time
    keys = {key("dx7", split, item) for split in Split for item in range(each)}
    assert len(keys) == each * len(Split)


def copy(good: Path, path: Path) -> Path:
    return shutil.copytree(good, path)


def rewrite(path: Path, number: int, **arrays: np.ndarray) -> None:
    """Replace arrays of a shard, and its hash."""
    file = path / f"shard-{number:06d}.h5"
    with file.open("rb") as stream:
        plan, shard, _ = read_shard(stream, "a shard")
    shard = dataclasses.replace(shard, arrays=shard.arrays | arrays)
    file.write_bytes(shard_bytes(plan, shard))


def test_verify_names_each_problem(good, tmp_path):
    with (good / "shard-000000.h5").open("rb") as file:
        arrays = read_shard(file, "a shard")[1].arrays
    patches, x = arrays["patches"], arrays["x"]

    path = copy(good, tmp_path / "missing")
    (path / "shard-000002.h5").unlink()
    assert "shard-000002.h5 is missing" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "torn")
    data = (path / "shard-000001.h5").read_bytes()
    (path / "shard-000001.h5").write_bytes(data[: len(data) // 2])
    assert "shard-000001.h5 is damaged" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "flipped")
    with h5py.File(path / "shard-000001.h5", "r+") as shard:
        shard["loudness"][2] += 1.0
    assert "its hash does not match" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "nan")
    rewrite(path, 0, x=np.where(np.arange(len(x))[:, None] == 3, np.nan, x).astype(np.float32))
    assert "x that are not finite: item 3" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "encoded")
    rewrite(path, 0, x=x + np.float32(0.01))
    assert "do not encode" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "swapped")
    rewrite(path, 0, patches=patches[::-1].copy(), x=x[::-1].copy())
    assert "a patch for item 0 that is not the plan's" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "moved")
    shutil.copy(path / "shard-000001.h5", path / "shard-000000.h5")
    assert "another place" in verification(Folder(path)).problems[0]

    path = copy(good, tmp_path / "twin")
    assert "has a patch of" in verification(Folder(good), Folder(path)).problems[0]

    path = copy(good, tmp_path / "begun")
    (path / "log-mel.statistics.npy").unlink()
    assert "is missing" in verification(Folder(path)).problems[0]


def test_verify_compares_statistics_and_counts_with_the_shards(good, tmp_path):
    path = copy(good, tmp_path / "statistics")
    file = path / "log-mel.statistics.npy"
    whole = file.read_bytes()
    for data in (whole[:100], b"", whole[:-4] + np.float32(np.nan).tobytes()):
        file.write_bytes(data)
        (problem,) = verification(Folder(path)).problems
        assert "log-mel.statistics.npy is damaged" in problem

    for field, value in [
        ("sounds", 19),
        ("rejected", {"silent": 3, "failed": 0}),
        ("failed", [{"item": 0}]),
    ]:
        path = copy(good, tmp_path / field)
        manifest = json.loads((path / MANIFEST).read_text())
        (path / MANIFEST).write_text(json.dumps(manifest | {field: value}))
        problems = verification(Folder(path)).problems
        assert f"{MANIFEST} has {field} " in problems[0] and len(problems) == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("count", 10**12, "plan.count: .* less than or equal to 1000000000, not 1000000000000"),
        ("count", 10**9, "are more than 1,000,000 shards"),
        ("count", True, "plan.count: .* not True"),
        ("seed", "2001-01-01", "plan.seed: .* not '2001-01-01'"),
        ("observe", "x" * 10**6, "plan.observe: .* not 'x"),
        ("task", [[[0] * 99] * 99], "plan.task: .* not "),
    ],
)
def test_values_of_a_manifest_beyond_a_limit_are_refused(good, tmp_path, field, value, message):
    path = copy(good, tmp_path / "set") / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["plan"][field] = value
    path.write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=message) as error:
        read_manifest(Folder(path.parent))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("kind", ["link", "external file", "virtual", "group"])
def test_a_shard_that_reads_other_files_is_refused(good, tmp_path, kind):
    path = copy(good, tmp_path / "set")
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["patches"] = np.zeros((4, 3), np.float32)
    with h5py.File(path / "shard-000001.h5", "r+") as shard:
        shape, dtype = shard["patches"].shape, shard["patches"].dtype
        del shard["patches"]
        if kind == "link":
            shard["patches"] = h5py.ExternalLink(str(other), "patches")
        elif kind == "external file":
            places = [(str(other), 0, h5py.h5f.UNLIMITED)]
            shard.create_dataset("patches", shape, dtype, external=places)
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, dtype)
            layout[:4] = h5py.VirtualSource(str(other), "patches", (4, shape[1]))
            shard.create_virtual_dataset("patches", layout)
        else:
            shard["patches"] = shard
    with pytest.raises(DatasetError, match=r"shard-000001.h5 is damaged .*patches"):
        read_patches(Folder(path))


def test_a_shard_without_patches_is_named(good, tmp_path):
    path = copy(good, tmp_path / "set")
    assert read_patches(Folder(path)).shape == (20, len(load("tones").spec.parameters))
    with h5py.File(path / "shard-000001.h5", "r+") as shard:
        del shard["patches"]
    with pytest.raises(DatasetError, match=r"shard-000001.h5 is damaged"):
        read_patches(Folder(path))


def test_verify_compares_parameters_with_their_prior(tmp_path):
    folder = render_here(plan_of(count=300, shard_sounds=300), tmp_path / "set")
    assert verification(folder).problems == ()
    with folder.open("shard-000000.h5") as file:
        patches = read_shard(file, "a shard")[1].arrays["patches"].copy()
    patches[:, 0] = np.sort(patches[:, 0])[::-1] ** 2 * 0.9 + 0.1
    patches[:, 0] = patches[:, 0].round(3)
    x = load("tones").spec.encode(patches).astype(np.float32)
    rewrite(folder.local, 0, patches=patches, x=x)
    assert any("level is not distributed as its prior" in p for p in verification(folder).problems)


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 3), ("count", 21), ("audio", True), ("time_limit", 5.0)]
)
def test_a_folder_with_another_plan_is_refused(good, key, value):
    before = files(good)
    with pytest.raises(DatasetError, match=f"another set, with {key} "):
        render_set(plan_of(**{key: value}), good)
    assert files(good) == before


def test_unusable_folders_are_refused(good, tmp_path):
    with pytest.raises(DatasetError, match="other files"):
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "letter.txt").write_text("dear")
        render_set(plan_of(), tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=str(tmp_path / "file")):
        render_set(plan_of(), tmp_path / "file")
    with pytest.raises(DatasetError, match="is not a dataset"):
        verification(Folder(tmp_path / "nowhere"))
    for url in (f"zip://{tmp_path}/none.zip", "ftp://127.0.0.1:9/set", "github://set", "no://set"):
        with pytest.raises(DatasetError, match=f"^{url}: cannot be reached"):
            Folder(url)
    path = copy(good, tmp_path / "other")
    text = (path / MANIFEST).read_text().replace(load("tones").hash, "f" * 16)
    (path / MANIFEST).write_text(text)
    with pytest.raises(DatasetError, match=r"f{16}.*make a new set"):
        verification(Folder(path))
    (path / MANIFEST).write_text("{")
    with pytest.raises(DatasetError, match="damaged"):
        verification(Folder(path))


def test_a_plan_without_shards_may_be_replaced(tmp_path, good):
    begin(Folder(tmp_path / "set"), plan_of(seed=9))
    assert files(render_here(plan_of(), tmp_path / "set").local) == files(good)


def test_a_read_only_folder_is_refused(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True).returncode:
        path.chmod(0o500)
    try:
        with pytest.raises(DatasetError, match=r"denied|[Rr]ead-only"):
            render_set(plan_of(), path / "set")
    finally:
        if os.path.ismount(path):
            subprocess.run(["umount", str(path)], check=True)


def test_a_second_process_is_refused(tmp_path):
    first = make_dataset(plan_of(), Folder(tmp_path), 1, load)
    next(first)
    plan, writing = (tmp_path / MANIFEST).read_bytes(), tmp_path / ".letter.1-1.unfinished"
    writing.touch()
    for second in (plan_of(), plan_of(seed=9)):
        with pytest.raises(DatasetError, match="another process"):
            list(make_dataset(second, Folder(tmp_path), 1, load))
    assert (tmp_path / MANIFEST).read_bytes() == plan and writing.exists()
    first.close()
    assert not spawned() and not writing.exists() and not list(tmp_path.glob(".*.lock"))


def test_parts_that_are_made_at_once_are_one_set(good, tmp_path):
    """Each leaves the other's files alone, and the last one finishes the set."""
    folder = Folder(tmp_path / "set")
    first = make_dataset(plan_of(), folder, 1, load, (1, 2))
    assert next(first).total == plan_of().sounds(plan_of().part(1, 2))
    with pytest.raises(DatasetError, match="another process"):
        next(make_dataset(plan_of(), folder, 1, load, (1, 2)))
    for other in ((1, 1), (2, 3)):
        with pytest.raises(DatasetError, match="another number of parts"):
            next(make_dataset(plan_of(), folder, 1, load, other))
    writing = tmp_path / "set" / ".shard-000000.h5.1-1.unfinished"
    writing.touch()
    *_, last = make_dataset(plan_of(), folder, 1, load, (2, 2))
    assert last.done == last.total == plan_of().sounds(plan_of().part(2, 2)) > 0
    assert writing.exists() and not read_manifest(folder).finished
    *_, last = first
    assert last.done == last.total
    assert files(tmp_path / "set") == files(good)


@pytest.mark.parametrize(("shards", "parts"), [(7, 1), (7, 3), (7, 7)])
def test_parts_share_the_shards_equally(shards, parts):
    plan = plan_of(count=shards * 10, shard_sounds=10)
    all_parts = [plan.part(number + 1, parts) for number in range(parts)]
    assert sorted(shard for part in all_parts for shard in part) == list(range(shards))
    assert max(map(len, all_parts)) - min(map(len, all_parts)) <= 1


def test_a_truncated_shard_is_named_when_the_set_is_finished(good, tmp_path):
    path = copy(good, tmp_path / "torn")
    (path / "shard-000003.h5").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"shard-000003.h5 is damaged .*delete it"):
        render_set(plan_of(), path)
    (path / "shard-000003.h5").unlink()
    assert files(render_set(plan_of(), path).local) == files(good)


def test_the_items_of_a_set_can_be_targets(undisturbed, good, task):
    targets = find_targets([str(undisturbed)], task, 0)
    assert len(targets.names) == 80 and targets.names[41] == "train-000041"
    with Renderer(task.synth, workers=1) as renderer:
        target = targets.load(41, renderer)
        ((patch, audio),) = audible_draws(task, renderer, Split.TRAIN, [41])
    np.testing.assert_array_equal(target.audio, audio)
    np.testing.assert_array_equal(target.second_render, audio)
    assert target.pitch == task.note(patch).pitch
    with pytest.raises(DatasetError, match="holds sounds of task tones"):
        find_targets([str(good)], task, 0)
