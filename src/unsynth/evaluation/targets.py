"""Sets of target sounds: held-out draws, rendered datasets, DX7 voices and sound files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from unsynth.audio.files import read_sound
from unsynth.conventions import SECONDS
from unsynth.data.draws import SILENCE_DB, audible, audible_draws
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
from unsynth.documents import DocumentError, printable, read_bytes
from unsynth.errors import PatchError, SoundError
from unsynth.files import visible_entries
from unsynth.formats.syx import read_syx, voice_name
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: The note on which DX7 voices are played.
VOICE_NOTE = Note(60, 0.0, 1.5, 100)
#: Silence before a later onset than this is cut from a sound file; seconds.
_LATEST_ONSET = 1.0

Audio = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class TargetSound:
    """The sound of a target."""

    #: In the channels of the engine.
    audio: Audio
    #: In its own channels, before a mix-down.
    original: Audio
    #: MIDI note, if known.
    pitch: int | None = None
    #: Another render of the same patch, for the noise floor; ``None`` for a sound file.
    second_render: Audio | None = None


@runtime_checkable
class Targets(Protocol):
    """A set of targets, numbered from 0."""

    @property
    def description(self) -> dict[str, object]:
        """The set in terms of JSON: part of the table, and compared before a resume."""
        ...

    @property
    def names(self) -> list[str]:
        """The name of each target, all different."""
        ...

    def load(self, number: int, renderer: Renderer) -> TargetSound:
        """Read or render a target; see :func:`load_target`."""
        ...


def load_target(targets: Targets, number: int, renderer: Renderer) -> TargetSound:
    """Read or render a target that can be heard.

    Raises :class:`~unsynth.errors.SoundError`, which names the target, for one that cannot be read
    or rendered, and for one below -60 dB: on silence, silence would score perfectly. Such a target
    is left out of a set.
    """
    sound = targets.load(number, renderer)
    if not audible(sound.audio, renderer.sample_rate):
        raise SoundError(
            f"{targets.names[number]}: is silent: its loudest 50 ms are below {SILENCE_DB:.0f} dB"
        )
    return sound


@dataclass(frozen=True)
class DrawTargets:
    """Held-out draws of the task's prior, rendered on demand."""

    task: Task
    count: int
    seed: int

    @property
    def description(self) -> dict[str, object]:
        """Count, task and seed: everything the draws depend on."""
        return {"set": f"draws:{self.count}", "task_hash": self.task.hash, "seed": self.seed}

    @property
    def names(self) -> list[str]:
        """Item numbers in the test split."""
        return [f"test-{item:06d}" for item in range(self.count)]

    def load(self, number: int, renderer: Renderer) -> TargetSound:
        """Render a draw twice."""
        draws = audible_draws(self.task, renderer, Split.TEST, [number], self.seed)
        ((patch, audio),) = draws
        note = self.task.note(patch)
        second = next(renderer.render([(self.task.engine_patch(patch), note)]))
        return TargetSound(audio, audio, note.pitch, _audio(second))


class DatasetTargets:
    """The items of a dataset of ``unsynth render``, rendered again from their patches."""

    def __init__(self, folder: Folder, task: Task) -> None:
        """Read the patches; raises :class:`DatasetError` for a set that is not complete."""
        self._task, self._folder = task, folder
        self._plan = read_manifest(folder).plan
        self._plan.check_task(task, folder.url)
        self._patches = read_patches(folder)

    @property
    def description(self) -> dict[str, object]:
        """The plan of the set."""
        return {"set": "rendered", "plan": self._plan.model_dump(mode="json")}

    @property
    def names(self) -> list[str]:
        """Item numbers in the split of the set."""
        return [f"{self._plan.split.value}-{item:06d}" for item in range(self._plan.count)]

    def load(self, number: int, renderer: Renderer) -> TargetSound:
        """Render an item twice; raises :class:`DatasetError` where the engine fails."""
        patch = self._patches[number]
        note = self._task.note(patch)
        first, second = renderer.render([(self._task.engine_patch(patch), note)] * 2)
        if isinstance(first, RenderFailure):
            raise DatasetError(f"{self._folder.url}: item {number}: {first.reason}")
        return TargetSound(first, first, note.pitch, _audio(second))


