"""Run a case in a process of its own, and judge how it ended.

On Linux the process is a fork of one that has loaded everything, so a case costs no start of
Python. It may compute for 10 s and hold 2 GB; what it prints and writes is checked.
"""

import contextlib
import functools
import io
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from fuzzing.cases import ABSENT, READ_SURGE, Case
from fuzzing.originals import Files

#: Seconds that a case may compute, and seconds after which it hangs though it does not compute.
MOST_COMPUTING, MOST_WAITING = 10, 60
#: Bytes that a case may hold, and bytes that it may ask for beside what is loaded before it.
MOST_MEMORY, MOST_ASKED = 2_000_000_000, 4_000_000_000
#: The longest line of an error, in characters.
MOST_CHARACTERS = 500
#: How a case may end; the first two are as they should be.
OUTCOMES = ("result", "clear error", "traceback", "hang", "other")

FORKS = sys.platform == "linux"
#: How lines begin that a command may write to standard error.
_EXPECTED = ("unsynth: ", "problem: ", "remark: ")
#: How lines begin that the decoder of a damaged MP3 (libmpg123) writes there by itself.
_DECODER = ("[src/libmpg123/", "Note: ", "Warning: ")
#: What progress leaves on standard error of a command without a terminal.
_BARS = ("  ", "checking", "sampling", "scoring", "rendering", "asking the engine", "in/")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
#: Files that Python's packages may cache.
_CACHES = (".pyc", ".nbi", ".nbc")


@dataclass(frozen=True)
class Outcome:
    """How a case ended: one of :data:`OUTCOMES`, with what was said or seen."""

    kind: str
    seed: int
    mutation: str
    command: str
    ended: str
    detail: str
    #: Seconds of computing.
    seconds: float


def load_all() -> None:
    """Import what the commands import, so that forks find it loaded."""
    import torch

    import unsynth.authoring.check_page
    import unsynth.matching.run
    import unsynth.synths.surge_xt
    import unsynth.synths.vital
    import unsynth.training.dry_run
    from unsynth.tasks import catalogue

    torch.set_num_threads(1)
    # Two random draws show chance as 24 do, at a twelfth of the time.
    unsynth.matching.run._RANDOM_DRAWS = 2
    # The task of the DX7 keeps its tables, which take a quarter of a second to make.
    catalogue._CODED["dx7"] = functools.cache(catalogue._CODED["dx7"])


def warm_up(case: Case, base: Files, folder: Path) -> None:
    """Run a case in this process, so that forks find compiled what it compiled."""
    if not FORKS:
        return
    place, here = _write_case(case, base, folder), Path.cwd()
    os.chdir(place)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        _command(case.arguments)
    os.chdir(here)


def run_cases(
    cases: Iterable[Case], base: Files, folder: Path, jobs: int, keep: bool = False
) -> Iterator[Outcome]:
    """Run cases, ``jobs`` at a time; yield each outcome as it comes.

    The folder of a case that fails stays in ``folder``; with ``keep`` all do.
    """
    context = multiprocessing.get_context("fork" if FORKS else "spawn")
    running: dict[Any, tuple[Case, Path, BaseProcess, float]] = {}
    waiting = iter(cases)
    more = True
    while more or running:
        while more and len(running) < jobs:
            case = next(waiting, None)
            if case is None:
                more = False
                break
            place = _write_case(case, base, folder)
            process = context.Process(target=_run, args=(case.arguments, place))
            process.start()
            running[process.sentinel] = case, place, process, time.monotonic()
        ended = wait(list(running), timeout=1.0)
        late = [
            sentinel
            for sentinel, (_, _, _, start) in running.items()
            if time.monotonic() - start > MOST_WAITING
        ]
        for sentinel in {*ended, *late}:
            case, place, process, start = running.pop(sentinel)
            _kill(process)
            process.join()
            how, detail = _judge(case, place, process.exitcode, sentinel in late)
            seconds = _report(place).get("seconds", time.monotonic() - start)
            command = " ".join(case.arguments)
            yield Outcome(case.kind, case.seed, case.mutation, command, how, detail, seconds)
            if how in OUTCOMES[:2] and not keep:
                shutil.rmtree(place)


def _write_case(case: Case, base: Files, folder: Path) -> Path:
    place = folder / f"{case.kind}-{case.seed}".replace(".", "-")
    shutil.rmtree(place, ignore_errors=True)
    for name, files in (("in", case.files), ("base", base)):
        (place / name).mkdir(parents=True)
        for file, data in files.items():
            (place / name / file).write_bytes(data)
    for name in ("out", "cache", "temporary"):
        (place / name).mkdir()
    return place


