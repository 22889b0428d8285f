"""The matcher of one task: its engines, its index of draws and its trained model.

:meth:`Matcher.events` is a generator that ends with the result. Close the generator to cancel. To
end the search early and get the best result so far, let ``stopped()`` become true.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType

from unsynth.index.build import load_or_build_index
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import index_path, load_index
from unsynth.matching.request import Request
from unsynth.matching.result import MatchResult
from unsynth.matching.run import MatchRun, Progress
from unsynth.models.artifact import shipped_artifact
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Target
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.task import Task


class Matcher:
    """Matches sounds, one after the other. Close it after use.

    ``index`` and ``posterior`` default to those that ship with unsynth. If no index ships for the
    task, one is built on first use; if no model ships, sounds are matched without one. Raises
    :class:`~unsynth.errors.EngineError` if the engine is not installed.
    """

    def __init__(
        self, task: Task, index: DrawIndex | None = None, posterior: Posterior | None = None
    ) -> None:
        self.task = task
        self._index = index
        if posterior is None and shipped_artifact(task.name) is not None:
            posterior = load_posterior(task)
        self._posterior = posterior
        self._renderer = Renderer(task.synth)

    @classmethod
    def load(cls, task: Task, index: Path | None = None, model: Path | None = None) -> "Matcher":
        """Make a matcher, with the user's own index or model if their files are given.

        Raises :class:`~unsynth.errors.DrawIndexError` or
        :class:`~unsynth.models.artifact.ArtifactError` for a file that cannot be used.
        """
        draws = None if index is None else load_index(task, index)
        return cls(task, draws, None if model is None else load_posterior(task, model))

    def close(self) -> None:
        """Stop the engines."""
        self._renderer.close()

    def __enter__(self) -> "Matcher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def events(
        self,
        target: Target,
        request: Request,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress | MatchResult]:
        """Find patches for a sound; yield progress, and last the result.

        By MSS plus the cost of energy below 20 Hz, the first candidate is at least as near as the
        posterior samples, the nearest draws of the index and the user's patches.

        Raises :class:`KeyboardInterrupt` if ``stopped()`` becomes true before there is a
        candidate, :class:`~unsynth.errors.SoundError` if no patch could be rendered or all are
        silent, :class:`~unsynth.errors.DrawIndexError` for a damaged index, and
        :class:`ValueError` for a request of another task.
        """
        if (request.task.hash, request.task.engine_rate) != (self.task.hash, self.task.engine_rate):
            raise ValueError(f"a request of {request.task.name} to a matcher of {self.task.name}")
        if self._index is None:
            self._index = yield from self._find_index(stopped)
        run = MatchRun(target, request, self._renderer, self._index, self._posterior, stopped)
        with closing(run):
            yield from run.begin()
            yield from run.search()
        yield Progress("comparing", 0, 1, run.best)
        yield run.result()

    def _find_index(self, stopped: Callable[[], bool]) -> Generator[Progress, None, DrawIndex]:
        # The index serves for all rates of the engine, so it is built at the usual one.
        with ExitStack() as stack:
            task, renderer = self.task, self._renderer
            if task.engine_rate != task.sample_rate and not index_path(task).exists():
                task = load_task(task.source)
                renderer = stack.enter_context(Renderer(task.synth))
            return (yield from self._load_or_build(task, renderer, stopped))

    def _load_or_build(
        self, task: Task, renderer: Renderer, stopped: Callable[[], bool]
    ) -> Generator[Progress, None, DrawIndex]:
        for event in load_or_build_index(task, renderer):
            if isinstance(event, DrawIndex):
                return event
            if stopped():
                raise KeyboardInterrupt
            stage = "building the index, once"
            if event.waiting:
                stage = "waiting for another process's index"
            yield Progress(stage, event.done, event.total)
        raise AssertionError("load_or_build_index ends with the index, or raises")
