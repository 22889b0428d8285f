"""The output folder of long work: its lock, files written whole, the plan by which it resumes."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unsynth.documents import read_json, shown
from unsynth.errors import OutputError, UnsynthError
from unsynth.files import lock_file, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Raise :class:`OutputError`, which names ``path``, where the block raises ``OSError``."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another --out"
        ) from None


def make_folder(path: Path) -> None:
    """Make a folder and its parents unless they exist; raises :class:`OutputError`."""
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def reserve(lock: Path, refusal: UnsynthError) -> Iterator[None]:
    """Reserve what the file ``lock`` stands for to one process at a time, and make its folder.

    Raises ``refusal`` where another process has it, and :class:`OutputError`.
    """
    make_folder(lock.parent)
    with ExitStack() as stack:
        with output_errors(lock.parent):
            locked = stack.enter_context(lock_file(lock))
        if not locked:
            raise refusal
        yield


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; raises :class:`OutputError`."""
    with output_errors(path), replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all; raises :class:`OutputError`."""
    with output_errors(path), replacing(path) as unfinished:
        unfinished.write_bytes(data)


def write_figure(path: Path, figure: "Figure", dpi: int) -> None:
    """Write a figure as a PNG, whole or not at all; raises :class:`OutputError`."""
    with output_errors(path), replacing(path) as unfinished:
        figure.savefig(unfinished, format="png", dpi=dpi)


@dataclass(frozen=True)
class PlanFile:
    """The JSON file that says which work a folder holds.

    ``work`` names that work with its article ("a study"). All methods raise ``error``.
    """

    path: Path
    work: str
    error: type[UnsynthError]

    def read(self, resume: bool) -> dict[str, Any] | None:
        """Read the plan; ``None`` where there is none.

        Raises ``error`` for a plan that is damaged, and, unless ``resume``, for any plan: two
        pieces of work must not share a folder.
        """
        if not self.path.exists():
            return None
        if not resume:
            raise self.error(
                f"{self.path.parent} holds {self.work}: add --resume, or choose another --out"
            )
        try:
            plan = read_json(self.path)
        except (OSError, ValueError) as error:
            raise self.error(
                f"{self.path}: cannot be read ({error}); choose another --out"
            ) from None
        if not isinstance(plan, dict):
            raise self.error(f"{self.path}: holds no plan; choose another --out")
        return plan

    def check(self, stored: dict[str, Any], plan: dict[str, Any]) -> None:
        """Raise ``error`` for the first entry of ``plan`` that differs from the stored one.

        ``plan`` is compared in the form that JSON gives it: lists in place of tuples.
        """
        difference = first_difference(stored, json.loads(json.dumps(plan)))
        if difference is not None:
            key, other, value = difference
            raise self.error(
                f"{self.path.parent} holds {self.work} with {key} {shown(other)}, "
                f"not {shown(value)}; choose another --out"
            )


def first_difference(
    stored: dict[str, Any], plan: dict[str, Any], prefix: str = ""
) -> tuple[str, Any, Any] | None:
    """Find the first value of ``plan`` that ``stored`` does not have: its key and both values."""
    for key, value in plan.items():
        other = stored.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            difference = first_difference(other, value, f"{prefix}{key}.")
            if difference is not None:
                return difference
        elif other != value:
            return prefix + key, other, value
    return None
