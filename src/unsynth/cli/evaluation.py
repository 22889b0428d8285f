"""``unsynth evaluate``, ``calibrate`` and ``compare``."""

from pathlib import Path

import click

from unsynth.cli.options import (
    COUNT,
    GUIDANCE,
    WholeNumber,
    candidates_option,
    device_option,
    draws_option,
    out_option,
    plugin_option,
    resume_option,
    seed_option,
    workers_option,
)
from unsynth.cli.requirements import require_evaluation, use_one_torch_thread
from unsynth.cli.terminal import result_of, say
from unsynth.errors import UnsynthError

#: Reasons that the terminal shows of the targets that are left out; table.md has all.
_MOST_REASONS = 10


@click.command()
@click.argument("model")
@click.argument("dataset", nargs=-1, required=True)
@candidates_option("samples per target (K)")
@click.option("--limit", type=COUNT, help="Score at most this many targets, evenly spread.")
@workers_option
@click.option(
    "--guidance",
    type=GUIDANCE,
    show_default="that of the model",
    help="Scale w of classifier-free guidance; 1 samples the posterior itself.",
)
@click.option(
    "--steps",
    type=COUNT,
    show_default="that of the model",
    help="Number of steps of the ODE solver.",
)
@seed_option
@click.option(
    "--estimates-only",
    is_flag=True,
    help="Draw the model's samples, in one process, and stop before they are rendered.",
)
@device_option
@resume_option
@out_option("Folder for rows and table.", otherwise="evaluations/MODEL-DATASET")
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
    estimates_only: bool,
    device: str,
    resume: bool,
    out: Path | None,
) -> None:
    """Score a trained MODEL on a DATASET.

    MODEL is a weight file (.safetensors), or the name of a task that ships with one. DATASET is
    draws:N (N held-out draws from the task's prior), a folder that `render` wrote, nsynth:DIR,
    fsd50k:DIR, or files or folders of sounds, of DX7 banks (.syx) or of patches of Vital (.vital,
    .vitalbank).

    Prints a table of every metric, mean and 95 % confidence interval over the targets, and writes
    it to table.md, with one row per target in items.parquet. Targets that are silent or cannot be
    read are left out and listed.

    On a machine with a GPU but without the engine, --estimates-only draws the samples on --device.
    On a machine with the engine, the same command with --resume in its place scores them.
    """
    from unsynth.devices import AUTO
    from unsynth.evaluation.estimates import EstimatesResult, estimate
    from unsynth.evaluation.evaluate import EvaluationResult
    from unsynth.evaluation.evaluate import evaluate as evaluate_model
    from unsynth.evaluation.settings import EvaluationRequest
    from unsynth.evaluation.tables import left_out_list

    require_evaluation()
    request = EvaluationRequest(model, dataset, candidates, limit, seed, guidance, steps)
    if not estimates_only and device != AUTO:
        raise click.UsageError(
            "--device is for --estimates-only; without it the model is sampled on the CPU."
        )
    if estimates_only:
        estimates = estimate(request, out, device, resume)
        try:
            drawn = result_of(EstimatesResult, estimates, "sampling", counted=True)
        except KeyboardInterrupt:
            raise UnsynthError("stopped; samples are kept: add --resume to continue") from None
        if drawn.left_out:
            say(left_out_list(drawn.left_out, drawn.targets, most=_MOST_REASONS))
        say(f"samples: {drawn.folder}; score them with --resume in place of --estimates-only")
        return
    use_one_torch_thread()
    events = evaluate_model(request, out, workers, resume)
    try:
        result = result_of(EvaluationResult, events, "scoring", counted=True)
    except KeyboardInterrupt:
        raise UnsynthError("stopped; scored targets are kept: continue with --resume") from None
    if result.remark:
        say(f"remark: {result.remark}", err=True)
    for heading, table in result.tables.items():
        say(f"{heading}\n{table.markdown()}" if heading else table.markdown())
    if result.failures:
        say(f"{result.failures} estimates could not be rendered: scored as silence")
    if result.left_out:
        say(left_out_list(result.left_out, result.targets, most=_MOST_REASONS))
    say(f"rows: {result.folder / 'items.parquet'}")


@click.command()
@click.argument("model")
@draws_option(200, least=20, help="Number of held-out draws to sample the model on.")
@click.option(
    "--samples",
    default=19,
    type=WholeNumber(9),
    show_default=True,
    help="Number of posterior samples per draw.",
)
@click.option(
    "--guidance",
    multiple=True,
    type=GUIDANCE,
    default=(1.0, 2.0),
    show_default=True,
    help="Scale w of classifier-free guidance; 1 samples the posterior itself. May be repeated.",
)
@seed_option
@plugin_option
def calibrate(model: str, draws: int, samples: int, guidance: tuple[float, ...], seed: int) -> None:
    """Test whether a MODEL's posterior is calibrated.

    MODEL is a weight file (.safetensors), or the name of a task that ships with one. It is sampled
    on held-out draws from the task's prior.

    Prints a table with a row per quantity that does not change when equal parts of a patch are
    exchanged: how often the true value lies in the central 50, 80 and 95 % of the samples (less
    often means overconfident), and whether its ranks among the samples are uniform.
    """
    from unsynth.evaluation.calibrate import CalibrationResult
    from unsynth.evaluation.calibrate import calibrate as calibrate_model

    use_one_torch_thread()
    events = calibrate_model(model, draws, samples, guidance, seed)
    say(result_of(CalibrationResult, events, "sampling").table.markdown())


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--estimate",
    default="one",
    show_default=True,
    help="Estimate to compare: one, best, best_heard, random, best_random, nearest, "
    "best_or_nearest or floor.",
)
@out_option(
    "Folder for compare.md, .tex, .csv and .png.", otherwise="none: the tables are only printed"
)
def compare(runs: tuple[Path, ...], estimate: str, out: Path | None) -> None:
    """Compare evaluations of the same targets.

    Each RUN is a folder that `evaluate` wrote. Prints the mean score of each run, and the
    difference of each from the first RUN, paired by target, with 95 % confidence intervals.
    """
    from unsynth.evaluation.compare import compare as compare_runs

    require_evaluation()
    comparison = compare_runs(runs, estimate)
    say(comparison.scores.markdown())
    say("")
    say(comparison.differences.markdown())
    if out is not None:
        comparison.write(out)
        say(f"written to {out}")
