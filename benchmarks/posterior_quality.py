"""How good are the posterior's samples, beside the index and beside random draws?

    python benchmarks/posterior_quality.py --draws 200 \\
        --banks ../shared/data/dx7_cartridges --from SynprezFM_18 --voices 100 \\
        --sounds ../shared/data/instruments

Targets: held-out draws of the task (test split), people's voices from their original bytes (note
60, velocity 100, held 1.5 s) and recorded notes named after their MIDI note (`piano_63.flac`).
Nothing is told about a target's note. MSS, mono, with 95 % bootstrap intervals over targets, of:

- one sample, and the best of 16 samples, each as it is sampled, note included;
- the best of 16 random draws, each as it is drawn, note included;
- the nearest of the index: the best of its 64 nearest on the heard pitch, not re-timed;
- the best of those 64 and the 16 samples.

The share of right pitches is that of the best sample, and of the nearest of the index.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from unsynth.audio.files import read_sound
from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import pitch as hear_pitch
from unsynth.conventions import SAMPLE_RATE
from unsynth.data.draws import audible_draws
from unsynth.data.seeding import Split, item_rng
from unsynth.formats.syx import read_voices
from unsynth.inversion.posterior import Posterior, load_posterior
from unsynth.inversion.proposals import HELD, DrawIndex, load_index
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.tasks.task import Task, load_task

_ROWS = ("one sample", "best of 16", "best of 16 random", "nearest of index", "best of 16 + index")


def targets(task: Task, renderer: Renderer, arguments: argparse.Namespace) -> dict[str, list]:
    """Name -> (audio, MIDI pitch) of each target."""
    found: dict[str, list] = {}
    if arguments.draws:
        drawn = audible_draws(task, renderer, Split.TEST, range(arguments.draws))
        found["draws"] = [(audio, task.note(patch).pitch) for patch, audio in drawn]
    if arguments.banks:
        paths = [p for p in sorted(arguments.banks.glob("*.syx")) if p.stem >= arguments.first]
        voices = [voice for path in paths for voice in read_voices(path.read_bytes())]
        chosen = np.linspace(0, len(voices) - 1, min(arguments.voices, len(voices))).astype(int)
        sounds = renderer.render((voices[i], Note(60, 0.0, 1.5)) for i in chosen)
        found["voices"] = [(audio, 60) for audio in sounds]
    if arguments.sounds:
        paths = sorted(arguments.sounds.glob("*_[0-9]*.*"))
        found["sounds"] = [
            (read_sound(path, SAMPLE_RATE, 1, 4.0, 1.0)[0], int(path.stem.rsplit("_", 1)[1]))
            for path in paths
        ]
    return found


def scores(task: Task, renderer: Renderer, distance: MultiScaleSpectral, patches: list) -> list:
    """MSS of each patch; one that makes no sound counts as silence."""
    sounds = renderer.render((task.engine_patch(p), task.note(p)) for p in patches)
    silence = np.zeros((1, 176_400), dtype=np.float32)
    heard = [silence if isinstance(sound, RenderFailure) else sound for sound in sounds]
    return [float(distance(sound[None])[0]) for sound in heard]


def near(index: DrawIndex, audio: np.ndarray) -> list:
    """The 32 draws nearest to each reading of a target."""
    onset = first_onset(audio, SAMPLE_RATE)
    heard = hear_pitch(audio, SAMPLE_RATE, onset)
    pitches = np.arange(24, 97) if heard is None else np.array([round(heard)])
    found = []
    for duration in (note_end(audio, SAMPLE_RATE, onset), HELD):
        found += index.nearest(audio, SAMPLE_RATE, onset, duration, pitches, 32)
    return found


def measure(
    task: Task,
    renderer: Renderer,
    posterior: Posterior,
    index: DrawIndex,
    audio: np.ndarray,
    i: int,
) -> tuple[list[float], int, int]:
    """The five rows for one target, and the pitches of the best sample and of the nearest draw."""
    distance = MultiScaleSpectral(audio, SAMPLE_RATE)
    rng = np.random.default_rng(i)
    samples = list(posterior.sample(audio, 16, rng))
    sampled = scores(task, renderer, distance, samples)
    draws = [task.sample(item_rng(task.name, Split.RANDOM, 16 * i + k)) for k in range(16)]
    random = min(scores(task, renderer, distance, draws))
    nearest = near(index, audio)
    indexed = scores(task, renderer, distance, nearest)
    row = [sampled[0], min(sampled), random, min(indexed), min(*sampled, *indexed)]
    best, best_indexed = samples[int(np.argmin(sampled))], nearest[int(np.argmin(indexed))]
    return row, task.note(best).pitch, task.note(best_indexed).pitch


def interval(values: np.ndarray) -> str:
    """Mean with its 95 % bootstrap interval, and the median."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():6.2f} [{low:.2f}, {high:.2f}]  median {np.median(values):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--banks", type=Path)
    parser.add_argument("--from", dest="first", default="")
    parser.add_argument("--voices", type=int, default=100)
    parser.add_argument("--sounds", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task("dx7")
    posterior = load_posterior(task, arguments.model)
    index = load_index(task, arguments.index)
    with Renderer(task.synth) as renderer:
        for name, sounds in targets(task, renderer, arguments).items():
            rows, right = [], []
            for i, (audio, pitch) in enumerate(sounds):
                row, sampled, indexed = measure(task, renderer, posterior, index, audio, i)
                rows.append(row)
                right.append([sampled == pitch, indexed == pitch])
            table = np.array(rows)
            print(f"{name}, {len(sounds)} targets")
            for label, column in zip(_ROWS, table.T, strict=True):
                print(f"  {label:20s} {interval(column)}")
            gain = interval(table[:, 2] - table[:, 1])
            print(f"  best of 16 random less best of 16 {gain}")
            share, of_index = np.mean(right, axis=0)
            print(f"  right pitch: best sample {share:.0%}, index {of_index:.0%}", flush=True)


if __name__ == "__main__":
    main()
