"""The folder a match leaves behind: patches for the synthesizer, sound, note, numbers and page."""

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mido
import numpy as np

from unsynth.audio.files import write_wav
from unsynth.errors import EngineError, OutputError
from unsynth.matching.result import Knob, MatchResult
from unsynth.metrics.audio import AudioMetrics
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.report.page import render_page
from unsynth.synths.base import Concurrency, Note
from unsynth.tasks.task import Task
from unsynth.version import __version__

#: Seconds that an engine in a process gets to write its files.
_PATIENCE = 300.0


def write_results(
    result: MatchResult, folder: Path, settings: Mapping[str, Any] | None = None
) -> list[str]:
    """Write everything a user gets into an empty folder; return the names of the patch files.

    They are for the synthesizer: a bank, or files for each candidate, best first. ``settings``
    are put into ``patch.json``. Raises :class:`OSError` or
    :class:`~unsynth.errors.OutputError` where the disk does not take it, and
    :class:`~unsynth.errors.EngineError` where the engine does not make them.
    """
    best = result.candidates[0]
    exported = [path.name for path in export_patches(result, folder)]
    write_wav(folder / "best.wav", best.audio, result.target.sample_rate)
    _write_midi(folder / "note.mid", result.task.note(best.patch))
    content = as_json(result, exported) | {"settings": dict(settings or {})}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / "patch.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.html").write_text(render_page(result, exported), encoding="utf-8")
    return exported


def export_patches(result: MatchResult, folder: Path) -> list[Path]:
    """Write the patches as the synthesizer opens them.

    An engine that may die or hang does it in a process of its own, too.
    """
    task, patches = result.task, result.exported
    if task.synth().concurrency is not Concurrency.PROCESSES:
        return task.export(patches, folder)
    with closing(Workers(partial(_exporter, task, folder), 1, _PATIENCE)) as workers:
        try:
            return workers.submit(patches).result()
        except WorkerDied as death:
            reason = f"its process died with exit code {death.exitcode}"
        except TimeoutError:
            reason = f"nothing came in {_PATIENCE:g} s"
    raise EngineError(f"the synthesizer of {task.name} did not write its patches: {reason}")


def _exporter(task: Task, folder: Path) -> Callable[[np.ndarray], list[Path]]:
    return partial(task.export, folder=folder)


def _write_midi(path: Path, note: Note) -> None:
    """Write the note as a MIDI file: 120 beats a minute, 1 ms a tick."""
    ticks = 500
    on = mido.Message("note_on", note=note.pitch, velocity=note.velocity)
    off = mido.Message("note_off", note=note.pitch)
    on.time, off.time = round(note.onset * 2 * ticks), round(note.duration * 2 * ticks)
    file = mido.MidiFile(ticks_per_beat=ticks, tracks=[mido.MidiTrack([on, off])])
    file.save(path)


def as_json(result: MatchResult, exported: Sequence[str]) -> dict[str, Any]:
    """Say all but sounds in what JSON knows; ``exported`` are the names of the patch files."""
    task, names = result.task, result.task.spec.names
    each = len(exported) // len(result.candidates)
    candidates = []
    for rank, candidate in enumerate(result.candidates, start=1):
        active = task.active(candidate.patch)
        candidates.append(
            {
                "rank": rank,
                "files": list(exported[(rank - 1) * each : rank * each] or exported),
                **({} if each else {"voice": rank}),
                "origin": candidate.origin,
                **_metrics(result.metrics[rank - 1]),
                "musical": task.musical(candidate.patch),
                "parameters": task.spec.named(result.exported[rank - 1]),
                "undetermined": [n for n, heard in zip(names, active, strict=True) if not heard],
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
        "before_the_search": {
            origin: _metrics(metrics) for origin, (_, metrics) in result.starts.items()
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
    mss, *others = (round(value, 4) for value in metrics)
    return {"mss_db": mss, **dict(zip(("wmfcc", "sot", "rms"), others, strict=True))}


@dataclass(frozen=True)
class Saved:
    """The folder that a result was written to, and the files in it that the synthesizer opens."""

    folder: Path
    patches: tuple[Path, ...]


def check_out(out: Path) -> None:
    """Raise :class:`OutputError` where results cannot be written to ``out``; make it if need be."""
    with _unfinished_folder(out):
        pass


def result_name(sound: str) -> str:
    """Name the folder of a sound's result."""
    return Path(sound).stem.strip(". ") or "sound"


def save(result: MatchResult, out: Path, settings: Mapping[str, Any] | None = None) -> Saved:
    """Write a result to a new folder in ``out``, named after the sound; all of it or nothing.

    A folder that is there already keeps its name and content. ``settings`` are put into
    ``patch.json``. Raises :class:`OutputError` where
    ``out`` cannot be written to.
    """
    with _unfinished_folder(out) as unfinished:
        names = write_results(result, unfinished, settings)
        folder = _publish(unfinished, out / result_name(result.target.name))
    return Saved(folder, tuple(folder / name for name in names))


@contextmanager
def _unfinished_folder(out: Path) -> Iterator[Path]:
    """Make a hidden folder in ``out`` that is removed again unless it was renamed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    except OSError as error:
        raise OutputError(
            f"{out}: cannot write there ({error.strerror}); choose another --out"
        ) from None
    try:
        yield unfinished
    except OSError as error:
        raise OutputError(f"{out}: could not write the result ({error.strerror})") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _publish(unfinished: Path, wanted: Path) -> Path:
    """Rename the finished folder; one that is there already keeps its name and content."""
    unfinished.chmod(0o755)
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if not folder.exists():
            unfinished.rename(folder)
            break
    return folder
