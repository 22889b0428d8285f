"""Draws of a task's prior that can be heard.

A draw too quiet to hear says nothing about its patch, so the next one of the same stream takes
its place; so it is with a draw that the engine cannot render. Whether a draw is heard depends on
its sound alone: patches that sound equal are kept or rejected together, and the prior stays
invariant.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Float, Float32

from unsynth.audio.windows import NoteWindows, windows_loudness
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.sketches.sketch import Sketch, cut_notes
from unsynth.tasks.task import Task

#: Loudness below which a sound counts as silent.
SILENCE_DB = -60.0
_ATTEMPTS = 100
#: Notes that are sketched at a time: on a CPU few enough for a core's cache.
_SKETCHED, _SKETCHED_ELSEWHERE = 16, 1024


@dataclass(frozen=True)
class Rejected:
    """A draw that was not kept: the ``draw``-th of its item's stream, from 0, and why."""

    item: int
    draw: int
    patch: Float[np.ndarray, " parameters"]
    #: ``None`` if it is silent, else what the engine did.
    failure: str | None


@dataclass(frozen=True)
class Draw:
    """An item: its patch and sound, its loudness, and the draws before it."""

    patch: Float[np.ndarray, " parameters"]
    audio: Float32[np.ndarray, "channels samples"]
    loudness: float
    rejected: tuple[Rejected, ...]


def loudness(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> float:
    """Find the RMS of the loudest 50 ms, in dB below full scale; -200 without sound."""
    frame = max(1, sample_rate // 20)
    frames = audio[:, : audio.shape[1] // frame * frame].reshape(len(audio), -1, frame)
    power = np.einsum("cfs,cfs->f", frames, frames) / (len(audio) * frame)
    return float(10.0 * np.log10(power.max(initial=0.0) + 1e-20))


def audible(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> bool:
    """Say whether a sound's loudness reaches -60 dB."""
    return loudness(audio, sample_rate) >= SILENCE_DB


def draws(
    task: Task, renderer: Renderer, split: Split, items: Iterable[int], seed: int = 0
) -> Iterator[Draw]:
    """Yield each item, in order: the first draw of its stream that is heard.

    A draw that cost the engine's worker its life is rendered once more, by a new worker. Raises
    :class:`EngineError` where an item gives no sound in 100 draws.
    """
    items = list(items)
    streams = [item_rng(task.name, split, item, seed) for item in items]
    first = [task.sample(rng) for rng in streams]
    sounds = renderer.render((task.engine_patch(p), task.note(p)) for p in first)
    for item, rng, patch, sound in zip(items, streams, first, sounds, strict=True):
        rejected: list[Rejected] = []
        for draw in range(_ATTEMPTS):
            if draw:
                patch = task.sample(rng)
                sound = _render(task, renderer, patch)
            if isinstance(sound, RenderFailure) and sound.worker_lost:
                sound = _render(task, renderer, patch)
            if isinstance(sound, RenderFailure):
                rejected.append(Rejected(item, draw, patch, sound.reason))
                continue
            level = loudness(sound, renderer.sample_rate)
            if level >= SILENCE_DB:
                yield Draw(patch, sound, level, tuple(rejected))
                break
            rejected.append(Rejected(item, draw, patch, None))
        else:
            reasons = {r.failure for r in rejected if r.failure}
            last = f"; the engine says: {sorted(reasons)[0]}" if reasons else ""
            raise EngineError(f"item {item}: no draw of task {task.name} gave a sound{last}")


def sketched_draws(
    sketch: Sketch,
    split: Split,
    items: Iterable[int],
    seed: int = 0,
    device: str = "cpu",
) -> Iterator[tuple[Float[np.ndarray, "some parameters"], NoteWindows]]:
    """Yield items' patches and windows of their sounds, some at a time, sketched on a device.

    They are the draws that :func:`draws` finds, but where one is about as loud as what counts as
    silent. Raises :class:`EngineError` where an item gives no sound in 100 draws.
    """
    task = sketch.task
    for some in _batched(items, _SKETCHED if device == "cpu" else _SKETCHED_ELSEWHERE):
        streams = [item_rng(task.name, split, item, seed) for item in some]
        patches = np.stack([task.sample(rng) for rng in streams])
        windows = cut_notes(sketch, list(patches), device)
        for _ in range(_ATTEMPTS):
            silent = (windows_loudness(windows, task.sample_rate) < SILENCE_DB).nonzero()[:, 0]
            if not len(silent):
                break
            places = silent.tolist()
            patches[places] = [task.sample(streams[place]) for place in places]
            again = cut_notes(sketch, list(patches[places]), device)
            windows.long[silent], windows.short[silent] = again
        else:
            raise EngineError(f"item {some[places[0]]}: no draw of task {task.name} gave a sound")
        yield patches, windows


def audible_draws(
    task: Task, renderer: Renderer, split: Split, items: Iterable[int], seed: int = 0
) -> Iterator[tuple[Float[np.ndarray, " parameters"], Float32[np.ndarray, "channels samples"]]]:
    """Yield each item's patch and sound, as :func:`draws` finds them."""
    for draw in draws(task, renderer, split, items, seed):
        yield draw.patch, draw.audio


def _batched(items: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    """As ``itertools.batched`` of Python 3.12."""
    items = iter(items)
    while some := tuple(islice(items, size)):
        yield some


def _render(
    task: Task, renderer: Renderer, patch: Float[np.ndarray, " parameters"]
) -> Float32[np.ndarray, "channels samples"] | RenderFailure:
    return next(renderer.render([(task.engine_patch(patch), task.note(patch))]))
