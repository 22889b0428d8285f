"""Tasks whose units and exchanges come from a ``symmetry.json``."""

import json
import pickle
from collections.abc import Iterable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from unsynth.errors import TaskError
from unsynth.flow.coupling import Coupling, couple
from unsynth.metrics.parameters import mse_up_to_symmetry
from unsynth.models.unit_tokens import Layout
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.exchange import SymmetryFile, UnitData
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: What `unsynth symmetry dx7` measured.
MEASURED = Path(__file__).parents[2] / "dev" / "results" / "symmetry" / "dx7.json"


def task_with(symmetry: Path, folder: Path, of: str = "dx7") -> Task:
    path = folder / "task.yaml"
    path.write_text(f"of: {of}\nsymmetry: {symmetry}\n", encoding="utf-8")
    return load_task(str(path))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return task_with(MEASURED, tmp_path_factory.mktemp("measured"))


def loud(task: Task, algorithm: int, feedback: int) -> Patch:
    """Draw a patch of which every operator can be heard."""
    rng = np.random.default_rng(algorithm)
    patch = task.sample(rng)
    for operator in range(1, 7):
        patch[task.spec.position[f"op{operator}.output_level"]] = 90
        patch[task.spec.position[f"op{operator}.level1"]] = 99
    patch[task.spec.position["algorithm"]] = algorithm
    patch[task.spec.position["feedback"]] = feedback
    return patch


def orders(task: Task, patch: Patch) -> set[tuple[int, ...]]:
    """List algorithm and operators' places of each image of a patch."""
    marked = patch.copy()
    for operator in range(1, 7):
        marked[task.spec.position[f"op{operator}.ratio_fine"]] = operator
    x = task.spec.encode(marked[None])[0]
    return {
        (
            int(image[task.spec.position["algorithm"]]),
            *(int(image[task.spec.position[f"op{i}.ratio_fine"]]) for i in range(1, 7)),
        )
        for image in task.spec.decode(x[task.symmetries(marked)])
    }


def graphs() -> Iterable[tuple[set[tuple[int, int]], tuple[int, int]]]:
    """Read from dexed the edges and the feedback edge of each algorithm."""
    import dexed

    for algorithm in range(32):
        matrix = np.array(dexed.get_mod_matrix(algorithm), dtype=bool)
        edges = {(int(a), int(b)) for a, b in np.argwhere(matrix)}
        yield edges, tuple(dexed.get_feedback_edge(algorithm))


@pytest.mark.parametrize("feedback", [0, 7])
def test_the_laboratory_found_what_dexeds_graphs_allow(measured: Task, feedback: int) -> None:
    """All exchanges of operators within each algorithm, and no false one."""
    for algorithm, (edges, loop) in enumerate(graphs()):
        allowed = {
            order
            for order in permutations(range(6))
            if {(order[a], order[b]) for a, b in edges} == edges
            and (not feedback or tuple(order[end] for end in loop) == loop)
        }
        found = {
            tuple(operator - 1 for operator in image[1:])
            for image in orders(measured, loud(measured, algorithm, feedback))
            if image[0] == algorithm
        }
        # An image lists the operator at each place, an order the place of each operator.
        assert {tuple(np.argsort(image).tolist()) for image in found} == allowed, (
            f"algorithm {algorithm + 1}, feedback {feedback}"
        )


def test_the_laboratory_agrees_with_the_task_s_own_exchanges(measured: Task) -> None:
    own = load_task("dx7")
    for algorithm in range(32):
        for feedback in (0, 5):
            patch = loud(own, algorithm, feedback)
            assert orders(measured, patch) <= orders(own, patch)
            if feedback:
                assert orders(measured, patch) == orders(own, patch)


