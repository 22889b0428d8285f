"""Check datasets against their plans.

The checks: every shard is there and its hash is right, all numbers are finite and in range, ``x``
is the encoding of the patches, a sample of the items is drawn again and compared, no patch of one
set occurs in another, and the counts of the manifest and the statistics are those of the shards.
Each parameter is compared with its prior by the Kolmogorov-Smirnov
distance

    D = max_v |F_set(v) - F_prior(v)|.

A set holds the audible draws, a share 1 - r of the prior's. So D is at most r, but for the finite
sizes n of the set and m of the prior's sample. For P parameters, D is a problem above

    r + sqrt(ln(2 P / 0.01) (1 / n + 1 / m) / 2),

which about 1 % of correct sets exceed by chance; after A. Dvoretzky, J. Kiefer, J. Wolfowitz,
"Asymptotic minimax character of the sample distribution function", 1956.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import (
    MANIFEST,
    Manifest,
    read_manifest,
    share_rejected,
    statistics,
    statistics_file,
)
from unsynth.data.seeding import Split, item_rng
from unsynth.data.shards import Shard, read_shard
from unsynth.documents import counted, shown
from unsynth.tasks.task import Task

#: Draws of the prior that a set is compared with.
_PRIOR_DRAWS = 5_000
#: Items of a set that are drawn again, about.
_REDRAWN_ITEMS = 500
#: Largest difference between the stored x, in float32, and the encoded patches.
_MOST_ENCODING_ERROR = 1e-5


@dataclass(frozen=True)
class ShardProgress:
    """The number of shards that are checked, of all shards of all sets."""

    done: int
    total: int


@dataclass(frozen=True)
class Verification:
    """The result: a remark on each set, and all problems."""

    remarks: tuple[str, ...]
    problems: tuple[str, ...]


def verify(
    folders: list[Folder], load: Callable[[str], Task]
) -> Iterator[ShardProgress | Verification]:
    """Check sets, and that no patch of one occurs in another; the last item is the result.

    Raises :class:`DatasetError` for a folder without a set, or with a set of another version of
    its task.
    """
    manifests = [read_manifest(folder) for folder in folders]
    total = sum(manifest.plan.shards for manifest in manifests)
    remarks: list[str] = []
    problems: list[str] = []
    patch_owners: dict[bytes, _SetCheck] = {}
    done = 0
    for folder, manifest in zip(folders, manifests, strict=True):
        plan = manifest.plan
        task = load(plan.source)
        plan.check_task(task, folder.url)
        check = _SetCheck(folder, manifest, task)
        for number in range(plan.shards):
            check.check_shard(number, patch_owners)
            done += 1
            yield ShardProgress(done, total)
        check.finish()
        remarks += check.remarks
        problems += check.problems
    yield Verification(tuple(remarks), tuple(problems))


class _SetCheck:
    """The check of one set, shard by shard."""

    def __init__(self, folder: Folder, manifest: Manifest, task: Task) -> None:
        self._folder, self._manifest, self._task = folder, manifest, task
        self._names = folder.names()
        self._patches: list[np.ndarray] = []
        self._bytes = self._redrawn = 0
        #: Sums of the shards that are as they should be, for the statistics, by observation.
        self._sums: dict[str, np.ndarray] = {}
        self._silent = 0
        self._failed: list[dict[str, Any]] = []
        self._sound_shards = self._missing = 0
        self.remarks: list[str] = []
        self.problems: list[str] = []

    def check_shard(self, number: int, patch_owners: "dict[bytes, _SetCheck]") -> None:
        """Check a shard; ``patch_owners`` maps the hashes of all patches so far to their sets."""
        plan, name = self._manifest.plan, self._manifest.plan.file(number)
        if name not in self._names:
            self._missing += 1
            if self._missing == 1:
                self._add_problem(name, "is missing")
            return
        try:
            with self._folder.open(name) as file:
                shard_plan, shard, digest = read_shard(file, f"{self._folder.url}/{name}")
        except DatasetError as error:
            self.problems.append(str(error))
            return
        self._bytes += self._folder.size(name)
        if (
            shard_plan.model_copy(update={"task_file": plan.task_file}) != plan
            or shard.number != number
        ):
            self._add_problem(name, "belongs to another plan, or to another place in this plan")
        elif shard.digest() != digest:
            self._add_problem(name, "is damaged: its hash does not match")
        elif incomplete := self._incomplete_array(shard, len(plan.items(number))):
            self._add_problem(name, f"does not have {incomplete} for every item")
        else:
            self._sound_shards += 1
            self._silent += shard.silent
            self._failed += shard.failed
            for kind in map(str, plan.observe):
                self._sums[kind] = self._sums.get(kind, 0) + shard.arrays[f"sums/{kind}"]
            self._check_arrays(name, shard, patch_owners)

    def _incomplete_array(self, shard: Shard, items: int) -> str | None:
        """Name an array that is missing or has another shape."""
        plan = self._manifest.plan
        names = ["patches", "x", "loudness", "draws", *map(str, plan.observe)]
        names += ["audio", "audio_scale"] if plan.audio else []
        arrays = shard.arrays
        shapes = {n: (items, *arrays[n].shape[1:]) if n in arrays else () for n in names}
        for kind in plan.observe:
            shape = kind.shape(self._task.channels, self._task.sample_rate)
            shapes |= {str(kind): (items, *shape), f"sums/{kind}": (2, *shape)}
        return next((n for n, s in shapes.items() if n not in arrays or arrays[n].shape != s), None)

    def _check_arrays(
        self, name: str, shard: Shard, patch_owners: "dict[bytes, _SetCheck]"
    ) -> None:
        plan, arrays, spec = self._manifest.plan, shard.arrays, self._task.spec
        items, patches = plan.items(shard.number), arrays["patches"]
        for array in ("patches", "x", "loudness"):
            bad = np.flatnonzero(~np.isfinite(arrays[array].reshape(len(items), -1)).all(axis=1))
            if bad.size:
                self._add_problem(name, f"has {array} that are not finite: item {items[bad[0]]}")
                return
        error = np.abs(spec.encode(patches) - arrays["x"]).max()
        if error > _MOST_ENCODING_ERROR:
            self._add_problem(name, f"has x that do not encode its patches (off by {error:.2g})")
        for row in range(0, len(items), max(1, plan.count // _REDRAWN_ITEMS)):
            rng = item_rng(plan.task, plan.split, items[row], plan.seed)
            for _ in range(int(arrays["draws"][row]) + 1):
                patch = self._task.sample(rng)
            self._redrawn += 1
            if not np.array_equal(patch, patches[row]):
                self._add_problem(name, f"has a patch for item {items[row]} that is not the plan's")
                break
        for item, patch in zip(items, patches, strict=True):
            key = hashlib.blake2b(patch.tobytes(), digest_size=12).digest()
            owner = patch_owners.setdefault(key, self)
            if owner is not self:
                self._add_problem(name, f"has a patch of {owner._folder.url}: its item {item}")
                break
        self._patches.append(patches)

    def finish(self) -> None:
        """Make the checks that need all shards, and describe the set."""
        manifest, plan, url = self._manifest, self._manifest.plan, self._folder.url
        if not manifest.finished:
            self.problems.append(f"{url} is not finished: run the command that made it again")
        if self._missing > 1:
            self.problems.append(f"{url}: {self._missing - 1} more shards are missing")
        if manifest.finished:
            self._check_sums()
        if not self._patches:
            return
        patches = np.concatenate(self._patches)
        share = share_rejected(manifest)
        prior = np.stack(
            [
                self._task.sample(item_rng(plan.task, Split.RANDOM, i, plan.seed))
                for i in range(_PRIOR_DRAWS)
            ]
        )
        distances = [
            ks_2samp(*pair, method="asymp").statistic
            for pair in zip(patches.T, prior.T, strict=True)
        ]
        bound = share + math.sqrt(
            math.log(2 * len(distances) / 0.01) * (1 / len(patches) + 1 / len(prior)) / 2
        )
        worst = int(np.argmax(distances))
        parameter = self._task.spec.names[worst]
        if distances[worst] > bound:
            self.problems.append(
                f"{url}: {parameter} is not distributed as its prior (distance "
                f"{distances[worst]:.3f}, at most {bound:.3f} by chance and rejection)"
            )
        self.remarks.append(
            f"{url}: {counted(len(patches), 'sound')} of {plan.task} ({plan.split.value}), "
            f"{self._bytes / len(patches) / 1000:.1f} kB per sound; {self._redrawn} drawn again "
            f"and compared; {100 * share:.2f} % of draws rejected; furthest from its prior: "
            f"{parameter}, by {distances[worst]:.3f} (bound {bound:.3f})"
        )

    def _check_sums(self) -> None:
        """Compare the manifest's counts and the statistics with the shards, if all are right."""
        plan, manifest = self._manifest.plan, self._manifest
        complete = self._sound_shards == plan.shards
        for name in map(statistics_file, map(str, plan.observe)):
            if name not in self._names:
                self._add_problem(name, "is missing: make the set again")
        if not complete:
            return
        for kind, (total, squares) in self._sums.items():
            name = statistics_file(kind)
            expected = statistics(total, squares, plan.count)
            if name in self._names and self._folder.read(name) != expected:
                self._add_problem(name, "is damaged: it does not hold the statistics of the shards")
        rejected = {"silent": self._silent, "failed": len(self._failed)}
        counts = (
            ("sounds", manifest.sounds, plan.count),
            ("rejected", {"silent": 0, "failed": 0} | manifest.rejected, rejected),
            ("failed", manifest.failed, self._failed),
        )
        for field, stated, true in counts:
            if stated != true:
                self._add_problem(MANIFEST, f"has {field} {shown(stated)}, not {shown(true)}")

    def _add_problem(self, name: str, what: str) -> None:
        self.problems.append(f"{self._folder.url}/{name} {what}")
