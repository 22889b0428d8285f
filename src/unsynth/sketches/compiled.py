"""How numba compiles the loops of sketches and of their losses, once per machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from unsynth.errors import EngineError

#: Options of the compiler. The compiled code is kept, and runs beside Python's other threads.
JIT = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}
# Types of contiguous arrays: single precision with one to four dimensions, double with three.
ROW, FLAT, CUBE, KNOTS = "float32[::1]", "float32[:,::1]", "float32[:,:,::1]", "float32[:,:,:,::1]"
WIDE = "float64[:,:,::1]"


@contextmanager
def compiling() -> Iterator[None]:
    """Import modules of compiled loops in here.

    Raises :class:`EngineError` if numba cannot be imported or has no folder to compile into.
    """
    try:
        yield
    except ImportError as error:
        raise EngineError(
            f"numba cannot be imported ({error}): pip install 'numba>=0.60'"
        ) from None
    except RuntimeError as error:
        raise EngineError(
            f"numba cannot compile: set NUMBA_CACHE_DIR to a folder you can write to ({error})"
        ) from None
