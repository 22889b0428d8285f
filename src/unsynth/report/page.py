"""The report of a match as one HTML file: rating, target, candidates to hear, patches to read.

The file is complete: it embeds sounds and spectrograms as data URIs, and its content security
policy forbids every request.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unsynth.conventions import SAMPLE_RATE
from unsynth.matching.result import MatchResult
from unsynth.metrics.agreement import median_metrics
from unsynth.metrics.audio import METRICS, AudioMetrics
from unsynth.report.curve import curve_svg
from unsynth.report.dx7_patch import PatchView, patch_view
from unsynth.report.media import (
    LISTENING_PEAK,
    colour_stops,
    flac_uri,
    frequency_axis,
    spectrogram_uris,
)
from unsynth.report.panel import PanelView, panel_view
from unsynth.report.scale import START_NAMES, THRESHOLDS, outlook, rate, scale_svg
from unsynth.report.templates import load_template
from unsynth.report.units import quantity, scales
from unsynth.report.values import value_text
from unsynth.synths.base import note_name
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.structure import (
    main_categories,
    structure_differences,
)
from unsynth.version import __version__

#: What sentences call the synthesizer of a task.
_INSTRUMENTS = {
    "dx7": "a DX7",
    "vital-simple": "Vital",
    "vital-full": "Vital",
    "surge-simple": "Surge XT",
    "surge-full": "Surge XT",
}
#: unsynth's own sample rate, at which an engine runs unless the user asks for another.
_USUAL_RATE = f"{SAMPLE_RATE / 1000:g} kHz"
#: Words for a parameter's freedom, and the largest freedom each describes.
_FREEDOM = (("set", 0.15), ("narrowed", 0.5), ("open", math.inf))


@dataclass(frozen=True)
class _Sound:
    """The target (rank 0) or a candidate, ready for the page.

    The patch of a DX7 is a ``view``, any other a ``panel``.
    """

    rank: int
    name: str
    audio: str
    spectrogram: str
    score: str = ""
    origin: str = ""
    note: str = ""
    #: The number of its structure among the candidates'.
    structure: int = 1
    #: What its structure has that the best candidate's has not.
    differences: Sequence[str] = ()
    view: PatchView | None = None
    panel: PanelView | None = None


@dataclass(frozen=True)
class _KnobRow:
    """A parameter's value in the best patch, its ``range`` in good ones, and its freedom.

    ``bar`` is the freedom from 0 to 100.
    """

    name: str
    best: str
    range: str
    word: str
    bar: int


def render_page(result: MatchResult, exported: Sequence[str]) -> str:
    """Write the report of a result that has at least one candidate and one random draw.

    ``exported`` names the patch files beside the report: one bank, or files per candidate, best
    first.
    """
    target, candidates = result.target, result.candidates
    audio = [target.audio, *(candidate.audio for candidate in candidates)]
    if result.at_usual_rate is not None:
        audio.append(result.at_usual_rate[0])
    peaks = [float(np.abs(sound).max(initial=0.0)) for sound in audio]
    images = spectrogram_uris(audio, target.sample_rate)
    sounds = [flac_uri(sound, target.sample_rate) for sound in audio]
    instrument = _INSTRUMENTS.get(result.task.name, "this synthesizer")
    chance = median_metrics(result.random_metrics)
    rating = rate(result.metrics[0].mss, result.noise_floor.mss, chance.mss)
    return load_template("report/page.html.j2").render(
        result=result,
        target=_Sound(0, target.name, sounds[0], images[0]),
        candidates=[
            _candidate(result, rank, sounds[rank], images[rank], structure)
            for rank, structure in enumerate(result.structures, start=1)
        ],
        structures=max(result.structures),
        has_structure=bool(main_categories(result.task.spec).any()),
        usual=_at_usual_rate(result, sounds[-1], images[-1]),
        engine_khz=f"{result.task.engine_rate / 1000:g} kHz",
        rating=rating,
        outlook=outlook(result, rating.fraction, instrument),
        metrics=METRICS,
        metric_rows=_metric_rows(result, chance),
        curves=[curve_svg(result, against) for against in ("renders", "seconds")],
        knobs=_knob_rows(result),
        chance=chance,
        thresholds=THRESHOLDS,
        scale=scale_svg(result),
        seconds=target.audio.shape[-1] / target.sample_rate,
        axis=frequency_axis(target.sample_rate),
        colours=colour_stops(),
        listening_peak=LISTENING_PEAK,
        past_full_scale=_past_full_scale(peaks),
        exported=exported,
        version=__version__,
    )


def _candidate(
    result: MatchResult, rank: int, audio: str, spectrogram: str, structure: int
) -> _Sound:
    task, candidate = result.task, result.candidates[rank - 1]
    differences = structure_differences(task, candidate.patch, result.candidates[0].patch)
    pitch = task.note(candidate.patch).pitch
    is_dx7 = task.name == "dx7"
    return _Sound(
        rank=rank,
        name=f"Candidate {rank}",
        audio=audio,
        spectrogram=spectrogram,
        score=f"{result.metrics[rank - 1].mss:.2f}",
        origin=candidate.origin,
        note=f"{note_name(pitch)} (MIDI {pitch})",
        structure=structure,
        differences=[
            f"{name} {'inaudible' if value is None else value_text(value)}"
            for name, value in differences.items()
        ],
        view=patch_view(task, candidate.patch) if is_dx7 else None,
        panel=None if is_dx7 else panel_view(task, candidate.patch),
    )


def _at_usual_rate(result: MatchResult, audio: str, spectrogram: str) -> _Sound | None:
    if result.at_usual_rate is None:
        return None
    return _Sound(
        rank=len(result.candidates) + 1,
        name=f"Best candidate at {_USUAL_RATE}",
        audio=audio,
        spectrogram=spectrogram,
        score=f"{result.at_usual_rate[1].mss:.2f}",
    )


def _knob_rows(result: MatchResult) -> list[_KnobRow]:
    """Describe how far the sound determines each parameter, the most determined first."""
    if result.spread is None:
        return []
    spec, best = result.task.spec, result.candidates[0].patch
    readings = scales(result.task)
    rows = []

    def text(place: int, value: float) -> str:
        scale = readings.get(spec.names[place])
        if scale is None or not scale.unit:
            return value_text(spec.value_name(place, value))
        return quantity(scale.number(value), scale.unit)

    for knob in sorted(result.spread.knobs, key=lambda knob: knob.freedom):
        place = spec.position[knob.name]
        texts = [text(place, value) for value in knob.values]
        separator = ", " if isinstance(spec.parameters[place], Categorical) else "–"
        rows.append(
            _KnobRow(
                name=knob.name,
                best=text(place, best[place]),
                range=separator.join(dict.fromkeys(texts)),
                word=next(word for word, limit in _FREEDOM if knob.freedom <= limit),
                bar=round(100 * min(1.0, knob.freedom)),
            )
        )
    return rows


def _metric_rows(result: MatchResult, chance: AudioMetrics) -> list[tuple[str, tuple[str, ...]]]:
    """Write the table of all metrics: a label and a number per metric in each row."""
    starts = {START_NAMES[origin]: metrics for origin, (_, metrics) in result.starts.items()}
    usual = {}
    if result.at_usual_rate is not None:
        usual = {f"the same at {_USUAL_RATE}": result.at_usual_rate[1]}
    rows = {
        "best candidate": result.metrics[0],
        **usual,
        **starts,
        "random draw (median)": chance,
        "noise floor": result.noise_floor,
    }
    return [
        (name, tuple(f"{value:.{m.digits}f}" for m, value in zip(METRICS, values, strict=True)))
        for name, values in rows.items()
    ]


def _past_full_scale(peaks: Sequence[float]) -> str:
    """Say which sounds exceeded full scale before they were scaled for listening."""
    if max(peaks) <= 1.0:
        return ""
    names = ["the target"] if peaks[0] > 1.0 else []
    count = sum(peak > 1.0 for peak in peaks[1:])
    if count:
        names.append(f"{count} candidate" + "s" * (count != 1))
    return f"{' and '.join(names)} (largest peak {max(peaks):.2f})"
