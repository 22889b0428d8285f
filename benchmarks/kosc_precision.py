"""Print what LSD asks of a k-osc patch: its value for known errors of single parameters.

    python benchmarks/kosc_precision.py --k 4

Takes random patches, adds normal errors to the frequencies alone, to the amplitudes alone or to the
shapes alone, and compares the sounds with those of the true patches. Values are clamped to [-1, 1].
For each size of the errors (their standard deviation; a parameter's range is 2 wide) it prints the
root mean square error of the frequencies in Hz, and the mean LSD in dB for each kind of parameter.
"""

import argparse

import numpy as np
import torch

from unsynth.metrics.audio import lsd
from unsynth.synths.kosc import KOsc, Ranges

_SIZES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_CONDITIONS = {"symmetric": Ranges.COMMON, "asymmetric": Ranges.DISJOINT}


def mean_lsd(synth: KOsc, first: torch.Tensor, second: torch.Tensor) -> float:
    """Compute the mean LSD of two lists of patches, in dB."""
    sounds = zip(synth.render(first).numpy(), synth.render(second).numpy(), strict=True)
    return float(np.mean([lsd(one[None], other[None]) for one, other in sounds]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--patches", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    k, shape = arguments.k, (arguments.patches, 3 * arguments.k)
    for condition, ranges in _CONDITIONS.items():
        generator = torch.Generator().manual_seed(arguments.seed)
        synth = KOsc(k, ranges)
        patches = 2.0 * torch.rand(shape, generator=generator) - 1.0
        others = 2.0 * torch.rand(shape, generator=generator) - 1.0
        print(f"{condition}, k = {k}; another patch: {mean_lsd(synth, patches, others):.2f} dB")
        print("  error  frequencies, Hz  LSD, dB: frequencies  amplitudes  shapes")
        errors = torch.randn(shape, generator=generator)
        for size in _SIZES:
            wrong = (patches + size * errors).clamp(-1.0, 1.0)
            hz = synth.frequencies(wrong) - synth.frequencies(patches)
            distances = []
            for first in range(0, 3 * k, k):
                mixed = patches.clone()
                mixed[:, first : first + k] = wrong[:, first : first + k]
                distances.append(mean_lsd(synth, patches, mixed))
            print(
                f"  {size:5}  {float(hz.square().mean().sqrt()):15.1f}"
                "           {:11.2f}  {:10.2f}  {:6.2f}".format(*distances),
                flush=True,
            )


if __name__ == "__main__":
    main()
