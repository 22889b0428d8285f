"""Several sounds and folders of sounds: resumed, and unharmed by a bad one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import soundfile

from tests.tiny import RATE, CrashingTinySynth, TinySynth, TinyTask
from unsynth.batch import (
    SoundFailure,
    SoundResult,
    SoundStart,
    Unmatched,
    find_jobs,
    find_result,
    hash_sound,
    match_jobs,
)
from unsynth.errors import SoundError
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.run import Progress
from unsynth.report.folder import check_output

pytestmark = pytest.mark.usefixtures("short_matches")


@pytest.fixture
def sounds(tmp_path) -> Path:
    """Five sounds of the tiny task, one silent, one damaged, and files to ignore."""
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
    (folder / "notes.txt").write_text("notes")
    (folder / ".hidden.wav").write_text("no sound")
    return folder


@pytest.fixture
def small_index(tiny_cache, monkeypatch) -> None:
    """An index of few draws, built before."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tiny_cache)


def matched(jobs, stop_requested=lambda: False, task=None, **settings):
    with Matcher(task or TinyTask()) as matcher:
        request = Request(matcher.task, renders=12)
        events = list(
            match_jobs(jobs, matcher, request, {"renders": 12} | settings, stop_requested)
        )
    return [event for event in events if not isinstance(event, Progress | SoundStart)]


def test_a_folder_is_matched_once(sounds, small_index, tmp_path):
    out = tmp_path / "out"
    jobs = find_jobs([sounds], out)
    first = matched(jobs)
    assert [type(event) for event in first] == [
        SoundResult,
        SoundResult,
        SoundFailure,
        SoundFailure,
        SoundResult,
    ]
    assert "silent" in first[2].reason and "not a sound file" in first[3].reason
    folders = [out / "sounds" / name for name in ("a", "b", "more/a")]
    assert [e.folder for e in first if isinstance(e, SoundResult)] == folders
    assert all((folder / "report.html").exists() for folder in folders)

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = [event for event in matched(jobs) if isinstance(event, SoundResult)]
    assert [event.folder for event in again] == folders and all(e.earlier for e in again)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before

    # Other settings, another sound and a damaged result are matched anew, in new folders.
    assert not any(event.earlier for event in matched(jobs[:1], keep=3))
    assert (out / "sounds" / "a-2").is_dir()
    (out / "sounds" / "b" / "patch.json").write_text("{")
    soundfile.write(sounds / "more" / "a.wav", np.random.default_rng(1).random((RATE, 2)), RATE)
    anew = [e.folder.name for e in matched([jobs[1], jobs[4]]) if not e.earlier]
    assert anew == ["b-2", "a-2"]


def test_a_stop_ends_the_sound_in_progress_and_begins_no_other(sounds, small_index, tmp_path):
    """The next run matches the sound again whose search was stopped."""
    calls = 0

    def stop_requested() -> bool:
        nonlocal calls
        calls += 1
        return calls > 150

    jobs = find_jobs([sounds], tmp_path / "out")[:2]
    with Matcher(TinyTask()) as matcher:
        settings = {"renders": 9000}
        first = list(
            match_jobs(jobs, matcher, Request(matcher.task, renders=9000), settings, stop_requested)
        )
    assert isinstance(first[-1], Unmatched) and first[-1].sounds == 1
    (done,) = [event for event in first if isinstance(event, SoundResult)]
    assert done.content["stopped"] and done.content["renders"] < 200
    (again, other) = matched(jobs)
    assert not again.earlier and again.folder.name == "a-2" and other.folder.name == "b"


def test_every_sound_gets_a_result_from_an_engine_that_dies(sounds, small_index, tmp_path):
    jobs = find_jobs([sounds / "a.wav", sounds / "b.flac"], tmp_path / "out")
    assert all(
        isinstance(event, SoundResult) for event in matched(jobs, task=TinyTask(CrashingTinySynth))
    )


def test_missing_sounds_are_reported_before_any_match(sounds, tmp_path):
    with pytest.raises(SoundError, match="no such file"):
        find_jobs([sounds / "a.wav", sounds / "none.wav"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SoundError, match="no sound file"):
        find_jobs([tmp_path / "empty"], tmp_path)


def test_sounds_of_results_are_not_matched(sounds, small_index, tmp_path):
    """The results are in the folder that is matched, each with a best.wav.

    Those of another --out than that of the run count too; a user's own best.wav is a sound.
    """
    matched(find_jobs([sounds], sounds / "matches"))
    assert len(list(sounds.rglob("best.wav"))) == 3
    assert len(find_jobs([sounds], sounds / "matches")) == 5
    (sounds / "own").mkdir()
    (sounds / "a.wav").rename(sounds / "own" / "best.wav")
    names = [job.sound.relative_to(sounds).as_posix() for job in find_jobs([sounds], tmp_path)]
    assert names == ["b.flac", "c.wav", "d.aiff", "more/a.wav", "own/best.wav"]


def test_a_result_from_files_of_other_content_is_no_result(sounds, small_index, tmp_path):
    """Each file keeps its name while its content changes."""
    (job,) = find_jobs([sounds], tmp_path / "out")[:1]
    files = {name: tmp_path / name for name in ("from", "index", "model")}
    patch = TinyTask().spec.named(TinyTask().sample(np.random.default_rng(0)))
    text = json.dumps({"task": "tiny", "candidates": [{"parameters": patch}]})
    for path in files.values():
        path.write_text(text)

    def settings() -> dict[str, object]:
        request = Request(TinyTask(), renders=12, start=files["from"])
        return request.settings(files["index"], files["model"])

    described = {name: settings()[name] for name in files}
    (result,) = matched([job], **described)
    expected = {"renders": 12, "sound": hash_sound(job.sound)}
    found = find_result(job, expected | described)
    assert found is not None and found[0] == result.folder
    for path in files.values():
        path.write_text(text + " ")
        assert find_result(job, expected | {name: settings()[name] for name in files}) is None
        path.write_text(text)
        assert find_result(job, expected | {name: settings()[name] for name in files}) == found


def test_a_result_that_is_removed_in_mid_run_is_a_failure(sounds, small_index, tmp_path):
    out, events = tmp_path / "out", []
    jobs = find_jobs([sounds], out)[:2]
    with Matcher(TinyTask()) as matcher:
        request = Request(matcher.task, renders=12)
        for event in match_jobs(jobs, matcher, request, {}, lambda: False):
            events.append(event)
            if isinstance(event, SoundStart) and event.number == 2:
                shutil.rmtree(out)
    failure = events[-1]
    assert isinstance(failure, SoundFailure) and failure.job == jobs[0]
    assert "a was removed while the run went on" in failure.reason
    assert [event.job for event in events if isinstance(event, SoundResult)] == jobs


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
def test_folders_of_killed_runs_are_removed_but_not_those_of_living_ones(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from unsynth.report.folder import _unfinished_folder\n"
        f"with _unfinished_folder(Path({str(tmp_path)!r})) as folder:\n"
        "    (folder / 'best.wav').write_text('half')\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(200)\n"
    )
    runs, folders = [], []
    for _ in range(2):
        run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        runs.append(run)
        folders.append(Path(run.stdout.readline().strip()))
    killed, living = runs
    killed.kill()
    killed.wait()
    assert len(list(tmp_path.iterdir())) == 2
    check_output(tmp_path)
    left = list(tmp_path.iterdir())
    living.kill()
    living.wait()
    assert left == folders[1:]
