"""Muon for matrices, AdamW for all else, as one optimiser.

Muon steps along the nearest orthogonal matrix of the momentum (K. Jordan et al., "Muon: an
optimizer for hidden layers in neural networks", 2024), scaled so that a step is as large as
AdamW's (J. Liu et al., "Muon is scalable for LLM training", 2025): one learning rate is for both.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch

from unsynth.errors import UnsynthError


class MuonAndAdamW(torch.optim.Optimizer):
    """Both, whose groups are one list, so that a schedule moves all rates."""

    def __init__(
        self,
        matrices: Iterable[torch.nn.Parameter],
        adamw: torch.optim.AdamW,
        lr: float,
        weight_decay: float,
    ) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise UnsynthError(
                f"training.optimiser=muon needs torch 2.9 or newer, not {torch.__version__}: "
                "install that, or use adamw"
            )
        muon = torch.optim.Muon(
            matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        self._parts: list[torch.optim.Optimizer] = [muon, adamw]
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share_groups()

    def _share_groups(self) -> None:
        self.param_groups = [group for part in self._parts for group in part.param_groups]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Compute the gradient by the closure, if there is one, and step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Say all that is needed to go on."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` said."""
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share_groups()
