"""The report of a match, one HTML file: verdict, target, candidates to hear, patches to read.

The file is complete: sounds and spectrograms are in it as data URIs, and its content security
policy forbids every request.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from unsynth.matching.result import MatchResult
from unsynth.metrics.agreement import median_metrics
from unsynth.metrics.audio import AudioMetrics
from unsynth.report import dx7
from unsynth.report.curve import curve_svg
from unsynth.report.media import (
    LISTENING_PEAK,
    colour_stops,
    flac_uri,
    frequency_axis,
    spectrogram_uris,
)
from unsynth.report.scale import START_NAMES, THRESHOLDS, reach, scale_svg, verdict
from unsynth.search.candidates import Candidate
from unsynth.synths.base import note_name
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.task import Task
from unsynth.version import __version__

_INSTRUMENTS = {
    "dx7": "a DX7",
    "vital-simple": "Vital",
    "vital-full": "Vital",
    "surge-simple": "Surge XT",
    "surge-full": "Surge XT",
}


@dataclass(frozen=True)
class _Sound:
    """Target (rank 0) or candidate, as the page shows it; ``view`` is for task dx7 only."""

    rank: int
    name: str
    audio: str
    spectrogram: str
    score: str = ""
    origin: str = ""
    note: str = ""
    view: dx7.PatchView | None = None
    values: tuple[dx7.Value, ...] = ()


def render_page(result: MatchResult, exported: Sequence[str]) -> str:
    """Write the report of a result with at least one candidate and one random score.

    ``exported`` are the names of the patch files beside it, best first, or that of one bank.
    """
    target, candidates = result.target, result.candidates
    audio = [target.audio, *(candidate.audio for candidate in candidates)]
    peaks = [float(np.abs(sound).max(initial=0.0)) for sound in audio]
    images = spectrogram_uris(audio, target.sample_rate)
    sounds = [flac_uri(sound, target.sample_rate) for sound in audio]
    shown = [
        _candidate(result, rank, sounds[rank], images[rank])
        for rank in range(1, len(candidates) + 1)
    ]
    instrument = _INSTRUMENTS.get(result.task.name, "this synthesizer")
    chance = median_metrics(result.random_metrics)
    judged = verdict(result.metrics[0].mss, result.noise_floor.mss, chance.mss)
    page = _environment().get_template("page.html.j2")
    return page.render(
        result=result,
        target=_Sound(0, target.name, sounds[0], images[0]),
        candidates=shown,
        verdict=judged,
        reach=reach(result, judged.fraction, instrument),
        measures=_measures(result, chance),
        curves=[curve_svg(result, against) for against in ("renders", "seconds")],
        knobs=_knobs(result),
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


def _candidate(result: MatchResult, rank: int, audio: str, spectrogram: str) -> _Sound:
    task, candidate = result.task, result.candidates[rank - 1]
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
        view=dx7.view(task, candidate.patch) if is_dx7 else None,
        values=() if is_dx7 else _values(task, candidate),
    )


@dataclass(frozen=True)
class _Knob:
    """A parameter's value in the best patch and among good ones; ``bar`` is its freedom, 0-100."""

    name: str
    best: str
    range: str
    word: str
    bar: int


#: How free a parameter may be to be called so, at most.
_FREEDOM = (("set", 0.15), ("narrowed", 0.5), ("open", math.inf))


def _knobs(result: MatchResult) -> list[_Knob]:
    """Describe what the sound says of each parameter, what it says most of first."""
    if result.spread is None:
        return []
    spec, best = result.task.spec, result.candidates[0].patch
    described = []
    for knob in sorted(result.spread.knobs, key=lambda knob: knob.freedom):
        place = spec.position[knob.name]
        words = [_written(spec.value_name(place, value)) for value in knob.values]
        parameter = spec.parameters[place]
        joint = ", " if isinstance(parameter, Categorical) else "–"
        described.append(
            _Knob(
                knob.name,
                _written(spec.value_name(place, best[place])),
                joint.join(dict.fromkeys(words)),
                next(word for word, most in _FREEDOM if knob.freedom <= most),
                round(100 * min(1.0, knob.freedom)),
            )
        )
    return described


def _measures(result: MatchResult, chance: AudioMetrics) -> list[tuple[str, tuple[str, ...]]]:
    """Make the rows of the table of all four metrics."""
    starts = {START_NAMES[origin]: metrics for origin, (_, metrics) in result.starts.items()}
    rows = {
        "best candidate": result.metrics[0],
        **starts,
        "a random draw (median)": chance,
        "the engine against itself": result.noise_floor,
    }
    return [
        (name, (f"{m.mss:.2f}", f"{m.wmfcc:.2f}", f"{m.sot:.3f}", f"{m.rms:.3f}"))
        for name, m in rows.items()
    ]


def _values(task: Task, candidate: Candidate) -> tuple[dx7.Value, ...]:
    active = task.active(candidate.patch).tolist()
    named = task.spec.named(candidate.patch).items()
    return tuple(
        dx7.Value(name, _written(value) if heard else dx7.UNDETERMINED, heard)
        for (name, value), heard in zip(named, active, strict=True)
    )


def _written(value: int | float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _past_full_scale(peaks: Sequence[float]) -> str:
    """Say which sounds went past full scale before they were scaled for listening."""
    if max(peaks) <= 1.0:
        return ""
    who = ["the target"] if peaks[0] > 1.0 else []
    loud = sum(peak > 1.0 for peak in peaks[1:])
    if loud:
        who.append(f"{loud} candidate" + "s" * (loud != 1))
    return f"{' and '.join(who)} (largest peak {max(peaks):.2f})"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("unsynth.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["value"] = _value_html
    return environment


def _value_html(value: dx7.Value) -> Markup:
    """Write a value; one that cannot be heard becomes a dash that screen readers explain."""
    if value.heard:
        return Markup("{}").format(value.text)
    return Markup(
        '<span class="undetermined" title="undetermined: cannot be heard in this patch">'
        '<span aria-hidden="true">{}</span><span class="unseen">undetermined</span></span>'
    ).format(value.text)
