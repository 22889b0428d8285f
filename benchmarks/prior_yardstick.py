"""Measure how near blind draws come to real voices: draws from the prior, and uniform values.

A voice from a bank plays note 60 at velocity 100, held for 1.5 s, for 4 s, from its own bytes;
draws play the same note. The distance of two sounds is the mean absolute difference of their
log-mel spectrograms in dB (128 bands, 25 ms Hamming window, 20 ms hop, 80 dB below the peak).
Prints the mean, median and 90th percentile, over voices, of the distance to the nearest of n draws,
with a 95 % bootstrap interval of the mean. For small n, each voice's distance is the mean over as
many disjoint sets of draws as there are, at most 32.

    python benchmarks/prior_yardstick.py --banks FOLDER --from SynprezFM_18
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from unsynth.audio.mel import MelSettings, log_mel
from unsynth.formats.syx import Voice, read_syx
from unsynth.synths.base import Note
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.parameter import Categorical

NOTE = Note(60, onset=0.0, duration=1.5, velocity=100)
MEL = MelSettings(bands=128, window=1102, hop=882, shape="hamming")
#: Byte of a voice that holds its transpose; 24 is none.
TRANSPOSE = 144
#: Draws to render at a time.
CHUNK = 250


def main() -> None:
    arguments = _arguments()
    task = DX7Task()
    rng = np.random.default_rng(arguments.seed)
    voices = _voices(arguments)
    print(f"{len(voices)} voices, {arguments.draws} draws, seed {arguments.seed}")
    targets = _spectrograms(task, voices)
    report("two voices", _pairs(targets))
    sources = {"uniform": lambda: _uniform(task, rng), "prior": lambda: task.sample(rng)}
    sizes = sorted({n for n in (16, 256, arguments.draws) if n <= arguments.draws})
    for name, draw in sources.items():
        distances = _distances(task, draw, arguments.draws, targets)
        for n in sizes:
            report(f"{name}, nearest of {n}", nearest(distances, n))


def report(label: str, distances: Float[np.ndarray, " voices"]) -> None:
    """Print one line; the interval resamples voices."""
    rng = np.random.default_rng(0)
    means = rng.choice(distances, (10_000, len(distances))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    print(
        f"{label:28} mean {distances.mean():5.2f} [{low:.2f}, {high:.2f}]"
        f"  median {np.median(distances):5.2f}  p90 {np.percentile(distances, 90):5.2f}",
        flush=True,
    )


def nearest(distances: Float[np.ndarray, "draws voices"], n: int) -> Float[np.ndarray, " voices"]:
    """Average the distance to the nearest of n draws over disjoint sets of n, at most 32."""
    sets = min(32, len(distances) // n)
    return distances[: sets * n].reshape(sets, n, -1).min(axis=1).mean(axis=0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--banks", type=Path, required=True, help="Folder of .syx banks.")
    parser.add_argument("--from", dest="first", default="SynprezFM_18", help="First bank, by name.")
    parser.add_argument(
        "--to", dest="last", default="", help="Last bank, by name; all if not given."
    )
    parser.add_argument(
        "--voices", type=int, default=136, help="Number of voices, spread over the banks."
    )
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--untransposed", action="store_true", help="Set the transpose of voices to 24 (none)."
    )
    return parser.parse_args()


def _voices(arguments: argparse.Namespace) -> list[Voice]:
    banks = [
        path
        for path in sorted(arguments.banks.glob("*.syx"))
        if arguments.first <= path.stem and (not arguments.last or path.stem <= arguments.last)
    ]
    voices = [voice for path in banks for voice in read_syx(path.read_bytes()).voices]
    if not voices:
        raise SystemExit(f"no voices in {arguments.banks} from {arguments.first} on")
    spread = np.linspace(0, len(voices) - 1, min(arguments.voices, len(voices))).round().astype(int)
    voices = [voices[i].copy() for i in spread]
    if arguments.untransposed:
        for voice in voices:
            voice[TRANSPOSE] = 24
    return voices


def _spectrograms(task: DX7Task, voices: list[Voice]) -> Float[torch.Tensor, "items cells"]:
    synth = task.synth()
    cells = [log_mel(synth.render(voice, NOTE), MEL).ravel() for voice in voices]
    return torch.from_numpy(np.stack(cells))


def _pairs(targets: Float[torch.Tensor, "voices cells"]) -> Float[np.ndarray, " voices"]:
    """Compute the mean distance of each voice to the others."""
    distances = torch.cdist(targets, targets, p=1) / targets.shape[1]
    return (distances.sum(dim=1) / (len(targets) - 1)).numpy()


def _distances(
    task: DX7Task,
    draw: Callable[[], Float[np.ndarray, " parameters"]],
    draws: int,
    targets: Float[torch.Tensor, "voices cells"],
) -> Float[np.ndarray, "draws voices"]:
    chunks = []
    for start in range(0, draws, CHUNK):
        patches = [task.with_note(draw(), NOTE) for _ in range(min(CHUNK, draws - start))]
        sounds = _spectrograms(task, [task.engine_patch(patch) for patch in patches])
        chunks.append(torch.cdist(sounds, targets, p=1) / targets.shape[1])
    return torch.cat(chunks).numpy()


def _uniform(task: DX7Task, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
    """Draw every parameter uniformly from its values."""
    values = [
        np.floor(rng.random() * p.width)
        if isinstance(p, Categorical)
        else p.decode(np.array([[2.0 * rng.random() - 1.0]]))[0]
        for p in task.spec.parameters
    ]
    return np.array(values)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
