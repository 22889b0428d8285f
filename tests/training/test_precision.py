"""Training in bfloat16 where the machine has it, and in single precision elsewhere."""

from pathlib import Path

import pytest
import torch

from unsynth.training import precision
from unsynth.training.dry_run import dry_run
from unsynth.training.train import train

SHORT = ["training.precision=bf16-mixed", "training.steps=1"]


@pytest.fixture
def dtypes(monkeypatch: pytest.MonkeyPatch) -> set[torch.dtype]:
    """The types that linear layers compute in."""
    seen: set[torch.dtype] = set()
    linear = torch.nn.functional.linear

    def record(*arguments: torch.Tensor | None) -> torch.Tensor:
        result = linear(*arguments)
        seen.add(result.dtype)
        return result

    monkeypatch.setattr(torch.nn.functional, "linear", record)
    return seen


@pytest.mark.parametrize("supported", [True, False])
def test_bfloat16_falls_back_where_the_machine_has_none(
    experiment_path: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    dtypes: set[torch.dtype],
    supported: bool,
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: supported)
    run = train(experiment_path, SHORT, out=tmp_path / "run")
    assert run is not None and run.step == 1
    assert (torch.bfloat16 in dtypes) == supported
    said = "does not compute in bfloat16: training in 32-true, not bf16-mixed"
    assert (said in capfd.readouterr().err) == (not supported)
    dtypes.clear()
    cost = dry_run(experiment_path, SHORT)
    assert cost["precision"] == ("bf16-mixed" if supported else "32-true")
    assert (torch.bfloat16 in dtypes) == supported


def test_a_fallback_does_not_change_the_experiment(
    experiment_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may continue on a machine that has bfloat16."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    train(experiment_path, SHORT, out=tmp_path / "run")
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    more = [*SHORT[:1], "training.steps=2"]
    run = train(experiment_path, more, out=tmp_path / "run", resume=True)
    assert run is not None and run.step == 2
    assert "precision: bf16-mixed" in (tmp_path / "run" / "experiment.yaml").read_text()


def test_a_processor_is_asked_for_bfloat16() -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine trains on another device")
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this processor has no oneDNN")
    instructions = torch.backends.cpu.get_cpu_capability()
    if instructions in ("DEFAULT", "AVX2"):
        assert not precision.has_bfloat16()
    elif instructions == "AVX512":
        assert precision.has_bfloat16()
