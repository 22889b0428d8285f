"""Run the command, in a process of its own or in this one."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from unsynth.cli.main import commands, main

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


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
    bars = ("  ", "checking", "sampling", "scoring")
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(bars)]
    assert len(lines) == 1 and lines[0].startswith("unsynth: "), lines
    return lines[0]
