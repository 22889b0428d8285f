"""The page's server: routes from requests to jobs, results and notes.

Every error that a request can cause is one sentence in ``{"error": ...}``.
"""

import asyncio
import json
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from unsynth.app.jobs import Job, Jobs
from unsynth.app.matches import Matches
from unsynth.app.playing import Player
from unsynth.app.requests import NoteRequest, NotThereError, PatchRequest, SearchRequest
from unsynth.app.security import Guard
from unsynth.app.synthesizers import Choice, choices, controls, task_of
from unsynth.errors import PatchError, UnsynthError
from unsynth.rendering.workers import WorkerDied
from unsynth.synths.base import Note
from unsynth.tasks.locks import Locks

#: The most bytes of a file: an hour of stereo at 44.1 kHz is 635 MB.
MOST_FILE_BYTES = 700_000_000
#: The most bytes of any other request.
_MOST_BYTES = 1_000_000
#: Seconds between two looks at the jobs for the pages that watch them.
_WATCH_INTERVAL = 0.2
#: Seconds after which a page that watches hears something, so that lost connections end.
_HEARTBEAT = 15.0

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass
class Services:
    """What the routes work with."""

    out: Path
    task_files: Sequence[Path] = ()
    jobs: Jobs = field(init=False)
    matches: Matches = field(init=False)
    player: Player = field(init=False)
    #: Whether the server ends, so that pages must stop watching.
    closing: bool = False
    #: The synthesizers that the page offered last: looking for plugins takes time.
    offered: frozenset[str] = frozenset()

    def open(self) -> None:
        """Start the processes."""
        self.matches = Matches(self.out)
        self.player = Player()
        self.jobs = Jobs(self.out)

    def choices(self) -> list[Choice]:
        """List the synthesizers as they are now."""
        rows = choices(self.task_files)
        self.offered = frozenset(choice.source for choice in rows if not choice.missing)
        return rows

    def close(self) -> None:
        """End them."""
        self.jobs.close()
        self.player.close()


def create_app(services: Services, token: str, hosts: Sequence[str], port: int) -> Starlette:
    """Make the application; :class:`~unsynth.app.security.Guard` explains the last three."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(services.open)
        # The first sound would wait for this import, and so would the page.
        module = "unsynth.app.sounds"
        threading.Thread(target=import_module, args=(module,), daemon=True).start()
        yield
        await run_in_threadpool(services.close)

    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/static/{name}", _static),
            Route("/synths", _synths),
            Route("/synths/controls", _controls),
            Route("/sounds", _add_sound, methods=["POST"]),
            Route("/jobs/events", _events),
            Route("/jobs/{id}", _remove_job, methods=["DELETE"]),
            Route("/jobs/{id}/patches", _add_patches, methods=["POST"]),
            Route("/jobs/{id}/note", _note),
            Route("/jobs/{id}/stretch.wav", _stretch),
            Route("/jobs/{id}/search", _search, methods=["POST"]),
            Route("/jobs/{id}/stop", _stop, methods=["POST"]),
            Route("/jobs/{id}/patch", _best_patch),
            Route("/jobs/{id}/{whose}.{kind}", _media),
            Route("/matches", _matches),
            Route("/matches/{id}", _match),
            Route("/matches/{id}", _delete_match, methods=["DELETE"]),
            Route("/matches/{id}/again", _again, methods=["POST"]),
            Route("/matches/{id}/{name}", _match_file),
            Route("/play", _play, methods=["POST"]),
            Route("/patch-file", _patch_file, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, token=token, hosts=hosts, port=port)],
        exception_handlers={
            UnsynthError: _bad_request,
            ValidationError: _invalid,
            NotThereError: _not_found,
            HTTPException: _refused,
            WorkerDied: _engine_died,
            TimeoutError: _engine_died,
            ClientDisconnect: _refused,
        },
        lifespan=lifespan,
    )
    app.state.services = services
    return app


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": " ".join(text.split())[:500]}, status_code=status)


async def _bad_request(request: Request, error: Exception) -> Response:
    return _error(400, _services(request).jobs.without_place(str(error)))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))[:100]
    return _error(422, f"{place or 'the request'}: {first['msg']}")


async def _not_found(request: Request, error: Exception) -> Response:
    return _error(404, "this is not here any more; reload the page")


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _error(error.status_code, error.detail)
    return _error(400, "the connection was lost")


async def _engine_died(request: Request, error: Exception) -> Response:
    return _error(503, "the synthesizer crashed or hung; change the patch, or try again")


async def _body(request: Request, model: type[_Model]) -> _Model:
    """Read a request's JSON; a browser sends this type to another site only after asking it."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise HTTPException(415, "send JSON")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MOST_BYTES:
            raise HTTPException(413, "this request is too long")
    return model.model_validate_json(bytes(data))


