"""The patches to start from, on the keys that a sound may have been played with."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from unsynth.errors import PatchError
from unsynth.formats.syx import init_voice, write_voice
from unsynth.formats.vital import base_patch, write_vital
from unsynth.matching import user_patches
from unsynth.matching.note import estimate_note
from unsynth.matching.user_patches import UserPatches
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks


@pytest.mark.parametrize("lock", [{}, {"note": 60}])
@pytest.mark.parametrize(
    ("transpose", "coarse", "nearest"),
    [(36, 1, 0.0), (12, 1, 0.0), (48, 1, 0.0), (0, 2, 0.0), (24, 0, 0.0), (31, 1, 0.3)],
)
def test_a_transposed_voice_is_heard_again_on_its_key(
    task, tmp_path, transpose, coarse, nearest, lock
):
    """A locked note is the key: ratios transpose instead, a fifth by 1.5, which is 2 cents off."""
    voice = init_voice()
    voice[5 * 21 : 5 * 21 + 8] = [99, 50, 40, 60, 99, 85, 60, 0]
    voice[4 * 21 + 16], voice[4 * 21 + 18] = 75, 1 + coarse
    voice[5 * 21 + 18], voice[144] = coarse, transpose
    (tmp_path / "voice.syx").write_bytes(write_voice(voice))
    synth = task.synth()
    sound = synth.render(voice, Note(60, 0.0, 1.5))
    locks = Locks.read(task, {"note.onset": 0, "note.duration": 1.5} | lock)
    heard = estimate_note(sound, 44_100, task, locks)
    patches = UserPatches.read(tmp_path / "voice.syx", task).on_notes(task, heard, locks)
    assert len(patches) == 1 if lock else len(patches) in (4, 5)  # one may be too high or low
    mss = MultiScaleSpectral(sound, 44_100)
    distances = mss(np.stack([synth.render(task.engine_patch(p), task.note(p)) for p in patches]))
    assert distances.min() <= nearest + 0.02
    best = task.note(patches[int(np.argmin(distances))])
    assert best.pitch == (60 if lock else 60 + transpose - 24)


def test_the_likely_keys_come_first_where_not_all_can_be_tried(task):
    """Of 40 patches, all are tried on the heard key with both durations, and an octave above."""
    patches = tuple(task.sample(np.random.default_rng(seed)) for seed in range(40))
    sine = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100, dtype=np.float32)[None]
    heard = estimate_note(sine, 44_100, task)
    assert list(heard.pitches) == [69] and len(heard.durations) == 2
    tried = UserPatches(patches).on_notes(task, heard, Locks(task))
    np.testing.assert_array_equal(tried[:40], patches)
    notes = [task.note(patch) for patch in tried[40:]]
    assert [note.pitch for note in notes] == [69] * 80 + [81] * 40
    assert {note.duration for note in notes[:80:40]} == set(heard.durations)
    tried = UserPatches(patches, have_notes=False).on_notes(task, heard, Locks(task))
    assert len(tried) == 120
    voices = UserPatches(voices=(init_voice("ONE"), init_voice("TWO")))
    keys = [task.note(patch).pitch for patch in voices.on_notes(task, heard, Locks(task))]
    assert keys[:6] == [69, 69, 69, 69, 81, 81]


def test_all_presets_of_a_bank_of_vital_are_taken(tmp_path, monkeypatch):
    """One cannot be played, and one has more than the task can hold: both are remarked."""
    task, controls = load_task("vital-simple"), {"osc_1_on": 1.0, "filter_1_on": 1.0}
    base = base_patch([])
    louder = replace(base, controls={**base.controls, **controls, "osc_1_level": 0.9})
    wider = replace(base, controls={**base.controls, **controls, "chorus_on": 1.0})
    presets = {"a": write_vital(louder), "b": b"none", "c": write_vital(wider)}
    path = tmp_path / "mine.VitalBank"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in presets.items():
            archive.writestr(f"Mine/Presets/{name}.vital", data)
    read = UserPatches.read(path, task)
    assert len(read.patches) == 2 and not read.have_notes
    unread, lossy = read.remarks
    assert unread.startswith("mine.VitalBank: 1 of 3 presets cannot be played; the first: b: ")
    assert "presets have more than vital-simple can hold" in lossy
    for name, patch in zip("ac", read.patches, strict=True):
        nearest, _ = task.nearest_to_file(presets[name], Note(60))
        np.testing.assert_array_equal(patch, nearest)
    monkeypatch.setattr(user_patches, "_MAX_CANDIDATES", 2)
    with pytest.raises(PatchError, match=r"mine.VitalBank: holds 3 presets; give at most 2"):
        UserPatches.read(path, task)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Mine/Presets/b.vital", b"none")
    with pytest.raises(PatchError, match=r"mine.VitalBank: b: "):
        UserPatches.read(path, task)
    with pytest.raises(PatchError, match=r"mine.VitalBank: b: holds no patch of dx7"):
        UserPatches.read(path, load_task("dx7"))
