"""Options that several commands share, each declared once, and the types of numeric options.

A number that makes no sense is refused while the command line is parsed, before any work.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Any], Any]

#: Larger integers do not fit the 64 bits of seeds, arrays and files.
_MAX_INTEGER = 2**63 - 1
#: Larger floats make no sense anywhere here, and overflow in products.
_MAX_FLOAT = 1e30
#: Longer times overflow the millisecond counters of the operating system; this is eleven days.
_MAX_SECONDS = 1e6


class WholeNumber(click.IntRange):
    """An integer range that also refuses integers of more than 64 bits."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse and check a number; a number out of range is a usage error."""
        number: int = super().convert(value, param, ctx)
        if abs(number) > _MAX_INTEGER:
            self.fail(f"{value} is too large.", param, ctx)
        return number


class Number(click.FloatRange):
    """A float range that also refuses infinity, and nan, which no bound excludes."""

    name = "number"

    def __init__(
        self,
        min: float | None = None,
        max: float | None = None,
        min_open: bool = False,
        limit: float = _MAX_FLOAT,
    ) -> None:
        """``limit`` bounds the size of numbers for technical reasons: ``--help`` leaves it out."""
        super().__init__(min, max, min_open)
        self._limit = limit

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse and check a number; a number out of range is a usage error."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        if abs(number) > self._limit:
            self.fail(f"{value} is too large.", param, ctx)
        return number


COUNT = WholeNumber(1)
MIDI = WholeNumber(0, 127)
VELOCITY = WholeNumber(1, 127)
POSITIVE = Number(0.0, min_open=True)
SECONDS = Number(0.0, min_open=True, limit=_MAX_SECONDS)
#: A scale of 0 ignores the sound, 1 samples the posterior, and the paper uses 2. Scales far above
#: push every sample to the bounds of its parameters.
GUIDANCE = Number(0.0, 100.0)


seed_option = click.option(
    "--seed",
    default=0,
    type=WholeNumber(0),
    show_default=True,
    help="Seed of all random choices.",
)
workers_option = click.option(
    "--workers", type=COUNT, show_default="one per core", help="Number of worker processes."
)
resume_option = click.option(
    "--resume", is_flag=True, help="Continue from what an earlier run left in the output folder."
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Torch device, such as cpu or cuda; auto takes a GPU if there is one.",
)
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of the experiment file; may be repeated.",
)


def out_option(
    content: str, default: Path | None = None, otherwise: str | None = None, required: bool = False
) -> Decorator:
    """Declare ``--out``; ``otherwise`` describes a default that depends on the arguments."""
    # With an explicit default of None, Click does not report a required option as missing.
    presence = {"required": True} if required else {"default": default}
    return click.option(
        "--out",
        **presence,
        type=click.Path(path_type=Path),
        show_default=True if otherwise is None else otherwise,
        help=content,
    )


def candidates_option(samples: str) -> Decorator:
    """Declare ``--candidates``, the number of posterior samples of a target."""
    return click.option(
        "--candidates", default=16, type=COUNT, show_default=True, help=f"Number of {samples}."
    )


def draws_option(default: int | None, least: int, help: str) -> Decorator:
    """Declare ``--draws``, the number of draws from the prior of a task."""
    return click.option(
        "--draws",
        default=default,
        type=WholeNumber(least),
        show_default=default is not None,
        help=help,
    )


def _use_plugin(context: click.Context, parameter: click.Parameter, plugin: Path | None) -> None:
    """Tell this process, and those that it starts, which bundle to host."""
    if plugin is not None:
        from unsynth.synths.plugins import CHOICE_VARIABLE, find_bundle

        os.environ[CHOICE_VARIABLE] = str(find_bundle(str(plugin)))


plugin_option = click.option(
    "--plugin",
    type=click.Path(path_type=Path),
    expose_value=False,
    callback=_use_plugin,
    help="VST3 bundle to use, for a task that needs a plugin.",
)
