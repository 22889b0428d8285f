"""Audible draws of a task's prior as sketches, without its engine."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from jaxtyping import Float

from unsynth.audio.window_levels import NoteWindows, windows_loudness
from unsynth.data.draws import ATTEMPTS, SILENCE_DB, no_sound
from unsynth.data.seeding import Split, item_rng
from unsynth.sketches.sketch import Sketch, cut_notes

#: Notes that are sketched at a time on a CPU: few enough for a core's cache.
_CPU_NOTES = 16
#: Notes that are sketched at a time on another device: enough to keep it busy.
_GPU_NOTES = 1024


def sketched_draws(
    sketch: Sketch,
    split: Split,
    items: Iterable[int],
    seed: int = 0,
    device: str = "cpu",
) -> Iterator[tuple[Float[np.ndarray, "some parameters"], NoteWindows]]:
    """Yield patches of items and windows of their sounds, sketched on a device, some at a time.

    These are the draws that :func:`~unsynth.data.draws.draws` yields, except for items with a draw
    close to the limit of silence. Raises :class:`EngineError` if none of an item's first 100 draws
    is audible.
    """
    task = sketch.task
    for some in _batched(items, _CPU_NOTES if device == "cpu" else _GPU_NOTES):
        streams = [item_rng(task.name, split, item, seed) for item in some]
        patches = np.stack([task.sample(rng) for rng in streams])
        windows = cut_notes(sketch, list(patches), device)
        for _ in range(ATTEMPTS):
            silent = (windows_loudness(windows, task.sample_rate) < SILENCE_DB).nonzero()[:, 0]
            if not len(silent):
                break
            places = silent.tolist()
            patches[places] = [task.sample(streams[place]) for place in places]
            again = cut_notes(sketch, list(patches[places]), device)
            windows.long[silent], windows.short[silent] = again
        else:
            raise no_sound(task, some[places[0]])
        yield patches, windows


def _batched(items: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    """Cut items into tuples of ``size``, as ``itertools.batched`` of Python 3.12 does."""
    items = iter(items)
    while some := tuple(islice(items, size)):
        yield some
