"""Sets of target sounds: held-out draws, rendered datasets, files of patches, and sound files."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

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
from unsynth.data.manifest import MANIFEST, read_audio, read_manifest, read_patches
from unsynth.data.seeding import Split
from unsynth.documents import DocumentError, printable, read_bytes
from unsynth.errors import PatchError, SoundError
from unsynth.files import visible_entries
from unsynth.formats import vital_bank
from unsynth.formats.syx import read_syx, voice_name
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.synths.dx7 import DX7
from unsynth.synths.vital import Vital
from unsynth.tasks.task import Task

#: The note on which people's patches are played.
PATCH_NOTE = Note(60, 0.0, 1.5, 100)
#: Silence before a later onset than this is cut from a sound file; seconds.
_LATEST_ONSET = 1.0

Audio = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class TargetSound:
    """The sound of a target."""

    #: In the channels of the engine.
    audio: Audio
    #: In its own channels, before a mix-down; the same array as ``audio`` where there is none.
    original: Float32[np.ndarray, "_ samples"]
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
        """The name of each target."""
        ...

    @property
    def stored(self) -> bool:
        """Whether the sounds are in files, so that no engine is needed to load them."""
        ...

    def load(self, number: int, renderer: Renderer | None) -> TargetSound:
        """Read or render a target; see :func:`load_target`."""
        ...


def load_target(
    targets: Targets, number: int, renderer: Renderer | None, sample_rate: int
) -> TargetSound:
    """Read or render a target that can be heard.

    ``sample_rate`` is that of the task's engine. Without a ``renderer``, a target is what the set
    stores of it, and has no second render; the set must be ``stored``.

    Raises :class:`~unsynth.errors.SoundError`, which names the target, for one that cannot be read
    or rendered, and for one below -60 dB: on silence, silence would score perfectly. Such a target
    is left out of a set.
    """
    sound = targets.load(number, renderer)
    if not audible(sound.audio, sample_rate):
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
    stored = False

    @property
    def description(self) -> dict[str, object]:
        """Count, task and seed: everything the draws depend on."""
        return {"set": f"draws:{self.count}", "task_hash": self.task.hash, "seed": self.seed}

    @property
    def names(self) -> list[str]:
        """Item numbers in the test split."""
        return [f"test-{item:06d}" for item in range(self.count)]

    def load(self, number: int, renderer: Renderer | None) -> TargetSound:
        """Render a draw twice."""
        assert renderer is not None
        draws = audible_draws(self.task, renderer, Split.TEST, [number], self.seed)
        ((patch, audio),) = draws
        note = self.task.note(patch)
        second = next(renderer.render([(self.task.engine_patch(patch), note)]))
        return TargetSound(audio, audio, note.pitch, _audio(second))


class DatasetTargets:
    """The items of a dataset of ``unsynth render``, rendered again from their patches.

    Without an engine they are the audio of the set, which has 16 bits.
    """

    def __init__(self, folder: Folder, task: Task) -> None:
        """Read the patches; raises :class:`DatasetError` for a set that is not complete."""
        self._task, self._folder = task, folder
        self._plan = read_manifest(folder).plan
        self._plan.check_task(task, folder.url)
        self._patches = read_patches(folder)

    @property
    def description(self) -> dict[str, object]:
        """The plan of the set. A task file may lie elsewhere; the hash stands for its content."""
        plan = self._plan.model_copy(update={"task_file": None})
        return {"set": "rendered", "plan": plan.model_dump(mode="json")}

    @property
    def names(self) -> list[str]:
        """Item numbers in the split of the set."""
        return [f"{self._plan.split.value}-{item:06d}" for item in range(self._plan.count)]

    @property
    def stored(self) -> bool:
        """Whether the set was rendered with its audio."""
        return self._plan.audio

    def load(self, number: int, renderer: Renderer | None) -> TargetSound:
        """Render an item twice; raises :class:`DatasetError` where the engine fails."""
        patch = self._patches[number]
        note = self._task.note(patch)
        if renderer is None:
            audio = read_audio(self._folder, self._plan, number)
            return TargetSound(audio, audio, note.pitch)
        first, second = renderer.render([(self._task.engine_patch(patch), note)] * 2)
        if isinstance(first, RenderFailure):
            raise DatasetError(f"{self._folder.url}: item {number}: {first.reason}")
        return TargetSound(first, first, note.pitch, _audio(second))


class PatchFileTargets:
    """Patches of people: middle C at velocity 100, held for 1.5 s, by the synthesizer they are for.

    Whatever a file holds is heard, whether or not the task has it.
    """

    stored = False

    def __init__(
        self,
        kind: str,
        patches: Sequence[tuple[str, Any]],
        synth: type[DX7] | type[Vital],
        task: Task,
        remarks: Sequence[str] = (),
    ) -> None:
        """``patches`` are names and what the synthesizer plays: arrays of bytes, or bytes."""
        self._kind, self._patches, self._remarks = kind, patches, remarks
        self._task, self._synth = task, synth
        #: The renderer of ``synth`` if it is not the task's.
        self._own: Renderer | None = None

    @property
    def description(self) -> dict[str, object]:
        """The number of patches, a hash of them, and remarks on files that are not whole."""
        digest = hashlib.sha256()
        for _, patch in self._patches:
            digest.update(bytes(patch))
        remark = {"remark": printable("; ".join(self._remarks))} if self._remarks else {}
        return {
            "set": self._kind,
            self._kind: len(self._patches),
            "content_sha256": digest.hexdigest()[:16],
        } | remark

    @property
    def names(self) -> list[str]:
        """The name of each patch: the file's, and number and name within a bank."""
        return [printable(name) for name, _ in self._patches]

    @cached_property
    def _is_of_task(self) -> bool:
        return isinstance(self._task.synth(), self._synth)

    def load(self, number: int, renderer: Renderer | None) -> TargetSound:
        """Render a patch twice; raises :class:`DatasetError` where its engine refuses or fails."""
        assert renderer is not None
        name, patch = self._patches[number]
        if not self._is_of_task:
            self._own = renderer = self._own or Renderer(self._synth, workers=1)
        first, second = renderer.render([(patch, PATCH_NOTE)] * 2)
        if isinstance(first, RenderFailure):
            raise DatasetError(f"{name}: cannot be rendered: {first.reason}")
        audio = _in_channels(first, self._task.channels)
        again = None
        if not isinstance(second, RenderFailure):
            again = _in_channels(second, self._task.channels)
        original = first if len(first) > len(audio) else audio
        return TargetSound(audio, original, PATCH_NOTE.pitch, again)


