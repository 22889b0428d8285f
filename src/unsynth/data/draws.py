"""Draws of a task's prior that can be heard.

A draw too quiet to hear says nothing about its patch, so the next one of the same stream takes
its place. Whether a draw is heard depends on its sound alone: patches that sound equal are kept
or rejected together, and the prior stays invariant.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float, Float32

from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.tasks.task import Task

#: RMS of the loudest 50 ms below which a sound counts as silent, in dB below full scale.
SILENCE_DB = -60.0
_ATTEMPTS = 100


def audible(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> bool:
    """Say whether the loudest 50 ms reach -60 dB below full scale."""
    frame = max(1, sample_rate // 20)
    usable = audio[:, : audio.shape[1] // frame * frame]
    power = np.square(usable, dtype=np.float64).reshape(len(audio), -1, frame).mean(axis=(0, 2))
    return power.size > 0 and bool(10.0 * np.log10(power.max() + 1e-20) >= SILENCE_DB)


def audible_draws(
    task: Task, renderer: Renderer, split: Split, items: Iterable[int], seed: int = 0
) -> Iterator[tuple[Float[np.ndarray, " parameters"], Float32[np.ndarray, "channels samples"]]]:
    """Yield each item's patch and sound, in order: the first draw of its stream that is heard.

    Raises :class:`EngineError` where an item gives no sound in 100 draws.
    """
    items = list(items)
    streams = [item_rng(task.name, split, item, seed) for item in items]
    first = [task.sample(rng) for rng in streams]
    sounds = renderer.render((task.engine_patch(p), task.note(p)) for p in first)
    for item, rng, patch, sound in zip(items, streams, first, sounds, strict=True):
        for _ in range(_ATTEMPTS):
            if not isinstance(sound, RenderFailure) and audible(sound, renderer.sample_rate):
                break
            patch = task.sample(rng)
            sound = next(renderer.render([(task.engine_patch(patch), task.note(patch))]))
        else:
            raise EngineError(f"item {item}: no draw of task {task.name} gave a sound")
        yield patch, sound
