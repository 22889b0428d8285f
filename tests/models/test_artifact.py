import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from tests.models.small import SMALL, small_flow
from unsynth.flow.solver import Solver
from unsynth.models import artifact as artifacts
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import (
    Artifact,
    ArtifactError,
    SamplingSettings,
    describe,
    load_artifact,
    save_artifact,
)
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.tasks.dx7.task import DX7Task

SAMPLING = SamplingSettings(solver=Solver.MIDPOINT, steps=4, guidance=1.5)


def description(task: DX7Task) -> Artifact:
    return describe(task, FlowArchitecture.model_validate(SMALL), SAMPLING, 0.999, 1234, 0.5)


@pytest.fixture
def model(task) -> ConditionalFlow:
    return small_flow(task.spec.width)


@pytest.fixture
def saved(task, model, tmp_path) -> Path:
    path = tmp_path / "folder" / "dx7.safetensors"
    save_artifact(path, model, description(task))
    return path


def test_a_saved_model_loads_with_its_weights(task, model, saved):
    state = torch.random.get_rng_state()
    loaded, artifact = load_artifact(saved, task)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert artifact.sampling == SAMPLING and artifact.training_steps == 1234
    assert artifact.engine.startswith("dexed-py 0.")
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    x, t = torch.rand(3, task.spec.width), torch.rand(3)
    sound = torch.randint(0, 256, (3, 1, 128, 401), dtype=torch.uint8)
    with torch.no_grad():
        expected = model(x, t, model.encode(sound))
    v = loaded(x, t, loaded.encode(sound))
    assert v.dtype == torch.float32
    assert (v - expected).norm() < 2e-3 * expected.norm()
    assert not [p for p in saved.parent.iterdir() if p.suffix not in (".safetensors", ".json")]


def test_weights_that_float16_cannot_hold_are_stored_as_float32(task, model, tmp_path):
    path = tmp_path / "dx7.safetensors"
    with torch.no_grad():
        model.no_sound[0] = 1e6
    save_artifact(path, model, description(task))
    loaded, _ = load_artifact(path, task)
    assert torch.equal(loaded.no_sound, model.no_sound)
    with torch.no_grad():
        model.no_sound[0] = torch.nan
    with pytest.raises(ArtifactError, match="no_sound is not finite"):
        save_artifact(path, model, description(task))
    assert load_artifact(path, task)[0].no_sound[0] == 1e6


def change(path: Path, **fields: object) -> None:
    description = path.with_suffix(".json")
    description.write_text(json.dumps(json.loads(description.read_text()) | fields))


def test_another_task_or_task_version_is_refused(task, saved):
    change(saved, task_hash="0123456789abcdef")
    with pytest.raises(ArtifactError, match=f"0123456789abcdef, not for dx7 {task.hash}"):
        load_artifact(saved, task)
    change(saved, task="surge")
    with pytest.raises(ArtifactError, match="trained for surge"):
        load_artifact(saved, task)


def test_other_features_are_refused(task, saved):
    features = json.loads(saved.with_suffix(".json").read_text())["features"]
    change(saved, features={**features, "hop": 512})
    with pytest.raises(ArtifactError, match="hop 512, but this version of unsynth with hop 441"):
        load_artifact(saved, task)


def test_a_truncated_file_is_refused(task, saved):
    whole = saved.read_bytes()
    saved.write_bytes(whole[:-100])
    with pytest.raises(ArtifactError, match=f"{len(whole) - 100} bytes, .* {len(whole)}"):
        load_artifact(saved, task)


def test_a_tampered_file_is_refused(task, saved):
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        load_artifact(saved, task)


def test_missing_files_are_named(task, saved):
    saved.with_suffix(".json").unlink()
    with pytest.raises(ArtifactError, match=r"dx7\.json: is missing"):
        load_artifact(saved, task)
    with pytest.raises(ArtifactError, match="no weight file here"):
        load_artifact(saved.with_name("other.safetensors"), task)


def test_another_kind_of_file_is_refused(task, saved):
    with pytest.raises(ArtifactError, match=r"dx7\.json: is not a weight file"):
        load_artifact(saved.with_suffix(".json"), task)


