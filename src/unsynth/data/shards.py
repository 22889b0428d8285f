"""Shards: files of some thousand sounds, HDF5 compressed by Blosc2.

A shard of n sounds holds, one row an item:

``patches``
    float64 ``(n, parameters)``, natural values.
``x``
    float32 ``(n, d)``, the patches encoded, integers in the middle of their bins.
``log-mel`` (and ``note`` and ``windows``, where they are asked for)
    uint8 ``(n, channels, bands, frames)``, what is observed of the sound
    (:mod:`unsynth.audio.observation`). A level L in dB is stored as 255 (1 + L / 80), rounded: at
    most 0.16 dB off.
``loudness``
    float32 ``(n,)``, dB below full scale, of the loudest 50 ms.
``audio``, ``audio_scale``
    where asked for: int16 ``(n, channels, samples)``, times audio_scale / 32767 the sound.
``draws``
    uint16 ``(n,)``, which draw of the item's stream it is; those before it were rejected.
``sums/KIND``
    uint64 ``(2, ...)``, the sum of the observed bytes and of their squares over the items, exact.

Attributes: ``plan``, ``shard``, ``rejected`` (JSON: silent draws counted, failed ones listed) and
``sha256`` of everything else. The bytes of a file are a function of what it holds.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from jaxtyping import UInt8, UInt64

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.observation import KeyOn
from unsynth.data.draws import draws
from unsynth.data.external import DatasetError
from unsynth.data.plan import Plan
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

# Blosc2 starts its threads anew for every chunk, which takes longer than most chunks do.
os.environ.setdefault("BLOSC_NTHREADS", "1")

#: Items that are compressed together: what is read at a time.
RUN = 32
_FULL_SCALE = 32_767


@dataclass(frozen=True)
class Shard:
    """What a shard holds: its number, the arrays by name, and which draws were rejected."""

    number: int
    arrays: dict[str, np.ndarray]
    silent: int
    #: Each with item, draw, reason and patch.
    failed: list[dict[str, Any]]

    def digest(self) -> str:
        """Hash all of it."""
        found = hashlib.sha256(json.dumps([self.number, self.silent, self.failed]).encode())
        for name, values in sorted(self.arrays.items()):
            found.update(f"{name} {values.dtype.str} {values.shape}".encode())
            found.update(np.ascontiguousarray(values).data)
        return found.hexdigest()


def make_shard(
    plan: Plan,
    number: int,
    task: Task,
    renderer: Renderer,
    progress: Callable[[int], None] = lambda done: None,
) -> Shard:
    """Draw, render and observe a shard's items; ``progress`` is told how many are done."""
    items = plan.items(number)
    rows: dict[str, list[Any]] = {"patches": [], "loudness": [], "draws": []}
    kinds = [str(kind) for kind in plan.observe]
    rows |= {kind: [] for kind in kinds}
    silent, failed = 0, []
    for done, draw in enumerate(draws(task, renderer, plan.split, items, plan.seed)):
        progress(done)
        rows["patches"].append(draw.patch)
        rows["loudness"].append(draw.loudness)
        rows["draws"].append(len(draw.rejected))
        note = task.note(draw.patch)
        key = KeyOn(note.pitch, note.onset)
        for kind in plan.observe:
            rows[str(kind)].append(kind.observe(draw.audio, renderer.sample_rate, key).numpy())
        if plan.audio:
            scale = float(max(1.0, np.abs(draw.audio).max()))
            whole = np.rint(draw.audio * np.float32(_FULL_SCALE / scale)).astype(np.int16)
            rows.setdefault("audio", []).append(whole)
            rows.setdefault("audio_scale", []).append(scale)
        for rejected in draw.rejected:
            if rejected.failure is None:
                silent += 1
                continue
            failed.append(
                {
                    "item": rejected.item,
                    "draw": rejected.draw,
                    "reason": rejected.failure,
                    "patch": task.spec.named(rejected.patch),
                }
            )
    types = {"draws": np.uint16, "loudness": np.float32, "audio_scale": np.float32}
    arrays = {name: np.asarray(row, dtype=types.get(name)) for name, row in rows.items()}
    arrays["x"] = task.spec.encode(arrays["patches"]).astype(np.float32)
    arrays |= {f"sums/{kind}": _sums(arrays[kind]) for kind in kinds}
    return Shard(number, arrays, silent, failed)


def _sums(observed: UInt8[np.ndarray, "items ..."]) -> UInt64[np.ndarray, "2 ..."]:
    """Sum bytes and their squares, a run at a time: all of a shard would be much memory."""
    found = np.zeros((2, *observed.shape[1:]), dtype=np.uint64)
    for first in range(0, len(observed), RUN):
        run = observed[first : first + RUN].astype(np.uint16)
        found[0] += run.sum(axis=0, dtype=np.uint32)
        found[1] += np.square(run).sum(axis=0, dtype=np.uint32)
    return found


def shard_bytes(plan: Plan, shard: Shard) -> bytes:
    """Write a shard as the bytes of its file."""
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
    # Bytes of neighbouring cells are alike; the bytes within a number are not.
    filters = hdf5plugin.Blosc2.NOFILTER if dtype.itemsize == 1 else hdf5plugin.Blosc2.SHUFFLE
    return hdf5plugin.Blosc2(cname="zstd", clevel=1, filters=filters)


def open_shard(file: io.IOBase, name: str) -> h5py.File:
    """Open a shard's file; raises :class:`DatasetError` where it is none."""
    try:
        return h5py.File(file, "r")
    except (OSError, ValueError, RuntimeError) as error:
        raise _damaged(name, error) from None


def read_shard(file: io.IOBase, name: str) -> tuple[Plan, Shard, str]:
    """Read all of a shard, and the hash it should have; raises :class:`DatasetError`."""
    with open_shard(file, name) as found:
        try:
            arrays: dict[str, np.ndarray] = {}

            def visit(path: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    arrays[path] = item[()]

            found.visititems(visit)
            rejected = json.loads(found.attrs["rejected"])
            shard = Shard(int(found.attrs["shard"]), arrays, rejected["silent"], rejected["failed"])
            plan = Plan.model_validate_json(found.attrs["plan"])
            return plan, shard, str(found.attrs["sha256"])
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> DatasetError:
    reason = " ".join(str(error).split())[:120]
    return DatasetError(
        f"{name} is damaged ({reason}): delete it, and give the command that made the set again"
    )


def sound(shard: Shard, row: int) -> np.ndarray | None:
    """Restore an item's sound, float32 ``(channels, samples)``; ``None`` where it is not kept."""
    if "audio" not in shard.arrays:
        return None
    scale = shard.arrays["audio_scale"][row] / _FULL_SCALE
    return shard.arrays["audio"][row].astype(np.float32) * scale


def levels(observed: np.ndarray) -> np.ndarray:
    """Turn bytes of a log-mel spectrogram into dB."""
    return DYNAMIC_RANGE * (observed.astype(np.float32) / 255.0 - 1.0)
