"""``unsynth evaluate --estimates-only``: the samples of an evaluation without its scores.

A GPU samples many times faster than a processor, but may be in a machine without the engine. Here
the model's samples of all targets are drawn and kept in the evaluation's folder
(:mod:`unsynth.evaluation.samples`). :func:`~unsynth.evaluation.evaluate.evaluate` resumes the
folder where the engine is: it renders and scores these samples. Their noise is that of an
evaluation in one go, so the two differ only by the rounding of another device.
"""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from unsynth.devices import find_device
from unsynth.documents import printable
from unsynth.errors import EngineError, SoundError
from unsynth.evaluation.evaluate import EvaluationProgress, begin_evaluation
from unsynth.evaluation.folder import EvaluationError
from unsynth.evaluation.samples import Samples, draw_samples, read_samples, write_samples
from unsynth.evaluation.settings import EvaluationRequest
from unsynth.evaluation.targets import load_target
from unsynth.matching.note import estimate_note
from unsynth.rendering.renderer import Renderer


@dataclass(frozen=True)
class EstimatesResult:
    """The samples of all targets; ``left_out`` has the reason for each target without samples."""

    folder: Path
    targets: int
    left_out: tuple[str, ...]


def estimate(
    request: EvaluationRequest,
    out: Path | None = None,
    device: str = "auto",
    resume: bool = False,
) -> Iterator[EvaluationProgress | EstimatesResult]:
    """Draw a model's samples for a set of targets, on the torch device of that name.

    Sound files, and sets that were rendered with their audio, need no engine. Yields and raises as
    :func:`~unsynth.evaluation.evaluate.evaluate` does, and :class:`EvaluationError` where other
    targets need an engine that is not here.
    """
    evaluation = begin_evaluation(request, out, resume, find_device(device))
    posterior, targets, folder = evaluation.posterior, evaluation.targets, evaluation.folder
    task, settings = posterior.task, evaluation.settings
    left_out: list[str] = []
    renderer = None
    if not targets.stored:
        try:
            renderer = Renderer(task.synth, workers=1)
        except EngineError as error:
            raise EvaluationError(
                f"{error}; without it, give sounds, or a set of `unsynth render --audio`"
            ) from None
    with nullcontext() if renderer is None else closing(renderer):
        for done, number in enumerate(evaluation.numbers, 1):
            if read_samples(folder, number, settings.candidates, task) is None:
                try:
                    sound = load_target(targets, number, renderer, task.sample_rate)
                except SoundError as error:
                    left_out.append(printable(str(error)))
                    yield EvaluationProgress(done, len(evaluation.numbers))
                    continue
                note = estimate_note(sound.audio, task.sample_rate, task)
                free, heard = (
                    draw_samples(posterior, settings, number, sound.audio, fixed)
                    for fixed in ({}, note.fixed_values)
                )
                write_samples(folder, number, Samples(free, heard))
            yield EvaluationProgress(done, len(evaluation.numbers))
    if len(left_out) == len(evaluation.numbers):
        raise EvaluationError(f"none of the {len(left_out)} targets can be sampled: {left_out[0]}")
    yield EstimatesResult(folder, len(evaluation.numbers), tuple(left_out))
