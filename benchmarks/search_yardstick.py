"""Measure how near the search comes to real voices, against a plain genetic search without a model.

Each voice, its transpose set to 24 (none), plays note 60 at velocity 100, held for 1.5 s, from its
own bytes; the note is given to the search. The distance is the mean absolute difference of log-mel
spectrograms in dB (128 bands, 25 ms Hamming window, 20 ms hop, 80 dB below the peak), plus what
energy below 20 Hz costs, as in every search (``unsynth.metrics.subsonic``).

The search starts from the nearest draws of the task's index. All its renders count, including these
draws and the posterior samples. The plain genetic search starts from the nearest 64 of 6,000 draws
of the prior, whose renders are *not* counted; see ``studies/plain_searches.py``.

    python benchmarks/search_yardstick.py --banks FOLDER --voices 0 16 --limit 10
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32

from unsynth.audio.mel import MelSettings, log_mel
from unsynth.formats.syx import Voice, read_syx
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import load_index
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Candidate, Target
from unsynth.search.judge import Judge
from unsynth.search.search import search
from unsynth.search.space import Space
from unsynth.studies.plain_searches import PARENTS, genetic
from unsynth.synths.base import Note
from unsynth.synths.dx7 import DX7
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.locks import Locks

NOTE = Note(60, onset=0.0, duration=1.5, velocity=100)
LOCKED = {"note.pitch": 60.0, "note.onset": 0.0, "note.duration": 1.5}
MEL = MelSettings(bands=128, window=1102, hop=882, shape="hamming")
#: Byte of a voice that holds its transpose; 24 is none.
TRANSPOSE = 144
#: Draws that the genetic search starts from the best of.
DRAWS = 6_000
#: Draws of the index that the search starts from.
NEAREST = 96
#: Numbers of renders after which the distance is printed.
MARKS = (512, 1_024, 2_048, 4_096)


def spectrogram(audio: Float32[np.ndarray, "1 samples"]) -> Float32[np.ndarray, "bands frames"]:
    return log_mel(audio, MEL)[0]


class Distance:
    def __init__(self, target: Float32[np.ndarray, "1 samples"]) -> None:
        self._target = spectrogram(target)

    def __call__(
        self, estimates: Float32[np.ndarray, "items 1 samples"]
    ) -> Float[np.ndarray, " items"]:
        return np.array([np.abs(spectrogram(e) - self._target).mean() for e in estimates])


def run_search(
    target: Target,
    prepared: tuple[DrawIndex, Posterior],
    judge: Judge,
    renders: int,
    rng: np.random.Generator,
    gains: Counter,
) -> None:
    index, posterior = prepared
    pitches = np.array([NOTE.pitch])
    near = index.nearest(target.audio, 44_100, NOTE.onset, NOTE.duration, pitches, NEAREST)
    start = list(judge([(patch, "index") for patch in near]))
    remaining, before = renders - judge.renders, min(candidate.score for candidate in start)
    for step in search(
        index.task,
        target,
        judge,
        start,
        rng,
        posterior=posterior,
        locks=Locks(index.task, LOCKED),
        renders=remaining,
    ):
        best = min([before, *(candidate.score for candidate in step.candidates)])
        gains[f"{step.move} dB"] += before - best
        gains[f"{step.move} renders"] += len(step.candidates)
        before = best


def curve(judge: Judge, start: float, marks: Sequence[int]) -> list[float]:
    """Return the least distance after each number of renders."""
    points = [(point.renders, point.score) for point in judge.history]
    return [min([start, *(s for renders, s in points if renders <= mark)]) for mark in marks]


def nearest_draws(
    targets: Sequence[Float32[np.ndarray, "1 samples"]], renderer: Renderer, seed: int
) -> list[list[Candidate]]:
    """Find the nearest 64 of 6,000 draws for each target."""
    task, rng = DX7Task(), np.random.default_rng(seed)
    spectrograms = np.stack([spectrogram(audio) for audio in targets])
    patches = [task.with_note(task.sample(rng), NOTE) for _ in range(DRAWS)]
    sounds = renderer.render((task.engine_patch(patch), NOTE) for patch in patches)
    rows = []
    with ThreadPoolExecutor(renderer.workers) as pool:
        for row in pool.map(
            lambda s: np.abs(spectrogram(s) - spectrograms).mean(axis=(1, 2)), sounds
        ):
            rows.append(row)
    scores = np.stack(rows)
    no_audio = np.zeros((1, 0), dtype=np.float32)
    return [
        [
            Candidate(patches[i], no_audio, float(column[i]), "prior")
            for i in column.argsort()[:PARENTS]
        ]
        for column in scores.T
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--banks", type=Path, required=True, help="Folder of .syx banks.")
    parser.add_argument(
        "--voices",
        type=int,
        nargs="+",
        default=[0, 16],
        help="Numbers of voices in each bank, from 0.",
    )
    parser.add_argument("--limit", type=int, default=10, help="Number of voices in all, at most.")
    parser.add_argument("--renders", type=int, default=MARKS[-1])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=["search", "genetic"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)

    voices: list[tuple[str, Voice]] = []
    for path in sorted(arguments.banks.glob("*.syx")):
        bank = read_syx(path.read_bytes()).voices
        voices += [(f"{path.stem}/{number}", bank[number].copy()) for number in arguments.voices]
    voices = voices[: arguments.limit]
    task, synth = DX7Task(), DX7()
    space = Space(task, Locks(task, LOCKED))
    for _, voice in voices:
        voice[TRANSPOSE] = 24
    sounds = [synth.render(voice, NOTE) for _, voice in voices]
    prepared = load_index(task), load_posterior(task)
    marks = [mark for mark in MARKS if mark <= arguments.renders]
    print("renders", *marks)
    with Renderer(DX7) as renderer:
        if arguments.only != "search":
            starts = nearest_draws(sounds, renderer, arguments.seed)
            nearest = np.array([start[0].score for start in starts])
            print(f"nearest of {DRAWS} draws {nearest.mean():.2f}", flush=True)
        for method in ("genetic", "search"):
            if arguments.only not in (None, method):
                continue
            curves, gains = [], Counter()
            wall, cpu = time.perf_counter(), time.process_time()
            for number, ((name, _), audio) in enumerate(zip(voices, sounds, strict=True)):
                target, rng = Target(name, audio, 44_100), np.random.default_rng(arguments.seed)
                start = np.inf
                with closing(Judge(task, target, renderer, Distance(audio))) as judge:
                    if method == "search":
                        run_search(target, prepared, judge, arguments.renders, rng, gains)
                    else:
                        start = starts[number][0].score
                        genetic(space, starts[number], judge, arguments.renders, rng)
                curves.append(curve(judge, start, marks))
                print(
                    f"{method:8} {name:16}", *(f"{score:5.2f}" for score in curves[-1]), flush=True
                )
            rendered = arguments.renders * len(voices)
            print(
                f"{method:8} {'mean':16}", *(f"{score:5.2f}" for score in np.mean(curves, axis=0))
            )
            print(f"{method:8} {'median':16}", *(f"{s:5.2f}" for s in np.median(curves, axis=0)))
            print(
                f"{rendered / (time.perf_counter() - wall):.0f} renders per second, "
                f"{1000 * (time.process_time() - cpu) / rendered:.1f} ms of CPU each"
            )
            for key, gain in sorted(gains.items()):
                print(f"  {key:22} {gain:.2f}")


if __name__ == "__main__":
    main()
