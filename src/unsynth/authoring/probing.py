"""What a VST3 instrument's parameters are, found by asking the plugin and by listening to it.

Asked: names, texts, what a host may move, what keeps a value. Heard, in random patches: which
parameters change nothing, which move in steps, so that two raw values sound the same, and whether
blocks whose names are alike may change places.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.authoring.units import ProposedUnit, propose_units
from unsynth.data.draws import audible
from unsynth.errors import EngineError, PatchError
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.rendering.workers import WorkerDied, Workers
from unsynth.synths.base import Note
from unsynth.synths.plugins import (
    PluginClass,
    PluginCrashError,
    PluginHangError,
    find_bundle,
    instrument,
)
from unsynth.synths.vst3 import VST3, HostParameter

#: Random patches that are listened to.
PATCHES = 20
#: Most texts that are taken for the names of steps, and most steps that are looked for where a
#: parameter prints none.
MOST_TEXTS, _MOST_RUNS = 200, 16
_NOTE, _HIGHER = Note(60, 0.0, 2.0), Note(72, 0.0, 2.0)
#: Where a parameter is looked at for steps, how far two raw values lie apart there, and at how
#: many values it is listened to where all of those sounded alike.
_PLACES, _APART, _GRID = (0.13, 0.37, 0.61, 0.87), 0.003, 65
#: A distance between two sounds that is due to the plugin's own chance, in times its noise floor.
_CHANCE = 1.5
#: How far, in dB, copies of a block that change places may move a sound: sums of floats do.
_EXCHANGED = 0.1
_PATIENCE = 600.0
#: Raw values that are tried where any may be set.
_ANY = tuple((np.arange(100) / 100 + 0.005).round(3).tolist())

_Sound = Float32[np.ndarray, "2 samples"]
_Patch = dict[str, float]

#: Printed names of what is left out, and why.
EXCLUSIONS = (
    (r"midi|\bcc ?\d+|\blearn\b|pitch ?(bend|wheel)|mod(ulation)? ?wheel|aftertouch|"
     r"channel pressure|sustain pedal|\bmpe\b", "played by hand or MIDI"),
    (r"bypass", "bypass"),
    (r"\b(program|preset|patch|bank)s?\b", "chooses a preset"),
    (r"^(master|main|output|out|global|amp)?[ _]?(volume|gain|level|out|output)"
     r"( \(?d?b\)?)?$", "output gain"),
    (r"\b(polyphony|max voices|poly limit|oversampl\w*|quality|tempo|bpm)\b", "not of a patch"),
)  # fmt: skip


class SilentPluginError(EngineError):
    """An instrument none of whose random patches is heard."""


@dataclass(frozen=True)
class Heard:
    """Progress: how many of a stage's sounds are heard."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Probed:
    """A parameter: with the names and raw values of its ``choices``, if it moves in steps.

    ``excluded`` says why it is left out, if it is; ``inert`` that it changes nothing.
    """

    host: HostParameter
    choices: tuple[tuple[str, float], ...] = ()
    excluded: str = ""
    inert: bool = False

    @property
    def name(self) -> str:
        """The name to set it by."""
        return self.host.name


@dataclass(frozen=True)
class Probe:
    """An instrument, its parameters, and whether it gives the same sound twice.

    ``units`` are blocks whose copies may change places; ``unlike`` only look so by their names:
    with how far (MSS, dB) an exchange moved a sound.
    """

    plugin: PluginClass
    parameters: tuple[Probed, ...]
    units: tuple[ProposedUnit, ...]
    unlike: tuple[tuple[ProposedUnit, float], ...]
    deterministic: bool
    patches: int


