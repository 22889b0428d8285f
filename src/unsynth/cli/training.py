"""``unsynth train`` and ``unsynth export``."""

from pathlib import Path

import click

from unsynth.cli.options import plugin_option


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; runs/NAME.")
@click.option("--devices", default=1, type=click.IntRange(1), help="GPUs (or CPU processes); 1.")
@click.option("--nodes", default=1, type=click.IntRange(1), help="Machines with as many each; 1.")
@click.option("--dry-run", is_flag=True, help="Build all, take one step on random data, report.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print JSON.")
@plugin_option
def train(
    experiment: Path,
    overrides: tuple[str, ...],
    resume: bool,
    out: Path | None,
    devices: int,
    nodes: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train the model of an EXPERIMENT file; Ctrl-C saves, --resume goes on.

    Sounds are rendered while it trains, or come from a set (data.folder). The folder gets the
    checkpoint, the losses and their picture.
    """
    if dry_run:
        _dry_run(experiment, overrides, as_json)
        return
    from unsynth.training.train import train as start

    run = start(experiment, overrides, resume, out, devices, nodes)
    if run is None:  # another process speaks
        return
    click.echo(f"step {run.step} of {run.steps}, validation loss {run.validation_loss:.4f}")
    click.echo(f"checkpoint: {run.checkpoint}")


def _dry_run(experiment: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    import json

    import yaml

    from unsynth.training.dry_run import dry_run as measure

    found = measure(experiment, overrides)
    text = json.dumps(found) if as_json else yaml.safe_dump(found, sort_keys=False).rstrip()
    click.echo(text)


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="NAME.safetensors")
def export(checkpoint: Path, out: Path) -> None:
    """Write a run's averaged weights (its folder or last.ckpt) as a weight file with its JSON."""
    from unsynth.training.export import export_artifact

    artifact = export_artifact(checkpoint, out)
    loss = artifact.validation_loss
    click.echo(
        f"{out}: {artifact.weight_bytes / 1e6:.1f} MB, step {artifact.training_steps}, "
        f"validation loss {'not measured' if loss is None else format(loss, '.4f')}"
    )
