"""Score a model on a set of targets: one journal line a target, a table at the end.

For each target the model is sampled K times and every sample rendered. Beside the paper's
protocol (the first sample) stand the best of K, the best of K whose onset and pitch are fixed to
what is heard, plain draws of the prior, the nearest draws of the task's index, and the noise
floor: the target's own patch rendered again. The best of several is always the one with the least
MSS to the target as the engine could have made it (mono for a mono engine), whatever is scored. A
target whose worker dies, and an estimate that cannot be rendered, score as silence and are counted.

Everything random about target i is a function of the seed and i, so the scores depend neither on
the number of workers nor on where a run was stopped and resumed.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from unsynth import __version__
from unsynth.artifacts import ArtifactError, read_artifact, shipped_artifact
from unsynth.conventions import SECONDS
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import DrawIndexError, OutputError, UnsynthError
from unsynth.evaluation.tables import PUBLISHED, Table, scores_table
from unsynth.evaluation.targets import Audio, Sound, find_targets
from unsynth.inversion.hearing import HeardNote, hear
from unsynth.inversion.posterior import load_posterior
from unsynth.inversion.proposals import DrawIndex, load_index
from unsynth.metrics.audio import MultiScaleSpectral, audio_metrics
from unsynth.rendering.renderer import Renderer, RenderFailure, cores
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.tasks.task import Task, load_task

SETTINGS, JOURNAL, ITEMS, TABLE = "settings.json", "items.jsonl", "items.parquet", "table.md"
#: Draws of the index that are rendered for a target.
NEAREST = 64
#: Seconds that a target may take before its worker is replaced.
_TIMEOUT = 600.0


class EvaluationError(UnsynthError):
    """An evaluation that cannot start, go on or be read."""


@dataclass(frozen=True)
class Settings:
    """All that the scores depend on, beside the model's weights and the targets themselves."""

    model: str
    task: str
    dataset: tuple[str, ...]
    candidates: int
    seed: int
    guidance: float
    solver: str
    solver_steps: int
    #: Whether nothing is scored but the model's free samples.
    samples_only: bool = False


@dataclass(frozen=True)
class Scored:
    """How many targets are scored."""

    done: int
    total: int


@dataclass(frozen=True)
class Evaluated:
    """A whole evaluation; ``tables`` has a second entry where targets were mixed down."""

    folder: Path
    tables: dict[str, Table]
    failures: int


def evaluate(
    model: str,
    dataset: Sequence[str],
    out: Path | None = None,
    candidates: int = 16,
    limit: int | None = None,
    workers: int | None = None,
    seed: int = 0,
    guidance: float | None = None,
    steps: int | None = None,
    resume: bool = False,
    samples_only: bool = False,
) -> Iterator[Scored | Evaluated]:
    """Score a weight file (or the shipped model of a task) on a set; see :func:`find_targets`.

    ``limit`` targets are taken, evenly spread over the set. ``samples_only`` leaves out all that
    stands beside one sample and the best of several, for a third of the time. Yields
    :class:`Scored` after each target, last :class:`Evaluated`. Raises :class:`EvaluationError`
    where ``out`` holds another evaluation, and what reading the model or a target raises; what is
    scored by then is kept.
    """
    weights = find_weights(model)
    artifact = read_artifact(weights)
    settings = Settings(
        model=artifact.sha256[:16],
        task=artifact.source,
        dataset=tuple(dataset),
        candidates=candidates,
        seed=seed,
        guidance=artifact.sampling.guidance if guidance is None else guidance,
        solver=str(artifact.sampling.solver),
        solver_steps=steps or artifact.sampling.steps,
        samples_only=samples_only,
    )
    task = load_task(artifact.source)
    load_posterior(task, weights)  # what is wrong with it is said before any worker starts
    targets = find_targets(list(dataset), task, seed)
    names = targets.names
    if not names:
        raise EvaluationError(f"{' '.join(dataset)}: holds no targets")
    count = len(names) if limit is None else min(limit, len(names))
    numbers = np.linspace(0, len(names) - 1, count).round().astype(int).tolist()
    described = asdict(settings) | {
        "targets": count,
        "of": targets.description,
        "training_steps": artifact.training_steps,
        "engine": artifact.engine,
        "unsynth": __version__,
    }
    # A colon, as in draws:200, cannot stand in a name on Windows.
    set_name = str(targets.description["set"]).replace(":", "-")
    folder = out or Path("evaluations") / f"{weights.stem}-{set_name}"
    rows = _open_folder(folder, json.loads(json.dumps(described)), resume)
    waiting = [number for number in numbers if number not in rows]
    with (
        (folder / JOURNAL).open("a", encoding="utf-8") as journal,
        closing(_Scorers(workers, weights, settings)) as pool,
    ):
        for done, row in enumerate(pool.score(waiting), len(rows) + 1):
            rows[row["item"]] = row
            try:
                journal.write(json.dumps(row) + "\n")
                journal.flush()
            except OSError as error:
                raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
            yield Scored(done, count)
    yield _finish(folder, described, [rows[number] for number in numbers])


