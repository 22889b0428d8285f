"""Time the reading of training batches from a dataset, without a model.

    python benchmarks/data_reading.py DIR --batch 256 --loaders 1 2

Each line gives items per second: the median of five parts of a run, then each part. With 0 loaders
this process reads the set, else that many others do. Noise is coupled in each way once. Batches are
joined as in training. The first part starts after the first batch has arrived.
"""

import argparse
import statistics
import time
from pathlib import Path

from unsynth.audio.observation import Observation
from unsynth.data.batch import Pairing, join
from unsynth.data.datamodule import ShardBatches
from unsynth.data.folder import Folder
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
    parser.add_argument("--seconds", type=float, default=20.0, help="per line")
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
        arguments.observation,
        Pairing(load_task(arguments.task), coupling, arguments.noises),
        arguments.batch,
        arguments.group,
        loaders=loaders,
    ).loader(0)
    next(batches)
    rates = []
    for _ in range(5):
        start, items = time.perf_counter(), 0
        while time.perf_counter() - start < arguments.seconds / 5:
            items += len(join(next(batches)).x1)
        rates.append(items / (time.perf_counter() - start))
    return rates


if __name__ == "__main__":
    main()
