"""The main job, through the command and through Python, on real sounds."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import platformdirs
import pytest
import soundfile

from tests.models.small import SMALL, small_flow
from tests.tiny import RATE, InProcesses, TinySynth, TinyTask
from unsynth.artifacts import SamplingSettings, describe, save_artifact
from unsynth.audio.pitch import pitch
from unsynth.cli import main
from unsynth.errors import UnsynthError
from unsynth.flow.solver import Solver
from unsynth.formats.syx import read_voices
from unsynth.inversion.posterior import load_posterior
from unsynth.inversion.proposals import own_index_path, save_index
from unsynth.match import Finished, Progress, match
from unsynth.metrics.audio import mss
from unsynth.models.architecture import FlowArchitecture
from unsynth.synths.base import Note

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unsynth", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def index_file(small_index, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("index") / "small.npz"
    save_index(small_index, path)
    return path


@pytest.fixture(scope="module")
def finished(task, small_index, tmp_path_factory) -> Finished:
    """One match of a sound of the task's own, on a note the index has never heard."""
    folder = tmp_path_factory.mktemp("match")
    synth = task.synth()
    for draw in range(len(small_index)):  # the first that sounds on the note it is played on
        voice = task.engine_patch(small_index.patch(draw))
        sound = synth.render(voice, Note(67, 0.1, 1.0))
        heard = pitch(sound, 44_100, 0.1)
        if heard and round(heard) == 67:
            break
    soundfile.write(folder / "own sound.wav", sound.T / 4, 44_100, subtype="FLOAT")
    events = list(match(folder / "own sound.wav", task, folder / "out", 8, index=small_index))
    assert all(isinstance(e, Progress) for e in events[:-1]) and len(events) > 5
    return events[-1]


def test_a_patch_of_its_own_is_found(finished):
    best = finished.inversion.candidates[0]
    assert best.score < 1.0 < np.median(finished.inversion.random_scores)
    assert finished.inversion.noise_floor == 0.0
    assert finished.inversion.task.note(best.patch).pitch == 67


def test_candidates_are_ranked_distinct_and_scored_truly(finished):
    inversion = finished.inversion
    scores = [c.score for c in inversion.candidates]
    assert scores == sorted(scores) and len(scores) == 8
    assert len({c.patch[:-3].tobytes() for c in inversion.candidates}) == 8
    for candidate in inversion.candidates[:3]:
        assert candidate.score == pytest.approx(
            mss(inversion.target.audio, candidate.audio), abs=1e-3
        )


def test_the_files_hold_what_was_heard(finished):
    folder, inversion = finished.folder, finished.inversion
    names = {"patches.syx", "patch.json", "best.wav", "note.mid", "report.html"}
    assert {p.name for p in folder.iterdir()} == names and folder.name == "own sound"
    task, best = inversion.task, inversion.candidates[0]
    note = task.note(best.patch)

    voices = read_voices((folder / "patches.syx").read_bytes())
    for voice, candidate in zip(voices, inversion.candidates, strict=False):
        again = task.synth().render(voice, task.note(candidate.patch))
        assert (
            np.sqrt(np.mean((again - candidate.audio) ** 2)) < 5e-3 * np.abs(candidate.audio).max()
        )

    written, rate = soundfile.read(folder / "best.wav")
    assert rate == 44_100
    scale = max(1.0, np.abs(best.audio).max())
    np.testing.assert_allclose(written, best.audio[0] / scale, atol=1e-4)

    midi = mido.MidiFile(folder / "note.mid")
    (on, off) = [m for m in midi if not m.is_meta]
    assert (on.note, on.velocity, off.note) == (note.pitch, 100, note.pitch)
    assert on.time == pytest.approx(note.onset, abs=1e-3)
    assert off.time == pytest.approx(note.duration, abs=1e-3)

    data = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    first = data["candidates"][0]
    patch = task.spec.from_named(first["parameters"])
    np.testing.assert_array_equal(
        task.engine_patch(patch), task.engine_patch(task.neutral(best.patch))
    )
    assert set(first["undetermined"]) == {
        n for n, heard in zip(task.spec.names, task.active(best.patch), strict=True) if not heard
    }
    assert "own sound.wav" in (folder / "report.html").read_text(encoding="utf-8")


def test_same_seed_same_patches_and_a_new_folder(task, small_index, finished):
    sound = finished.folder.parent.parent / "own sound.wav"
    *_, again = match(sound, task, finished.folder.parent, 8, index=small_index)
    assert again.folder.name == "own sound-2" and finished.folder.is_dir()
    for one, other in zip(finished.inversion.candidates, again.inversion.candidates, strict=True):
        np.testing.assert_array_equal(one.patch, other.patch)
    np.testing.assert_array_equal(finished.inversion.random_scores, again.inversion.random_scores)


