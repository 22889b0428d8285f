"""Several sounds and folders of them: resumed, whatever becomes of single ones."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import soundfile

from tests.tiny import RATE, Dying, TinySynth, TinyTask
from unsynth.batch import Begun, Failed, Finished, Left, jobs, run
from unsynth.cli.main import main
from unsynth.errors import SoundError
from unsynth.index.files import save_index
from unsynth.matching.matcher import Matcher, Progress
from unsynth.matching.request import Request


@pytest.fixture
def sounds(tmp_path) -> Path:
    """Five sounds of the tiny task, one of them silent, one no sound, and what is to be left."""
    folder = tmp_path / "sounds"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(4)
    task = TinyTask()
    for name in ("a.wav", "b.flac", "more/a.wav"):
        patch = task.sample(rng)
        sound = TinySynth().render(patch, task.note(patch))
        soundfile.write(folder / name, sound.T, RATE)
    soundfile.write(folder / "c.wav", np.zeros((RATE, 2)), RATE)
    (folder / "d.aiff").write_text("no sound")
    (folder / "notes.txt").write_text("no sound, and it does not say so")
    (folder / ".hidden.wav").write_text("no sound")
    return folder


@pytest.fixture
def small(tmp_path, monkeypatch) -> None:
    """An index of so few draws that it is built at once."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tmp_path / "cache")
    monkeypatch.setattr("unsynth.index.build._MIN_DRAWS", 60)
    monkeypatch.setattr("unsynth.index.build._SECONDS", 0.0)


def matched(waiting, stopped=lambda: False, task=None, **settings):
    with Matcher(task or TinyTask()) as matcher:
        request = Request(renders=30)
        events = list(run(waiting, matcher, request, {"renders": 30} | settings, stopped))
    return [event for event in events if not isinstance(event, Progress | Begun)]


def test_a_folder_is_matched_and_not_again(sounds, small, tmp_path):
    out = tmp_path / "out"
    waiting = jobs([sounds], out)
    first = matched(waiting)
    assert [type(event) for event in first] == [Finished, Finished, Failed, Failed, Finished]
    assert "silent" in first[2].reason and "not a sound file" in first[3].reason
    folders = [out / "sounds" / name for name in ("a", "b", "more/a")]
    assert [e.folder for e in first if isinstance(e, Finished)] == folders
    assert all((folder / "report.html").exists() for folder in folders)

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = [event for event in matched(waiting) if isinstance(event, Finished)]
    assert [event.folder for event in again] == folders and all(e.before for e in again)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before

    # Other settings, another sound and a damaged result are matched anew, in new folders.
    assert not any(event.before for event in matched(waiting[:1], keep=3))
    assert (out / "sounds" / "a-2").is_dir()
    (out / "sounds" / "b" / "patch.json").write_text("{")
    soundfile.write(sounds / "more" / "a.wav", np.random.default_rng(1).random((RATE, 2)), RATE)
    anew = [e.folder.name for e in matched([waiting[1], waiting[4]]) if not e.before]
    assert anew == ["b-2", "a-2"]


def test_the_sound_in_progress_ends_and_no_other_is_begun(sounds, small, tmp_path):
    """A result that was stopped is there, and is made again by the next run."""
    calls = 0

    def stopped() -> bool:
        nonlocal calls
        calls += 1
        return calls > 150

    waiting = jobs([sounds], tmp_path / "out")[:2]
    with Matcher(TinyTask()) as matcher:
        settings = {"renders": 9000}
        first = list(run(waiting, matcher, Request(renders=9000), settings, stopped))
    assert isinstance(first[-1], Left) and first[-1].sounds == 1
    (done,) = [event for event in first if isinstance(event, Finished)]
    assert done.content["stopped"] and done.content["renders"] < 200
    (again, other) = matched(waiting)
    assert not again.before and again.folder.name == "a-2" and other.folder.name == "b"


def test_an_engine_that_dies_costs_no_sound(sounds, small, tmp_path):
    waiting = jobs([sounds / "a.wav", sounds / "b.flac"], tmp_path / "out")
    assert all(isinstance(event, Finished) for event in matched(waiting, task=TinyTask(Dying)))


def test_results_are_no_sounds_to_match(sounds, small, tmp_path):
    """The results lie in the folder that is matched, with their best.wav."""
    matched(jobs([sounds], sounds / "found"))
    assert len(list(sounds.rglob("best.wav"))) == 3
    assert len(jobs([sounds], sounds / "found")) == 5


def test_what_is_not_there_is_said_first(sounds, tmp_path):
    with pytest.raises(SoundError, match="no such file"):
        jobs([sounds / "a.wav", sounds / "none.wav"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SoundError, match="no sound file"):
        jobs([tmp_path / "empty"], tmp_path)


def test_json_for_scripts(small_index, tmp_path, capsys):
    save_index(small_index, tmp_path / "small.npz")
    good = Path(__file__).parents[1] / "examples" / "organ.flac"
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    options = ("--out", tmp_path / "out", "--index", tmp_path / "small.npz", "--renders", 30)
    sys.argv = ["unsynth", *map(str, ("match", good, bad, *options, "--json", "--lock", "note=48"))]
    with pytest.raises(SystemExit) as ended:
        main()
    told, err = capsys.readouterr()
    assert ended.value.code == 2
    last = err.splitlines()[-1]
    assert last.startswith("unsynth: ") and "not a sound file" in last and "Traceback" not in err
    document = json.loads(told)
    (result,), (failed,) = document["results"], document["failed"]
    assert result["sound"] == str(good) and failed["sound"] == str(bad)
    assert result["candidates"][0]["parameters"]["note.pitch"] == 48
    assert (Path(result["folder"]) / "patches.syx").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_killed_run_loses_the_sound_in_progress_alone(small_index, tmp_path):
    save_index(small_index, tmp_path / "small.npz")
    folder = tmp_path / "sounds"
    folder.mkdir()
    examples = Path(__file__).parents[1] / "examples"
    for name in ("clarinet.flac", "organ.flac"):
        (folder / name).write_bytes((examples / name).read_bytes())
    command = [sys.executable, "-m", "unsynth", "match", str(folder), "--renders", "40"]
    command += ["--index", str(tmp_path / "small.npz"), "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = tmp_path / "out" / "sounds"
    deadline = time.monotonic() + 120
    while not (found / "clarinet").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = (found / "clarinet" / "patch.json").stat().st_mtime_ns
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0 and again.stdout.count("done before") >= 1
    assert (found / "clarinet" / "patch.json").stat().st_mtime_ns == kept
    assert (found / "organ" / "report.html").exists()
