"""The command ``unsynth``.

Subcommands import engines, torch and report pages only when they run, so ``--help`` is fast.
Every error that a user can cause ends in one line on standard error and exit code 2.
"""

import atexit
import errno
import gc
import io
import os
import signal
import sys
from types import FrameType

import click

from unsynth.cli import (
    app,
    datasets,
    evaluation,
    gallery,
    index,
    match,
    models,
    reproduce,
    symmetry,
    synths,
    training,
)
from unsynth.cli.terminal import say_error
from unsynth.documents import printable
from unsynth.errors import UnsynthError
from unsynth.version import __version__

#: Error numbers of a disk that is full, a quota that is used up, and a file above the limit.
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
#: Headings of ``unsynth --help``, each with its commands in the order of their use.
_GROUPS: dict[str, tuple[click.Command, ...]] = {
    "From a sound to a patch": (
        *(
            match.match,
            app.app,
            gallery.gallery,
            synths.voices,
            synths.plugins,
            synths.task_group,
            index.index,
            models.models,
        ),
    ),
    "Research": (
        *(datasets.render, datasets.data, training.train, training.export),
        *(evaluation.evaluate, evaluation.calibrate, evaluation.compare, symmetry.symmetry),
        reproduce.reproduce,
    ),
}


class _Commands(click.Group):
    """A group whose ``--help`` lists its commands under headings."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the headings and, under each, a line per command."""
        width = max(map(len, self.commands))
        for heading, group in _GROUPS.items():
            lines = [
                (str(command.name).ljust(width), command.get_short_help_str(formatter.width))
                for command in group
            ]
            with formatter.section(heading):
                formatter.write_dl(lines)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unsynth")
def commands() -> None:
    """Give it a sound, get the synthesizer patch back.

    Start with `unsynth match SOUND`. `unsynth COMMAND --help` describes a command.
    """


for _command in (command for group in _GROUPS.values() for command in group):
    commands.add_command(_command)


def main() -> None:
    """Run the command; every expected failure is one line and exit code 2."""
    # NumPy reads this as it is imported, here and in every worker. Sounds are processed in
    # parallel, one per core: threads of its matrix products would wait for one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, _interrupt)
    # At the end Python would look for cycles among torch's objects, for half a second.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the terminal's encoding lacks must not end a run.
            stream.reconfigure(errors="backslashreplace")
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
    except (MemoryError, RuntimeError) as error:
        from unsynth.training.checkpoint import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        _fail("there is not enough memory: close other programs, or use smaller settings")
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            _fail(f"{printable(str(error.filename or 'a path'))}: this name is too long")
        # Files that libraries write, such as numba's compiled code.
        if error.errno not in _DISK_FULL:
            raise
        _fail(f"{error.filename or 'a file'} could not be written ({error.strerror}): free space")


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt


def _fail(message: str) -> None:
    say_error(message)
    sys.exit(2)