def test_the_note_can_be_fixed(task, small_index, finished, tmp_path):
    sound = finished.folder.parent.parent / "own sound.wav"
    *_, fixed = match(sound, task, tmp_path, 4, pitch=55, index=small_index)
    assert {task.note(c.patch).pitch for c in fixed.inversion.candidates} == {55}
    for wrong in ({"pitch": 20}, {"pitch": 97}, {"candidates": 0}, {"candidates": 33}):
        with pytest.raises(UnsynthError, match=r"note|candidates"):
            next(match(sound, task, tmp_path / "none", index=small_index, **wrong))
    assert not (tmp_path / "none").exists()


def test_a_model_s_samples_stand_beside_the_index(task, small_index, finished, tmp_path):
    """An untrained model: what it samples is poor, and is told apart."""
    path = tmp_path / "dx7.safetensors"
    sampling = SamplingSettings(solver=Solver.EULER, steps=2, guidance=1.0)
    artifact = describe(task, FlowArchitecture.model_validate(SMALL), sampling, 0.9, 1, None)
    save_artifact(path, small_flow(task.spec.width), artifact)
    few = replace(small_index, items=small_index.items[:5], codes=small_index.codes[:5])
    sound = finished.folder.parent.parent / "own sound.wav"
    model = load_posterior(task, path)
    *events, both = match(sound, task, tmp_path, 32, index=few, posterior=model)
    assert any(e.stage == "sampling the posterior" for e in events)
    origins = [c.origin for c in both.inversion.candidates]
    assert origins.count("index") == 5 and origins.count("posterior") >= 4  # some are silent
    assert {task.note(c.patch).pitch for c in both.inversion.candidates} == {67}
    told = json.loads((both.folder / "patch.json").read_text(encoding="utf-8"))["candidates"]
    assert [c["origin"] for c in told] == origins


def test_closing_the_generator_leaves_nothing(task, small_index, finished, tmp_path):
    sound = finished.folder.parent.parent / "own sound.wav"
    events = match(sound, task, tmp_path, index=small_index)
    for _ in range(4):
        next(events)
    assert list(tmp_path.iterdir())
    events.close()
    assert not list(tmp_path.iterdir())


