"""Compare ways to train the k-osc flows at equal seconds of one core.

    python benchmarks/kosc_regimes.py --model mlp --condition asymmetric --seconds 60

Trains a flow in four ways, otherwise with the preset `laptop`: its noise is coupled by optimal
transport or aligned within each sound, and the modulations of its blocks start at 0 or at random.
Param2Tok starts as in the paper, at ten times the learning rate. Its fifth way is the preset: all
starts at random, at one learning rate. (For other models, the fourth way is the preset.) The ways
take turns of ten steps until each has used --seconds of CPU. Prints sound-noise pairs and sounds
per second, FLOPs per second and their share of what a large product of matrices reaches, and the
scores on 1,024 test sounds.
"""

import argparse
import dataclasses
import time

import numpy as np
import torch

from unsynth.flow.coupling import Coupling
from unsynth.models.kosc import FLOWS, Model
from unsynth.models.layers import SharedModulation
from unsynth.models.param2tok import Start
from unsynth.studies.kosc.cell import Cell, CellSettings
from unsynth.studies.kosc.presets import LAPTOP
from unsynth.studies.kosc.scoring import score_cell
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import KOsc, Ranges

_CPU = torch.device("cpu")
_CONDITIONS = {"symmetric": Ranges.COMMON, "asymmetric": Ranges.DISJOINT}
_EARLIER = dataclasses.replace(LAPTOP, param2tok_start=Start.PAPER, param2tok_rate=10.0)
_WAYS = {
    f"{coupling.value}, at {start}": (dataclasses.replace(_EARLIER, coupling=coupling), start)
    for coupling in (Coupling.OPTIMAL_TRANSPORT, Coupling.ALIGNED)
    for start in ("0", "random")
}


def peak_flops() -> float:
    """Measure the FLOPs per second of CPU of a product of two matrices."""
    matrix = torch.randn(1024, 1024)
    start = time.process_time()
    for _ in range(30):
        matrix @ matrix
    return 30 * 2 * 1024**3 / (time.process_time() - start)


def new_training(cell: Cell, settings: CellSettings, start: str) -> Training:
    """Make a training, with the modulations of its blocks at 0 or at random."""
    training = Training(cell, settings, _CPU)
    for module in training.model.modules():
        if start == "0" and isinstance(module, SharedModulation):
            torch.nn.init.zeros_(module.linear.weight)
            torch.nn.init.zeros_(module.linear.bias)
    return training


def scores(training: Training, settings: CellSettings) -> str:
    """Score the model on test sounds."""
    few = dataclasses.replace(settings, items=1024)
    found = score_cell(training.model, training.cell, few, _CPU)
    metric = "lac" if training.cell.condition == "symmetric" else "mse"
    return f"LSD {np.mean(found['lsd']):.2f} dB, {metric.upper()} {np.mean(found[metric]):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    flows = {model.name.lower(): model for model in FLOWS}
    parser.add_argument("--model", choices=flows, default="equivariant")
    parser.add_argument("--condition", choices=_CONDITIONS, default="symmetric")
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=150.0, help="CPU seconds of each way")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    synth = KOsc(arguments.k, _CONDITIONS[arguments.condition])
    cell = Cell(flows[arguments.model], arguments.condition, synth, arguments.seed)
    ways = dict(_WAYS)
    if cell.model is Model.PARAM2TOK:
        ways["the preset"] = (LAPTOP, "random")
    trainings = {name: new_training(cell, *way) for name, way in ways.items()}
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
        settings, _ = ways[name]
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
