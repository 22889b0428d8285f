"""The result folder of a match: patches for the synthesizer, sound, note, numbers and report.

A folder is written whole or not at all: under a hidden name first, then renamed.
"""

import itertools
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mido

from unsynth.audio.files import write_wav
from unsynth.documents import printable
from unsynth.errors import EngineError, OutputError
from unsynth.files import lock_folder
from unsynth.interruption import await_result
from unsynth.matching.result import Knob, MatchResult
from unsynth.metrics.audio import AudioMetrics
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.report.page import render_page
from unsynth.synths.base import Concurrency, Note
from unsynth.version import __version__

#: The sound as it was matched, and that of the best patch.
_TARGET, _BEST = "target.wav", "best.wav"
#: What Windows forbids in names, and the names of its devices, which no file can have:
#: "Naming Files, Paths, and Namespaces" in Microsoft's documentation of Win32.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_DEVICE = re.compile("con|prn|aux|nul|(com|lpt)[0-9¹²³]", re.IGNORECASE)
#: Begins the name of a folder that is not complete yet.
_UNFINISHED = ".unfinished-"
#: Seconds that an engine in a process of its own may take to write its patch files.
_EXPORT_TIMEOUT = 300.0
#: Ticks per beat of the MIDI file. At MIDI's default of 120 beats per minute, a tick is 1 ms.
_TICKS_PER_BEAT = 500


@dataclass(frozen=True)
class ResultFiles:
    """The folder of a result, and its ``patches``: the files that the synthesizer opens."""

    folder: Path
    patches: tuple[Path, ...]


def save(result: MatchResult, out: Path, settings: Mapping[str, Any] | None = None) -> ResultFiles:
    """Write a result to a new folder in ``out``, named after the sound: everything or nothing.

    An existing folder keeps its name and content; the new one gets a number. ``settings`` go into
    ``patch.json``. Raises :class:`~unsynth.errors.OutputError` if ``out`` cannot be written to,
    and :class:`~unsynth.errors.EngineError` if the engine does not write its patches.
    """
    with _unfinished_folder(out) as unfinished:
        names = _write_files(result, unfinished, settings or {})
        folder = _publish(unfinished, out / result_name(result.target.name))
    return ResultFiles(folder, tuple(folder / name for name in names))


def check_output(out: Path) -> None:
    """Create ``out`` if needed; raise :class:`OutputError` if results cannot be written there."""
    with _unfinished_folder(out):
        pass


def result_name(sound: str) -> str:
    """Name the result folder of a sound, so that Windows and its disks can hold the folder too.

    >>> result_name("loops/organ.flac"), result_name("what?.wav"), result_name("aux.wav")
    ('organ', 'what_', 'aux_')
    """
    name = _FORBIDDEN.sub("_", printable(Path(sound).stem)).strip(". ") or "sound"
    return f"{name}_" if _DEVICE.fullmatch(name.partition(".")[0].rstrip()) else name


def is_result_sound(path: Path) -> bool:
    """Say whether a sound belongs to the result of a match, in whatever folder."""
    others = ("patch.json", "note.mid")
    return path.name in (_TARGET, _BEST) and all(path.with_name(name).exists() for name in others)


def export_patches(result: MatchResult, folder: Path) -> list[Path]:
    """Write the patches as files for the synthesizer: one bank, or files per candidate, best first.

    An engine that renders in worker processes, because it may crash or hang, exports in one too.
    Raises :class:`~unsynth.errors.EngineError` if that process dies or takes too long.
    """
    task, patches = result.task, result.exported
    if task.synth().concurrency is not Concurrency.PROCESSES:
        return task.export(patches, folder)
    # Not a function of this module: the process would then import torch, for more than a second.
    make = partial(partial, task.export, folder=folder)
    with closing(Workers(make, 1, _EXPORT_TIMEOUT)) as workers:
        try:
            return await_result(workers.submit(patches))
        except WorkerDied as death:
            reason = f"its process died with {death.ending}"
        except TimeoutError:
            reason = f"it did not finish within {_EXPORT_TIMEOUT:g} s"
    raise EngineError(f"the synthesizer of {task.name} did not write its patches: {reason}")


