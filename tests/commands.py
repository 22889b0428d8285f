"""Run the command, in a process of its own or in this one."""

import subprocess
import sys

import pytest

from unsynth.cli.main import main


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "unsynth", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def failing(capsys, *arguments: object) -> str:
    """Run the command in this process; it must exit with 2 and one line on standard error."""
    sys.argv = ["unsynth", *map(str, arguments)]
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    bars = ("  ", "scoring", "sampling")
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(bars)]
    assert len(lines) == 1 and lines[0].startswith("unsynth: "), lines
    return lines[0]
