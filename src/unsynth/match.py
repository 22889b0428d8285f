"""The main job, end to end: from a sound file to a folder with patches and a report.

:func:`match` is a generator of events; the command, the page and Python all use it. To cancel,
close the generator (or raise inside it, as Ctrl-C does): nothing half-written is left behind.
"""

import itertools
import math
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32

from unsynth.artifacts import shipped_artifact
from unsynth.audio.files import read_sound
from unsynth.conventions import SECONDS
from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import OutputError, SoundError, UnsynthError
from unsynth.inversion.candidates import Candidate, Inversion, Proposal, Target
from unsynth.inversion.hearing import SHORTEST, HeardNote, hear, pitches
from unsynth.inversion.own_index import find_index
from unsynth.inversion.posterior import Posterior, load_posterior
from unsynth.inversion.proposals import HELD, DrawIndex
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.report.folder import write_results
from unsynth.synths.base import Note
from unsynth.tasks.parameter import Continuous
from unsynth.tasks.task import Task

#: As many as a DX7 bank holds.
MOST_CANDIDATES = 32
#: Draws of the index that are rendered on the target's note and scored.
SHORTLIST = 512
#: Samples of the posterior.
SAMPLES = 16
#: Of all these, how many are tried with other durations of the note: some in seconds, and some as
#: multiples of the duration that the target seems to have.
_RETIMED = 16
_SHORT_DURATIONS = (0.08, 0.25)
_STRETCHES = (0.75, 0.9, 1.0, 1.1, 1.35)
_RANDOM_DRAWS = 32
#: Shares of the budget for the nearest draws, and for other durations.
_NEAR_SHARE, _RETIMED_SHARE = 0.55, 0.35
_BUILDING = "building the index, once"


@dataclass(frozen=True)
class Progress:
    """How far a stage is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Finished:
    """The result, the folder it was written to, and the files in it that the synthesizer opens."""

    inversion: Inversion
    folder: Path
    patches: tuple[Path, ...]


Event = Progress | Finished


def match(
    sound: Path | Target,
    task: Task,
    out: Path,
    candidates: int = 16,
    pitch: int | None = None,
    seed: int = 0,
    index: DrawIndex | None = None,
    posterior: Posterior | None = None,
    budget: float = 20.0,
) -> Iterator[Event]:
    """Find patches for a sound and write them to a new folder in ``out``, named after the sound.

    ``sound`` is a file, or what :func:`read_target` made of one.
    Yields :class:`Progress`, last :class:`Finished`. ``pitch`` fixes the note (MIDI number); by
    default it is the pitch that is heard, or where none is, what fits each patch best. ``index``
    and ``posterior`` default to those in the package; a task without a posterior does without, an
    index that the package has not is built on first use. ``budget`` is how many seconds may be
    spent on rendering, which slow engines need.

    Raises :class:`~unsynth.errors.SoundError` for a sound that cannot be matched,
    :class:`~unsynth.errors.DrawIndexError` for a damaged index and
    :class:`~unsynth.errors.OutputError` where ``out`` cannot be written to.
    """
    _check_request(task, candidates, pitch)
    target = sound if isinstance(sound, Target) else read_target(sound, task)
    if posterior is None and shipped_artifact(task.name) is not None:
        posterior = load_posterior(task)
    with (
        _unfinished_folder(out) as unfinished,
        Renderer(task.synth) as renderer,
        closing(_Scorer(task, target, renderer)) as scorer,
    ):
        if index is None:
            index = yield from _found_index(task, renderer)
        started = time.perf_counter()
        yield Progress("searching the index", 0, len(index))
        heard = hear(target.audio, target.sample_rate, task, pitch)
        near = list(_nearest(index, target, heard))

        ranked: list[Candidate] = []
        if posterior is not None:
            yield Progress("sampling the posterior", 0, SAMPLES)
            ranked += scorer.score(_sampled(posterior, target, heard, seed))
        for done, found in enumerate(scorer.score(near, _NEAR_SHARE * budget), start=1):
            ranked.append(found)
            if done % 32 == 0:
                yield Progress("rendering the nearest draws", done, len(near))
        ranked.sort(key=lambda c: c.score)
        retimed = list(_retimed(task, ranked[:_RETIMED], heard.end))
        for done, found in enumerate(scorer.score(retimed, _RETIMED_SHARE * budget), start=1):
            ranked.append(found)
            if done % 32 == 0:
                yield Progress("trying other durations", done, len(retimed))
        best = _distinct(task, sorted(ranked, key=lambda c: c.score), candidates)
        if not best:
            raise SoundError(f"{target.name}: no patch could be rendered for this sound")

        yield Progress("writing", 0, 1)
        note = task.note(best[0].patch)
        again = next(scorer.score([(best[0].patch, "again")]))
        floor = MultiScaleSpectral(best[0].audio, target.sample_rate)(again.audio[None])[0]
        inversion = Inversion(
            task=task,
            target=target,
            candidates=tuple(best),
            random_scores=_random_scores(task, scorer, note, seed),
            noise_floor=float(floor),
            renders=scorer.renders,
            seconds=time.perf_counter() - started,
            seed=seed,
        )
        names = write_results(inversion, unfinished)
        folder = _publish(unfinished, out / (Path(target.name).stem.strip(". ") or "sound"))
    yield Finished(inversion, folder, tuple(folder / name for name in names))


def read_target(path: Path, task: Task) -> Target:
    """Read a sound as ``task``'s engine could have made it; see :func:`read_sound`."""
    synth = task.synth()
    onset = task.spec.parameters[task.spec.position["note.onset"]]
    assert isinstance(onset, Continuous)
    audio, remarks = read_sound(path, synth.sample_rate, synth.channels, SECONDS, onset.high)
    return Target(path.name, audio, synth.sample_rate, remarks)


