"""Choose the result of a match: shortlist, rank by MSS, decide on the first, render random draws.

Here MSS includes the cost of energy below 20 Hz (:mod:`unsynth.metrics.subsonic`).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import chain
from operator import itemgetter

from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError
from unsynth.metrics.agreement import disagreement, median_metrics
from unsynth.metrics.audio import AudioMetrics, MultiScaleSpectral
from unsynth.rendering.renderer import Audio, Renderer, RenderFailure
from unsynth.search.candidates import Candidate, Target
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.structure import structure
from unsynth.tasks.task import Task

#: How many of the best candidates are always ranked by MSS.
_FINALISTS = 64
#: The most candidates that are ranked by MSS, with the best ones of other structures.
_MOST_FINALISTS = 96
#: All four metrics decide on the first among candidates whose MSS is within this factor.
_NEARLY_EQUAL = 1.05
#: The most draws to try until enough of them are audible.
_MAX_TRIES = 200


def shortlist(task: Task, ranked: Sequence[Candidate]) -> list[Candidate]:
    """Return the best of ranked candidates, and the best of other structures, 96 in all at most."""
    best_of_each = {structure(task, c.patch): c for c in reversed(ranked)}.values()
    chosen = {*ranked[:_FINALISTS], *best_of_each}
    return [candidate for candidate in ranked if candidate in chosen][:_MOST_FINALISTS]


def rank_by_mss(
    target: Target,
    candidates: Sequence[Candidate],
    starts: Mapping[str, Sequence[Candidate]],
    pool: Executor,
) -> tuple[dict[Candidate, float], dict[str, Candidate]]:
    """Rank candidates, and all starting candidates, by their MSS to the target.

    Returns the MSS of each, in order, and the best starting candidate of each origin.
    """
    finalists = list(dict.fromkeys(chain(candidates, *starts.values())))
    distance = MultiScaleSpectral(target.audio, target.sample_rate)
    distances = pool.map(
        lambda c: float(distance(c.audio[None])[0]) + target.subsonic_cost(c.audio), finalists
    )
    mss = dict(sorted(zip(finalists, distances, strict=True), key=itemgetter(1)))
    return mss, {origin: min(few, key=mss.__getitem__) for origin, few in starts.items()}


def order_by_all_metrics(
    target: Target,
    kept: Sequence[tuple[Candidate, AudioMetrics]],
    starts: Sequence[tuple[Candidate, AudioMetrics]],
    random_metrics: Sequence[AudioMetrics],
    noise_floor: AudioMetrics,
) -> list[tuple[Candidate, AudioMetrics]]:
    """Order candidates by MSS, but put first the one of the nearly equal that all metrics prefer.

    MSS here includes the cost of energy below 20 Hz, and ``kept`` is in its order. By it, the first
    is at least as near as every start.
    """
    chance = median_metrics(tuple(random_metrics))

    def mss(pair: tuple[Candidate, AudioMetrics]) -> float:
        return pair[1].mss + target.subsonic_cost(pair[0].audio)

    limit = min([_NEARLY_EQUAL * mss(kept[0]), *map(mss, starts)])
    first = min(
        (pair for pair in kept if mss(pair) <= limit),
        key=lambda pair: disagreement(pair[1], noise_floor, chance),
    )
    return sorted(kept, key=lambda pair: (pair is not first, mss(pair)))


def random_draws(task: Task, renderer: Renderer, note: Note, count: int, seed: int) -> list[Audio]:
    """Render ``count`` audible draws of the prior on a note.

    Returns fewer if too many are silent. Raises :class:`EngineError` if all are.
    """
    sounds: list[Audio] = []
    draws = (
        task.sample(item_rng(task.name, Split.RANDOM, item, seed)) for item in range(_MAX_TRIES)
    )
    patches = (task.with_note(draw, note) for draw in draws)
    requests = ((task.engine_patch(patch), task.note(patch)) for patch in patches)
    for sound in renderer.render(requests):
        if not isinstance(sound, RenderFailure) and audible(sound, renderer.sample_rate):
            sounds.append(sound)
        if len(sounds) == count:
            return sounds
    if not sounds:
        raise EngineError(f"none of {_MAX_TRIES} random draws of {task.name} made a sound")
    return sounds


def render_again(task: Task, renderer: Renderer, candidate: Candidate) -> Audio | None:
    """Render a candidate once more; return ``None`` if the engine fails."""
    request = task.engine_patch(candidate.patch), task.note(candidate.patch)
    sound = next(iter(renderer.render([request])))
    return None if isinstance(sound, RenderFailure) else sound


def render_at_usual_rate(task: Task, candidate: Candidate) -> Audio | None:
    """Render a candidate with an engine at unsynth's own rate.

    Returns ``None`` if the task's engine runs at that rate, or if it fails.
    """
    if task.engine_rate == task.sample_rate:
        return None
    usual = load_task(task.source)
    with Renderer(usual.synth, workers=1) as renderer:
        return render_again(usual, renderer, candidate)
