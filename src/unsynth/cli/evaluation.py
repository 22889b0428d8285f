"""``unsynth evaluate``, ``calibrate`` and ``compare``."""

import sys
from pathlib import Path

import click

from unsynth.cli.options import plugin_option, require_evaluation, use_one_torch_thread
from unsynth.errors import UnsynthError


@click.command()
@click.argument("model")
@click.argument("dataset", nargs=-1, required=True)
@click.option("--candidates", default=16, type=click.IntRange(1), show_default=True, help="K.")
@click.option("--limit", type=click.IntRange(1), help="Only so many targets, evenly spread.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores.")
@click.option("--guidance", type=float, help="Guidance scale; the model's own by default.")
@click.option("--steps", type=click.IntRange(1), help="Solver steps; the model's own by default.")
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--resume", is_flag=True, help="Go on where an evaluation was stopped.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; evaluations/NAME.")
@plugin_option
def evaluate(
    model: str,
    dataset: tuple[str, ...],
    candidates: int,
    limit: int | None,
    workers: int | None,
    guidance: float | None,
    steps: int | None,
    seed: int,
    resume: bool,
    out: Path | None,
) -> None:
    """Score a MODEL (a .safetensors file, or a task for the one shipped) on a DATASET.

    DATASET is draws:N (held-out draws of the model's task), a folder that `unsynth render` made,
    sounds or folders of sounds, DX7 banks (.syx) or folders of them, nsynth:DIR or fsd50k:DIR.
    Writes a row a target (items.parquet) and the table (table.md): mean and 95 % confidence
    interval of each metric.
    """
    from unsynth.evaluation.evaluate import Evaluated, Scored
    from unsynth.evaluation.evaluate import evaluate as events

    use_one_torch_thread()
    require_evaluation()
    found = events(model, dataset, out, candidates, limit, workers, seed, guidance, steps, resume)
    try:
        with click.progressbar(length=1000, label="scoring", file=sys.stderr) as bar:
            for event in found:
                match event:
                    case Scored():
                        bar.label = f"scoring {event.done}/{event.total}"
                        bar.update(max(0, 1000 * event.done // event.total - bar.pos))
                    case Evaluated():
                        evaluated = event
    except KeyboardInterrupt:
        raise UnsynthError("stopped; what is scored is kept: go on with --resume") from None
    for heading, table in evaluated.tables.items():
        click.echo(f"{heading}\n{table.markdown()}" if heading else table.markdown())
    if evaluated.failures:
        click.echo(f"{evaluated.failures} estimates could not be rendered: scored as silence")
    click.echo(f"rows: {evaluated.folder / 'items.parquet'}")


@click.command()
@click.argument("model")
@click.option("--draws", default=200, type=click.IntRange(20), show_default=True)
@click.option("--samples", default=19, type=click.IntRange(9), show_default=True, help="A draw.")
@click.option("--guidance", multiple=True, type=float, default=(1.0, 2.0), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@plugin_option
def calibrate(model: str, draws: int, samples: int, guidance: tuple[float, ...], seed: int) -> None:
    """Say whether a MODEL's posterior is as sure as it should be, on held-out draws.

    For each quantity that does not change when equal parts of a patch are exchanged: how often
    the truth lies in the middle 50, 80 and 95 % of its samples (less is overconfident), and
    whether its ranks among the samples are uniform.
    """
    from unsynth.evaluation.calibrate import Calibrated
    from unsynth.evaluation.calibrate import calibrate as events

    use_one_torch_thread()
    with click.progressbar(length=draws, label="sampling", file=sys.stderr) as bar:
        for event in events(model, draws, samples, guidance, seed):
            if isinstance(event, Calibrated):
                click.echo(event.table.markdown())
            else:
                bar.update(1)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--estimate", default="one", show_default=True, help="Which row of their tables.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for .md, .tex, .csv, .png.")
def compare(runs: tuple[Path, ...], estimate: str, out: Path | None) -> None:
    """Compare evaluations of the same targets: each RUN is a folder that `evaluate` wrote.

    Differences are paired, target by target, against the first RUN.
    """
    from unsynth.evaluation.compare import compare as make

    require_evaluation()
    comparison = make(runs, estimate)
    click.echo(comparison.scores.markdown())
    click.echo()
    click.echo(comparison.differences.markdown())
    if out is not None:
        comparison.write(out)
        click.echo(f"written to {out}")
