"""``unsynth index`` and ``unsynth voices`` as they are typed."""

import numpy as np

from tests.commands import failing, output, run
from unsynth.formats.syx import init_voice, write_bank


def test_voices_lists_and_renders_a_bank(task, small_index, tmp_path):
    """Voices that the task can write lose nothing when they are imported."""
    patches = np.stack([small_index.patch(draw) for draw in range(3)])
    task.export(patches, tmp_path)
    lines = output("voices", tmp_path / "patches.syx", "--out", tmp_path / "sounds").splitlines()
    assert len(lines) == 32 and lines[0].split()[-1] == "0.000" and "UNSYNTH" in lines[0]
    names = sorted(path.name for path in (tmp_path / "sounds").iterdir())
    assert names == [f"{number:03d}.wav" for number in range(1, 33)]


def test_voices_refuses_a_file_that_is_no_bank(tmp_path, capsys):
    path = tmp_path / "x.syx"
    assert "cannot be read" in failing(capsys, "voices", path)
    path.write_bytes(b"hello")
    assert "x.syx: no DX7 voice" in failing(capsys, "voices", path)
    for velocity in (0, 128):
        assert "1<=x<=127" in failing(capsys, "voices", path, "--velocity", velocity)


def test_voices_remarks_on_damage_and_prints_names_without_control_characters(tmp_path):
    voice = init_voice("\x1b[31mRED")
    (tmp_path / "cut.syx").write_bytes(write_bank([voice])[:300])
    done = run("voices", tmp_path / "cut.syx")
    assert done.returncode == 0 and "?[31mRED" in done.stdout and "\x1b" not in done.stdout
    assert (
        done.stderr == "remark: 1 of 1 dumps cut short: only the voices before the cut are read\n"
    )


def test_index_writes_a_file_of_draws(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    done = run("index", "dx7", "--draws", 120, "--out", path)
    assert done.returncode == 0 and "120 draws of dx7" in done.stdout and path.exists()
    assert "x>=100" in failing(capsys, "index", "dx7", "--draws", 5)
    line = failing(capsys, "index", "dx7", "--out", tmp_path / "a" / "b.npz")
    assert "cannot be written there" in line
    assert "cannot be written there" in failing(capsys, "index", "dx7", "--out", tmp_path)
