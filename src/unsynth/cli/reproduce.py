"""``unsynth reproduce``: the studies, from training to figures and tables."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import click

from unsynth.cli.options import (
    COUNT,
    GUIDANCE,
    POSITIVE,
    Number,
    WholeNumber,
    candidates_option,
    device_option,
    out_option,
    plugin_option,
    resume_option,
    seed_option,
    set_option,
    workers_option,
)
from unsynth.cli.requirements import require_evaluation, use_one_torch_thread
from unsynth.cli.terminal import say
from unsynth.errors import UnsynthError

#: Renders of a search, which are more than those of its starts
#: (:func:`unsynth.studies.search.check_renders`).
_SEARCH_RENDERS = WholeNumber(81)


@click.group()
def reproduce() -> None:
    """Run a study again, from training to figures and tables.

    The k-osc studies train on a toy synthesizer of k exchangeable oscillators (the paper, section
    4.1); `arms`, `search` and `table1` use real synthesizers.
    """


_seeds_option = click.option(
    "--seeds",
    default=2,
    type=COUNT,
    show_default=True,
    help="Number of training seeds per model.",
)
_flops_option = click.option(
    "--flops",
    required=True,
    type=POSITIVE,
    help="Training FLOPs of each model and seed; sets its number of steps.",
)


def _use_preset(context: click.Context, _: click.Parameter, name: str) -> str:
    """Make the settings of a preset the defaults of the other options."""
    if name == "laptop":
        from dataclasses import asdict

        from unsynth.studies.kosc.presets import LAPTOP, LAPTOP_SEEDS

        named = {
            key: value.value.replace(" ", "-")
            for key, value in asdict(LAPTOP).items()
            if isinstance(value, Enum)
        }
        context.default_map = asdict(LAPTOP) | named | {"ks": list(LAPTOP_SEEDS)}
    return name


def _find_choice(context: click.Context, option: click.Parameter, name: str) -> Any:
    """Turn the value of ``--coupling`` or ``--param2tok-start`` into what it names."""
    from unsynth.flow.coupling import Coupling
    from unsynth.models.param2tok import Start

    kind = Coupling if option.name == "coupling" else Start
    return kind(name.replace("-", " "))


_coupling_option = click.option(
    "--coupling",
    type=click.Choice(["optimal-transport", "independent", "aligned", "aligned-transport"]),
    default="optimal-transport",
    show_default=True,
    callback=_find_choice,
    help="How noise is paired with the patches of a step: by optimal transport; as it was drawn; "
    "aligned, in the order of exchangeable oscillators that is nearest to the patch; or both.",
)
_start_option = click.option(
    "--param2tok-start",
    type=click.Choice(["paper", "units-known", "random"]),
    default="paper",
    show_default=True,
    callback=_find_choice,
    help="How Param2Tok starts: nearly symmetric, as in the paper; with the oscillators known; or "
    "at random.",
)


def _count_seeds(ks: tuple[int, ...], seeds: int | None, preset: str) -> dict[int, int]:
    """Give the number of seeds for each k."""
    from unsynth.studies.kosc.presets import LAPTOP_SEEDS

    usual = LAPTOP_SEEDS if preset == "laptop" else {}
    return {k: seeds or usual.get(k, 2) for k in ks}


def _kosc_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that the k-osc studies share; the defaults are the paper's."""
    options = [
        click.option(
            "--preset",
            type=click.Choice(["paper", "laptop"]),
            default="paper",
            show_default=True,
            is_eager=True,
            callback=_use_preset,
            help="Values of all options that are not given: the paper's, below, or those for some "
            "hours of two cores.",
        ),
        click.option(
            "--k",
            "ks",
            multiple=True,
            default=(4,),
            type=COUNT,
            show_default=True,
            help="Number of oscillators; may be repeated.",
        ),
        click.option(
            "--seeds",
            type=COUNT,
            show_default="2, or the preset's for each k",
            help="Number of training seeds per model.",
        ),
        click.option(
            "--steps",
            default=400_000,
            type=COUNT,
            show_default=True,
            help="Training steps of each model.",
        ),
        click.option(
            "--budget",
            type=POSITIVE,
            help="Minutes for the whole study; sets --steps from the measured speed.",
        ),
        click.option(
            "--batch", default=1024, type=COUNT, show_default=True, help="Sounds per training step."
        ),
        click.option(
            "--noises",
            default=1,
            type=COUNT,
            show_default=True,
            help="Noise samples, each with its own time, that a flow sees per sound in a step.",
        ),
        click.option(
            "--width",
            default=128,
            type=WholeNumber(16),
            show_default=True,
            help="Width of the models, a multiple of 16.",
        ),
        click.option(
            "--learning-rate", default=1e-4, type=POSITIVE, show_default=True, help="Learning rate."
        ),
        click.option(
            "--param2tok-rate",
            default=1.0,
            type=POSITIVE,
            show_default=True,
            help="Learning rate of Param2Tok, as a multiple of --learning-rate.",
        ),
        click.option(
            "--preconditioned",
            is_flag=True,
            help="Add c(t) x, the regression of the velocity on x, to the output of each flow.",
        ),
        click.option(
            "--items",
            default=51_200,
            type=COUNT,
            show_default=True,
            help="Number of sounds to test each model on.",
        ),
        click.option(
            "--solver-steps",
            default=200,
            type=COUNT,
            show_default=True,
            help="Steps of the ODE solver (RK4).",
        ),
        click.option(
            "--guidance",
            default=2.0,
            type=GUIDANCE,
            show_default=True,
            help="Scale w of classifier-free guidance.",
        ),
        device_option,
        resume_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _dataset_option(name: str) -> Callable[[Any], Any]:
    return click.option(
        "--dataset",
        name,
        multiple=True,
        required=True,
        help="Targets, as for `evaluate`, such as draws:100; may be repeated.",
    )


@reproduce.command("kosc")
@_kosc_options
@_coupling_option
@_start_option
@out_option("Folder of the study.", default=Path("runs/kosc"))
def reproduce_kosc(
    ks: tuple[int, ...],
    seeds: int | None,
    preset: str,
    budget: float | None,
    device: str,
    resume: bool,
    out: Path,
    **settings: Any,
) -> None:
    """Figure 3 of the paper: models with and without symmetry.

    Trains six models on symmetric and asymmetric oscillators, and compares them with chance.
    Writes figure3.png, learning.png and table.md. The defaults are the paper's; --k 4 --k 8 gives
    two sizes.
    """
    from unsynth.studies.kosc.cell import CellSettings
    from unsynth.studies.kosc.figure3 import figure3_cells, score_tables, write_figure3
    from unsynth.studies.kosc.learning import probe_scores
    from unsynth.studies.kosc.study import run_cells

    plan = CellSettings(**settings)
    cells = figure3_cells(_count_seeds(ks, seeds, preset))
    probe = probe_scores(plan)
    results, used = run_cells(cells, plan, out, device, budget, resume, say, probe)
    write_figure3(results, used, out)
    for name, table in score_tables(results).items():
        say(f"{name}\n{table.markdown()}")
    say(f"figures: {out / 'figure3.png'}, {out / 'learning.png'}")


@reproduce.command("kosc-quasi")
@_kosc_options
@_coupling_option
@_start_option
@click.option(
    "--dial",
    "dials",
    multiple=True,
    default=(0.0, 0.1, 0.3, 1.0),
    type=Number(0.0, 1.0),
    show_default=True,
    help="How much the filters of the oscillators differ: 0 is an exact symmetry, 1 is none. "
    "May be repeated.",
)
@out_option("Folder of the study.", default=Path("runs/kosc-quasi"))
def reproduce_kosc_quasi(
    ks: tuple[int, ...],
    seeds: int | None,
    preset: str,
    budget: float | None,
    device: str,
    resume: bool,
    dials: tuple[float, ...],
    out: Path,
    **settings: Any,
) -> None:
    """Symmetries that hold only in part.

    The oscillators have filters that differ by a dial (approximate symmetry), or a switch between
    common and disjoint frequency ranges (conditional symmetry). Writes table.md, invariance.png,
    equivariance.png and figures of what Param2Tok has learned.
    """
    from unsynth.studies.kosc.cell import CellSettings
    from unsynth.studies.kosc.quasi import (
        probe_flow,
        quasi_cells,
        quasi_table,
        write_quasi,
    )
    from unsynth.studies.kosc.study import run_cells

    cells = quasi_cells(_count_seeds(ks, seeds, preset), dials)
    plan = CellSettings(**settings)
    results, used = run_cells(cells, plan, out, device, budget, resume, say, probe_flow)
    write_quasi(results, cells, used, out)
    say(quasi_table(results).markdown())
    say(f"figures: {out}")


@reproduce.command("kosc-arms")
@_kosc_options
@_start_option
@_flops_option
@out_option("Folder of the study.", default=Path("runs/kosc-arms"))
def reproduce_kosc_arms(
    ks: tuple[int, ...],
    seeds: int | None,
    preset: str,
    budget: float | None,
    device: str,
    resume: bool,
    out: Path,
    **settings: Any,
) -> None:
    """Models and noise couplings at equal training FLOPs.

    All train on symmetric oscillators; --flops sets the steps of each. Writes table.md.
    """
    from unsynth.studies.kosc.arms import arm_cells, write_arms
    from unsynth.studies.kosc.cell import CellSettings
    from unsynth.studies.kosc.study import run_cells

    _refuse_budget(budget)
    plan = CellSettings(**settings)
    cells = arm_cells(_count_seeds(ks, seeds, preset))
    results, used = run_cells(cells, plan, out, device, None, resume, say)
    write_arms(results, used, out)
    _say_table(out)


@reproduce.command("kosc-start")
@_kosc_options
@_coupling_option
@_flops_option
@out_option("Folder of the study.", default=Path("runs/kosc-start"))
def reproduce_kosc_start(
    ks: tuple[int, ...],
    seeds: int | None,
    preset: str,
    budget: float | None,
    device: str,
    resume: bool,
    out: Path,
    **settings: Any,
) -> None:
    """How Param2Tok starts, and the penalty on its assignment.

    The paper's start, one that knows the oscillators and a random one, with three penalties each,
    at equal training FLOPs (--flops) on symmetric oscillators. Writes table.md.
    """
    from unsynth.studies.kosc.cell import CellSettings
    from unsynth.studies.kosc.start import probe_start, start_cells, write_start
    from unsynth.studies.kosc.study import run_cells

    _refuse_budget(budget)
    plan = CellSettings(**settings)
    cells = start_cells(_count_seeds(ks, seeds, preset))
    results, used = run_cells(cells, plan, out, device, None, resume, say, probe_start)
    write_start(results, used, out)
    _say_table(out)


def _refuse_budget(budget: float | None) -> None:
    if budget is not None:
        raise UnsynthError("--budget has no use here: --flops sets the steps")


def _say_table(out: Path) -> None:
    """Print the table of a study, with the line that says how it was made."""
    path = out / "table.md"
    say(path.read_text(encoding="utf-8"))
    say(f"table: {path}")


@reproduce.command("arms")
@click.argument("experiments", nargs=-1, required=True, type=click.Path(path_type=Path))
@_flops_option
@_seeds_option
@_dataset_option("dataset")
@candidates_option("samples per target (K)")
@set_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="'NAME KEY=VALUE ...'",
    help="Another arm: the first experiment with other settings; may be repeated.",
)
@workers_option
@resume_option
@out_option("Folder of the study.", default=Path("runs/arms"))
@plugin_option
def reproduce_arms(
    experiments: tuple[Path, ...],
    workers: int | None,
    resume: bool,
    out: Path,
    **plan: Any,
) -> None:
    """Experiments at equal training FLOPs.

    Each of EXPERIMENTS (YAML files) is an arm of the study. Trains every arm from every seed,
    scores all on the same targets, compares them with the first, and writes table.md. Processes
    that share a folder share the work.
    """
    require_evaluation()
    from unsynth.studies.arms import ArmsPlan, run_arms

    table = run_arms(ArmsPlan(experiments, **plan), out, workers, resume, say)
    say(table.markdown())
    say(f"table: {out / 'table.md'}")


