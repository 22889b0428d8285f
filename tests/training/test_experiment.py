from pathlib import Path

import pytest
import torch
import yaml

from tests.models.small import VAE
from tests.training.runs import EXPERIMENT
from unsynth.audio.observation import Observation
from unsynth.errors import TrainingError, UnsynthError
from unsynth.flow.solver import Solver
from unsynth.tasks.catalogue import load_task
from unsynth.training.dry_run import dry_run
from unsynth.training.experiment import ExperimentError, load_experiment

#: Parameters of the paper's models, counted in its code.
PUBLISHED = {
    "surge-simple-param2tok": 39_922_688,
    "surge-full-param2tok": 40_162_304,
    "surge-simple-mlp": 41_318_492,
    "surge-full-mlp": 41_638_188,
    "surge-simple-ast": 45_167_708,
    "surge-full-ast": 45_327_660,
    "surge-simple-vae": 39_521_404,
    "surge-full-vae": 44_319_548,
}
SHIPPED = sorted((Path(__file__).parents[2] / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_experiments_build(path):
    experiment = load_experiment(path)
    task = load_task(experiment.task)
    shape = experiment.model.observed_shape(task)
    if experiment.task.startswith("surge-") and experiment.model.observation is Observation.LOG_MEL:
        assert shape == (2, 128, 401)
    with torch.device("meta"):
        model = experiment.model.build(task.spec, shape)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == pytest.approx(PUBLISHED.get(path.stem, count), rel=0.006)


def test_all_models_of_the_paper_are_shipped():
    assert set(PUBLISHED) <= {path.stem for path in SHIPPED}


def test_overrides_change_single_settings(experiment_path):
    overrides = ["training.learning_rate=2e-3", "sampling.solver=rk4", "model.field.tokens=9"]
    experiment = load_experiment(experiment_path, overrides)
    assert experiment.training.learning_rate == 2e-3
    assert experiment.sampling.solver == Solver.RK4
    assert experiment.model.field.tokens == 9
    assert experiment.training.warm_up == load_experiment(experiment_path).training.warm_up


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.stpes=3", r"unknown key training.stpes; the nearest is training.steps"),
        ("model.field.width.x=3", "width holds a value"),
        ("modle.field.width=3", "unknown key modle; the nearest is model"),
        ("training.steps", "write it as key=value"),
        ("training.accumulate=3", "accumulate of 3 does not divide a batch of 4"),
        ("model.kind=flwo", r"model: .*'flow'"),
        ("training.steps=0", r"training.steps: .* greater than 0, not 0"),
        ("training.steps=many", r"training.steps: .* not 'many'"),
        ("training.coupling=none", "training.coupling: .*independent"),
        ("data.uses=3", "3 uses do not divide a batch of 4"),
        ("data.folder=set", "uses and apart are for training without data.folder"),
        ("data.sketched=true", "data.sketched is for an encoder of kind windows"),
        ("data.group=2", "group is for training from data.folder"),
        ("training.condition_dropout=1.5", r"training.condition_dropout: .* not 1.5"),
        ("data=3", "data: .* not 3"),
        ("training.steps=2001-99-99", r"training.steps: .* not '2001-99-99'"),
        ("training.steps=true", r"training.steps: .* not True"),
        ("training.steps='5'", r"training.steps: .* not '5'"),
        ("training.steps=100000000000", r"training.steps: .* less than or equal to 1000000000"),
        ("training.learning_rate=.inf", "training.learning_rate: .*'.inf' is not a finite number"),
        ("training.learning_rate=1e300", "training.learning_rate: .* less than or equal to"),
        ("model.field.layers=1000000000", "layers: .* less than or equal to 256"),
        ("model.field.width=1000000000", "width: .* less than or equal to 65536"),
        ("data.batch=1000000000", "data.batch: .* less than or equal to 65536"),
        ("data.sketched=1", "data.sketched: .* valid boolean, not 1"),
        ("sampling.steps=1000000000", "sampling.steps: .* less than or equal to 10000"),
        ("sampling.tolerance=1e-300", "sampling.tolerance: .* greater than or equal to"),
        ("task=!!int x", "task: line 1, column 1: tags"),
        ("task=" + "[" * 500, "nested more than 64 deep"),
        ("seed=" + "x" * 5000, "seed: .* not 'x"),
        ("training.steps=[", "training.steps: not YAML: line 1"),
    ],
)
def test_a_wrong_override_is_named(experiment_path, override, message):
    with pytest.raises(ExperimentError, match=message) as caught:
        load_experiment(experiment_path, [override])
    assert isinstance(caught.value, UnsynthError) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_batch_norms_need_two_sounds(tmp_path):
    path = tmp_path / "vae.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT | {"model": VAE}))
    for override in ("data.batch=1", "training.accumulate=2"):
        settings = ["data.batch=2", "data.uses=1"]
        load_experiment(path, settings)
        with pytest.raises(ExperimentError, match="batch norms need two sounds or more"):
            load_experiment(path, [*settings, override])


def test_a_model_that_no_memory_holds_is_refused_before_it_is_built(experiment_path):
    overrides = [f"model.field.{key}=65536" for key in ("width", "feed_forward")]
    with pytest.raises(TrainingError, match="weights, more than 2,000,000,000"):
        dry_run(experiment_path, overrides)


@pytest.mark.parametrize(
    ("batch", "group"), [(4, 4), (64, 64), (96, 96), (130, 65), (256, 64), (2048, 64)]
)
def test_noise_of_a_set_is_coupled_in_groups_that_divide_the_batch(experiment_path, batch, group):
    overrides = ["data.folder=set", "data.uses=1", "data.apart=1", f"data.batch={batch}"]
    assert load_experiment(experiment_path, overrides).data.coupled == group
    smaller = load_experiment(experiment_path, [*overrides, "data.group=2"])
    assert smaller.data.coupled == 2
    with pytest.raises(ExperimentError, match=f"groups of 3000 do not divide a batch of {batch}"):
        load_experiment(experiment_path, [*overrides, "data.group=3000"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: [", "cannot be read: not YAML: line 1"),
        ("- task", "holds no experiment"),
        ("task: dx7", "model: Field required"),
        ("task: dx7\ntrianing: {}", "unknown key trianing; the nearest is training"),
    ],
)
def test_a_file_without_an_experiment_is_refused(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    with pytest.raises(ExperimentError, match="No such file"):
        load_experiment(path)
    path.write_text(text)
    with pytest.raises(ExperimentError, match=message):
        load_experiment(path)
