"""Evaluation of a model on a set of targets: a journal line per target, a table at the end.

For each target the model draws K samples, and every sample is rendered. Beside the paper's protocol
(the first sample) stand the best of K; the best of K with onset and pitch fixed to the values
estimated from the target; plain draws of the prior; the nearest draws of the task's index; and the
noise floor, which is the target's own patch rendered again. The best of several is always the one
with the least MSS to the target in the channels of the engine (mono for a mono engine), even where
the scores are those against the original channels. A target whose worker dies, and an estimate that
cannot be rendered, score as silence and are counted. A target that is silent itself, or cannot be
read or rendered, is left out of all means and listed; a resumed run tries it again.

All randomness of target i is a function of the seed and i, so the scores depend neither on the
number of workers nor on where a run was stopped and resumed.
"""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unsynth.evaluation.folder import (
    ITEMS,
    JOURNAL,
    TABLE,
    EvaluationError,
    open_folder,
)
from unsynth.evaluation.scorer import LEFT_OUT, ORIGINAL, estimate_names, make_scorer
from unsynth.evaluation.settings import EvaluationRequest, EvaluationSettings
from unsynth.evaluation.tables import Table, left_out_list, published_scores, scores_table
from unsynth.evaluation.targets import Targets, find_targets
from unsynth.files import replacing
from unsynth.index.files import hash_index
from unsynth.interruption import await_result
from unsynth.models.artifact import find_weights, read_artifact
from unsynth.models.posterior import load_posterior
from unsynth.output import output_errors, reserve, write_text
from unsynth.rendering.renderer import cores
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task
from unsynth.version import __version__

#: A worker that takes longer over one target is replaced.
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class EvaluationProgress:
    """The number of finished targets."""

    done: int
    total: int


@dataclass(frozen=True)
class EvaluationResult:
    """A finished evaluation.

    ``tables`` maps headings to tables: "" to the main one, and where targets were mixed down, a
    second heading to the scores against their original channels. ``failures`` counts estimates
    that could not be rendered; ``left_out`` has the reason for each of the ``targets`` that was not
    scored. ``remark`` says how the set of targets differs from what was asked for, and how many
    samples were drawn before the evaluation.
    """

    folder: Path
    tables: dict[str, Table]
    failures: int
    targets: int
    left_out: tuple[str, ...]
    remark: str


@dataclass(frozen=True)
class Evaluation:
    """A model on a set of targets, before anything is written."""

    weights: Path
    settings: EvaluationSettings
    task: Task
    targets: Targets
    #: The numbers of the targets to be scored.
    numbers: Sequence[int]
    #: The content of ``settings.json``.
    description: dict[str, Any]

    @contextmanager
    def open(
        self, out: Path | None, resume: bool
    ) -> Iterator[tuple[Path, dict[int, dict[str, Any]]]]:
        """Make or check the folder; yield it, and the rows that it has by the target's number.

        Other processes are kept out of it meanwhile. Raises as :func:`evaluate` does.
        """
        # Windows does not allow the colon of draws:200 in a file name.
        set_name = str(self.targets.description["set"]).replace(":", "-")
        folder = out or Path("evaluations") / f"{self.weights.stem}-{set_name}"
        refusal = EvaluationError(f"{folder}: another process scores there; choose another --out")
        with reserve(folder / ".lock", refusal):
            rows, names = open_folder(folder, self.description, resume), self.targets.names
            kept = {n: rows[n] for n in self.numbers if n in rows and rows[n]["name"] == names[n]}
            yield folder, kept


def evaluate(
    request: EvaluationRequest,
    out: Path | None = None,
    workers: int | None = None,
    resume: bool = False,
) -> Iterator[EvaluationProgress | EvaluationResult]:
    """Score a model on a set of targets.

    ``out`` is ``evaluations/MODEL-SET`` unless given, and ``workers`` the number of cores. Yields
    :class:`EvaluationProgress` after each target and :class:`EvaluationResult` at the end. Raises
    :class:`EvaluationError` where ``out`` holds another evaluation or another process writes there,
    and the errors of reading the model or a target; the rows written so far are kept.
    """
    evaluation = plan_evaluation(request)
    # Faults of the model are reported before any worker starts.
    load_posterior(evaluation.task, evaluation.weights)
    numbers = evaluation.numbers
    with evaluation.open(out, resume) as (folder, rows):
        waiting = [number for number in numbers if number not in rows]
        with (
            (folder / JOURNAL).open("a", encoding="utf-8") as journal,
            closing(_ScorerPool(workers, evaluation, folder)) as pool,
        ):
            for done, row in enumerate(pool.score(waiting), len(rows) + 1):
                rows[row["item"]] = row
                with output_errors(folder):
                    journal.write(json.dumps(row) + "\n")
                    journal.flush()
                yield EvaluationProgress(done, len(numbers))
        result = _finish(folder, evaluation.description, [rows[number] for number in numbers])
    yield result


