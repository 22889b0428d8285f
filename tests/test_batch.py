"""Several sounds and folders of them: resumed, whatever becomes of single ones."""

from pathlib import Path

import numpy as np
import platformdirs
import pytest
import soundfile

from tests.tiny import RATE, Dying, TinySynth, TinyTask
from unsynth.batch import Begun, Failed, Finished, Left, jobs, run
from unsynth.errors import SoundError
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
        request = Request(matcher.task, renders=30)
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
        first = list(run(waiting, matcher, Request(matcher.task, renders=9000), settings, stopped))
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
