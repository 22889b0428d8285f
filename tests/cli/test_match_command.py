"""``unsynth match`` as it is typed, on real sounds."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.commands import EXAMPLES, Interrupter, Terminal, failing, output, type_command
from tests.conftest import relative_error
from unsynth.formats.syx import read_syx
from unsynth.formats.vital import read_vital
from unsynth.index.build import build_index
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import save_index
from unsynth.metrics.audio import mss
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Note
from unsynth.synths.vital import Vital
from unsynth.tasks.catalogue import load_task

#: Times that a running match is interrupted by a signal.
INTERRUPTS = max(1, int(os.environ.get("UNSYNTH_INTERRUPTS", "10")) // 20)
FILES = {"patches.syx", "patch.json", "target.wav", "best.wav", "note.mid", "report.html"}
#: Renders of two posterior samples and two draws of the index: nothing is left for a search.
FEW = ("--renders", 4, "--candidates", 2, "--keep", 2)
pytestmark = pytest.mark.usefixtures("short_matches")
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")


def test_a_match_starts_from_the_shipped_index(tmp_path):
    options = ("--renders", 24, "--keep", 1, "--out", tmp_path)
    printed = output("match", EXAMPLES / "vibraphone.flac", *options)
    assert str(tmp_path / "vibraphone" / "report.html") in printed
    data = json.loads((tmp_path / "vibraphone" / "patch.json").read_text(encoding="utf-8"))
    best = data["candidates"][0]["mss_db"]
    assert data["candidates"][0]["musical"]["note"]["pitch"] == 62
    assert best < 0.5 * np.median([draw["mss_db"] for draw in data["random_draws"]])


def test_bad_input_is_one_line_and_writes_nothing(tmp_path, capsys, index_file):
    out = tmp_path / "out"
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    good = EXAMPLES / "organ.flac"
    options = ("--out", out, "--index", index_file)
    assert "no such file" in failing(capsys, "match", tmp_path / "none.wav", *options)
    (tmp_path / "empty").mkdir()
    assert "no sound file" in failing(capsys, "match", tmp_path / "empty", *options)
    assert "not a sound file" in failing(capsys, "match", text, *options)
    assert "1<=x<=32" in failing(capsys, "match", good, *options, "--keep", 99)
    assert "NAME=VALUE" in failing(capsys, "match", good, *options, "--lock", "algorithm")
    twice = ("--note", 60, "--lock", "note=62")
    assert "contradict each other" in failing(capsys, "match", good, *options, *twice)
    assert "is it algorithm" in failing(capsys, "match", good, *options, "--lock", "algo=3")
    assert "not a patch.json" in failing(capsys, "match", good, *options, "--from", text)
    text.write_text(json.dumps({"task": ["dx7"] * 1000, "candidates": []}))
    line = failing(capsys, "match", good, *options, "--from", text)
    assert "holds patches of ['dx7', 'dx7', " in line and len(line) < 400
    assert "24 to 96" in failing(capsys, "match", good, *options, "--note", 5)
    assert "minimoog" in failing(capsys, "match", good, *options, "--synth", "minimoog")
    assert "damaged" in failing(capsys, "match", good, "--out", out, "--index", text)
    assert "no index" in failing(capsys, "match", good, "--out", out, "--index", out / "x")
    assert "22050<=x<=192000" in failing(capsys, "match", good, *options, "--rate", 48)
    assert "SOUND" in failing(capsys, "match")
    assert "not a valid integer" in failing(capsys, "match", good, "--note", "high")
    assert not out.exists()
    assert "cannot write" in failing(capsys, "match", good, "--index", index_file, "--out", text)


def test_a_match_for_another_rate_plays_on_an_engine_at_that_rate(tmp_path, index_file):
    options = ("--index", index_file, *FEW, "--out", tmp_path)
    for rate in (48_000, 44_100):
        output("match", EXAMPLES / "organ.flac", *options, "--rate", rate)
    at_48, usual = (
        json.loads((tmp_path / name / "patch.json").read_text(encoding="utf-8"))
        for name in ("organ", "organ-2")
    )
    assert (at_48["engine_rate"], usual["engine_rate"]) == (48_000, 44_100)
    assert "best_at_44100_hz" not in usual
    # The sound of the file is that of an engine at 48 kHz, and the numbers beside it are true.
    heard = soundfile.read(tmp_path / "organ" / "best.wav", dtype="float32")[0][None]
    target = soundfile.read(tmp_path / "organ" / "target.wav", dtype="float32")[0][None]
    best = at_48["candidates"][0]
    note = best["musical"]["note"]
    (voice, *_) = read_syx((tmp_path / "organ" / best["files"][0]).read_bytes()).voices
    for rate, reported in ((48_000, best), (44_100, at_48["best_at_44100_hz"])):
        synth = load_task("dx7", rate).synth()
        sound = synth.render(voice, Note(note["pitch"], note["onset_s"], note["duration_s"]))
        written = sound / max(1.0, np.abs(sound).max())  # files are scaled below full scale
        assert (relative_error(heard, written) < 1e-4) == (rate == 48_000)
        assert mss(target, sound) == pytest.approx(reported["mss_db"], abs=0.02)


def test_a_folder_without_write_access_is_named(tmp_path, capsys, index_file):
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


@needs_unix
def test_a_full_disk_leaves_no_files(tmp_path, index_file, capsys):
    import resource

    out, limit = tmp_path / "out", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, limit[1]))
    try:
        # The sounds fit, the report with those of eight candidates does not.
        command = ("match", EXAMPLES / "organ.flac", "--out", out, "--index", index_file)
        options = ("--renders", 16, "--candidates", 8)
        assert "could not write the result" in failing(capsys, *command, *options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not list(out.iterdir())


@pytest.fixture(scope="module")
def ten_draws(small_index, tmp_path_factory) -> Path:
    """An index that a match without a limit on renders soon has tried as a whole."""
    path = tmp_path_factory.mktemp("index") / "ten.npz"
    index = replace(small_index, items=small_index.items[:10], codes=small_index.codes[:10])
    save_index(index, path)
    return path


def start_match(out: Path, index: Path, *options: str) -> subprocess.Popen[str]:
    """Start a match in a process of its own, which interrupts end as they do in a shell."""
    command = [sys.executable, "-m", "unsynth", "match", str(EXAMPLES / "organ.flac"), *options]
    return subprocess.Popen(
        [*command, "--out", str(out), "--index", str(index), "--budget", "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )


def check_stopped(out: Path) -> None:
    """There is one result, whole, at least as near as its starts."""
    assert [path.name for path in out.iterdir()] == ["organ"]
    assert {path.name for path in (out / "organ").iterdir()} == FILES
    data = json.loads((out / "organ" / "patch.json").read_text(encoding="utf-8"))
    starts = [scores["mss_db"] for scores in data["before_the_search"].values()]
    assert data["stopped"] and data["candidates"][0]["mss_db"] <= min(starts)


@needs_unix
def test_ctrl_c_writes_the_best_patches_so_far(tmp_path, ten_draws):
    process = start_match(tmp_path / "out", ten_draws, "--candidates", "2")
    assert process.stderr is not None
    while "searching" not in (line := process.stderr.readline()) or "index" in line:
        assert line, "it ended before its search"
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=240)
    assert process.returncode == 0 and "stopped early" in printed
    check_stopped(tmp_path / "out")


def test_a_signal_to_end_writes_the_best_patches_too(tmp_path, ten_draws, monkeypatch):
    command = ("match", EXAMPLES / "organ.flac", "--out", tmp_path / "out", "--index", ten_draws)
    # So long that a crowded machine does not end the search before it begins.
    options = ("--candidates", 2, "--budget", 600)
    err = Interrupter({"  searching": signal.SIGTERM})
    code, printed, _ = type_command(monkeypatch, *command, *options, err=err)
    assert code == 0 and "stopped early" in printed
    check_stopped(tmp_path / "out")


def test_ctrl_c_says_how_many_sounds_are_left(tmp_path, ten_draws, monkeypatch):
    sounds = (EXAMPLES / "organ.flac", EXAMPLES / "organ.flac")
    options = ("--out", tmp_path / "out", "--index", ten_draws, "--candidates", 2, "--budget", 600)
    err = Interrupter({"  searching": signal.SIGINT})
    code, _, printed = type_command(monkeypatch, "match", *sounds, *options, err=err)
    assert code == 2
    assert printed.splitlines()[-1].startswith("unsynth: stopped with 1 sound left; ")
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_second_ctrl_c_ends_at_once(tmp_path, ten_draws, monkeypatch):
    command = ("match", EXAMPLES / "organ.flac", "--out", tmp_path / "out", "--index", ten_draws)
    # So long that a crowded machine does not end the search before it begins.
    options = ("--candidates", 2, "--budget", 600)
    err = Interrupter({"  searching": signal.SIGINT, "  comparing": signal.SIGTERM})
    code, _, printed = type_command(monkeypatch, *command, *options, err=err)
    assert code == 2 and "Traceback" not in printed
    assert printed.splitlines()[-1] == "unsynth: stopped; nothing half-written was left behind"
    assert not list((tmp_path / "out").iterdir())


def test_json_lists_results_and_failures(index_file, tmp_path, monkeypatch):
    good = EXAMPLES / "organ.flac"
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    options = ("--out", tmp_path / "out", "--index", index_file, *FEW, "--lock", "note=48")
    code, printed, err = type_command(monkeypatch, "match", good, bad, *options, "--json")
    assert code == 2
    assert sys.argv == ["unsynth"]  # each engine process is sent it, however many sounds it names
    last = err.splitlines()[-1]
    assert last.startswith("unsynth: ") and "not a sound file" in last and "Traceback" not in err
    document = json.loads(printed)
    (result,), (failed,) = document["results"], document["failed"]
    assert result["sound"] == str(good) and failed["sound"] == str(bad)
    assert result["candidates"][0]["parameters"]["note.pitch"] == 48
    assert (Path(result["folder"]) / "patches.syx").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_any_file_name_can_be_matched_and_reported(index_file, tmp_path, monkeypatch):
    """Names with commands to the terminal, with bytes that are not UTF-8, and not in its code."""
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    names = ["a\x1b[2J\udce9.flac", "オルガン.flac"]
    for name in names:
        (sounds / name).write_bytes((EXAMPLES / "organ.flac").read_bytes())

    def match(*options: object) -> tuple[str, str]:
        command = ("match", sounds, "--out", tmp_path / "out", "--index", index_file, *FEW)
        terminals = {"out": Terminal("cp1252"), "err": Terminal("cp1252")}
        code, printed, err = type_command(monkeypatch, *command, *options, **terminals)
        assert code == 0 and "\x1b" not in err
        return printed, err

    # The document is UTF-8, whatever the terminal's encoding is.
    results = json.loads(match("--json")[0].encode("cp1252"))["results"]
    assert [result["sound"] for result in results] == [str(sounds / name) for name in names]
    assert [Path(result["folder"]).name for result in results] == ["a_x1b[2J_udce9", "オルガン"]
    printed, _ = match()
    assert printed.count("matched before") == 2 and "\x1b" not in printed


@needs_unix
def test_a_killed_run_continues_after_the_last_complete_sound(index_file, tmp_path):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name in ("clarinet.flac", "organ.flac"):
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    command = ["match", folder, *FEW, "--index", index_file, "--out", tmp_path / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "unsynth", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    results = tmp_path / "out" / "sounds"
    deadline = time.monotonic() + 240
    while not (results / "clarinet").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = (results / "clarinet" / "patch.json").stat().st_mtime_ns
    assert output(*command).count("matched before") >= 1
    assert (results / "clarinet" / "patch.json").stat().st_mtime_ns == kept
    assert (results / "organ" / "report.html").exists()


@needs_unix
@pytest.mark.timeout(300 + 40 * INTERRUPTS)
def test_a_signal_at_any_time_leaves_a_whole_result_or_nothing(index_file, tmp_path):
    """The exit code is 0 with a whole result; without one it is 2, with one line."""
    rng, exit_codes = random.Random(4), []
    for number in range(INTERRUPTS):
        out = tmp_path / str(number)
        process = start_match(out, index_file)
        assert process.stderr is not None
        # The first stage of progress comes when everything is loaded.
        for _ in range(rng.randint(1, 5)):
            process.stderr.readline()
        time.sleep(rng.uniform(0.0, 1.0))
        process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM]))
        _, err = process.communicate(timeout=240)
        assert "Traceback" not in err
        if process.returncode == 0:
            check_stopped(out)
        else:
            assert process.returncode == 2 and not list(out.iterdir())
            assert err.splitlines()[-1].startswith("unsynth: stopped")
        exit_codes.append(process.returncode)
    print(f"{exit_codes.count(0)} results, {exit_codes.count(2)} without")


@pytest.fixture(scope="module")
def vital(tmp_path_factory) -> tuple[Path, Path]:
    """A sound of Vital, and an index of four draws, one of which made it."""
    pytest.importorskip("vita")
    folder, task = tmp_path_factory.mktemp("vital"), load_task("vital")
    with Renderer(task.synth, workers=1) as renderer:
        *_, index = build_index(task, renderer, 4)
        assert isinstance(index, DrawIndex)
        note = Note(57, 0.1, 1.5)
        (sound,) = renderer.render([(task.engine_patch(index.patch(1)), note)])
    save_index(index, folder / "few.npz")
    soundfile.write(folder / "own.wav", sound.T, 44_100, subtype="FLOAT")
    return folder / "own.wav", folder / "few.npz"


@needs_unix
def test_a_match_ends_in_one_line_if_every_engine_process_is_killed(
    vital, tmp_path, kill_starts, capsys
):
    """Also with more arguments than fit a pipe: each process is told them as it starts."""
    kill_starts(1000)
    sound, index = vital
    line = failing(
        *(capsys, "match", sound, "--synth", "vital", "--index", index, "--out", tmp_path / "out"),
        *("--lock", "note=57") * 10_000,
    )
    assert "dies or hangs each time it starts (exit code -9)" in line
    assert not list((tmp_path / "out").iterdir())


@needs_unix
def test_ctrl_c_ends_a_match_whose_engine_does_not_start(vital, tmp_path, kill_starts, monkeypatch):
    kill_starts(1000, signal.SIGSTOP)
    sound, index = vital
    command = ("match", sound, "--synth", "vital", "--index", index, "--out", tmp_path / "out")

    def interrupt() -> None:
        """Send two signals once the engines' processes have started, and are stopped."""
        deadline = time.monotonic() + 240
        while not (tmp_path / "kill-starts" / "starts").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    code, _, err = type_command(monkeypatch, *command)
    thread.join()
    assert code == 2 and "unsynth: stopped" in err


def test_a_match_for_vital_writes_files_that_sound_as_reported(vital, tmp_path):
    """Of its few renders the search, with a descent of few steps, has three."""
    sound_file, index = vital
    options = ("--index", index, "--renders", 5, "--keep", 3, "--out", tmp_path)
    printed = output("match", sound_file, "--synth", "vital", "--note", 57, *options)
    folder = tmp_path / "own"
    assert "patch-01.vital to patch-03.vital" in printed
    content = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    assert content["task"] == "vital-simple"
    best = content["candidates"][0]
    assert best["mss_db"] < 0.5 * np.median([draw["mss_db"] for draw in content["random_draws"]])
    # Its first file, in an engine that knows nothing of the task.
    played = best["musical"]["note"]
    note = Note(played["pitch"], played["onset_s"], played["duration_s"])
    base = read_vital((folder / best["files"][0]).read_bytes())
    again = Vital(base).render({}, note)
    written = soundfile.read(folder / "best.wav", dtype="float32")[0].T
    assert relative_error(written, again) < 1e-3
