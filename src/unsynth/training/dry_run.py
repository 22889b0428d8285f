"""What an experiment would cost, found by building all of it and taking steps on random data."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from unsynth.data.order import BUFFER
from unsynth.data.stream import Batch
from unsynth.tasks.task import load_task
from unsynth.training.experiment import Experiment, load_experiment
from unsynth.training.module import FlowTraining
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
    batch = _random_batch(experiment.data.batch, task.spec.width, size, device)
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
    parameters = {
        "encoder": _count(module.model.encoder),
        "field": _count(module.model.field),
        "param2tok": _count(module.model.field.param2tok),
        "total": _count(module.model),
    }
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


def _step(module: FlowTraining, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    mixed = module.experiment.training.precision == "bf16-mixed"
    optimizer.zero_grad()
    with torch.autocast(module.device.type, torch.bfloat16, enabled=mixed):
        loss = module.training_step(batch, 0)
    loss.backward()
    module.configure_gradient_clipping(optimizer)
    optimizer.step()
    if module.device.type == "cuda":
        torch.cuda.synchronize()


def _random_batch(items: int, width: int, size: tuple[int, ...], device: torch.device) -> Batch:
    rng = np.random.default_rng(0)
    x1 = torch.from_numpy(rng.uniform(-1, 1, (items, width)).astype(np.float32))
    observed = torch.from_numpy(rng.integers(0, 256, (items, *size), dtype=np.uint8))
    return Batch(0, x1.to(device), observed.to(device))


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
