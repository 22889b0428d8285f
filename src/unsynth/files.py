"""Write a file whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SUFFIX = ".unfinished"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield another path in the same folder to write to, and rename it to ``path`` at the end.

    If the block or the renaming raises, ``path`` stays as it was and the other file is removed.
    A killed process may leave it behind, hidden; see :func:`remove_unfinished`.

    >>> with replacing(Path("weights.bin")) as unfinished:    # doctest: +SKIP
    ...     unfinished.write_bytes(b"...")
    """
    unfinished = path.with_name(f".{path.name}{_SUFFIX}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left in a folder."""
    for unfinished in folder.glob(f".*{_SUFFIX}"):
        unfinished.unlink()
