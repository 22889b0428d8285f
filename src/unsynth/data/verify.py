"""Does a dataset hold what its plan says?

Checked are: every shard is there and unharmed (its hash), numbers are finite and in range, ``x`` is
what the patches encode to, some items are the draws that the plan says, and no patch of one set
occurs in another. Each parameter is compared with its prior by the Kolmogorov-Smirnov
distance

    D = max_v |F_set(v) - F_prior(v)|.

A set has the draws that can be heard, a share 1 - r of the prior's, so D is at most r but for the
finite samples of n and m; it is reported where it exceeds, for P parameters,

    r + sqrt(ln(2 P / 0.01) (1 / n + 1 / m) / 2),

after A. Dvoretzky, J. Kiefer, J. Wolfowitz, "Asymptotic minimax character of the sample
distribution function", 1956.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import Manifest, read_manifest, share_rejected, statistics_file
from unsynth.data.seeding import Split, item_rng
from unsynth.data.shards import Shard, read_shard
from unsynth.tasks.task import Task

#: Draws of the prior that a set is compared with; items that are drawn again.
_PRIOR_DRAWS = 5_000
_REDRAWN = 500
_ENCODING_ERROR = 1e-5


@dataclass(frozen=True)
class Checked:
    """A shard was read."""

    shards: int
    total: int


@dataclass(frozen=True)
class Verdict:
    """What was found: remarks on each set, and what is wrong."""

    remarks: tuple[str, ...]
    problems: tuple[str, ...]


def verify(folders: list[Folder], load: Callable[[str], Task]) -> Iterator[Checked | Verdict]:
    """Check sets, and that no patch of one occurs in another; ends with the verdict.

    Raises :class:`DatasetError` for a folder without a set, or one of another version of its task.
    """
    manifests = [read_manifest(folder) for folder in folders]
    total = sum(manifest.plan.shards for manifest in manifests)
    remarks: list[str] = []
    problems: list[str] = []
    seen: dict[bytes, _Set] = {}
    done = 0
    for folder, manifest in zip(folders, manifests, strict=True):
        plan = manifest.plan
        task = load(plan.source)
        plan.check_task(task, folder.url)
        check = _Set(folder, manifest, task)
        for number in range(plan.shards):
            check.shard(number, seen)
            done += 1
            yield Checked(done, total)
        check.end()
        remarks += check.remarks
        problems += check.problems
    yield Verdict(tuple(remarks), tuple(problems))


class _Set:
    """What is known of one set so far."""

    def __init__(self, folder: Folder, manifest: Manifest, task: Task) -> None:
        self._folder, self._manifest, self._task = folder, manifest, task
        self._names = folder.names()
        self._patches: list[np.ndarray] = []
        self._sums: dict[str, np.ndarray] = {}
        self._bytes = self._redrawn = 0
        self.remarks: list[str] = []
        self.problems: list[str] = []

    def shard(self, number: int, seen: "dict[bytes, _Set]") -> None:
        """Check a shard; ``seen`` are the hashes of all patches so far, and their sets."""
        plan, name = self._manifest.plan, self._manifest.plan.file(number)
        if name not in self._names:
            self._problem(name, "is missing")
            return
        try:
            with self._folder.open(name) as file:
                theirs, shard, digest = read_shard(file, f"{self._folder.url}/{name}")
        except DatasetError as error:
            self.problems.append(str(error))
            return
        self._bytes += self._folder.size(name)
        if (
            theirs.model_copy(update={"task_file": plan.task_file}) != plan
            or shard.number != number
        ):
            self._problem(name, "belongs to another plan, or to another place in this one")
        elif shard.digest() != digest:
            self._problem(name, "is damaged: its hash is another")
        elif missing := self._missing(shard, len(plan.items(number))):
            self._problem(name, f"has no {missing} for each of its items")
        else:
            self._arrays(name, shard, seen)

    def _missing(self, shard: Shard, items: int) -> str | None:
        plan = self._manifest.plan
        names = ["patches", "x", "loudness", "draws", *map(str, plan.observe)]
        names += ["audio", "audio_scale"] if plan.audio else []
        arrays = shard.arrays
        return next((n for n in names if n not in arrays or len(arrays[n]) != items), None)

    def _arrays(self, name: str, shard: Shard, seen: "dict[bytes, _Set]") -> None:
        plan, arrays, spec = self._manifest.plan, shard.arrays, self._task.spec
        items, patches = plan.items(shard.number), arrays["patches"]
        for array in ("patches", "x", "loudness"):
            bad = np.flatnonzero(~np.isfinite(arrays[array].reshape(len(items), -1)).all(axis=1))
            if bad.size:
                self._problem(name, f"has {array} that are not finite, first in item {bad[0]}")
                return
        error = np.abs(spec.encode(patches) - arrays["x"]).max()
        if error > _ENCODING_ERROR:
            self._problem(name, f"has x that the patches do not encode to (off by {error:.2g})")
        for row in range(0, len(items), max(1, plan.count // _REDRAWN)):
            rng = item_rng(plan.task, plan.split, items[row], plan.seed)
            for _ in range(int(arrays["draws"][row]) + 1):
                patch = self._task.sample(rng)
            self._redrawn += 1
            if not np.array_equal(patch, patches[row]):
                self._problem(name, f"has another patch than the plan for item {items[row]}")
                break
        for item, patch in zip(items, patches, strict=True):
            key = hashlib.blake2b(patch.tobytes(), digest_size=12).digest()
            other = seen.setdefault(key, self)
            if other is not self:
                self._problem(name, f"has a patch of {other._folder.url}, its item {item}")
                break
        self._patches.append(patches)
        for kind in map(str, plan.observe):
            self._sums[kind] = self._sums.get(kind, 0) + arrays[f"sums/{kind}"]

    def end(self) -> None:
        """Check what takes all shards, and say what the set is."""
        manifest, plan, url = self._manifest, self._manifest.plan, self._folder.url
        if not manifest.finished:
            self.problems.append(f"{url} is not finished: give the command that made it again")
        if not self._patches:
            return
        patches = np.concatenate(self._patches)
        for kind in self._sums if manifest.finished else ():
            if statistics_file(kind) not in self._names:
                self.problems.append(f"{url}/{statistics_file(kind)} is missing: make the set anew")
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
            f"{url}: {len(patches)} sounds of {plan.task} ({plan.split.value}), "
            f"{self._bytes / len(patches) / 1000:.1f} kB a sound; {self._redrawn} drawn again and "
            f"compared; {100 * share:.2f} % of draws rejected; furthest from its prior: "
            f"{parameter}, by {distances[worst]:.3f} (bound {bound:.3f})"
        )

    def _problem(self, name: str, what: str) -> None:
        self.problems.append(f"{self._folder.url}/{name} {what}")
