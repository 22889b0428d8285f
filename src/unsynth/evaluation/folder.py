"""The folder of an evaluation: its settings, journal, rows and table."""

import json
import math
from pathlib import Path
from types import NoneType
from typing import Any

from unsynth.documents import parse_json, read_json
from unsynth.errors import UnsynthError
from unsynth.metrics.audio import METRICS
from unsynth.output import PlanFile, make_folder, output_errors, write_text

#: The settings, and the set of targets, the engine and the version of unsynth.
SETTINGS = "settings.json"
#: One line per scored target, written as soon as its row is there.
JOURNAL = "items.jsonl"
#: All rows, written at the end.
ITEMS = "items.parquet"
TABLE = "table.md"


#: The types of a row's fields beside its estimates.
_FIELDS = {
    "item": int,
    "name": str,
    "pitch": int,
    "index_draws": int,
    "failures": int,
    "error": str,
}
_NEVER_NULL = ("item", "name", "failures")
#: The estimates that every row has.
_ALWAYS = ("one", "best")


class EvaluationError(UnsynthError):
    """An evaluation that cannot start, resume or be read."""


def read_evaluation(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a finished evaluation: its settings and its rows.

    Raises :class:`EvaluationError` where ``folder`` holds no evaluation or an unfinished one.
    """
    import pyarrow
    import pyarrow.parquet

    if not (folder / SETTINGS).is_file():
        raise EvaluationError(f"{folder}: holds no evaluation")
    if not (folder / ITEMS).is_file():
        raise EvaluationError(f"{folder}: this evaluation is not finished; run it with --resume")
    try:
        settings = read_json(folder / SETTINGS)
        table = pyarrow.parquet.read_table(folder / ITEMS, page_checksum_verification=True)
        rows = table.to_pylist()
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:120]
        raise EvaluationError(
            f"{folder}: cannot be read ({reason}); run the evaluation again with --resume"
        ) from None
    if not (isinstance(settings, dict) and isinstance(settings.get("of"), dict)):
        raise EvaluationError(f"{folder / SETTINGS}: holds no settings; choose another run")
    if not rows or not all(map(_is_score, rows)):
        raise EvaluationError(
            f"{folder / ITEMS}: holds no scores of this version; run it again with --resume"
        )
    return settings, rows


def open_folder(folder: Path, settings: dict[str, Any], resume: bool) -> dict[int, dict[str, Any]]:
    """Make the folder, or check that it holds the same evaluation; return its rows by item.

    Raises :class:`EvaluationError` where the folder holds an evaluation and ``resume`` is false, or
    one with other settings, and :class:`~unsynth.errors.OutputError` where it cannot be written.
    """
    file = PlanFile(folder / SETTINGS, "an evaluation", EvaluationError)
    stored = file.read(resume)
    with output_errors(folder):
        rows = _read_journal(folder / JOURNAL)
    if stored is not None:
        # What the targets are stands in "of"; "dataset" only says where they are on this machine.
        # Samples without scores depend neither on the index nor on what else will be scored.
        open_keys = {"dataset"} if rows else {"dataset", "index", "samples_only"}
        file.check(stored, {k: value for k, value in settings.items() if k not in open_keys})
    make_folder(folder)
    write_text(file.path, json.dumps(settings, indent=1) + "\n")
    write_text(folder / JOURNAL, "".join(json.dumps(row) + "\n" for row in rows.values()))
    return rows


def _read_journal(path: Path) -> dict[int, dict[str, Any]]:
    """Read the rows of a journal by item, without those of targets that were left out.

    A line that holds no row, as a killed run may leave one half-written, is dropped.
    """
    rows: dict[int, dict[str, Any]] = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            row = parse_json(line)
        except ValueError:
            continue
        if _is_score(row):
            rows[row["item"]] = row
    return rows


def _is_score(row: object) -> bool:
    """Say whether this is the row of a scored target, with finite scores."""
    if not isinstance(row, dict):
        return False
    for key, kind in _FIELDS.items():
        if key not in row or (key in _NEVER_NULL and row[key] is None):
            return False
        if row[key] is not None and type(row[key]) is not kind:
            return False
    estimates = {key.partition(".")[0] for key in row if "." in key}
    return set(_ALWAYS) <= estimates and all(_is_estimate(row, key) for key in estimates)


def _is_estimate(row: dict[str, Any], key: str) -> bool:
    """Say whether a row has all of an estimate, or, where only other targets have it, nothing."""
    start = f"{key}."
    values = {name.removeprefix(start): v for name, v in row.items() if name.startswith(start)}
    if key not in _ALWAYS and all(value is None for value in values.values()):
        return True
    failed, pitch = values.pop("failed", None), values.pop("pitch", "")
    scores = [values.pop(metric.name, None) for metric in METRICS]
    # What is left are scores against the original channels, which only some targets have.
    scores += [value for value in values.values() if value is not None]
    return (
        type(failed) is bool
        and type(pitch) in (int, NoneType)
        and all(type(score) is float and math.isfinite(score) for score in scores)
    )
