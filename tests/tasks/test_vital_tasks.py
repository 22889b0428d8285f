"""Vital's tasks: exchanges, audibility and files. Engines run in workers."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import permutations, product

import numpy as np
import pytest

from tests.conftest import relative_error
from unsynth.errors import PatchError
from unsynth.formats.vital import base_patch, read_vital, vital_controls, write_vital
from unsynth.matching.user_patches import UserPatches
from unsynth.rendering.renderer import Renderer, RenderFailure
from unsynth.synths.base import Note
from unsynth.synths.vital import Vital
from unsynth.synths.vital_audibility import in_slots_of, unheard_controls
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask

pytest.importorskip("vita")

TASKS = ("vital-simple", "vital-full")
SECONDS = 1.0


@pytest.fixture(scope="module", params=TASKS)
def vital(request) -> DeclaredTask:
    task = load_task(request.param)
    assert isinstance(task, DeclaredTask)
    return task


@pytest.fixture(scope="module")
def renderer(vital) -> Iterator[Renderer]:
    with Renderer(vital.synth, workers=1, seconds=SECONDS) as renderer:
        yield renderer


def draw(task: DeclaredTask, count: int, seed: int = 0) -> np.ndarray:
    """Draw patches from the prior, with notes that start and end within a second."""
    rng = np.random.default_rng(seed)
    patches = np.stack([task.sample(rng) for _ in range(count)])
    notes = [Note(int(rng.integers(40, 80)), 0.05, 0.5) for _ in range(count)]
    return np.stack([task.with_note(p, n) for p, n in zip(patches, notes, strict=True)])


def sounds(renderer: Renderer, task: DeclaredTask, patches: np.ndarray) -> list[np.ndarray]:
    rendered = list(renderer.render((task.engine_patch(p), task.note(p)) for p in patches))
    assert not any(isinstance(sound, RenderFailure) for sound in rendered)
    return rendered


def test_a_draw_sounds_the_same_in_any_process_and_order(vital, renderer):
    patches = draw(vital, 4)
    first = sounds(renderer, vital, patches)
    order = np.random.default_rng(1).permutation(len(patches))
    with Renderer(vital.synth, workers=1, seconds=SECONDS) as other:
        again = sounds(other, vital, patches[order])
    for place, i in enumerate(order):
        np.testing.assert_array_equal(again[place], first[i])
    assert np.median([np.abs(sound).max() for sound in first]) > 0.05


def test_exchanging_units_changes_neither_density_nor_sound(vital, renderer):
    patches = draw(vital, 3, seed=2)
    orders = [(o, f) for o, f in product(permutations(range(3)), permutations(range(2)))]
    images = vital.symmetries(patches[0])
    assert len(images) == len(orders) == 12
    vectors = vital.spec.encode(patches)
    rng = np.random.default_rng(3)
    rows = images[rng.integers(1, 12, len(patches))]
    moved = vital.spec.decode(np.take_along_axis(vectors, rows, axis=1))
    moved = np.stack(
        [vital.with_note(m, vital.note(p)) for m, p in zip(moved, patches, strict=True)]
    )
    assert (vital.log_density(moved) == vital.log_density(patches)).all()
    assert (moved != patches).any(axis=1).all()
    pairs = zip(sounds(renderer, vital, patches), sounds(renderer, vital, moved), strict=True)
    # Not 0: the engine adds up the oscillators in another order.
    assert max(relative_error(one, other) for one, other in pairs) < 1e-5


def test_inactive_parameters_do_not_change_the_sound(vital, renderer):
    patches, others = draw(vital, 4, seed=4), draw(vital, 4, seed=5)
    active = np.stack([vital.active(p) for p in patches])
    active[:, -3:] = True
    assert 10 < (~active).sum(axis=1).mean() < 150
    changed = np.where(active, patches, others)
    neutral = np.stack([vital.neutral(p) for p in patches])
    originals = sounds(renderer, vital, patches)
    for variants in (changed, neutral):
        for original, other in zip(originals, sounds(renderer, vital, variants), strict=True):
            assert relative_error(original, other) < 1e-5


def test_exported_files_hold_the_whole_patch(vital, renderer, tmp_path):
    """A new engine that loads the file makes the same sound; reading it gives the same patch."""
    patch = draw(vital, 1, seed=6)[0]
    (path,) = vital.export(patch[None], tmp_path)
    assert path.name == "patch-01.vital"
    file = path.read_bytes()
    (original,) = sounds(renderer, vital, patch[None])
    with Renderer(partial(Vital, read_vital(file)), workers=1, seconds=SECONDS) as other:
        (loaded,) = other.render([({}, vital.note(patch))])
    np.testing.assert_array_equal(original, loaded)
    np.testing.assert_allclose(vital.from_file(file, vital.note(patch)), patch, atol=1e-9)


def test_a_patch_that_vital_saved_is_read(vital, tmp_path):
    """The engine's own load and save move most of the noise's values toward 0, each by one step.

    Tempo, mod wheel, and a part that is off are not heard, whatever their values.
    """
    import vita

    patch = draw(vital, 1, seed=8)[0]
    patch[vital.spec.position["osc1.on"]] = 0
    patch = vital.neutral(patch)
    (path,) = vital.export(patch[None], tmp_path)
    engine = vita.Synth()
    assert engine.load_json(path.read_text())
    saved = engine.to_json()
    samples = [json.loads(each)["settings"]["sample"] for each in (saved, path.read_text())]
    assert samples[0]["samples"] != samples[1]["samples"]
    note = vital.note(patch)
    np.testing.assert_allclose(vital.from_file(saved.encode(), note), patch, atol=1e-9)
    controls = engine.get_controls()
    for name, value in (
        *(("beats_per_minute", 1.5), ("mod_wheel", 0.7), ("macro_control_2", 0.3)),
        *(("polyphony", 1.0), ("legato", 1.0), ("view_spectrogram", 1.0), ("chorus_tempo", 5.0)),
        *(("osc_1_level", 0.03), ("osc_1_distortion_type", 9.0)),
    ):
        controls[name].set(value)
    changed = engine.to_json().encode()
    read = vital.neutral(vital.from_file(changed, note))
    np.testing.assert_allclose(read, patch, atol=1e-9)


def test_everything_that_is_not_heard_may_have_any_value(vital, renderer):
    """Change all of it at once: the sound and the patch that is read stay the same."""
    rng = np.random.default_rng(9)
    for patch in draw(vital, 2, seed=9):
        file = read_vital(vital.engine.files(vital.engine_patch(patch), "")[".vital"])
        unheard = unheard_controls(file.controls, file.modulations)
        assert len(unheard) > 350
        values = dict(file.controls)
        for name in unheard:
            low, high = vital_controls()[name].low, vital_controls()[name].high
            values[name] = float(np.float32(rng.uniform(low, high)))
            if vital_controls()[name].high - low < 20 and float(low).is_integer():
                values[name] = float(round(values[name]))
        changed = replace(file, controls=values)
        original, read = sounds(
            renderer, vital, [patch, vital.from_file(write_vital(changed), vital.note(patch))]
        )
        with Renderer(partial(Vital, changed), workers=1, seconds=SECONDS) as other:
            (loaded,) = other.render([({}, vital.note(patch))])
        np.testing.assert_array_equal(original, loaded)
        np.testing.assert_array_equal(original, read)


BENT = {"num_points": 3, "points": [0.0, 1.0, 0.5, 0.2, 1.0, 0.0], "powers": [0.0, 0.0, 0.0]}
LINE = {"name": "Line", "num_points": 2, "points": [0.0, 1.0, 1.0, 0.0], "powers": [0.0, 0.0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["modulations"][0].update(line_mapping=BENT), "'line_mapping' of modulation 1"),
        (
            lambda s: s["wavetables"][1]["groups"][0]["components"].append(
                {"type": "Wave Folder", "keyframes": [{"position": 0, "fold_boost": 8.0}]}
            ),
            "wavetable of oscillator 2 is not",
        ),
        (
            lambda s: s["wavetables"][0]["groups"][0]["components"][0].update(
                interpolation_style=0
            ),
            "wavetable of oscillator 1 is not",
        ),
        (lambda s: s["wavetables"][2].update(full_normalize=False), "wavetable of oscillator 3"),
        (lambda s: s["lfos"][0].update(powers=[3.0, 0.0, 0.0]), "shape of LFO 1"),
        (lambda s: s["sample"].update(sample_rate=22_050), "the sample is not"),
        (lambda s: s.update(custom={"a": 1}), "'custom' is not read"),
        (lambda s: s.update(volume=3000.0), "volume is 3000 in this patch, and always 5473"),
        (lambda s: s.update(mod_wheel=0.5, pitch_wheel=0.5), "^pitch_wheel is 0.5 .[^;]*$"),
        (lambda s: s.update(lfo_1_sync=1.0), "lfo_1_sync is 1 in this patch, and always 0"),
        (
            lambda s: s.update(volume=3000.0, stereo_mode=1.0, pitch_wheel=1.0, voice_tune=0.5),
            "; and 1 more differences",
        ),
    ],
)
def test_what_is_heard_and_not_read_is_named(tmp_path, change, message):
    task = load_task("vital-simple")
    patch = draw(task, 1)[0]
    patch[[task.spec.position[f"{unit}.on"] for unit in ("osc1", "noise")]] = 1
    (path,) = task.export(patch[None], tmp_path)
    data = json.loads(path.read_text())
    change(data["settings"])
    path.write_text(json.dumps(data))
    with pytest.raises(PatchError, match=message):
        task.from_file(path.read_bytes(), Note(60))
    (remark,) = UserPatches.read(path, task).remarks
    assert remark.startswith("patch-01.vital: vital-simple cannot hold all of it: ")
    assert re.search(message.removeprefix("^"), remark)


def test_a_straight_remap_curve_and_a_free_slot_are_not_heard(tmp_path):
    task = load_task("vital-simple")
    patch = draw(task, 1)[0]
    (path,) = task.export(patch[None], tmp_path)
    data = json.loads(path.read_text())
    data["settings"]["modulations"][0]["line_mapping"] = LINE
    data["settings"]["modulations"][40]["line_mapping"] = BENT
    read = task.from_file(json.dumps(data).encode(), task.note(patch))
    np.testing.assert_allclose(read, patch, atol=1e-9)
    data["tuning"] = {"scale": [0.0, 1.5]}
    with pytest.raises(PatchError, match="'tuning' is not read"):
        task.from_file(json.dumps(data).encode(), task.note(patch))


def test_modulations_in_other_slots_are_found(tmp_path):
    task = load_task("vital-simple")
    patch = draw(task, 1)[0]
    patch[task.spec.position["osc1.on"]] = 1
    (path,) = task.export(patch[None], tmp_path)
    data = json.loads(path.read_text())
    settings = data["settings"]
    parts = ("amount", "bipolar", "bypass", "power", "stereo")
    # The first modulation changes places with the free slot 30; the second is of amount 0 and gone.
    for part in parts:
        one, other = (f"modulation_{slot}_{part}" for slot in (1, 30))
        settings[one], settings[other] = settings[other], settings[one]
    slots = settings["modulations"]
    slots[0], slots[29] = slots[29], slots[0]
    settings["modulation_2_amount"] = 0.0
    slots[1] = {"source": "", "destination": ""}
    read = task.from_file(json.dumps(data).encode(), task.note(patch))
    gone = task.spec.position["osc1.lfo_to_tune"]
    assert read[gone] == 0.0
    np.testing.assert_allclose(np.delete(read, gone), np.delete(patch, gone), atol=1e-9)


def test_slots_that_a_modulation_names_do_not_move():
    base = base_patch([("lfo_1", "osc_1_pan"), ("lfo_2", "osc_2_pan")])
    amounts = {"modulation_1_amount": 0.1, "modulation_2_amount": 0.2, "modulation_3_amount": 0.3}
    routes = [("lfo_2", "osc_2_pan"), ("lfo_1", "osc_1_pan"), ("lfo_3", "osc_3_pan")]

    def amounts_after(last: tuple[str, str]) -> list[float]:
        patch = replace(base, modulations=[*routes, last], controls={**base.controls, **amounts})
        moved = in_slots_of(base, patch)
        assert tuple(moved.modulations[:2]) == base.modulations
        return [moved.controls[f"modulation_{slot}_amount"] for slot in (1, 2)]

    assert amounts_after(("lfo_4", "osc_1_tune")) == [0.2, 0.1]
    assert amounts_after(("lfo_4", "modulation_3_amount")) == [0.0, 0.0]


def test_what_a_task_can_hold_of_any_patch_is_where_a_search_begins(tmp_path):
    """Values outside the task's range become the nearest, choices that it lacks neutral."""
    task = load_task("vital-simple")
    patch = draw(task, 1)[0]
    transpose = task.spec.position["osc1.transpose"]
    patch[task.spec.position["osc1.on"]] = 1
    (path,) = task.export(patch[None], tmp_path)
    data = json.loads(path.read_text())
    data["settings"] |= {"osc_1_transpose": 48.0, "filter_1_style": 3.0, "chorus_on": 1.0}
    data["settings"]["modulations"][50] = {"source": "lfo_6", "destination": "osc_1_pan"}
    data["settings"]["modulation_51_amount"] = 0.3
    data["settings"]["wavetables"][1]["version"] = "0.4.6"  # Vital then changes its level
    read, differences = task.nearest_to_file(json.dumps(data).encode(), task.note(patch))
    task.spec.check(read[None])
    assert read[transpose] == 12.0
    np.testing.assert_allclose(np.delete(read, transpose), np.delete(patch, transpose), atol=1e-9)
    text = "; ".join(differences)
    for part in ("modulation lfo_6>osc_1_pan is not", "chorus_on is 1", "osc_1_transpose is 48",
                 "filter_1_style is 3", "oscillator 2 is of version '0.4.6'"):  # fmt: skip
        assert part in text
    assert len(differences) == 5