def test_without_feedback_these_algorithms_are_one(measured: Task) -> None:
    """The classes that hand measurements gave."""
    classes = ((1, 2), (3, 4), (5, 6), (7, 8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (26, 27))
    for group in classes:
        patch = loud(measured, group[0] - 1, 0)
        assert {image[0] + 1 for image in orders(measured, patch)} >= set(group)
    single = set(range(1, 33)) - {number for group in classes for number in group}
    for number in single:
        patch = loud(measured, number - 1, 0)
        assert {image[0] + 1 for image in orders(measured, patch)} == {number}


def test_patches_and_sounds_are_those_of_the_task_itself(measured: Task) -> None:
    own = load_task("dx7")
    assert (measured.name, measured.hash, measured.spec.hash) == (
        own.name,
        own.hash,
        own.spec.hash,
    )
    again = pickle.loads(pickle.dumps(measured))
    patch = loud(own, 4, 0)
    np.testing.assert_array_equal(again.symmetries(patch), measured.symmetries(patch))
    assert load_task(measured.source).source == measured.source


def test_everything_that_asks_for_symmetries_uses_the_file(tmp_path: Path, measured: Task) -> None:
    """A file that knows only of one pair of operators, in place of all that the DX7 has."""
    file = SymmetryFile.model_validate_json(MEASURED.read_text(encoding="utf-8"))
    (pair,) = (e for e in file.exchanges if e.name == "op 1 and 2")
    exact = pair.model_copy(update={"verdict": "exact", "conditions": []})
    unit = UnitData(name="pair", members=file.units[0].members[:2])
    small = file.model_copy(update={"units": [unit], "exchanges": [exact]})
    path = tmp_path / "symmetry.json"
    path.write_text(small.model_dump_json(), encoding="utf-8")
    task = task_with(path, tmp_path)
    patch = loud(task, 31, 0)
    x = task.spec.encode(patch[None])[0]
    rows = task.symmetries(patch)
    assert len(rows) == 2 < len(measured.symmetries(patch))
    swapped = task.spec.decode(x[rows[1]][None])[0]
    # The alignment of the search, the distance between patches, the coupling, and fixed tokens.
    np.testing.assert_array_equal(nearest_image(task, swapped, patch), patch)
    assert mse_up_to_symmetry(task, patch[None], swapped[None])[0] == 0.0
    noise = torch.from_numpy(x[rows[1]][None]).float()
    coupled = couple(Coupling.ALIGNED, noise, torch.from_numpy(x[None]).float(), lambda: [rows])
    np.testing.assert_allclose(coupled[0], x, atol=1e-6)
    # One token per copy of the pair; each other parameter is a token of its own.
    kinds = Layout.of(task.spec).kinds
    assert kinds.count(0) == 2 and len(kinds) == 2 + len(task.spec.parameters) - 2 * len(
        unit.members[0]
    )


def test_a_declared_task_names_its_file(tmp_path: Path) -> None:
    """Three oscillators of Vital of which the file knows two."""
    own = load_task("vital-simple")
    members = [[own.spec.names[p] for p in copy] for copy in own.spec.units[0].members]
    content = {
        "task": "vital-simple",
        "hash": own.hash,
        "seed": 0,
        "pairs": 16,
        "units": [{"name": "osc", "members": members[:2]}],
        "exchanges": [
            {
                "kind": "units",
                "name": "osc 1 and 2",
                "swaps": [list(pair) for pair in zip(*members[:2], strict=True)],
                "verdict": "exact",
                "tried": 16,
                "same": 16,
                "keeps_prior": True,
            }
        ],
    }
    path = tmp_path / "symmetry.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    task = task_with(path, tmp_path, "vital-simple")
    assert task.hash == own.hash
    patch = task.sample(np.random.default_rng(0))
    assert len(task.symmetries(patch)) == 2 < len(own.symmetries(patch))
    assert [len(unit.members) for unit in task.spec.units] == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("of: dx7\n", "one other key, `symmetry`"),
        ("of: dx7\nsymmetry: 3\n", "both are text"),
        ("of: dx7\nsymmetry: none.json\n", "cannot be read"),
        ("of: dx8\nsymmetry: none.json\n", "there is no task named 'dx8'"),
    ],
)
def test_wrong_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=message):
        load_task(str(path))


def test_another_task_s_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="has no parameter named"):
        task_with(MEASURED, tmp_path, "vital-simple")
