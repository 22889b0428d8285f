import numpy as np

from unsynth.synths.base import Note
from unsynth.tasks.structure import (
    canonical_structure,
    number_structures,
    structure,
    structure_differences,
)


def test_only_audible_categories_belong_to_the_structure(task):
    position = task.spec.position
    patch = task.sample(np.random.default_rng(0))
    patch[[position["lfo.pitch_depth"], position["lfo.amp_depth"]]] = 0
    other = task.with_note(patch, Note(50, 0.0, 1.0))
    other[position["lfo.wave"]] = (patch[position["lfo.wave"]] + 1) % 6
    assert structure(task, other) == structure(task, patch)
    for depth in ("lfo.pitch_depth", "lfo.pitch_sensitivity"):
        patch[position[depth]] = other[position[depth]] = 7
    assert structure(task, other) != structure(task, patch)
    assert canonical_structure(task, other) == canonical_structure(task, patch)


def test_exchanges_change_the_structure_but_not_the_canonical_one(task):
    position = task.spec.position
    patch = task.sample(np.random.default_rng(1))
    patch[position["algorithm"]] = 31  # six carriers
    for op in range(1, 7):
        patch[position[f"op{op}.output_level"]] = 90
        patch[position[f"op{op}.level1"]] = 99
        patch[position[f"op{op}.mode"]] = op == 1
    x = task.spec.encode(patch[None])[0]
    images = task.spec.decode(x[task.symmetries(patch)[::24]])
    assert len({structure(task, image) for image in images}) > 1
    assert len({canonical_structure(task, image) for image in images}) == 1
    assert number_structures(task, []) == []


def test_differences_are_those_from_the_nearest_image(task):
    """Operators 2 and 3 are equal carriers, so one in fixed mode is no other than the other."""
    position = task.spec.position
    patch = task.sample(np.random.default_rng(1))
    patch[position["algorithm"]] = 31
    for op in range(1, 7):
        patch[position[f"op{op}.output_level"]] = 90
        patch[position[f"op{op}.level1"]] = 99
        patch[position[f"op{op}.mode"]] = 0
    second, third, silent = patch.copy(), patch.copy(), patch.copy()
    second[position["op2.mode"]] = third[position["op3.mode"]] = 1
    silent[position["op1.output_level"]] = 0
    patches = [patch, second, third, silent, patch]
    assert number_structures(task, patches) == [1, 2, 2, 3, 1]
    assert structure_differences(task, patch, patch) == {}
    assert list(structure_differences(task, second, patch).values()) == ["fixed"]
    assert structure_differences(task, silent, patch) == {"op1.mode": None}
    assert structure_differences(task, patch, silent) == {"op1.mode": "ratio"}
