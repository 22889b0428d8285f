"""Time a training step of the k-osc study, and of each of its parts.

    python benchmarks/kosc_step.py --k 4 32 --steps 3 --device cpu --threads 1

A step draws and renders a batch, encodes it, couples its noise by optimal transport, computes the
loss and its gradient, clips the gradient and takes an Adam step. Sizes are the paper's unless
--width is smaller. The first step is not timed. Each part is timed alone, and only "forward and
backward of the encoder" includes gradients, so the parts do not add up to the step. Prints medians,
FLOPs and, on cuda, the peak memory. Short convolutions are products of spectra here; the FLOPs of a
step in which all convolutions are plain stand beside.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch.nn import functional

from unsynth.flow.coupling import Coupling, couple
from unsynth.models.convolutions import ShortConvolution
from unsynth.models.kosc import Model
from unsynth.studies.kosc.cell import Cell, CellSettings
from unsynth.studies.kosc.training import Training
from unsynth.synths.kosc import KOsc


def seconds(work: Callable[[], object], times: int, device: torch.device) -> float:
    work()
    timings = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        timings.append(time.perf_counter() - start)
    return statistics.median(timings)


def parts(k: int, settings: CellSettings, times: int, device: torch.device) -> None:
    training = Training(Cell(Model.EQUIVARIANT, "symmetric", KOsc(k), 0), settings, device)
    synth, encoder = training.cell.synth, training.model.encoder
    x1 = 2 * torch.rand(settings.batch, synth.values, device=device) - 1
    x0 = torch.randn_like(x1)
    audio = synth.render(x1)

    def encode() -> None:
        encoder.zero_grad()
        encoder(audio).square().mean().backward()

    works: dict[str, Callable[[], object]] = {
        "rendering": lambda: synth.render(x1),
        "optimal transport": lambda: couple(Coupling.OPTIMAL_TRANSPORT, x0, x1),
        "forward and backward of the encoder": encode,
    }
    for name, work in works.items():
        print(f"k = {k}, {name}: {1000 * seconds(work, times, device):.1f} ms", flush=True)


def count_plain_flops(training: Training) -> int:
    """Count the FLOPs of a step in which all convolutions are plain."""

    def plain(self: ShortConvolution, x: torch.Tensor) -> torch.Tensor:
        padding = self.weight.shape[2] // 2
        y = functional.conv1d(x.permute(1, 2, 0), self.weight, padding=padding)
        return y.permute(2, 0, 1)

    with mock.patch.object(ShortConvolution, "forward", plain):
        return training.count_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", type=int, nargs="+", default=[4, 32])
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--noises", type=int, default=1)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    device = torch.device(arguments.device)
    settings = CellSettings(batch=arguments.batch, noises=arguments.noises, width=arguments.width)
    for k in arguments.k:
        parts(k, settings, arguments.steps, device)
        for model in (Model.PARAM2TOK, Model.EQUIVARIANT, Model.MLP, Model.FFN_MSE):
            training = Training(Cell(model, "symmetric", KOsc(k), 0), settings, device)
            step = seconds(training.advance, arguments.steps, device)
            flops, plain = training.count_flops(), count_plain_flops(training)
            training.close()
            print(
                f"k = {k}, a step of {model.value}: {1000 * step:.1f} ms, {flops / 1e9:.2f} GFLOP "
                f"({plain / 1e9:.2f} with plain convolutions)",
                flush=True,
            )
    if device.type == "cuda":
        print(f"memory: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
