"""``unsynth train`` and ``unsynth export``."""

import json
from pathlib import Path

import click

from unsynth.cli.options import COUNT, out_option, plugin_option, resume_option, set_option
from unsynth.cli.requirements import faster_imports, require_paths
from unsynth.cli.terminal import say


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@set_option
@click.option(
    "--from",
    "start_from",
    metavar="MODEL",
    help="Trained model to start from: a weight file that `unsynth export` wrote, or the name of a "
    "model that comes with unsynth.",
)
@resume_option
@out_option("Folder of the run.", otherwise="runs/EXPERIMENT")
@click.option(
    "--devices",
    default=1,
    type=COUNT,
    show_default=True,
    help="Number of GPUs per machine, or of CPU processes without a GPU; they share each batch.",
)
@click.option(
    "--nodes",
    default=1,
    type=COUNT,
    show_default=True,
    help="Number of machines, each with as many devices.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Build the model, take steps on random data, and print what training would cost: "
    "parameters, FLOPs, memory and seconds per step. Nothing is written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result of --dry-run as JSON.")
@plugin_option
def train(
    experiment: Path,
    overrides: tuple[str, ...],
    start_from: str | None,
    resume: bool,
    out: Path | None,
    devices: int,
    nodes: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train the model of an EXPERIMENT file (YAML).

    Sounds are rendered during training, or read from a dataset (setting data.folder). The run's
    folder gets the last checkpoint, the losses as CSV, and a plot of them.

    Ctrl-C saves a checkpoint and stops; --resume continues from it.
    """
    require_paths(experiment)
    if start_from is not None:
        if start_from.endswith(".safetensors"):  # As typed: from here, not from the experiment.
            start_from = str(Path(start_from).absolute())
        overrides += (f"start_from={json.dumps(start_from)}",)
    if dry_run:
        _print_cost(experiment, overrides, as_json)
        return
    with faster_imports():
        from unsynth.training.train import train as train_experiment

    run = train_experiment(experiment, overrides, resume, out, devices, nodes)
    if run is None:  # Of several processes only the first prints.
        return
    say(f"step {run.step} of {run.steps}, validation loss {_loss_text(run.validation_loss)}")
    say(f"checkpoint: {run.checkpoint}")


def _print_cost(experiment: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print what training would cost."""
    from unsynth.documents import write_yaml
    from unsynth.training.dry_run import dry_run

    cost = dry_run(experiment, overrides)
    say(json.dumps(cost) if as_json else write_yaml(cost).rstrip())


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@out_option(
    "Weight file to write, NAME.safetensors; NAME.json is written beside it.", required=True
)
def export(checkpoint: Path, out: Path) -> None:
    """Export the trained model of a run as a weight file.

    CHECKPOINT is the run's folder or its last.ckpt. The file holds the averaged weights and what
    `match --model` and `evaluate` need to use them.
    """
    from unsynth.training.export import export_artifact

    artifact = export_artifact(checkpoint, out)
    say(
        f"{out}: {artifact.weight_bytes / 1e6:.1f} MB, step {artifact.training_steps}, "
        f"validation loss {_loss_text(artifact.validation_loss)}"
    )


def _loss_text(loss: float | None) -> str:
    return "not measured" if loss is None else f"{loss:.4f}"
