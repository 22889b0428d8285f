"""Measure how many sounds per second a DX7 model can train on, sketched or rendered.

Each way uses one thread. The ways take turns, so that other load on the machine slows all of them
alike. The time includes the observation that the model sees. Prints medians over turns.

    python benchmarks/sketch_speed.py
"""

import argparse
import time
from statistics import median

import torch

from unsynth.audio.observation import Observation
from unsynth.data.groups import RenderedGroups, SketchedGroups
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.dx7.task import DX7Task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sounds", type=int, default=128, help="Sounds per turn.")
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = DX7Task()
    with Renderer(task.synth, workers=1) as renderer:
        ways = {
            "sketched, windows": SketchedGroups(sketch_of(task), arguments.sounds),
            "rendered, windows": RenderedGroups(
                task, renderer, Observation.WINDOWS, arguments.sounds
            ),
            "rendered, note": RenderedGroups(task, renderer, Observation.NOTE, arguments.sounds),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        # Turn -1 compiles the loops and is not measured.
        for turn in range(-1, arguments.turns):
            for name, groups in ways.items():
                start = time.perf_counter()
                next(groups([turn + 1]))
                if turn >= 0:
                    seconds[name].append(time.perf_counter() - start)
    sketch_seconds = median(seconds["sketched, windows"])
    for name, turns in seconds.items():
        rate, factor = arguments.sounds / median(turns), median(turns) / sketch_seconds
        print(f"{name:18} {rate:6.0f} sounds per second, {factor:.1f} times the time")


if __name__ == "__main__":
    main()