async def _page(request: Request) -> Response:
    return Response(_web_file("app", "page.html"), media_type="text/html")


#: Files of the page: where they lie in the package, and their types.
_STATIC = {
    "app.css": ("app", "app.css", "text/css"),
    "report.css": ("report", "page.css", "text/css"),
    "report.js": ("report", "page.js", "text/javascript"),
    **{
        f"{name}.js": ("app", f"{name}.js", "text/javascript")
        for name in ("app", "sound", "jobs", "keyboard", "patch", "gallery", "talk")
    },
}


async def _static(request: Request) -> Response:
    if request.path_params["name"] not in _STATIC:
        raise NotThereError("no such file")
    part, name, kind = _STATIC[request.path_params["name"]]
    return Response(_web_file(part, name), media_type=kind)


def _web_file(part: str, name: str) -> bytes:
    folder = files("unsynth") / part
    return ((folder / "web" / name) if part == "app" else (folder / name)).read_bytes()


def _synths(request: Request) -> Response:
    return JSONResponse([vars(choice) for choice in _services(request).choices()])


def _controls(request: Request) -> Response:
    return JSONResponse(controls(_task(request.query_params.get("synth", ""), request)))


def _task(source: str, request: Request) -> Any:
    """Load a task that the page offers: a request must not read other files."""
    _check_offered(source, request)
    return task_of(source)


def _check_offered(source: str, request: Request) -> None:
    services = _services(request)
    if source not in services.offered:
        services.choices()
    if source not in services.offered:
        raise UnsynthError(f"the synthesizer {source[:80]!r} is not ready; choose one of the list")


async def _add_sound(request: Request) -> Response:
    """Take a sound file as the body of a request; ``name`` is what the user calls it."""
    _check_announced(request)
    jobs = _services(request).jobs
    path = await run_in_threadpool(jobs.new_sound_path, request.query_params.get("name", ""))
    try:
        await _store_body(request, path)
        job = await run_in_threadpool(jobs.add, path)
    finally:
        await run_in_threadpool(jobs.drop_unless_added, path)
    return JSONResponse(job.as_json(), status_code=201)


async def _add_patches(request: Request) -> Response:
    """Take a file of patches of ``synth`` to start from, as :func:`_add_sound` takes a sound."""
    from unsynth.matching.user_patches import UserPatches

    _check_announced(request)
    jobs, job, name = _services(request).jobs, _job(request), request.query_params.get("name", "")
    task = await run_in_threadpool(_task, request.query_params.get("synth", ""), request)
    path = await run_in_threadpool(jobs.new_patches_path, job, name)
    try:
        await _store_body(request, path)
        await run_in_threadpool(UserPatches.read, path, task)
        await run_in_threadpool(jobs.keep_patches, job, path)
    except PatchError as error:
        raise PatchError(f"{name}: {str(error).removeprefix(f'{path}: ')}") from None
    finally:
        await run_in_threadpool(shutil.rmtree, path.parent, ignore_errors=True)
    return JSONResponse({}, status_code=201)


def _check_announced(request: Request) -> None:
    """Refuse a file before any of it is read, if its type or its length is wrong."""
    if request.headers.get("content-type", "").split(";")[0] != "application/octet-stream":
        raise HTTPException(415, "send the file as application/octet-stream")
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        raise HTTPException(400, "the length of the file is not a number") from None
    if announced > MOST_FILE_BYTES:
        raise _too_large()


async def _store_body(request: Request, path: Path) -> None:
    size = 0
    try:
        with path.open("wb") as file:
            async for part in request.stream():
                size += len(part)
                if size > MOST_FILE_BYTES:
                    raise _too_large()
                await run_in_threadpool(file.write, part)
    except OSError as error:
        raise HTTPException(
            507, f"could not be stored ({error.strerror}); is the disk full?"
        ) from None


def _too_large() -> HTTPException:
    return HTTPException(
        413, f"a file may have {MOST_FILE_BYTES // 1_000_000} MB; of a sound, cut out the note"
    )


def _job(request: Request) -> Job:
    return _services(request).jobs.get(request.path_params["id"])


def _start(request: Request) -> float | None:
    text = request.query_params.get("start")
    try:
        start = None if text is None else float(text)
    except ValueError:
        raise UnsynthError(f"start: {text!r:.40} is not a number") from None
    if start is not None and not 0 <= start < 1e6:
        raise UnsynthError(f"start: {start:g} is out of range")
    return start


def _note(request: Request) -> Response:
    from unsynth.app.sounds import hear

    return JSONResponse(hear(_job(request).sound, _start(request)))


def _stretch(request: Request) -> Response:
    from unsynth.app.sounds import write_stretch

    with tempfile.TemporaryDirectory(prefix="unsynth-") as folder:
        path = Path(folder) / "stretch.wav"
        write_stretch(_job(request).sound, _start(request) or 0.0, path)
        return Response(path.read_bytes(), media_type="audio/wav")


