"""Evaluations: their scores, resuming, worker deaths and comparisons."""

import json
import multiprocessing
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pyarrow
import pyarrow.parquet
import pytest
import soundfile

from tests.evaluation.pool import scored_here
from unsynth.data.external import DatasetError
from unsynth.errors import DrawIndexError
from unsynth.evaluation.compare import compare
from unsynth.evaluation.evaluate import EvaluationProgress, EvaluationResult, evaluate
from unsynth.evaluation.folder import EvaluationError, open_folder, read_evaluation
from unsynth.evaluation.scorer import Scorer
from unsynth.evaluation.settings import EvaluationRequest, EvaluationSettings
from unsynth.evaluation.targets import find_targets
from unsynth.formats.syx import init_voice, write_bank
from unsynth.index.files import load_index, save_index
from unsynth.metrics.audio import audio_metrics
from unsynth.output import reserve
from unsynth.rendering.renderer import Renderer


def run(
    model: str,
    dataset: str,
    out: Path,
    workers: int | None = None,
    resume: bool = False,
    **settings,
) -> EvaluationResult:
    request = EvaluationRequest(model, [dataset], candidates=2, **settings)
    *progress, result = evaluate(request, out, workers, resume)
    assert all(isinstance(event, EvaluationProgress) for event in progress)
    assert isinstance(result, EvaluationResult)
    return result


def rows(folder: Path) -> list[dict]:
    all_rows = read_evaluation(folder)[1]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in all_rows]


@pytest.fixture(scope="module")
def evaluated(model, tmp_path_factory) -> Path:
    return run(model, "draws:3", tmp_path_factory.mktemp("e") / "run", workers=2).folder


def test_rows_hold_the_metrics_of_the_rendered_sounds(task, evaluated):
    settings, _ = read_evaluation(evaluated)
    all_rows = rows(evaluated)
    assert settings["candidates"] == 2 and len(all_rows) == settings["targets"] == 3
    with Renderer(task.synth, workers=1) as renderer:
        sound = find_targets(["draws:3"], task, 0).load(2, renderer)
    row = all_rows[2]
    assert (row["name"], row["pitch"]) == ("test-000002", sound.pitch)
    for row in all_rows:
        assert row["floor.mss"] == 0.0 and row["floor.rms"] == pytest.approx(1.0)
        assert row["best.mss"] <= row["one.mss"] and row["best_random.mss"] <= row["random.mss"]
        assert row["best_or_nearest.mss"] == min(row["best.mss"], row["nearest.mss"])
        assert not any(key.endswith("_original") for key in row)
    silence = audio_metrics(sound.audio, np.zeros_like(sound.audio))
    assert all_rows[2]["nearest.mss"] < silence.mss
    assert "noise floor" in (evaluated / "table.md").read_text()


def wait_until_it_works(process: psutil.Process) -> None:
    """Wait until a process has taken some time of a core from now on."""

    def seconds() -> float:
        times = process.cpu_times()
        return times.user + times.system

    before, deadline = seconds(), time.monotonic() + 240
    while seconds() < before + 0.1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def disturbed(model, tmp_path_factory) -> Path:
    """The folder of a run whose worker died over the second target; stopped over the third."""
    folder, others = tmp_path_factory.mktemp("e") / "again", multiprocessing.active_children()
    events = evaluate(EvaluationRequest(model, ["draws:3"], candidates=2), folder, workers=1)
    next(events)
    (worker,) = (each for each in multiprocessing.active_children() if each not in others)
    wait_until_it_works(psutil.Process(worker.pid))
    worker.kill()
    next(events)
    events.close()
    return folder


