"""Check shapes and types of arrays at run time. mypy checks all other types.

jaxtyping's import hook decorates each function of a module. A function whose annotations name no
array is left alone here: checking those too took an eighth of the tests' time.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

import jaxtyping
import numpy as np

import unsynth

_PACKAGE = Path(unsynth.__file__).parent
_jaxtyped = jaxtyping.jaxtyped


def names_array(annotation: Any) -> bool:
    """Whether an annotation is of an array, has one in it, or is text that may be of one."""
    kind = get_origin(annotation) or annotation
    if inspect.isclass(kind) and issubclass(kind, _array_types()):
        return True
    return isinstance(annotation, str) or any(map(names_array, get_args(annotation)))


def _array_types() -> tuple[type, ...]:
    # Processes of engines have no torch. Importing it took most of their start.
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return (jaxtyping.AbstractArray, np.ndarray, *([tensor] if tensor else []))


def _annotations(decorated: Any) -> dict[str, Any]:
    if isinstance(decorated, property):
        decorated = decorated.fget
    elif isinstance(decorated, classmethod | staticmethod):
        decorated = decorated.__func__
    elif inspect.isclass(decorated):
        decorated = decorated.__init__
    return getattr(decorated, "__annotations__", {})


def _jaxtyped_if_arrays(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    check = _jaxtyped(typechecker=typechecker)

    def decorate(decorated: Any) -> Any:
        annotations = _annotations(decorated).values()
        return check(decorated) if any(map(names_array, annotations)) else decorated

    return decorate


def install() -> None:
    """Check the modules that are imported from now on, but for commands, which take no arrays."""
    parts = {path.stem for path in _PACKAGE.iterdir()} - {"__init__", "__main__", "cli"}
    jaxtyping.install_import_hook([f"unsynth.{part}" for part in parts], "beartype.beartype")
    jaxtyping.jaxtyped = _jaxtyped_if_arrays
