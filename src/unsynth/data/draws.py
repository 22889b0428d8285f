"""Audible draws of a task's prior.

A draw too quiet to hear says nothing about its patch, so the next draw of the same stream takes
its place; the same holds for a draw that the engine cannot render. Whether a draw is kept depends
on its sound alone: patches that sound equal are kept or rejected together, and the prior stays
invariant.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from unsynth.audio.windows import KeyOn
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.tasks.task import Task

#: Loudness below which a sound counts as silent, in dB below full scale.
SILENCE_DB = -60.0
#: Draws of an item's stream before the task is taken to give no sound.
ATTEMPTS = 100


@dataclass(frozen=True)
class Rejection:
    """A draw that was not kept: number ``draw``, from 0, of its item's stream."""

    item: int
    draw: int
    patch: Float[np.ndarray, " parameters"]
    #: The engine's failure; ``None`` for a silent draw.
    failure: str | None


@dataclass(frozen=True)
class Draw:
    """An item: its patch, its sound and the sound's loudness in dB, and the draws before it."""

    patch: Float[np.ndarray, " parameters"]
    audio: Float32[np.ndarray, "channels samples"]
    loudness: float
    rejections: tuple[Rejection, ...]


def loudness(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> float:
    """Compute the RMS of the loudest 50 ms, in dB below full scale; -200 for no sound.

    A shorter sound is one frame.
    """
    frame = max(1, min(sample_rate // 20, audio.shape[1]))
    frames = audio[:, : audio.shape[1] // frame * frame].reshape(len(audio), -1, frame)
    power = np.einsum("cfs,cfs->f", frames, frames) / (len(audio) * frame)
    return float(10.0 * np.log10(power.max(initial=0.0) + 1e-20))


def audible(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> bool:
    """Say whether a sound's loudness reaches -60 dB."""
    return loudness(audio, sample_rate) >= SILENCE_DB


def key_on(task: Task, patch: Float[np.ndarray, " parameters"]) -> KeyOn:
    """Read out of a patch which key is pressed, and when."""
    note = task.note(patch)
    return KeyOn(note.pitch, note.onset)


def draws(
    task: Task, renderer: Renderer, split: Split, items: Iterable[int], seed: int = 0
) -> Iterator[Draw]:
    """Yield each item, in order: the first audible draw of its stream.

    A draw that costs the engine its worker is rendered once more, by a new worker. Raises
    :class:`EngineError` if none of an item's first 100 draws is audible.
    """
    items = list(items)
    streams = [item_rng(task.name, split, item, seed) for item in items]
    first = [task.sample(rng) for rng in streams]
    sounds = renderer.render((task.engine_patch(p), task.note(p)) for p in first)
    for item, rng, patch, sound in zip(items, streams, first, sounds, strict=True):
        rejections: list[Rejection] = []
        for draw in range(ATTEMPTS):
            if draw:
                patch = task.sample(rng)
                sound = _render(task, renderer, patch)
            if isinstance(sound, RenderFailure) and sound.worker_lost:
                sound = _render(task, renderer, patch)
            if isinstance(sound, RenderFailure):
                rejections.append(Rejection(item, draw, patch, sound.reason))
                continue
            level = loudness(sound, renderer.sample_rate)
            if level >= SILENCE_DB:
                yield Draw(patch, sound, level, tuple(rejections))
                break
            rejections.append(Rejection(item, draw, patch, None))
        else:
            reasons = sorted({each.failure for each in rejections if each.failure})
            raise no_sound(task, item, f"; the engine says: {reasons[0]}" if reasons else "")


def audible_draws(
    task: Task, renderer: Renderer, split: Split, items: Iterable[int], seed: int = 0
) -> Iterator[tuple[Float[np.ndarray, " parameters"], Float32[np.ndarray, "channels samples"]]]:
    """Yield each item's patch and sound, as :func:`draws` does."""
    for draw in draws(task, renderer, split, items, seed):
        yield draw.patch, draw.audio


def no_sound(task: Task, item: int, reason: str = "") -> EngineError:
    """Make the error of an item whose draws are all silent."""
    return EngineError(f"item {item}: no draw of task {task.name} gave a sound{reason}")


def _render(
    task: Task, renderer: Renderer, patch: Float[np.ndarray, " parameters"]
) -> Float32[np.ndarray, "channels samples"] | RenderFailure:
    return next(renderer.render([(task.engine_patch(patch), task.note(patch))]))
