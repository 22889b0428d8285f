"""``unsynth.match`` from Python."""

import json
import os
import subprocess
import sys

import numpy as np
import platformdirs
import pytest

import unsynth
from tests.tiny import TinySynth, TinyTask
from unsynth.errors import SoundError
from unsynth.formats.syx import read_syx
from unsynth.index.files import save_index
from unsynth.metrics.audio import mss
from unsynth.synths.base import Note

pytestmark = pytest.mark.usefixtures("short_matches")


@pytest.fixture(scope="module")
def small_file(small_index, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("index") / "small.npz"
    save_index(small_index, path)
    return str(path)


@pytest.fixture(scope="module")
def sound(task, small_index) -> np.ndarray:
    voice = task.engine_patch(small_index.patch(7))
    return task.synth().render(voice, Note(60, 0.0, 1.0))[0]


@pytest.fixture(scope="module")
def match(short_matches, sound, small_file) -> unsynth.Match:
    steps = []
    match = unsynth.match(
        *(sound, 44_100),
        task="dx7",
        renders=50,
        lock={"note": 60},
        index=small_file,
        progress=steps.append,
    )
    assert len(steps) > 3
    return match


def test_patches_scores_notes_and_audio_agree(task, sound, match):
    assert match.sample_rate == 44_100 and match.audio.shape[1:] == (1, 176_400)
    assert len(match.patches) == len(match.scores) == len(match.notes) == len(match.audio)
    for patch, note, audio, scores in zip(
        match.patches, match.notes, match.audio, match.scores, strict=True
    ):
        again = task.synth().render(task.engine_patch(task.spec.from_named(patch)), note)
        assert np.abs(again - audio).max() < 5e-3 * np.abs(audio).max()
        assert note.pitch == patch["note.pitch"] == 60
        assert scores.mss == pytest.approx(mss(match.result.target.audio, audio), abs=1e-6)


def test_export_and_save(match, tmp_path):
    assert match.export(tmp_path / "new") == [tmp_path / "new" / "patches.syx"]
    assert len(read_syx((tmp_path / "new" / "patches.syx").read_bytes()).voices) == 32
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["patches.syx"]
    assert match.save(tmp_path) == tmp_path / "sound"
    assert (tmp_path / "sound" / "report.html").exists()
    content = json.loads((tmp_path / "sound" / "patch.json").read_text(encoding="utf-8"))
    written = [candidate["structure"] for candidate in content["candidates"]]
    assert written == list(match.structures) and written[0] == 1
    algorithms = {(patch["algorithm"], i) for patch, i in zip(match.patches, written, strict=True)}
    assert 1 < max(written) == len(dict.fromkeys(written)) <= len(algorithms)


def test_a_match_starts_from_the_patches_of_another(sound, match, small_file):
    again = unsynth.match(
        *(sound, 44_100),
        renders=24,
        start=match.patches,
        distance=unsynth.Distance.MSS,
        index=small_file,
    )
    start, scores = again.result.starts["given"]
    assert start.score == pytest.approx(scores.mss, abs=1e-3)
    assert again.scores[0].mss <= scores.mss == pytest.approx(match.scores[0].mss, abs=1e-3)


@pytest.mark.parametrize(
    ("audio", "rate", "words"),
    [
        (np.zeros(44_100), 44_100, "silent"),
        (np.ones(100), 44_100, "2 ms"),
        (np.ones((100, 2)), 44_100, "2 ms"),
        (np.full(44_100, np.nan), 44_100, "NaN"),
        (np.ones(44_100), 10, "too low"),
        (np.ones((2, 2, 44_100)), 44_100, "give numbers"),
        (np.array(["a"]), 44_100, "give numbers"),
    ],
)
def test_unusable_audio_is_refused(audio, rate, words):
    with pytest.raises(SoundError, match=words):
        unsynth.match(audio, rate)


def test_integers_channels_and_other_rates_give_the_same_target(small_file, sound):
    """A sound in 16 bits, stereo and at another rate is the same target."""
    stereo = np.stack([sound, sound]) / np.abs(sound).max() * 32_000
    match = unsynth.match(stereo.astype(np.int16)[:, ::2], 22_050, renders=8, index=small_file)
    assert len(match.result.target.remarks) == 2
    power = np.square(match.result.target.audio[0]).reshape(40, -1).mean(axis=1)
    expected = np.square(sound / np.abs(sound).max()).reshape(40, -1).mean(axis=1)
    assert np.corrcoef(power, expected)[0, 1] > 0.99


def test_samples_may_come_before_channels(small_file, sound):
    stereo = np.stack([sound, 0.5 * sound])
    targets = [
        unsynth.match(audio, 44_100, renders=8, index=small_file).result.target
        for audio in (stereo, stereo.T)
    ]
    np.testing.assert_array_equal(targets[0].audio, targets[1].audio)
    assert targets[0].remarks == targets[1].remarks == ("mixed down from 2 channels",)


@pytest.mark.parametrize("chosen", [None, "ACTIVE"])
def test_threads_of_torch_sleep_unless_the_user_says_otherwise(chosen):
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    env |= {} if chosen is None else {"OMP_WAIT_POLICY": chosen}
    code = "import os, unsynth; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == (chosen or "PASSIVE")


def test_import_loads_neither_torch_nor_scipy():
    """And a match imports none of SciPy's packages that take long and that it seldom needs."""
    code = (
        "import sys, unsynth\n"
        "assert not {'torch', 'scipy', 'numpy'} & set(sys.modules)\n"
        "unsynth.match\n"
        "assert 'unsynth.audio.noise' in sys.modules\n"
        "late = {f'scipy.{name}' for name in ('signal', 'stats', 'ndimage', 'integrate')}\n"
        "assert not {*late, 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'mach'"):
        unsynth.mach  # noqa: B018


def test_a_custom_task_starts_from_the_index_in_the_users_cache(tiny_cache, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tiny_cache)
    task = TinyTask()
    patch = task.sample(np.random.default_rng(3))
    sound = TinySynth().render(patch, task.note(patch))
    match = unsynth.match(sound, TinySynth.sample_rate, task, renders=200)
    assert "index" in match.result.starts
    assert set(match.patches[0]) == set(task.spec.names) and match.scores[0].mss < 3.0
