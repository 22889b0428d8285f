"""``unsynth.match``: what the command does, from Python."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

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
    """What was found, best first; ``result`` has everything that a report shows."""

    result: MatchResult

    @cached_property
    def patches(self) -> tuple[NamedPatch, ...]:
        """Values by name, the note among them; what cannot be heard is neutral."""
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
    def audio(self) -> Float32[np.ndarray, "items channels samples"]:
        """What each patch sounds like, full scale 1, at ``sample_rate``."""
        return np.stack([candidate.audio for candidate in self.result.candidates])

    @property
    def sample_rate(self) -> int:
        """The engine's, in Hz."""
        return self.result.target.sample_rate

    def export(self, folder: str | Path) -> list[Path]:
        """Write the patches alone, as the synthesizer opens them, into ``folder``.

        Files of the same names are replaced. Raises :class:`~unsynth.errors.OutputError`.
        """
        place = Path(folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
            return export_patches(self.result, place)
        except OSError as error:
            raise OutputError(f"{place}: cannot write there ({error.strerror})") from None

    def save(self, out: str | Path) -> Path:
        """Write what the command writes, the report too, to a new folder in ``out``; return it.

        Raises :class:`~unsynth.errors.OutputError`.
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
    distance: Distance = Distance.FAST,
    seed: int = 0,
    name: str = "sound",
    index: str | Path | None = None,
    model: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Match:
    """Find the patches of a synthesizer that come nearest to a sound.

    ``audio`` is ``(samples,)`` or ``(channels, samples)``, at any level; what is longer than 4 s
    is cut at its loudest onset. ``task`` is the name of a synthesizer's task, or a task.
    ``budget`` is the seconds of the search; ``renders`` limits renders instead, and then the
    result depends on the ``seed`` alone. ``candidates`` is how many samples of the trained model
    are tried, ``keep`` how many patches come out, no two alike. ``lock`` holds parameters to
    values, as ``{"note": 60, "algorithm": 5}``. The search begins from ``start`` too, patches by
    name or a file (``patch.json`` or ``.syx``), and is never worse. ``distance`` is what the search
    lowers. ``name`` is the target's, in what is saved; ``index`` and ``model`` are files of your
    own; ``progress`` is called as it goes.

    Ctrl-C ends the search, and the best so far is the result; a second one raises
    :class:`KeyboardInterrupt`. Raises :class:`~unsynth.errors.SoundError` for audio that cannot be
    matched, :class:`~unsynth.errors.PatchError` for what cannot be locked or started from, and
    other children of :class:`~unsynth.errors.UnsynthError`.

    >>> found = unsynth.match(audio, 44_100, budget=10)    # doctest: +SKIP
    >>> found.patches[0]["algorithm"], found.scores[0].mss    # doctest: +SKIP
    ('5', 2.31)
    >>> found.save("found")    # doctest: +SKIP
    PosixPath('found/sound')
    """
    task = load_task(task) if isinstance(task, str) else task
    sound = np.asarray(audio)
    if sound.ndim not in (1, 2) or sound.dtype.kind not in "fiu":
        raise SoundError(
            f"audio of shape {sound.shape} and type {sound.dtype}; give numbers, (samples,) or "
            "(channels, samples)"
        )
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
    target = fit_target(name, np.atleast_2d(sound), sample_rate, task)
    files = (None if path is None else Path(path) for path in (index, model))
    with stop_on(signal.SIGINT) as stopped, Matcher.load(task, *files) as matcher:
        for event in matcher.events(target, request, stopped):
            if isinstance(event, MatchResult):
                return Match(event)
            if progress is not None:
                progress(event)
    raise AssertionError("the last event is the result")