def plan_evaluation(request: EvaluationRequest) -> Evaluation:
    """Find the model and the targets of a request; raises as :func:`evaluate` does."""
    weights = find_weights(request.model)
    artifact = read_artifact(weights)
    sampling = artifact.sampling
    settings = EvaluationSettings(
        model=artifact.sha256[:16],
        task=artifact.source,
        dataset=tuple(request.dataset),
        candidates=request.candidates,
        seed=request.seed,
        guidance=sampling.guidance if request.guidance is None else request.guidance,
        solver=str(sampling.solver),
        solver_steps=request.steps or sampling.steps,
        samples_only=request.samples_only,
    )
    task = load_task(artifact.source)
    targets = find_targets(list(request.dataset), task, request.seed)
    names = targets.names
    if not names:
        raise EvaluationError(f"{' '.join(request.dataset)}: holds no targets")
    count = len(names) if request.limit is None else min(request.limit, len(names))
    numbers = np.linspace(0, len(names) - 1, count).round().astype(int).tolist()
    description = asdict(settings) | {
        "targets": count,
        "of": targets.description,
        "training_steps": artifact.training_steps,
        "engine": artifact.engine,
        "index": None if request.samples_only else hash_index(task),
        "unsynth": __version__,
    }
    return Evaluation(weights, settings, task, targets, numbers, description)


def _finish(
    folder: Path, settings: dict[str, Any], all_rows: list[dict[str, Any]]
) -> EvaluationResult:
    import pyarrow
    import pyarrow.parquet

    left_out = tuple(row[LEFT_OUT] for row in all_rows if LEFT_OUT in row)
    rows = [row for row in all_rows if LEFT_OUT not in row]
    if not rows:
        raise EvaluationError(f"none of the {len(all_rows)} targets can be scored: {left_out[0]}")
    names = estimate_names(settings["candidates"], rows[0]["index_draws"])
    tables = {"": scores_table(rows, names, published=published_scores(settings))}
    if any(f"one.mss{ORIGINAL}" in row for row in rows):
        tables["against the original channels"] = scores_table(rows, names, ORIGINAL)
    failures = sum(row["failures"] for row in rows)
    columns = dict.fromkeys(key for row in rows for key in row)
    # An estimate that only some targets have is null in the rows of the others.
    items = pyarrow.Table.from_pylist([{key: row.get(key) for key in columns} for row in rows])
    with output_errors(folder), replacing(folder / ITEMS) as unfinished:
        pyarrow.parquet.write_table(items, unfinished, write_page_checksum=True)
    stored = sum(bool(row.get("samples_stored")) for row in rows)
    remark = str(settings["of"].get("remark", ""))
    if stored:
        remark += f"{'; ' if remark else ''}samples of {stored} targets were drawn before"
    result = EvaluationResult(folder, tables, failures, len(all_rows), left_out, remark)
    write_text(folder / TABLE, _page(settings, result))
    return result


def _page(settings: dict[str, Any], result: EvaluationResult) -> str:
    lines = [f"{key}: {json.dumps(value)}" for key, value in settings.items()]
    parts = ["\n".join(lines), f"estimates that could not be rendered: {result.failures}"]
    parts += [f"remark: {result.remark}"] if result.remark else []
    for heading, table in result.tables.items():
        parts += [heading] if heading else []
        parts.append(table.markdown())
    if result.left_out:
        parts.append(left_out_list(result.left_out, result.targets))
    return "\n\n".join(parts) + "\n"


class _ScorerPool:
    """Worker processes that score targets; a worker that dies or hangs is replaced."""

    def __init__(self, count: int | None, evaluation: Evaluation, folder: Path) -> None:
        self._count = count or cores()
        make = partial(make_scorer, evaluation.weights, evaluation.settings, folder)
        self._workers = Workers(make, self._count, _TIMEOUT_SECONDS)

    def score(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Yield the rows of the targets ``numbers``, in that order."""
        waiting: deque[tuple[int, Future[dict[str, Any]]]] = deque()
        for number in numbers:
            waiting.append((number, self._workers.submit((number, ""))))
            if len(waiting) > 2 * self._count:
                yield self._row(*waiting.popleft())
        while waiting:
            yield self._row(*waiting.popleft())

    def close(self) -> None:
        """Stop the workers; the targets in progress are lost."""
        self._workers.close()

    def _row(self, number: int, future: "Future[dict[str, Any]]") -> dict[str, Any]:
        try:
            return await_result(future)
        except (WorkerDied, TimeoutError) as error:
            if isinstance(error, WorkerDied) and not error.began:
                raise EvaluationError(
                    f"the workers die as they start ({error.ending}), perhaps for lack of memory "
                    f"for {self._count}: try --workers 1"
                ) from None
            reason = "took too long" if isinstance(error, TimeoutError) else "the worker died"
        try:
            return await_result(self._workers.submit((number, reason)))
        except (WorkerDied, TimeoutError):
            raise EvaluationError(
                f"target {number}: the worker dies or hangs even when it samples nothing; "
                "leave this target out"
            ) from None
