"""Small search problems: a target from the prior, its judge, and a start."""

import numpy as np

from unsynth.conventions import SECONDS
from unsynth.data.draws import audible
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.search.candidates import Candidate, Target
from unsynth.synths.base import Note


class Judge:
    """Renders on one engine and scores by MSS; records the patches it is given."""

    def __init__(self, task, audio: np.ndarray, seconds: float = SECONDS) -> None:
        self._task, self._synth, self._seconds = task, task.synth(), seconds
        self._distance = MultiScaleSpectral(audio, self._synth.sample_rate)
        self.patches: list = []

    def __call__(self, proposals):
        for patch, origin in proposals:
            self.patches.append(patch)
            request = self._task.engine_patch(patch), self._task.note(patch)
            audio = self._synth.render(*request, self._seconds)
            if audible(audio, self._synth.sample_rate):
                yield Candidate(patch, audio, float(self._distance(audio[None])[0]), origin)


def make_problem(
    task, seed: int, draws: int = 8, seconds: float = SECONDS
) -> tuple[Target, Judge, list[Candidate]]:
    """A draw of the prior as the target, its judge, and other draws to start from."""
    rng = np.random.default_rng(seed)
    note = Note(57, 0.1, 0.5)
    patch = task.with_note(task.sample(rng), note)
    audio = task.synth().render(task.engine_patch(patch), note, seconds)
    judge = Judge(task, audio, seconds)
    start = list(judge([(task.with_note(task.sample(rng), note), "prior") for _ in range(draws)]))
    judge.patches.clear()
    return Target("a draw", audio, 44_100), judge, start
