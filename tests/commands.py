"""Run the command, in a process of its own or in this one."""

import atexit
import gc
import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from unsynth.cli.main import commands, main

# The command freezes its objects at the end of the process, here those of other tests too: engines
# that only a last collection ends. What is registered first is called last.
atexit.register(gc.unfreeze)

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


class Terminal(io.TextIOWrapper):
    """Standard output or error of a terminal with a certain encoding; ``text`` is what it shows."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding, newline="", write_through=True)

    @property
    def text(self) -> str:
        content: bytes = self.buffer.getvalue()  # type: ignore[attr-defined]
        return content.decode(self.encoding)


class Interrupter(Terminal):
    """Standard error of a user who sends signals to the command when it shows certain lines."""

    def __init__(self, signals: dict[str, signal.Signals]) -> None:
        super().__init__()
        self._signals = dict(signals)

    def write(self, text: str) -> int:
        written = super().write(text)
        for line in self._signals.keys() & set(self.text.splitlines()):
            signal.raise_signal(self._signals.pop(line))
        return written


def type_command(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: object,
    out: Terminal | None = None,
    err: Terminal | None = None,
) -> tuple[int, str, str]:
    """Run the command in this process as a terminal does: exit code, output and errors."""
    streams = out or Terminal(), err or Terminal()
    monkeypatch.setattr(sys, "argv", ["unsynth", *map(str, arguments)])
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = int(str(ended.code or 0))
    return code, streams[0].text, streams[1].text
