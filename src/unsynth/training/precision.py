"""The precision that this machine trains in."""

from typing import Final, Literal

import torch

#: Lightning's names: all in float32, or products of matrices in bfloat16.
Precision = Literal["32-true", "bf16-mixed"]
SINGLE: Final = "32-true"
MIXED: Final = "bf16-mixed"


def usable_precision(precision: Precision) -> Precision:
    """Return single precision in place of a mixed one that this machine would emulate.

    A processor without bfloat16 takes several times as long in it. Weights are float32 in both, so
    a run may continue on another machine.
    """
    return SINGLE if precision == MIXED and not has_bfloat16() else precision


def has_bfloat16() -> bool:
    """Say whether the device that trains multiplies in bfloat16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.backends.mps.is_available():
        return True
    # oneDNN computes torch's products of matrices on a processor.
    onednn = torch.backends.mkldnn.is_available()
    return bool(onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())
