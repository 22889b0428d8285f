"""What a command writes to the terminal: lines, its progress as a bar, and errors."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

import click

from unsynth.documents import printable

T = TypeVar("T")

#: Length of every bar; a whole number of thousandths is enough for any terminal.
_LENGTH = 1000


@runtime_checkable
class Step(Protocol):
    """An event that says how much of the work is done.

    It may also have a ``stage``, the name of the work in progress, and ``best``, the distance of
    the best patch so far in dB.
    """

    @property
    def done(self) -> int:
        """Number of finished parts."""

    @property
    def total(self) -> int:
        """Number of all parts."""


def follow(
    events: Iterable[object], label: str = "", counted: bool = False, indent: str = ""
) -> Iterator[object]:
    """Draw every :class:`Step` of ``events`` as a bar, and yield the other events.

    The bar is labelled with the stage of a step if it has one, else with ``label``; ``counted``
    adds the numbers of a step. With a ``label`` an empty bar appears at once, else with the first
    step. Each bar ends before the next event is yielded.
    """
    bar: Any = _bar(label) if label else None
    try:
        for event in events:
            if not isinstance(event, Step):
                if bar is not None:
                    bar.render_finish()
                    bar = None
                yield event
                continue
            bar = bar or _bar(label)
            stage = getattr(event, "stage", None)
            count = f" {event.done}/{event.total}" if counted else ""
            bar.label = printable(f"{indent}{stage or label}{count}")
            bar.current_item = getattr(event, "best", None)
            position = _LENGTH * event.done // max(1, event.total)
            if stage is None:
                bar.update(max(0, position - bar.pos))
            else:
                # The next stage begins at 0 again, but `update` keeps a full bar full.
                bar.pos = position
            bar.render_progress()
    finally:
        if bar is not None:
            bar.render_finish()


def result_of(kind: type[T], events: Iterable[object], label: str = "", counted: bool = False) -> T:
    """Follow events to their end and return the last one, which is of ``kind``."""
    last = None
    for event in follow(events, label, counted):
        last = event
    assert isinstance(last, kind), last
    return last


def _bar(label: str) -> Any:
    """Begin a bar; the time left is shown only for work of one stage."""
    bar: Any = click.progressbar(
        length=_LENGTH,
        label=printable(label),
        file=sys.stderr,
        show_eta=bool(label),
        item_show_func=lambda best: None if best is None else f"best {best:.2f} dB",
    )
    if label:
        bar.render_progress()
    return bar


def say(text: object, err: bool = False) -> None:
    """Print text, to standard error if ``err``.

    Names of files, and texts in them, may hold commands to the terminal: none of these get through.
    """
    click.echo("\n".join(map(printable, str(text).split("\n"))), err=err)


def say_error(message: str) -> None:
    """Print a message as one line, whatever line breaks it has."""
    say(f"unsynth: {' '.join(message.split())}", err=True)
