"""What the laboratory has measured, kept in a file so that it can resume."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from unsynth.errors import OutputError

Job = TypeVar("Job")


@dataclass(frozen=True)
class Measured:
    """What was measured of one job: its key, and a number or list per candidate."""

    key: str
    values: list[Any]


class Measurements:
    """Measurements by key, one JSON line each; a line that was cut short is measured again."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._values: dict[str, list[Any]] = {}
        if path is None or not path.exists():
            return
        whole = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
                self._values[str(row["key"])] = list(row["values"])
            except (ValueError, KeyError, TypeError):
                break
            whole.append(line)
        self._write("".join(f"{line}\n" for line in whole), "w")

    def each(
        self,
        jobs: Iterable[tuple[str, Job]],
        measure: Callable[[list[Job]], Iterator[list[Any]]],
        chunk: int,
    ) -> Iterator[Measured]:
        """Yield what is measured of each job, in order; ``measure`` is asked for ``chunk`` jobs.

        What was measured before is not measured again.
        """
        some: list[tuple[str, Job]] = []
        for job in jobs:
            some.append(job)
            if len(some) == chunk:
                yield from self._chunk(some, measure)
                some = []
        yield from self._chunk(some, measure)

    def once(self, key: str, measure: Callable[[], list[Any]]) -> list[Any]:
        """Measure what has a key of its own, unless it was measured before."""
        return next(iter(self.each([(key, None)], lambda _: iter([measure()]), 1))).values

    def _chunk(
        self,
        jobs: list[tuple[str, Job]],
        measure: Callable[[list[Job]], Iterator[list[Any]]],
    ) -> Iterator[Measured]:
        new = [(key, job) for key, job in jobs if key not in self._values]
        if new:
            for (key, _), values in zip(new, measure([job for _, job in new]), strict=True):
                self._values[key] = values
                self._write(json.dumps({"key": key, "values": values}) + "\n", "a")
        for key, _ in jobs:
            yield Measured(key, self._values[key])

    def _write(self, text: str, mode: str) -> None:
        if self._path is None:
            return
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise OutputError(
                f"{self._path}: cannot be written ({error.strerror}); choose another --out"
            ) from None
