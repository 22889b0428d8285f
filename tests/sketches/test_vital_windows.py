import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tests.sketches.vital import (
    difference,
    plain_patch,
    render_windows,
    sketch_windows,
)
from unsynth.metrics.fast import FastSpectral
from unsynth.search.candidates import Candidate, Target
from unsynth.search.downhill import Downhill
from unsynth.search.moves.catalogue import make_moves
from unsynth.search.shares import Shares
from unsynth.search.space import Space
from unsynth.sketches.catalogue import sketch_of
from unsynth.sketches.vital.sketch import VitalSketch, load_sketch
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task

pytest.importorskip("vita")

STARTS = list(range(0, 5 * 22_050, 8820))


@pytest.fixture(scope="module")
def task():
    return load_task("vital-simple")


#: What is played, and the most decibels that the sketch may be off, as a mean over four seconds.
MODULES = {
    "saw": ({}, 0.1),
    "sine": ({"osc1__wave_frame": 0}, 0.2),
    "between two waves": ({"osc1__wave_frame": 40}, 0.1),
    "from triangle to square": ({"osc1__wave_frame": 24}, 0.4),
    "pulse": ({"osc1__wave_frame": 64}, 0.1),
    "harmonics": ({"osc1__morph_amount": 0.5}, 0.1),
    "bend": ({"osc1__distortion_amount": 0.2}, 0.2),
    "unison": ({"osc1__unison_blend": 0.5, "osc1__unison_detune": 3}, 0.3),
    "vibrato": ({"osc1__lfo_to_tune": 0.2}, 0.2),
    "LFO on waves": ({"osc1__lfo_to_wave_frame": 0.1, "osc1__wave_frame": 40}, 0.6),
    "envelope on level": ({"osc1__env_to_level": 0.4}, 0.2),
    "envelope on harmonics": (
        {"osc1__env_to_morph_amount": 0.4, "osc1__morph_amount": 0.3},
        0.4,
    ),
    "three oscillators": (
        {"osc2__on": 1, "osc2__transpose": 7, "osc3__on": 1, "osc3__tune": 0.1, "osc3__phase": 0.6},
        0.3,
    ),
    "noise": ({"noise__on": 1, "osc1__on": 0}, 0.2),
    "attack": ({"env__attack": 0.8, "env__attack_power": -3}, 0.2),
    "decay": ({"env__decay": 1.2, "env__sustain": 0.2, "env__decay_power": 4}, 0.2),
    "release": ({"env__release": 1, "note__duration": 1}, 0.2),
    "low-pass": ({"filter__cutoff": 60, "filter__mix": 1}, 0.1),
    "resonance": ({"filter__cutoff": 60, "filter__mix": 1, "filter__resonance": 0.5}, 0.3),
    "strong resonance": (
        {"filter__cutoff": 60, "filter__mix": 1, "filter__resonance": 0.8},
        0.4,
    ),
    "band-pass": ({"filter__cutoff": 80, "filter__mix": 1, "filter__blend": 1}, 0.3),
    "high-pass": ({"filter__cutoff": 80, "filter__mix": 1, "filter__blend": 2}, 0.1),
    "drive": ({"filter__cutoff": 100, "filter__mix": 1, "filter__drive": 6}, 0.4),
    "key tracking": ({"filter__cutoff": 60, "filter__mix": 1, "filter__keytrack": 1}, 0.1),
    "envelope on cutoff": (
        {"filter__cutoff": 60, "filter__mix": 1, "filter__env_to_cutoff": 0.4},
        0.3,
    ),
    "LFO on cutoff": ({"filter__cutoff": 80, "filter__mix": 1, "filter__lfo_to_cutoff": 0.2}, 0.4),
}


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_as_near_to_the_engine_as_stated(task, module):
    values, most = MODULES[module]
    played = (STARTS[-1] + 8820) / (4 * 44_100)  # what follows is silent in both
    assert played * difference(task, plain_patch(task, **values), STARTS) < most


def test_windows_of_draws_are_near_the_engines(task):
    rng = np.random.default_rng(0)
    starts = range(0, 4 * 44_100 - 1024, 8820)
    differences = [difference(task, task.sample(rng), list(starts)) for _ in range(8)]
    assert np.median(differences) < 0.6


