"""What the laboratory examines: a task's synthesizer, or one of the paper's k-osc."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32

from unsynth.errors import TaskError
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.kosc import KOsc, Ranges
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.note import NOTE
from unsynth.tasks.parameter import Continuous
from unsynth.tasks.spec import Patch, Spec, Unit
from unsynth.tasks.task import Task

#: A sound: channels by samples.
Sound = Float32[np.ndarray, "channels samples"]

#: Finest difference of a value of k-osc.
_STEP = 1e-4
#: Patches of k-osc that are rendered at once.
_BATCH = 64
_KOSC = re.compile(r"kosc-(\d{1,2})(?:-(asymmetric|conditional|dial-(0|1|0?\.\d+)))?")
#: The most oscillators: all involutions of more are too many to try.
_MOST_OSCILLATORS = 8


@runtime_checkable
class Subject(Protocol):
    """A synthesizer with a prior over its patches."""

    name: str
    #: Fingerprint of everything that a draw and its sound depend on.
    hash: str
    spec: Spec
    sample_rate: int
    #: Whether a patch always gives the same samples.
    deterministic: bool
    #: Positions of the parameters that are the note.
    note: frozenset[int]

    def sample(self, rng: np.random.Generator) -> Patch:
        """Draw a patch from the prior."""
        ...

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant."""
        ...

    def render(self, patches: Iterable[Patch]) -> Iterator[Sound | RenderFailure]:
        """Render patches, in order."""
        ...

    def close(self) -> None:
        """Stop what renders."""
        ...


class TaskSubject:
    """A task's synthesizer; ``workers`` engines render at once, by default one per core."""

    def __init__(self, task: Task, workers: int | None = None) -> None:
        self.task, self.name, self.hash, self.spec = task, task.name, task.hash, task.spec
        self._renderer = Renderer(task.synth, workers)
        self.sample_rate = self._renderer.sample_rate
        self.deterministic = task.synth().deterministic
        count = len(task.spec.parameters)
        self.note = frozenset(range(count - len(NOTE), count))

    def sample(self, rng: np.random.Generator) -> Patch:
        """Draw a patch from the prior."""
        return self.task.sample(rng)

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant."""
        return self.task.log_density(patches)

    def render(self, patches: Iterable[Patch]) -> Iterator[Sound | RenderFailure]:
        """Render patches, each with its note, in order."""
        requests = ((self.task.engine_patch(patch), self.task.note(patch)) for patch in patches)
        return self._renderer.render(requests)

    def close(self) -> None:
        """Stop the engines."""
        self._renderer.close()


class KOscSubject:
    """k-osc with values that are uniform in [-1, 1]; its unit is the oscillator."""

    deterministic = True
    note: frozenset[int] = frozenset()

    def __init__(self, name: str, synth: KOsc) -> None:
        self.name, self._synth = name, synth
        self.hash = hashlib.sha256(repr(synth).encode()).hexdigest()[:16]
        self.sample_rate = synth.sample_rate
        k = synth.oscillators
        names = [
            f"oscillator{i + 1}.{part}"
            for part in ("frequency", "amplitude", "shape")
            for i in range(k)
        ]
        if synth.ranges is Ranges.CHOSEN:
            names.append("ranges")
        self.spec = Spec(
            tuple(Continuous(name, -1.0, 1.0, _STEP) for name in names),
            (Unit("oscillator", tuple((i, k + i, 2 * k + i) for i in range(k))),),
        )

    def sample(self, rng: np.random.Generator) -> Patch:
        """Draw a patch: every value is uniform."""
        return rng.uniform(-1.0, 1.0, self._synth.values)

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Return zeros: the density is constant."""
        return np.zeros(len(patches))

    def render(self, patches: Iterable[Patch]) -> Iterator[Sound | RenderFailure]:
        """Render patches in batches, in order."""
        waiting: list[Patch] = []
        for patch in patches:
            waiting.append(patch)
            if len(waiting) == _BATCH:
                yield from self._render(waiting)
                waiting = []
        if waiting:
            yield from self._render(waiting)

    def _render(self, patches: list[Patch]) -> Iterator[Sound]:
        with torch.no_grad():
            audio = self._synth.render(torch.from_numpy(np.stack(patches)).float())
        yield from audio[:, None].numpy()

    def close(self) -> None:
        """Do nothing: no process or thread renders."""


def load_subject(name: str, workers: int | None = None) -> Subject:
    """Load a task by its name or file, or a k-osc such as ``kosc-4`` or ``kosc-4-dial-0.3``.

    Raises :class:`TaskError` for an unknown name, and :class:`~unsynth.errors.EngineError` for an
    engine that is not installed.
    """
    if not name.startswith("kosc"):
        return TaskSubject(load_task(name), workers)
    match = _KOSC.fullmatch(name)
    if match is None or not 2 <= int(match[1]) <= _MOST_OSCILLATORS:
        raise TaskError(
            f"there is no k-osc named {name!r}; choose kosc-K, kosc-K-asymmetric, "
            f"kosc-K-conditional or kosc-K-dial-X, with K from 2 to {_MOST_OSCILLATORS} and X from "
            "0 to 1"
        )
    k, variant = int(match[1]), match[2]
    if match[3] is not None:
        return KOscSubject(name, KOsc(k, dial=float(match[3])))
    ranges = {
        None: Ranges.COMMON,
        "asymmetric": Ranges.DISJOINT,
        "conditional": Ranges.CHOSEN,
    }[variant]
    return KOscSubject(name, KOsc(k, ranges))