def probe(
    plugin: str,
    name: str | None,
    *,
    preset: bytes | None = None,
    leave_out: Sequence[str] = (),
    patches: int = PATCHES,
    seed: int = 0,
) -> Iterator[Heard | Probe]:
    """Probe an instrument in so many random patches; yield how far it is, last what was found.

    What is left out stays as the plugin starts, or as in ``preset``, a ``.vstpreset``'s bytes.
    Raises children of :class:`EngineError`; :class:`SilentPluginError` where nothing is heard.
    """
    found = instrument(find_bundle(plugin), name)
    make = partial(VST3, plugin, found.name, preset=preset)
    yield Heard("asking the plugin", 0, 1)
    rng = np.random.default_rng(seed)
    with closing(_Asked(make, found.name)) as asking:
        parameters = [Probed(each, excluded=_exclusion(each)) for each in asking.describe()]
        names = {p.name for p in parameters}
        if unknown := sorted(set(leave_out) - names):
            near = get_close_matches(unknown[0], names, 1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise PatchError(f"{found.name} has no parameter {unknown[0]!r} to leave out{hint}")
        parameters = [
            replace(p, excluded=p.excluded or "as you wished") if p.name in leave_out else p
            for p in parameters
        ]
        steps = asking.steps([p.host for p in parameters if not p.excluded])
        lost = asking.lost([p.host for p in parameters if not p.excluded], steps, rng)
    parameters = [
        replace(p, excluded="does not keep a value") if p.name in lost else p for p in parameters
    ]
    asked = [p.host for p in parameters if not p.excluded]
    with Renderer(partial(make, choices=steps)) as renderer:
        ears = _Ears(renderer, asked, steps, rng, patches)
        yield from ears.learn()
        yield from ears.listen()
        for i, each in enumerate(parameters):
            if not each.excluded:
                choices = ears.choices.get(each.name, ())
                inert = each.name not in ears.audible
                parameters[i] = replace(each, choices=choices, inert=inert)
        used = {p.name: p for p in parameters if not (p.excluded or p.inert)}
        proposed = propose_units(tuple(used), lambda a, b: _alike(used[a], used[b]))
        distances = []
        for done, unit in enumerate(proposed):
            yield Heard("what may change places", done, len(proposed))
            distances.append(ears.exchanged(unit))
    judged = list(zip(proposed, distances, strict=True))
    limit = max(_EXCHANGED, _CHANCE * ears.floor)
    yield Probe(
        plugin=found,
        parameters=tuple(parameters),
        units=tuple(unit for unit, distance in judged if distance <= limit),
        unlike=tuple((unit, distance) for unit, distance in judged if not distance <= limit),
        deterministic=ears.deterministic,
        patches=ears.patches,
    )


def _alike(first: Probed, second: Probed) -> bool:
    """Say whether two parameters take the same values."""
    ends = [(p.host.texts[0][0], p.host.texts[-1][0]) for p in (first, second)]
    return first.choices == second.choices and ends[0] == ends[1]


def _exclusion(host: HostParameter) -> str:
    if not host.automatable:
        return "not automatable"
    for pattern, reason in EXCLUSIONS:
        if re.search(pattern, host.printed, re.IGNORECASE):
            return reason
    return "has one value only" if len(host.texts) == 1 and host.texts[0][0] else ""


class _Ears:
    """Listens to random patches of ``asked``, and to what becomes of them."""

    def __init__(
        self,
        renderer: Renderer,
        asked: Sequence[HostParameter],
        steps: "_Steps",
        rng: np.random.Generator,
        patches: int,
    ) -> None:
        self._renderer, self._asked, self._steps = renderer, asked, steps
        self._rng, self._wanted = rng, patches
        self._patches: list[_Patch] = []
        self._sounds: list[_Sound] = []
        self._distances: list[MultiScaleSpectral] = []
        #: The largest distance between two renders of one patch.
        self.floor = 0.0
        self.deterministic = True
        #: Where each parameter was heard first.
        self.audible: dict[str, int] = {}
        self.choices: dict[str, tuple[tuple[str, float], ...]] = {}

    @property
    def patches(self) -> int:
        """How many random patches are listened to."""
        return len(self._patches)

    def learn(self) -> Iterator[Heard]:
        """Draw patches that are heard, and find what two renders of one differ by."""
        reason = "they are silent"
        for tried in range(5 * self._wanted):
            patch = {p.name: float(self._rng.random()) for p in self._asked}
            first, second = self._render([patch, patch])
            if isinstance(first, RenderFailure) or isinstance(second, RenderFailure):
                failed = first if isinstance(first, RenderFailure) else second
                assert isinstance(failed, RenderFailure)
                reason = failed.reason
            elif audible(first, self._renderer.sample_rate):
                distance = MultiScaleSpectral(first, self._renderer.sample_rate)
                self._patches.append(patch)
                self._sounds.append(first)
                self._distances.append(distance)
                self.deterministic &= np.array_equal(first, second)
                self.floor = max(self.floor, float(distance(second[None])[0]))
            yield Heard("random patches", len(self._sounds), self._wanted)
            if len(self._sounds) == self._wanted:
                return
            if tried + 1 == self._wanted and not self._sounds:
                break
        if not self._sounds:
            raise SilentPluginError(
                f"none of {self._wanted} random patches of this instrument is heard: {reason}; "
                "is it a sampler without samples, or does it want a licence?"
            )

    def listen(self) -> Iterator[Heard]:
        """Find which parameters are heard, and which of those move in steps."""
        quiet = list(self._asked)
        for round_, base in enumerate(self._patches):
            changed = [base | {p.name: self._elsewhere(base[p.name])} for p in quiet]
            for p, sound in zip(quiet, self._render(changed), strict=True):
                if not isinstance(sound, RenderFailure) and not self._same(round_, sound):
                    self.audible[p.name] = round_
                done = len(self._asked) - len(quiet)
                yield Heard("what is heard", done, len(self._asked))
            quiet = [p for p in quiet if p.name not in self.audible]
        heard = [p for p in self._asked if p.name in self.audible]
        for done, p in enumerate(heard):
            yield Heard("what moves in steps", done, len(heard))
            if choices := self._choices(p):
                self.choices[p.name] = choices

    def exchanged(self, unit: ProposedUnit) -> float:
        """Find how far a sound moves, in dB, where two neighbouring copies change places."""
        moved = [
            patch | {a: patch[b] for a, b in pairs} | {b: patch[a] for a, b in pairs}
            for patch in self._patches
            for pairs in (list(zip(*copies, strict=True)) for copies in pairwise(unit.members))
        ]
        each = len(unit.members) - 1
        worst = 0.0
        for number, sound in enumerate(self._render(moved)):
            if isinstance(sound, RenderFailure):
                return float("inf")
            worst = max(worst, float(self._distances[number // each](sound[None])[0]))
        return worst

    def _choices(self, p: HostParameter) -> tuple[tuple[str, float], ...]:
        """Name the values that a parameter chooses from; none if it is continuous."""
        texts = p.texts
        if p.name in self._steps:
            widths = [(low + 0.25 * (high - low), low + 0.75 * (high - low))
                      for _, low, high in texts]  # fmt: skip
            spread = np.linspace(0, len(texts) - 1, min(len(texts), len(_PLACES)))
            pairs = [widths[round(i)] for i in spread.tolist()]
            needed = len(pairs)
        else:
            # One of these pairs may lie on two sides of an edge.
            pairs = [(place, place + _APART) for place in _PLACES]
            needed = len(pairs) - 1
        if sum(self._alike(p, low, high) for low, high in pairs) < needed:
            return ()
        if p.name in self._steps:
            names = _told_apart([text for text, _, _ in texts])
            return tuple(zip(names, self._steps[p.name], strict=True))
        return self._runs(p)

    def _runs(self, p: HostParameter) -> tuple[tuple[str, float], ...]:
        """Find runs of raw values that sound alike, for a parameter that prints no steps.

        They have to be the same an octave higher: a sampler's zones, for one, are not.
        """
        found = [self._runs_on(p, note) for note in (_NOTE, _HIGHER)]
        if not found[0] or found[0] != found[1]:
            return ()
        return tuple((f"{np.mean(run):.3f}", _rounded(float(np.mean(run)))) for run in found[0])

    def _runs_on(self, p: HostParameter, note: Note) -> list[list[float]]:
        grid = np.linspace(0.0, 1.0, _GRID).tolist()
        base = self._patches[self.audible[p.name]]
        sounds = self._render([base | {p.name: raw} for raw in grid], note)
        runs: list[list[float]] = []
        last: _Sound | None = None
        for raw, sound in zip(grid, sounds, strict=True):
            if isinstance(sound, RenderFailure):
                return []
            if last is None or not self._alike_sounds(last, sound):
                runs.append([])
            runs[-1].append(raw)
            last = sound
        few = 2 <= len(runs) <= _MOST_RUNS
        return runs if few and min(map(len, runs)) >= 2 else []

    def _alike(self, p: HostParameter, low: float, high: float) -> bool:
        base = self._patches[self.audible[p.name]]
        first, second = self._render([base | {p.name: low}, base | {p.name: high}])
        if isinstance(first, RenderFailure) or isinstance(second, RenderFailure):
            return False
        return self._alike_sounds(first, second)

    def _alike_sounds(self, first: _Sound, second: _Sound) -> bool:
        if self.deterministic:
            return np.array_equal(first, second)
        distance = MultiScaleSpectral(first, self._renderer.sample_rate)
        return float(distance(second[None])[0]) <= _CHANCE * self.floor

    def _same(self, patch: int, sound: _Sound) -> bool:
        if self.deterministic:
            return np.array_equal(self._sounds[patch], sound)
        return float(self._distances[patch](sound[None])[0]) <= _CHANCE * self.floor

    def _elsewhere(self, value: float) -> float:
        """Draw a value that is not near another."""
        return float((value + self._rng.uniform(0.2, 0.8)) % 1.0)

    def _render(self, patches: Iterable[_Patch], note: Note = _NOTE) -> Iterator[Any]:
        return self._renderer.render((patch, note) for patch in patches)


def _told_apart(texts: Sequence[str]) -> list[str]:
    """Number choices that print the same."""
    names: list[str] = []
    for text in texts:
        name, number = text, 2
        while name in names:
            name, number = f"{text} ({number})", number + 1
        names.append(name)
    return names


def _rounded(raw: float) -> float:
    return round(raw, 4)


#: Raw values of the parameters whose texts are few, one a text.
_Steps = dict[str, tuple[float, ...]]


class _Asked:
    """A plugin in a process that it may kill; close it."""

    def __init__(self, make: Callable[[], VST3], plugin: str) -> None:
        self._plugin = plugin
        self._workers: Workers[tuple[Any, ...], Any] = Workers(
            partial(_answers, make), 1, _PATIENCE
        )

    def describe(self) -> list[HostParameter]:
        found: list[HostParameter] = self._ask("describe")
        return found

    def steps(self, parameters: Sequence[HostParameter]) -> _Steps:
        """Find what raw value the plugin makes of the middle of each text, where they are few.

        Many round to a value of their own, which is then the one to set.
        """
        few = [p for p in parameters if 2 <= len(p.texts) <= MOST_TEXTS]
        middles = {p.name: [_rounded((low + high) / 2) for _, low, high in p.texts] for p in few}
        settled: dict[str, list[float]] = {name: [] for name in middles}
        for step in range(max(map(len, middles.values()), default=0)):
            patch = {name: raw[step] for name, raw in middles.items() if step < len(raw)}
            for name, raw in self._ask("settled", patch).items():
                settled[name].append(round(raw, 6))
        return {
            name: tuple(raw if len(set(raw)) == len(raw) else middles[name])
            for name, raw in settled.items()
        }

    def lost(
        self, parameters: Sequence[HostParameter], steps: _Steps, rng: np.random.Generator
    ) -> set[str]:
        """Find parameters that do not keep a value, even if nothing else is set."""
        lost: set[str] = set()
        for _ in range(2):
            patch = {p.name: float(rng.choice(steps.get(p.name, _ANY))) for p in parameters}
            found: list[str] = self._ask("lost", patch)
            lost |= {each for each in found if self._ask("lost", {each: patch[each]})}
        return lost

    def close(self) -> None:
        self._workers.close()

    def _ask(self, *question: Any) -> Any:
        try:
            return self._workers.submit(question).result()
        except WorkerDied as death:
            raise PluginCrashError(
                f"{self._plugin} crashed when it was asked for its parameters (exit code "
                f"{death.exitcode}); install it again, or leave it out"
            ) from None
        except TimeoutError:
            raise PluginHangError(
                f"{self._plugin} did not tell its parameters in {_PATIENCE:g} s: it hangs"
            ) from None


def _answers(make: Callable[[], VST3]) -> Callable[[tuple[Any, ...]], Any]:
    synth = make()
    return lambda question: getattr(synth, question[0])(*question[1:])
