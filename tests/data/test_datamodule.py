import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.sets import LargeTask, item_numbers, make_set
from unsynth.audio.observation import Observation
from unsynth.data import order as order_module
from unsynth.data.batch import Batch, Pairing, join
from unsynth.data.datamodule import ShardBatches
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.order import Order
from unsynth.data.seeding import Split
from unsynth.flow.coupling import Coupling
from unsynth.tasks.dx7.task import DX7Task

BATCH, GROUP, NOISES = 16, 4, 2
#: Steps per epoch of 200 sounds.
EPOCH = 12


@pytest.fixture(scope="module")
def folder(task, tmp_path_factory) -> Folder:
    return make_set(tmp_path_factory.mktemp("sets") / "set", task)


@pytest.fixture
def small_buffers(monkeypatch):
    """Make three buffers per lane and epoch, in this process only."""
    monkeypatch.setattr(order_module, "BUFFER", 5 * GROUP)


def open_batches(
    folder: Folder,
    task: DX7Task,
    coupling: Coupling = Coupling.OPTIMAL_TRANSPORT,
    **changes: Any,
) -> ShardBatches:
    settings = {
        "observation": Observation.NOTE,
        "batch": BATCH,
        "group": GROUP,
        "loaders": 0,
    }
    return ShardBatches(folder, pairing=Pairing(task, coupling, NOISES), **(settings | changes))


def batches(shards: ShardBatches, start: int, steps: int, ranks: int = 1) -> list[Batch]:
    """Read whole batches, joined from the parts of ``ranks`` devices."""
    loaders = [shards.loader(start, rank, ranks) for rank in range(ranks)]
    whole = [join([join(next(loader)) for loader in loaders]) for _ in range(steps)]
    for loader in loaders:
        loader.close()
    return whole


