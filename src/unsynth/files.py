"""Files that are written completely or not at all, locks, what folders hold, and hashes."""

import hashlib
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

#: Ends the name of a file while it is written.
_SUFFIX = ".unfinished"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it to ``path`` at the end of the block.

    The temporary file is in the same folder and hidden. Its name has the numbers of the process and
    the thread, so several may write ``path`` at once, and the last one wins. If the block or the
    renaming raises, ``path`` stays as it was, and the temporary file is removed. A process that is
    killed may leave the temporary file behind; see :func:`remove_unfinished`.

    >>> with replacing(Path("weights.bin")) as unfinished:    # doctest: +SKIP
    ...     unfinished.write_bytes(b"...")
    """
    writer = f"{os.getpid()}-{threading.get_native_id()}"
    unfinished = path.with_name(f".{path.name}.{writer}{_SUFFIX}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path, names: Collection[str] | None = None) -> None:
    """Remove the temporary files that killed processes left in a folder.

    ``names`` are the files that were to be written; by default, those of all files are removed.
    """
    for unfinished in folder.glob(f".*{_SUFFIX}"):
        name = unfinished.name.removeprefix(".").removesuffix(_SUFFIX).rpartition(".")[0]
        if names is None or name in names:
            unfinished.unlink(missing_ok=True)


def visible_entries(folder: Path, suffixes: Collection[str], below: bool = False) -> list[Path]:
    """List what a folder holds with one of these suffixes, in order, without what is hidden.

    ``suffixes`` are in lower case, as ``.wav``; the case of a name does not matter. With ``below``,
    the folders in the folder count too. A name that begins with a dot is hidden, with all below it:
    so are the files ``._NAME`` that macOS puts beside each file ``NAME`` on other systems' disks.
    """
    return sorted(
        path
        for path in (folder.rglob("*") if below else folder.glob("*"))
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal digits; raises ``OSError``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock_folder(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of a folder; yields false, without it, if that cannot be had.

    Another process may hold it, unless ``wait``; Windows and some network drives have none. The
    lock ends with the process, however that ends, and leaves no file behind.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows
        yield False
        return
    with ExitStack() as stack:
        try:
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            locked = True
        except OSError:
            locked = False
        yield locked


@contextmanager
def lock_file(path: Path, seconds: float = 0.0) -> Iterator[bool]:
    """Hold a lock, which is the file ``path`` meanwhile; yields false if it cannot be had.

    Another process, or another block of this one, may hold it: this waits for it for ``seconds``,
    for ever if these are negative. The lock ends with the process, however that ends; a process
    that is killed leaves the file behind, which does no harm. Raises ``OSError``.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    with suppress(Timeout):
        lock.acquire(timeout=seconds)
    try:
        yield lock.is_locked
    finally:
        if lock.is_locked:
            # While it is held: later, the file may be another holder's. On Windows, releasing it
            # removes the file.
            with suppress(OSError):
                path.unlink()
            lock.release()
