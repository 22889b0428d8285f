import io
import zipfile
from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from unsynth.audio.semitones import relative_to_note, semitone_levels
from unsynth.errors import DrawIndexError
from unsynth.index.build import render_spectrograms
from unsynth.index.draw_index import INDEX_DURATION, INDEX_PITCH
from unsynth.index.files import load_index, save_index
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task


def test_spectrograms_relative_to_the_note_are_alike_on_other_notes(task):
    rng = np.random.default_rng(1)
    synth = task.synth()
    position = task.spec.position
    same, other = [], []
    spectrograms = {}
    for draw in range(6):
        patch = task.sample(rng)
        for op in range(1, 7):
            patch[position[f"op{op}.mode"]] = 0
        for pitch in (57, 64):
            sound = synth.render(task.engine_patch(patch), Note(pitch, 0.0, 1.0))
            spectrograms[draw, pitch] = relative_to_note(semitone_levels(sound, 44_100, 0.0), pitch)
    for draw in range(6):
        same.append(np.abs(spectrograms[draw, 57] - spectrograms[draw, 64]).mean())
        other.append(np.abs(spectrograms[draw, 57] - spectrograms[(draw + 1) % 6, 64]).mean())
    assert np.mean(same) < 0.6 * np.mean(other)


def test_a_sound_cut_off_by_the_end_counts_as_going_on():
    tone = np.sin(2 * np.pi * 440 * np.arange(176_400) / 44_100).astype(np.float32)[None]
    whole = semitone_levels(tone, 44_100, 0.0)
    late = np.concatenate([np.zeros((1, 60_000), np.float32), tone[:, :-60_000]], axis=1)
    loud = whole > -20  # below, the cut itself is visible
    assert np.abs(semitone_levels(late, 44_100, 60_000 / 44_100) - whole)[loud].max() < 3.0
    assert whole.argmax(axis=0).tolist() == [69 - 16] * whole.shape[1]


def test_a_draw_is_among_the_nearest_on_another_note(task, small_index):
    synth = task.synth()
    hits = 0
    for draw in range(0, 60, 6):
        patch = small_index.patch(draw)
        note = Note(66, 0.2, 1.3)
        target = synth.render(task.engine_patch(patch), note)
        nearest = small_index.nearest(target, 44_100, 0.2, 1.3, np.arange(24, 97), 5)
        hits += any(
            np.array_equal(task.with_note(p, note), task.with_note(patch, note)) for p in nearest
        )
    assert hits >= 8


def test_the_nearest_patches_have_the_given_note(task, small_index):
    target = task.synth().render(task.engine_patch(small_index.patch(0)), Note(50))
    for patch in small_index.nearest(target, 44_100, 0.3, 0.7, np.array([72]), 20):
        assert task.note(patch) == Note(72, 0.3, 0.7)


def test_a_saved_index_loads_unchanged(task, small_index, tmp_path):
    path = tmp_path / "small.npz"
    save_index(small_index, path)
    loaded = load_index(task, path)
    assert len(loaded) == len(small_index)
    np.testing.assert_array_equal(loaded.patch(17), small_index.patch(17))
    np.testing.assert_array_equal(loaded.codes, small_index.codes)
    assert list(tmp_path.iterdir()) == [path]


def test_the_index_is_the_same_with_any_number_of_workers(task, small_index):
    """It is made from the draws' numbers and spectrograms."""

    def first(workers: int) -> list[tuple[int, np.ndarray]]:
        with (
            Renderer(task.synth, workers=workers) as renderer,
            closing(render_spectrograms(task, renderer)) as rendered,
        ):
            return list(islice(rendered, 24))

    for (item, one), (same, again), expected in zip(
        first(1), first(3), small_index.items, strict=False
    ):
        assert item == same == expected
        np.testing.assert_array_equal(again, one)