def test_the_tempo_counts_where_something_keeps_it():
    values = {name: control.default for name, control in vital_controls().items()}
    values |= {f"lfo_{n}_sync": float(n == 1) for n in range(1, 9)}
    assert "beats_per_minute" in unheard_controls(values, [("lfo_1", "osc_1_pan")])  # amount 0
    values["modulation_1_amount"] = 0.5
    assert "beats_per_minute" in unheard_controls(values, [("lfo_2", "osc_1_pan")])
    assert "beats_per_minute" not in unheard_controls(values, [("lfo_1", "osc_1_pan")])
    values |= {"lfo_1_sync": 0.0, "delay_aux_sync": 2.0}
    assert "beats_per_minute" in unheard_controls(values, [("lfo_1", "osc_1_pan")])
    values["delay_on"] = 1.0
    assert "beats_per_minute" not in unheard_controls(values, [("lfo_1", "osc_1_pan")])


def test_files_of_other_tasks_are_refused_with_the_reason(tmp_path):
    simple, full = load_task("vital-simple"), load_task("vital-full")
    patch = draw(full, 1)
    (path,) = full.export(patch, tmp_path)
    with pytest.raises(PatchError, match=r"env_\d>osc_\d_distortion_amount is not in this task"):
        simple.from_file(path.read_bytes(), Note(60))
    (read,) = UserPatches.read(path, full).patches
    np.testing.assert_allclose(read[:-3], patch[0, :-3], atol=1e-9)
    with pytest.raises(PatchError, match="holds no patch of dx7"):
        UserPatches.read(path, load_task("dx7"))
    path.write_bytes(b"RIFF")
    with pytest.raises(PatchError, match="not a patch of Vital"):
        UserPatches.read(path, simple)