class VoiceTargets:
    """DX7 voices from their original bytes, on middle C at velocity 100, held for 1.5 s."""

    def __init__(self, paths: list[Path]) -> None:
        """Read the banks; raises :class:`DatasetError` for one that cannot be read."""
        self._voices: list[tuple[str, UInt8[np.ndarray, " bytes"]]] = []
        self._remarks: list[str] = []
        for path in paths:
            try:
                file = read_syx(read_bytes(path))
            except OSError as error:
                raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
            except (DocumentError, PatchError) as error:
                raise DatasetError(f"{path}: {error}") from None
            self._remarks += [f"{path}: {remark}" for remark in file.remarks]
            for number, voice in enumerate(file.voices, start=1):
                self._voices.append((f"{path.stem}/{number:02d} {voice_name(voice)}", voice))

    @property
    def description(self) -> dict[str, object]:
        """The number of voices, a hash of them, and remarks on banks that are not whole."""
        data = b"".join(voice.tobytes() for _, voice in self._voices)
        digest = hashlib.sha256(data).hexdigest()[:16]
        remark = {"remark": printable("; ".join(self._remarks))} if self._remarks else {}
        return {"set": "voices", "voices": len(self._voices), "content_sha256": digest} | remark

    @property
    def names(self) -> list[str]:
        """Bank, number and name of each voice."""
        return [printable(name) for name, _ in self._voices]

    def load(self, number: int, renderer: Renderer) -> TargetSound:
        """Render a voice twice; raises :class:`DatasetError` where the engine fails."""
        name, voice = self._voices[number]
        first, second = renderer.render([(voice, VOICE_NOTE)] * 2)
        if isinstance(first, RenderFailure):
            raise DatasetError(f"voice {name} cannot be rendered: {first.reason}")
        return TargetSound(first, first, VOICE_NOTE.pitch, _audio(second))


class SoundFileTargets:
    """Sound files, cut to 4 s. The model does not observe their level."""

    def __init__(self, sounds: SoundSet, task: Task) -> None:
        self._sounds, self._files = sounds, sounds.files
        synth = task.synth()
        self._sample_rate, self._channels = synth.sample_rate, synth.channels

    @property
    def description(self) -> dict[str, object]:
        """The number of files, and a hash of their names and contents."""
        sounds = self._sounds
        remark = {"remark": sounds.remark} if sounds.remark else {}
        return {
            "set": sounds.name,
            "sounds": len(sounds.files),
            "content_sha256": sounds.content_sha256(),
        } | remark

    @property
    def names(self) -> list[str]:
        """The name of each file."""
        return [printable(file.name) for file in self._files]

    def load(self, number: int, renderer: Renderer) -> TargetSound:
        """Read a sound; raises :class:`~unsynth.errors.SoundError` where it cannot be read."""
        file = self._files[number]
        audio, original = (
            read_sound(file.path, self._sample_rate, channels, SECONDS, _LATEST_ONSET)[0]
            for channels in (self._channels, 2)
        )
        same = (original == original[:1]).all()
        return TargetSound(audio, audio if same else original, file.pitch)


def find_targets(dataset: list[str], task: Task, seed: int) -> Targets:
    """Find a set of targets.

    ``dataset`` is one of ``draws:N``, ``nsynth:DIR``, ``fsd50k:DIR`` or a folder of ``unsynth
    render``; or it lists DX7 banks or sounds, or folders of either. Raises
    :class:`~unsynth.data.external.DatasetError` for anything else and for an empty set.
    """
    kind, colon, rest = dataset[0].partition(":")
    if colon and kind in ("draws", "nsynth", "fsd50k") and len(dataset) == 1:
        if kind == "draws":
            if not rest.isdecimal() or int(rest) == 0:
                raise DatasetError(f"{dataset[0]}: give a number of draws, such as draws:200")
            return DrawTargets(task, int(rest), seed)
        sounds = nsynth_test(Path(rest)) if kind == "nsynth" else fsd50k_eval(Path(rest))
        return SoundFileTargets(sounds, task)
    paths = [Path(name) for name in dataset]
    if len(paths) == 1 and (paths[0] / MANIFEST).is_file():
        return DatasetTargets(Folder(paths[0]), task)
    banks = [bank for path in paths for bank in _banks(path)]
    if not banks:
        return SoundFileTargets(sound_files(paths), task)
    if task.name != "dx7":
        raise DatasetError(f"{banks[0]}: only the task dx7 can be evaluated on DX7 voices")
    if len(banks) < sum(len(_banks(path)) or 1 for path in paths):
        raise DatasetError(f"{banks[0]}: give either banks of voices or sounds, not both")
    return VoiceTargets(banks)


def _audio(render: Audio | RenderFailure) -> Audio | None:
    return None if isinstance(render, RenderFailure) else render


def _banks(path: Path) -> list[Path]:
    """List the ``.syx`` files at a path: the file itself, or those in the folder."""
    if path.is_dir():
        return [entry for entry in visible_entries(path, {".syx"}) if entry.is_file()]
    return [path] if path.suffix.lower() == ".syx" else []
