"""Match sounds with a synthesizer of your own: from its bundle to a patch file that it opens.

    python examples/own_synth.py PLUGIN.vst3 --name "mda JX10" --out own

The steps: write a task file and check it, render a dataset, train a small model and score it, match
a sound that the instrument itself made, and load the best patch's file into a fresh plugin. That
plugin must give the same sound, bit for bit, or as nearly as it repeats itself. Every step but the
last is a command of `unsynth`. Files that exist are not made again. The default sizes take a
quarter of an hour on two cores; `--small`, which the project's checks run, shows in a minute
that all steps work.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import yaml

from unsynth.audio.files import write_wav
from unsynth.metrics.audio import mss
from unsynth.synths.base import Note
from unsynth.synths.vst3 import VST3
from unsynth.tasks.catalogue import load_task

EXPERIMENT = {
    "seed": 0,
    "model": {
        "kind": "flow",
        "encoder": {
            "kind": "note",
            "directions": 96,
            "width": 256,
            "layers": 4,
            "feed_forward": 512,
            "out": 128,
        },
        "field": {
            "kind": "param2tok",
            "tokens": 24,
            "width": 128,
            "heads": 2,
            "layers": 4,
            "feed_forward": 256,
            "modulation": 128,
            "time": 64,
            "data_variance": 0.25,
        },
    },
    "training": {"learning_rate": 1.0e-3, "param2tok_rate": 10.0, "precision": "32-true"},
    "sampling": {"solver": "midpoint", "steps": 8, "guidance": 2.0},
}

#: The default sizes.
FULL = {
    # Random patches that `task init` listens to.
    "patches": 20,
    # Draws of `task check`.
    "draws": 50,
    # Sounds of the dataset, and those held back for validation.
    "sounds": 2000,
    "validation": 256,
    # Training steps, and sounds per step.
    "steps": 600,
    "batch": 64,
    # Draws to score the model on.
    "targets": 20,
    # Draws of the index.
    "index": 1000,
    # Renders of the match.
    "renders": 1500,
}
#: Sizes that only show that everything works; the model is not scored.
SMALL = {
    "patches": 2,
    "draws": 4,
    "sounds": 32,
    "validation": 8,
    "steps": 4,
    "batch": 8,
    "targets": 0,
    "index": 100,
    "renders": 100,
}


def unsynth(*arguments: object) -> None:
    """Run a command of unsynth, and print how long it took."""
    command = [sys.executable, "-m", "unsynth", *map(str, arguments)]
    print("$ unsynth", *map(str, arguments), flush=True)
    start = time.perf_counter()
    process = subprocess.run(command)
    if process.returncode:
        sys.exit(process.returncode)
    print(f"({time.perf_counter() - start:.0f} s)", flush=True)


def write_experiment(path: Path, task: Path, sounds: Path, size: dict[str, int]) -> None:
    """Write the experiment file that `unsynth train` reads."""
    settings = {"task": str(task), **EXPERIMENT}
    settings["data"] = {"folder": str(sounds), **{k: size[k] for k in ("batch", "validation")}}
    settings["training"] = {**EXPERIMENT["training"], "steps": size["steps"]}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))


def main() -> None:
    """Take all steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plugin", help="Path or name of a bundle.")
    parser.add_argument("--name", help="Plugin of the bundle, if it holds several.")
    parser.add_argument("--out", type=Path, default=Path("own"), help="Folder for all files.")
    parser.add_argument("--small", action="store_true", help="Only check that everything works.")
    arguments = parser.parse_args()
    size = SMALL if arguments.small else FULL
    out: Path = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    task_file, sounds, run = out / "own.yaml", out / "set", out / "run"
    weights, index = out / "own.safetensors", out / "own.npz"
    if not task_file.exists():
        name = ["--name", arguments.name] if arguments.name else []
        options = ["--task", "own-synth", "--out", task_file, "--patches", size["patches"]]
        unsynth("task", "init", arguments.plugin, *name, *options)
    unsynth("task", "check", task_file, "--draws", size["draws"])
    unsynth("render", task_file, sounds, "--count", size["sounds"], "--observe", "note",
            "--shard-sounds", max(100, size["sounds"] // 8))  # fmt: skip
    if not weights.exists():
        write_experiment(out / "own-experiment.yaml", task_file, sounds, size)
        unsynth("train", out / "own-experiment.yaml", "--out", run)
        unsynth("export", run, "--out", weights)
    if size["targets"]:
        scores = ["--resume", "--out", out / "scores"]
        unsynth("evaluate", weights, f"draws:{size['targets']}", *scores)
    if not index.exists():
        unsynth("index", task_file, "--draws", size["index"], "--out", index)

    task = load_task(str(task_file))
    synth = task.synth()
    target = out / "target.wav"
    patch = task.with_note(task.sample(np.random.default_rng(7)), Note(60, 0.0, 1.5))
    write_wav(target, synth.render(task.engine_patch(patch), task.note(patch)), synth.sample_rate)
    unsynth("match", target, "--synth", task_file, "--model", weights, "--index", index,
            "--out", out, "--keep", 4, "--renders", size["renders"])  # fmt: skip

    result = max(out.glob("target*/patch.json"), key=lambda path: path.stat().st_mtime)
    report = json.loads(result.read_text())
    best = report["candidates"][0]
    preset = next(result.parent / name for name in best["files"] if name.endswith(".vstpreset"))
    estimate = task.spec.from_named(best["parameters"])
    note = task.note(estimate)
    original = synth.render(task.engine_patch(estimate), note)
    loaded = VST3(arguments.plugin, arguments.name, preset=preset.read_bytes()).render({}, note)
    chance = statistics.median(draw["mss_db"] for draw in report["random_draws"])
    print(
        f"{preset.name}: MSS {best['mss_db']:.2f} dB from the target (origin: {best['origin']}); "
        f"random draw {chance:.2f} dB, noise floor {report['noise_floor']['mss_db']:.2f} dB"
    )
    if np.array_equal(original, loaded):
        print("loaded into a fresh plugin, it gives the same sound, bit for bit")
        return
    floor = mss(original, synth.render(task.engine_patch(estimate), note))
    distance = mss(original, loaded)
    print(
        f"in a fresh plugin: MSS {distance:.3f} dB from the same patch, noise floor {floor:.3f} dB"
    )
    if synth.deterministic or distance > 2 * floor + 0.1:
        sys.exit("the preset gives a different sound")


if __name__ == "__main__":
    main()
