"""Run the command, in a process of its own or in this one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from unsynth.cli.main import commands, main

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def command_paths(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Find all commands below a group, each with its path, such as ``data verify``."""
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from command_paths(command, f"{path}{name} ")


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "unsynth", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def output(*arguments: object) -> str:
    """Run the command in this process and return what it prints; errors are raised."""
    result = CliRunner().invoke(commands, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def failing(capsys, *arguments: object) -> str:
    """Run the command in this process; it must exit with 2 and one line on standard error."""
    sys.argv = ["unsynth", *map(str, arguments)]
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    bars = ("  ", "checking", "rendering", "sampling", "scoring")
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(bars)]
    assert len(lines) == 1 and lines[0].startswith("unsynth: "), lines
    return lines[0]
