"""``unsynth index`` and ``unsynth voices`` as they are typed."""

import json

import numpy as np

from tests.commands import failing, output, run
from unsynth.formats.syx import init_voice, write_bank
from unsynth.index.files import shipped_index_path


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


def test_voices_as_json_have_every_value_by_name(tmp_path, capsys):
    voice = init_voice("E.PIANO")
    voice[[134, 142, 144]] = 4, 5, 12  # algorithm, LFO wave, transpose
    second = 4 * 21  # operator 2
    voice[second + 8 : second + 13] = 39, 20, 30, 1, 3
    voice[second + 17 : second + 21] = 1, 2, 50, 0
    (tmp_path / "bank.syx").write_bytes(write_bank([voice, init_voice()]))
    content = json.loads(output("voices", tmp_path / "bank.syx", "--json"))
    assert content["remarks"] == [] and len(content["voices"]) == 32
    first = content["voices"][0]
    assert (first["number"], first["name"], first["algorithm"]) == (1, "E.PIANO", 5)
    assert (first["transpose"], first["lfo"]["wave"]) == (-12, "sample & hold")
    one, two = first["operators"][:2]
    assert (one["operator"], one["output_level"], one["ratio"]) == (1, 99, 1.0)
    assert (two["mode"], two["hz"], two["detune"]) == ("fixed", 316.228, -7)
    assert (two["break_point"], two["left_curve"], two["left_depth"]) == ("C3", "-EXP", 20)
    assert (two["right_curve"], two["right_depth"]) == ("+LIN", 30)
    assert isinstance(first["import_error"], float)
    (tmp_path / "cut.syx").write_bytes(write_bank([voice])[:300])
    done = run("voices", tmp_path / "cut.syx", "--json")
    assert len(json.loads(done.stdout)["remarks"]) == 1 and "cut short" in done.stderr


def test_an_index_that_ships_is_replaced_only_if_damaged(tmp_path, capsys, monkeypatch, task):
    path = tmp_path / "dx7.index.npz"
    path.write_bytes(shipped_index_path(task).read_bytes())
    monkeypatch.setattr("unsynth.index.files.shipped_index_path", lambda task: path)
    before = path.read_bytes()
    assert "comes with an index" in failing(capsys, "index", "dx7", "--draws", 120)
    assert path.read_bytes() == before
    path.write_bytes(before[:1000])
    assert f"120 draws of dx7: {path}" in output("index", "dx7", "--draws", 120)


def test_models_lists_what_ships_and_prints_each_card(capsys):
    lines = [line.split() for line in output("models").splitlines()]
    shipped = {(line[0], line[1]): line for line in lines}
    indices = {name for name, kind in shipped if kind == "index"}
    assert {name for name, kind in shipped if kind == "model"} == {"dx7", "vital-simple"}
    assert indices >= {"dx7", "vital-simple", "surge-simple", "surge-full"}
    assert float(shipped["dx7", "model"][2]) > 10 and "6,200" in shipped["dx7", "model"]
    for task, kind in shipped:
        if kind == "model":
            card = output("models", task)
            assert card.startswith(f"# Model card: {task}") and "CC BY 4.0" in card
    assert "there are: dx7, vital-simple" in failing(capsys, "models", "dx9")


def test_index_writes_a_file_of_draws(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    done = run("index", "dx7", "--draws", 120, "--out", path)
    assert done.returncode == 0 and "120 draws of dx7" in done.stdout and path.exists()
    assert "x>=100" in failing(capsys, "index", "dx7", "--draws", 5)
    line = failing(capsys, "index", "dx7", "--out", tmp_path / "a" / "b.npz")
    assert "cannot be written there" in line
    assert "cannot be written there" in failing(capsys, "index", "dx7", "--out", tmp_path)
