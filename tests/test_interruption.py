"""Ctrl-C at any point: the best so far with all its files, or nothing at all.

``UNSYNTH_INTERRUPTS=1000 pytest tests/test_interruption.py`` interrupts that often in process, and
a twentieth as often by a signal to the command.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import Dying, TinySynth, TinyTask
from unsynth.conventions import SECONDS
from unsynth.index.build import build_index
from unsynth.index.draw_index import DrawIndex
from unsynth.interruption import stop_on
from unsynth.matching.matcher import Matcher
from unsynth.matching.request import Request
from unsynth.matching.result import MatchResult
from unsynth.rendering.renderer import Renderer
from unsynth.report.folder import save
from unsynth.search.candidates import Target

TIMES = int(os.environ.get("UNSYNTH_INTERRUPTS", "16"))
FILES = {"patch.json", "best.wav", "note.mid", "report.html"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and timers of Unix")


@pytest.fixture(scope="module")
def tiny_index() -> DrawIndex:
    task = TinyTask()
    with Renderer(task.synth, workers=2) as renderer:
        *_, index = build_index(task, renderer, 60)
    return index


def target() -> Target:
    task = TinyTask()
    patch = task.sample(np.random.default_rng(5))
    sound = TinySynth().render(patch, task.note(patch), SECONDS)
    return Target("own.wav", sound, task.sample_rate)


def interrupted(matcher: Matcher, out: Path, first: float, second: float) -> str:
    """Match with alarms as Ctrl-C, after ``first`` seconds and ``second`` later; say what came."""
    try:
        with stop_on(signal.SIGALRM) as stopped:
            signal.setitimer(signal.ITIMER_REAL, first, second)
            try:
                *_, found = matcher.events(target(), Request(matcher.task, budget=60.0), stopped)
                assert isinstance(found, MatchResult)
                folder = save(found, out).folder
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
    except KeyboardInterrupt:
        assert not out.exists() or not list(out.iterdir())
        return "nothing"
    assert [path.name for path in out.iterdir()] == [folder.name]
    names = {path.name for path in folder.iterdir()}
    told = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    assert names == FILES | {name for each in told["candidates"] for name in each["files"]}
    assert "</html>" in (folder / "report.html").read_text(encoding="utf-8")
    result = found
    assert result.stopped and result.starts
    for _, start in result.starts.values():
        assert result.metrics[0].mss <= start.mss
    return "result"


@pytest.mark.parametrize("synth", [TinySynth, Dying])
def test_interrupts_at_random_points(tiny_index, synth, tmp_path):
    """Some of them soon after the start; a third are followed by a second one."""
    chance, came = random.Random(3), []
    with Matcher(TinyTask(synth), tiny_index) as matcher:
        for number in range(TIMES // 2):
            first = chance.uniform(0.001, chance.choice([0.1, 1.0, 2.0]))
            second = chance.uniform(0.001, 0.3) if chance.random() < 1 / 3 else 0.0
            came.append(interrupted(matcher, tmp_path / str(number), first, second))
    print(f"{synth.__name__}: {came.count('result')} results, {came.count('nothing')} without")
    assert "result" in came
