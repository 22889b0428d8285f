"""Whether a task is any good: its prior is heard, its sounds depend on their patches alone.

Distances are MSS (dB). The noise floor is a draw against its own render by another process, after
the same draws; the dependence on history the same after other draws.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32
from jinja2 import Environment, PackageLoader, StrictUndefined

from unsynth.data.draws import SILENCE_DB, loudness
from unsynth.errors import EngineError, OutputError
from unsynth.metrics.audio import mss
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.report.media import figure_uri, flac_uri, spectrogram_uris
from unsynth.synths.surge_xt import SurgeXT
from unsynth.synths.vst3 import VST3
from unsynth.tasks.task import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How far history may go beyond the noise floor: in times it, and in dB.
_TIMES, _DB = 1.5, 0.05
#: Of draws that are heard, the share below which a prior is worth a remark.
_FEW = 0.5
_ASKING = 600.0
_PICTURES = 8

_Sound = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class Checking:
    """How far the check is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class BasePatch:
    """Where the base patch, read back from the plugin, is not as the task has it."""

    differences: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A draw to hear."""

    patch: Float[np.ndarray, " parameters"]
    audio: Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class Checked:
    """What came out; ``problems`` make a task useless, ``remarks`` should be known.

    Distances, one a draw that is heard: to its own second render, to one after other draws, and
    to the next draw.
    """

    task: Task
    draws: int
    loudness: Float[np.ndarray, " rendered"]
    floor: Float[np.ndarray, " heard"]
    history: Float[np.ndarray, " heard"]
    others: Float[np.ndarray, " heard"]
    seconds: float
    sounds: tuple[Shown, ...]
    sample_rate: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say it in words."""
        count = len(self.floor)
        return [
            f"{self.task.name} {self.task.hash}: {len(self.task.spec.parameters)} parameters, "
            f"{self.task.spec.width} values",
            f"heard: {count} of {self.draws} draws ({100 * count / self.draws:.0f} %)",
            f"noise floor: MSS {self.floor.mean():.2f} dB (worst {self.floor.max():.2f})",
            f"after other sounds: MSS {self.history.mean():.2f} dB "
            f"(worst {self.history.max():.2f})",
            f"another draw: MSS {self.others.mean():.2f} dB",
            f"a sound takes: {self.seconds:.4f} s of one core",
        ]


def check(task: Task, draws: int = 50, seed: int = 0) -> Iterator[Checking | BasePatch | Checked]:
    """Render draws three times, each in a process of its own; yield progress, last the result.

    Of Surge XT the base patch comes first, which no host's parameter shows as a whole. Raises
    :class:`EngineError` where no draw is heard, or the engine cannot be used.
    """
    differences: list[str] = []
    if isinstance(task.synth(), SurgeXT):
        yield Checking("reading the base patch", 0, 1)
        differences = _asked(partial(_base_differences, task), None)
        yield BasePatch(tuple(differences))
    rng = np.random.default_rng(seed)
    patches = [task.sample(rng) for _ in range(draws)]
    first: list[_Sound | RenderFailure] = []
    begun = perf_counter()
    for done, sound in _rendered(task, patches, range(draws)):
        if done == 1:
            begun = perf_counter()  # without the start of the process
        first.append(sound)
        yield Checking("rendering", done, draws)
    seconds = (perf_counter() - begun) / max(1, draws - 1)
    rate = task.synth().sample_rate
    sounds = {i: s for i, s in enumerate(first) if not isinstance(s, RenderFailure)}
    levels = {i: loudness(sound, rate) for i, sound in sounds.items()}
    heard = [i for i, level in levels.items() if level >= SILENCE_DB]
    failures = Counter(s.reason for s in first if isinstance(s, RenderFailure))
    if not heard:
        reason = failures.most_common(1)[0][0] if failures else f"all are below {SILENCE_DB:g} dB"
        raise EngineError(f"none of {draws} draws of task {task.name} is heard: {reason}")
    distances: dict[str, dict[int, float]] = {"again": {}, "after other sounds": {}}
    for stage, order in (("again", list(range(draws))), ("after other sounds", _shuffled(draws))):
        for done, sound in _rendered(task, patches, order):
            i = order[done - 1]
            if i in heard and not isinstance(sound, RenderFailure):
                distances[stage][i] = mss(sounds[i], sound, rate)
            yield Checking(stage, done, draws)
    compared = [i for i in heard if all(i in found for found in distances.values())]
    if not compared:
        raise EngineError(f"no draw of task {task.name} could be rendered twice")
    floor, history = (np.array([found[i] for i in compared]) for found in distances.values())
    following = compared[1:] + compared[:1]
    others = [mss(sounds[i], sounds[k], rate) for i, k in zip(compared, following, strict=True)]
    yield Checking("asking the engine", 0, 1)
    problems = [f"the base patch: {each}" for each in differences]
    problems += [f"{count} of {draws} draws failed: {why}" for why, count in failures.items()]
    if isinstance(task.synth(), VST3):
        problems += _asked(
            partial(_complaints, task), [task.engine_patch(patch) for patch in patches]
        )
    if history.mean() > _TIMES * floor.mean() + _DB:
        problems.append(
            f"a sound depends on those before it (MSS {history.mean():.2f} dB, the noise floor is "
            f"{floor.mean():.2f}): give the engine a longer `flush`"
        )
    remarks = []
    if len(heard) < _FEW * draws:
        remarks.append(
            f"only {len(heard)} of {draws} draws are heard, the others are drawn again: narrow "
            "the ranges of what silences them"
        )
    yield Checked(
        task,
        draws,
        np.array(list(levels.values())),
        floor,
        history,
        np.array(others),
        seconds,
        tuple(Shown(patches[i], sounds[i]) for i in compared[:_PICTURES]),
        rate,
        tuple(problems),
        tuple(remarks),
    )


