"""The sounds that were brought and the searches in them, one search at a time.

Each sound has a folder below the results, with the sound and, once a search was asked for, the
request. The folder goes when its result is there. A server that starts therefore finds the searches
that an earlier one did not finish.
"""

import json
import os
import re
import secrets
import shutil
import threading
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unsynth.app.process import (
    Advance,
    BestSoFar,
    Failed,
    Finished,
    Media,
    Message,
    Order,
    SearchProcess,
    TargetReady,
)
from unsynth.app.requests import NotThereError, SearchRequest
from unsynth.app.waveform import Waveform
from unsynth.errors import OutputError, SoundError, UnsynthError
from unsynth.output import write_text

#: The folder of sounds and requests in the folder of results.
JOBS_FOLDER = ".app"
_REQUEST = "request.json"
#: The folder of a file of patches in the folder of a sound; hidden, as it holds no sound.
_PATCHES = ".patches"
#: The name of a file of patches whose own name has no usable character.
_NAMELESS = "patches"
#: Characters that file names do not have on every system.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


class State(Enum):
    """Where a job stands."""

    NEW = "new"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    #: An earlier server ended before the search did.
    UNFINISHED = "unfinished"


@dataclass
class Job:
    """A sound and the search in it."""

    id: str
    sound: Path
    waveform: Waveform | None = None
    state: State = State.NEW
    request: SearchRequest | None = None
    stage: str = ""
    done: int = 0
    total: int = 1
    best: float | None = None
    #: Seconds and distances in dB, one for each better patch.
    curve: list[tuple[float, float]] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    stopping: bool = False
    reason: str = ""
    folder: Path | None = None
    target_media: Media | None = None
    best_media: Media | None = None
    best_parameters: dict[str, Any] | None = None
    #: Number of sounds of best patches so far.
    version: int = 0

    def as_json(self) -> dict[str, Any]:
        """Describe the job for the page, without its sounds."""
        return {
            "id": self.id,
            "name": self.sound.name,
            "state": self.state.value,
            "request": None if self.request is None else self.request.model_dump(),
            "waveform": None if self.waveform is None else vars(self.waveform),
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "best": self.best,
            "curve": self.curve,
            "remarks": self.remarks,
            "stopping": self.stopping,
            "reason": self.reason,
            "hasTarget": self.target_media is not None,
            "version": self.version,
        }


