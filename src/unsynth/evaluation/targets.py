"""What a model is evaluated on: held-out draws, people's voices, or sounds from elsewhere."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from unsynth.audio.files import read_sound
from unsynth.conventions import SECONDS
from unsynth.data.draws import audible_draws
from unsynth.data.external import (
    DatasetError,
    SoundSet,
    fsd50k_eval,
    nsynth_test,
    sound_files,
)
from unsynth.data.folder import Folder
from unsynth.data.manifest import MANIFEST, read_manifest, read_patches
from unsynth.data.seeding import Split
from unsynth.formats.syx import read_voices, voice_name
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: How people's voices are played.
VOICE_NOTE = Note(60, 0.0, 1.5, 100)
_LATEST_ONSET = 1.0

Audio = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class Sound:
    """A target: ``audio`` as the engine could have made it, and ``original`` before a mix-down.

    ``pitch`` is its MIDI note where that is known, ``again`` its second render where an engine
    made it.
    """

    audio: Audio
    original: Audio
    pitch: int | None = None
    again: Audio | None = None


@runtime_checkable
class Targets(Protocol):
    """A set of targets, each found by its number."""

    @property
    def description(self) -> dict[str, object]:
        """What the set is, for the table and for the check before a resume."""
        ...

    @property
    def names(self) -> list[str]:
        """The targets' names, each once."""
        ...

    def load(self, number: int, renderer: Renderer) -> Sound:
        """Read or render a target."""
        ...


@dataclass(frozen=True)
class Draws:
    """Held-out draws of the task's prior, rendered as they are needed."""

    task: Task
    count: int
    seed: int

    @property
    def description(self) -> dict[str, object]:
        """Task, split and seed: all that the draws depend on."""
        return {"set": f"draws:{self.count}", "task_hash": self.task.hash, "seed": self.seed}

    @property
    def names(self) -> list[str]:
        """Item numbers of the test split."""
        return [f"test-{item:06d}" for item in range(self.count)]

    def load(self, number: int, renderer: Renderer) -> Sound:
        """Render a draw, twice."""
        drawn = audible_draws(self.task, renderer, Split.TEST, [number], self.seed)
        ((patch, audio),) = drawn
        note = self.task.note(patch)
        again = next(renderer.render([(self.task.engine_patch(patch), note)]))
        second = None if isinstance(again, RenderFailure) else again
        return Sound(audio, audio, note.pitch, second)


class Rendered:
    """The items of a dataset that ``unsynth render`` made, rendered from their patches."""

    def __init__(self, folder: Folder, task: Task) -> None:
        """Read the patches; raises :class:`DatasetError` where the set is not whole."""
        self._task, self._folder = task, folder
        self._plan = read_manifest(folder).plan
        self._plan.check_task(task, folder.url)
        self._patches = read_patches(folder)

    @property
    def description(self) -> dict[str, object]:
        """The set's whole plan."""
        return {"set": "rendered", "plan": self._plan.model_dump(mode="json")}

    @property
    def names(self) -> list[str]:
        """Item numbers of the split."""
        return [f"{self._plan.split.value}-{item:06d}" for item in range(self._plan.count)]

    def load(self, number: int, renderer: Renderer) -> Sound:
        """Render an item, twice; raises :class:`DatasetError` where it cannot be."""
        patch = self._patches[number]
        note = self._task.note(patch)
        first, second = renderer.render([(self._task.engine_patch(patch), note)] * 2)
        if isinstance(first, RenderFailure):
            raise DatasetError(f"{self._folder.url}: item {number}: {first.reason}")
        again = None if isinstance(second, RenderFailure) else second
        return Sound(first, first, note.pitch, again)


