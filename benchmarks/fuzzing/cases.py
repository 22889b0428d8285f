"""One mutated input per kind and seed, and the command that reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import numpy as np

from fuzzing.damage import damage, one_of
from fuzzing.documents import mutate_json, mutate_yaml
from fuzzing.formats import (
    mutate_dump,
    mutate_index,
    mutate_samples,
    mutate_surge_xml,
    mutate_weights,
)
from fuzzing.originals import Files, Originals

KINDS = (
    *("wav", "flac", "mp3", "syx", "vital", "fxp", "vstpreset"),
    *("patch.json", "task", "experiment", "index", "weights"),
)

#: The least work that a match can do, into the only folder that a command may write to.
_LEAST = ("--renders", "1", "--keep", "1", "--candidates", "1", "--out", "out")
_SMALL = ("--index", "base/index.npz", "--model", "base/model.safetensors")
#: A sound that is not there ends a command after it has read everything else.
ABSENT = "absent.wav"
#: Commands that are no part of unsynth: they read files that it reads only through a plugin.
READ_SURGE = "read-surge"


@dataclass(frozen=True)
class Case:
    """An input: its files by name, and the command's arguments."""

    kind: str
    seed: int
    mutation: str
    files: Files
    arguments: tuple[str, ...]


def original_cases(originals: Originals) -> list[Case]:
    """List a case per original, unchanged: each must give a result."""
    return [
        Case(kind, -number, "unchanged", files, _command(kind, 0, files))
        for kind in KINDS
        for number, files in enumerate(originals.files[kind], start=1)
    ]


def make_case(kind: str, seed: int, originals: Originals) -> Case:
    """Make the case of a kind and a seed; it depends on nothing else."""
    rng = np.random.default_rng((KINDS.index(kind), seed))
    files = one_of(rng, originals.files[kind])
    mutation, files = _mutate(rng, kind, files, originals)
    return Case(kind, seed, mutation, files, _command(kind, seed, files))


def _mutate(
    rng: np.random.Generator, kind: str, files: Files, originals: Originals
) -> tuple[str, Files]:
    name, data = next(iter(files.items()))
    ways: tuple[Callable[[], tuple[str, bytes]], ...]

    def bytes_of() -> tuple[str, bytes]:
        return damage(rng, data)

    if kind in ("wav", "flac", "mp3"):

        def samples() -> tuple[str, bytes]:
            return mutate_samples(rng, originals.sound, originals.rate, kind.upper())

        ways = (bytes_of, bytes_of, samples)
    elif kind == "syx":
        ways = (bytes_of, lambda: mutate_dump(rng, data), lambda: mutate_dump(rng, data))
    elif kind in ("vital", "patch.json"):
        ways = (lambda: mutate_json(rng, data),)
    elif kind in ("fxp", "vstpreset"):
        ways = (bytes_of, lambda: mutate_surge_xml(rng, data))
    elif kind in ("task", "experiment"):
        ways = (lambda: mutate_yaml(rng, data),)
    elif kind == "index":
        ways = (bytes_of, lambda: mutate_index(rng, data), lambda: mutate_index(rng, data))
    else:
        return mutate_weights(rng, files)
    mutation, mutated = one_of(rng, ways)()
    return mutation, {name: mutated}


def _command(kind: str, seed: int, files: Files) -> tuple[str, ...]:
    """Choose a command that reads the input; seeds of a kind take turns."""
    turn = seed % 4
    path = f"in/{max(files)}"  # of weights and their JSON, the weights
    if kind in ("wav", "flac", "mp3"):
        folder = ("in", "--json") if turn == 3 else (path,)
        return ("match", *folder, *_SMALL, *_LEAST)
    if kind == "syx":
        if turn == 3:
            return ("voices", path, *(("--out", "out") if seed % 8 == 3 else ()))
        # The voices of a bank are 128 renders.
        sound = "base/sound.wav" if seed % 8 == 0 else ABSENT
        return ("match", sound, "--from", path, *_SMALL, *_LEAST)
    if kind == "vital":
        return ("match", ABSENT, "--synth", "vital-simple", "--from", path, *_LEAST)
    if kind in ("fxp", "vstpreset"):
        if turn == 3:
            return ("match", ABSENT, "--synth", "surge-simple", "--from", path, *_LEAST)
        return (READ_SURGE, path)
    if kind == "patch.json":
        synth = _named_task(files[path.removeprefix("in/")])
        if synth == "dx7":
            return ("match", "base/sound.wav", "--from", path, *_SMALL, *_LEAST)
        return ("match", ABSENT, "--synth", synth, "--from", path, *_LEAST)
    if kind == "task":
        if b"synth: dx7" in files["x.yaml"] and turn in (0, 1):  # other engines take too long
            return ("task", "check", path, "--draws", "2", "--out", "out/check.html")
        if turn == 2:
            return ("train", "base/experiment.yaml", "--set", f"task={path}", "--dry-run")
        return ("match", ABSENT, "--synth", path, *_LEAST)
    if kind == "experiment":
        return ("train", path, "--dry-run", *(("--json",) if turn == 3 else ()))
    if kind == "index":
        return ("match", "base/sound.wav", "--index", path, *_SMALL[2:], *_LEAST)
    return ("match", "base/sound.wav", *_SMALL[:2], "--model", path, *_LEAST)


def _named_task(data: bytes) -> str:
    """Find the task that a ``patch.json`` was made for, whatever happened to it since."""
    names = (b"vital-simple", b"surge-simple")
    return next((name.decode() for name in names if name in data), "dx7")


def first_cases(count: int) -> list[tuple[str, int]]:
    """List the kinds and seeds of the first cases: the kinds take turns."""
    rounds = ((kind, seed) for seed in range(count) for kind in KINDS)
    return list(chain(rounds))[:count]
