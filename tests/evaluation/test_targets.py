"""Sets of targets: what they list, and which targets cannot be scored."""

import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile

from tests.data.sets import make_set
from unsynth.data.external import DatasetError
from unsynth.errors import SoundError
from unsynth.evaluation.targets import find_targets, load_target
from unsynth.formats.syx import init_voice, rename_voice, write_bank
from unsynth.formats.vital import base_patch, wavetable, write_vital
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.catalogue import load_task

#: Files that macOS leaves beside others on a disk of another system begin so.
RESOURCE_FORK = b"\0\5\x16\7" + bytes(100)


def test_a_set_is_the_same_wherever_its_task_file_lies(task, tmp_path):
    """Evaluations on two machines can be compared, and one can be resumed on the other."""
    places = ("/here/own.yaml", "/there/own.yaml")
    sets = [make_set(tmp_path / str(n), task, task_file=place) for n, place in enumerate(places)]
    here, there = (find_targets([folder.url], task, 0).description for folder in sets)
    other = find_targets([make_set(tmp_path / "other", task, seed=1).url], task, 0).description
    assert here == there != other


def write_sound(path: Path, peak: float = 0.5, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(44_100 * seconds)) / 44_100
    soundfile.write(path, peak * np.sin(2 * np.pi * 220.0 * times), 44_100)
    return path


def silent_bank(path: Path) -> str:
    """Write a bank of a sine, a voice of zeros, and 30 sines."""
    silent = rename_voice(np.zeros(155, dtype=np.uint8), "SILENT")
    path.write_bytes(write_bank([init_voice(), silent]))
    return str(path)


def silent_folder(path: Path) -> str:
    for number, peak in enumerate((0.5, 0.0, 0.5)):
        write_sound(path / f"{number}.wav", peak)
    return str(path)


def silent_nsynth(path: Path) -> str:
    root = path / "nsynth-test"
    notes = {}
    for number, peak in enumerate((0.5, 0.0, 0.5)):
        write_sound(root / "audio" / f"{number}.wav", peak)
        notes[str(number)] = {"pitch": 57}
    (root / "examples.json").write_text(json.dumps(notes))
    return f"nsynth:{path}"


def silent_fsd50k(path: Path) -> str:
    for number, peak in enumerate((0.5, 0.0, 0.5)):
        write_sound(path / "FSD50K.eval_audio" / f"{number}.wav", peak)
    table = path / "FSD50K.ground_truth" / "eval.csv"
    table.parent.mkdir()
    table.write_text("fname,labels,mids\n0,x,x\n1,x,x\n2,x,x\n")
    return f"fsd50k:{path}"


def silent_set(path: Path, task) -> str:
    """Make a set of ``unsynth render`` whose second patch has no output level."""
    folder = make_set(path, task, count=3, shard_sounds=3)
    levels = [i for i, name in enumerate(task.spec.names) if name.endswith("output_level")]
    with h5py.File(path / "shard-000000.h5", "r+") as shard:
        patches = shard["patches"][()]
        patches[1, levels] = 0.0
        shard["patches"][()] = patches
    return folder.url


@pytest.mark.parametrize("kind", ["bank", "folder", "nsynth", "fsd50k", "set"])
def test_a_silent_target_is_named_and_the_others_load(kind, task, tmp_path):
    path = tmp_path / "set"
    match kind:
        case "bank":
            dataset = silent_bank(path.with_suffix(".syx"))
        case "folder":
            dataset = silent_folder(path)
        case "nsynth":
            dataset = silent_nsynth(path)
        case "fsd50k":
            dataset = silent_fsd50k(path)
        case "set":
            dataset = silent_set(path, task)
    targets = find_targets([dataset], task, 0)
    with Renderer(task.synth, workers=1) as renderer:
        for number in (0, 2):
            load_target(targets, number, renderer, 44_100)
        with pytest.raises(SoundError, match="silent") as error:
            load_target(targets, 1, renderer, 44_100)
    assert {"bank": "set/02 SILENT", "set": targets.names[1]}.get(kind, "1.wav") in str(error.value)


