"""What a command needs before it starts its work."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unsynth.documents import printable
from unsynth.errors import UnsynthError


def require_paths(*paths: Path) -> None:
    """Raise :class:`UnsynthError` for a path that does not exist, before imports take seconds."""
    for path in paths:
        if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name too long
            name = printable(str(path))
            raise UnsynthError(f"{name}: there is no such file, or you may not read it")


def require(extra: str, *packages: str) -> None:
    """Raise :class:`UnsynthError`, with the remedy, if an optional package is not installed."""
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise UnsynthError(f"this needs {package}: pip install 'unsynth[{extra}]'")


def require_evaluation() -> None:
    """Require the packages that write evaluations."""
    require("evaluate", "pyarrow")


def require_data() -> None:
    """Require the packages that read and write datasets."""
    require("data", "h5py", "hdf5plugin", "fsspec", "psutil")


@contextmanager
def faster_imports() -> Iterator[None]:
    """Collect no garbage meanwhile: that is a tenth of the time that torch takes to import."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def use_one_torch_thread() -> None:
    """Limit torch to one thread, and flush denormal numbers to zero.

    Sounds are processed in parallel, one per core; more threads per sound would wait for each
    other. Denormal numbers, in the tails of sounds, are several times slower than zeros.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
