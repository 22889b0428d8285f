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
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unsynth.errors import OutputError
from unsynth.evaluation.folder import (
    ITEMS,
    JOURNAL,
    TABLE,
    EvaluationError,
    open_folder,
    write_text,
)
from unsynth.evaluation.scorer import ORIGINAL, estimate_names, make_scorer
from unsynth.evaluation.settings import Settings
from unsynth.evaluation.tables import PUBLISHED, Table, scores_table
from unsynth.evaluation.targets import find_targets
from unsynth.files import replacing
from unsynth.models.artifact import ArtifactError, read_artifact, shipped_artifact
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import cores
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.tasks.catalogue import load_task
from unsynth.version import __version__

#: Seconds that a target may take before its worker is replaced.
_TIMEOUT = 600.0


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
    rows = open_folder(folder, json.loads(json.dumps(described)), resume)
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


def find_weights(model: str) -> Path:
    """Find a weight file: ``model`` itself, or the one in the package for the task of that name.

    Raises :class:`~unsynth.models.artifact.ArtifactError` where the package has none.
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


def _finish(folder: Path, settings: dict[str, Any], rows: list[dict[str, Any]]) -> Evaluated:
    import pyarrow
    import pyarrow.parquet

    names = estimate_names(settings["candidates"], rows[0]["index_draws"])
    kind = str(settings["of"]["set"]).partition(":")[0]
    published = PUBLISHED.get((settings["task"], kind))
    tables = {"": scores_table(rows, names, published=published)}
    if any(f"one.mss{ORIGINAL}" in row for row in rows):
        tables["against the original channels"] = scores_table(rows, names, ORIGINAL)
    failures = sum(row["failures"] for row in rows)
    columns = dict.fromkeys(key for row in rows for key in row)
    try:
        complete = [{key: row.get(key) for key in columns} for row in rows]
        with replacing(folder / ITEMS) as unfinished:
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(complete), unfinished)
        write_text(folder / TABLE, _page(settings, tables, failures))
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
        self._workers = Workers(partial(make_scorer, weights, settings), self._count, _TIMEOUT)

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