def _found_index(task: Task, renderer: Renderer) -> Generator[Event, None, DrawIndex]:
    for event in find_index(task, renderer):
        if isinstance(event, DrawIndex):
            return event
        doing = "waiting for another process's index" if event.waiting else _BUILDING
        yield Progress(doing, event.done, event.total)
    raise AssertionError("an index is found, or why there is none is raised")


def _check_request(task: Task, candidates: int, pitch: int | None) -> None:
    if not 1 <= candidates <= MOST_CANDIDATES:
        raise UnsynthError(f"{candidates} candidates: choose 1 to {MOST_CANDIDATES}")
    allowed = pitches(task)
    if pitch is not None and pitch not in allowed:
        raise UnsynthError(
            f"note {pitch}: this synthesizer's task has {allowed.start} to {allowed.stop - 1}"
        )


def _sampled(
    posterior: Posterior, target: Target, heard: HeardNote, seed: int
) -> Iterator[Proposal]:
    """Sample the posterior at the onset and pitch that are heard; durations are its own."""
    rng = np.random.default_rng(seed)
    for patch in posterior.sample(target.audio, SAMPLES, rng, fixed=heard.fixed):
        yield patch, "posterior"


class _Scorer:
    """Renders patches and measures their distance to the target, several sounds at once."""

    def __init__(self, task: Task, target: Target, renderer: Renderer) -> None:
        self._task = task
        self._renderer = renderer
        self._sample_rate = target.sample_rate
        self._distance = MultiScaleSpectral(target.audio, target.sample_rate)
        # Torch's own threads would share each small operation and mostly wait for one another.
        self._torch_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self._pool = ThreadPoolExecutor(renderer.workers, "score")
        self.renders = 0

    def score(
        self, proposals: Iterable[Proposal], seconds: float = math.inf
    ) -> Iterator[Candidate]:
        """Yield a candidate for each patch that could be rendered and heard, in order.

        After ``seconds`` no more are begun.
        """
        task, proposals, started = self._task, list(proposals), time.perf_counter()
        requests = (
            (task.engine_patch(p), task.note(p))
            for p, _ in proposals
            if time.perf_counter() - started < seconds
        )
        sounds = self._renderer.render(requests)
        waiting: deque[Future[Candidate]] = deque()
        for (patch, origin), sound in zip(proposals, sounds, strict=False):
            self.renders += 1
            if not isinstance(sound, RenderFailure) and audible(sound, self._sample_rate):
                waiting.append(self._pool.submit(self._measure, patch, sound, origin))
            if len(waiting) > 2 * self._renderer.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _measure(
        self,
        patch: Float[np.ndarray, " parameters"],
        sound: Float32[np.ndarray, "channels samples"],
        origin: str,
    ) -> Candidate:
        return Candidate(patch, sound, float(self._distance(sound[None])[0]), origin)

    def close(self) -> None:
        """Drop what is not measured yet, and give torch its threads back."""
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._torch_threads)


def _nearest(index: DrawIndex, target: Target, heard: HeardNote) -> Iterator[Proposal]:
    """Propose draws for each reading of a sound."""
    for duration in heard.durations:
        count = SHORTLIST // len(heard.durations)
        for patch in index.nearest(
            target.audio, target.sample_rate, heard.onset, duration, heard.pitches, count
        ):
            yield patch, "index"


def _retimed(task: Task, ranked: list[Candidate], end: float) -> Iterator[Proposal]:
    stretched = (max(SHORTEST, round(end * stretch, 3)) for stretch in _STRETCHES)
    durations = {*_SHORT_DURATIONS, *stretched, HELD}
    for candidate in ranked:
        note = task.note(candidate.patch)
        for duration in sorted(durations - {note.duration}):
            moved = Note(note.pitch, note.onset, duration)
            yield task.with_note(candidate.patch, moved), candidate.origin


def _distinct(task: Task, ranked: list[Candidate], count: int) -> list[Candidate]:
    """Keep the best candidate of each patch, whatever its note, up to ``count``."""
    note = slice(task.spec.position["note.pitch"], None)
    kept: dict[bytes, Candidate] = {}
    for candidate in ranked:
        rest = candidate.patch.copy()
        rest[note] = 0
        kept.setdefault(rest.tobytes(), candidate)
        if len(kept) == count:
            break
    return list(kept.values())


def _random_scores(
    task: Task, scorer: _Scorer, note: Note, seed: int
) -> Float[np.ndarray, " draws"]:
    """Scores of plain draws of the prior on the match's own note."""
    draws = (
        task.sample(item_rng(task.name, Split.RANDOM, item, seed)) for item in range(_RANDOM_DRAWS)
    )
    moved = [(task.with_note(draw, note), "random") for draw in draws]
    return np.array([candidate.score for candidate in scorer.score(moved)])


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
