"""The page of a task check: measurements, plots, and draws to hear, in one file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unsynth.authoring.check import CheckResult
from unsynth.data.draws import SILENCE_DB
from unsynth.errors import OutputError
from unsynth.files import replacing
from unsynth.report.media import figure_uri, flac_uri, spectrogram_uris
from unsynth.report.templates import load_template
from unsynth.report.values import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_page(result: CheckResult, path: Path) -> None:
    """Write the page of a check.

    Raises :class:`OutputError` if it cannot be written.
    """
    rate, examples = result.sample_rate, result.examples
    images = spectrogram_uris([example.audio for example in examples], rate)
    text = load_template("authoring/check_page.html.j2").render(
        result=result,
        plots=[
            {"image": _plot(_draw_loudness, result), "caption": "The loudness of each draw."},
            {
                "image": _plot(_draw_distances, result),
                "caption": "The distances of each draw. The last row should lie far to the right "
                "of the others: then sounds tell patches apart.",
            },
        ],
        examples=[
            {
                "audio": flac_uri(example.audio, rate),
                "spectrogram": image,
                "parameters": [
                    (name, value_text(value))
                    for name, value in result.task.spec.named(example.patch).items()
                ],
            }
            for example, image in zip(examples, images, strict=True)
        ],
        seconds=examples[0].audio.shape[1] / rate,
        highest=rate // 2,
    )
    try:
        with replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _plot(draw: Callable[["Axes", CheckResult], None], result: CheckResult) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    draw(figure.subplots(), result)
    return figure_uri(figure)


def _draw_loudness(panel: "Axes", result: CheckResult) -> None:
    levels = np.maximum(result.loudness, -100.0)
    panel.hist(levels, bins=np.arange(-100, 10, 4).tolist(), color="tab:blue")
    panel.axvline(SILENCE_DB, color="tab:red", linewidth=1)
    percent = 100 * float((result.loudness >= SILENCE_DB).mean())
    panel.set(
        xlabel="loudest 50 ms, dB (silence is at the left)",
        ylabel="draws",
        title=f"{percent:.0f} % are audible (right of the line)",
    )


def _draw_distances(panel: "Axes", result: CheckResult) -> None:
    rows = {
        "its own\nsecond render": result.floor,
        "its render after\nother sounds": result.history,
        "another draw": result.others,
    }
    rng = np.random.default_rng(0)
    for row, distances in enumerate(rows.values()):
        # A logarithmic axis has no 0.
        points = np.maximum(distances, 1e-3)
        heights = row + rng.uniform(-0.15, 0.15, len(distances))
        panel.scatter(points, heights, s=10, alpha=0.6)
        panel.plot([points.mean()] * 2, [row - 0.3, row + 0.3], color="black")
    panel.set_xscale("log")
    panel.set(
        xlim=(7e-4, 100),
        ylim=(2.6, -0.6),
        xlabel="MSS, dB (0 is at the left edge; bars are means)",
        title="Distance between a draw and ...",
    )
    panel.set_yticks(range(len(rows)), list(rows))
