"""The estimates of one target and their scores: samples, draws and the noise floor."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from unsynth.conventions import SECONDS
from unsynth.data.seeding import Split, item_rng
from unsynth.documents import printable
from unsynth.errors import SoundError
from unsynth.evaluation.samples import SampleFiles, Samples, draw_samples
from unsynth.evaluation.settings import EvaluationSettings
from unsynth.evaluation.targets import Audio, TargetSound, find_targets, load_target
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import index_path, load_index
from unsynth.matching.note import estimate_note
from unsynth.matching.starts import nearest_per_duration
from unsynth.metrics.audio import MultiScaleSpectral, TargetMetrics
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task

#: Draws of the index that are rendered per target.
NEAREST = 64


def estimate_names(candidates: int, draws: int | None = None) -> dict[str, str]:
    """Name the estimates of an evaluation, by the first part of their columns' names.

    ``draws`` is the number of draws in the index.
    """
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


#: Suffix of the columns that compare with a target's original channels.
ORIGINAL = "_original"
#: Keys of the estimates that need only the model's free samples.
_SAMPLES = ("one", "best")
#: Keys of the estimates that need the index.
_INDEX = ("nearest", "best_or_nearest")
#: Key of the reason why a target is left out of a set.
LEFT_OUT = "left_out"


def make_scorer(
    weights: Path, settings: EvaluationSettings, folder: Path
) -> Callable[[tuple[int, str]], dict[str, Any]]:
    """Make the function that a worker process calls with the arguments of :meth:`Scorer.score`."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    scorer = Scorer(weights, settings, folder)
    return lambda target: scorer.score(*target)


@dataclass(frozen=True)
class Estimate:
    """A rendered patch, its MSS to the target, and its MIDI pitch."""

    audio: Audio
    distance: float
    pitch: int | None
    #: Whether it could not be rendered, so that ``audio`` is silence.
    failed: bool = False


class Scorer:
    """The model, an engine, the index and the targets, held by one worker process.

    Samples that ``folder`` has are scored as they are; others are drawn.
    """

    def __init__(self, weights: Path, settings: EvaluationSettings, folder: Path) -> None:
        self._settings = settings
        self._task = load_task(settings.task)
        self._posterior = load_posterior(self._task, weights)
        self._samples = SampleFiles(folder, settings, self._task)
        self._index = None if settings.samples_only else _load_index(self._task)
        self._renderer = Renderer(self._task.synth, workers=1)
        self._targets = find_targets(list(settings.dataset), self._task, settings.seed)
        self._names = self._targets.names
        synth = self._task.synth()
        samples = round(SECONDS * synth.sample_rate)
        self._silence = np.zeros((synth.channels, samples), dtype=np.float32)

    def score(self, number: int, failure: str = "") -> dict[str, Any]:
        """Score all estimates of target ``number``; return its row.

        A ``failure`` is the reason why the target cannot be estimated: its estimates are silence.
        A target that is silent or cannot be loaded is left out: its row has the reason alone.
        """
        started = time.perf_counter()
        try:
            sound = load_target(self._targets, number, self._renderer, self._renderer.sample_rate)
        except SoundError as error:
            return {"item": number, "name": self._names[number], LEFT_OUT: printable(str(error))}
        distance = MultiScaleSpectral(sound.audio, self._renderer.sample_rate)
        stored = self._samples.read(number, self._names[number])
        estimates = self._estimates(sound, number, distance, failure, stored)
        row: dict[str, Any] = {
            "item": number,
            "name": self._names[number],
            "pitch": sound.pitch,
            "noise_seed": f"{self._settings.seed},{number}",
            "index_draws": None if self._index is None else len(self._index),
            "failures": sum(estimate.failed for estimate in estimates.values()),
            "error": failure or None,
            "samples_stored": stored is not None,
        }
        rate = self._renderer.sample_rate
        measures = {"": TargetMetrics(sound.audio, rate)}
        if sound.original is not sound.audio:
            measures[ORIGINAL] = TargetMetrics(sound.original, rate)
        for key, estimate in estimates.items():
            row |= _score_estimate(key, measures, estimate)
        return row | {"seconds": round(time.perf_counter() - started, 3)}

    def _estimates(
        self,
        sound: TargetSound,
        number: int,
        distance: MultiScaleSpectral,
        failure: str,
        stored: Samples | None,
    ) -> dict[str, Estimate]:
        settings, task = self._settings, self._task
        if failure:
            silence_distance = float(distance(self._silence[None])[0])
            silent = Estimate(self._silence, silence_distance, None, failed=True)
            others = {"floor"} if self._index is not None else {"floor", *_INDEX}
            keys = [key for key in estimate_names(settings.candidates) if key not in others]
            return dict.fromkeys(_SAMPLES if settings.samples_only else keys, silent)
        count = settings.candidates
        free = self._sample(sound, number, {}) if stored is None else stored.free
        samples = self._render(free, distance)
        if settings.samples_only:
            return dict(zip(_SAMPLES, (samples[0], _best(samples)), strict=True))
        note = estimate_note(sound.audio, self._renderer.sample_rate, task)
        if stored is None:
            on_note = self._sample(sound, number, note.fixed_values)
        else:
            on_note = stored.on_estimated_note
        note_samples = self._render(on_note, distance)
        streams = (
            item_rng(task.name, Split.RANDOM, number * count + k, settings.seed)
            for k in range(count)
        )
        draws = self._render(np.stack([task.sample(rng) for rng in streams]), distance)
        estimates = {
            "one": samples[0],
            "best": _best(samples),
            "best_heard": _best(note_samples),
            "random": draws[0],
            "best_random": _best(draws),
        }
        if self._index is not None:
            each = NEAREST // len(note.durations)
            lists = nearest_per_duration(
                self._index, sound.audio, self._renderer.sample_rate, note, each
            )
            near = self._render(np.concatenate(lists), distance)
            estimates |= zip(_INDEX, (_best(near), _best([*samples, *near])), strict=True)
        if sound.second_render is not None:
            floor = float(distance(sound.second_render[None])[0])
            estimates["floor"] = Estimate(sound.second_render, floor, sound.pitch)
        return estimates

    def _sample(
        self, sound: TargetSound, number: int, fixed: Mapping[str, float]
    ) -> Float[np.ndarray, "candidates parameters"]:
        return draw_samples(self._posterior, self._settings, number, sound.audio, fixed)

    def _render(
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


def _score_estimate(
    key: str, measures: Mapping[str, TargetMetrics], estimate: Estimate
) -> dict[str, Any]:
    """Score an estimate against the target; ``measures`` go by the suffix of their columns."""
    scores: dict[str, Any] = {f"{key}.pitch": estimate.pitch, f"{key}.failed": estimate.failed}
    for suffix, measure in measures.items():
        metrics = measure(estimate.audio)
        scores |= {f"{key}.{name}{suffix}": value for name, value in metrics._asdict().items()}
    return scores


def _best(estimates: list[Estimate]) -> Estimate:
    return min(estimates, key=lambda estimate: estimate.distance)


def _load_index(task: Task) -> DrawIndex | None:
    """Load the task's index; ``None`` where it has none."""
    return load_index(task) if index_path(task).exists() else None
