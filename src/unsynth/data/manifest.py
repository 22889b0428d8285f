"""``manifest.json``: a dataset's plan, whether the set is finished, and its rejected draws.

For each kind of observation, a file ``KIND.statistics.npy`` lies beside it: float32 ``(2, ...)``,
the mean and standard deviation of every cell over all items, in units of the stored bytes.
Neither file depends on who made the set or when, so equal plans give equal files.
"""

import importlib.metadata
import io
import json
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from pydantic import BaseModel, ConfigDict, NonNegativeInt

from unsynth.arrays import check_array
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.plan import Plan
from unsynth.data.shards import (
    Shard,
    damage_reported,
    open_shard,
    read_plan,
    read_rejected,
    sound,
)
from unsynth.documents import MOST_BYTES, DocumentError, parse_json, validate

MANIFEST = "manifest.json"
#: The packages whose versions a manifest records.
_PACKAGES = ("unsynth", "numpy", "torch", "h5py", "hdf5plugin")


class Manifest(BaseModel):
    """The fields of ``manifest.json``; the counts are those of a finished set."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    plan: Plan
    versions: dict[str, str]
    finished: bool = False
    sounds: NonNegativeInt = 0
    #: The number of rejected draws, by reason.
    rejected: dict[str, NonNegativeInt] = {}
    #: The draws that crashed the engine or failed to render: item, draw, reason, patch.
    failed: list[dict[str, Any]] = []


def read_manifest(folder: Folder) -> Manifest:
    """Read a set's manifest; raises :class:`DatasetError` if there is none or it is damaged."""
    if MANIFEST not in folder.names():
        raise DatasetError(f"{folder.url} is not a dataset: it has no {MANIFEST}")
    try:
        return validate(Manifest, parse_json(folder.read(MANIFEST, MOST_BYTES)))
    except DocumentError as error:
        raise DatasetError(
            f"{folder.url}/{MANIFEST} is damaged or of another version ({error}): delete it, and "
            "run the command that made the set again"
        ) from None


def begin(folder: Folder, plan: Plan) -> list[int]:
    """Start a set or resume it: write the manifest, and list the missing shards.

    Raises :class:`DatasetError` if the folder holds another set or other files, or cannot be
    written.
    """
    folder.make()
    names = folder.names()
    if MANIFEST in names and any(name.endswith(".h5") for name in names):
        plan.check_same(read_manifest(folder).plan, folder.url)
    else:  # without a shard, the plan may still change
        others = sorted(name for name in names if not _belongs(name, plan))
        if others:
            raise DatasetError(f"{folder.url} holds other files ({others[0]}): choose a new folder")
        _write(folder, Manifest(plan=plan, versions=_versions()))
    return plan.missing(names)


def finish(folder: Folder) -> Manifest:
    """Sum up the shards, and write the statistics and the finished manifest.

    Raises :class:`DatasetError` for a shard that is missing, damaged or of another plan.
    """
    unfinished = read_manifest(folder)
    plan = unfinished.plan
    rejected: Counter[str] = Counter()
    failed: list[dict[str, Any]] = []
    sums: dict[str, np.ndarray] = {}
    for number in range(plan.shards):
        name = plan.file(number)
        path = f"{folder.url}/{name}"
        with folder.open(name) as stream, open_shard(stream, path) as shard, damage_reported(path):
            plan.check_same(read_plan(shard), folder.url)
            silent, failures = read_rejected(shard)
            for kind in map(str, plan.observe):
                sums[kind] = sums.get(kind, 0) + shard["sums"][kind][()]
            rejected["silent"] += silent
            rejected["failed"] += len(failures)
            failed += failures
    for kind, (total, squares) in sums.items():
        folder.write(statistics_file(kind), statistics(total, squares, plan.count))
    manifest = unfinished.model_copy(
        update={
            "finished": True,
            "sounds": plan.count,
            "rejected": dict(rejected),
            "failed": failed,
        }
    )
    _write(folder, manifest)
    return manifest


def read_patches(folder: Folder) -> Float[np.ndarray, "items parameters"]:
    """Read the patches of a set; raises :class:`DatasetError` if it is unfinished or damaged."""
    manifest = read_manifest(folder)
    if not manifest.finished:
        raise DatasetError(f"{folder.url} is not finished: run the command that made it again")
    parts: list[np.ndarray] = []
    for number in range(manifest.plan.shards):
        name, items = manifest.plan.file(number), manifest.plan.items(number)
        path = f"{folder.url}/{name}"
        with folder.open(name) as stream, open_shard(stream, path) as shard, damage_reported(path):
            patches = shard["patches"][()]
            width = parts[0].shape[1] if parts else patches.shape[1]
            check_array("patches", patches, np.float64, (len(items), width))
            parts.append(patches)
    return np.concatenate(parts)


def read_audio(folder: Folder, plan: Plan, item: int) -> Float32[np.ndarray, "channels samples"]:
    """Read the sound of one item of a set with audio, which has 16 bits.

    Raises :class:`DatasetError` for a shard that is missing or damaged.
    """
    number, row = divmod(item, plan.shard_sounds)
    path = f"{folder.url}/{plan.file(number)}"
    with (
        folder.open(plan.file(number)) as stream,
        open_shard(stream, path) as file,
        damage_reported(path),
    ):
        arrays = {name: file[name][row : row + 1] for name in ("audio", "audio_scale")}
        audio = sound(Shard(number, arrays, 0, []), 0)
    assert audio is not None
    return audio


def statistics_file(kind: str) -> str:
    """Name the file of an observation's mean and standard deviation."""
    return f"{kind}.statistics.npy"


def statistics(total: np.ndarray, squares: np.ndarray, count: int) -> bytes:
    """Compute mean and standard deviation, as the bytes of their file.

    ``total`` and ``squares`` are the sums over ``count`` items.
    """
    mean = total / count
    # The sums are exact integers, so that cancellation costs the variance nothing that matters.
    variance = np.maximum(0.0, squares / count - np.square(mean))
    file = io.BytesIO()
    np.save(file, np.stack([mean, np.sqrt(variance)]).astype(np.float32))
    return file.getvalue()


def _belongs(name: str, plan: Plan) -> bool:
    """Say whether a file is one of the set's, or a hidden one."""
    return name.startswith(".") or name == MANIFEST or plan.names_shard(name)


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def _write(folder: Folder, manifest: Manifest) -> None:
    text = json.dumps(manifest.model_dump(mode="json"), indent=1)
    folder.write(MANIFEST, text.encode() + b"\n")


def share_rejected(manifest: Manifest) -> float:
    """Compute the share of all draws that were rejected, in [0, 1]."""
    rejected = sum(manifest.rejected.values())
    return rejected / max(1, rejected + manifest.sounds)
