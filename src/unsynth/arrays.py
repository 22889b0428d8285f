"""Read numpy's array files, whatever is wrong with them."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from unsynth.documents import shown

#: The most bytes of all arrays of a file together.
_MOST_BYTES = 4_000_000_000
#: What reading a damaged file raises, in numpy, in Python's zip and zlib, and for lack of memory.
_DAMAGE = (
    *(ValueError, TypeError, KeyError, AttributeError, SyntaxError, EOFError, OSError),
    *(OverflowError, MemoryError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


class ArraysError(ValueError):
    """A file that does not hold the arrays it should; the message is one short line."""


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz`` file.

    Raises ``FileNotFoundError``, and :class:`ArraysError` for a file that is damaged, or that holds
    pickled objects or more than 4 GB.
    """
    try:
        with path.open("rb") as file:
            # numpy takes any other file for a pickle, and says how to load that unsafely.
            if not zipfile.is_zipfile(file):
                raise ArraysError("it is not a whole .npz file")
        with np.load(path, allow_pickle=False) as arrays:
            if sum(part.file_size for part in arrays.zip.infolist()) > _MOST_BYTES:
                raise ArraysError(f"more than {_MOST_BYTES / 1e9:g} GB")
            parts = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise
    except _DAMAGE as error:
        raise _damaged(error) from None
    for name, part in parts.items():
        # numpy returns a part that does not begin as an array does as bytes.
        if not isinstance(part, np.ndarray):
            raise ArraysError(f"{shown(name)} is not an array")
    return parts


def read_npy(data: bytes) -> np.ndarray:
    """Read the array of an ``.npy`` file; raises :class:`ArraysError` as :func:`read_npz` does."""
    try:
        return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except _DAMAGE as error:
        raise _damaged(error) from None


def check_array(name: str, array: np.ndarray, dtype: type[np.generic], shape: object) -> None:
    """Raise :class:`ArraysError` for another type or shape, and for numbers that are not finite."""
    if array.dtype != dtype or array.shape != shape:
        raise ArraysError(
            f"{name} is {str(array.dtype)[:40]} of shape {str(array.shape)[:40]}, not "
            f"{np.dtype(dtype)} of shape {shape}"
        )
    if not np.isfinite(array).all():
        raise ArraysError(f"{name} has numbers that are not finite")


def _damaged(error: BaseException) -> ArraysError:
    if isinstance(error, ArraysError):
        return error
    return ArraysError(" ".join(f"{type(error).__name__}: {error}".split())[:120])
