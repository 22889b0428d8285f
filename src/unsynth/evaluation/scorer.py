"""Score a model's estimates of one target."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from unsynth.conventions import SECONDS
from unsynth.data.seeding import Split, item_rng
from unsynth.errors import DrawIndexError
from unsynth.evaluation.settings import Settings
from unsynth.evaluation.targets import Audio, Sound, find_targets
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import load_index
from unsynth.matching.note import estimate_note
from unsynth.matching.starts import nearest_per_duration
from unsynth.metrics.audio import MultiScaleSpectral, audio_metrics
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task

#: Draws of the index that are rendered for a target.
NEAREST = 64


def estimate_names(candidates: int, draws: int | None = None) -> dict[str, str]:
    """Name the estimates of an evaluation, by the key that their columns start with."""
    index = f"nearest of {draws:,} draws" if draws else "nearest draw of the index"
    return {
        "one": "one sample",
        "best": f"best of {candidates}",
        "best_heard": f"best of {candidates} on the heard note",
        "random": "random draw",
        "best_random": f"best of {candidates} random draws",
        "nearest": index,
        "best_or_nearest": f"best of {candidates} and nearest",
        "floor": "noise floor",
    }


ORIGINAL = "_original"
#: The keys of the model's free samples.
_SAMPLES = ("one", "best")


def make_scorer(weights: Path, settings: Settings) -> Callable[[tuple[int, str]], dict[str, Any]]:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    scorer = Scorer(weights, settings)
    return lambda target: scorer.score(*target)


@dataclass(frozen=True)
class Estimate:
    audio: Audio
    distance: float
    pitch: int | None
    failed: bool = False


class Scorer:
    """What one process holds: the model, an engine, the index and the targets."""

    def __init__(self, weights: Path, settings: Settings) -> None:
        self._settings = settings
        self._task = load_task(settings.task)
        self._posterior = load_posterior(self._task, weights)
        self._index = None if settings.samples_only else _index(self._task)
        self._renderer = Renderer(self._task.synth, workers=1)
        self._targets = find_targets(list(settings.dataset), self._task, settings.seed)
        self._names = self._targets.names
        synth = self._task.synth()
        samples = round(SECONDS * synth.sample_rate)
        self._silence = np.zeros((synth.channels, samples), dtype=np.float32)

    def score(self, number: int, failure: str = "") -> dict[str, Any]:
        """Make a target's row; with ``failure``, the row of one that could not be estimated."""
        started = time.perf_counter()
        sound = self._targets.load(number, self._renderer)
        distance = MultiScaleSpectral(sound.audio, self._renderer.sample_rate)
        estimates = self._estimates(sound, number, distance, failure)
        row: dict[str, Any] = {
            "item": number,
            "name": self._names[number],
            "pitch": sound.pitch,
            "noise_seed": f"{self._settings.seed},{number}",
            "index_draws": None if self._index is None else len(self._index),
            "failures": sum(estimate.failed for estimate in estimates.values()),
            "error": failure or None,
        }
        for key, estimate in estimates.items():
            row |= self._scores(key, sound, estimate)
        return row | {"seconds": round(time.perf_counter() - started, 3)}

    def _estimates(
        self, sound: Sound, number: int, distance: MultiScaleSpectral, failure: str
    ) -> dict[str, Estimate]:
        settings, task = self._settings, self._task
        if failure:
            distance_of_silence = float(distance(self._silence[None])[0])
            silent = Estimate(self._silence, distance_of_silence, None, failed=True)
            keys = [key for key in estimate_names(settings.candidates) if key != "floor"]
            return dict.fromkeys(_SAMPLES if settings.samples_only else keys, silent)
        count = settings.candidates
        sampled = self._sampled(sound, number, distance, {})
        if settings.samples_only:
            return dict(zip(_SAMPLES, (sampled[0], _best(sampled)), strict=True))
        note = estimate_note(sound.audio, self._renderer.sample_rate, task)
        on_heard = self._sampled(sound, number, distance, note.fixed_values)
        streams = (
            item_rng(task.name, Split.RANDOM, number * count + k, settings.seed)
            for k in range(count)
        )
        drawn = self._rendered(np.stack([task.sample(rng) for rng in streams]), distance)
        estimates = {
            "one": sampled[0],
            "best": _best(sampled),
            "best_heard": _best(on_heard),
            "random": drawn[0],
            "best_random": _best(drawn),
        }
        if self._index is not None:
            each = NEAREST // len(note.durations)
            lists = nearest_per_duration(
                self._index, sound.audio, self._renderer.sample_rate, note, each
            )
            near = self._rendered(np.concatenate(lists), distance)
            estimates["nearest"] = _best(near)
            estimates["best_or_nearest"] = _best([*sampled, *near])
        if sound.again is not None:
            again = float(distance(sound.again[None])[0])
            estimates["floor"] = Estimate(sound.again, again, sound.pitch)
        return estimates

    def _sampled(
        self, sound: Sound, number: int, distance: MultiScaleSpectral, fixed: dict[str, float]
    ) -> list[Estimate]:
        settings = self._settings
        patches = self._posterior.sample(
            sound.audio,
            settings.candidates,
            np.random.default_rng((settings.seed, number)),
            guidance=settings.guidance,
            steps=settings.solver_steps,
            fixed=fixed,
        )
        return self._rendered(patches, distance)

    def _rendered(
        self, patches: Float[np.ndarray, "items parameters"], distance: MultiScaleSpectral
    ) -> list[Estimate]:
        task, estimates = self._task, []
        sounds = self._renderer.render((task.engine_patch(p), task.note(p)) for p in patches)
        for patch, sound in zip(patches, sounds, strict=True):
            failed = isinstance(sound, RenderFailure)
            audio = self._silence if isinstance(sound, RenderFailure) else sound
            score = float(distance(audio[None])[0])
            estimates.append(Estimate(audio, score, task.note(patch).pitch, failed))
        return estimates

    def _scores(self, key: str, sound: Sound, estimate: Estimate) -> dict[str, Any]:
        rate = self._renderer.sample_rate
        scores: dict[str, Any] = {f"{key}.pitch": estimate.pitch, f"{key}.failed": estimate.failed}
        against = {"": sound.audio}
        if sound.original is not sound.audio:
            against[ORIGINAL] = sound.original
        for suffix, target in against.items():
            metrics = audio_metrics(target, estimate.audio, rate)
            scores |= {f"{key}.{n}{suffix}": value for n, value in metrics._asdict().items()}
        return scores


def _best(estimates: list[Estimate]) -> Estimate:
    return min(estimates, key=lambda estimate: estimate.distance)


def _index(task: Task) -> DrawIndex | None:
    """Load the task's index, where it has one."""
    try:
        return load_index(task)
    except DrawIndexError:
        return None
