"""The folder of a study: its plan, its cells, and how they are written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unsynth.errors import UnsynthError
from unsynth.files import replacing

Say = Callable[[str], None]


class StudyError(UnsynthError):
    """A study that cannot start, go on or be resumed."""


def _write(path: Path, fields: dict[str, Any]) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(fields), encoding="utf-8")


def _load(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read, delete it: {error}") from None