def test_draws_are_never_silent(task):
    """A silent draw is replaced by the next of its stream, so none is left out."""
    targets = find_targets(["draws:20"], task, 0)
    with Renderer(task.synth, workers=1) as renderer:
        for number in range(20):
            load_target(targets, number, renderer, 44_100)


def test_hidden_files_are_no_targets(task, tmp_path):
    """They are those that ``match`` leaves out too, such as the forks of macOS."""
    write_sound(tmp_path / "sounds" / "a.wav")
    (tmp_path / "sounds" / "._a.wav").write_bytes(RESOURCE_FORK)
    (tmp_path / "sounds" / ".b.flac").write_bytes(b"")
    assert find_targets([str(tmp_path / "sounds")], task, 0).names == ["a.wav"]
    (tmp_path / "banks").mkdir()
    silent_bank(tmp_path / "banks" / "a.syx")
    (tmp_path / "banks" / "._a.syx").write_bytes(RESOURCE_FORK)
    assert len(find_targets([str(tmp_path / "banks")], task, 0).names) == 32


@pytest.mark.parametrize(("name", "mixed_down"), [("dx7", True), ("vital-simple", False)])
def test_only_a_stereo_sound_that_is_mixed_down_has_other_channels(name, mixed_down, tmp_path):
    mono = write_sound(tmp_path / "mono.wav")
    signal, rate = soundfile.read(mono)
    soundfile.write(tmp_path / "stereo.wav", np.stack([signal, 0.5 * signal], axis=1), rate)
    targets = find_targets([str(tmp_path)], load_task(name), 0)
    sounds = [targets.load(number, None) for number in range(2)]
    assert [each.original is not each.audio for each in sounds] == [False, mixed_down]
    left, right = sounds[1].original
    assert np.abs(right - 0.5 * left).max() < 1e-3 < np.abs(left).max()


def test_every_kind_of_sound_that_match_reads_is_a_target(task, tmp_path):
    for name in ("a.aifc", "b.oga", "c.W64", "d.wav"):
        (tmp_path / name).write_bytes(b"")
    assert len(find_targets([str(tmp_path)], task, 0).names) == 4


def test_a_bank_that_cannot_be_read_is_named(task, tmp_path):
    (tmp_path / "good.syx").write_bytes(write_bank([init_voice()]))
    (tmp_path / "other.syx").write_bytes(b"no voices")
    with pytest.raises(DatasetError, match=r"other\.syx: "):
        find_targets([str(tmp_path)], task, 0)


def write_patch(path: Path, **settings: float) -> Path:
    """Write a patch of Vital with a wavetable and a modulation that no task of ours has."""
    base = base_patch([("lfo_3", "osc_1_pan")])
    table = wavetable("theirs", {0: np.sin(np.linspace(0, 18 * np.pi, 2048, endpoint=False))})
    changed = {"osc_1_on": 1.0, "modulation_1_amount": 0.5, "env_1_release": 0.3, **settings}
    patch = replace(base, wavetables=[table] * 3, controls={**base.controls, **changed})
    path.write_bytes(write_vital(patch))
    return path


@pytest.mark.parametrize("name", ["dx7", "vital-simple"])
def test_patches_are_played_by_their_own_synthesizer(name, tmp_path):
    """In the channels of the task's engine; the ninth harmonic of a C4 is theirs alone."""
    pytest.importorskip("vita")
    task = load_task(name)
    (tmp_path / "patches").mkdir()
    write_patch(tmp_path / "patches" / "a.vital")
    voice = rename_voice(init_voice(), "SINE")
    (tmp_path / "sine.syx").write_bytes(write_bank([voice]))
    expected = {
        str(tmp_path / "patches"): ("a.vital", 9 * 261.63, 2),
        str(tmp_path / "sine.syx"): ("sine/01 SINE", 261.63, 1),
    }
    with Renderer(task.synth, workers=1) as renderer:
        for dataset, (first, frequency, channels) in expected.items():
            targets = find_targets([dataset], task, 0)
            assert targets.names[0] == first
            sound = load_target(targets, 0, renderer, 44_100)
            assert len(sound.audio) == task.synth().channels and sound.pitch == 60
            assert len(sound.original) == max(channels, len(sound.audio))
            spectrum = np.abs(np.fft.rfft(sound.audio[0, :44_100]))
            assert abs(np.argmax(spectrum) - frequency) < 3
            assert np.abs(sound.audio - sound.second_render).max() < 1e-6