async def _search(request: Request) -> Response:
    search = await _body(request, SearchRequest)
    task = await run_in_threadpool(_task, search.synth, request)
    # What the task does not have is said before the page puts the sound away.
    Locks.read(task, search.held)
    if search.patch is not None:
        task.spec.from_named(search.patch)
    job = await run_in_threadpool(_services(request).jobs.search, _job(request), search)
    return JSONResponse(job.as_json(), status_code=202)


def _stop(request: Request) -> Response:
    at_once = request.query_params.get("at_once") == "true"
    _services(request).jobs.stop(_job(request), at_once)
    return JSONResponse(_job(request).as_json())


def _remove_job(request: Request) -> Response:
    _services(request).jobs.remove(_job(request))
    return JSONResponse({})


def _best_patch(request: Request) -> Response:
    parameters = _job(request).best_parameters
    if parameters is None:
        raise NotThereError("no patch yet")
    return JSONResponse(parameters)


def _media(request: Request) -> Response:
    job = _job(request)
    media = {"target": job.target_media, "best": job.best_media}.get(request.path_params["whose"])
    kind = request.path_params["kind"]
    if media is None or kind not in ("flac", "png"):
        raise NotThereError("no such sound")
    return Response(
        media.flac if kind == "flac" else media.png,
        media_type="audio/flac" if kind == "flac" else "image/png",
    )


async def _events(request: Request) -> Response:
    """Send the list of all jobs, now and each time that it has changed."""

    async def stream() -> AsyncIterator[str]:
        services = _services(request)
        last, silent = "", 0.0
        while not services.closing:
            text = json.dumps(_all_jobs(services))
            if text != last or silent >= _HEARTBEAT:
                yield f"data: {text}\n\n"
                last, silent = text, 0.0
            await asyncio.sleep(_WATCH_INTERVAL)
            silent += _WATCH_INTERVAL

    return StreamingResponse(stream(), media_type="text/event-stream")


def _all_jobs(services: Services) -> list[dict[str, Any]]:
    return [
        {**job.as_json(), "match": services.matches.id_of(job.folder)}
        for job in services.jobs.list()
    ]


def _matches(request: Request) -> Response:
    return JSONResponse([match.as_json() for match in _services(request).matches.list()])


def _match(request: Request) -> Response:
    matches, id = _services(request).matches, request.path_params["id"]
    return JSONResponse({**matches.get(id).as_json(), "content": matches.content(id)})


def _delete_match(request: Request) -> Response:
    _services(request).matches.delete(request.path_params["id"])
    return JSONResponse({})


def _again(request: Request) -> Response:
    """Bring the sound of an earlier match again, for another search."""
    services, id = _services(request), request.path_params["id"]
    target, match = services.matches.file(id, "target.wav"), services.matches.get(id)
    path = services.jobs.new_sound_path(f"{Path(match.name).stem}.wav")
    path.write_bytes(target.read_bytes())
    return JSONResponse(services.jobs.add(path).as_json(), status_code=201)


def _match_file(request: Request) -> Response:
    # As an attachment: a report that a stranger made must not run as part of this page.
    path = _services(request).matches.file(request.path_params["id"], request.path_params["name"])
    return FileResponse(path, headers={"Content-Disposition": _attachment(path.name)})


def _attachment(name: str) -> str:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    return f'attachment; filename="{plain}"'


async def _play(request: Request) -> Response:
    """Answer with float32 samples, channel by channel, and their rate in ``X-Sample-Rate``."""
    asked = await _body(request, NoteRequest)
    task = await run_in_threadpool(_task, asked.synth, request)
    note = Note(asked.pitch, 0.0, asked.duration, asked.velocity)
    player = _services(request).player
    future = player.play(asked.synth, asked.parameters, note, asked.seconds)
    audio = await asyncio.wrap_future(future)
    headers = {"X-Sample-Rate": str(task.sample_rate), "X-Channels": str(len(audio))}
    samples = audio.astype("<f4").tobytes()
    return Response(samples, media_type="application/octet-stream", headers=headers)


async def _patch_file(request: Request) -> Response:
    """Write a patch as the first file that its synthesizer opens, or that of ``suffix``."""
    asked = await _body(request, PatchRequest)
    await run_in_threadpool(_check_offered, asked.synth, request)
    written = await asyncio.wrap_future(
        _services(request).player.write(asked.synth, asked.parameters)
    )
    suffix = request.query_params.get("suffix", "")
    names = [name for name in written if name.endswith(suffix)]
    if not names:
        raise NotThereError(suffix)
    name = names[0]
    headers = {"Content-Disposition": _attachment(name)}
    return Response(written[name], media_type="application/octet-stream", headers=headers)