def _kill(process: BaseProcess) -> None:
    """Kill a process and those that it has left."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
    if process.is_alive():
        process.kill()


# -- in the process of a case -------------------------------------------------------------------


def _run(arguments: tuple[str, ...], place: Path) -> None:
    """Run a command in a case's folder, and leave a report beside what it printed."""
    if not FORKS:
        load_all()
    else:
        import resource

        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_COMPUTING, MOST_COMPUTING + 1))
        most = _asked() + MOST_ASKED
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(place)
    for name in ("HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        os.environ[name] = str(place / "cache")
    os.environ["TMPDIR"] = str(place / "temporary")
    for number, name, errors in ((1, "printed", "strict"), (2, "errors", "backslashreplace")):
        with Path(name).open("wb") as file:
            os.dup2(file.fileno(), number)
        stream = os.fdopen(number, "w", 1, "utf-8", errors, closefd=False)
        setattr(sys, ("stdout", "stderr")[number - 1], stream)
    written: list[str] = []
    sys.addaudithook(lambda event, values: _audit(event, values, place, written))
    report: dict[str, Any] = {"code": 0, "raised": ""}
    try:
        _command(arguments)
    except SystemExit as end:
        report["code"] = end.code or 0
    except BaseException:
        report["raised"] = traceback.format_exc()
    for thread in threading.enumerate():  # Python itself would wait for them.
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    report["written"] = list(written)
    if FORKS:
        whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        usages = [resource.getrusage(who) for who in whose]
        report["memory"] = 1024 * sum(usage.ru_maxrss for usage in usages)
        report["seconds"] = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    Path("report").write_text(json.dumps(report))
    os._exit(0)


def _asked() -> int:
    """Return the bytes that this process has asked for: a torch with CUDA asks for gigabytes."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGESIZE")


def _command(arguments: tuple[str, ...]) -> None:
    if arguments[0] == READ_SURGE:
        _read_surge(Path(arguments[1]))
        return
    from unsynth.cli.main import main

    sys.argv = ["unsynth", *arguments]
    main()


def _read_surge(path: Path) -> None:
    """Read a patch of Surge XT as ``match --from`` does, and end as a command does."""
    from unsynth.cli.terminal import say_error
    from unsynth.errors import UnsynthError
    from unsynth.matching.user_patches import UserPatches
    from unsynth.tasks.catalogue import load_task

    try:
        start = UserPatches.read(path, load_task("surge-full"))
        print(len(start.patches), "patches", *start.remarks)
    except UnsynthError as error:
        say_error(str(error))
        sys.exit(2)


def _audit(event: str, values: tuple[Any, ...], place: Path, written: list[str]) -> None:
    """Note every file and folder that is opened for writing, made, moved or removed elsewhere."""
    if event == "open":
        path, mode, flags = values
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
            mode is None and flags & (os.O_WRONLY | os.O_RDWR)
        )
        paths = [path] if writes else []
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate"):
        paths = [values[0]]
    elif event in ("os.rename", "os.link", "os.symlink"):
        paths = list(values[:2])
    else:
        return
    for path in paths:
        if isinstance(path, int):
            continue
        absolute = os.path.realpath(os.fsdecode(path))
        allowed = ("/dev/", *(f"{place}/{name}" for name in ("out", "temporary", "cache")))
        if not absolute.startswith(allowed) and not absolute.endswith(_CACHES):
            written.append(absolute)


# -- how a case ended ----------------------------------------------------------------------------


def _judge(case: Case, place: Path, code: int | None, late: bool) -> tuple[str, str]:
    errors = _text(place / "errors")
    if late:
        return "hang", f"not done after {MOST_WAITING} s; {_last(errors)}"
    if code == -getattr(signal, "SIGXCPU", 0):
        return "hang", f"computed for {MOST_COMPUTING} s; {_last(errors)}"
    if code != 0 or not (place / "report").exists():
        return "other", f"the process ended with exit code {code}; {_last(errors)}"
    report = _report(place)
    if report["raised"] or "Traceback (most recent" in errors:
        return "traceback", _last(report["raised"] or errors)
    if report.get("memory", 0) > MOST_MEMORY:
        return "other", f"{report['memory'] / 1e9:.1f} GB of memory"
    if report["written"]:
        return "other", f"wrote {report['written'][0]}"
    strange = _strange_files(case, place)
    if strange:
        return "other", f"left {strange}"
    if _CONTROL.search(_text(place / "printed") + errors):
        return "other", "prints control characters"
    lines = [line for line in errors.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("unsynth: ")]
    rest = [line for line in lines if not line.startswith((*_EXPECTED, *_DECODER, *_BARS))]
    if rest:
        return "other", f"says {rest[0]}"
    if report["code"] == 0:
        return ("result", "") if not said else ("other", f"exit code 0, but says {said[0]}")
    if report["code"] != 2 or len(said) != 1:
        return "other", f"exit code {report['code']} with {len(said)} lines of errors"
    (line,) = said
    if len(line) > MOST_CHARACTERS:
        return "other", f"an error of {len(line)} characters: {line[:80]}"
    if f"{ABSENT}: there is no such file" in line:  # all of the input was taken
        return "result", ""
    return "clear error", line


def _strange_files(case: Case, place: Path) -> str:
    """Name a file that should not be in a case's folder, or an input that has changed."""
    own = {"in", "base", "out", "cache", "temporary", "printed", "errors", "report"}
    for path in place.iterdir():
        if path.name not in own:
            return path.name
    for name, data in case.files.items():
        if (place / "in" / name).read_bytes() != data:
            return f"in/{name}, changed"
    others = [path.name for path in (place / "in").iterdir() if path.name not in case.files]
    others += [f"temporary/{path.name}" for path in (place / "temporary").iterdir()]
    hidden = [path for path in (place / "out").rglob(".*")]
    return next(iter([*others, *(f"out/{path.name}" for path in hidden)]), "")


def _report(place: Path) -> dict[str, Any]:
    return json.loads(_text(place / "report") or "{}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _last(text: str) -> str:
    """Return the last line, and where in unsynth the error came from."""
    lines = [line.strip() for line in text.strip().splitlines()]
    places = re.findall(r'unsynth/([\w/]+\.py)", line (\d+)', text)
    where = f" ({places[-1][0]}:{places[-1][1]})" if places else ""
    return (lines[-1][:200] if lines else "nothing was said") + where


def as_row(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as values for JSON."""
    return asdict(outcome)
