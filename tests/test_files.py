"""Files are written completely or not at all."""

from pathlib import Path

import pytest

from unsynth.files import remove_unfinished, replacing


def test_a_finished_block_replaces_the_file(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_text("old")
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
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
