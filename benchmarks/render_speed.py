"""Time `unsynth render`: sounds per second, bytes per sound, and the memory of its workers.

    python benchmarks/render_speed.py --sounds 2000 --workers 1 2

Each number of workers makes its own set in a temporary folder. The time runs from the first sounds
to the last shard on disk, so it excludes the start of the processes and the pass for statistics.
Before and after each set, the engine is timed alone; the ratio shows what a set costs beyond it.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from unsynth.data.folder import Folder
from unsynth.data.local import make_dataset
from unsynth.data.plan import Plan
from unsynth.data.seeding import Split, item_rng
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task


def measure(plan: Plan, workers: int, path: Path) -> None:
    first: tuple[float, int] | None = None
    sizes: list[float] = []
    last = (0.0, 0)
    for progress in make_dataset(plan, Folder(path), workers, load_task):
        now = time.perf_counter()
        if first is None and progress.done > 0:
            first = now, progress.done
        if progress.done > last[1]:
            last = now, progress.done
            children = psutil.Process().children()
            sizes.append(max((c.memory_info().rss for c in children), default=0) / 2**20)
    assert first is not None
    speed = (last[1] - first[1]) / (last[0] - first[0])
    size = sum(file.stat().st_size for file in path.glob("*.h5")) / plan.count
    tenth = max(1, len(sizes) // 10)
    # Medians over tenths of the run, because a shard in progress takes memory too.
    early = statistics.median(sizes[2 * tenth : 3 * tenth] or sizes)
    late = statistics.median(sizes[-2 * tenth : -tenth] or sizes)
    print(
        f"{workers} workers: {speed:.1f} sounds/s, {speed / workers:.1f} per worker; "
        f"{size / 1000:.1f} kB per sound; "
        f"largest worker {early:.0f} MiB early, {late:.0f} MiB late",
        flush=True,
    )


def engine_alone(task: Task, sounds: int = 100) -> float:
    """Measure how many sounds per second one core renders."""
    synth = task.synth()
    rngs = (item_rng(task.name, Split.TRAIN, item) for item in range(sounds))
    patches = [task.sample(rng) for rng in rngs]
    requests = [(task.engine_patch(patch), task.note(patch)) for patch in patches]
    start = time.perf_counter()
    for patch, note in requests:
        synth.render(patch, note)
    return sounds / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", default="dx7")
    parser.add_argument("--sounds", type=int, default=2000, help="sounds per worker")
    parser.add_argument("--shard-sounds", type=int, default=250)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the workers, as the command does
    task = load_task(arguments.task)
    print(f"engine alone: {engine_alone(task):.1f} sounds/s")
    for workers in arguments.workers:
        plan = Plan(
            task=arguments.task,
            task_hash=task.hash,
            count=arguments.sounds * workers,
            shard_sounds=arguments.shard_sounds,
        )
        with tempfile.TemporaryDirectory() as folder:
            measure(plan, workers, Path(folder) / "set")
        print(f"engine alone: {engine_alone(task):.1f} sounds/s", flush=True)


if __name__ == "__main__":
    main()
