"""Several sounds, and folders of them: which there are, and which are done.

A result's folder appears only when all is in it, and its ``patch.json`` holds the settings that
it was made with, a hash of the sound among them. So a run that was stopped or killed goes on by
looking at what is there.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsynth.errors import EngineError, PatchError, SoundError
from unsynth.matching.matcher import Matcher, Progress
from unsynth.matching.request import Request
from unsynth.matching.targets import read_target
from unsynth.report.folder import check_output, result_name, save

_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc"),
    *(".au", ".caf", ".rf64", ".w64"),
)


@dataclass(frozen=True)
class Job:
    """A sound, the folder that its own is made in, and whether a result that is there will do."""

    sound: Path
    out: Path
    resume: bool


def jobs(sounds: Sequence[Path], out: Path) -> list[Job]:
    """List sounds in order; a folder gives all that is in it and below, each result in its place.

    Raises :class:`SoundError` for what is not there, and for a folder without a sound.
    """
    found = []
    for path in sounds:
        if not path.exists():
            raise SoundError(f"{path}: there is no such file")
        if not path.is_dir():
            found.append(Job(path, out, resume=False))
            continue
        below = list(_sounds_in(path, out))
        if not below:
            raise SoundError(f"{path}: no sound file in this folder ({', '.join(_SUFFIXES[:9])})")
        place = out / path.resolve().name
        found += [Job(one, place / one.relative_to(path).parent, resume=True) for one in below]
    return found


def _sounds_in(folder: Path, out: Path) -> Iterator[Path]:
    """Find sounds, without those of results."""
    results = out.resolve()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() not in _SUFFIXES or hidden or not path.is_file():
            continue
        if results not in path.resolve().parents:
            yield path


def identity(sound: Path) -> str:
    """Hash a sound file."""
    try:
        with sound.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SoundError(f"{sound}: cannot be read ({error.strerror})") from None


def done(job: Job, settings: Mapping[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """Find the finished result of these settings, its folder and the content of its patch.json."""
    name = result_name(job.sound.name)
    for number in itertools.count(1):
        folder = job.out / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            return None
        try:
            content = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
            if content["settings"] == settings and not content["stopped"]:
                return folder, content
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


@dataclass(frozen=True)
class Begun:
    """A sound's turn has come, the ``number``-th of ``total``."""

    job: Job
    number: int
    total: int


@dataclass(frozen=True)
class Finished:
    """A sound's result: its folder and the content of its patch.json.

    ``before`` says that an earlier run made it.
    """

    job: Job
    folder: Path
    content: dict[str, Any]
    before: bool = False


@dataclass(frozen=True)
class Failed:
    """A sound that could not be matched, and why."""

    job: Job
    reason: str


@dataclass(frozen=True)
class Left:
    """How many sounds are left, since the user stopped the run."""

    sounds: int


def run(
    waiting: Sequence[Job],
    matcher: Matcher,
    request: Request,
    settings: Mapping[str, Any],
    stopped: Callable[[], bool],
) -> Iterator[Begun | Progress | Finished | Failed | Left]:
    """Match sounds one after the other; a bad one is reported, and the others go on.

    Once ``stopped()`` the sound in progress ends with its best so far, and no other is begun.
    """
    for number, job in enumerate(waiting, start=1):
        if stopped():
            yield Left(len(waiting) - number + 1)
            return
        yield Begun(job, number, len(waiting))
        try:
            own = {**settings, "sound": identity(job.sound)}
            before = done(job, own) if job.resume else None
            if before is not None:
                yield Finished(job, *before, before=True)
                continue
            target = read_target(job.sound, matcher.task)
            check_output(job.out)
            for event in matcher.events(target, request, stopped):
                if isinstance(event, Progress):
                    yield event
                else:
                    folder = save(event, job.out, own).folder
            content = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
            yield Finished(job, folder, content)
        except (SoundError, EngineError, PatchError) as error:
            yield Failed(job, str(error))