def test_a_missing_or_damaged_index_is_refused_with_the_reason(task, small_index, tmp_path):
    path = tmp_path / "small.npz"
    with pytest.raises(DrawIndexError, match=r"no index here; .*unsynth index dx7"):
        load_index(task, path)
    save_index(small_index, path)
    whole = path.read_bytes()
    for damage in (whole[:1000], whole[: len(whole) // 2], b"", b"text", whole[:900] + b"\0" * 99):
        path.write_bytes(damage)
        with pytest.raises(DrawIndexError, match="damaged"):
            load_index(task, path)
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    path.write_bytes(bytes(flipped))
    with pytest.raises(DrawIndexError, match="damaged"):
        load_index(task, path)
    few = small_index.codes[:, :5], small_index.scale[:5], small_index.basis[:, :5]
    save_index(replace(small_index, codes=few[0], scale=few[1], basis=few[2]), path)
    with pytest.raises(DrawIndexError, match="codes is int8 of shape"):
        load_index(task, path)
    np.save(tmp_path / "array.npy", small_index.codes)
    with pytest.raises(DrawIndexError, match="damaged"):
        load_index(task, tmp_path / "array.npy")


def test_a_part_that_is_no_array_is_refused(task, small_index, tmp_path):
    """numpy returns what does not begin as an array does as bytes."""
    path = tmp_path / "small.npz"
    save_index(small_index, path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content[1:] if name == "codes.npy" else content)
    with pytest.raises(DrawIndexError, match="damaged \\('codes' is not an array"):
        load_index(task, path)


@pytest.mark.parametrize("content", [b"fLaC and more", b"", b"\x93NUMPY\x01"])
def test_a_file_of_another_kind_is_no_index(task, tmp_path, content):
    """numpy takes it for a pickle, and says how to load that unsafely."""
    path = tmp_path / "small.npz"
    path.write_bytes(content)
    with pytest.raises(DrawIndexError, match=r"damaged \(it is not a whole .npz file\); build"):
        load_index(task, path)


def test_flipped_bits_are_noticed_or_change_nothing(task, small_index, tmp_path):
    path = tmp_path / "small.npz"
    save_index(small_index, path)
    whole = path.read_bytes()
    damaged = 0
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(place) % 8
        path.write_bytes(bytes(flipped))
        try:
            np.testing.assert_array_equal(load_index(task, path).codes, small_index.codes)
        except DrawIndexError as error:
            damaged += 1
            assert "damaged" in str(error) and len(str(error)) < 400
    assert damaged > 50


@pytest.mark.parametrize("name", ["scale", "mean", "basis"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(task, small_index, tmp_path, name, value):
    array = getattr(small_index, name).copy()
    array.flat[3] = value
    save_index(replace(small_index, **{name: array}), tmp_path / "small.npz")
    with pytest.raises(DrawIndexError, match=f"{name} has numbers that are not finite"):
        load_index(task, tmp_path / "small.npz")


def test_an_index_that_is_larger_than_memory_is_refused(task, small_index, tmp_path):
    """A header may claim any shape: 10^13 bytes are not asked for."""
    path = tmp_path / "small.npz"
    save_index(small_index, path)
    with np.load(path) as arrays:
        parts = dict(arrays)
    header = io.BytesIO()
    shape = {"descr": "|i1", "fortran_order": False, "shape": (10**13,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as file:
        for name, array in parts.items():
            content = io.BytesIO()
            np.save(content, array)
            file.writestr(
                f"{name}.npy", header.getvalue() if name == "codes" else content.getvalue()
            )
    with pytest.raises(DrawIndexError, match="damaged"):
        load_index(task, path)


def test_an_index_of_another_prior_is_refused(task, small_index, tmp_path, monkeypatch):
    path = tmp_path / "small.npz"
    monkeypatch.setitem(task.__dict__, "hash", "0123456789abcdef")
    save_index(small_index, path)
    monkeypatch.undo()
    with pytest.raises(DrawIndexError, match=r"0123456789abcdef, not for dx7"):
        load_index(task, path)


@pytest.mark.parametrize("name", ["dx7", "vital-simple", "surge-simple", "surge-full"])
def test_a_shipped_index_holds_patches_of_its_task(name):
    """A task whose hash has changed would refuse it."""
    loaded = load_task(name)
    index = load_index(loaded)
    assert len(index) >= 5_000
    for draw in (0, len(index) - 1):
        patch = index.patch(draw)
        np.testing.assert_array_equal(loaded.spec.decode(loaded.spec.encode(patch[None]))[0], patch)


def test_the_shipped_index_matches_its_task(task):
    index = load_index(task)
    assert len(index) >= 10_000
    synth = task.synth()
    for draw in (0, len(index) // 2, len(index) - 1):
        voice = task.engine_patch(index.patch(draw))
        levels = semitone_levels(synth.render(voice, Note(60, 0.0, INDEX_DURATION)), 44_100, 0.0)
        spectrogram = relative_to_note(levels, INDEX_PITCH).ravel()
        codes = np.round((spectrogram - index.mean) @ index.basis / index.scale)
        assert np.abs(codes - index.codes[draw]).max() <= 1
