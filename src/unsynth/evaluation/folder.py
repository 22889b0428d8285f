"""The folder of an evaluation: its settings, journal, rows and table."""

import json
from pathlib import Path
from typing import Any

from unsynth.errors import UnsynthError
from unsynth.output import PlanFile, make_folder, output_errors, write_text

#: The settings, and the set of targets, the engine and the version of unsynth.
SETTINGS = "settings.json"
#: One line per scored target, written as soon as its row is there.
JOURNAL = "items.jsonl"
#: All rows, written at the end.
ITEMS = "items.parquet"
TABLE = "table.md"


class EvaluationError(UnsynthError):
    """An evaluation that cannot start, resume or be read."""


def read_evaluation(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a finished evaluation: its settings and its rows.

    Raises :class:`EvaluationError` where ``folder`` holds no evaluation or an unfinished one.
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


def open_folder(folder: Path, settings: dict[str, Any], resume: bool) -> dict[int, dict[str, Any]]:
    """Make the folder, or check that it holds the same evaluation; return its rows by item.

    Raises :class:`EvaluationError` where the folder holds an evaluation and ``resume`` is false, or
    one with other settings, and :class:`~unsynth.errors.OutputError` where it cannot be written.
    """
    file = PlanFile(folder / SETTINGS, "an evaluation", EvaluationError)
    stored = file.read(resume)
    if stored is not None:
        file.check(stored, settings)
    make_folder(folder)
    write_text(file.path, json.dumps(settings, indent=1) + "\n")
    with output_errors(folder):
        rows = _read_journal(folder / JOURNAL)
    write_text(folder / JOURNAL, "".join(json.dumps(row) + "\n" for row in rows.values()))
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
