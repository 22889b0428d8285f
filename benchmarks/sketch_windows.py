"""Measure how near sketched windows of notes are to the engine's, and the cost of a step.

The notes are draws of the prior and, with ``--banks`` for the DX7, the second and the eighteenth
voice of each bank (note 60 for 1.5 s). Those that cannot be heard are left out. Each note has a
window every 0.1 s of its 4 s. The difference is the mean absolute difference of 64 mel bands in dB,
down to 80 dB below the loudest cell of the note.

    python benchmarks/sketch_windows.py dx7 --draws 150 --banks FOLDER
    python benchmarks/sketch_windows.py vital-simple --draws 150
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from unsynth.audio.mel import mel_basis
from unsynth.data.draws import audible
from unsynth.formats.syx import read_syx
from unsynth.rendering.renderer import cores
from unsynth.search.downhill import Downhill
from unsynth.search.space import Space
from unsynth.sketches.catalogue import sketch_of
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task

#: Samples per window.
SAMPLES = 1024
#: Mel bands.
BANDS = 64
#: Samples from the start of a window to that of the next.
HOP = 4410
NOTE = Note(60, onset=0.0, duration=1.5)


def levels(windows: Float[torch.Tensor, "windows samples"]) -> Float[np.ndarray, "windows bands"]:
    """Return the decibels of windows' mel bands, relative to the loudest cell."""
    basis = torch.from_numpy(mel_basis(44_100, SAMPLES, BANDS)).T
    power = torch.fft.rfft(windows * torch.hann_window(SAMPLES)).abs().square() @ basis
    decibels = 10.0 * power.clamp_min(1e-12).log10()
    return (decibels - decibels.max()).clamp_min(-80.0).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["dx7", "vital-simple"])
    parser.add_argument("--draws", type=int, default=150)
    parser.add_argument("--banks", type=Path, help="Folder of .syx banks.")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if arguments.banks and arguments.task != "dx7":
        parser.error("--banks is for the DX7")
    task, rng = load_task(arguments.task), np.random.default_rng(arguments.seed)
    sketch = sketch_of(task)
    assert sketch is not None
    synth, starts = task.synth(), torch.arange(0, 4 * 44_100 - SAMPLES, HOP)
    groups = {"draws": [task.sample(rng) for _ in range(arguments.draws)]}
    if arguments.banks:
        banks = [
            read_syx(path.read_bytes()).voices for path in sorted(arguments.banks.glob("*.syx"))
        ]
        voices = [bank[number].copy() for bank in banks for number in (1, 17)]
        for voice in voices:
            voice[144] = 24  # no transposition
        groups["voices"] = [task.from_voice(voice, NOTE) for voice in voices]
    for name, patches in groups.items():
        differences = []
        for patch in patches:
            rendered = synth.render(task.engine_patch(patch), task.note(patch))
            if not audible(rendered, synth.sample_rate):
                continue
            sound = torch.from_numpy(rendered.mean(axis=0))
            engine = levels(torch.stack([sound[s : s + SAMPLES] for s in starts.tolist()]))
            windows = sketch.windows([patch], SAMPLES)
            values = torch.tensor(patch[sketch.fitted][None], dtype=torch.float32)
            differences.append(float(np.abs(levels(windows(values, starts)[0]) - engine).mean()))
        print(
            f"{name}: {len(differences)} of {len(patches)} notes can be heard, dB from the engine: "
            f"median {np.median(differences):.2f}, mean {np.mean(differences):.2f}"
        )

    patch = task.with_note(task.sample(rng), NOTE)
    audio = synth.render(task.engine_patch(patch), NOTE)
    downhill = Downhill(Space(task), sketch, audio, ThreadPoolExecutor(cores()))
    count, steps = 8 * cores(), 50  # as many patches as keep all cores busy
    variants = [task.with_note(task.sample(rng), NOTE) for _ in range(count)]
    downhill.fit(variants, 5, rng)  # compiles the loops
    start = time.perf_counter()
    downhill.fit(variants, steps, rng)
    step = (time.perf_counter() - start) / steps / len(variants)
    start = time.perf_counter()
    for variant in variants:
        synth.render(task.engine_patch(variant), NOTE)
    render = (time.perf_counter() - start) / len(variants)
    print(
        f"a step downhill of {count} patches on {cores()} cores {1000 * step:.2f} ms per patch, "
        f"a render on one {1000 * render:.2f} ms"
    )


if __name__ == "__main__":
    main()
