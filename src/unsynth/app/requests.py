"""What the page may ask for, each checked before any work."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: The longest search, in seconds: a day.
_LONGEST_SEARCH = 86_400
#: The longest note to play, in seconds.
_LONGEST_NOTE = 10


class NotThereError(Exception):
    """A request for a job, result or file that does not exist."""


#: A parameter's value by name.
Values = dict[Annotated[str, Field(max_length=200)], int | float | str]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class SearchRequest(_Request):
    """A search: what ``unsynth match`` has as options.

    ``start`` is the second of the sound at which the stretch to match begins. ``patch`` is a patch
    to search on from; ``patches`` is instead the name of a file of patches that was brought to the
    job. ``locks`` are values to hold.
    """

    synth: Annotated[str, Field(max_length=4096)]
    seconds: Annotated[float, Field(gt=0, le=_LONGEST_SEARCH)] = 20.0
    renders: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    start: Annotated[float, Field(ge=0, le=_LONGEST_SEARCH)] | None = None
    note: Annotated[int, Field(ge=0, le=127)] | None = None
    locks: Values = {}
    patch: Values | None = None
    patches: Annotated[str, Field(max_length=1000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _check_start(self) -> "SearchRequest":
        if self.patch is not None and self.patches is not None:
            raise ValueError("begin from a patch or from a file of patches, not from both")
        return self

    @property
    def held(self) -> Values:
        """All values to hold, the note among them."""
        return ({} if self.note is None else {"note": self.note}) | self.locks


class NoteRequest(_Request):
    """A note of a patch: key, velocity, and times in seconds."""

    synth: Annotated[str, Field(max_length=4096)]
    parameters: Values
    pitch: Annotated[int, Field(ge=0, le=127)]
    velocity: Annotated[int, Field(ge=1, le=127)] = 100
    duration: Annotated[float, Field(gt=0, le=_LONGEST_NOTE)]
    seconds: Annotated[float, Field(gt=0, le=_LONGEST_NOTE)]


class PatchRequest(_Request):
    """A patch to write as files of its synthesizer."""

    synth: Annotated[str, Field(max_length=4096)]
    parameters: Values
