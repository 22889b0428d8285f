"""Engines at the sample rate of a user's project (:mod:`unsynth.synths.project_rate`)."""

import pickle

import numpy as np
import pytest

from unsynth.errors import TaskError
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task

SECONDS = 1.5


def hold(task, rate: int) -> float:
    """Render a carrier that holds level 99 and then falls fast; return the seconds of the hold.

    The second stage has the target of the first, so it is a hold; the third ends in silence.
    """
    from unsynth.formats.syx import init_voice

    voice = init_voice()
    first = 5 * 21  # operator 1
    voice[first : first + 8] = [99, rate, 90, 99, 99, 99, 0, 0]
    sound = task.synth().render(voice, Note(60, 0.0, 3.0), 2.0)[0]
    return float(np.flatnonzero(np.abs(sound) > 0.5 * np.abs(sound).max())[-1]) / 44_100


def test_a_hold_lasts_as_long_as_dexeds_at_that_rate():
    # Dexed's env.cc counts a hold in samples and divides by the rate once too often.
    lengths = {hz: hold(load_task("dx7", hz), 41) for hz in (44_100, 48_000, 96_000)}
    assert lengths[44_100] > 0.3
    for hz, length in lengths.items():
        assert length == pytest.approx(lengths[44_100] * (44_100 / hz) ** 2, abs=0.02)


@pytest.mark.parametrize("name", ["dx7", "vital-simple"])
def test_notes_and_lengths_are_those_of_44_1_khz(name, rng):
    usual, task = load_task(name), load_task(name, 48_000)
    if name == "vital-simple":
        pytest.importorskip("vita")
    assert task.hash == usual.hash
    assert (task.sample_rate, task.engine_rate) == (44_100, 48_000)
    patch = usual.sample(rng)
    note = Note(57, 0.5, 0.5)
    sounds = [t.synth().render(t.engine_patch(patch), note, SECONDS) for t in (usual, task, usual)]
    assert sounds[1].shape == sounds[0].shape == (usual.channels, round(SECONDS * 44_100))
    assert np.abs(sounds[1][:, :22_000]).max() < 1e-3 * np.abs(sounds[1]).max()
    difference = np.sqrt(np.mean((sounds[1] - sounds[0]) ** 2) / np.mean(sounds[0] ** 2))
    assert 1e-4 < difference < 1.0  # another rate, but nothing is shifted


def test_other_processes_get_the_rate():
    for name in ("dx7", "vital-simple"):
        assert pickle.loads(pickle.dumps(load_task(name, 96_000))).engine_rate == 96_000


@pytest.mark.parametrize("rate", [0, 8_000, 192_001])
def test_rates_that_engines_do_not_run_at_are_refused(rate):
    with pytest.raises(TaskError, match=f"{rate} Hz.*22050 to 192000 Hz"):
        load_task("dx7", rate)