class Jobs:
    """All jobs of a server, and the thread that carries them out in order. Close it after use."""

    def __init__(self, out: Path) -> None:
        self._out, self._place = out, out / JOBS_FOLDER
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Condition()
        self._closed = False
        self._find_unfinished()
        self._process = SearchProcess()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def _find_unfinished(self) -> None:
        for folder in sorted(self._place.glob("*"), key=lambda path: path.stat().st_mtime):
            sounds = [path for path in folder.glob("[!.]*") if path.name != _REQUEST]
            try:
                text = (folder / _REQUEST).read_text(encoding="utf-8")
                request = SearchRequest.model_validate(json.loads(text))
                job = Job(folder.name, sounds[0], _waveform(sounds[0]), State.UNFINISHED)
            except (OSError, ValueError, ValidationError, IndexError, SoundError):
                shutil.rmtree(folder, ignore_errors=True)  # a sound that was never searched
                continue
            job.request = request
            job.reason = "the server ended before this search did"
            self._jobs[job.id] = job

    def list(self) -> list[Job]:
        """List all jobs, oldest first, but for those whose result was deleted."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [job for job in jobs if job.folder is None or job.folder.is_dir()]

    def get(self, id: str) -> Job:
        """Find a job; raises :class:`NotThereError`."""
        with self._lock:
            if id not in self._jobs:
                raise NotThereError(id)
            return self._jobs[id]

    def new_sound_path(self, name: str) -> Path:
        """Make the folder of a new sound and say where to write the sound.

        ``name`` is what the user calls it; raises :class:`OutputError`.
        """
        safe = _safe_name(name) or "sound"
        folder = self._place / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{self._out}: cannot write there ({error.strerror})") from None
        return folder / ("sound" if safe == _REQUEST else safe)

    def add(self, sound: Path) -> Job:
        """Add a sound that was written; raises :class:`SoundError`."""
        job = Job(sound.parent.name, sound, _waveform(sound))
        with self._lock:
            self._jobs[job.id] = job
        return job

    def new_patches_path(self, job: Job, name: str) -> Path:
        """Make a folder for a file of patches, and say where to write the file.

        ``name`` is what the user calls it. :meth:`keep_patches` gives the file to the job. Raises
        :class:`OutputError`.
        """
        folder = job.sound.parent / f"{_PATCHES}-{secrets.token_hex(4)}"
        try:
            folder.mkdir()
        except OSError as error:
            raise OutputError(f"{self._out}: cannot write there ({error.strerror})") from None
        return folder / (_safe_name(name) or _NAMELESS)

    def keep_patches(self, job: Job, file: Path) -> None:
        """Let the searches of a job begin from a file that was written, in place of any other.

        Raises :class:`UnsynthError` for a job that waits or runs.
        """
        with self._lock:
            if job.state in (State.WAITING, State.RUNNING):
                raise UnsynthError("this search is not over; stop it first")
            kept = job.sound.parent / _PATCHES
            shutil.rmtree(kept, ignore_errors=True)
            file.parent.rename(kept)

    def without_place(self, text: str) -> str:
        """Leave out of a sentence where the page keeps what was brought, which says nothing."""
        folder = re.escape(f"{self._place}{os.sep}")
        return re.sub(rf"{folder}\w+[/\\]({re.escape(_PATCHES)}[/\\])?", "", text)

    def drop_unless_added(self, sound: Path) -> None:
        """Delete a sound that was not written whole, or cannot be read."""
        with self._lock:
            added = sound.parent.name in self._jobs
        if not added:
            shutil.rmtree(sound.parent, ignore_errors=True)

    def search(self, job: Job, request: SearchRequest) -> Job:
        """Queue a search in a job's sound.

        Raises :class:`UnsynthError` if one waits or runs already, or if the file of patches to
        start from was not brought, and :class:`OutputError`.
        """
        with self._lock:
            if job.state in (State.WAITING, State.RUNNING):
                raise UnsynthError("this sound is searched already; stop that search first")
            if request.patches is not None and not _patches_path(job, request.patches).is_file():
                raise UnsynthError("the file of patches is not here any more; choose it again")
            write_text(job.sound.parent / _REQUEST, request.model_dump_json())
            self._jobs.pop(job.id, None)
            job = Job(job.id, job.sound, job.waveform, State.WAITING, request, "waiting")
            self._jobs[job.id] = job
            self._lock.notify_all()
        return job

    def stop(self, job: Job, at_once: bool = False) -> None:
        """End a search with its best patches so far, or ``at_once`` and without.

        Two pages may stop one search: the second request changes nothing then.
        """
        with self._lock:
            if job.state is State.WAITING:
                job.state, job.reason = State.FAILED, "stopped before it began"
            elif job.state is State.RUNNING and at_once:
                self._process.kill()
            elif job.state is State.RUNNING:
                job.stopping = True
                self._process.stop()

    def remove(self, job: Job) -> None:
        """Forget a job that neither waits nor runs, and delete its sound.

        Raises :class:`UnsynthError` for one that does.
        """
        with self._lock:
            if job.state in (State.WAITING, State.RUNNING):
                raise UnsynthError("this search is not over; stop it first")
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.sound.parent, ignore_errors=True)

    def close(self) -> None:
        """End the search in progress; the next server finds it unfinished."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._process.close()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._closed and (job := self._next()) is None:
                    self._lock.wait()
                if self._closed:
                    return
                assert job is not None and job.request is not None
                job.state = State.RUNNING
                self._process.prepare()
            asked = job.request
            patches = None if asked.patches is None else _patches_path(job, asked.patches)
            for message in self._process.run(Order(job.sound, asked, self._out, patches)):
                with self._lock:
                    if self._closed:
                        return
                    _apply(job, message)
                    job.reason = self.without_place(job.reason)
            if job.state is State.DONE:
                shutil.rmtree(job.sound.parent, ignore_errors=True)

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state is State.WAITING), None)


def _safe_name(name: str) -> str:
    """Turn what a user calls a file into a file name for any system; it may be empty."""
    return _UNSAFE.sub("_", Path(name.replace("\\", "/")).name).strip(". ")[-120:]


def _patches_path(job: Job, name: str) -> Path:
    return job.sound.parent / _PATCHES / (_safe_name(name) or _NAMELESS)


def _waveform(sound: Path) -> Waveform:
    # Reading sounds imports SciPy, which takes longer than the page itself.
    from unsynth.app.sounds import read_waveform

    return read_waveform(sound)


def _apply(job: Job, message: Message) -> None:
    """Change a job as a message of the search says."""
    match message:
        case TargetReady(media, remarks):
            job.target_media, job.remarks = media, remarks
        case Advance(stage, done, total, best, seconds):
            job.stage, job.done, job.total = stage, done, total
            if best is not None and (job.best is None or best < job.best):
                job.best = best
                job.curve.append((round(seconds, 2), round(best, 3)))
        case BestSoFar(media, parameters):
            job.best_media, job.best_parameters = media, parameters
            job.version += 1
        case Finished(folder):
            job.state, job.folder, job.stage = State.DONE, folder, "done"
        case Failed(reason):
            job.state, job.reason = State.FAILED, reason
