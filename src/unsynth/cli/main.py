"""The command ``unsynth``.

Engines, torch and pages are imported by the subcommand that needs them, so that ``--help``
answers at once. Whatever a user can cause ends in one line on standard error and exit code 2.
"""

import signal
import sys
from types import FrameType

import click

from unsynth.cli import datasets, evaluation, match, reproduce, synths, training
from unsynth.cli.options import say
from unsynth.errors import UnsynthError
from unsynth.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unsynth")
def commands() -> None:
    """Give it a sound, get the synthesizer patch back."""


for command in (
    *(match.match, match.index),
    *(synths.voices, synths.task_group, synths.plugins),
    *(datasets.render, datasets.data),
    *(training.train, training.export),
    *(evaluation.evaluate, evaluation.calibrate, evaluation.compare),
    reproduce.reproduce,
):
    commands.add_command(command)


def main() -> None:
    """Run the command; every expected failure is one line and exit code 2."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        commands(prog_name="unsynth", standalone_mode=False)
    except UnsynthError as error:
        _fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; nothing half-written was left behind")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(2)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt


def _fail(message: str) -> None:
    say(message)
    sys.exit(2)
