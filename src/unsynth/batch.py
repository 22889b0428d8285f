"""Match several sounds, and folders of sounds, one after the other.

The folder of a result appears only when it is complete, and its ``patch.json`` holds the settings
that produced it, with a hash of the sound. A run that was stopped or killed therefore continues by
looking at the folders that exist.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unsynth.audio.files import COMMON_SUFFIXES, SOUND_SUFFIXES
from unsynth.documents import read_json
from unsynth.errors import EngineError, PatchError, SoundError
from unsynth.files import hash_file, visible_entries
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.run import Progress
from unsynth.matching.targets import read_target
from unsynth.report.folder import check_output, is_result_sound, result_name, save


@dataclass(frozen=True)
class Job:
    """A sound, and the folder in which it gets a folder for its result.

    With ``resume`` a result that exists already is used; without, a new one is made.
    """

    sound: Path
    out: Path
    resume: bool


def find_jobs(paths: Sequence[Path], out: Path) -> list[Job]:
    """List the sounds to match, in order.

    A path may be a sound, or a folder: then all sounds in it and below it are listed, and their
    results get the same folders below ``out``. Raises :class:`SoundError` for a path that does not
    exist, and for a folder without a sound.
    """
    jobs = []
    for path in paths:
        if not path.exists():
            raise SoundError(f"{path}: there is no such file")
        if not path.is_dir():
            jobs.append(Job(path, out, resume=False))
            continue
        sounds = list(_sounds_below(path))
        if not sounds:
            raise SoundError(f"{path}: no sound file in this folder ({', '.join(COMMON_SUFFIXES)})")
        place = out / path.resolve().name
        jobs += [
            Job(sound, place / sound.relative_to(path).parent, resume=True) for sound in sounds
        ]
    return jobs


def _sounds_below(folder: Path) -> Iterator[Path]:
    """Find the sounds in a folder and below, without hidden files and those of results."""
    for path in visible_entries(folder, SOUND_SUFFIXES, below=True):
        if path.is_file() and not is_result_sound(path):
            yield path


def hash_sound(sound: Path) -> str:
    """Hash a sound file; raises :class:`SoundError` if it cannot be read."""
    try:
        return hash_file(sound)
    except OSError as error:
        raise SoundError(f"{sound}: cannot be read ({error.strerror})") from None


def find_result(job: Job, settings: Mapping[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """Find the complete result of a job with these settings: its folder and its patch.json.

    The result of a search that was stopped early is not complete.
    """
    name = result_name(job.sound.name)
    for number in itertools.count(1):
        folder = job.out / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            return None
        try:
            content = read_json(folder / "patch.json")
            if content["settings"] == settings and not content["stopped"]:
                return folder, content
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


@dataclass(frozen=True)
class SoundStart:
    """The match of a sound begins, the ``number``-th of ``total``."""

    job: Job
    number: int
    total: int


@dataclass(frozen=True)
class SoundResult:
    """The result of a sound: its folder and the content of its patch.json.

    ``earlier`` is true if an earlier run made it.
    """

    job: Job
    folder: Path
    content: dict[str, Any]
    earlier: bool = False


@dataclass(frozen=True)
class SoundFailure:
    """A sound that could not be matched, and why."""

    job: Job
    reason: str


@dataclass(frozen=True)
class Unmatched:
    """The number of sounds that were not begun, because the user stopped the run."""

    sounds: int


def match_jobs(
    jobs: Sequence[Job],
    matcher: Matcher,
    request: Request,
    settings: Mapping[str, Any],
    stop_requested: Callable[[], bool],
) -> Iterator[SoundStart | Progress | SoundResult | SoundFailure | Unmatched]:
    """Match sounds one after the other; report a bad sound, and go on with the others.

    Once ``stop_requested()``, the sound in progress ends with its best patches so far, and no other
    sound is begun. A result whose folder has gone by the end of the run is a failure too, although
    it was yielded before.
    """
    folders: list[tuple[Job, Path]] = []
    for number, job in enumerate(jobs, start=1):
        if stop_requested():
            yield Unmatched(len(jobs) - number + 1)
            break
        yield SoundStart(job, number, len(jobs))
        try:
            sound_settings = {**settings, "sound": hash_sound(job.sound)}
            earlier = find_result(job, sound_settings) if job.resume else None
            if earlier is not None:
                folders.append((job, earlier[0]))
                yield SoundResult(job, *earlier, earlier=True)
                continue
            target = read_target(job.sound, matcher.task)
            check_output(job.out)
            for event in matcher.events(target, request, stop_requested):
                if isinstance(event, Progress):
                    yield event
                else:
                    folder = save(event, job.out, sound_settings).folder
            content = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
            folders.append((job, folder))
            yield SoundResult(job, folder, content)
        except (SoundError, EngineError, PatchError) as error:
            yield SoundFailure(job, str(error))
    for job, folder in folders:
        if not (folder / "patch.json").exists():
            reason = f"its result {folder} was removed while the run went on; run it again"
            yield SoundFailure(job, f"{job.sound}: {reason}")