def test_the_presets_of_a_bank_of_vital_are_targets(tmp_path):
    """Beside the patches of a folder; their sound is that of the same bytes in a file."""
    pytest.importorskip("vita")
    task = load_task("vital-simple")
    data = write_patch(tmp_path / "a.vital").read_bytes()
    with zipfile.ZipFile(tmp_path / "bank.vitalbank", "w") as archive:
        archive.writestr("Bank/Presets/one.vital", data)
        archive.writestr("Bank/Presets/two.vital", b"none")
    targets = find_targets([str(tmp_path)], task, 0)
    assert targets.names == ["a.vital", "bank/01 one", "bank/02 two"]
    with Renderer(task.synth, workers=1) as renderer:
        file, preset = (load_target(targets, number, renderer, 44_100) for number in (0, 1))
        np.testing.assert_array_equal(file.audio, preset.audio)
        with pytest.raises(SoundError, match=r"bank/02 two: "):
            load_target(targets, 2, renderer, 44_100)
    (tmp_path / "other.vitalbank").write_bytes(b"no bank")
    with pytest.raises(DatasetError, match=r"other\.vitalbank: cannot be read as a bank"):
        find_targets([str(tmp_path)], task, 0)


def test_a_patch_that_vital_cannot_play_is_left_out(task, tmp_path):
    pytest.importorskip("vita")
    write_patch(tmp_path / "a.vital")
    (tmp_path / "b.vital").write_text('{"settings": {}, "synth_version": "0.5.0"}')
    targets = find_targets([str(tmp_path)], task, 0)
    with Renderer(task.synth, workers=1) as renderer:
        load_target(targets, 0, renderer, 44_100)
        with pytest.raises(SoundError, match=r"b\.vital: .* it is from Vital 0\.5\.0"):
            load_target(targets, 1, renderer, 44_100)
    write_sound(tmp_path / "sound.wav")
    with pytest.raises(DatasetError, match="patches of one kind or sounds, not both"):
        find_targets([str(tmp_path / "a.vital"), str(tmp_path / "sound.wav")], task, 0)


def test_other_content_of_the_same_name_and_size_is_another_set(task, tmp_path):
    def description(dataset: Path) -> dict:
        return dict(find_targets([str(dataset)], task, 0).description)

    sound = write_sound(tmp_path / "a.wav")
    before = description(sound)
    assert description(sound) == before
    size = sound.stat().st_size
    write_sound(sound, 0.4)
    assert sound.stat().st_size == size and description(sound) != before
    bank = tmp_path / "a.syx"
    bank.write_bytes(write_bank([init_voice()]))
    before = description(bank)
    silent_bank(bank)
    assert description(bank) != before


def test_names_hold_nothing_that_a_terminal_or_a_table_cannot(task, tmp_path):
    write_sound(tmp_path / "a\x1b[2J.wav")
    if sys.platform == "linux":  # Other systems have no names of any bytes.
        (tmp_path / os.fsdecode(b"b\xff.wav")).write_bytes(b"")
    targets = find_targets([str(tmp_path)], task, 0)
    assert targets.names == [r"a\x1b[2J.wav", r"b\udcff.wav"][: len(targets.names)]
    assert targets.description["content_sha256"]


def test_remarks_on_a_damaged_bank_are_part_of_the_set(task, tmp_path):
    data = bytearray(write_bank([init_voice()]))
    data[-2] ^= 1
    (tmp_path / "a.syx").write_bytes(data)
    remark = find_targets([str(tmp_path)], task, 0).description["remark"]
    assert remark == f"{tmp_path}/a.syx: 1 of 1 dumps with a wrong checksum: voices may be damaged"
