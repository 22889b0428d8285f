"""The unchanged files: those that unsynth ships, and those that its own writers make."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

ROOT = Path(__file__).parents[2]

#: Files of a case by name.
Files = Mapping[str, bytes]

#: Sizes of networks in experiments, so small that a dry run takes no second.
_SMALL = {
    **{"width": 8, "layers": 1, "heads": 2, "feed_forward": 8, "modulation": 8, "time": 6},
    **{"out": 6, "directions": 4, "sounds": 8, "tokens": 5, "batch": 4, "uses": 2, "apart": 2},
    **{"channels": [4] * 5, "latent_layers": 1, "parameter_layers": 1, "coupling_width": 8},
    **{"coupling_blocks": 1, "compile": False, "accumulate": 1, "validation": 4},
}
#: A model of the DX7 that costs next to nothing.
_MODEL = {
    "kind": "flow",
    "encoder": {
        **{"kind": "log-mel", "patch": [128, 64], "stride": [128, 50], "width": 8, "heads": 2},
        **{"layers": 1, "feed_forward": 8},
    },
    "field": {
        **{"kind": "param2tok", "tokens": 5, "width": 8, "heads": 2, "layers": 1},
        **{"feed_forward": 8, "modulation": 8, "time": 6, "data_variance": 0.25},
    },
}
_EXPERIMENT = {
    "task": "dx7",
    "model": _MODEL,
    "data": {"batch": 4, "validation": 4},
    "training": {"steps": 4, "learning_rate": 1.0e-3},
    "sampling": {"solver": "euler", "steps": 2},
}
#: A task of three parameters of the DX7.
_TASK = {
    "task": "two-sines",
    "synth": "dx7",
    "units": [
        {
            "name": "op",
            "count": 2,
            "parameters": [
                {
                    **{"name": "level", "low": 60, "high": 99, "control": "op{n}.output_level"},
                    "points": {60: 0.25},
                },
                {
                    **{"name": "decay", "kind": "continuous", "low": 1.0, "high": 90.0},
                    **{"step": 1.0, "log": True, "control": "op{n}.rate3"},
                    "heard": {"shape": ["falling"]},
                },
                {
                    **{"name": "shape", "kind": "categorical", "choices": ["steady", "falling"]},
                    **{"raw": [99, 0], "weights": [1, 3], "control": "op{n}.level3"},
                    "neutral": "falling",
                },
            ],
        }
    ],
    "parameters": [
        {"name": "depth", "low": 0, "high": 33, "raw": [0, 99], "control": "lfo.amp_depth"},
        {
            **{"name": "speed", "low": 10, "high": 60, "control": "lfo.speed"},
            **{"heard": {"depth": "> 0"}, "neutral": 35},
        },
    ],
    "fixed": {"algorithm": 31},
    "note": [
        {"name": "note.pitch", "low": 36, "high": 84},
        {
            **{"name": "note.onset", "kind": "continuous", "low": 0.0, "high": 1.0},
            **{"step": 0.001, "points": {0.0: 0.5}},
        },
        {
            **{"name": "note.duration", "kind": "continuous", "low": 0.05, "high": 6.0},
            **{"step": 0.001, "log": True},
        },
    ],
}


@dataclass(frozen=True)
class Originals:
    """Unchanged files, one or more per kind, and what every case is run with."""

    #: By kind: files of one input each, by name.
    files: Mapping[str, tuple[Files, ...]]
    #: A sound of 0.6 s, shape ``(samples, 2)``, and its rate.
    sound: np.ndarray
    rate: int
    #: Files of every case, in the folder ``base``.
    base: Files


def make_originals(folder: Path) -> Originals:
    """Make the originals; ``folder`` is for files on the way."""
    from unsynth.formats.syx import write_bank, write_voice
    from unsynth.index.files import load_index, save_index
    from unsynth.tasks.catalogue import load_task

    dx7, vital, surge = map(load_task, ("dx7", "vital-simple", "surge-simple"))
    rng = np.random.default_rng(25)
    sound, rate = soundfile.read(ROOT / "examples" / "organ.flac")
    sound = sound[: round(0.6 * rate)]
    shipped = load_index(dx7)
    few = replace(shipped, items=shipped.items[:200], codes=shipped.codes[:200])
    save_index(few, folder / "small.npz")
    weights = _weights(dx7, folder / "small.safetensors")
    index = (folder / "small.npz").read_bytes()
    patches = {
        task.name: np.stack([task.sample(rng) for _ in range(3)]) for task in (dx7, vital, surge)
    }
    voices = [dx7.engine_patch(patch) for patch in patches["dx7"]]
    bank, voice = write_bank(voices), write_voice(voices[0])
    documents = tuple(
        {"patch.json": _patch_json(task, patches[task.name])} for task in (dx7, dx7, vital, surge)
    )
    (folder / "patches").mkdir()
    exported = {
        suffix: tuple(
            {f"x{suffix}": path.read_bytes()}
            for task in (vital, surge)
            for path in task.export(patches[task.name], folder / "patches")
            if path.suffix == suffix
        )
        for suffix in (".vital", ".fxp", ".vstpreset")
    }
    return Originals(
        files={
            "wav": tuple(
                {"x.wav": _sound(sound, rate, "WAV", subtype)}
                for subtype in ("PCM_16", "FLOAT", "PCM_24", "MS_ADPCM")
            ),
            "flac": ({"x.flac": _sound(sound, rate, "FLAC", "PCM_16")},),
            "mp3": ({"x.mp3": _sound(sound, rate, "MP3", "MPEG_LAYER_III")},),
            "syx": ({"x.syx": bank}, {"x.syx": voice}, {"x.syx": bank + voice}),
            "vital": exported[".vital"],
            "fxp": exported[".fxp"],
            "vstpreset": exported[".vstpreset"],
            "patch.json": documents,
            "task": (
                {"x.yaml": _yaml(_TASK)},
                {"x.yaml": (ROOT / "tests" / "tasks" / "small.yaml").read_bytes()},
                *({"x.yaml": _renamed(name)} for name in ("vital-simple", "surge-simple")),
            ),
            "experiment": (
                {"x.yaml": _yaml(_EXPERIMENT)},
                *(
                    {"x.yaml": _yaml(_shrunk(yaml.safe_load(path.read_text(encoding="utf-8"))))}
                    for path in sorted((ROOT / "experiments").glob("*.yaml"))
                ),
            ),
            "index": ({"x.npz": index},),
            "weights": (weights,),
        },
        sound=sound,
        rate=rate,
        base={
            "sound.wav": _sound(sound, rate, "WAV", "PCM_16"),
            "index.npz": index,
            **{f"model{Path(name).suffix}": content for name, content in weights.items()},
            "experiment.yaml": _yaml(_EXPERIMENT),
        },
    )


def _sound(sound: np.ndarray, rate: int, format: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=format, subtype=subtype)
    return file.getvalue()


def _yaml(content: Any) -> bytes:
    return yaml.safe_dump(content, sort_keys=False).encode()


def _renamed(task: str) -> bytes:
    """Return the file of one of unsynth's own tasks, with a name that a user's file may have."""
    path = ROOT / "src" / "unsynth" / "tasks" / "declared" / f"{task}.yaml"
    return path.read_bytes().replace(b"\ntask: ", b"\ntask: my-", 1)


def _shrunk(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _SMALL.get(key, _shrunk(value)) for key, value in content.items()}
    return content


def _patch_json(task: Any, patches: np.ndarray) -> bytes:
    candidates = [{"parameters": task.spec.named(patch)} for patch in patches]
    return json.dumps({"task": task.name, "candidates": candidates}, indent=1).encode()


def _weights(task: Any, path: Path) -> Files:
    """Save a small model with random weights, and read its two files."""
    import torch

    from unsynth.documents import validate
    from unsynth.flow.solver import Solver
    from unsynth.models.architecture import FlowArchitecture
    from unsynth.models.artifact import SamplingSettings, describe, save_artifact

    torch.manual_seed(0)
    architecture = validate(FlowArchitecture, _MODEL)
    model = architecture.build(task.spec, architecture.observed_shape(task)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    sampling = SamplingSettings(solver=Solver.EULER, steps=2)
    save_artifact(path, model, describe(task, architecture, sampling, 0.9, 1, None))
    return {f"x{each.suffix}": each.read_bytes() for each in (path, path.with_suffix(".json"))}
