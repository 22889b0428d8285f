"""Options that several commands share, and what a command needs before it starts."""

import os
from pathlib import Path

import click

from unsynth.errors import UnsynthError

MIDI = click.IntRange(0, 127)


def _use_plugin(context: click.Context, parameter: click.Parameter, plugin: Path | None) -> None:
    """Tell this process, and those it starts, which bundle to host."""
    if plugin is not None:
        from unsynth.synths.plugins import CHOICE_VARIABLE, find_bundle

        os.environ[CHOICE_VARIABLE] = str(find_bundle(str(plugin)))


plugin_option = click.option(
    "--plugin",
    type=click.Path(path_type=Path),
    expose_value=False,
    callback=_use_plugin,
    help="The VST3 bundle to use, for a task that needs one.",
)


def require_evaluation() -> None:
    require("evaluate", "pyarrow")


def require_data() -> None:
    require("data", "h5py", "hdf5plugin", "fsspec", "psutil")


def require(extra: str, *packages: str) -> None:
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise UnsynthError(f"this needs {package}: pip install 'unsynth[{extra}]'")


def use_one_torch_thread() -> None:
    """Leave the cores to sounds worked on side by side; torch's own threads wait for each other.

    Denormal numbers, in the tails of sounds, are several times slower than zeros.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def say(message: str) -> None:
    line = " ".join(message.split())
    click.echo(f"unsynth: {line}", err=True)
