"""Ctrl-C at any point: the best patches so far with all their files, or nothing at all.

``UNSYNTH_INTERRUPTS=1000 pytest tests/test_interruption.py`` interrupts that often in process;
``tests/cli/test_match_command.py`` a twentieth as often by a signal to the command.
"""

import json
import os
import random
import signal
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import CrashingTinySynth, TinySynth, TinyTask
from unsynth.conventions import SECONDS
from unsynth.interruption import await_result, stop_on
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.result import MatchResult
from unsynth.matching.run import Progress
from unsynth.report.folder import _unfinished_folder, save
from unsynth.search.candidates import Target

TIMES = int(os.environ.get("UNSYNTH_INTERRUPTS", "6"))
FILES = {"patch.json", "target.wav", "best.wav", "note.mid", "report.html"}

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals and timers of Unix"),
    pytest.mark.usefixtures("short_matches"),
]


def target() -> Target:
    task = TinyTask()
    patch = task.sample(np.random.default_rng(5))
    sound = TinySynth().render(patch, task.note(patch), SECONDS)
    return Target("own.wav", sound, task.sample_rate)


def match_interrupted(matcher: Matcher, out: Path, first: float = 0.0, second: float = 0.0) -> str:
    """Match with alarms as Ctrl-C, ``first`` seconds from now and ``second`` later.

    Without ``first``, one alarm comes as the search begins.
    """
    try:
        with stop_on(signal.SIGALRM) as stop_requested:
            signal.setitimer(signal.ITIMER_REAL, first, second)  # 0 sets none
            try:
                request = Request(matcher.task, budget=60.0)
                for event in matcher.events(target(), request, stop_requested):
                    searching = isinstance(event, Progress) and event.stage == "searching"
                    if searching and not first and not stop_requested():
                        signal.raise_signal(signal.SIGALRM)
                result = event
                assert isinstance(result, MatchResult)
                folder = save(result, out).folder
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
    except KeyboardInterrupt:
        assert not out.exists() or not list(out.iterdir())
        return "nothing"
    assert [path.name for path in out.iterdir()] == [folder.name]
    names = {path.name for path in folder.iterdir()}
    content = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    assert names == FILES | {name for each in content["candidates"] for name in each["files"]}
    assert "</html>" in (folder / "report.html").read_text(encoding="utf-8")
    assert result.stopped and result.starts
    for _, start in result.starts.values():
        assert result.metrics[0].mss <= start.mss
    return "result"


@pytest.mark.parametrize("synth", [TinySynth, CrashingTinySynth])
def test_interrupts_at_random_points_leave_a_whole_result_or_nothing(tiny_index, synth, tmp_path):
    """Some come soon after the start; a third are followed by a second one."""
    rng, outcomes = random.Random(3), []
    with Matcher(TinyTask(synth), tiny_index) as matcher:
        # The first match imports what is imported late. An import that is cut short would leave
        # half a module to later tests, while the process of a command ends.
        assert match_interrupted(matcher, tmp_path / "first") == "result"
        for number in range(TIMES // 2):
            first = rng.uniform(0.001, rng.choice([0.1, 1.0, 2.0]))
            second = rng.uniform(0.001, 0.3) if rng.random() < 1 / 3 else 0.0
            outcomes.append(match_interrupted(matcher, tmp_path / str(number), first, second))
    print(
        f"{synth.__name__}: {outcomes.count('result')} results, {outcomes.count('nothing')} without"
    )


def test_ctrl_c_while_the_folder_is_made_leaves_nothing(tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def interrupted(folder: Path, *arguments: object, **options: object) -> None:
        mkdir(folder, *arguments, **options)
        if folder.parent == tmp_path / "out":
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), _unfinished_folder(tmp_path / "out"):
        pass
    assert not list((tmp_path / "out").iterdir())


def test_a_signal_that_another_thread_gets_ends_a_wait():
    """The main thread has to wake to handle it."""
    future: Future[None] = Future()

    def signal_this_thread() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    timers = threading.Timer(0.5, signal_this_thread), threading.Timer(20.0, future.cancel)
    # A shell lets the commands that it starts in the background ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for timer in timers:
            timer.start()
        with pytest.raises(KeyboardInterrupt):
            await_result(future)
    finally:
        signal.signal(signal.SIGINT, before)
        timers[1].cancel()
    assert not future.cancelled()