def dx7_voices(paths: Sequence[Path], task: Task) -> PatchFileTargets:
    """Read banks of voices; raises :class:`DatasetError` for one that cannot be read."""
    voices: list[tuple[str, Any]] = []
    remarks: list[str] = []
    for path, data in _read_files(paths):
        try:
            file = read_syx(data)
        except PatchError as error:
            raise DatasetError(f"{path}: {error}") from None
        remarks += [f"{path}: {remark}" for remark in file.remarks]
        for number, voice in enumerate(file.voices, start=1):
            voices.append((f"{path.stem}/{number:02d} {voice_name(voice)}", voice))
    return PatchFileTargets("voices", voices, DX7, task, remarks)


def vital_patches(paths: Sequence[Path], task: Task) -> PatchFileTargets:
    """Read patches and banks of Vital; a patch that Vital cannot play is refused as it is loaded.

    Raises :class:`DatasetError` for a bank that cannot be read.
    """
    patches: list[tuple[str, bytes]] = []
    for path in paths:
        if path.suffix.lower() == vital_bank.SUFFIX:
            try:
                presets = vital_bank.read_vital_bank(path)
            except PatchError as error:
                raise DatasetError(f"{path}: {error}") from None
            for number, (name, preset) in enumerate(presets, start=1):
                patches.append((f"{path.stem}/{number:02d} {name}", preset))
        else:
            patches += [(path.name, data) for path, data in _read_files([path])]
    return PatchFileTargets("patches", patches, Vital, task)


