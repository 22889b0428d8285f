"""Score Syntheon's Vital patches beside the answers of a study of searches.

    python3.9 -m venv SYNTHEON
    SYNTHEON/bin/pip install syntheon==0.1.0 "numpy<2"
    unsynth reproduce search vital-simple --dataset SOUNDS --targets 12 --renders 200 --out STUDY
    python benchmarks/syntheon.py STUDY --python SYNTHEON/bin/python

Syntheon (https://pypi.org/project/syntheon, MIT) is a network that estimates a wavetable and an
envelope of Vital from a sound. Its release asks for torch 1.12.1, so it runs in a Python of its
own. Each finished target of the study goes to it as a WAV file that begins with the note, since it
often fails on silence before it. Vital plays the patch that it writes on every note that the search
considered; the note with the least MSS counts. The script prints the metrics of the study per set,
with 95 % intervals over targets, and the difference of the search's MSS from Syntheon's, paired by
target.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import soundfile

from unsynth.evaluation.compare import mean_difference
from unsynth.evaluation.tables import Table, format_difference, format_interval, mean_interval
from unsynth.evaluation.targets import find_targets, load_target
from unsynth.matching.note import NoteEstimate, estimate_note
from unsynth.metrics.audio import METRICS, MultiScaleSpectral, audio_metrics
from unsynth.rendering.renderer import Renderer
from unsynth.studies.folder import read_json
from unsynth.studies.search import read_answer
from unsynth.synths.base import Note
from unsynth.synths.vital import Vital
from unsynth.tasks.catalogue import load_task

CODE = "import sys; from syntheon import infer_params; infer_params(sys.argv[1], 'vital')"


def run_syntheon(python: Path, audio: np.ndarray, sample_rate: int, work: Path) -> bytes | None:
    """Return the patch file that Syntheon writes; where it fails, print its error."""
    soundfile.write(work / "target.wav", audio.T, sample_rate, subtype="FLOAT")
    output = work / "vital_output.vital"
    output.unlink(missing_ok=True)
    command = [str(python), "-c", CODE, "target.wav"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode or not output.exists():
        print("  Syntheon failed:", done.stderr.strip().splitlines()[-1:], flush=True)
        return None
    return output.read_bytes()


def play(patch: bytes, estimate: NoteEstimate, seconds: float) -> Iterator[np.ndarray]:
    """Play the patch on each note that a search would consider."""
    synth = Vital()
    for pitch in estimate.pitches:
        for duration in estimate.durations:
            yield synth.render(patch, Note(int(pitch), estimate.onset, duration), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--python", type=Path, required=True)
    arguments = parser.parse_args()
    plan = read_json(arguments.study / "plan.json")
    task, work = load_task(plan["task"]), Path(tempfile.mkdtemp())
    python = arguments.python.absolute()
    rows = []
    with closing(Renderer(task.synth)) as renderer:
        rate = renderer.sample_rate
        for number, dataset in enumerate(plan["datasets"], start=1):
            targets = find_targets([dataset], task, plan["seed"])
            scores: list[dict[str, float]] = []
            search, seconds, failed = [], [], 0
            for path in sorted(arguments.study.glob(f"set{number}-*-search.json")):
                audio = load_target(targets, int(path.stem.split("-")[1]), renderer, rate).audio
                estimate, start = estimate_note(audio, rate, task), time.perf_counter()
                sound = audio[:, round(estimate.onset * rate) :]
                patch = run_syntheon(python, sound, rate, work)
                if patch is None:
                    failed += 1
                    continue
                seconds.append(time.perf_counter() - start)
                sounds = play(patch, estimate, audio.shape[-1] / rate)
                answer, mss = read_answer(path), MultiScaleSpectral(audio, rate)
                nearest = min(sounds, key=lambda each: mss(each[None])[0])
                scores.append(audio_metrics(audio, nearest, rate)._asdict())
                search.append(answer["mss"])
                found = f"{scores[-1]['mss']:.2f}, search {search[-1]:.2f}"
                print(f"{answer['target']}: MSS {found}", flush=True)
            row = [Path(dataset).name, str(len(scores)), str(failed)]
            if scores:
                columns = {m: np.array([each[m.name] for each in scores]) for m in METRICS}
                row += [format_interval(*mean_interval(x), m.digits) for m, x in columns.items()]
                distances = columns[METRICS[0]]
                row += [f"{np.median(distances):.2f}", f"{np.median(seconds):.0f}"]
                gaps = mean_difference(np.array(search) - distances)
                rows.append([*row, format_difference(*gaps, METRICS[0].digits)])
    headings = ["", "targets", "failed", *(metric.heading for metric in METRICS), "median MSS"]
    print(Table([*headings, "median s", "Δ MSS, search minus Syntheon"], rows).markdown())


if __name__ == "__main__":
    main()