def read_evaluation(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a finished evaluation: its settings and its rows.

    Raises :class:`EvaluationError` where ``folder`` holds none, or one that is not finished.
    """
    import pyarrow.parquet

    if not (folder / SETTINGS).is_file():
        raise EvaluationError(f"{folder}: holds no evaluation")
    if not (folder / ITEMS).is_file():
        raise EvaluationError(f"{folder}: this evaluation is not finished; run it with --resume")
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        rows = pyarrow.parquet.read_table(folder / ITEMS).to_pylist()
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{folder}: cannot be read ({error})") from None
    return settings, rows


def estimate_names(candidates: int, draws: int | None = None) -> dict[str, str]:
    """Name the estimates of an evaluation, by the key that their columns start with."""
    index = f"nearest of {draws:,} draws" if draws else "nearest draw of the index"
    return {
        "one": "one sample",
        "best": f"best of {candidates}",
        "best_heard": f"best of {candidates} on the heard note",
        "random": "random draw",
        "best_random": f"best of {candidates} random draws",
        "nearest": index,
        "best_or_nearest": f"best of {candidates} and nearest",
        "floor": "noise floor",
    }


def find_weights(model: str) -> Path:
    """Find a weight file: ``model`` itself, or the one in the package for the task of that name.

    Raises :class:`~unsynth.artifacts.ArtifactError` where the package has none.
    """
    path = Path(model)
    if path.suffix == ".safetensors":
        return path
    shipped = shipped_artifact(load_task(model).name)
    if shipped is None:
        raise ArtifactError(
            f"there is no trained model for {model} in this package; give a .safetensors file"
        )
    return shipped


def _open_folder(folder: Path, settings: dict[str, Any], resume: bool) -> dict[int, dict[str, Any]]:
    """Make the folder, or check that it holds the same evaluation; return the rows it has."""
    path = folder / SETTINGS
    if path.exists() and not resume:
        raise EvaluationError(
            f"{folder} holds an evaluation: add --resume, or choose another --out"
        )
    if path.exists():
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EvaluationError(
                f"{path}: cannot be read ({error}); choose another --out"
            ) from None
        for key in settings:
            if theirs.get(key) != settings[key]:
                raise EvaluationError(
                    f"{folder} holds an evaluation with {key} {theirs.get(key)}, "
                    f"not {settings[key]}; choose another --out"
                )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, json.dumps(settings, indent=1) + "\n")
        rows = _read_journal(folder / JOURNAL)
        _write(folder / JOURNAL, "".join(json.dumps(row) + "\n" for row in rows.values()))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
    return rows


def _read_journal(path: Path) -> dict[int, dict[str, Any]]:
    """Read the rows of a journal; a last line that a killed run left half-written is dropped."""
    rows: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows[row["item"]] = row
    return rows


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _finish(folder: Path, settings: dict[str, Any], rows: list[dict[str, Any]]) -> Evaluated:
    import pyarrow
    import pyarrow.parquet

    names = estimate_names(settings["candidates"], rows[0]["index_draws"])
    kind = str(settings["of"]["set"]).partition(":")[0]
    published = PUBLISHED.get((settings["task"], kind))
    tables = {"": scores_table(rows, names, published=published)}
    if any(f"one.mss{_ORIGINAL}" in row for row in rows):
        tables["against the original channels"] = scores_table(rows, names, _ORIGINAL)
    failures = sum(row["failures"] for row in rows)
    columns = dict.fromkeys(key for row in rows for key in row)
    try:
        complete = [{key: row.get(key) for key in columns} for row in rows]
        part = folder / (ITEMS + ".part")
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(complete), part)
        part.replace(folder / ITEMS)
        _write(folder / TABLE, _page(settings, tables, failures))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None
    return Evaluated(folder, tables, failures)


def _page(settings: dict[str, Any], tables: dict[str, Table], failures: int) -> str:
    lines = [f"{key}: {json.dumps(value)}" for key, value in settings.items()]
    parts = ["\n".join(lines), f"estimates that could not be rendered: {failures}"]
    for heading, table in tables.items():
        parts += [heading] if heading else []
        parts.append(table.markdown())
    return "\n\n".join(parts) + "\n"


class _Scorers:
    """Worker processes that score targets; one that dies or hangs is replaced."""

    def __init__(self, count: int | None, weights: Path, settings: Settings) -> None:
        self._count = count or cores()
        self._workers = Workers(partial(_scorer, weights, settings), self._count, _TIMEOUT)

    def score(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield the rows of these targets, in order."""
        waiting: deque[tuple[int, Future[dict[str, Any]]]] = deque()
        for number in numbers:
            waiting.append((number, self._workers.submit((number, ""))))
            if len(waiting) > 2 * self._count:
                yield self._row(*waiting.popleft())
        while waiting:
            yield self._row(*waiting.popleft())

    def close(self) -> None:
        """Stop the workers; what they are scoring is lost."""
        self._workers.close()

    def _row(self, number: int, future: "Future[dict[str, Any]]") -> dict[str, Any]:
        try:
            return future.result()
        except (WorkerDied, TimeoutError) as error:
            if isinstance(error, WorkerDied) and not error.began:
                raise EvaluationError(
                    f"the workers die as they start; is there memory for {self._count}? "
                    "try --workers 1"
                ) from None
            reason = "took too long" if isinstance(error, TimeoutError) else "the worker died"
        try:
            return self._workers.submit((number, reason)).result()
        except (WorkerDied, TimeoutError):
            raise EvaluationError(
                f"target {number}: the worker dies or hangs even where nothing is sampled; "
                "leave this target out"
            ) from None


_ORIGINAL = "_original"
#: The keys of the model's free samples.
_SAMPLES = ("one", "best")


def _scorer(weights: Path, settings: Settings) -> Callable[[tuple[int, str]], dict[str, Any]]:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    scorer = _Scorer(weights, settings)
    return lambda target: scorer.score(*target)


@dataclass(frozen=True)
class _Estimate:
    audio: Audio
    distance: float
    pitch: int | None
    failed: bool = False


class _Scorer:
    """What one process holds: the model, an engine, the index and the targets."""

    def __init__(self, weights: Path, settings: Settings) -> None:
        self._settings = settings
        self._task = load_task(settings.task)
        self._posterior = load_posterior(self._task, weights)
        self._index = None if settings.samples_only else _index(self._task)
        self._renderer = Renderer(self._task.synth, workers=1)
        self._targets = find_targets(list(settings.dataset), self._task, settings.seed)
        self._names = self._targets.names
        synth = self._task.synth()
        samples = round(SECONDS * synth.sample_rate)
        self._silence = np.zeros((synth.channels, samples), dtype=np.float32)

    def score(self, number: int, failure: str = "") -> dict[str, Any]:
        """Make a target's row; with ``failure``, the row of one that could not be estimated."""
        started = time.perf_counter()
        sound = self._targets.load(number, self._renderer)
        distance = MultiScaleSpectral(sound.audio, self._renderer.sample_rate)
        estimates = self._estimates(sound, number, distance, failure)
        row: dict[str, Any] = {
            "item": number,
            "name": self._names[number],
            "pitch": sound.pitch,
            "noise_seed": f"{self._settings.seed},{number}",
            "index_draws": None if self._index is None else len(self._index),
            "failures": sum(estimate.failed for estimate in estimates.values()),
            "error": failure or None,
        }
        for key, estimate in estimates.items():
            row |= self._scores(key, sound, estimate)
        return row | {"seconds": round(time.perf_counter() - started, 3)}

    def _estimates(
        self, sound: Sound, number: int, distance: MultiScaleSpectral, failure: str
    ) -> dict[str, _Estimate]:
        settings, task = self._settings, self._task
        if failure:
            distance_of_silence = float(distance(self._silence[None])[0])
            silent = _Estimate(self._silence, distance_of_silence, None, failed=True)
            keys = [key for key in estimate_names(settings.candidates) if key != "floor"]
            return dict.fromkeys(_SAMPLES if settings.samples_only else keys, silent)
        count = settings.candidates
        sampled = self._sampled(sound, number, distance, {})
        if settings.samples_only:
            return dict(zip(_SAMPLES, (sampled[0], _best(sampled)), strict=True))
        heard = hear(sound.audio, self._renderer.sample_rate, task)
        on_heard = self._sampled(sound, number, distance, heard.fixed)
        streams = (
            item_rng(task.name, Split.RANDOM, number * count + k, settings.seed)
            for k in range(count)
        )
        drawn = self._rendered(np.stack([task.sample(rng) for rng in streams]), distance)
        estimates = {
            "one": sampled[0],
            "best": _best(sampled),
            "best_heard": _best(on_heard),
            "random": drawn[0],
            "best_random": _best(drawn),
        }
        if self._index is not None:
            patches = _near(self._index, sound.audio, self._renderer.sample_rate, heard)
            near = self._rendered(np.stack(patches), distance)
            estimates["nearest"] = _best(near)
            estimates["best_or_nearest"] = _best([*sampled, *near])
        if sound.again is not None:
            again = float(distance(sound.again[None])[0])
            estimates["floor"] = _Estimate(sound.again, again, sound.pitch)
        return estimates

    def _sampled(
        self, sound: Sound, number: int, distance: MultiScaleSpectral, fixed: dict[str, float]
    ) -> list[_Estimate]:
        settings = self._settings
        patches = self._posterior.sample(
            sound.audio,
            settings.candidates,
            np.random.default_rng((settings.seed, number)),
            guidance=settings.guidance,
            steps=settings.solver_steps,
            fixed=fixed,
        )
        return self._rendered(patches, distance)

    def _rendered(
        self, patches: Float[np.ndarray, "items parameters"], distance: MultiScaleSpectral
    ) -> list[_Estimate]:
        task, estimates = self._task, []
        sounds = self._renderer.render((task.engine_patch(p), task.note(p)) for p in patches)
        for patch, sound in zip(patches, sounds, strict=True):
            failed = isinstance(sound, RenderFailure)
            audio = self._silence if isinstance(sound, RenderFailure) else sound
            score = float(distance(audio[None])[0])
            estimates.append(_Estimate(audio, score, task.note(patch).pitch, failed))
        return estimates

    def _scores(self, key: str, sound: Sound, estimate: _Estimate) -> dict[str, Any]:
        rate = self._renderer.sample_rate
        scores: dict[str, Any] = {f"{key}.pitch": estimate.pitch, f"{key}.failed": estimate.failed}
        against = {"": sound.audio}
        if sound.original is not sound.audio:
            against[_ORIGINAL] = sound.original
        for suffix, target in against.items():
            metrics = audio_metrics(target, estimate.audio, rate)
            scores |= {f"{key}.{n}{suffix}": value for n, value in metrics._asdict().items()}
        return scores


def _best(estimates: list[_Estimate]) -> _Estimate:
    return min(estimates, key=lambda estimate: estimate.distance)


def _index(task: Task) -> DrawIndex | None:
    """Load the task's index, where it has one."""
    try:
        return load_index(task)
    except DrawIndexError:
        return None


def _near(
    index: DrawIndex, audio: Audio, sample_rate: int, heard: HeardNote
) -> list[Float[np.ndarray, " parameters"]]:
    """The draws nearest to a target, in each reading of it."""
    each = NEAREST // len(heard.durations)
    return [
        patch
        for duration in heard.durations
        for patch in index.nearest(audio, sample_rate, heard.onset, duration, heard.pitches, each)
    ]