def test_phases_are_the_engines(task):
    patch = plain_patch(task, osc2__on=1, osc2__transpose=12, osc2__wave_frame=32, note__onset=0.2)
    starts = STARTS[2:6]
    engine = render_windows(task, patch, starts)
    for one, other in zip(sketch_windows([patch], starts)[0], engine, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.98


def test_windows_do_not_depend_on_other_patches(task):
    rng = np.random.default_rng(2)
    patches = [task.with_note(task.sample(rng), Note(55, 0.0, 1.0)) for _ in range(4)]
    together = sketch_windows(patches, [8_820, 30_000])
    for patch, windows in zip(patches, together, strict=True):
        alone = sketch_windows([patch], [8_820, 30_000])[0]
        torch.testing.assert_close(windows, alone, atol=1e-4, rtol=1e-3)


def test_windows_are_silent_before_the_onset(task):
    patch = task.with_note(task.sample(np.random.default_rng(3)), Note(60, 0.5, 1.0))
    assert not sketch_windows([patch], [0, 11_025]).any()


def test_every_fitted_parameter_has_a_slope(task):
    sketch = load_sketch()
    values = {f"osc{n}__{name}": 0.1 for n in (1, 2, 3) for name in ("on", "lfo_to_wave_frame")}
    values |= {f"osc{n}__on": 1 for n in (1, 2, 3)}
    for n in (1, 2, 3):
        values |= {f"osc{n}__wave_frame": 30, f"osc{n}__morph_amount": 0.4, f"osc{n}__phase": 0.1}
        values |= {f"osc{n}__env_to_level": 0.1, f"osc{n}__env_to_morph_amount": 0.1}
        values |= {f"osc{n}__unison_blend": 0.4, f"osc{n}__distortion_amount": 0.4}
    values |= {"filter__env_to_cutoff": 0.1, "filter__lfo_to_cutoff": 0.1, "filter__cutoff": 70}
    values |= {"filter__resonance": 0.3, "filter__blend": 0.4, "filter__keytrack": 0.3}
    values |= {"noise__on": 1, "env__hold": 0.4, "env__sustain": 0.6, "env__attack": 0.5}
    values["env__attack_power"] = -1
    values |= {"note__duration": 1.5, "env__release": 0.9, "note__pitch": 64}
    patch = plain_patch(task, **values)
    x = torch.tensor(patch[None, sketch.fitted], dtype=torch.float32, requires_grad=True)
    starts = torch.arange(0, 3 * 44_100, 900)
    windows = sketch.windows([patch], 1024)(x, starts)
    (slopes,) = torch.autograd.grad(windows.square().mean(dim=2).clamp_min(1e-9).log().sum(), x)
    assert slopes.isfinite().all()
    flat = [task.spec.names[i] for i, s in zip(sketch.fitted, slopes[0], strict=True) if s == 0]
    assert flat == []


def test_descent_on_the_sketch_comes_nearer_by_the_engine(task):
    space, ratios = Space(task), []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        patch, other = (task.with_note(task.sample(rng), Note(60, 0.0, 1.5)) for _ in range(2))
        audio, before = (
            task.synth().render(task.engine_patch(p), Note(60, 0.0, 1.5)) for p in (patch, other)
        )
        distance = FastSpectral(audio)
        downhill = Downhill(space, sketch_of(task), audio, ThreadPoolExecutor(1))
        (fitted,), _ = downhill.fit([other], 60, rng)
        task.spec.check(fitted[None])
        after = task.synth().render(task.engine_patch(fitted), task.note(fitted))
        ratios.append(distance(after[None])[0] / distance(before[None])[0])
    assert np.median(ratios) < 0.75


def test_the_pickle_is_small_enough_for_a_spawned_process(task):
    """A spawned process that is handed more than 64 kB holds up its parent."""
    sketch = sketch_of(task)
    assert isinstance(sketch, VitalSketch)
    pickled = pickle.dumps(sketch)
    assert len(pickled) < 1000
    assert pickle.loads(pickled).fitted.tolist() == sketch.fitted.tolist()


def test_where_renders_are_dear_moves_with_the_sketch_come_first(task):
    """Polish keeps its turn while it finds a new best candidate."""
    space, rng = Space(task), np.random.default_rng(0)
    patches = [task.with_note(task.sample(rng), Note(60, 0.0, 1.5)) for _ in range(3)]
    sounds = [
        task.synth().render(task.engine_patch(patch), Note(60, 0.0, 1.5)) for patch in patches
    ]
    target = Target("a sound", sounds[0], task.sample_rate)
    start = [Candidate(patches[1], sounds[1], 5.0, "index")]
    moves = make_moves(
        *(space, target, start, patches[1:], None, ThreadPoolExecutor(1)),
        thorough=False,
        stopped=lambda: True,
    )
    assert [move.name for move in moves if move.tried_first] == ["descent", "polish"]
    descent, polish = moves[:2]
    assert len(descent.propose(start, 4, rng)) == 2  # the start, and the one that is not rendered
    shares = Shares(moves)
    assert [shares.choose(rng) for _ in range(2)] == [descent, polish]
    assert len(polish.propose(start, 4, rng)) == 1
    polish.learn([Candidate(patches[2], sounds[2], 4.0, "polish")])
    assert polish.keeps_turn
    polish.learn([Candidate(patches[2], sounds[2], 6.0, "polish")])
    assert not polish.keeps_turn


def test_fitted_values_are_rounded_as_their_parameters(task):
    space, at = Space(task), task.spec.position
    positions = np.array([at["osc1.level"], at["filter1.cutoff"], at["osc1.transpose"]])
    rounded = space.round(np.array([[0.70049, 60.06, 3.4], [1.3, 61.0, -2.6]]), positions)
    np.testing.assert_allclose(rounded, [[0.7, 60.1, 3.0], [1.0, 61.0, -3.0]])