@reproduce.command("search")
@click.argument("task", default="dx7")
@_dataset_option("datasets")
@click.option(
    "--targets",
    default=24,
    type=COUNT,
    show_default=True,
    help="Number of targets per dataset, evenly spread.",
)
@click.option(
    "--renders",
    default=4096,
    type=_SEARCH_RENDERS,
    show_default=True,
    help="Number of renders per target and method.",
)
@seed_option
@resume_option
@out_option("Folder of the study.", default=Path("runs/search"))
@plugin_option
def reproduce_search(resume: bool, out: Path, **plan: Any) -> None:
    """The search beside other methods, with equal renders.

    Matches targets with TASK (dx7 by default) in seven ways, among them samples of the model if
    unsynth ships one, the nearest draws of the index, CMA-ES and a genetic search. Writes table.md.
    Processes that share a folder share the targets: start the others with --resume.
    """
    require_evaluation()
    from unsynth.studies.search import SearchPlan, run_search_study

    table = run_search_study(SearchPlan(**plan), out, resume, say)
    say(table.markdown())
    say(f"table: {out / 'table.md'}")


@reproduce.command("table1")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@_dataset_option("datasets")
@candidates_option("samples per target (K)")
@click.option("--limit", type=COUNT, help="Score at most this many targets, evenly spread.")
@click.option(
    "--search-renders",
    type=_SEARCH_RENDERS,
    help="Match each target by unsynth's search too, with this many renders.",
)
@seed_option
@workers_option
@resume_option
@out_option("Folder of the study.", default=Path("runs/table1"))
@plugin_option
def reproduce_table1(
    models: tuple[str, ...], workers: int | None, resume: bool, out: Path, **plan: Any
) -> None:
    """Table 1 of the paper: trained models on sets of targets.

    Each MODEL is a weight file (.safetensors) or the name of a task that ships with one, written as
    NAME=MODEL if the table is to give it another name. Scores every model on every dataset, beside
    random draws, the index, the noise floor and the paper's numbers. Writes table.md and table.tex.
    """
    require_evaluation()
    use_one_torch_thread()
    from unsynth.studies.table1 import Table1Plan, TrainedModel, run_table1

    study = Table1Plan([TrainedModel.parse(model) for model in models], **plan)
    try:
        tables = run_table1(study, out, workers, resume, say)
    except KeyboardInterrupt:
        raise UnsynthError("stopped; scored targets are kept: continue with --resume") from None
    for name, table in tables.items():
        say(f"{name}\n{table.markdown()}")
    say(f"table: {out / 'table.md'}")
