"""Read checkpoints, and check what they hold before anything uses it."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from unsynth.documents import shown
from unsynth.errors import TrainingError, UnsynthError
from unsynth.models import artifact

#: The checkpoint in a run's folder.
CHECKPOINT = "last.ckpt"
#: Fields of a checkpoint of Lightning, with their types: those used here, and those to resume.
_FIELDS = {"state_dict": dict, "global_step": int, "unsynth": dict}
_RESUMED = {"loops": dict, "optimizer_states": list, "lr_schedulers": list}


def read_checkpoint(path: Path, resumed: bool = False) -> dict[str, Any]:
    """Read the checkpoint of a run: its weights, its step, and the identity of the run.

    If the run is to be ``resumed``, the state of its optimiser must be there too. Raises
    :class:`TrainingError` for a file that is missing, damaged or no checkpoint of a run.
    """
    content = read_tensors(path, TrainingError, "train again")
    for key, kind in (_FIELDS | (_RESUMED if resumed else {})).items():
        # Without a state in its list, Lightning begins anew, without a word.
        if not isinstance(content.get(key), kind) or content[key] == []:
            raise TrainingError(
                f"{path} is not a checkpoint, or damaged: its {key} is {shown(content.get(key))}"
            )
    step = content["global_step"]
    if isinstance(step, bool) or not 0 <= step < 2**63:
        raise TrainingError(f"{path} is damaged: it is of step {shown(step)}")
    return content


def read_tensors(path: Path, error: type[UnsynthError], remedy: str) -> dict[str, Any]:
    """Read a file of ``torch.save`` that holds a dict; raises ``error`` for anything else.

    Only tensors and plain values are read; no code of the file runs. The error of a damaged file
    ends with the ``remedy``.
    """
    try:
        with zipfile.ZipFile(path) as file:  # Torch itself checks no checksums.
            if damaged := file.testzip():
                raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as reason:
        raise error(f"{path} cannot be read ({reason.strerror})") from None
    except Exception as reason:  # Damaged bytes raise errors of many kinds.
        if is_out_of_memory(reason):
            raise error(f"{path} cannot be read: there is not enough memory") from None
        text = " ".join(f"{type(reason).__name__}: {reason}".split())[:120]
        raise error(f"{path} is not a checkpoint, or damaged ({text}); {remedy}") from None
    if not isinstance(content, dict):
        raise error(f"{path} is not a checkpoint: it holds a {type(content).__name__}; {remedy}")
    return content


def is_out_of_memory(error: Exception) -> bool:
    """Say whether an error means that memory ran out; torch raises a ``RuntimeError`` for that."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def check_weights(
    path: Path, weights: Mapping[Any, Any], expected: Mapping[str, torch.Tensor]
) -> None:
    """Raise :class:`TrainingError` unless a checkpoint's weights fit the model's."""
    try:
        artifact.check_weights(weights, expected)
    except ValueError as error:
        raise TrainingError(
            f"{path} is damaged, or of another experiment: among its weights {error}"
        ) from None