@contextmanager
def _unfinished_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder in ``out``; remove it at the end unless it was renamed.

    Also removes those that killed processes left there. A process holds a lock on its own folder,
    which ends with the process; the lock on ``out`` makes sure that no other process meets a folder
    before its owner has locked it.
    """
    # It is named before it is made, so that Ctrl-C at any moment removes it.
    unfinished = out / f"{_UNFINISHED}{secrets.token_hex(8)}"
    try:
        with _locked_folder(unfinished):
            yield unfinished
    except OSError as error:
        raise OutputError(f"{out}: could not write the result ({error.strerror})") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def _locked_folder(unfinished: Path) -> Iterator[None]:
    """Make a folder and hold its lock; first remove those beside it that nobody holds."""
    out = unfinished.parent
    with ExitStack() as locks:
        try:
            out.mkdir(parents=True, exist_ok=True)
            with lock_folder(out, wait=True):
                for other in out.glob(f"{_UNFINISHED}*"):
                    with lock_folder(other) as abandoned:
                        if abandoned:
                            shutil.rmtree(other, ignore_errors=True)
                unfinished.mkdir(mode=0o700)
                locks.enter_context(lock_folder(unfinished))
        except OSError as error:
            raise OutputError(
                f"{out}: cannot write there ({error.strerror}); choose another --out"
            ) from None
        yield


def _publish(unfinished: Path, path: Path) -> Path:
    """Rename the finished folder to ``path``, or to ``path-2``, ``path-3``, ... if that exists."""
    # The temporary folder is readable by its owner only.
    unfinished.chmod(0o755)
    for number in itertools.count(1):
        folder = path if number == 1 else path.with_name(f"{path.name}-{number}")
        if folder.exists():
            continue
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.exists():  # Otherwise another process has just made it.
                raise
        else:
            break
    return folder


def _write_files(result: MatchResult, folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """Write all files of a result into an empty folder; return the names of the patch files."""
    best = result.candidates[0]
    exported = [path.name for path in export_patches(result, folder)]
    write_wav(folder / _TARGET, result.target.audio, result.target.sample_rate)
    write_wav(folder / _BEST, best.audio, result.target.sample_rate)
    _write_midi(folder / "note.mid", result.task.note(best.patch))
    content = _as_json(result, exported) | {"settings": dict(settings)}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / "patch.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.html").write_text(render_page(result, exported), encoding="utf-8")
    return exported


def _write_midi(path: Path, note: Note) -> None:
    """Write the note as a MIDI file."""
    ticks_per_second = 2 * _TICKS_PER_BEAT
    on = mido.Message("note_on", note=note.pitch, velocity=note.velocity)
    off = mido.Message("note_off", note=note.pitch)
    on.time = round(note.onset * ticks_per_second)
    off.time = round(note.duration * ticks_per_second)
    file = mido.MidiFile(ticks_per_beat=_TICKS_PER_BEAT, tracks=[mido.MidiTrack([on, off])])
    file.save(path)


def _as_json(result: MatchResult, exported: Sequence[str]) -> dict[str, Any]:
    """Convert a result to JSON values, without its sounds; ``exported`` names the patch files."""
    task, names = result.task, result.task.spec.names
    # 0 if one bank holds several candidates.
    files_per_candidate = len(exported) // len(result.candidates)
    candidates = []
    for rank, candidate in enumerate(result.candidates, start=1):
        first = (rank - 1) * files_per_candidate
        active = task.active(candidate.patch)
        candidates.append(
            {
                "rank": rank,
                "files": list(exported[first : first + files_per_candidate] or exported),
                **({} if files_per_candidate else {"voice": rank}),
                "origin": candidate.origin,
                "structure": result.structures[rank - 1],
                **_metrics(result.metrics[rank - 1]),
                "musical": task.musical(candidate.patch),
                "parameters": task.spec.named(result.exported[rank - 1]),
                "undetermined": [
                    name for name, audible in zip(names, active, strict=True) if not audible
                ],
            }
        )
    return {
        "unsynth": __version__,
        "task": task.name,
        "task_hash": task.hash,
        "target": result.target.name,
        "remarks": list(result.target.remarks),
        "random_draws": [_metrics(metrics) for metrics in result.random_metrics],
        "noise_floor": _metrics(result.noise_floor),
        "engine_rate": task.engine_rate,
        **({"best_at_44100_hz": _metrics(result.at_usual_rate[1])} if result.at_usual_rate else {}),
        "before_the_search": {
            origin: {**_metrics(metrics), "parameters": task.spec.named(start.patch)}
            for origin, (start, metrics) in result.starts.items()
        },
        "distance": result.distance,
        "history": [
            {"renders": p.renders, "seconds": round(p.seconds, 3), "score": round(p.score, 4)}
            for p in result.history
        ],
        "knobs": {knob.name: round(knob.freedom, 4) for knob in _knobs(result)},
        "renders": result.renders,
        "seconds": round(result.seconds, 2),
        "stopped": result.stopped,
        "seed": result.seed,
        "locked": {name: task.spec.named(result.exported[0])[name] for name in result.locks.values},
        "candidates": candidates,
    }


def _knobs(result: MatchResult) -> Sequence[Knob]:
    return () if result.spread is None else result.spread.knobs


def _metrics(metrics: AudioMetrics) -> dict[str, float]:
    values = {name: round(value, 4) for name, value in metrics._asdict().items()}
    return {"mss_db": values.pop("mss"), **values}
