"""Check a task: can its draws be heard, and does each sound depend on its patch alone?

Every draw is rendered three times, each time in a new process: twice in the same order, once
shuffled. Distances are MSS in dB. The noise floor compares the two renders in the same order; the
history dependence compares the first with the shuffled one, where other sounds came before. All
renders must be silent until their note starts.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from unsynth.authoring.plugin_process import base_differences, complaints, plugin_server
from unsynth.data.draws import SILENCE_DB, loudness
from unsynth.errors import EngineError
from unsynth.interruption import await_result
from unsynth.metrics.audio import mss
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.synths.surge_xt import SurgeXT
from unsynth.synths.vst3 import VST3
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: The history dependence may exceed the noise floor by this factor ...
_HISTORY_FACTOR = 1.5
#: ... and this many dB.
_HISTORY_MARGIN = 0.05
#: A prior is worth a remark if a smaller share of its draws is audible.
_FEW_AUDIBLE = 0.5
#: Seconds that a plugin may take to report what is wrong with it.
_PLUGIN_TIMEOUT = 600.0
#: How many draws a result keeps to listen to.
_EXAMPLES = 8

_Sound = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class CheckProgress:
    """How far a stage of the check is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class BasePatchCheck:
    """Where the base patch, read back from the plugin, differs from the task's; ideally nowhere."""

    differences: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A draw to listen to."""

    patch: Float[np.ndarray, " parameters"]
    audio: Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class CheckResult:
    """The measurements and findings of a check.

    ``problems`` make the task unusable; ``remarks`` are worth knowing. ``loudness`` (dB) has a
    value per rendered draw. The distances (MSS, dB) have one per audible draw: to its own second
    render (``floor``), to its render after other sounds (``history``), and to the next draw
    (``others``). ``early`` (dB) has a value per render: the loudness before the note starts.
    ``seconds`` is the time to render one sound on one core.
    """

    task: Task
    draws: int
    loudness: Float[np.ndarray, " rendered"]
    floor: Float[np.ndarray, " audible"]
    history: Float[np.ndarray, " audible"]
    others: Float[np.ndarray, " audible"]
    early: Float[np.ndarray, " renders"]
    seconds: float
    examples: tuple[Example, ...]
    sample_rate: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    def facts(self) -> list[tuple[str, str]]:
        """List the measurements as names and texts."""
        count = len(self.floor)
        return [
            (
                f"{self.task.name} {self.task.hash}",
                f"{len(self.task.spec.parameters)} parameters, {self.task.spec.width} values",
            ),
            ("audible", f"{count} of {self.draws} draws ({100 * count / self.draws:.0f} %)"),
            (
                "noise floor",
                f"MSS {self.floor.mean():.2f} dB (worst {self.floor.max():.2f})",
            ),
            (
                "after other sounds",
                f"MSS {self.history.mean():.2f} dB (worst {self.history.max():.2f})",
            ),
            ("between two draws", f"MSS {self.others.mean():.2f} dB"),
            ("before the note", f"{self.early.max():.0f} dB at most"),
            ("render time", f"{self.seconds:.4f} s per sound on one core"),
        ]


def check(
    task: Task, draws: int = 50, seed: int = 0
) -> Iterator[CheckProgress | BasePatchCheck | CheckResult]:
    """Check a task with ``draws`` random patches; yield progress, and last the result.

    For Surge XT, a :class:`BasePatchCheck` comes first, because no parameter that a host sees
    shows the whole base patch. Raises :class:`EngineError` if no draw is audible, or the engine
    cannot be used.
    """
    differences: list[str] = []
    if isinstance(task.synth(), SurgeXT):
        yield CheckProgress("reading the base patch", 0, 1)
        differences = _ask_plugin(task, base_differences)
        yield BasePatchCheck(tuple(differences))
    rng = np.random.default_rng(seed)
    patches = [task.sample(rng) for _ in range(draws)]
    onsets = [task.note(patch).onset for patch in patches]
    early: list[float] = []
    renders: list[_Sound | RenderFailure] = []
    start = perf_counter()
    for done, sound in _render(task, patches, range(draws)):
        if done == 1:
            # Start here, so that the start of the process does not count.
            start = perf_counter()
        renders.append(sound)
        yield CheckProgress("rendering", done, draws)
    seconds = (perf_counter() - start) / max(1, draws - 1)
    rate = task.synth().sample_rate
    sounds = {i: s for i, s in enumerate(renders) if not isinstance(s, RenderFailure)}
    levels = {i: loudness(sound, rate) for i, sound in sounds.items()}
    early += [_before(sound, onsets[i], rate) for i, sound in sounds.items()]
    audible = [i for i, level in levels.items() if level >= SILENCE_DB]
    failures = Counter(s.reason for s in renders if isinstance(s, RenderFailure))
    if not audible:
        reason = failures.most_common(1)[0][0] if failures else f"all are below {SILENCE_DB:g} dB"
        raise EngineError(f"none of {draws} draws of task {task.name} can be heard: {reason}")
    distances: dict[str, dict[int, float]] = {}
    for stage, order in (
        ("rendering again", list(range(draws))),
        ("rendering in another order", _shuffled(draws)),
    ):
        distances[stage] = {}
        for done, sound in _render(task, patches, order):
            i = order[done - 1]
            if not isinstance(sound, RenderFailure):
                early.append(_before(sound, onsets[i], rate))
                if i in audible:
                    distances[stage][i] = mss(sounds[i], sound, rate)
            yield CheckProgress(stage, done, draws)
    complete = [i for i in audible if all(i in each for each in distances.values())]
    if not complete:
        raise EngineError(f"no draw of task {task.name} could be rendered a second time")
    floor, history = (np.array([each[i] for i in complete]) for each in distances.values())
    following = complete[1:] + complete[:1]
    others = [mss(sounds[i], sounds[k], rate) for i, k in zip(complete, following, strict=True)]
    yield CheckProgress("asking the engine", 0, 1)
    problems = [f"the base patch: {difference}" for difference in differences]
    problems += [f"{count} of {draws} draws failed: {why}" for why, count in failures.items()]
    printed = [s.printed for s in renders if isinstance(s, RenderFailure) and s.printed]
    problems += [f"before it died, the plugin printed: {text}" for text in printed[:1]]
    if isinstance(task.synth(), VST3):
        engine_patches = [task.engine_patch(patch) for patch in patches]
        problems += _ask_plugin(task, complaints, engine_patches)
    if history.mean() > _HISTORY_FACTOR * floor.mean() + _HISTORY_MARGIN:
        problems.append(
            f"a sound depends on the sounds before it: after other sounds it differs by MSS "
            f"{history.mean():.2f} dB, while the noise floor is {floor.mean():.2f} dB; give the "
            "engine a longer `flush`"
        )
    heard = sum(level >= SILENCE_DB for level in early)
    if heard:
        problems.append(
            f"{heard} of {len(early)} renders sound before their note starts (at {max(early):.0f} "
            "dB): the engine plays without a note, or goes on playing an earlier sound"
        )
    remarks = []
    if len(audible) < _FEW_AUDIBLE * draws:
        remarks.append(
            f"only {len(audible)} of {draws} draws can be heard; datasets draw again for the "
            "others. Narrow the ranges of the parameters that silence them"
        )
    yield CheckResult(
        task=task,
        draws=draws,
        loudness=np.array(list(levels.values())),
        floor=floor,
        history=history,
        others=np.array(others),
        early=np.array(early),
        seconds=seconds,
        examples=tuple(Example(patches[i], sounds[i]) for i in complete[:_EXAMPLES]),
        sample_rate=rate,
        problems=tuple(problems),
        remarks=tuple(remarks),
    )


def _before(sound: _Sound, onset: float, rate: int) -> float:
    """Compute the loudness of a sound, in dB, before a note at ``onset`` seconds."""
    return loudness(sound[:, : int(onset * rate)], rate)


def _shuffled(draws: int) -> list[int]:
    """Order draws so that each has another predecessor than in their own order."""
    return [*range(draws - 1, -1, -2), *range(draws - 2, -1, -2)]


def _render(
    task: Task, patches: list[Patch], order: "range | list[int]"
) -> Iterator[tuple[int, _Sound | RenderFailure]]:
    """Render in one new process, one sound after another; count the sounds from 1."""
    with Renderer(task.synth, workers=1) as renderer:
        requests = ((task.engine_patch(patches[i]), task.note(patches[i])) for i in order)
        yield from enumerate(renderer.render(requests), start=1)


def _ask_plugin(task: Task, ask: Callable[..., list[str]], *arguments: Any) -> list[str]:
    """Call ``ask`` with the plugin in a process of its own; return what it lists as wrong."""
    make = partial(plugin_server, task.synth)
    with closing(Workers(make, 1, _PLUGIN_TIMEOUT)) as workers:
        try:
            return await_result(workers.submit((ask, *arguments)))
        except WorkerDied as death:
            return [f"the plugin crashed while its state was read ({death.ending})"]
        except TimeoutError:
            return [f"the plugin hung for {_PLUGIN_TIMEOUT:g} s while its state was read"]
