"""A static site of results: target, one posterior sample and best patch to hear, and the scores.

It is the page for one's own sounds that the paper has for its test set (companion website of
"Audio synthesizer inversion in symmetric parameter spaces with approximately equivariant flow
matching", ISMIR 2025).
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float32

from unsynth.app.matches import Match, Matches
from unsynth.errors import OutputError, UnsynthError
from unsynth.files import replacing
from unsynth.matching.starts import POSTERIOR
from unsynth.metrics.agreement import median_metrics
from unsynth.metrics.audio import METRICS, AudioMetrics
from unsynth.report.media import flac_bytes, spectrogram_pngs
from unsynth.report.templates import load_template
from unsynth.tasks.catalogue import load_task
from unsynth.version import __version__

#: What content that no match has written raises when it is read.
_DAMAGED = (KeyError, IndexError, TypeError, ValueError, AttributeError)

Audio = Float32[np.ndarray, "channels samples"]


@dataclass(frozen=True)
class Sound:
    """A sound of the site: its label, the stem of its files, and its distance to the target."""

    label: str
    stem: str
    mss: str = ""


@dataclass(frozen=True)
class Row:
    """One result: its sounds, its scores by label, and its report."""

    name: str
    task: str
    sounds: tuple[Sound, ...]
    scores: tuple[tuple[str, tuple[str, ...]], ...]
    report: str


@dataclass(frozen=True)
class PageProgress:
    """The results that are on the site so far."""

    done: int
    total: int


@dataclass(frozen=True)
class Site:
    """The finished site, and the results that are not on it, each with the reason."""

    page: Path
    rows: int
    left_out: tuple[tuple[Path, str], ...]


def write_site(folder: Path, out: Path, reports: bool = True) -> Iterator[PageProgress | Site]:
    """Write the site of all results below ``folder`` to ``out``; it comes last.

    Files of the same names are replaced. Without ``reports``, the site has no full reports, which
    take about 1 MB each. Raises :class:`UnsynthError` if there is no result, and
    :class:`OutputError`.
    """
    matches = sorted(Matches(folder).list(), key=lambda match: match.folder)
    if not matches:
        raise UnsynthError(f"{folder}: no result of `unsynth match` in this folder")
    rows, left_out = [], []
    try:
        media = out / "media"
        media.mkdir(parents=True, exist_ok=True)
        for number, match in enumerate(matches, start=1):
            try:
                rows.append(_row(match, Matches(folder).content(match.id), out, number, reports))
            except (UnsynthError, soundfile.LibsndfileError, *_DAMAGED) as error:
                left_out.append((match.folder, " ".join(str(error).split())[:200]))
            yield PageProgress(number, len(matches))
        page = out / "index.html"
        text = load_template("app/gallery.html.j2").render(
            rows=rows, metrics=METRICS, version=__version__
        )
        with replacing(page) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror})") from None
    if not rows:
        raise UnsynthError(f"{left_out[0][0]}: {left_out[0][1]}")
    yield Site(page, len(rows), tuple(left_out))


def _row(match: Match, content: Mapping[str, Any], out: Path, number: int, reports: bool) -> Row:
    if "target.wav" not in match.files or "best.wav" not in match.files:
        raise ValueError("holds no target.wav: an older version made it; match the sound again")
    target, rate = _read(match.folder / "target.wav")
    best, _ = _read(match.folder / "best.wav")
    sounds = [("Target", target, ""), ("Best patch", best, f"{match.mss_db:.2f} dB")]
    start = content["before_the_search"].get(POSTERIOR)
    if start is not None and "parameters" in start:
        task = load_task(match.task)
        patch = task.spec.from_named(start["parameters"])
        sample = task.synth().render(task.engine_patch(patch), task.note(patch))
        sounds.insert(1, ("Best posterior sample", sample, f"{start['mss_db']:.2f} dB"))
    written = []
    for place, (label, audio, mss) in enumerate(sounds):
        stem = f"{number:03d}-{place}"
        (out / "media" / f"{stem}.flac").write_bytes(flac_bytes(audio, rate))
        (out / "media" / f"{stem}.png").write_bytes(spectrogram_pngs([audio], rate)[0])
        written.append(Sound(label, stem, mss))
    report = ""
    if reports and "report.html" in match.files:
        report = f"{number:03d}.html"
        shutil.copyfile(match.folder / "report.html", out / report)
    return Row(Path(match.name).stem, match.task, tuple(written), _scores(content), report)


def _scores(content: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    starts = content["before_the_search"]
    rows = {
        "best posterior sample": starts.get(POSTERIOR),
        "best patch": content["candidates"][0],
        "noise floor": content["noise_floor"],
    }
    scores = {label: _metrics(values) for label, values in rows.items() if values is not None}
    scores["random patch (median)"] = median_metrics([_metrics(d) for d in content["random_draws"]])
    return tuple((label, _texts(metrics)) for label, metrics in scores.items())


def _metrics(values: Mapping[str, Any]) -> AudioMetrics:
    return AudioMetrics(*(float(values["mss_db" if m.name == "mss" else m.name]) for m in METRICS))


def _texts(metrics: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{value:.{m.digits}f}" for m, value in zip(METRICS, metrics, strict=True))


def _read(path: Path) -> tuple[Audio, int]:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), int(rate)
