"""A synthesizer of your own, from its bundle to a patch file that it opens.

    python examples/own_synth.py PLUGIN.vst3 --class "mda JX10" --out own

Writes a task file, checks it, renders a set, trains a small model on it, matches a sound that the
instrument made itself, and loads the best patch's file into a fresh plugin: it must give the same
sound, sample for sample (or as near as the plugin comes to itself). Every step but the last is the
command `unsynth`. With the default sizes it takes a quarter of an hour on two cores; what is
there already is not made again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

from unsynth.audio.files import write_wav
from unsynth.metrics.audio import mss
from unsynth.synths.base import Note
from unsynth.synths.vst3 import VST3
from unsynth.tasks.task import load_task

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
    "data": {"batch": 32, "uses": 1, "apart": 1},
    "training": {"learning_rate": 1.0e-3, "param2tok_rate": 10.0, "precision": "32-true"},
    "sampling": {"solver": "midpoint", "steps": 8, "guidance": 2.0},
}


def unsynth(*arguments: object) -> None:
    """Run a command."""
    command = [sys.executable, "-m", "unsynth", *map(str, arguments)]
    print("$ unsynth", *map(str, arguments), flush=True)
    subprocess.run(command, check=True)


def experiment(path: Path, task: Path, sounds: Path, batch: int, steps: int) -> None:
    """Write an experiment file."""
    settings = {"task": str(task), **EXPERIMENT}
    settings["data"] = {**EXPERIMENT["data"], "folder": str(sounds), "batch": batch}
    settings["training"] = {**EXPERIMENT["training"], "steps": steps}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))


def main() -> None:
    """Go all the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plugin", type=Path)
    parser.add_argument("--class", dest="name", help="which plugin of the bundle")
    parser.add_argument("--out", type=Path, default=Path("own"))
    parser.add_argument("--patches", type=int, default=20, help="random patches to listen to")
    parser.add_argument("--draws", type=int, default=50, help="of the check")
    parser.add_argument("--sounds", type=int, default=2000, help="of the set")
    parser.add_argument("--steps", type=int, default=2000, help="of the training")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--index", type=int, help="draws of the index, else as `match` chooses")
    arguments = parser.parse_args()
    out: Path = arguments.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    task_file, sounds, run, weights = (
        out / name for name in ("task.yaml", "set", "run", "model.safetensors")
    )
    if not task_file.exists():
        which = ["--class", arguments.name] if arguments.name else []
        named = ["--name", "own-synth", "--out", task_file, "--patches", arguments.patches]
        unsynth("task", "init", arguments.plugin, *which, *named)
    unsynth("task", "check", task_file, "--draws", arguments.draws)
    unsynth("render", task_file, sounds, "--count", arguments.sounds, "--observe", "note",
            "--shard-sounds", max(100, arguments.sounds // 8))  # fmt: skip
    if not weights.exists():
        experiment(out / "small.yaml", task_file, sounds, arguments.batch, arguments.steps)
        unsynth("train", out / "small.yaml", "--out", run)
        unsynth("export", run, "--out", weights)

    task = load_task(str(task_file))
    synth = task.synth()
    target = out / "target.wav"
    patch = task.with_note(task.sample(np.random.default_rng(7)), Note(60, 0.0, 1.5))
    write_wav(target, synth.render(task.engine_patch(patch), task.note(patch)), synth.sample_rate)
    index = []
    if arguments.index:
        index = ["--index", out / "index.npz"]
        if not index[1].exists():
            unsynth("index", task_file, "--draws", arguments.index, "--out", index[1])
    unsynth("match", target, "--synth", task_file, "--model", weights, "--out", out, *index)

    found = max(out.glob("target*/patch.json"), key=lambda path: path.stat().st_mtime)
    best = json.loads(found.read_text())["candidates"][0]
    preset = next(found.parent / name for name in best["files"] if name.endswith(".vstpreset"))
    estimate = task.spec.from_named(best["parameters"])
    here = synth.render(task.engine_patch(estimate), task.note(estimate))
    fresh = VST3(str(arguments.plugin), arguments.name, preset=preset.read_bytes())
    loaded = fresh.render({}, task.note(estimate))
    print(f"{preset.name}: MSS {best['mss_db']:.2f} dB from the target, found by {best['origin']}")
    if np.array_equal(here, loaded):
        print("loaded into a fresh plugin it gives the same sound, sample for sample")
        return
    floor = mss(here, synth.render(task.engine_patch(estimate), task.note(estimate)))
    apart = mss(here, loaded)
    print(f"in a fresh plugin: MSS {apart:.3f} dB from the sound here, noise floor {floor:.3f}")
    if synth.deterministic or apart > 2 * floor + 0.1:
        sys.exit("the preset gives another sound")


if __name__ == "__main__":
    main()
