"""Progress on standard error."""

import errno
from dataclasses import dataclass

import pytest
import torch

from unsynth.authoring.check import CheckProgress
from unsynth.authoring.listening import ProbeProgress
from unsynth.cli import main
from unsynth.cli.terminal import Step, follow, result_of, say, say_error
from unsynth.data.local import DatasetProgress
from unsynth.data.verify import ShardProgress
from unsynth.evaluation.evaluate import EvaluationProgress
from unsynth.index.build import BuildProgress
from unsynth.matching.run import Progress


@dataclass(frozen=True)
class Count:
    done: int
    total: int


def test_follow_yields_all_but_steps_and_labels_stages(capsys):
    steps = [Progress("loading", 0, 1), Progress("searching", 3, 4), "event"]
    assert list(follow(steps, indent="  ")) == ["event"]
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == ["  loading", "  searching"]


def test_result_of_returns_the_last_event(capsys):
    assert result_of(str, [Count(1, 2), "first", Count(2, 2), "result"], "working") == "result"
    assert capsys.readouterr().err.splitlines() == ["working", "working"]
    with pytest.raises(AssertionError):
        result_of(str, [Count(1, 2)], "working")


def test_counts_are_part_of_the_label(capsys):
    list(follow([Count(1, 2), Count(2, 2)], "scoring", counted=True))
    assert capsys.readouterr().err.splitlines() == ["scoring", "scoring 1/2", "scoring 2/2"]


def test_an_empty_total_is_no_error():
    assert list(follow([Count(0, 0)], "working")) == []


@pytest.mark.parametrize(
    "event",
    [
        *(
            DatasetProgress(1, 2),
            ShardProgress(1, 2),
            EvaluationProgress(1, 2),
            BuildProgress(1, 2),
            Progress("a", 1, 2),
        ),
        *(CheckProgress("a", 1, 2), ProbeProgress("a", 1, 2)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_progress_of_every_command_is_a_step(event):
    assert isinstance(event, Step)


def test_an_error_is_one_line(capsys):
    say_error("a\nb   c")
    assert capsys.readouterr().err == "unsynth: a b c\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_disk_that_fills_up_in_a_library_is_one_line(monkeypatch, capsys, number):
    def fill(**options: object) -> None:
        raise OSError(number, "No space left on device", "kernel.nbc")

    monkeypatch.setattr(main, "commands", fill)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    line = "unsynth: kernel.nbc could not be written (No space left on device): free space\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9 bytes"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["numpy", "gpu", "torch"],
)
def test_memory_that_runs_out_is_one_line(monkeypatch, capsys, error):
    def exhaust(**options: object) -> None:
        raise error

    monkeypatch.setattr(main, "commands", exhaust)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("unsynth: there is not enough memory")


def test_other_errors_of_a_fault_keep_their_traceback(monkeypatch):
    def fail(**options: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(main, "commands", fail)
    with pytest.raises(RuntimeError, match="a fault"):
        main.main()


def test_texts_of_files_cannot_command_the_terminal(capsys):
    name = "a\x1b]0;title\x07\x9b2J"
    say(f"1 {name}\n2 {name}")
    say_error(name)
    list(follow([Count(1, 2), Progress(name, 1, 2)], name))
    out, err = capsys.readouterr()
    assert out == "".join(rf"{n} a\x1b]0;title\x07\x9b2J" + "\n" for n in (1, 2))
    assert not set("\x1b\x07\x9b") & set(err)