class Voices:
    """DX7 voices from their original bytes, on middle C at velocity 100, held for 1.5 s."""

    def __init__(self, paths: list[Path]) -> None:
        """Read the banks; raises :class:`~unsynth.errors.PatchError` for one that is damaged."""
        self._voices: list[tuple[str, UInt8[np.ndarray, " bytes"]]] = []
        for path in paths:
            try:
                data = path.read_bytes()
            except OSError as error:
                raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
            for number, voice in enumerate(read_voices(data), start=1):
                self._voices.append((f"{path.stem}/{number:02d} {voice_name(voice)}", voice))

    @property
    def description(self) -> dict[str, object]:
        """A hash of all voices."""
        data = b"".join(voice.tobytes() for _, voice in self._voices)
        fingerprint = hashlib.sha256(data).hexdigest()[:16]
        return {"set": "voices", "voices": len(self._voices), "fingerprint": fingerprint}

    @property
    def names(self) -> list[str]:
        """Bank, number and name."""
        return [name for name, _ in self._voices]

    def load(self, number: int, renderer: Renderer) -> Sound:
        """Render a voice, twice; raises :class:`DatasetError` for one that does not sound."""
        name, voice = self._voices[number]
        first, second = renderer.render([(voice, VOICE_NOTE)] * 2)
        if isinstance(first, RenderFailure):
            raise DatasetError(f"voice {name} cannot be rendered: {first.reason}")
        again = None if isinstance(second, RenderFailure) else second
        return Sound(first, first, VOICE_NOTE.pitch, again)


class Sounds:
    """Sound files; their level is not observed, and what is longer than 4 s is cut."""

    def __init__(self, found: SoundSet, task: Task) -> None:
        self._found, self._files = found, found.files
        synth = task.synth()
        self._sample_rate, self._channels = synth.sample_rate, synth.channels

    @property
    def description(self) -> dict[str, object]:
        """A hash of the names and sizes of all files."""
        found = self._found
        remark = {"remark": found.remark} if found.remark else {}
        return {
            "set": found.name,
            "sounds": len(found.files),
            "fingerprint": found.fingerprint(),
        } | remark

    @property
    def names(self) -> list[str]:
        """Names of the files."""
        return [file.name for file in self._files]

    def load(self, number: int, renderer: Renderer) -> Sound:
        """Read a sound; raises :class:`~unsynth.errors.SoundError` where it cannot be read."""
        file = self._files[number]
        audio, original = (
            read_sound(file.path, self._sample_rate, channels, SECONDS, _LATEST_ONSET)[0]
            for channels in (self._channels, 2)
        )
        same = (original == original[:1]).all()
        return Sound(audio, audio if same else original, file.pitch)


def find_targets(dataset: list[str], task: Task, seed: int) -> Targets:
    """Find a set: ``draws:N``, ``nsynth:DIR``, ``fsd50k:DIR``, a folder that ``unsynth render``
    made, banks of voices, or sounds.

    Raises :class:`~unsynth.data.external.DatasetError` where it is not one, or empty.
    """
    kind, colon, rest = dataset[0].partition(":")
    if colon and kind in ("draws", "nsynth", "fsd50k") and len(dataset) == 1:
        if kind == "draws":
            if not rest.isdecimal() or int(rest) == 0:
                raise DatasetError(f"{dataset[0]}: give a number of draws, as draws:200")
            return Draws(task, int(rest), seed)
        found = nsynth_test(Path(rest)) if kind == "nsynth" else fsd50k_eval(Path(rest))
        return Sounds(found, task)
    paths = [Path(name) for name in dataset]
    if len(paths) == 1 and (paths[0] / MANIFEST).is_file():
        return Rendered(Folder(paths[0]), task)
    banks = [bank for path in paths for bank in _banks(path)]
    if not banks:
        return Sounds(sound_files(paths), task)
    if task.name != "dx7":
        raise DatasetError(f"{banks[0]}: DX7 voices are targets for the task dx7 only")
    if len(banks) < sum(len(_banks(path)) or 1 for path in paths):
        raise DatasetError(f"{banks[0]}: give either banks of voices or sounds, not both")
    return Voices(banks)


def _banks(path: Path) -> list[Path]:
    """List the ``.syx`` files that a path is or holds."""
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.suffix.lower() == ".syx")
    return [path] if path.suffix.lower() == ".syx" else []
