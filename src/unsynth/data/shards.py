"""Shards: HDF5 files of about a thousand sounds each, compressed by Blosc2.

A shard of n sounds holds, with one row per item:

``patches``
    float64 ``(n, parameters)``, natural values.
``x``
    float32 ``(n, d)``, the patches encoded, integers in the middle of their bins.
``log-mel``, ``note``, ``windows`` (those that the plan lists)
    uint8, the observation of the sound (:mod:`unsynth.audio.observation`); for ``log-mel``
    ``(n, channels, bands, frames)``. A level L in dB is stored as 255 (1 + L / 80), rounded: at
    most 0.16 dB off.
``loudness``
    float32 ``(n,)``, RMS of the loudest 50 ms, in dB below full scale.
``audio``, ``audio_scale`` (if the plan says so)
    int16 ``(n, channels, samples)`` and float32 ``(n,)``; the sound is
    audio * audio_scale / 32767.
``draws``
    uint16 ``(n,)``, the number of the draw in the item's stream; those before it were rejected.
``sums/KIND``
    uint64 ``(2, ...)``, the exact sums over the items of the observed bytes and of their squares.

Attributes: ``plan``, ``shard``, ``rejected`` (JSON: the number of silent draws, a list of failed
ones) and ``sha256`` of everything else. Equal content gives equal bytes of the file.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from jaxtyping import UInt8, UInt64

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.observation import Observation
from unsynth.data.draws import Rejection, draws, key_on
from unsynth.data.external import DatasetError
from unsynth.data.plan import Plan
from unsynth.documents import parse_json, shown, validate
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

# Blosc2 starts new threads for every chunk, which takes longer than compressing most chunks.
os.environ.setdefault("BLOSC_NTHREADS", "1")

#: Items that are compressed together: the least that is read at a time.
RUN = 32
#: Smaller samples are observed as 0.
_LEAST_SAMPLE = 1e-30
#: The largest stored sample, of an int16.
_FULL_SCALE = 32_767


@dataclass(frozen=True)
class Shard:
    """The content of a shard: its number, its arrays by name, and the rejected draws."""

    number: int
    arrays: dict[str, np.ndarray]
    #: The number of silent draws.
    silent: int
    #: The draws that failed to render, each with item, draw, reason and patch.
    failed: list[dict[str, Any]]

    def digest(self) -> str:
        """Compute the SHA-256 hash of everything."""
        digest = hashlib.sha256(json.dumps([self.number, self.silent, self.failed]).encode())
        for name, values in sorted(self.arrays.items()):
            digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()


def set_up_torch(plan: Plan) -> None:
    """Let torch use one thread in a worker that needs it; the others do without torch."""
    if Observation.WINDOWS in plan.observe:
        import torch

        torch.set_num_threads(1)


def make_shard(
    plan: Plan,
    number: int,
    task: Task,
    renderer: Renderer,
    progress: Callable[[int], None] = lambda done: None,
) -> Shard:
    """Draw, render and observe a shard's items; ``progress`` gets the number of finished ones."""
    items = plan.items(number)
    rows: dict[str, list[Any]] = {"patches": [], "loudness": [], "draws": []}
    kinds = [str(kind) for kind in plan.observe]
    rows |= {kind: [] for kind in kinds}
    silent: int = 0
    failed: list[dict[str, Any]] = []
    for done, draw in enumerate(draws(task, renderer, plan.split, items, plan.seed)):
        progress(done)
        rows["patches"].append(draw.patch)
        rows["loudness"].append(draw.loudness)
        rows["draws"].append(len(draw.rejections))
        key = key_on(task, draw.patch)
        # Denormal numbers, in the tails of some engines, take forty times as long to transform.
        audible = np.where(np.abs(draw.audio) < _LEAST_SAMPLE, np.float32(0.0), draw.audio)
        for kind in plan.observe:
            rows[str(kind)].append(kind.observe(audible, renderer.sample_rate, key))
        if plan.audio:
            scale = float(max(1.0, np.abs(draw.audio).max()))
            samples = np.rint(draw.audio * np.float32(_FULL_SCALE / scale)).astype(np.int16)
            rows.setdefault("audio", []).append(samples)
            rows.setdefault("audio_scale", []).append(scale)
        silent += sum(each.failure is None for each in draw.rejections)
        failed += [_failure(task, each) for each in draw.rejections if each.failure is not None]
    types = {"draws": np.uint16, "loudness": np.float32, "audio_scale": np.float32}
    arrays = {name: np.asarray(row, dtype=types.get(name)) for name, row in rows.items()}
    arrays["x"] = task.spec.encode(arrays["patches"]).astype(np.float32)
    arrays |= {f"sums/{kind}": _sums(arrays[kind]) for kind in kinds}
    return Shard(number, arrays, silent, failed)


