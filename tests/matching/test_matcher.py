"""Whole matches through Python, on sounds of the engine itself."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import platformdirs
import pytest
import soundfile
import torch

from tests.conftest import shortened_matches
from tests.models.small import SMALL, small_flow
from tests.tiny import RATE, ProcessTinySynth, TinySynth, TinyTask
from unsynth.audio.pitch import estimate_pitch
from unsynth.errors import PatchError, UnsynthError
from unsynth.flow.solver import Solver
from unsynth.formats.syx import init_voice, read_syx, write_bank
from unsynth.index.build import render_spectrograms
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import load_index, user_index_path
from unsynth.matching.diversity import mel_distance
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.result import MatchResult
from unsynth.matching.run import Progress
from unsynth.matching.targets import read_target
from unsynth.matching.user_patches import UserPatches
from unsynth.metrics.agreement import median_metrics
from unsynth.metrics.audio import audio_metrics
from unsynth.metrics.fast import FastSpectral
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.report.folder import save
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks
from unsynth.tasks.structure import canonical_structure
from unsynth.tasks.task import Task

EXAMPLES = Path(__file__).parents[2] / "examples"


class Match(NamedTuple):
    result: MatchResult
    folder: Path
    patches: tuple[Path, ...]
    progress: list[Progress]


def match(
    sound: Path,
    task: Task,
    out: Path,
    index: DrawIndex | None = None,
    posterior: Posterior | None = None,
    **settings: object,
) -> Match:
    """Match a sound with few renders, so that the result depends on the seed alone."""
    request = Request(task, **({"renders": 60} | settings))
    with Matcher(task, index, posterior) as matcher:
        *progress, result = matcher.events(read_target(sound, task), request)
    saved = save(result, out)
    assert all(isinstance(event, Progress) for event in progress)
    return Match(result, saved.folder, saved.patches, progress)


@pytest.fixture
def short_match() -> Iterator[None]:
    """Shorten the matches of a test; only that of ``own_match`` has its whole length."""
    with shortened_matches():
        yield


@pytest.fixture(scope="module")
def few_draws(small_index) -> DrawIndex:
    """The first draws of the index."""
    return replace(small_index, items=small_index.items[:10], codes=small_index.codes[:10])


@pytest.fixture(scope="module")
def own_sound(task, small_index, tmp_path_factory) -> Path:
    """A sound of one of the index's draws, on a note that the index does not have."""
    path = tmp_path_factory.mktemp("sounds") / "own sound.wav"
    synth = task.synth()
    for draw in range(len(small_index)):  # the first whose pitch is that of its note
        voice = task.engine_patch(small_index.patch(draw))
        sound = synth.render(voice, Note(67, 0.1, 1.0))
        estimate = estimate_pitch(sound, 44_100, 0.1)
        if estimate and round(estimate) == 67:
            break
    soundfile.write(path, sound.T / 4, 44_100, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def own_match(task, small_index, own_sound, tmp_path_factory) -> Match:
    return match(own_sound, task, tmp_path_factory.mktemp("out"), small_index, renders=160)


def test_the_engines_own_sound_is_matched_nearly(own_match):
    best, scores = own_match.result.candidates[0], own_match.result.metrics[0]
    chance = median_metrics(own_match.result.random_metrics)
    assert scores.mss < 1.5 < chance.mss
    assert scores.wmfcc < chance.wmfcc and scores.sot < chance.sot and scores.rms > 0.99
    assert own_match.result.noise_floor == pytest.approx((0.0, 0.0, 0.0, 1.0), abs=1e-6)
    assert own_match.result.task.note(best.patch).pitch == 67
    stages = {event.stage for event in own_match.progress}
    assert {"sampling the posterior", "rendering the nearest draws", "searching"} <= stages


@pytest.mark.parametrize(
    ("limit", "draws"), [({"budget": 0.4}, 10), ({"budget": 0.4, "renders": 100}, 30)]
)
def test_a_short_search_begins_at_few_draws(task, small_index, own_sound, limit, draws):
    with Matcher(task, small_index) as matcher:
        events = matcher.events(read_target(own_sound, task), Request(task, **limit))
        while (event := next(events)).stage != "rendering the nearest draws":
            pass
        assert event.total == draws
        events.close()


def test_candidates_are_distinct_and_have_the_metrics_of_their_sounds(own_match):
    result = own_match.result
    assert 2 <= len(result.candidates) <= 8
    for candidate, metrics in zip(result.candidates, result.metrics, strict=True):
        assert metrics == audio_metrics(result.target.audio, candidate.audio)
        fast = FastSpectral(result.target.audio)(candidate.audio[None])[0]
        cost = result.target.subsonic_cost(candidate.audio)
        assert candidate.score == pytest.approx(fast + cost, abs=1e-3)
    first, *others = (
        metrics.mss + result.target.subsonic_cost(candidate.audio)
        for candidate, metrics in zip(result.candidates, result.metrics, strict=True)
    )
    assert others == sorted(others) and first <= 1.05 * min(others)
    for one, other in combinations(result.candidates, 2):
        distance = mel_distance(one.audio, other.audio, 44_100)
        structures = (canonical_structure(result.task, c.patch) for c in (one, other))
        assert distance >= 1.0 or len(set(structures)) == 2


def test_the_first_candidate_is_as_near_as_every_start(own_match):
    """By what ranks them: MSS, and the cost of energy below 20 Hz."""
    result = own_match.result
    assert set(result.starts) == {"posterior", "index"}
    cost = result.target.subsonic_cost
    first = result.metrics[0].mss + cost(result.candidates[0].audio)
    for start, metrics in result.starts.values():
        assert first <= metrics.mss + cost(start.audio)
    scores = [point.score for point in result.history]
    assert scores == sorted(scores, reverse=True)
    assert 140 <= result.renders <= 160


def test_the_files_hold_the_candidates(own_match):
    folder, result = own_match.folder, own_match.result
    names = {"patches.syx", "patch.json", "target.wav", "best.wav", "note.mid", "report.html"}
    assert {p.name for p in folder.iterdir()} == names and folder.name == "own sound"
    task, best = result.task, result.candidates[0]
    note = task.note(best.patch)

    voices = read_syx((folder / "patches.syx").read_bytes()).voices
    for voice, candidate in zip(voices, result.candidates, strict=False):
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
        name
        for name, audible in zip(task.spec.names, task.active(best.patch), strict=True)
        if not audible
    }
    assert first["mss_db"] == pytest.approx(result.metrics[0].mss, abs=1e-4)
    assert "own sound.wav" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_seed_gives_the_same_patches_in_a_new_folder(
    task, small_index, own_sound, tmp_path, short_match
):
    first, again = (match(own_sound, task, tmp_path, small_index) for _ in range(2))
    assert first.folder.is_dir() and again.folder.name == "own sound-2"
    for one, other in zip(first.result.candidates, again.result.candidates, strict=True):
        np.testing.assert_array_equal(one.patch, other.patch)
    assert first.result.random_metrics == again.result.random_metrics