def test_a_json_of_another_model_is_refused(task, saved):
    sizes = json.loads(saved.with_suffix(".json").read_text())["architecture"]
    sizes["field"]["tokens"] = 9
    change(saved, architecture=sizes)
    with pytest.raises(ArtifactError, match="do not fit the model that the JSON describes"):
        load_artifact(saved, task)
    change(saved, guidanse=3)
    with pytest.raises(ArtifactError, match="guidanse"):
        load_artifact(saved, task)
    saved.with_suffix(".json").write_text("{")
    with pytest.raises(ArtifactError, match="does not describe a model"):
        load_artifact(saved, task)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sampling/steps", 10**9, "sampling.steps: .* less than or equal to 10000, not 1000000000"),
        ("sampling/guidance", 1e9, "sampling.guidance: .* less than or equal to 100"),
        ("architecture/field/layers", 10**9, "layers: .* less than or equal to 256"),
        ("architecture/encoder/width", 10**9, "width: .* less than or equal to 65536"),
        ("architecture/encoder/layers", True, "layers: .* valid integer, not True"),
        ("training_steps", "2001-01-01", "training_steps: .* not '2001-01-01'"),
        ("weight_bytes", 10**15, "weight_bytes: .* less than or equal to"),
        ("task", "x" * 10**6, "larger than 1 MB"),
        ("engine", "x" * 10**5, "engine: .* at most 200 characters"),
        ("features", [[[0] * 99] * 9], "features: .* be an object"),
    ],
)
def test_values_of_the_json_beyond_a_limit_are_refused(task, saved, field, value, message):
    path = saved.with_suffix(".json")
    content = fields = json.loads(path.read_text())
    *parents, last = field.split("/")
    for parent in parents:
        fields = fields[parent]
    fields[last] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match=message) as error:
        load_artifact(saved, task)
    assert len(str(error.value)) < 500


def replace_weights(path: Path, **changed: torch.Tensor | None) -> None:
    """Change weights, and make the JSON say that these are the ones that were saved."""
    state = safetensors.torch.load(path.read_bytes()) | changed
    data = safetensors.torch.save({k: v for k, v in state.items() if v is not None})
    path.write_bytes(data)
    change(path, weight_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.full((8,), torch.nan), "no_sound is not finite"),
        (torch.full((8,), torch.inf), "no_sound is not finite"),
        (torch.zeros(8, dtype=torch.int64), "no_sound is of .* type torch.int64, not .*float32"),
        (torch.zeros(8, dtype=torch.complex64), "type torch.complex64, not .*float32"),
        (torch.zeros(9), r"no_sound is of shape \(9,\)"),
        (None, "no_sound is missing or not expected"),
    ],
)
def test_weights_that_do_not_fit_or_are_not_finite_are_refused(task, saved, weights, message):
    replace_weights(saved, no_sound=weights)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(saved, task)


def test_steps_that_do_not_belong_to_a_matrix_are_refused(task, saved):
    name = next(n for n, v in safetensors.torch.load(saved.read_bytes()).items() if v.ndim == 2)
    replace_weights(saved, **{f"{name}.step": torch.ones(10**6, 1, 1)})
    with pytest.raises(ArtifactError, match="does not have one step for each row"):
        load_artifact(saved, task)


def test_a_loss_that_is_not_finite_is_described_as_not_measured(task):
    architecture = FlowArchitecture.model_validate(SMALL)
    assert describe(task, architecture, SAMPLING, 0.9, 1, float("nan")).validation_loss is None


def test_a_path_that_cannot_be_written_is_refused(task, model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="cannot be written"):
        save_artifact(tmp_path / "file" / "dx7.safetensors", model, description(task))
    with pytest.raises(ArtifactError, match="name ends in"):
        save_artifact(tmp_path / "dx7.json", model, description(task))


def test_saving_again_replaces_both_files(task, saved):
    other = small_flow(task.spec.width, seed=1)
    save_artifact(saved, other, description(task))
    np.testing.assert_allclose(
        load_artifact(saved, task)[0].no_sound, other.no_sound.detach(), rtol=1e-3, atol=1e-6
    )


def test_a_large_model_is_stored_in_one_byte_per_weight(model, task, tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "_QUANTISE_ABOVE", 1000)
    path = tmp_path / "large.safetensors"
    with torch.no_grad():
        next(value for value in model.parameters() if value.ndim == 2)[0] = 0.0
    stored = save_artifact(path, model, description(task))
    numbers = sum(value.numel() for value in model.state_dict().values())
    assert stored.weight_bytes < 1.7 * numbers
    loaded, _ = load_artifact(path, task)
    for name, expected in model.state_dict().items():
        weights = loaded.state_dict()[name]
        assert weights.dtype == expected.dtype
        largest = expected.abs().amax(dim=-1, keepdim=True)
        if expected.ndim == 2:
            assert ((weights - expected).abs() <= 0.51 * largest / 127).all()
        else:
            torch.testing.assert_close(weights, expected, rtol=1e-3, atol=1e-3)


def test_one_small_weight_file_a_task():
    import unsynth.shipped

    folder = Path(unsynth.shipped.__file__).parent
    weights = list(folder.glob("*.safetensors"))
    assert {path.stem for path in weights} == {"dx7", "vital-simple"}
    assert all(path.stat().st_size <= 20e6 for path in weights)


def test_loading_a_model_does_not_import_the_compiler_of_torch(task, saved):
    """It takes 130 MB and a second or more, and the start of a match loads a model."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from unsynth.models.artifact import load_artifact\n"
        "from unsynth.tasks.dx7.task import DX7Task\n"
        f"load_artifact(Path({str(saved)!r}), DX7Task())\n"
        "print('torch._dynamo' in sys.modules, 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_loading_a_model_draws_no_random_numbers(task, saved):
    before = torch.get_rng_state()
    load_artifact(saved, task)
    assert torch.equal(torch.get_rng_state(), before)
