"""What an experiment would cost, found by building all of it and taking steps on random data."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from unsynth.data.batch import Batch
from unsynth.data.order import BUFFER
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.catalogue import load_task
from unsynth.training.experiment import Experiment, load_experiment
from unsynth.training.module import ModelTraining
from unsynth.training.train import build

#: Weights, averaged weights, gradient and Adam's two moments, all float32.
_BYTES_A_WEIGHT = 5 * 4


def dry_run(experiment_path: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Count parameters, FLOPs a step (2 for a multiply-add, forward and backward) and bytes.

    ``memory_bytes.sounds`` are the observed sounds that the stream keeps for their next use, or
    those that the loaders of a set hold.
    Seconds are those of a step without rendering; nothing is rendered or written. Raises
    :class:`ExperimentError` for a bad experiment file.
    """
    experiment = load_experiment(experiment_path, overrides)
    task = load_task(experiment.task)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = build(experiment, task).to(device)
    size = experiment.model.observed_shape(task)
    data = experiment.data
    x0 = torch.randn(data.noises, data.batch, task.spec.width, device=device)
    batch = _random_batch(x0, size)
    optimizer = module.configure_optimizers()["optimizer"]

    # Attention as plain products, which the counter knows on every device.
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):
        _step(module, optimizer, batch)
    saved: dict[int, int] = {}
    with torch.autograd.graph.saved_tensors_hooks(lambda t: _note_size(t, saved), lambda t: t):
        started = time.perf_counter()
        _step(module, optimizer, batch)
        seconds = time.perf_counter() - started
    model = module.model
    parameters = {name: _count(part) for name, part in model.named_children()}
    if isinstance(model, ConditionalFlow) and model.param2tok is not None:
        parameters["param2tok"] = _count(model.param2tok)
    parameters["total"] = _count(model)
    memory = {
        "weights": _BYTES_A_WEIGHT * parameters["total"],
        "activations": sum(saved.values()),
        "sounds": _sounds_kept(experiment) * int(np.prod(size)),
    }
    return {
        "task": f"{task.name} {task.hash}",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "parameters": parameters,
        "flops_a_step": counter.get_total_flops(),
        "memory_bytes": memory | {"total": sum(memory.values())},
        "loss": module.last["loss"],
        "seconds_a_step": seconds,
    }


def _step(module: ModelTraining, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    mixed = module.experiment.training.precision == "bf16-mixed"
    optimizer.zero_grad()
    with torch.autocast(module.device.type, torch.bfloat16, enabled=mixed):
        loss = module.training_step(batch, 0)
    loss.backward()
    module.configure_gradient_clipping(optimizer)
    optimizer.step()
    if module.device.type == "cuda":
        torch.cuda.synchronize()


def _random_batch(x0: torch.Tensor, size: tuple[int, ...]) -> Batch:
    x1 = torch.rand_like(x0[0]) * 2.0 - 1.0
    shape = (len(x1), *size)
    observed = torch.randint(0, 256, shape, dtype=torch.uint8, device=x0.device)
    return Batch(0, x1, observed, x0)


def _note_size(tensor: torch.Tensor, saved: dict[int, int]) -> torch.Tensor:
    storage = tensor.untyped_storage()
    if not tensor.is_leaf:  # weights are counted elsewhere
        saved[storage.data_ptr()] = storage.nbytes()
    return tensor


def _sounds_kept(experiment: Experiment) -> int:
    """Count the sounds between their first use and their last, or in two buffers a lane."""
    data = experiment.data
    if data.folder is not None:
        return 2 * data.batch // data.coupled * max(BUFFER, data.coupled)
    return ((data.uses - 1) * data.apart + 1) * data.batch // data.uses


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
