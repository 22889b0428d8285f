"""Listen to random patches of an instrument, and to what changes them.

Two renders sound the same if they are equal, bit for bit. For a plugin that never repeats a sound
exactly, they do if their MSS is at most ``_CHANCE`` times the noise floor, the largest distance
between two renders of one patch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.authoring.plugin_process import Steps, rounded
from unsynth.authoring.units import ProposedUnit
from unsynth.data.draws import audible
from unsynth.errors import EngineError
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.synths.vst3_plugin import HostParameter

#: The note to listen to ...
_NOTE = Note(60, 0.0, 2.0)
#: ... and one an octave above, to confirm steps.
_HIGHER_NOTE = Note(72, 0.0, 2.0)
#: Raw values at which a parameter is tested for steps ...
_PLACES = (0.13, 0.37, 0.61, 0.87)
#: ... and how far from each the second raw value of a pair lies.
_PAIR_WIDTH = 0.003
#: Raw values over the whole range to find the steps that no text names.
_GRID = 65
#: Most steps of a parameter whose texts name none.
_MOST_RUNS = 16
#: A plugin that is not deterministic may change a sound by this many times its noise floor.
_CHANCE = 1.5
#: dB by which exchanging two copies of a block may change a sound: sums of floats do.
_EXCHANGED = 0.1
#: Draws per patch to find audible ones, at most.
_ATTEMPTS = 5

_Sound = Float32[np.ndarray, "2 samples"]
_RawPatch = dict[str, float]


class SilentPluginError(EngineError):
    """An instrument whose random patches are all silent."""


@dataclass(frozen=True)
class ProbeProgress:
    """How far a stage of the probe is."""

    stage: str
    done: int
    total: int


class ListeningProbe:
    """Renders random patches of ``parameters`` and listens to what changes them.

    Call :meth:`draw_patches` first, then :meth:`test_parameters`.
    """

    def __init__(
        self,
        renderer: Renderer,
        parameters: Sequence[HostParameter],
        steps: Steps,
        rng: np.random.Generator,
        patches: int,
    ) -> None:
        self._renderer, self._parameters, self._steps = renderer, parameters, steps
        self._rng, self._count = rng, patches
        self._patches: list[_RawPatch] = []
        self._sounds: list[_Sound] = []
        self._distances: list[MultiScaleSpectral] = []
        #: The largest distance (MSS, dB) between two renders of one patch.
        self.floor = 0.0
        #: Whether all patches gave the same sound twice, bit for bit.
        self.deterministic = True
        #: The number of the first patch in which each audible parameter made a difference.
        self.audible: dict[str, int] = {}
        #: Names and raw values of the parameters that move in steps.
        self.choices: dict[str, tuple[tuple[str, float], ...]] = {}

    @property
    def patches(self) -> int:
        """Number of random patches that are listened to."""
        return len(self._patches)

    @property
    def exchange_limit(self) -> float:
        """Largest distance (MSS, dB) by which an exchange of like blocks may change a sound."""
        return max(_EXCHANGED, _CHANCE * self.floor)

    def draw_patches(self) -> Iterator[ProbeProgress]:
        """Draw audible patches, and measure how far two renders of each differ.

        Raises :class:`SilentPluginError` if none is audible.
        """
        reason = "they are silent"
        for attempt in range(_ATTEMPTS * self._count):
            patch = {p.name: float(self._rng.random()) for p in self._parameters}
            first, second = self._render([patch, patch])
            if isinstance(first, RenderFailure):
                reason = first.reason
            elif isinstance(second, RenderFailure):
                reason = second.reason
            elif audible(first, self._renderer.sample_rate):
                distance = MultiScaleSpectral(first, self._renderer.sample_rate)
                self._patches.append(patch)
                self._sounds.append(first)
                self._distances.append(distance)
                self.deterministic &= np.array_equal(first, second)
                self.floor = max(self.floor, float(distance(second[None])[0]))
            yield ProbeProgress("random patches", len(self._sounds), self._count)
            if len(self._sounds) == self._count:
                return
            if attempt + 1 == self._count and not self._sounds:
                break
        if not self._sounds:
            raise SilentPluginError(
                f"none of {self._count} random patches of this instrument can be heard: {reason}; "
                "is it a sampler without samples, or does it need a licence?"
            )

    def test_parameters(self) -> Iterator[ProbeProgress]:
        """Find the audible parameters, and those of them that move in steps."""
        quiet = list(self._parameters)
        for number, base in enumerate(self._patches):
            changed = [base | {p.name: self._another_value(base[p.name])} for p in quiet]
            for p, sound in zip(quiet, self._render(changed), strict=True):
                if not isinstance(sound, RenderFailure) and not self._unchanged(number, sound):
                    self.audible[p.name] = number
                done = len(self._parameters) - len(quiet)
                yield ProbeProgress("audible parameters", done, len(self._parameters))
            quiet = [p for p in quiet if p.name not in self.audible]
        audible_parameters = [p for p in self._parameters if p.name in self.audible]
        for done, p in enumerate(audible_parameters):
            yield ProbeProgress("parameters with steps", done, len(audible_parameters))
            if choices := self._choices(p):
                self.choices[p.name] = choices

    def exchange_distance(self, unit: ProposedUnit) -> float:
        """Measure how far (MSS, dB) a sound moves if two neighbouring copies are exchanged.

        Returns the largest distance over patches and pairs of copies; infinity if a render fails.
        """
        exchanged = [
            patch | {a: patch[b] for a, b in pairs} | {b: patch[a] for a, b in pairs}
            for patch in self._patches
            for pairs in (list(zip(*copies, strict=True)) for copies in pairwise(unit.members))
        ]
        exchanges_per_patch = len(unit.members) - 1
        worst = 0.0
        for number, sound in enumerate(self._render(exchanged)):
            if isinstance(sound, RenderFailure):
                return float("inf")
            distance = self._distances[number // exchanges_per_patch]
            worst = max(worst, float(distance(sound[None])[0]))
        return worst

    def _choices(self, p: HostParameter) -> tuple[tuple[str, float], ...]:
        """Name the steps of a parameter, with their raw values; none if it is continuous."""
        texts = p.texts
        if p.name in self._steps:
            ranges = [(low + 0.25 * (high - low), low + 0.75 * (high - low))
                      for _, low, high in texts]  # fmt: skip
            chosen = np.linspace(0, len(texts) - 1, min(len(texts), len(_PLACES)))
            pairs = [ranges[round(i)] for i in chosen.tolist()]
            needed = len(pairs)
        else:
            pairs = [(place, place + _PAIR_WIDTH) for place in _PLACES]
            # One of these pairs may straddle the edge between two steps.
            needed = len(pairs) - 1
        if sum(self._same_value(p, low, high) for low, high in pairs) < needed:
            return ()
        if p.name in self._steps:
            names = _distinct([text for text, _, _ in texts])
            return tuple(zip(names, self._steps[p.name], strict=True))
        return self._unnamed_steps(p)

    def _unnamed_steps(self, p: HostParameter) -> tuple[tuple[str, float], ...]:
        """Find runs of raw values that sound the same, for a parameter whose texts name no steps.

        The runs have to be the same an octave higher. This rules out a sampler's key zones, for
        one.
        """
        runs, higher_runs = self._runs(p, _NOTE), self._runs(p, _HIGHER_NOTE)
        if not runs or runs != higher_runs:
            return ()
        means = [float(np.mean(run)) for run in runs]
        return tuple((f"{mean:.3f}", rounded(mean)) for mean in means)

    def _runs(self, p: HostParameter, note: Note) -> list[list[float]]:
        """Divide raw values into runs that sound the same; none if that makes no clear steps."""
        grid = np.linspace(0.0, 1.0, _GRID).tolist()
        base = self._patches[self.audible[p.name]]
        sounds = self._render([base | {p.name: raw} for raw in grid], note)
        runs: list[list[float]] = []
        last: _Sound | None = None
        for raw, sound in zip(grid, sounds, strict=True):
            if isinstance(sound, RenderFailure):
                return []
            if last is None or not self._same_sound(last, sound):
                runs.append([])
            runs[-1].append(raw)
            last = sound
        few = 2 <= len(runs) <= _MOST_RUNS
        return runs if few and min(map(len, runs)) >= 2 else []

    def _same_value(self, p: HostParameter, low: float, high: float) -> bool:
        """Say whether two raw values of a parameter sound the same."""
        base = self._patches[self.audible[p.name]]
        first, second = self._render([base | {p.name: low}, base | {p.name: high}])
        if isinstance(first, RenderFailure) or isinstance(second, RenderFailure):
            return False
        return self._same_sound(first, second)

    def _same_sound(self, first: _Sound, second: _Sound) -> bool:
        if self.deterministic:
            return np.array_equal(first, second)
        distance = MultiScaleSpectral(first, self._renderer.sample_rate)
        return float(distance(second[None])[0]) <= _CHANCE * self.floor

    def _unchanged(self, number: int, sound: _Sound) -> bool:
        """Say whether a sound is that of a patch."""
        if self.deterministic:
            return np.array_equal(self._sounds[number], sound)
        return float(self._distances[number](sound[None])[0]) <= _CHANCE * self.floor

    def _another_value(self, value: float) -> float:
        """Draw a raw value at a distance of 0.2 to 0.8 from another, around the range."""
        return float((value + self._rng.uniform(0.2, 0.8)) % 1.0)

    def _render(self, patches: Iterable[_RawPatch], note: Note = _NOTE) -> Iterator[Any]:
        return self._renderer.render((patch, note) for patch in patches)


def _distinct(texts: Sequence[str]) -> list[str]:
    """Number texts that occur more than once.

    >>> _distinct(["Saw", "Off", "Saw"])
    ['Saw', 'Off', 'Saw (2)']
    """
    names: list[str] = []
    for text in texts:
        name, number = text, 2
        while name in names:
            name, number = f"{text} ({number})", number + 1
        names.append(name)
    return names