def _failure(task: Task, rejection: Rejection) -> dict[str, Any]:
    """Describe a draw that failed to render, as the files list it."""
    return {
        "item": rejection.item,
        "draw": rejection.draw,
        "reason": rejection.failure,
        "patch": task.spec.named(rejection.patch),
    }


def _sums(observed: UInt8[np.ndarray, "items ..."]) -> UInt64[np.ndarray, "2 ..."]:
    """Sum bytes and their squares, one run at a time to save memory."""
    sums = np.zeros((2, *observed.shape[1:]), dtype=np.uint64)
    for first in range(0, len(observed), RUN):
        run = observed[first : first + RUN].astype(np.uint16)
        sums[0] += run.sum(axis=0, dtype=np.uint32)
        sums[1] += np.square(run).sum(axis=0, dtype=np.uint32)
    return sums


def shard_bytes(plan: Plan, shard: Shard) -> bytes:
    """Return the bytes of a shard's file."""
    with h5py.File("shard", "w", driver="core", backing_store=False) as file:
        for name, values in sorted(shard.arrays.items()):
            rows = values.shape[0] if name.startswith("sums/") else min(RUN, len(values))
            rows = 1 if name == "audio" else rows
            file.create_dataset(
                name, data=values, chunks=(rows, *values.shape[1:]), **_compression(values.dtype)
            )
        file.attrs["plan"] = plan.model_dump_json(exclude={"task_file"})
        file.attrs["shard"] = shard.number
        file.attrs["rejected"] = json.dumps({"silent": shard.silent, "failed": shard.failed})
        file.attrs["sha256"] = shard.digest()
        file.flush()
        return bytes(file.id.get_file_image())


def _compression(dtype: np.dtype[Any]) -> Any:
    # Shuffling groups the bytes of equal rank; single bytes are already next to similar ones.
    filters = hdf5plugin.Blosc2.NOFILTER if dtype.itemsize == 1 else hdf5plugin.Blosc2.SHUFFLE
    return hdf5plugin.Blosc2(cname="zstd", clevel=1, filters=filters)


def open_shard(file: io.IOBase, name: str) -> h5py.File:
    """Open a shard's file; raises :class:`DatasetError` if it is not one.

    A shard holds all of its values itself: HDF5's links, and values that lie in other files of this
    machine, are refused.
    """
    with damage_reported(name):
        shard = h5py.File(file, "r")
        try:
            _check_groups(shard)
        except BaseException:
            shard.close()
            raise
        return shard


def _check_groups(group: h5py.Group, depth: int = 1) -> None:
    """Raise ``ValueError`` for links, groups within groups, and values in other files."""
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{shown(key)} is a link")
        item = group[key]
        if isinstance(item, h5py.Group):
            if depth > 1:
                raise ValueError(f"{shown(key)} is a group within a group")
            _check_groups(item, depth + 1)
        elif item.external or item.is_virtual:
            raise ValueError(f"the values of {shown(key)} lie in other files")


def read_shard(file: io.IOBase, name: str) -> tuple[Plan, Shard, str]:
    """Read a shard, its plan and the hash that it should have.

    Raises :class:`DatasetError` if the file is damaged.
    """
    with open_shard(file, name) as content, damage_reported(name):
        arrays: dict[str, np.ndarray] = {}

        def visit(path: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[path] = item[()]

        content.visititems(visit)
        shard = Shard(int(content.attrs["shard"]), arrays, *read_rejected(content))
        return read_plan(content), shard, str(content.attrs["sha256"])


def read_plan(shard: h5py.File) -> Plan:
    """Read the plan of an open shard; raises ``ValueError`` or ``KeyError`` if it is damaged."""
    return validate(Plan, parse_json(str(shard.attrs["plan"])))


def read_rejected(shard: h5py.File) -> tuple[int, list[dict[str, Any]]]:
    """Read the number of silent draws and the list of failed ones; raises as :func:`read_plan`."""
    rejected = parse_json(str(shard.attrs["rejected"]))
    silent, failed = rejected["silent"], rejected["failed"]
    if type(silent) is not int or silent < 0 or not isinstance(failed, list):
        raise ValueError("its rejected draws are not a number and a list")
    return silent, failed


@contextmanager
def damage_reported(name: str) -> Iterator[None]:
    """Turn the many errors of reading a damaged shard into a :class:`DatasetError`."""
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DatasetError(
            f"{name} is damaged ({reason}): delete it, and run the command that made the set again"
        ) from None


def sound(shard: Shard, row: int) -> np.ndarray | None:
    """Restore an item's sound, float32 ``(channels, samples)``; ``None`` if it is not stored."""
    if "audio" not in shard.arrays:
        return None
    scale = shard.arrays["audio_scale"][row] / _FULL_SCALE
    return shard.arrays["audio"][row].astype(np.float32) * scale


def levels(observed: np.ndarray) -> np.ndarray:
    """Turn the bytes of a log-mel spectrogram into dB."""
    return DYNAMIC_RANGE * (observed.astype(np.float32) / 255.0 - 1.0)
