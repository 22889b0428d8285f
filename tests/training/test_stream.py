import signal
from multiprocessing import get_context

import pytest
import torch

from unsynth.audio.observation import Observation
from unsynth.data.batch import Pairing
from unsynth.data.groups import RenderedGroups, SketchedGroups, interrupts_blocked
from unsynth.data.stream import Stream
from unsynth.flow.coupling import Coupling
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.dx7.task import DX7Task


def test_a_batch_is_a_function_of_its_step(task):
    with Renderer(task.synth, workers=2) as renderer:

        def stream(start: int = 0) -> Stream:
            return Stream(
                Pairing(task, Coupling.OPTIMAL_TRANSPORT, noises=2),
                RenderedGroups(task, renderer, Observation.NOTE, size=2, seed=1),
                uses=2,
                apart=3,
                seed=1,
                start=start,
            )

        first_run = stream()
        batches = [batch for batch, _ in zip(first_run, range(5), strict=False)]
        resumed = stream(3)
        again = [batch for batch, _ in zip(resumed, range(2), strict=False)]
        first_run.close()
        resumed.close()
        alone = stream().batch(4)
    assert [batch.step for batch in batches] == [0, 1, 2, 3, 4]
    for first, second in [(batches[3], again[0]), (batches[4], again[1]), (batches[4], alone)]:
        assert first.step == second.step
        for ours, theirs in zip(first[1:], second[1:], strict=True):
            assert torch.equal(torch.as_tensor(ours), torch.as_tensor(theirs))
    # The parts make up the batch.
    parts = list(alone.parts(2))
    assert [part.first for part in parts] == [0, 2]
    assert torch.equal(torch.cat([part.x0 for part in parts], dim=1), alone.x0)
    assert torch.equal(torch.cat([part.observed for part in parts]), alone.observed)

    # The sounds of step 0's second group return 3 steps later, with other noise on integers.
    assert torch.equal(batches[0].observed[2:], batches[3].observed[:2])
    assert (batches[0].x1[2:] - batches[3].x1[:2]).abs().max() > 0
    assert (task.spec.decode(batches[0].x1[2:].double().numpy())).tolist() == (
        task.spec.decode(batches[3].x1[:2].double().numpy())
    ).tolist()
    sounds = {sound.numpy().tobytes() for batch in batches for sound in batch.observed}
    assert len(sounds) == 2 * 8  # groups 0 to 7 of two sounds each, all different


def test_sketched_groups_do_not_depend_on_loaders():
    task = DX7Task()
    in_process = list(SketchedGroups(sketch_of(task), size=3, seed=1)([4, 5]))
    in_loaders = list(SketchedGroups(sketch_of(task), size=3, loaders=2, seed=1)([4, 5, 6]))
    rows = in_process[0].patches.tolist() + in_process[1].patches.tolist()
    assert len({tuple(row) for row in rows}) == 6
    for ours, theirs in zip(in_process, in_loaders, strict=False):
        assert ours.patches.tolist() == theirs.patches.tolist()
        # Not to the last bit everywhere: math libraries differ with a buffer's place in memory.
        assert (ours.observed != theirs.observed).mean() < 1e-3
        assert ours.observed.shape == (3, *Observation.WINDOWS.shape(1, task.sample_rate))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be blocked here")
def test_interrupts_are_blocked_in_processes_that_start():
    with interrupts_blocked():
        pool = get_context("spawn").Pool(1)
    with pool:
        blocked = pool.apply(signal.pthread_sigmask, (signal.SIG_BLOCK, []))
    assert signal.SIGINT in blocked
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