def equal(ours: list[Batch], theirs: list[Batch]) -> bool:
    return len(ours) == len(theirs) and all(
        a.step == b.step and all(torch.equal(x, y) for x, y in zip(a[1:4], b[1:4], strict=True))
        for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize(
    "order",
    [
        Order(5000, shard=1000, run=32, batch=48, group=16),
        Order(5003, shard=100, run=32, batch=64, group=64, seed=1),
        Order(700, shard=1000, run=32, batch=600, group=600),
        Order(40, shard=7, run=32, batch=40, group=1),
    ],
    ids=lambda order: f"{order.count} by {order.batch}",
)
def test_an_epoch_uses_every_sound_at_most_once(order):
    epochs = []
    for epoch in range(2):
        items: list[list[int]] = []
        for lane in range(order.lanes):
            place, _ = order.buffer_at(epoch * order.steps, lane)
            groups: list[list[int]] = []
            while place.epoch == epoch:
                runs = order.runs(place)
                for run in runs:
                    assert run.start // order.shard == (run.stop - 1) // order.shard
                    assert len(run) <= order.run
                sounds = np.array([item for run in runs for item in run])
                buffer = sounds[order.group_rows(place)].tolist()
                for number in range(len(buffer)):
                    assert order.buffer_at(epoch * order.steps + len(groups) + number, lane) == (
                        place,
                        number,
                    )
                groups += buffer
                place = order.buffer_after(place)
            assert len(groups) == order.steps
            items += groups
        whole = [item for group in items for item in group]
        assert len(whole) == len(set(whole)) == order.count // order.batch * order.batch
        assert set(whole) <= set(range(order.count))
        epochs.append(whole)
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize(("ranks", "loaders"), [(2, 0), (4, 0), (1, 2)])
def test_batches_do_not_depend_on_devices_or_loaders(folder, task, ranks, loaders):
    """From the end of an epoch into the next; two loaders alternate."""
    alone = batches(open_batches(folder, task), EPOCH - 2, 5)
    shards = open_batches(folder, LargeTask() if loaders else task, loaders=loaders)
    assert equal(alone, batches(shards, EPOCH - 2, 5, ranks))


def test_each_device_gets_its_part_of_the_batch(folder, task):
    parts = [join(next(open_batches(folder, task).loader(3, rank, 2))) for rank in range(2)]
    assert [(part.first, len(part.x1)) for part in parts] == [(0, BATCH // 2), (BATCH // 2,) * 2]


def test_a_batch_is_a_function_of_its_step(folder, task, small_buffers):
    """At the start of a buffer, at the start of an epoch, and elsewhere."""
    whole = batches(open_batches(folder, task), 0, 2 * EPOCH)
    assert [batch.step for batch in whole] == list(range(2 * EPOCH))
    for start in (1, 4, 5, EPOCH - 1, EPOCH, EPOCH + 7):
        assert equal(batches(open_batches(folder, task), start, 2), whole[start : start + 2])
    assert not equal(batches(open_batches(folder, task, seed=1), 0, 2), whole[:2])

    first, second = whole[:EPOCH], whole[EPOCH : 2 * EPOCH]
    for epoch in (first, second):
        items = [item for batch in epoch for item in item_numbers(batch.observed)]
        assert len(set(items)) == len(items) == BATCH * EPOCH
    # A batch mixes sounds of several shards.
    assert all(len({item // 40 for item in item_numbers(b.observed)}) > 2 for b in first)
    assert item_numbers(first[0].observed) != item_numbers(second[0].observed)


def test_integers_get_new_noise_in_every_epoch(folder, task):
    whole = batches(open_batches(folder, task), EPOCH - 4, 8)
    items: dict[int, list[torch.Tensor]] = {}
    for batch in whole:
        for item, x in zip(item_numbers(batch.observed), batch.x1, strict=True):
            items.setdefault(item, []).append(x)
    twice = [torch.stack(xs).double().numpy() for xs in items.values() if len(xs) == 2]
    assert len(twice) > 10
    for x in twice:
        assert np.abs(x[0] - x[1]).max() > 0
        assert np.array_equal(*task.spec.decode(x))


def test_patches_belong_to_their_sounds(folder, task):
    rng = np.random.default_rng((0, 1))
    patches = [task.sample(rng) for _ in range(40)]  # items 40 to 79, as in make_set
    for batch in batches(open_batches(folder, task), 0, 4):
        decoded = task.spec.decode(batch.x1.double().numpy())
        for item, patch in zip(item_numbers(batch.observed), decoded, strict=True):
            if item // 40 == 1:
                np.testing.assert_allclose(patch, patches[item - 40], atol=1e-3)


def test_noise_is_coupled_within_groups(folder, task):
    def distance(batch: Batch) -> torch.Tensor:
        assert batch.x0 is not None
        return (batch.x0 - batch.x1).square().sum(dim=-1).unflatten(1, (-1, GROUP)).sum(dim=-1)

    [coupled] = batches(open_batches(folder, task), 5, 1)
    [independent] = batches(open_batches(folder, task, coupling=Coupling.INDEPENDENT), 5, 1)
    assert torch.equal(coupled.x1, independent.x1)
    assert coupled.x0.shape == (NOISES, *coupled.x1.shape)
    assert (distance(coupled) <= distance(independent) + 1e-3).all()
    assert distance(coupled).sum() < 0.99 * distance(independent).sum()
    for noise, before in zip(coupled.x0, independent.x0, strict=True):
        for group, uncoupled in zip(noise.split(GROUP), before.split(GROUP), strict=True):
            assert {row.numpy().tobytes() for row in group} == {
                row.numpy().tobytes() for row in uncoupled
            }
    assert len({row.numpy().tobytes() for row in coupled.x0.flatten(0, 1)}) == NOISES * BATCH


def test_first_sounds_and_statistics_match_the_set(folder, task):
    shards = open_batches(folder, task)
    assert item_numbers(shards.first(50)) == list(range(50))
    observed = shards.first(10_000).double().numpy()
    assert len(observed) == 200
    mean, deviation = shards.statistics()
    np.testing.assert_allclose(mean, observed.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, observed.std(axis=0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"finished": False}, "is not finished: first run the command"),
        ({"task_hash": "0" * 16}, "holds sounds of task dx7 0{16}, but this version .* dx7"),
        ({"split": Split.TEST}, "of the split test, not train"),
        (
            {"observe": (Observation.LOG_MEL,)},
            "stores log-mel of its sounds, but this model's encoder needs note",
        ),
        ({"count": 15}, "holds 15 sounds, fewer than a batch of 16"),
    ],
)
def test_a_set_that_does_not_fit_is_refused(task, tmp_path, plan, message):
    folder = make_set(tmp_path / "set", task, **{"count": 40} | plan)
    with pytest.raises(DatasetError, match=message) as caught:
        open_batches(folder, task)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_refused(task, tmp_path):
    with pytest.raises(DatasetError, match="is not a dataset"):
        open_batches(Folder(tmp_path), task)


def test_devices_that_cannot_share_a_batch_are_refused(folder, task):
    with pytest.raises(DatasetError, match=r"16 is 4 groups of 4, which 3 .* multiple of 12"):
        next(open_batches(folder, task).loader(0, 0, 3))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.timeout(100)
def test_a_loader_that_is_killed_as_it_starts_ends_the_loading(folder, kill_starts):
    kill_starts(1)
    with pytest.raises(RuntimeError, match=r"exited unexpectedly|killed by signal"):
        next(open_batches(folder, LargeTask(), loaders=1).loader(0))


@pytest.mark.parametrize("loaders", [0, 1])
def test_a_missing_or_damaged_shard_is_named(task, tmp_path, loaders):
    folder = make_set(tmp_path / "set", task, count=120)
    shard = Path(tmp_path / "set" / "shard-000002.h5")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"shard-000002\.h5 is damaged") as caught:
        list(islice(open_batches(folder, task, loaders=loaders).loader(0), EPOCH))
    assert "\n" not in str(caught.value)
    if not loaders:
        shard.unlink()
        with pytest.raises(DatasetError, match=r"shard-000002\.h5 is missing"):
            list(islice(open_batches(folder, task).loader(0), EPOCH))