def test_every_candidate_keeps_locked_values(task, small_index, own_sound, tmp_path, short_match):
    lock = {"note": 55, "algorithm": "5", "op6.output_level": "77", "note.duration": 0.5}
    locked_match = match(own_sound, task, tmp_path, small_index, lock=lock)
    for patch in (
        *(c.patch for c in locked_match.result.candidates),
        *locked_match.result.exported,
    ):
        named = task.spec.named(patch)
        assert (named["note.pitch"], named["algorithm"], named["note.duration"]) == (55, "5", 0.5)
        assert named["op6.output_level"] == 77
    data = json.loads((locked_match.folder / "patch.json").read_text(encoding="utf-8"))
    assert data["locked"]["algorithm"] == "5"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("algoritm", 5, "is it algorithm"),
        ("note", 20, "24 to 96"),
        ("note", "high", "not a number"),
        ("algorithm", 33, "not one of"),
        ("op1.level1", 1.5, "whole numbers"),
        ("note.duration", 9, "0.05 to 6"),
    ],
)
def test_the_error_of_a_wrong_lock_gives_the_reason(task, name, value, words):
    with pytest.raises(PatchError, match=words):
        Locks.read(task, {name: value})


def test_the_result_is_as_near_as_the_users_patch(task, small_index, tmp_path, short_match):
    """A voice with keyboard scaling, from a bank, and then the patch.json of its match.

    The bank's checksum is wrong: the result says so.
    """
    voice = task.engine_patch(small_index.patch(2))
    voice[5 * 21 + 13] = 5
    bank_bytes = bytearray(write_bank([voice]))
    bank_bytes[-2] ^= 1
    (tmp_path / "bank.syx").write_bytes(bank_bytes)
    sound = task.synth().render(voice, Note(60, 0.0, 1.5))
    soundfile.write(tmp_path / "own.wav", sound.T / 4, 44_100, subtype="FLOAT")
    lock = {"note": 60, "note.onset": 0, "note.duration": 1.5}
    sound_path, bank = tmp_path / "own.wav", tmp_path / "bank.syx"
    first = match(sound_path, task, tmp_path, small_index, start=bank, lock=lock, renders=40)
    _, start = first.result.starts["given"]
    assert first.result.metrics[0].mss <= start.mss < 2.0
    patch_json = first.folder / "patch.json"
    assert json.loads(patch_json.read_text())["remarks"] == [
        "bank.syx: 1 of 1 dumps with a wrong checksum: voices may be damaged"
    ]
    again = match(sound_path, task, tmp_path, small_index, start=patch_json, renders=40)
    assert again.result.metrics[0].mss <= first.result.metrics[0].mss + 1e-6


