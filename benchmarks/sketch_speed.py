"""How many sounds a second can a model of the DX7 be trained on, sketched or rendered?

One thread each, in turns, so that a busy machine is as busy for both; what the model sees of each
sound is counted in. Prints medians of the turns.

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
    parser.add_argument("--sounds", type=int, default=128, help="of a turn")
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
        # In the first turn, which is left out, loops are compiled.
        for turn in range(-1, arguments.turns):
            for name, groups in ways.items():
                began = time.perf_counter()
                next(groups([turn + 1]))
                if turn >= 0:
                    seconds[name].append(time.perf_counter() - began)
    first = median(seconds["sketched, windows"])
    for name, each in seconds.items():
        rate = arguments.sounds / median(each)
        print(f"{name:18} {rate:6.0f} sounds a second, {median(each) / first:.1f} times the time")


if __name__ == "__main__":
    main()
