"""Choose what a match returns: rank by MSS, put the best by all metrics first, draw for chance."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import chain

from unsynth.data.draws import audible
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import EngineError
from unsynth.metrics.agreement import disagreement, median_metrics
from unsynth.metrics.audio import AudioMetrics, MultiScaleSpectral
from unsynth.rendering.renderer import Audio, Renderer, RenderFailure
from unsynth.search.candidates import Candidate, Target
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: How many of the best candidates are ranked by MSS.
_FINALISTS = 64
#: Among candidates whose MSS is within this factor of the best, all four metrics decide.
_NEARLY = 1.05
#: The most draws to try until enough random draws were heard.
_MOST_TRIES = 200


def rank_by_mss(
    target: Target,
    ranked: Sequence[Candidate],
    starts: Mapping[str, Sequence[Candidate]],
    pool: Executor,
) -> tuple[list[Candidate], dict[str, Candidate]]:
    """Rank the best candidates, and all from before the search, by their MSS to the target.

    Returns them in order, and the first of each origin before the search.
    """
    chosen = chain(ranked[:_FINALISTS], *starts.values())
    finalists = list({id(candidate): candidate for candidate in chosen}.values())
    distance = MultiScaleSpectral(target.audio, target.sample_rate)
    distances = pool.map(lambda c: float(distance(c.audio[None])[0]), finalists)
    mss = {id(c): each for c, each in zip(finalists, distances, strict=True)}
    finalists.sort(key=lambda c: mss[id(c)])
    return finalists, {origin: min(few, key=lambda c: mss[id(c)]) for origin, few in starts.items()}


def order_by_all_metrics(
    kept: Sequence[Candidate],
    metrics: Sequence[AudioMetrics],
    start_metrics: Sequence[AudioMetrics],
    random_metrics: Sequence[AudioMetrics],
    noise_floor: AudioMetrics,
) -> list[tuple[Candidate, AudioMetrics]]:
    """Order candidates by MSS, but first the one that all metrics prefer among nearly equal ones.

    ``kept`` is in the order of MSS. The first is never further, by MSS, than a start.
    """
    chance = median_metrics(tuple(random_metrics))
    nearly = min([_NEARLY * metrics[0].mss, *(each.mss for each in start_metrics)])
    pairs = list(zip(kept, metrics, strict=True))
    first = min(
        (pair for pair in pairs if pair[1].mss <= nearly),
        key=lambda pair: disagreement(pair[1], noise_floor, chance),
    )
    return sorted(pairs, key=lambda pair: (pair is not first, pair[1].mss))


def random_draws(task: Task, renderer: Renderer, note: Note, count: int, seed: int) -> list[Audio]:
    """Render ``count`` draws of the prior on a note; leave out those that are silent.

    Returns fewer where too many are silent. Raises :class:`EngineError` where all are.
    """
    sounds: list[Audio] = []
    draws = (
        task.sample(item_rng(task.name, Split.RANDOM, item, seed)) for item in range(_MOST_TRIES)
    )
    moved = (task.with_note(draw, note) for draw in draws)
    requests = ((task.engine_patch(draw), task.note(draw)) for draw in moved)
    for sound in renderer.render(requests):
        if not isinstance(sound, RenderFailure) and audible(sound, renderer.sample_rate):
            sounds.append(sound)
        if len(sounds) == count:
            return sounds
    if not sounds:
        raise EngineError(f"none of {_MOST_TRIES} random draws of {task.name} could be heard")
    return sounds


def render_again(task: Task, renderer: Renderer, candidate: Candidate) -> Audio | None:
    """Render a candidate once more; return ``None`` where the engine fails."""
    request = task.engine_patch(candidate.patch), task.note(candidate.patch)
    sound = next(iter(renderer.render([request])))
    return None if isinstance(sound, RenderFailure) else sound
