import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.running import Server

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("starlette")
    pytest.importorskip("dexed")
    running = Server(tmp_path_factory.mktemp("results"))
    yield running
    assert running.end() == 0


@pytest.fixture
def organ() -> Path:
    return Path(__file__).parents[2] / "examples" / "organ.flac"
