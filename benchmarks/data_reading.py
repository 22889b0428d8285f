"""Time the reading of training batches from a dataset, without a model.

    python benchmarks/data_reading.py DIR --batch 256 --loaders 1 2

Each line is items a second over five parts of the run, the median first: read in this process (0
loaders) and by so many others, with noise paired independently and by optimal transport. Batches
are put together as in training. The first part starts when the first batch is there.
"""

import argparse
import statistics
import time
from pathlib import Path

from unsynth.audio.observation import Observation
from unsynth.data.datamodule import ShardBatches
from unsynth.data.folder import Folder
from unsynth.data.reading import join
from unsynth.flow.coupling import Coupling
from unsynth.tasks.catalogue import load_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--task", default="dx7")
    parser.add_argument("--observation", type=Observation, default=Observation.LOG_MEL)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--group", type=int, default=64)
    parser.add_argument("--noises", type=int, default=1)
    parser.add_argument("--loaders", type=int, nargs="*", default=[1])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each line")
    arguments = parser.parse_args()
    for loaders in [0, *arguments.loaders]:
        for coupling in Coupling:
            rates = measure(arguments, loaders, coupling)
            each = " ".join(f"{rate:.0f}" for rate in rates)
            print(
                f"{loaders} loaders, {coupling.value}: "
                f"{statistics.median(rates):.0f} items/s ({each})",
                flush=True,
            )


def measure(arguments: argparse.Namespace, loaders: int, coupling: Coupling) -> list[float]:
    batches = ShardBatches(
        Folder(arguments.dir),
        load_task(arguments.task),
        arguments.observation,
        arguments.batch,
        arguments.group,
        arguments.noises,
        coupling,
        loaders=loaders,
    ).loader(0)
    next(batches)
    rates = []
    for _ in range(5):
        started, items = time.perf_counter(), 0
        while time.perf_counter() - started < arguments.seconds / 5:
            items += len(join(next(batches)).x1)
        rates.append(items / (time.perf_counter() - started))
    return rates


if __name__ == "__main__":
    main()