def test_any_task_builds_its_index_and_names_its_files(tmp_path, monkeypatch):
    """A stereo engine in processes that ships no index, and writes a file for each patch."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tmp_path / "cache")
    monkeypatch.setattr("unsynth.inversion.own_index._FEWEST", 200)
    monkeypatch.setattr("unsynth.inversion.own_index._SECONDS", 0.0)
    task = TinyTask(InProcesses)
    patch = task.sample(np.random.default_rng(3))
    sound = TinySynth().render(patch, task.note(patch))
    soundfile.write(tmp_path / "two.wav", sound.T, RATE, subtype="FLOAT")
    *events, finished = match(tmp_path / "two.wav", task, tmp_path / "out", 5)
    assert Progress("building the index, once", 200, 200) in events
    assert own_index_path(task).exists()
    assert [p.name for p in finished.patches] == [f"{i:02d}.tiny" for i in range(1, 6)]
    assert all(p.exists() for p in finished.patches)
    told = json.loads((finished.folder / "patch.json").read_text(encoding="utf-8"))
    assert told["candidates"][1]["files"] == ["02.tiny"]
    page = (finished.folder / "report.html").read_text(encoding="utf-8")
    assert "01.tiny to 05.tiny" in page and "DX7" not in page
    assert finished.inversion.candidates[0].audio.shape == (2, 4 * RATE)
    assert finished.inversion.candidates[0].score < np.median(finished.inversion.random_scores)


def test_the_shipped_index_from_the_shell(tmp_path):
    done = run("match", EXAMPLES / "vibraphone.flac", "--out", tmp_path, "--candidates", 3)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "vibraphone" / "report.html") in done.stdout
    data = json.loads((tmp_path / "vibraphone" / "patch.json").read_text(encoding="utf-8"))
    best = data["candidates"][0]["mss_db"]
    assert data["candidates"][0]["musical"]["note"]["pitch"] == 62
    assert best < 0.5 * np.median(data["random_draws_mss_db"])


def failing(capsys, *arguments: object) -> str:
    """Run the command in this process; it must exit with 2 and one line on standard error."""
    sys.argv = ["unsynth", *map(str, arguments)]
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    bars = ("  matching", "scoring", "sampling")
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(bars)]
    assert len(lines) == 1 and lines[0].startswith("unsynth: "), lines
    return lines[0]


def test_bad_input_is_one_line_and_writes_nothing(tmp_path, capsys, index_file):
    out = tmp_path / "out"
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    good = EXAMPLES / "organ.flac"
    options = ("--out", out, "--index", index_file)
    assert "no such file" in failing(capsys, "match", tmp_path / "none.wav", *options)
    assert "folder" in failing(capsys, "match", tmp_path, *options)
    assert "not a sound file" in failing(capsys, "match", good, text, *options)
    assert "choose 1 to 32" in failing(capsys, "match", good, *options, "--candidates", 99)
    assert "24 to 96" in failing(capsys, "match", good, *options, "--note", 5)
    assert "minimoog" in failing(capsys, "match", good, *options, "--synth", "minimoog")
    assert "damaged" in failing(capsys, "match", good, "--out", out, "--index", text)
    assert "no index" in failing(capsys, "match", good, "--out", out, "--index", out / "x")
    assert "SOUND" in failing(capsys, "match")
    assert "not a valid integer" in failing(capsys, "match", good, "--note", "high")
    assert not out.exists()
    assert "cannot write" in failing(capsys, "match", good, "--index", index_file, "--out", text)


def test_a_folder_that_is_not_writable(tmp_path, capsys, index_file):
    if not hasattr(os, "geteuid"):
        pytest.skip("no such rights here")
    if os.geteuid() == 0:
        closed = Path("/proc/unsynth")  # root may write everywhere else
    else:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
    good = EXAMPLES / "organ.flac"
    line = failing(capsys, "match", good, "--out", closed, "--index", index_file)
    assert "cannot write" in line and "--out" in line


@pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")
def test_a_full_disk_leaves_nothing(tmp_path, index_file):
    import resource

    out = tmp_path / "out"
    done = run(
        *("match", EXAMPLES / "organ.flac", "--out", out, "--index", index_file),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 2
    assert "could not be written" in done.stderr.splitlines()[-1]
    assert not list(out.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing(tmp_path, index_file, number):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "unsynth", "match", str(EXAMPLES / "organ.flac")]
    command += ["--out", str(out), "--index", str(index_file)]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    deadline = time.monotonic() + 60
    while not (out.exists() and list(out.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1] == "unsynth: stopped; nothing half-written was left behind"
    assert "Traceback" not in err
    assert not list(out.iterdir())


def test_voices_lists_a_bank(finished, capsys):
    sys.argv = ["unsynth", "voices", str(finished.folder / "patches.syx")]
    main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 32 and lines[0].split()[-1] == "0.000" and "UNSYNTH" in lines[0]


def test_voices_refuses_what_is_no_bank(tmp_path, capsys):
    path = tmp_path / "x.syx"
    assert "cannot be read" in failing(capsys, "voices", path)
    path.write_bytes(b"hello")
    assert "no DX7 voice" in failing(capsys, "voices", path)
    assert "0<=x<=127" in failing(capsys, "voices", path, "--velocity", 200)


def test_training_from_the_shell_and_a_model_that_is_none(tmp_path, capsys, index_file):
    file = Path(__file__).parents[1] / "experiments" / "dx7-small.yaml"
    small = ("--set", "model.field.layers=1", "--set", "model.encoder.layers=1")
    sys.argv = ["unsynth", *map(str, ("train", file, *small, "--dry-run", "--json"))]
    main()
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["parameters"]["total"] < 2_302_960 and found["flops_a_step"] > 0
    assert "model.field.layers" in failing(capsys, "train", file, "--set", "model.field.layer=1")
    assert "cannot be read" in failing(capsys, "export", tmp_path / "x", "--out", tmp_path / "y")
    options = ("--out", tmp_path / "out", "--index", index_file, "--model", tmp_path / "no")
    assert "no weight file" in failing(capsys, "match", EXAMPLES / "organ.flac", *options)
    assert not (tmp_path / "out").exists()


def test_index_command(tmp_path, capsys):
    path = tmp_path / "mine.npz"
    done = run("index", "dx7", "--draws", 120, "--out", path)
    assert done.returncode == 0 and "120 draws of dx7" in done.stdout and path.exists()
    assert "at least 100" in failing(capsys, "index", "dx7", "--draws", 5)
    line = failing(capsys, "index", "dx7", "--out", tmp_path / "a" / "b.npz")
    assert "cannot be written there" in line
    assert "cannot be written there" in failing(capsys, "index", "dx7", "--out", tmp_path)


@pytest.mark.parametrize("command", [("match",), ("index",), ("voices",), ("train",), ("export",)])
def test_help(command, capsys):
    sys.argv = ["unsynth", *command, "--help"]
    main()
    assert "Usage: unsynth" in capsys.readouterr().out
