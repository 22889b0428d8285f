"""Measure the cost of an experiment: build all of it, and take two steps on random data."""

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
from unsynth.training.precision import MIXED, usable_precision
from unsynth.training.train import build

#: Bytes per weight: the weight, its average, its gradient and Adam's two moments, all float32.
_BYTES_PER_WEIGHT = 5 * 4


def dry_run(experiment_path: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Count parameters, FLOPs per step (2 per multiply-add, forward and backward) and bytes.

    ``memory_bytes.activations`` is for one part of a step's batch, and ``memory_bytes.sounds`` for
    the observed sounds that the stream keeps for their next use, or that the loaders of a set hold.
    ``seconds_per_step`` is for a step without rendering; nothing is rendered or written. Raises
    :class:`ExperimentError` for a bad experiment file.
    """
    experiment = load_experiment(experiment_path, overrides)
    task = load_task(experiment.task)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = build(experiment, task).to(device)
    shape = experiment.model.observed_shape(task)
    data = experiment.data
    x0 = torch.randn(data.noises, data.batch, task.spec.width, device=device)
    batch = _random_batch(x0, shape)
    optimizer = module.configure_optimizers()["optimizer"]

    # The counter knows attention as plain products on every device, but not all fused kernels.
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):
        _step(module, optimizer, batch)
    start = time.perf_counter()
    activations = _step(module, optimizer, batch)
    seconds = time.perf_counter() - start
    model = module.model
    parameters = {name: _count(part) for name, part in model.named_children()}
    if isinstance(model, ConditionalFlow) and model.param2tok is not None:
        parameters["param2tok"] = _count(model.param2tok)
    parameters["total"] = _count(model)
    memory = {
        "weights": _BYTES_PER_WEIGHT * parameters["total"],
        "activations": activations,
        "sounds": _sounds_in_memory(experiment) * int(np.prod(shape)),
    }
    return {
        "task": f"{task.name} {task.hash}",
        "precision": usable_precision(experiment.training.precision),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "parameters": parameters,
        "flops_per_step": counter.get_total_flops(),
        "memory_bytes": memory | {"total": sum(memory.values())},
        "loss": module.last["loss"],
        "seconds_per_step": seconds,
    }


def _step(module: ModelTraining, optimizer: torch.optim.Optimizer, batch: Batch) -> int:
    """Take a step, part by part; return the bytes of the activations of one part."""
    settings = module.experiment.training
    mixed = usable_precision(settings.precision) == MIXED
    activations: dict[int, int] = {}
    optimizer.zero_grad()
    for number, part in enumerate(batch.parts(settings.accumulate)):
        activations.clear()  # those of the part before are free
        with (
            torch.autocast(module.device.type, torch.bfloat16, enabled=mixed),
            torch.autograd.graph.saved_tensors_hooks(
                lambda tensor: _record_size(tensor, activations), lambda tensor: tensor
            ),
        ):
            loss = module.training_step(part, number)
        loss.backward()
    module.configure_gradient_clipping(optimizer)
    optimizer.step()
    if module.device.type == "cuda":
        torch.cuda.synchronize()
    return sum(activations.values())


def _random_batch(x0: torch.Tensor, shape: tuple[int, ...]) -> Batch:
    """Draw a batch whose observed sounds have this shape."""
    x1 = torch.rand_like(x0[0]) * 2.0 - 1.0
    observed = torch.randint(0, 256, (len(x1), *shape), dtype=torch.uint8, device=x0.device)
    return Batch(0, x1, observed, x0)


def _record_size(tensor: torch.Tensor, activations: dict[int, int]) -> torch.Tensor:
    """Record the bytes of a saved activation by its address, so that views count once."""
    storage = tensor.untyped_storage()
    if not tensor.is_leaf:  # weights are leaves, and counted elsewhere
        activations[storage.data_ptr()] = storage.nbytes()
    return tensor


def _sounds_in_memory(experiment: Experiment) -> int:
    """Count the sounds between their first and last use, or those of two buffers per lane."""
    data = experiment.data
    if data.folder is not None:
        return 2 * data.batch // data.coupled * max(BUFFER, data.coupled)
    return ((data.uses - 1) * data.apart + 1) * data.batch // data.uses


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