def write_page(checked: Checked, path: Path) -> None:
    """Write a page, complete in one file: what was measured, plots, and draws to hear.

    Raises :class:`OutputError` where it cannot be written.
    """
    rate, shown = checked.sample_rate, checked.sounds
    images = spectrogram_uris([sound.audio for sound in shown], rate)
    environment = Environment(
        loader=PackageLoader("unsynth", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("authoring/check.html.j2").render(
        checked=checked,
        facts=[line.split(": ", 1) for line in checked.lines()],
        plots=[
            {"image": _plot(_draw_loudness, checked), "caption": "how loud each draw is"},
            {
                "image": _plot(_draw_distances, checked),
                "caption": "what a draw is told apart by: the last row should lie far to the right",
            },
        ],
        draws=[
            {
                "audio": flac_uri(sound.audio, rate),
                "spectrogram": image,
                "values": [
                    (name, f"{value:.4g}" if isinstance(value, float) else value)
                    for name, value in checked.task.spec.named(sound.patch).items()
                ],
            }
            for sound, image in zip(shown, images, strict=True)
        ],
        seconds=shown[0].audio.shape[1] / rate,
        highest=rate // 2,
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _plot(draw: Callable[["Axes", Checked], None], checked: Checked) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    draw(figure.subplots(), checked)
    return figure_uri(figure)


def _draw_loudness(panel: "Axes", checked: Checked) -> None:
    shown = np.maximum(checked.loudness, -100.0)
    panel.hist(shown, bins=np.arange(-100, 10, 4).tolist(), color="tab:blue")
    panel.axvline(SILENCE_DB, color="tab:red", linewidth=1)
    heard = 100 * float((checked.loudness >= SILENCE_DB).mean())
    panel.set(
        xlabel="loudest 50 ms, dB (silence at the left)",
        ylabel="draws",
        title=f"{heard:.0f} % are heard (right of the line)",
    )


def _draw_distances(panel: "Axes", checked: Checked) -> None:
    rows = {
        "its own\nsecond render": checked.floor,
        "the same after\nother sounds": checked.history,
        "another draw": checked.others,
    }
    rng = np.random.default_rng(0)
    for height, values in enumerate(rows.values()):
        shown = np.maximum(values, 1e-3)
        spread = height + rng.uniform(-0.15, 0.15, len(values))
        panel.scatter(shown, spread, s=10, alpha=0.6)
        panel.plot([shown.mean()] * 2, [height - 0.3, height + 0.3], color="black")
    panel.set_xscale("log")
    panel.set(
        xlim=(7e-4, 100),
        ylim=(2.6, -0.6),
        xlabel="MSS, dB (0 at the left edge; the bar is the mean)",
        title="how far a draw is from ...",
    )
    panel.set_yticks(range(len(rows)), list(rows))


def _shuffled(draws: int) -> list[int]:
    """Order draws so that each comes after another than before."""
    return [*range(draws - 1, -1, -2), *range(draws - 2, -1, -2)]


def _rendered(
    task: Task, patches: list[Any], order: "range | list[int]"
) -> Iterator[tuple[int, _Sound | RenderFailure]]:
    """Render in one new process, so that each sound comes after the one before it."""
    with Renderer(task.synth, workers=1) as renderer:
        requests = ((task.engine_patch(patches[i]), task.note(patches[i])) for i in order)
        yield from enumerate(renderer.render(requests), start=1)


def _asked(make: Callable[[], Callable[[Any], list[str]]], about: Any) -> list[str]:
    """Ask a VST3 instrument, in a process of its own, what is wrong with it."""
    with closing(Workers(make, 1, _ASKING)) as workers:
        try:
            return workers.submit(about).result()
        except (WorkerDied, TimeoutError):
            return ["the plugin crashed or hung when its state was read"]


def _complaints(task: Task) -> Callable[[Any], list[str]]:
    synth = task.synth()
    assert isinstance(synth, VST3)
    return synth.complaints


def _base_differences(task: Task) -> Callable[[Any], list[str]]:
    synth = task.synth()
    assert isinstance(synth, SurgeXT)
    return lambda _: synth.base_differences()
