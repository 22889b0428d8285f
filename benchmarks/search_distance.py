"""Measure how fast the search's distance is, and whether it ranks candidates as the metrics do.

For each sound, candidates are the nearest draws of the task's index and as many plain draws of the
prior, on the same note. Prints medians over sounds of Spearman's rank correlation between each
distance and each of the four metrics (RMS with its sign reversed), over all candidates and over the
nearer half. Then prints the cost of a distance and of a render, and renders per second of the loop.

    python benchmarks/search_distance.py --sounds FOLDER
"""

import argparse
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from unsynth.audio.files import read_sound
from unsynth.conventions import SECONDS
from unsynth.data.external import sound_files
from unsynth.index.files import load_index
from unsynth.matching.note import estimate_note
from unsynth.metrics.audio import MultiScaleSpectral, audio_metrics
from unsynth.metrics.fast import FastSpectral
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Target
from unsynth.search.judge import Judge
from unsynth.search.search import search
from unsynth.tasks.catalogue import load_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=8, help="Number of sounds, spread over all.")
    parser.add_argument(
        "--candidates", type=int, default=24, help="Number of nearest draws, and of plain draws."
    )
    parser.add_argument("--renders", type=int, default=600, help="Renders of the timed loop.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    task, rng = load_task("dx7"), np.random.default_rng(0)
    index, rate = load_index(task), task.synth().sample_rate
    files = sound_files([arguments.sounds]).files
    chosen = np.linspace(0, len(files) - 1, min(arguments.limit, len(files))).astype(int)
    audio_metrics(*np.zeros((2, 1, 4_096), np.float32))  # Compiles it.
    distances = {"fast": FastSpectral, "MSS": MultiScaleSpectral}
    correlations: dict[tuple[str, str], list[list[float]]] = {}
    cpu = dict.fromkeys([*distances, "render"], 0.0)
    count = 0
    with Renderer(task.synth) as renderer:
        for number in chosen:
            audio, _ = read_sound(files[number].path, rate, 1, SECONDS, 1.0)
            estimate = estimate_note(audio, rate, task)
            near = list(
                index.nearest(
                    *(audio, rate, estimate.onset, estimate.durations[0]),
                    *(estimate.pitches, arguments.candidates),
                )
            )
            note = task.note(near[0])
            patches = near + [task.with_note(task.sample(rng), note) for _ in near]
            start = time.process_time()
            sounds = list(renderer.render((task.engine_patch(p), task.note(p)) for p in patches))
            cpu["render"] += time.process_time() - start
            count += len(sounds)
            metrics = np.array([audio_metrics(audio, sound, rate) for sound in sounds])
            metrics[:, 3] *= -1.0
            for name, make in distances.items():
                distance, start = make(audio, rate), time.process_time()
                scores = distance(np.stack(sounds))
                cpu[name] += time.process_time() - start
                half = scores.argsort()[: len(scores) // 2]
                for which, taken in (("all", slice(None)), ("nearer half", half)):
                    row = [spearmanr(scores[taken], m[taken]).statistic for m in metrics.T]
                    correlations.setdefault((name, which), []).append(row)
        print(f"{len(chosen)} sounds, {count} candidates; rank correlation with")
        print(f"{'':18}   MSS wMFCC   SOT   RMS")
        for (name, which), rows in correlations.items():
            medians = " ".join(f"{value:5.2f}" for value in np.median(rows, axis=0))
            print(f"{name:5} {which:12} {medians}")
        for name, seconds in cpu.items():
            print(f"{name}: {1000 * seconds / count:.2f} ms of CPU")
        target, distance = Target("", audio, rate), FastSpectral(audio, rate)
        with closing(Judge(task, target, renderer, distance)) as judge:
            first = list(judge([(patch, "index") for patch in near]))
            wall, cpu_start = time.perf_counter(), time.process_time()
            for _ in search(task, target, judge, first, rng, renders=arguments.renders):
                pass
            wall, used = time.perf_counter() - wall, time.process_time() - cpu_start
        print(
            f"the loop, all included: {arguments.renders / wall:.0f} renders per second, "
            f"{1000 * used / arguments.renders:.1f} ms of CPU each, {used / wall:.2f} cores"
        )


if __name__ == "__main__":
    main()
