"""Compare ways to train the k-osc flows at equal seconds of one core.

    python benchmarks/kosc_regimes.py --k 4 --seconds 150

Trains CNF (Equivariant) on symmetric oscillators in two ways: 128 sounds per step with one noise
each at width 64, as the committed figure of 2,000 steps was made, and as in the preset `laptop`.
Both take turns of ten steps until each has used --seconds of CPU. Prints sound-noise pairs and
sounds per second, FLOPs per second and their share of what a large product of matrices reaches, and
the scores on 1,024 test sounds.
"""

import argparse
import dataclasses
import time

import numpy as np
import torch

from unsynth.models.kosc import Model
from unsynth.studies.kosc.cell import Cell, CellSettings
from unsynth.studies.kosc.presets import LAPTOP
from unsynth.studies.kosc.scoring import score_cell
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import KOsc

_CPU = torch.device("cpu")
_REGIMES = {
    "before": dataclasses.replace(LAPTOP, batch=128, noises=1, width=64),
    "laptop": LAPTOP,
}


def peak_flops() -> float:
    """Measure the FLOPs per second of CPU of a product of two matrices."""
    matrix = torch.randn(1024, 1024)
    start = time.process_time()
    for _ in range(30):
        matrix @ matrix
    return 30 * 2 * 1024**3 / (time.process_time() - start)


def scores(training: Training, settings: CellSettings) -> str:
    """Score the model on test sounds."""
    few = dataclasses.replace(settings, items=1024)
    found = score_cell(training.model, training.cell, few, _CPU)
    return f"LSD {np.mean(found['lsd']):.2f} dB, LAC {np.mean(found['lac']):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=150.0, help="CPU seconds of each way")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    cell = Cell(Model.EQUIVARIANT, "symmetric", KOsc(arguments.k), arguments.seed)
    trainings = {name: Training(cell, each, _CPU) for name, each in _REGIMES.items()}
    used = dict.fromkeys(trainings, 0.0)
    peak = peak_flops()
    while any(seconds < arguments.seconds for seconds in used.values()):
        for name, training in trainings.items():
            for _ in range(10):
                if used[name] < arguments.seconds:
                    start = time.process_time()
                    training.advance()
                    used[name] += time.process_time() - start
    for name, training in trainings.items():
        training.close()
        settings = _REGIMES[name]
        sounds = training.step * settings.batch / used[name]
        flops = training.step * training.count_flops() / used[name]
        print(
            f"{name}: {training.step:,} steps, {sounds * settings.noises:,.0f} pairs and "
            f"{sounds:,.0f} sounds per s, {flops / 1e9:.1f} GFLOP/s ({flops / peak:.0%} of a "
            f"product's), {scores(training, settings)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