#: The suffixes of files of patches, and the functions that read sets of them.
_PATCH_FILES = {(".syx",): dx7_voices, (".vital", vital_bank.SUFFIX): vital_patches}
#: Prefixes of sets that are not paths.
_NAMED_SETS = ("draws:", "nsynth:", "fsd50k:")


class SoundFileTargets:
    """Sound files, cut to 4 s. The model does not observe their level."""

    stored = True

    def __init__(self, sounds: SoundSet, task: Task) -> None:
        self._sounds, self._files = sounds, sounds.files
        self._sample_rate, self._channels = task.sample_rate, task.channels

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

    def load(self, number: int, renderer: Renderer | None) -> TargetSound:
        """Read a sound; raises :class:`~unsynth.errors.SoundError` where it cannot be read."""
        file = self._files[number]
        audio = original = self._read(file.path, self._channels)
        if self._channels == 1:
            stereo = self._read(file.path, 2)
            original = audio if (stereo == stereo[:1]).all() else stereo
        return TargetSound(audio, original, file.pitch)

    def _read(self, path: Path, channels: int) -> Audio:
        return read_sound(path, self._sample_rate, channels, SECONDS, _LATEST_ONSET)[0]


def find_targets(dataset: list[str], task: Task, seed: int) -> Targets:
    """Find a set of targets.

    ``dataset`` is one of ``draws:N``, ``nsynth:DIR``, ``fsd50k:DIR`` or a folder of ``unsynth
    render``; or it lists DX7 banks, patches and banks of Vital, or sounds, or folders of one of
    these. Raises :class:`~unsynth.data.external.DatasetError` for anything else and for an empty
    set.
    """
    for name in dataset:
        alone = name.startswith(_NAMED_SETS) or (Path(name) / MANIFEST).is_file()
        if alone and len(dataset) > 1:
            raise DatasetError(f"{name}: evaluate this set by itself; only files can be combined")
    kind, _, rest = dataset[0].partition(":")
    if dataset[0].startswith(_NAMED_SETS):
        if kind == "draws":
            if not rest.isdecimal() or int(rest) == 0:
                raise DatasetError(f"{dataset[0]}: give a number of draws, such as draws:200")
            return DrawTargets(task, int(rest), seed)
        sounds = nsynth_test(Path(rest)) if kind == "nsynth" else fsd50k_eval(Path(rest))
        return SoundFileTargets(sounds, task)
    paths = [Path(name) for name in dataset]
    if len(paths) == 1 and (paths[0] / MANIFEST).is_file():
        return DatasetTargets(Folder(paths[0]), task)
    for suffixes, read in _PATCH_FILES.items():
        found = [_with_suffixes(path, suffixes) for path in paths]
        files = [file for each in found for file in each]
        if files and not all(found):
            raise DatasetError(f"{files[0]}: give patches of one kind or sounds, not both")
        if files:
            return read(files, task)
    return SoundFileTargets(sound_files(paths), task)


def _in_channels(audio: Audio, channels: int) -> Float32[np.ndarray, "_ samples"]:
    """Mix stereo down to mono, or play mono on both channels."""
    if len(audio) == channels:
        return audio
    return np.repeat(audio.mean(0, keepdims=True), channels, axis=0)


def _audio(render: Audio | RenderFailure) -> Audio | None:
    return None if isinstance(render, RenderFailure) else render


def _with_suffixes(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """List the files at a path with these suffixes: the file itself, or those in the folder."""
    if path.is_dir():
        return [entry for entry in visible_entries(path, suffixes) if entry.is_file()]
    return [path] if path.suffix.lower() in suffixes else []


def _read_files(paths: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield the content of each file; raises :class:`DatasetError` where one cannot be read."""
    for path in paths:
        try:
            yield path, read_bytes(path)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
        except DocumentError as error:
            raise DatasetError(f"{path}: {error}") from None
