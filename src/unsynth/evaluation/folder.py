"""The folder of an evaluation: its settings, journal, rows and table."""

import json
from pathlib import Path
from typing import Any

from unsynth.errors import OutputError, UnsynthError
from unsynth.files import replacing

SETTINGS, JOURNAL, ITEMS, TABLE = "settings.json", "items.jsonl", "items.parquet", "table.md"


class EvaluationError(UnsynthError):
    """An evaluation that cannot start, go on or be read."""


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


def open_folder(folder: Path, settings: dict[str, Any], resume: bool) -> dict[int, dict[str, Any]]:
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
        write_text(path, json.dumps(settings, indent=1) + "\n")
        rows = _read_journal(folder / JOURNAL)
        write_text(folder / JOURNAL, "".join(json.dumps(row) + "\n" for row in rows.values()))
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


def write_text(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
