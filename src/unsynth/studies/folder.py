"""The folder of a study: its plan and its JSON files."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unsynth import documents
from unsynth.errors import UnsynthError
from unsynth.output import PlanFile, make_folder, write_text

PLAN, TABLE = "plan.json", "table.md"

#: Takes the lines that tell a user about progress.
Report = Callable[[str], None]


class StudyError(UnsynthError):
    """A study that cannot start or resume, or that fails while it runs."""


def read_plan(
    folder: Path, settings: dict[str, Any], resume: bool, earlier: Mapping[str, Any] = {}
) -> dict[str, Any] | None:
    """Read what ``plan.json`` holds of this study; ``None`` for a new study.

    ``earlier`` gives settings that a plan of an earlier version may lack.
    Raises :class:`StudyError` where the folder holds a study and ``resume`` is false, holds none
    and ``resume`` is true, or holds a study with other settings.
    """
    file = PlanFile(folder / PLAN, "a study", StudyError)
    stored = file.read(resume)
    if stored is not None:
        # A plan that also holds what follows from the settings keeps them under "asked".
        asked = stored.get("asked", stored)
        if not isinstance(asked, dict):
            raise StudyError(f"{file.path}: holds no plan; choose another --out")
        file.check({**earlier, **asked}, settings)
    elif resume:
        raise StudyError(f"{file.path} is missing: there is nothing to resume; omit --resume")
    return stored


def write_plan(folder: Path, plan: dict[str, Any]) -> None:
    """Write ``plan.json``, making the folder if need be.

    Raises :class:`~unsynth.errors.OutputError` where it cannot be written.
    """
    make_folder(folder)
    write_text(folder / PLAN, json.dumps(plan, indent=1))


def read_json(path: Path) -> Any:
    """Read a JSON file of a study; raises :class:`StudyError` for one that is damaged."""
    try:
        return documents.read_json(path)
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be read ({error}); delete it") from None
