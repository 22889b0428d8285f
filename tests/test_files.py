"""Files are written completely or not at all."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock

from unsynth.files import hash_file, lock_file, lock_folder, remove_unfinished, replacing


def test_a_finished_block_replaces_the_file(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_text("old")
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_several_may_write_a_file_at_once(tmp_path):
    """Those of threads have other names, and so have those of processes."""
    path = tmp_path / "table.md"
    barrier = threading.Barrier(2, timeout=60)

    def write(text: str) -> None:
        with replacing(path) as unfinished:
            barrier.wait()
            unfinished.write_text(text)
            barrier.wait()
            assert unfinished.read_text() == text

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ["one", "two"]))
    assert path.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_block_keeps_the_old_file_and_leaves_nothing(tmp_path, error):
    path = tmp_path / "weights.bin"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as unfinished:
        unfinished.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_before_it_writes_leaves_nothing(tmp_path):
    with pytest.raises(ValueError), replacing(tmp_path / "new.bin"):
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_a_failing_rename_leaves_nothing(tmp_path):
    """A file cannot replace a folder."""
    folder = tmp_path / "weights.bin"
    folder.mkdir()
    with pytest.raises(OSError), replacing(folder) as unfinished:
        unfinished.write_text("new")
    assert list(tmp_path.iterdir()) == [folder]


def test_files_of_killed_processes_are_removed(tmp_path):
    paths: list[Path] = [tmp_path / "weights.bin", tmp_path / ".hidden"]
    for path in paths:
        path.write_text("keep")
    writer = replacing(tmp_path / "weights.bin")
    writer.__enter__().write_text("half")  # a killed process never leaves the block
    assert len(list(tmp_path.iterdir())) == 3
    remove_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_the_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_file(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_one_holder_has_a_lock_and_leaves_no_file(tmp_path):
    path = tmp_path / "work.lock"
    with lock_file(path) as first, lock_file(path) as second, lock_file(path, 0.1) as late:
        assert first and not second and not late and path.exists()
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt), lock_file(path):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_lock_that_passes_on_keeps_others_out(tmp_path, monkeypatch):
    """The next holder may have the lock before the last one has done with its file."""
    path, release = tmp_path / "work.lock", FileLock.release
    with ExitStack() as stack:

        def pass_on(lock: FileLock, *arguments: object, **options: object) -> None:
            monkeypatch.setattr(FileLock, "release", release)
            release(lock, *arguments, **options)
            assert stack.enter_context(lock_file(path))

        with lock_file(path):
            monkeypatch.setattr(FileLock, "release", pass_on)
        with lock_file(path) as third:
            assert not third


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
def test_one_holder_has_the_lock_of_a_folder(tmp_path):
    with lock_folder(tmp_path) as first, lock_folder(tmp_path) as second:
        assert first and not second
    with lock_folder(tmp_path) as again, lock_folder(tmp_path / "none") as missing:
        assert again and not missing
    assert not list(tmp_path.iterdir())