def test_scores_depend_neither_on_workers_nor_on_deaths_nor_on_a_stop(
    model, evaluated, disturbed, kill_starts
):
    with pytest.raises(EvaluationError, match="not finished"):
        read_evaluation(disturbed)
    with pytest.raises(EvaluationError, match="add --resume"):
        run(model, "draws:3", disturbed)
    journal = disturbed / "items.jsonl"
    whole = journal.read_text()
    journal.write_text(whole + whole[: len(whole) // 2])  # a kill in the middle of a line
    if sys.platform != "win32":
        kill_starts(1)
    result = run(model, "draws:3", disturbed, workers=1, resume=True)
    (first, dead, third), undisturbed = rows(disturbed), rows(evaluated)
    assert [first, third] == undisturbed[::2]
    assert dead["error"] == "the worker died" and dead["failures"] == dead["one.failed"] * 7
    assert dead["one.mss"] == dead["nearest.mss"] > undisturbed[1]["floor.mss"]
    assert result.failures == dead["failures"] > 0
    for line in journal.read_text().splitlines():
        json.loads(line)
    with pytest.raises(EvaluationError, match=r"with seed 0, not 1; choose another --out"):
        run(model, "draws:3", disturbed, resume=True, seed=1)


def write_tone(path: Path, peak: float) -> None:
    times = np.arange(44_100) / 44_100
    soundfile.write(path, peak * np.sin(2 * np.pi * 220.0 * times), 44_100)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> Path:
    """Two sounds, a silent one, and a file that is none."""
    folder = tmp_path_factory.mktemp("sounds")
    write_tone(folder / "mono_57.wav", 0.5)
    wave, _ = soundfile.read(folder / "mono_57.wav")
    noise = np.random.default_rng(0).standard_normal(len(wave))
    soundfile.write(folder / "both_57.wav", np.stack([wave, 0.3 * noise], axis=1), 44_100)
    write_tone(folder / "silent_57.wav", 0.0)
    (folder / "text_57.wav").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def scored_sounds(model, sounds, tmp_path_factory) -> EvaluationResult:
    folder = tmp_path_factory.mktemp("e") / "sounds"
    with scored_here():
        return run(model, str(sounds), folder, workers=1, steps=1)


def test_two_processes_do_not_score_into_one_folder(model, evaluated, tmp_path):
    out = shutil.copytree(evaluated, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with (
        reserve(out / ".lock", EvaluationError("taken")),
        pytest.raises(EvaluationError, match="another process"),
    ):
        run(model, "draws:3", out, resume=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert run(model, "draws:3", out, resume=True).targets == 3


def test_stereo_sound_is_scored_in_both_forms(scored_sounds):
    first, second = rows(scored_sounds.folder)
    assert (first["name"], first["pitch"]) == ("both_57.wav", 57)
    assert first["one.mss_original"] != first["one.mss"]
    assert second["one.mss_original"] is None and second["pitch"] == 57
    assert "floor.mss" not in first
    assert set(scored_sounds.tables) == {"", "against the original channels"}
    assert read_evaluation(scored_sounds.folder)[0]["solver_steps"] == 1


def test_targets_that_cannot_be_scored_are_left_out_and_listed(scored_sounds, tmp_path):
    """A silent one would score perfectly; one that cannot be read would stop all others."""
    folder, left_out = scored_sounds.folder, scored_sounds.left_out
    assert scored_sounds.targets == 4 and len(left_out) == 2
    assert "silent_57.wav: the sound is silent" in left_out[0]
    assert "text_57.wav: not a sound file" in left_out[1]
    scores = [row["one.mss"] for row in rows(folder)]
    assert scored_sounds.tables[""].rows[0][1].startswith(f"{np.mean(scores):.2f} ±")
    page = (folder / "table.md").read_text()
    assert "2 of 4 targets are left out of all means:\n" in page
    assert all(f"\n- {reason}" in page for reason in left_out)
    journal = (folder / "items.jsonl").read_text().splitlines()
    reasons = {row["name"]: row.get("left_out") for row in map(json.loads, journal)}
    expected = dict(zip(("silent_57.wav", "text_57.wav"), left_out, strict=True))
    assert reasons == {"both_57.wav": None, "mono_57.wav": None} | expected
    # A resumed run tries them again.
    shutil.copytree(folder, tmp_path / "e")
    settings, _ = read_evaluation(folder)
    assert sorted(open_folder(tmp_path / "e", settings, resume=True)) == [0, 1]
    assert len((tmp_path / "e" / "items.jsonl").read_text().splitlines()) == 2


def test_other_content_of_the_same_name_is_not_continued(model, sounds, scored_sounds):
    sound = sounds / "mono_57.wav"
    whole = sound.read_bytes()
    try:
        write_tone(sound, 0.4)
        assert sound.stat().st_size == len(whole)
        message = r"with of\.content_sha256 '\w+', not '\w+'; choose"
        with pytest.raises(EvaluationError, match=message):
            run(model, str(sounds), scored_sounds.folder, resume=True, workers=1, steps=1)
    finally:
        sound.write_bytes(whole)


@pytest.fixture
def bank(tmp_path) -> Path:
    """A bank of 32 voices of the same name."""
    path = tmp_path / "bank.syx"
    path.write_bytes(write_bank([init_voice("PIANO")] * 32))
    return path


def test_wrong_datasets_are_refused_by_name(task, model, tmp_path, bank):
    folder = tmp_path / "folder"
    folder.mkdir()
    for dataset, message in [
        ("draws:0", "give a number of draws"),
        ("draws:x", "give a number of draws"),
        (f"nsynth:{tmp_path}", "NSynth's test set is not here"),
        (str(tmp_path / "nowhere"), "no such file"),
        (str(folder), "no sounds in this folder"),
    ]:
        with pytest.raises(DatasetError, match=message):
            run(model, dataset, tmp_path / "e")
    with pytest.raises(DatasetError, match="draws:2: evaluate this set by itself"):
        find_targets([str(bank), "draws:2"], task, 0)
    with pytest.raises(DatasetError, match="not both"):
        find_targets([str(bank), str(folder)], task, 0)
    (folder / "no_sound.wav").write_text("text")
    none = r"none of the 1 targets .*: not a sound file"
    with scored_here(), pytest.raises(EvaluationError, match=none):
        run(model, str(folder), tmp_path / "e", workers=1)


def test_another_index_is_not_continued(task, model, evaluated, tmp_path, monkeypatch):
    """The task's own index, in the package, gives way to one in the cache of the user."""
    shutil.copytree(evaluated, tmp_path / "e")
    index = load_index(task)
    save_index(replace(index, mean=index.mean + 1), tmp_path / "index.npz")
    monkeypatch.setattr("unsynth.index.files.index_path", lambda task: tmp_path / "index.npz")
    with pytest.raises(EvaluationError, match=r"with index '\w+', not '\w+'; choose another --out"):
        run(model, "draws:3", tmp_path / "e", workers=1, resume=True)
    (tmp_path / "index.npz").write_bytes(b"no index")
    with pytest.raises(DrawIndexError, match="this index is damaged"):
        run(model, "draws:3", tmp_path / "other", workers=1)


@pytest.mark.parametrize("has_index", [True, False])
def test_failed_target_has_the_estimates_of_the_others(model, tmp_path, monkeypatch, has_index):
    if not has_index:
        monkeypatch.setattr("unsynth.evaluation.scorer.index_path", lambda task: tmp_path / "none")
    settings = EvaluationSettings(
        model="",
        task="dx7",
        dataset=("draws:1",),
        candidates=2,
        seed=0,
        guidance=1.0,
        solver="euler",
        solver_steps=2,
    )
    scorer = Scorer(Path(model), settings, tmp_path)
    estimates = {key for key in scorer.score(0) if key.endswith(".mss")} - {"floor.mss"}
    assert ("nearest.mss" in estimates) == has_index
    assert {key for key in scorer.score(0, "the worker died") if key.endswith(".mss")} == estimates


def test_damaged_lines_of_a_journal_are_scored_again(evaluated, tmp_path):
    """Also a line that a kill has cut within a character."""
    settings, _ = read_evaluation(evaluated)
    whole = (evaluated / "items.jsonl").read_bytes().splitlines(keepends=True)
    row = json.loads(whole[1])
    others = [{**row, "item": "1"}, {**row, "item": True}, {**row, "one.mss": None}, [row], 1]
    others += [{**row, "failures": None}, {**row, "name": 5}, {**row, "one.failed": "no"}]
    others += [{k: v for k, v in row.items() if k != key} for key in ("item", "name", "one.sot")]
    others += [{**row, "one.rms": float("nan")}, {**row, "best.mss": "2"}, {"item": 1}]
    others += [{k: v for k, v in row.items() if not k.startswith("best.")}]
    lines = [json.dumps(other).encode() for other in others]
    for line in (*lines, whole[1][:40] + "é".encode()[:1], b"\xff", b"[" * 100_000, b"\0" * 50):
        folder = tmp_path / "e"
        folder.mkdir(exist_ok=True)
        (folder / "settings.json").write_bytes((evaluated / "settings.json").read_bytes())
        (folder / "items.jsonl").write_bytes(whole[0] + line + b"\n" + whole[2])
        assert sorted(open_folder(folder, settings, resume=True)) == [0, 2], line[:80]
        assert len((folder / "items.jsonl").read_bytes().splitlines()) == 2


def test_damaged_evaluations_are_not_compared(evaluated, tmp_path):
    whole = (evaluated / "items.parquet").read_bytes()
    settings = (evaluated / "settings.json").read_bytes()
    before = rows(evaluated)

    def read_again(name: str, content: bytes) -> list[dict]:
        folder = tmp_path / "e"
        folder.mkdir(exist_ok=True)
        (folder / "items.parquet").write_bytes(whole)
        (folder / "settings.json").write_bytes(settings)
        (folder / name).write_bytes(content)
        return rows(folder)

    for content in (b"", b"[]", b"{}", b'{"of": 1}', b"[" * 100_000, b"\xff", settings[:-9]):
        with pytest.raises(EvaluationError, match=r"e: cannot be read|holds no settings"):
            read_again("settings.json", content)
    for end in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(EvaluationError, match=r"e: cannot be read \(.*; run the evaluation"):
            read_again("items.parquet", whole[:end])
    table = pyarrow.Table.from_pylist([{"item": 0}])
    pyarrow.parquet.write_table(table, tmp_path / "other.parquet")
    with pytest.raises(EvaluationError, match="holds no scores of this version"):
        read_again("items.parquet", (tmp_path / "other.parquet").read_bytes())
    rng = np.random.default_rng(0)
    for at in rng.integers(len(whole) // 3, size=20):  # where the pages are
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        try:
            assert read_again("items.parquet", bytes(damaged)) == before
        except EvaluationError as error:
            assert "\n" not in str(error) and len(str(error)) < 400


def test_damaged_settings_in_the_default_folder_are_named(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "evaluations" / "dx7-draws-2"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text('{"model": ')
    with pytest.raises(EvaluationError, match=r"settings.json: cannot be read"):
        next(evaluate(EvaluationRequest(model, ["draws:2"]), resume=True))


def test_voices_have_names_and_a_noise_floor(task, bank):
    voices = find_targets([str(bank)], task, 0)
    assert len(voices.names) == len(set(voices.names)) == 32
    with Renderer(task.synth, workers=1) as renderer:
        sound = voices.load(3, renderer)
    assert sound.pitch == 60 and sound.second_render is not None
    np.testing.assert_array_equal(sound.audio, sound.second_render)


def test_comparison_pairs_targets(model, evaluated, disturbed, scored_sounds, tmp_path):
    other = shutil.copytree(disturbed, tmp_path / "other")
    with scored_here():
        run(model, "draws:3", other, workers=1, resume=True)
    comparison = compare([evaluated, other], "best")
    first_rows, other_rows = rows(evaluated), rows(other)
    expected = np.mean(
        [b["best.mss"] - a["best.mss"] for a, b in zip(first_rows, other_rows, strict=True)]
    )
    mean, low, high = comparison.intervals["other"]["mss"]
    assert mean == pytest.approx(expected) and low <= mean <= high and low < high
    twin = shutil.copytree(evaluated, tmp_path / "twin")
    same = compare([evaluated, twin], "floor").intervals["twin"]
    assert same["mss"] == (0.0, 0.0, 0.0)
    comparison.write(tmp_path / "out")
    assert {p.suffix for p in (tmp_path / "out").iterdir()} == {".md", ".tex", ".csv", ".png"}
    with pytest.raises(EvaluationError, match="at least two"):
        compare([evaluated])
    with pytest.raises(EvaluationError, match="is given twice"):
        compare([evaluated, twin, twin / ".." / ".." / evaluated.parent.name / evaluated.name])
    with pytest.raises(EvaluationError, match="holds no evaluation"):
        compare([evaluated, tmp_path])
    with pytest.raises(EvaluationError, match="--estimate nothing: choose one of one, best"):
        compare([evaluated, other], "nothing")
    with pytest.raises(EvaluationError, match="only runs on the same targets"):
        compare([evaluated, scored_sounds.folder])
