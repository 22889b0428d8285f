"""Results of matches for tests of reports, and a reader of pages."""

from html.parser import HTMLParser

import numpy as np

from unsynth.conventions import SAMPLE_RATE, SAMPLES
from unsynth.matching.result import MatchResult
from unsynth.metrics.audio import AudioMetrics
from unsynth.search.candidates import Candidate, HistoryPoint, Target
from unsynth.tasks.locks import Locks
from unsynth.tasks.task import Task

HOSTILE = "<script>alert(\"x\")</script> & 'sons'"


def tone(frequency: float, peak: float = 0.5) -> np.ndarray:
    seconds = np.arange(SAMPLES) / SAMPLE_RATE
    fade = np.exp(-seconds)
    return (peak * fade * np.sin(2 * np.pi * frequency * seconds)).astype(np.float32)[None]


def scores(mss: float) -> AudioMetrics:
    return AudioMetrics(mss, 2.0 * mss, 0.02 * mss, 1.0 - 0.02 * mss)


def match_result(task: Task, count: int, name: str = "a bell") -> MatchResult:
    rng = np.random.default_rng(5)
    candidates = tuple(
        Candidate(task.sample(rng), tone(200.0 + 10 * i, 0.2 + 0.1 * i), 2.0 + i, "mutation")
        for i in range(count)
    )
    start = Candidate(task.sample(rng), tone(230.0), 6.0, "posterior")
    return MatchResult(
        task=task,
        target=Target(name, tone(220.0), SAMPLE_RATE, (f"cut: {HOSTILE}",)),
        candidates=candidates,
        metrics=tuple(scores(candidate.score) for candidate in candidates),
        random_metrics=tuple(scores(mss) for mss in np.linspace(8.0, 20.0, 50)),
        noise_floor=scores(0.5),
        starts={"posterior": (start, scores(6.0))},
        history=(
            HistoryPoint(1, 0.1, 9.0),
            HistoryPoint(40, 1.0, 6.0),
            HistoryPoint(900, 9.0, 2.0),
            HistoryPoint(4096, 20.0, 2.0),
        ),
        search_began=HistoryPoint(500, 5.0, 6.0),
        distance="mss",
        seed=7,
        locks=Locks(task),
    )


class Page(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]
