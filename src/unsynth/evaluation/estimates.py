"""``unsynth evaluate --estimates-only``: the samples of an evaluation without its scores.

A GPU samples many times faster than a processor, but may be in a machine without the engine. Here
the model's samples of all targets are drawn and kept in the evaluation's folder
(:mod:`unsynth.evaluation.samples`). :func:`~unsynth.evaluation.evaluate.evaluate` resumes the
folder where the engine is: it renders and scores these samples. Their noise is that of an
evaluation in one go, so the two differ only by rounding, which depends on the device and on the
number of threads.
"""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from unsynth.devices import AUTO, find_device
from unsynth.documents import printable
from unsynth.errors import EngineError, SoundError
from unsynth.evaluation.evaluate import EvaluationProgress, plan_evaluation
from unsynth.evaluation.folder import EvaluationError
from unsynth.evaluation.samples import SampleFiles, Samples, draw_samples
from unsynth.evaluation.settings import EvaluationRequest
from unsynth.evaluation.targets import Targets, load_target
from unsynth.matching.note import estimate_note
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class EstimatesResult:
    """The samples of all targets; ``left_out`` has the reason for each target without samples."""

    folder: Path
    targets: int
    left_out: tuple[str, ...]


def estimate(
    request: EvaluationRequest,
    out: Path | None = None,
    device: str = AUTO,
    resume: bool = False,
) -> Iterator[EvaluationProgress | EstimatesResult]:
    """Draw a model's samples for a set of targets, on the torch device of that name.

    Sound files, and sets that were rendered with their audio, need no engine. Yields and raises as
    :func:`~unsynth.evaluation.evaluate.evaluate` does, and :class:`EvaluationError` where other
    targets need an engine that is not here.
    """
    evaluation = plan_evaluation(request)
    task, targets, settings = evaluation.task, evaluation.targets, evaluation.settings
    names, numbers = targets.names, evaluation.numbers
    posterior = load_posterior(task, evaluation.weights, find_device(device))
    renderer = _renderer(targets, task)
    left_out: list[str] = []
    with (
        nullcontext() if renderer is None else closing(renderer),
        evaluation.open(out, resume) as (folder, _),
    ):
        files = SampleFiles(folder, settings, task)
        for done, number in enumerate(numbers, 1):
            if files.read(number, names[number]) is None:
                try:
                    audio = load_target(targets, number, renderer, task.sample_rate).audio
                except SoundError as error:
                    left_out.append(printable(str(error)))
                    yield EvaluationProgress(done, len(numbers))
                    continue
                note = estimate_note(audio, task.sample_rate, task)
                free, on_note = (
                    draw_samples(posterior, settings, number, audio, fixed)
                    for fixed in ({}, note.fixed_values)
                )
                files.write(number, names[number], Samples(free, on_note))
            yield EvaluationProgress(done, len(numbers))
    if len(left_out) == len(numbers):
        raise EvaluationError(f"none of the {len(left_out)} targets can be sampled: {left_out[0]}")
    yield EstimatesResult(folder, len(numbers), tuple(left_out))


def _renderer(targets: Targets, task: Task) -> Renderer | None:
    """Make the renderer of targets that have to be rendered; ``None`` for stored sounds."""
    if targets.stored:
        return None
    try:
        return Renderer(task.synth, workers=1)
    except EngineError as error:
        raise EvaluationError(
            f"{error}; without it, give sounds, or a set of `unsynth render --audio`"
        ) from None
