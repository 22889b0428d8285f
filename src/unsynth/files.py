"""Files that are written completely or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Ends the name of a file while it is written.
_SUFFIX = ".unfinished"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it to ``path`` at the end of the block.

    The temporary file is in the same folder and hidden. If the block or the renaming raises,
    ``path`` stays as it was, and the temporary file is removed. A process that is killed may leave
    the temporary file behind; see :func:`remove_unfinished`.

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
    """Remove the temporary files that killed processes left in a folder."""
    for unfinished in folder.glob(f".*{_SUFFIX}"):
        unfinished.unlink()
