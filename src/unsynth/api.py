"""``unsynth.match``: the command ``unsynth match``, from Python."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

from unsynth.conventions import SAMPLE_RATE
from unsynth.errors import OutputError, SoundError
from unsynth.interruption import stop_on
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.result import MatchResult
from unsynth.matching.run import Progress
from unsynth.matching.targets import fit_target
from unsynth.metrics.audio import AudioMetrics
from unsynth.report.folder import export_patches, save
from unsynth.search.judge import Distance
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.spec import NamedPatch
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class Match:
    """The patches for a sound, best first; ``result`` holds everything that the report shows."""

    result: MatchResult

    @cached_property
    def patches(self) -> tuple[NamedPatch, ...]:
        """The values of each patch by name, with its note; inaudible ones are neutral."""
        spec = self.result.task.spec
        return tuple(spec.named(patch) for patch in self.result.exported)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The note to play each patch with."""
        return tuple(self.result.task.note(c.patch) for c in self.result.candidates)

    @property
    def scores(self) -> tuple[AudioMetrics, ...]:
        """MSS (dB), wMFCC, SOT and RMS of each patch against the sound."""
        return self.result.metrics

    @property
    def structures(self) -> tuple[int, ...]:
        """The number of each patch's structure, from 1: patches of one structure share it.

        A structure is the set of categories that can be heard, such as a DX7's algorithm.
        """
        return self.result.structures

    @property
    def audio(self) -> Float32[np.ndarray, "items channels samples"]:
        """The sound of each patch, at ``sample_rate``; full scale is 1."""
        return np.stack([candidate.audio for candidate in self.result.candidates])

    @property
    def sample_rate(self) -> int:
        """The sample rate of ``audio``, in Hz."""
        return self.result.target.sample_rate

    def export(self, folder: str | Path) -> list[Path]:
        """Write only the patches, as the synthesizer opens them, into ``folder``; return the files.

        Files of the same names are replaced. Raises :class:`~unsynth.errors.OutputError`.
        """
        place = Path(folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
            return export_patches(self.result, place)
        except OSError as error:
            raise OutputError(f"{place}: cannot write there ({error.strerror})") from None

    def save(self, out: str | Path) -> Path:
        """Write patches, report and sound to a new folder in ``out``, as the command does.

        Returns the new folder. Raises :class:`~unsynth.errors.OutputError`.
        """
        return save(self.result, Path(out)).folder


def match(
    audio: Shaped[np.ndarray, "*channels samples"],
    sample_rate: int,
    task: str | Task = "dx7",
    *,
    budget: float = 20.0,
    renders: int | None = None,
    candidates: int = 16,
    keep: int = 8,
    lock: Mapping[str, int | float | str] | None = None,
    start: str | Path | Sequence[NamedPatch] = (),
    rate: int | None = None,
    distance: Distance = Distance.FAST,
    seed: int = 0,
    name: str = "sound",
    index: str | Path | None = None,
    model: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Match:
    """Find synthesizer patches that sound like ``audio``.

    Arguments:
        audio: The sound, ``(samples,)``, ``(channels, samples)`` or ``(samples, channels)``, at any
            level; there are more samples than channels. Of a sound longer than 4 s, the 4 s from
            its loudest onset are used.
        sample_rate: Sample rate of ``audio`` in Hz.
        task: Name of a synthesizer's task, path of a task file, or a task.
        budget: Length of the search in seconds.
        renders: Number of renders, instead of a time; the result then depends on ``seed`` alone.
        candidates: Number of samples of the trained model to start from.
        keep: Largest number of patches in the result, no two of them alike.
        lock: Parameters to hold at a value, such as ``{"note": 60, "algorithm": 5}``.
        start: Patches to start from as well, by name or as a file (``patch.json``, ``.syx``, MIDI,
            ``.vital``, ``.vitalbank``, ``.fxp`` or ``.vstpreset``). All are tried before the
            ``budget`` begins. The result is at least as near as the best of them.
        rate: Sample rate of the project that the patches will play in, in Hz; by default that of
            ``task``, which is 44100 unless it was loaded with another.
        distance: Distance to minimise. Results are always ranked by MSS.
        seed: Seed of all random choices.
        name: Name of the sound in files that are saved.
        index: File of an index of draws to start from, instead of the one for ``task``.
        model: Weight file of a trained model to sample, instead of the one for ``task``.
        progress: Called with every step of progress.

    The first Ctrl-C ends the search, and the best patches so far are the result; the second raises
    :class:`KeyboardInterrupt`.

    Raises :class:`~unsynth.errors.SoundError` for audio that cannot be matched,
    :class:`~unsynth.errors.PatchError` for a lock or a start that the task does not have, and other
    subclasses of :class:`~unsynth.errors.UnsynthError`.

    >>> match = unsynth.match(audio, 44_100, budget=10)    # doctest: +SKIP
    >>> match.patches[0]["algorithm"], match.scores[0].mss    # doctest: +SKIP
    ('5', 2.31)
    >>> match.save("matches")    # doctest: +SKIP
    PosixPath('matches/sound')
    """
    if isinstance(task, str) or rate not in (None, task.engine_rate):
        source = task if isinstance(task, str) else task.source
        task = load_task(source, SAMPLE_RATE if rate is None else rate)
    sound = np.asarray(audio)
    if sound.ndim not in (1, 2) or sound.dtype.kind not in "fiu":
        raise SoundError(
            f"audio of shape {sound.shape} and type {sound.dtype}; give numbers, (samples,) or "
            "(channels, samples)"
        )
    sound = np.atleast_2d(sound)
    if sound.shape[0] > sound.shape[1]:
        sound = sound.T
    request = Request(
        task,
        budget=budget,
        renders=renders,
        candidates=candidates,
        keep=keep,
        lock=lock or {},
        start=start,
        distance=distance,
        seed=seed,
    )
    target = fit_target(name, sound, sample_rate, task)
    files = (None if path is None else Path(path) for path in (index, model))
    with stop_on(signal.SIGINT) as stop_requested, Matcher.load(task, *files) as matcher:
        for event in matcher.events(target, request, stop_requested):
            if isinstance(event, MatchResult):
                return Match(event)
            if progress is not None:
                progress(event)
    raise AssertionError("the last event is the result")
