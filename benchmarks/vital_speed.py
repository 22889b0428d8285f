"""Measure CPU seconds per sound of Vital, from a copy of a loaded engine and from a new engine.

    python benchmarks/vital_speed.py --sounds 50

Renders draws of each task as `unsynth render` does, alternating between the two ways. Counts the
CPU time of this process and of the copies, so other programs hardly matter. Then measures, for
shorter warm-ups, the error of sounds against those after a warm-up of 2 s.
"""

import argparse
import os
import statistics
from collections.abc import Callable
from unittest import mock

import numpy as np

from unsynth.data.seeding import Split, item_rng
from unsynth.synths import vital
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask

Sound = np.ndarray


def measure_cpu(render: Callable[[], Sound]) -> tuple[float, Sound]:
    start = os.times()
    sound = render()
    end = os.times()
    return sum(end[:4]) - sum(start[:4]), sound


def speed(task: DeclaredTask, sounds: int) -> None:
    copies, new = task.synth(), task.synth()
    new._play_in_copy = new._play_on_new
    costs: dict[str, list[float]] = {"copy": [], "new": []}
    for item in range(sounds + 1):
        patch = task.sample(item_rng(task.name, Split.TEST, item))
        request = task.engine_patch(patch), task.note(patch)
        copy_seconds, first = measure_cpu(lambda request=request: copies.render(*request))
        new_seconds, second = measure_cpu(lambda request=request: new.render(*request))
        if not np.array_equal(first, second):
            raise SystemExit(f"{task.name}, item {item}: the two ways differ")
        if item:  # The first sound also loads the engine.
            costs["copy"].append(copy_seconds)
            costs["new"].append(new_seconds)
    for way, seconds in costs.items():
        mean, median = statistics.mean(seconds), statistics.median(seconds)
        print(
            f"{task.name}, {way}: {mean:.3f} s of CPU per sound (median {median:.3f}), "
            f"{1 / mean:.1f} sounds per second per core"
        )
    ratios = [b / a for a, b in zip(costs["copy"], costs["new"], strict=True)]
    print(f"{task.name}: new / copy {statistics.median(ratios):.2f} (median)", flush=True)


def warm_up(task: DeclaredTask, sounds: int) -> None:
    synth = task.synth()

    def renders(seconds: float) -> list[Sound]:
        audio = []
        with mock.patch.object(vital, "_WARM_UP_SECONDS", seconds):
            for item in range(sounds):
                patch = task.sample(item_rng(task.name, Split.TEST, item))
                audio.append(synth.render(task.engine_patch(patch), task.note(patch)))
        return audio

    references = renders(2.0)
    for seconds in (0.5, 0.3, 0.1):
        errors = [
            float(np.sqrt(np.sum((a - b) ** 2) / max(1e-12, float(np.sum(b**2)))))
            for a, b in zip(renders(seconds), references, strict=True)
        ]
        print(
            f"{task.name}, warmed up for {seconds} s: error {statistics.median(errors):.1e} "
            f"(median), {max(errors):.1e} (worst of {sounds})",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sounds", type=int, default=50)
    arguments = parser.parse_args()
    for name in ("vital-simple", "vital-full"):
        task = load_task(name)
        assert isinstance(task, DeclaredTask)
        speed(task, arguments.sounds)
    simple = load_task("vital-simple")
    assert isinstance(simple, DeclaredTask)
    warm_up(simple, arguments.sounds // 2)


if __name__ == "__main__":
    main()
