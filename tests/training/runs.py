"""Short runs: their settings, and the tables they write."""

import csv
from pathlib import Path

from tests.models.small import SMALL

STEPS = 24
EXPERIMENT = {
    "task": "dx7",
    "model": SMALL,
    "data": {"batch": 4, "uses": 2, "apart": 3, "noises": 2, "validation": 4},
    "training": {
        "steps": STEPS,
        "learning_rate": 1.0e-3,
        "warm_up": 4,
        "validate_every": 9,
        "checkpoint_minutes": 0,
    },
    "sampling": {"solver": "midpoint", "steps": 3},
}


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


def from_set(folder: str, loaders: int = 0) -> list[str]:
    settings = ["uses=1", "apart=1", "group=2", f"folder={folder}", f"loaders={loaders}"]
    return [f"data.{setting}" for setting in [*settings, "batch=8"]] + ["training.steps=30"]


#: Overrides for a run from sketches.
SKETCHED = [
    "model={kind: flow}",
    "model.encoder={kind: windows, directions: 4, width: 8, layers: 1, feed_forward: 8, out: 6}",
    "model.encoder.sounds=8",
    "model.field={kind: mlp, width: 8, layers: 1, feed_forward: 8, modulation: 8, time: 6}",
    "data.sketched=true",
    "data.loaders=0",
    "training.steps=6",
]
