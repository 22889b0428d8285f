"""A task that a YAML file declares: the controls of a synthesizer, their priors and conditions.

The file has these parts; ``docs/use/tasks.md`` describes each with examples:

``task``, ``synth``, ``engine``
    the task's name (it seeds the draws), the engine, and the engine's settings
``units``, ``parameters``, ``note``
    the parameters in order; a unit is a block that comes ``count`` times, such as an oscillator
    with its own LFO and envelope
``fixed``
    raw values of the controls that are the same in every patch
``symmetry``
    the ``symmetry.json`` that says which exchanges keep the sound, in place of ``exchange``

The prior does not change if a unit's copies are exchanged; see
:mod:`unsynth.tasks.declared.prior`. Whether the sound stays the same too may depend on the patch
(the "conditional symmetries" of the paper, section 3.2): a unit's ``exchange`` says when.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.errors import OutputError, PatchError, TaskError
from unsynth.files import replacing
from unsynth.synths.base import Engine, Note, ReadingEngine, Synth
from unsynth.synths.catalogue import ENGINES
from unsynth.synths.project_rate import synth_at
from unsynth.tasks.declared.audibility import active_parameters
from unsynth.tasks.declared.checks import unknown_key
from unsynth.tasks.declared.exchanges import Exchanges
from unsynth.tasks.declared.prior import DeclaredPrior
from unsynth.tasks.declared.raw import controls_from_patch, nearest_patch, patch_from_controls
from unsynth.tasks.declared.reader import check_controls, read_declaration
from unsynth.tasks.measured import MeasuredExchanges
from unsynth.tasks.note import NOTE, describe_note, read_note, replace_note
from unsynth.tasks.parameter import Categorical, Continuous
from unsynth.tasks.spec import Spec

#: The most differences in a message.
_MOST_NAMED = 3


class DeclaredTask:
    """A task that a YAML file declares; see :class:`unsynth.tasks.task.Task`.

    ``content`` is the parsed file, ``folder`` the one that its relative paths start from, and
    ``source`` the name by which :func:`~unsynth.tasks.catalogue.load_task` loads it. An engine
    patch is a raw value by control.

    Raises :class:`TaskError`, one line with the nearest valid key, for content that it does not
    understand.
    """

    def __init__(
        self, content: Any, folder: Path, source: str, engine_rate: int = SAMPLE_RATE
    ) -> None:
        self.source, self.engine_rate = source, engine_rate
        self.declaration = read_declaration(content, source)
        self.name: str = self.declaration.name
        self.spec: Spec = self.declaration.spec
        self._exchanges: Exchanges | MeasuredExchanges = Exchanges(self.declaration)
        if self.declaration.symmetry is not None:
            self._exchanges = MeasuredExchanges(folder / self.declaration.symmetry, self.spec)
            self.spec = self._exchanges.spec
        self.prior = DeclaredPrior(self.declaration)
        maker = ENGINES.get(self.declaration.synth)
        if maker is None:
            raise TaskError(f"{source}: synth: {unknown_key(self.declaration.synth, ENGINES)}")
        try:
            self.engine: Engine = maker(self.declaration.engine, folder)
        except TaskError as error:
            raise TaskError(f"{source}: {error}") from None
        check_controls(self.declaration, self.engine.controls, source)

    @property
    def package(self) -> str:
        """The distribution that the engine comes in."""
        return self.engine.package

    @property
    def sample_rate(self) -> int:
        """Sample rate of the sounds, in Hz."""
        return self.engine.sample_rate

    @property
    def channels(self) -> int:
        """Channels of the sounds."""
        return self.engine.channels

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the spec, the priors, the controls and the engine's base patch."""
        declaration = self.declaration
        parameters = [
            [p.control, p.raw, p.weights, p.points, p.copies] for p in declaration.parameters
        ]
        text = json.dumps(
            [
                declaration.spec.hash,
                parameters,
                declaration.fixed,
                declaration.note_within,
                self.engine.identity,
            ],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def synth(self) -> Synth[Any]:
        """Make an engine; raises :class:`~unsynth.errors.EngineError` where it is missing."""
        return synth_at(self.engine.synth, self.engine_rate)

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch from the prior."""
        return self.prior.sample(rng)

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant; -inf for patches that it never draws."""
        return self.prior.log_density(patches)

    def note(self, patch: Float[np.ndarray, " parameters"]) -> Note:
        """Read the note out of a patch; the velocity is always 100."""
        return read_note(patch)

    def with_note(
        self, patch: Float[np.ndarray, " parameters"], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with another note, which may lie outside the prior's range.

        Only its duration is clipped to the task's range, since a note may be held for longer than
        any draw.
        """
        duration = self.spec.parameters[-1]
        assert isinstance(duration, Continuous)
        clipped = min(max(note.duration, duration.low), duration.high)
        return replace_note(patch, replace(note, duration=clipped))

    def engine_patch(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, float]:
        """Compute the raw value of every control that this task sets."""
        return controls_from_patch(self.declaration, patch)

    def from_engine_patch(
        self, controls: Mapping[str, float], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Undo :meth:`engine_patch`, to the nearest patch of the task, and add a note.

        Raises :class:`PatchError` that names a control if it is missing, or if this task never
        gives it this value.
        """
        return self.with_note(patch_from_controls(self.declaration, controls), note)

    def from_file(self, data: bytes, note: Note) -> Float[np.ndarray, " parameters"]:
        """Read a file that :meth:`export` or the synthesizer wrote, and add a note.

        What cannot be heard may have any value. Raises :class:`PatchError` that names what in the
        file this task never has.
        """
        patch, differences = self.nearest_to_file(data, note)
        if differences:
            raise PatchError(first_of(differences))
        return patch

    def nearest_to_file(
        self, data: bytes, note: Note
    ) -> tuple[Float[np.ndarray, " parameters"], list[str]]:
        """Read what this task can hold of a file of its synthesizer, and add a note.

        Also says what can be heard in the file and this task never has, a line each. Raises
        :class:`PatchError` for a file that the synthesizer cannot play.
        """
        if not isinstance(self.engine, ReadingEngine):
            raise PatchError(f"files of task {self.name} can be written, but not read")
        names: dict[str, Sequence[float]] = {name: () for name in self.declaration.fixed}
        for parameter, declared in zip(
            self.spec.parameters, self.declaration.parameters, strict=True
        ):
            if declared.control is not None:
                choices = declared.raw if isinstance(parameter, Categorical) else None
                names[declared.control] = choices or ()
        controls, unheard, differences = self.engine.read(data, names)
        patch, outside = nearest_patch(self.declaration, controls, unheard)
        return self.with_note(patch, note), [*differences, *outside]

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write each patch as files that its synthesizer opens, ranked by number, best first."""
        paths = []
        for rank, patch in enumerate(patches, start=1):
            files = self.engine.files(self.engine_patch(patch), f"unsynth {rank:02d}")
            for suffix, data in files.items():
                path = folder / f"patch-{rank:02d}{suffix}"
                try:
                    with replacing(path) as unfinished:
                        unfinished.write_bytes(data)
                except OSError as error:
                    raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
                paths.append(path)
        return paths

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters are audible; see :mod:`unsynth.tasks.declared.audibility`."""
        return active_parameters(self.declaration, patch)

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with every inactive parameter, but the note, at its neutral value."""
        active = self.active(patch)
        active[-len(NOTE) :] = True
        return np.where(active, patch, [p.neutral for p in self.declaration.parameters])

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """Describe the note, then the audible parameters by name, a category by its choice."""
        active = self.active(patch).tolist()
        named = list(self.spec.named(patch).items())
        audible = zip(named[: -len(NOTE)], active[: -len(NOTE)], strict=True)
        values = {name: value for (name, value), is_audible in audible if is_audible}
        return {"note": describe_note(self.note(patch)), **values}

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges of each unit's copies that the file allows in this patch.

        With ``symmetry``, they are those that were measured.
        """
        return self._exchanges.images(patch)


def first_of(differences: Sequence[str]) -> str:
    """Name the first three differences of a file from a task in one line, and count the others."""
    more = len(differences) - _MOST_NAMED
    text = "; ".join(differences[:_MOST_NAMED])
    return f"{text}; and {more} more differences" if more > 0 else text