def test_files_without_a_usable_patch_are_refused(task, tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(PatchError, match="cannot be read"):
        UserPatches.read(path, task)
    for content in ("", "[]", "{}", '{"task": "dx7", "candidates": [{"parameters": 3}]}'):
        path.write_text(content)
        with pytest.raises(PatchError, match=r"that unsynth wrote, nor a \.syx, \.mid, "):
            UserPatches.read(path, task)
    path.write_text('{"task": "vital", "candidates": []}')
    with pytest.raises(PatchError, match="patches of 'vital'"):
        UserPatches.read(path, task)
    named = task.spec.named(task.sample(np.random.default_rng(0)))
    path.write_text(json.dumps({"task": "dx7", "candidates": [{"parameters": named}] * 501}))
    with pytest.raises(PatchError, match="501 patches; give at most 500"):
        UserPatches.read(path, task)
    bank = tmp_path / "x.syx"
    bank.write_bytes(b"hello")
    with pytest.raises(PatchError, match="no DX7 voice"):
        UserPatches.read(bank, task)
    bank.write_bytes(write_bank([init_voice()]) * 16)
    with pytest.raises(PatchError, match="holds 512 voices; give at most 500"):
        UserPatches.read(bank, task)
    with pytest.raises(PatchError, match="the task is tiny"):
        UserPatches.read(bank, TinyTask())


@pytest.mark.parametrize(
    "wrong", [{"keep": 0}, {"keep": 33}, {"budget": 0.0}, {"renders": 0}, {"seed": -1}]
)
def test_a_request_out_of_range_is_refused(task, wrong):
    with pytest.raises(UnsynthError, match="choose"):
        Request(task, **wrong)


def test_posterior_samples_and_draws_are_both_candidates(
    task, small_index, own_sound, tmp_path, short_match
):
    """With an untrained model; its samples are poor, and keep their origin."""
    path = tmp_path / "dx7.safetensors"
    sampling = SamplingSettings(solver=Solver.EULER, steps=2, guidance=1.0)
    artifact = describe(task, FlowArchitecture.model_validate(SMALL), sampling, 0.9, 1, None)
    save_artifact(path, small_flow(task.spec.width), artifact)
    few = replace(small_index, items=small_index.items[:5], codes=small_index.codes[:5])
    model = load_posterior(task, path)
    # Too few renders to leave any for the search.
    both = match(own_sound, task, tmp_path, few, model, renders=16, keep=32)
    origins = [c.origin for c in both.result.candidates]
    assert min(origins.count("index"), origins.count("posterior")) >= 3  # some are silent
    assert {task.note(c.patch).pitch for c in both.result.candidates} == {67}
    written = json.loads((both.folder / "patch.json").read_text(encoding="utf-8"))["candidates"]
    assert [c["origin"] for c in written] == origins


def test_closing_the_generator_stops_its_threads(task, few_draws, own_sound, short_match):
    """The generator is closed in the middle of a search; torch then has its own threads again."""

    def working() -> set[str]:
        names = {thread.name.split("_")[0] for thread in threading.enumerate()}
        return names & {"score", "judge"}

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Matcher(task, few_draws) as matcher:
            events = matcher.events(read_target(own_sound, task), Request(task))
            stages = (event.stage for event in events if isinstance(event, Progress))
            while next(stages) != "searching":
                pass
            next(stages)
            assert working() == {"score", "judge"} and torch.get_num_threads() == 1
            events.close()
            assert not working() and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_task_without_an_index_builds_one_and_exports_its_files(
    tmp_path, monkeypatch, short_match
):
    """A stereo engine in processes, whose task ships no index and exports a file per patch."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tmp_path / "cache")
    monkeypatch.setattr("unsynth.index.build._MIN_DRAWS", 200)
    monkeypatch.setattr("unsynth.index.build._SECONDS", 0.0)
    task = TinyTask(ProcessTinySynth)
    patch = task.sample(np.random.default_rng(3))
    sound = TinySynth().render(patch, task.note(patch))
    soundfile.write(tmp_path / "two.wav", sound.T, RATE, subtype="FLOAT")
    tiny_match = match(tmp_path / "two.wav", task, tmp_path / "out", keep=5)
    assert Progress("building the index, once", 200, 200) in tiny_match.progress
    assert user_index_path(task).exists()
    count = len(tiny_match.result.candidates)
    assert [p.name for p in tiny_match.patches] == [f"{i:02d}.tiny" for i in range(1, count + 1)]
    assert count >= 2 and all(p.exists() for p in tiny_match.patches)
    data = json.loads((tiny_match.folder / "patch.json").read_text(encoding="utf-8"))
    assert data["candidates"][1]["files"] == ["02.tiny"]
    page = (tiny_match.folder / "report.html").read_text(encoding="utf-8")
    assert f"01.tiny to 0{count}.tiny" in page and "DX7" not in page
    assert tiny_match.result.candidates[0].audio.shape == (2, 4 * RATE)
    chance = median_metrics(tiny_match.result.random_metrics)
    assert tiny_match.result.metrics[0].mss < 0.5 * chance.mss


def test_the_index_of_a_task_is_that_of_the_usual_rate(tmp_path, monkeypatch, own_sound):
    """It is found by the task's hash, which all rates share."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *a, **k: tmp_path / "cache")
    monkeypatch.setattr("unsynth.index.build._MIN_DRAWS", 100)
    monkeypatch.setattr("unsynth.index.build._SECONDS", 0.0)
    file = str(Path(__file__).parents[1] / "tasks" / "small.yaml")
    usual, task = load_task(file), load_task(file, 96_000)
    with Matcher(task) as matcher:
        events = matcher.events(read_target(own_sound, task), Request(task, renders=5))
        while next(events).stage == "building the index, once":
            pass
        events.close()
        with pytest.raises(ValueError, match="a request of"):
            next(matcher.events(read_target(own_sound, usual), Request(usual)))
    with Renderer(usual.synth) as renderer:
        spectrograms = [s for _, s in islice(render_spectrograms(usual, renderer), 100)]
    np.testing.assert_array_equal(load_index(usual).mean, np.stack(spectrograms).mean(axis=0))
