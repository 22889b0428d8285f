"""Things the tests share: the task, real voices where they are at hand, small sounds."""

import gc
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import no_type_check

import numpy as np
import platformdirs
import pytest
import torch
import yaml

from tests.evaluation.pool import scored_here
from tests.models.small import SAMPLING, SMALL, small_flow
from tests.synths.instruments import declaration
from tests.tiny import TinyTask
from unsynth.authoring.probing import exclusion_reason
from unsynth.flow.solver import Solver
from unsynth.index.build import build_index
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import save_index, user_index_path
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact
from unsynth.models.posterior import Posterior, load_posterior
from unsynth.rendering.renderer import Renderer
from unsynth.search.moves.descent import Descent, Polish
from unsynth.synths.plugins import PluginNotFoundError, find_bundle
from unsynth.synths.vst3 import VST3
from unsynth.tasks.dx7 import audibility, exchanges, prior
from unsynth.tasks.dx7.layout import Layout
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.note import read_note
from unsynth.tasks.parameter import Categorical, Continuous, Integer

SHARED = Path(__file__).parents[2] / "shared"

# Processes share the cores, so threads of a matrix product would wait for one another: they took
# nearly half of the processor's time. The test processes, and those that they start, inherit this.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
torch.set_num_threads(1)

# These run up to hundreds of times per draw or patch, so their types are not checked.
for function in (
    *(Integer.encode, Integer.decode, Categorical.encode, Categorical.decode),
    *(Continuous.encode, Continuous.decode, prior._table, read_note, Layout.operators),
    *(audibility.silent, audibility._active_in_operators, audibility._active_in_pitch_eg),
    *(audibility._active_in_lfo, exchanges._audible_graph),
    *(prior._look_up, prior._Block.sample, Continuous.quantise),
):
    no_type_check(function)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile loops once, before pytest-xdist starts processes that all would."""
    if getattr(session.config.option, "numprocesses", None):
        for name in ("sketches.dx7.windows", "search.window_loss"):
            import_module(f"unsynth.{name}")
        gc.enable()  # this process collects no tests


def pytest_collection_finish() -> None:
    """Leave modules and tests out of later collections of garbage: 2 % of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that ran into its limit of time, even if what it tests caught that error."""
    report = yield
    if report.passed and call.duration >= float(item.config.getini("timeout")):
        report.outcome, report.longrepr = "failed", "ran into its limit of time"
    return report


@pytest.fixture(scope="session")
def task() -> DX7Task:
    return DX7Task()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Reference sounds and voices that lie beside a checkout, not in it."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the reference data (../shared/data) is not here")
    return SHARED / "data"


@pytest.fixture(scope="session")
def instrument() -> tuple[str, str | None]:
    """A VST3 instrument of yours: its bundle, and its name where the bundle holds several."""
    pytest.importorskip("pedalboard")
    if "UNSYNTH_TEST_VST3" not in os.environ:
        pytest.skip("no VST3 instrument: CONTRIBUTING.md says how to get one")
    return os.environ["UNSYNTH_TEST_VST3"], os.environ.get("UNSYNTH_TEST_VST3_NAME")


@pytest.fixture(scope="session")
def settable(instrument: tuple[str, str | None]) -> list[str]:
    """Names of up to 100 of its parameters that a task would set, and that keep what is set."""
    synth = VST3(*instrument)
    names = [each.name for each in synth.describe() if not exclusion_reason(each)][:100]
    lost = {name for raw in (0.3, 0.8) for name in synth.lost_parameters(dict.fromkeys(names, raw))}
    return [name for name in names if name not in lost]


@pytest.fixture(scope="session")
def mda(instrument: tuple[str, str | None]) -> str:
    """The bundle of the mda plugins, with its ``mda JX10`` and 33 more."""
    if instrument[1] != "mda JX10":
        pytest.skip("for the instrument mda JX10 only")
    return instrument[0]


@pytest.fixture(autouse=True)
def keep_denormals() -> Iterator[None]:
    """Commands flush denormal numbers; run in this process, they would for all later tests."""
    yield
    torch.set_flush_denormal(False)


#: Python runs this as it starts: a worker process gets a signal before it reads anything.
#: Processes that start at once count themselves by appending, which no other one can disturb.
_SITECUSTOMIZE = """
import os, sys
from pathlib import Path
if "--multiprocessing-fork" in sys.orig_argv:
    starts = os.open(Path(__file__).with_name("starts"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(starts, b".")
    if os.lseek(starts, 0, os.SEEK_CUR) <= {count}:
        os.kill(os.getpid(), {number})
"""


@pytest.fixture
def kill_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that lets the next ``count`` worker processes be killed as they start."""
    folder = tmp_path / "kill-starts"

    def kill(count: int, number: int = 9) -> None:
        folder.mkdir()
        text = _SITECUSTOMIZE.format(count=count, number=int(number))
        (folder / "sitecustomize.py").write_text(text)
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        monkeypatch.setenv("PYTHONPATH", path)

    return kill


@contextmanager
def shortened_matches() -> Iterator[None]:
    """Shorten matches in this process to a fifth, by smaller numbers in two stages.

    Fewer candidates are compared, with fewer random draws beside them, and descents fit fewer
    patches in fewer steps.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unsynth.matching.run._RANDOM_DRAWS", 4)
        patch.setattr("unsynth.matching.run._RANDOM_DRAWS_IF_STOPPED", 3)
        patch.setattr("unsynth.matching.choosing._FINALISTS", 12)
        patch.setattr("unsynth.matching.choosing._MOST_FINALISTS", 16)
        patch.setattr(Descent, "_FIRST_ROUNDS", ((16, 2), (12, 1), (12, 1)))
        patch.setattr(Descent, "_QUICK", (2, ((1, 2), (1, 2))))
        patch.setattr(Descent, "_THOROUGH", (2, ((2, 2), (1, 2), (1, 2))))
        patch.setattr(Polish, "_STEPS", 2)
        yield


@pytest.fixture(scope="module")
def short_matches() -> Iterator[None]:
    """Shorten the matches of a module."""
    with shortened_matches():
        yield


@pytest.fixture(scope="module")
def scores_here() -> Iterator[None]:
    """Score the targets of a module's evaluations in this process."""
    with scored_here():
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def relative_error(expected: np.ndarray, got: np.ndarray) -> float:
    """RMS of the difference over RMS of the expected sound."""
    return float(np.sqrt(np.mean((got - expected) ** 2) / max(1e-18, np.mean(expected**2))))


@pytest.fixture(scope="session")
def small_index(task: DX7Task) -> DrawIndex:
    """An index of 150 draws, made in a few seconds."""
    with Renderer(task.synth, workers=2) as renderer:
        *_, index = build_index(task, renderer, 150)
    assert isinstance(index, DrawIndex)
    return index


@pytest.fixture(scope="session")
def tiny_index() -> DrawIndex:
    """An index of the tiny task."""
    task = TinyTask()
    with Renderer(task.synth, workers=2) as renderer:
        *_, index = build_index(task, renderer, 60)
    assert isinstance(index, DrawIndex)
    return index


@pytest.fixture(scope="session")
def tiny_cache(tiny_index: DrawIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's cache that holds it: to build one takes seconds, however few draws it has."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platformdirs, "user_cache_path", lambda *a, **k: folder)
        path = user_index_path(tiny_index.task)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_index(tiny_index, path)
    return folder


@pytest.fixture(scope="session")
def model_path(task: DX7Task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the DX7 that has learned nothing: its samples are valid patches."""
    path = tmp_path_factory.mktemp("model") / "dx7.safetensors"
    artifact = describe(task, FlowArchitecture.model_validate(SMALL), SAMPLING, 0.9, 1, None)
    save_artifact(path, small_flow(task.spec.width), artifact)
    return path


@pytest.fixture(scope="session")
def posterior(task: DX7Task, model_path: Path) -> Posterior:
    """That model, loaded."""
    return load_posterior(task, model_path)


@pytest.fixture(scope="session")
def index_file(small_index: DrawIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That index as a file."""
    path = tmp_path_factory.mktemp("index") / "small.npz"
    save_index(small_index, path)
    return path


@pytest.fixture(scope="session")
def own_task(instrument, settable, tmp_path_factory) -> Path:
    """The file of a task for the VST3 instrument, with up to twelve parameters."""
    bundle, name = instrument
    path = tmp_path_factory.mktemp("own") / "own.yaml"
    content = declaration(settable[:12], plugin=bundle)
    content["engine"] |= {} if name is None else {"name": name}
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def no_plugin() -> None:
    """Skip where Surge XT is installed."""
    pytest.importorskip("pedalboard")
    try:
        find_bundle("Surge XT")
    except PluginNotFoundError:
        return
    pytest.skip("Surge XT is installed")


@pytest.fixture(scope="session")
def model(task: DX7Task, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of the DX7 that has learned nothing, and samples fast."""
    path = tmp_path_factory.mktemp("model") / "dx7.safetensors"
    sampling = SamplingSettings(solver=Solver.EULER, steps=2)
    artifact = describe(task, FlowArchitecture.model_validate(SMALL), sampling, 0.9, 1, None)
    save_artifact(path, small_flow(task.spec.width), artifact)
    return str(path)
