import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsynth.data.external import DatasetError, fsd50k_eval, nsynth_test, sound_files


def write_sound(path: Path, hz: float = 440.0, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)
    soundfile.write(path, wave.astype(np.float32), rate)
    return path


@pytest.fixture
def nsynth(tmp_path) -> Path:
    """Two notes, laid out as the published archive unpacks."""
    root = tmp_path / "nsynth-test"
    notes = {}
    for name, pitch in [("guitar_acoustic_010-060-127", 60), ("bass_synthetic_033-022-050", 22)]:
        write_sound(root / "audio" / f"{name}.wav")
        notes[name] = {"note_str": name, "pitch": pitch, "velocity": 100, "sample_rate": 16000}
    (root / "examples.json").write_text(json.dumps(notes))
    return tmp_path


@pytest.fixture
def fsd50k(tmp_path) -> Path:
    for name in ("64760", "16399"):
        write_sound(tmp_path / "FSD50K.eval_audio" / f"{name}.wav", rate=44_100)
    table = tmp_path / "FSD50K.ground_truth" / "eval.csv"
    table.parent.mkdir()
    table.write_text('fname,labels,mids\n64760,"Guitar,Music","/m/0,/m/1"\n16399,Bark,/m/2\n')
    return tmp_path


def test_folders_list_sounds_by_name_with_the_pitch_in_their_names(tmp_path):
    for name in ("piano_63.flac", "organ_108.WAV"):
        write_sound(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no sound")
    notes = [(file.name, file.pitch) for file in sound_files([tmp_path]).files]
    assert notes == [("organ_108.WAV", 108), ("piano_63.flac", 63)]
    for other in ("take_2b.wav", "full_07.wav", "x_200.wav"):
        path = write_sound(tmp_path / other)
        assert {file.pitch for file in sound_files([tmp_path]).files} == {None}
        path.unlink()
    alone = sound_files([tmp_path / "piano_63.flac", tmp_path / "organ_108.WAV"])
    assert [file.name for file in alone.files] == ["piano_63.flac", "organ_108.WAV"]


def test_paths_without_sounds_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no sounds in this folder"):
        sound_files([tmp_path])
    with pytest.raises(DatasetError, match="no such file or folder"):
        sound_files([tmp_path / "nowhere"])


def test_nsynth_is_read_in_its_published_layout(nsynth):
    for folder in (nsynth, nsynth / "nsynth-test"):
        sound_set = nsynth_test(folder)
        assert [(f.name, f.pitch) for f in sound_set.files] == [
            ("bass_synthetic_033-022-050", 22),
            ("guitar_acoustic_010-060-127", 60),
        ]
        assert all(file.path.is_file() for file in sound_set.files)
        assert sound_set.remark == "2 of the 4096 sounds published"


def test_an_incomplete_nsynth_is_refused(nsynth, tmp_path_factory):
    with pytest.raises(DatasetError, match=r"nsynth-test\.jsonwav\.tar\.gz"):
        nsynth_test(tmp_path_factory.mktemp("empty"))
    (nsynth / "nsynth-test" / "audio" / "bass_synthetic_033-022-050.wav").unlink()
    with pytest.raises(DatasetError, match=r"bass_synthetic.*is missing, with 0 more of the 2"):
        nsynth_test(nsynth)
    (nsynth / "nsynth-test" / "examples.json").write_text('["no table"]')
    with pytest.raises(DatasetError, match="is not NSynth's table"):
        nsynth_test(nsynth)


def test_fsd50k_is_read_in_its_published_layout(fsd50k, tmp_path_factory):
    sound_set = fsd50k_eval(fsd50k)
    assert [(f.name, f.pitch) for f in sound_set.files] == [("64760", None), ("16399", None)]
    with pytest.raises(DatasetError, match=r"FSD50K.eval_audio.zip"):
        fsd50k_eval(tmp_path_factory.mktemp("empty"))
    table = fsd50k / "FSD50K.ground_truth" / "eval.csv"
    table.write_text("fname,labels,mids\n")
    with pytest.raises(DatasetError, match="lists no sounds"):
        fsd50k_eval(fsd50k)
    table.write_text("name,labels\n1,x\n")
    with pytest.raises(DatasetError, match="is not FSD50K's table"):
        fsd50k_eval(fsd50k)


def test_hashes_differ_for_different_copies(nsynth):
    """Also where names and sizes are equal."""
    before = nsynth_test(nsynth).content_sha256()
    assert nsynth_test(nsynth).content_sha256() == before
    write_sound(nsynth / "nsynth-test" / "audio" / "bass_synthetic_033-022-050.wav", hz=220.0)
    assert nsynth_test(nsynth).content_sha256() != before


#: Names in a table that would lead out of the folder of sounds, or that no published sound has.
NAMES = ["../outside", "..", "/tmp/outside", "a/../../outside", "a\\b", ".hidden", "", "x" * 300]


@pytest.mark.parametrize("name", [*NAMES, "a\0b"])
def test_a_table_of_nsynth_names_only_sounds_in_its_folder(nsynth, name):
    write_sound(nsynth / "nsynth-test" / "outside.wav")
    table = nsynth / "nsynth-test" / "examples.json"
    table.write_text(json.dumps({name: {"pitch": 60}}))
    with pytest.raises(DatasetError, match=r"examples\.json"):
        nsynth_test(nsynth)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_of_fsd50k_names_only_sounds_in_its_folder(fsd50k, name):
    write_sound(fsd50k / "outside.wav")
    table = fsd50k / "FSD50K.ground_truth" / "eval.csv"
    table.write_text(f'fname,labels,mids\n"{name}",Bark,/m/2\n')
    with pytest.raises(DatasetError, match=r"eval\.csv: .* is not the name of a sound"):
        fsd50k_eval(fsd50k)


@pytest.mark.parametrize("pitch", [None, "60", 60.5, True, -1, 128, [60], 10**30])
def test_a_pitch_of_nsynth_is_a_midi_note(nsynth, pitch):
    table = nsynth / "nsynth-test" / "examples.json"
    table.write_text(json.dumps({"bass_synthetic_033-022-050": {"pitch": pitch}}))
    with pytest.raises(DatasetError, match=r"examples\.json"):
        nsynth_test(nsynth)
    table.write_text("[" * 100_000)
    with pytest.raises(DatasetError, match=r"not NSynth's table of notes \(.*nested"):
        nsynth_test(nsynth)
