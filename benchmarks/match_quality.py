"""How near do matches come to folders of sounds and banks of voices?

    python benchmarks/match_quality.py --sounds ../shared/data/instruments \\
        --banks ../shared/data/dx7_cartridges --from SynprezFM_18 --voices 100
    python benchmarks/match_quality.py --task vital --sounds ../shared/data/instruments

Voices are rendered from their original bytes: note 60, velocity 100, held 1.5 s; the matcher does
not know the note. Sounds are named after their MIDI note, `piano_63.flac`. The script prints, with
95 % bootstrap intervals over targets, the MSS of the nearest patch and of the best of 16 random
draws on the true note, and the share of correct notes. Of the kept patches within 1.5 times the
best MSS it prints how many structures they have, and for the DX7 how many algorithms and how many
sets of frequencies of audible operators, where two sets differ if some operator is 60 cents off:
the median, and the share of targets with at least three.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
import torch

from unsynth.audio.files import read_sound
from unsynth.data.seeding import Split, item_rng
from unsynth.formats.syx import read_syx
from unsynth.index.files import load_index
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.targets import read_target
from unsynth.metrics.audio import mss
from unsynth.sketches.dx7.windows import DX7Windows
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.structure import number_structures
from unsynth.tasks.task import Task


def interval(values: np.ndarray) -> str:
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"


def operator_octaves(task: Task, patches: list[np.ndarray]) -> list[np.ndarray]:
    """Compute the frequencies of a DX7's audible operators, in octaves, in order."""
    octaves = DX7Windows(task.spec, patches, 128, "cpu").hz.log2().numpy()
    levels = [task.spec.position[f"op{number}.output_level"] for number in range(1, 7)]
    active = [task.active(patch)[levels] for patch in patches]
    return [np.sort(each[audible]) for each, audible in zip(octaves, active, strict=True)]


def count_different(sets: list[np.ndarray], octaves: float = 0.05) -> int:
    """Count sets, of which each differs from all before it by more than this somewhere."""
    different: list[np.ndarray] = []
    for each in sets:
        if not any(len(each) == len(o) and np.abs(each - o).max() <= octaves for o in different):
            different.append(each)
    return len(different)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="dx7")
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--banks", type=Path)
    parser.add_argument("--from", dest="first", default="")
    parser.add_argument("--voices", type=int, default=100)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--budget", type=float, default=20.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    task = load_task(arguments.task)
    if arguments.banks and task.name != "dx7":
        parser.error("--banks is for the DX7")
    index = load_index(task, arguments.index)
    matcher = Matcher(task, index)
    synth = task.synth()
    work = Path(tempfile.mkdtemp())

    sets: dict[str, list[tuple[Path, int]]] = {}
    if arguments.sounds:
        paths = sorted(arguments.sounds.glob("*_[0-9]*.*"))
        sets["sounds"] = [(path, int(path.stem.rsplit("_", 1)[1])) for path in paths]
    if arguments.banks:
        files = [p for p in sorted(arguments.banks.glob("*.syx")) if p.stem >= arguments.first]
        voices = [voice for path in files for voice in read_syx(path.read_bytes()).voices]
        chosen = np.linspace(0, len(voices) - 1, min(arguments.voices, len(voices))).astype(int)
        sets["voices"] = []
        for number in chosen:
            path = work / f"{number}.wav"
            sound = synth.render(voices[number], Note(60, 0.0, 1.5))
            soundfile.write(path, sound.T / 8, synth.sample_rate, subtype="FLOAT")
            sets["voices"].append((path, 60))

    for name, targets in sets.items():
        best, random, correct, octave, seconds = [], [], [], [], []
        variety: dict[str, list[int]] = defaultdict(list)
        for path, pitch in targets:
            request = Request(task, arguments.budget)
            *_, result = matcher.events(read_target(path, task), request)
            best.append(result.metrics[0].mss)
            limit = 1.5 * min(each.mss for each in result.metrics)
            kept = zip(result.candidates, result.metrics, strict=True)
            near = [candidate.patch for candidate, metrics in kept if metrics.mss <= limit]
            variety["structures"].append(max(number_structures(task, near)))
            if task.name == "dx7":
                algorithms = {patch[task.spec.position["algorithm"]] for patch in near}
                variety["algorithms"].append(len(algorithms))
                different = count_different(operator_octaves(task, near))
                variety["sets of frequencies"].append(different)
            note = task.note(result.candidates[0].patch)
            correct.append(note.pitch == pitch)
            octave.append(note.pitch % 12 == pitch % 12)
            seconds.append(result.seconds)
            target, _ = read_sound(path, synth.sample_rate, 1, 4.0, 1.0)
            true_note = Note(pitch, note.onset, note.duration)
            draws = [task.sample(item_rng(task.name, Split.RANDOM, i, 1)) for i in range(16)]
            sounds = [synth.render(task.engine_patch(d), true_note) for d in draws]
            random.append(min(mss(target, sound) for sound in sounds))
            print(f"{path.stem}: {best[-1]:.2f} (note {note.pitch}, {pitch} played)", flush=True)
        nearest = np.array(best)
        print(f"{name}, {len(targets)}: MSS of the nearest {interval(nearest)}", end="")
        print(f", median {np.median(nearest):.2f}")
        print(f"  best of 16 random draws on the true note {interval(np.array(random))}")
        print(f"  correct note {np.mean(correct):.0%}, correct up to octaves {np.mean(octave):.0%}")
        for kind, counts in variety.items():
            share = np.mean(np.array(counts) >= 3)
            print(f"  {kind} kept: median {np.median(counts):.0f}, at least 3 for {share:.0%}")
        print(f"  median {np.median(seconds):.1f} s per match")


if __name__ == "__main__":
    main()
