"""Measure whether the memory of a batch grows from sound to sound.

    python benchmarks/batch_memory.py --sounds 200

Each sound is a held-out draw of the DX7, matched with few renders. The script prints the memory of
the one process of `unsynth match` (its resident size, in MB) after every tenth of the sounds, and
the growth per sound over the second half, by least squares. On Windows the process that is measured
is Python's launcher, so the numbers say nothing there.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from unsynth.audio.files import write_wav
from unsynth.data.seeding import Split, item_rng
from unsynth.tasks.catalogue import load_task

#: Few, but enough that the search has some after the starting patches.
RENDERS = 120


def write_sounds(folder: Path, count: int) -> list[Path]:
    """Write held-out draws of the DX7's prior."""
    task = load_task("dx7")
    synth = task.synth()
    files = []
    for item in range(count):
        patch = task.sample(item_rng(task.name, Split.TEST, item))
        files.append(folder / f"{item:04d}.wav")
        write_wav(
            files[-1], synth.render(task.engine_patch(patch), task.note(patch)), task.sample_rate
        )
    return files


def watch(command: list[str], out: Path) -> list[tuple[int, float]]:
    """Run a command; return the finished sounds and the memory in MB, twice per second."""
    seen: list[tuple[int, float]] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        child = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                memory = child.memory_info().rss * 1e-6
            except psutil.NoSuchProcess:
                break
            if memory == 0:  # it has ended, and waits for its parent
                break
            seen.append((len(list(out.glob("*/patch.json"))), memory))
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"unsynth match ended with exit code {process.returncode}")
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.sounds < 20:
        parser.error("--sounds: 20 or more")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        files = write_sounds(Path(folder), arguments.sounds)
        command = [sys.executable, "-m", "unsynth", "match", *map(str, files), "--out", str(out)]
        command += ["--renders", str(RENDERS), "--keep", "1"]
        done, memory = np.array(watch(command, out)).T
    for k in range(1, 11):
        mark = round(k * arguments.sounds / 10)
        print(f"after {mark} sounds: {memory[done <= mark][-1]:.0f} MB")
    print(f"peak: {memory.max():.0f} MB")
    half = done >= arguments.sounds / 2
    slope = np.polyfit(done[half], memory[half], 1)[0]
    print(f"growth per sound over the second half: {slope:+.2f} MB")


if __name__ == "__main__":
    main()
