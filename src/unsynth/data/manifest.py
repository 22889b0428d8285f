"""``manifest.json``: what a dataset holds, whether all of it is there, and what was rejected.

Beside it, for each kind of observation, lies ``KIND.statistics.npy``: float32 ``(2, ...)``, mean
and standard deviation of every cell, in the stored bytes' unit, over all items. Nothing in either
file depends on who made the set or when, so equal plans give equal files.
"""

import importlib.metadata
import io
import json
from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, ValidationError

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.plan import Plan
from unsynth.data.shards import open_shard

MANIFEST = "manifest.json"
_PACKAGES = ("unsynth", "numpy", "torch", "h5py", "hdf5plugin")


class Manifest(BaseModel):
    """The file's fields; counts are those of the shards that were there when it was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: Plan
    versions: dict[str, str]
    finished: bool = False
    sounds: int = 0
    #: How many draws, by reason.
    rejected: dict[str, int] = {}
    #: The draws that no engine survived or could render: item, draw, reason, patch.
    failed: list[dict[str, Any]] = []


def read_manifest(folder: Folder) -> Manifest:
    """Read it; raises :class:`DatasetError` where there is none."""
    if MANIFEST not in folder.names():
        raise DatasetError(f"{folder.url} is not a dataset: it has no {MANIFEST}")
    try:
        return Manifest.model_validate_json(folder.read(MANIFEST))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DatasetError(
            f"{folder.url}/{MANIFEST} is damaged or of another version ({where}: {first['msg']}): "
            "delete it, and give the command that made the set again"
        ) from None


def begin(folder: Folder, plan: Plan) -> list[int]:
    """Start a set or go on with it: write the manifest, and list the shards that are missing.

    Raises :class:`DatasetError` where the folder holds another set, or cannot be written.
    """
    folder.make()
    names = folder.names()
    if MANIFEST in names and any(name.endswith(".h5") for name in names):
        plan.check_same(read_manifest(folder).plan, folder.url)
    else:  # a plan of which nothing was made yet may be changed
        strange = sorted(name for name in names if not _ours(name, plan))
        if strange:
            raise DatasetError(f"{folder.url} holds other files ({strange[0]}): choose a new one")
        _write(folder, Manifest(plan=plan, versions=_versions()))
    return [shard for shard in range(plan.shards) if plan.file(shard) not in names]


def finish(folder: Folder) -> Manifest:
    """Count what the shards hold, and write statistics and the finished manifest."""
    begun = read_manifest(folder)
    plan = begun.plan
    rejected: Counter[str] = Counter()
    failed: list[dict[str, Any]] = []
    sums: dict[str, np.ndarray] = {}
    for number in range(plan.shards):
        name = plan.file(number)
        with folder.open(name) as stream, open_shard(stream, f"{folder.url}/{name}") as shard:
            try:
                plan.check_same(Plan.model_validate_json(shard.attrs["plan"]), folder.url)
                found = json.loads(shard.attrs["rejected"])
                for kind, values in shard["sums"].items():
                    sums[kind] = sums.get(kind, 0) + values[()]
            except (OSError, KeyError, ValueError) as error:
                raise DatasetError(
                    f"{folder.url}/{name} is damaged ({error}): delete it, and give the command "
                    "again"
                ) from None
        rejected["silent"] += found["silent"]
        rejected["failed"] += len(found["failed"])
        failed += found["failed"]
    for kind, (total, squares) in sums.items():
        folder.write(statistics_file(kind), _statistics(total, squares, plan.count))
    manifest = begun.model_copy(
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
    """Read the patches of a finished set; raises :class:`DatasetError` for another."""
    manifest = read_manifest(folder)
    if not manifest.finished:
        raise DatasetError(f"{folder.url} is not finished: give the command that made it again")
    parts = []
    for number in range(manifest.plan.shards):
        name = manifest.plan.file(number)
        with folder.open(name) as stream, open_shard(stream, f"{folder.url}/{name}") as shard:
            parts.append(shard["patches"][()])
    return np.concatenate(parts)


def statistics_file(kind: str) -> str:
    """Name the file with an observation's mean and deviation."""
    return f"{kind}.statistics.npy"


def _statistics(total: np.ndarray, squares: np.ndarray, count: int) -> bytes:
    mean = total / count
    # Exact integers up to here: the variance loses nothing to cancellation that matters.
    variance = np.maximum(0.0, squares / count - np.square(mean))
    file = io.BytesIO()
    np.save(file, np.stack([mean, np.sqrt(variance)]).astype(np.float32))
    return file.getvalue()


def _ours(name: str, plan: Plan) -> bool:
    shards = (plan.file(shard) for shard in range(plan.shards))
    return name.startswith(".") or name == MANIFEST or name in shards


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def _write(folder: Folder, manifest: Manifest) -> None:
    text = json.dumps(manifest.model_dump(mode="json"), indent=1)
    folder.write(MANIFEST, text.encode() + b"\n")


def share_rejected(manifest: Manifest) -> float:
    """Find how many of all draws were rejected, in [0, 1]."""
    lost = sum(manifest.rejected.values())
    return lost / max(1, lost + manifest.sounds)
