"""``unsynth reproduce``: the studies, from training to picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from unsynth.cli.options import require_evaluation
from unsynth.errors import UnsynthError


@click.group()
def reproduce() -> None:
    """Make a figure of the paper anew, from training to picture."""


def _study(command: Callable[..., None]) -> Callable[..., None]:
    """Add what the k-osc studies have in common; the defaults are the paper's."""
    positive, above_0 = click.IntRange(1), click.FloatRange(0.0, min_open=True)
    options = [
        click.option("--k", "ks", multiple=True, default=(4,), type=positive, help="Oscillators."),
        click.option("--seeds", default=2, type=positive, show_default=True),
        click.option("--steps", default=400_000, type=positive, show_default=True),
        click.option("--budget", type=above_0, help="Minutes for all; sets the steps instead."),
        click.option("--batch", default=1024, type=positive, show_default=True),
        click.option("--width", default=128, type=positive, show_default=True, help="16, 32, ..."),
        click.option("--learning-rate", default=1e-4, type=above_0, show_default=True),
        click.option("--param2tok-rate", default=1.0, type=above_0, help="Times faster; 1."),
        click.option("--preconditioned", is_flag=True, help="Start fields from c(t) x."),
        click.option("--items", default=51_200, type=positive, show_default=True, help="To test."),
        click.option("--solver-steps", default=200, type=positive, show_default=True, help="RK4."),
        click.option("--guidance", default=2.0, show_default=True),
        click.option("--device", default="auto", show_default=True, help="cpu, cuda, ..."),
        click.option("--resume", is_flag=True, help="Go on where the study was stopped."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@reproduce.command("kosc")
@_study
@click.option("--out", default=Path("runs/kosc"), type=click.Path(path_type=Path))
def reproduce_kosc(
    ks: tuple[int, ...],
    seeds: int,
    budget: float | None,
    device: str,
    resume: bool,
    out: Path,
    **settings: Any,
) -> None:
    """Figure 3: six models and chance, with and without symmetry (--k 4 --k 8 for two sizes)."""
    from unsynth.studies.kosc.cell import Settings
    from unsynth.studies.kosc.figure3 import draw, figure3_cells, tables
    from unsynth.studies.kosc.study import run

    asked = Settings(**settings)
    results, used = run(figure3_cells(ks, seeds), asked, out, device, budget, resume, click.echo)
    draw(results, used, out)
    for name, table in tables(results).items():
        click.echo(f"{name}\n{table.markdown()}")
    click.echo(f"figure: {out / 'figure3.png'}")


@reproduce.command("kosc-quasi")
@_study
@click.option(
    "--dial",
    "dials",
    multiple=True,
    default=(0.0, 0.1, 0.3, 1.0),
    type=click.FloatRange(0.0, 1.0),
    show_default=True,
    help="How much the filters differ, 0-1.",
)
@click.option("--out", default=Path("runs/kosc-quasi"), type=click.Path(path_type=Path))
def reproduce_kosc_quasi(
    ks: tuple[int, ...],
    seeds: int,
    budget: float | None,
    device: str,
    resume: bool,
    dials: tuple[float, ...],
    out: Path,
    **settings: Any,
) -> None:
    """Symmetries that hold in part: filters that differ by a dial, and a switch of ranges."""
    from unsynth.studies.kosc.cell import Settings
    from unsynth.studies.kosc.quasi import draw_quasi, invariance, quasi_cells, table
    from unsynth.studies.kosc.study import run

    cells = quasi_cells(ks, seeds, dials)
    asked = Settings(**settings)
    results, used = run(cells, asked, out, device, budget, resume, click.echo, invariance)
    draw_quasi(results, cells, used, out)
    click.echo(table(results).markdown())
    click.echo(f"figures: {out}")


@reproduce.command("kosc-arms")
@_study
@click.option("--flops", required=True, type=click.FloatRange(0.0, min_open=True), help="Each.")
@click.option("--out", default=Path("runs/kosc-arms"), type=click.Path(path_type=Path))
def reproduce_kosc_arms(
    ks: tuple[int, ...],
    seeds: int,
    budget: float | None,
    device: str,
    resume: bool,
    out: Path,
    **settings: Any,
) -> None:
    """Models and couplings of noise at equal training FLOPs (--flops sets the steps of each)."""
    from unsynth.studies.kosc.arms import arm_cells, table, write
    from unsynth.studies.kosc.cell import Settings
    from unsynth.studies.kosc.study import run

    if budget is not None:
        raise UnsynthError("--budget has no use here: --flops sets the steps")
    asked = Settings(**settings)
    results, used = run(arm_cells(ks, seeds), asked, out, device, None, resume, click.echo)
    write(results, used, out)
    click.echo(table(results).markdown())
    click.echo(f"table: {out / 'table.md'}")


@reproduce.command("arms")
@click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--flops", required=True, type=click.FloatRange(0.0, min_open=True), help="Each.")
@click.option("--seeds", default=2, type=click.IntRange(1), show_default=True)
@click.option("--dataset", multiple=True, required=True, help="As for evaluate, e.g. draws:100.")
@click.option("--candidates", default=16, type=click.IntRange(1), show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="For all of them.")
@click.option("--variant", "variants", multiple=True, metavar="'NAME KEY=VALUE ...'", help="More.")
@click.option("--workers", type=click.IntRange(1), help="Processes that score; one a core.")
@click.option("--resume", is_flag=True, help="Go on where the study was stopped.")
@click.option("--out", default=Path("runs/arms"), type=click.Path(path_type=Path))
def reproduce_arms(
    experiments: tuple[Path, ...],
    workers: int | None,
    resume: bool,
    out: Path,
    **asked: Any,
) -> None:
    """Train EXPERIMENTS with equal FLOPs and score them; the first is the one to beat.

    A --variant is the first experiment with other settings, under another name.
    """
    require_evaluation()
    from unsynth.studies.arms import Arms, run_arms

    found = run_arms(Arms(experiments, **asked), out, workers, resume, click.echo)
    click.echo(found.markdown())
    click.echo(f"table: {out / 'table.md'}")


@reproduce.command("search")
@click.argument("task", default="dx7")
@click.option(
    "--dataset", "datasets", multiple=True, required=True, help="As for evaluate; one a set."
)
@click.option("--targets", default=24, type=click.IntRange(1), show_default=True, help="Of a set.")
@click.option("--renders", default=4096, type=click.IntRange(1), show_default=True, help="Each.")
@click.option("--seed", default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Go on where the study was stopped.")
@click.option("--out", default=Path("runs/search"), type=click.Path(path_type=Path))
def reproduce_search(resume: bool, out: Path, **asked: Any) -> None:
    """Match sets of targets by the search and by others, with as many renders each."""
    require_evaluation()
    from unsynth.studies.search import SearchStudy, run_search_study

    found = run_search_study(SearchStudy(**asked), out, resume, click.echo)
    click.echo(found.markdown())
    click.echo(f"table: {out / 'table.md'}")
