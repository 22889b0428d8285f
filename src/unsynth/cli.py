"""The command ``unsynth``.

Engines, torch and pages are imported by the subcommand that needs them, so that ``--help``
answers at once. Whatever a user can cause ends in one line on standard error and exit code 2.
"""

import os
import signal
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from unsynth import __version__
from unsynth.errors import UnsynthError

if TYPE_CHECKING:
    from unsynth.batch import Begun, Failed, Finished, Left
    from unsynth.matching import Progress


_MIDI = click.IntRange(0, 127)


def _use_plugin(context: click.Context, parameter: click.Parameter, plugin: Path | None) -> None:
    """Tell this process, and those it starts, which bundle to host."""
    if plugin is not None:
        from unsynth.synths.plugins import CHOICE_VARIABLE, find_bundle

        os.environ[CHOICE_VARIABLE] = str(find_bundle(str(plugin)))


_plugin_option = click.option(
    "--plugin",
    type=click.Path(path_type=Path),
    expose_value=False,
    callback=_use_plugin,
    help="The VST3 bundle to use, for a task that needs one.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unsynth")
def commands() -> None:
    """Give it a sound, get the synthesizer patch back."""


@commands.command()
@click.argument(
    "sounds", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOUND..."
)
@click.option(
    "--synth",
    default="dx7",
    show_default=True,
    help="Synthesizer to find a patch for: a task's name, or the path of its YAML file.",
)
@click.option(
    "--budget",
    default=20.0,
    show_default=True,
    help="Seconds of the search, without loading before and the report after it.",
)
@click.option("--renders", type=int, help="Renders instead of seconds: the same result each time.")
@click.option("--candidates", default=16, show_default=True, help="Samples of the model to try.")
@click.option(
    "--keep", default=8, show_default=True, help="Most patches to keep, 1-32, all unlike."
)
@click.option("--note", type=int, help="MIDI note to play it on (60 is middle C): --lock note=60.")
@click.option(
    "--lock",
    "locks",
    multiple=True,
    metavar="NAME=VALUE",
    help="Hold a parameter to a value; as often as you like.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    help="Begin with patches of yours, too: a patch.json, a .vital, or a .syx of DX7 voices.",
)
@click.option(
    "--distance",
    default="fast",
    type=click.Choice(["fast", "mss"]),
    show_default=True,
    help="What the search lowers: MSS, or one a third as dear; the result is ranked by MSS.",
)
@click.option(
    "--seed",
    default=0,
    type=click.IntRange(min=0),
    show_default=True,
    help="Seed of everything random.",
)
@click.option(
    "--out",
    default=Path("unsynth-matches"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; each sound gets a new folder in it.",
)
@click.option("--index", type=click.Path(path_type=Path), help="An index of your own draws.")
@click.option("--model", type=click.Path(path_type=Path), help="A model of yours to sample, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
@_plugin_option
def match(
    sounds: tuple[Path, ...],
    synth: str,
    budget: float,
    renders: int | None,
    candidates: int,
    keep: int,
    note: int | None,
    locks: tuple[str, ...],
    start: Path | None,
    distance: str,
    seed: int,
    out: Path,
    index: Path | None,
    model: Path | None,
    as_json: bool,
) -> None:
    """Find the patches that come nearest to each SOUND (wav, flac, mp3, ogg, aiff, or a folder).

    Writes a folder for each sound: the patches as the synthesizer opens them (for a DX7 the bank
    patches.syx, best patch first), report.html (listen and compare), patch.json, best.wav and
    note.mid. Ctrl-C ends a search early, with the best so far. A folder's sounds that are done are
    not done again. The first match of a synthesizer may build its index of draws, once.
    """
    from unsynth.batch import jobs, run
    from unsynth.interruption import stop_on
    from unsynth.inversion.beginnings import Given, read_given
    from unsynth.inversion.judging import Distance
    from unsynth.inversion.locks import read_locks
    from unsynth.inversion.posterior import load_posterior
    from unsynth.inversion.proposals import load_index
    from unsynth.matching import Matcher, Request
    from unsynth.tasks.task import load_task

    _use_one_torch_thread()
    task = load_task(synth)
    wanted: dict[str, str | float] = {} if note is None else {"note": note}
    wanted |= dict(_named_value(lock) for lock in locks)
    request = Request(
        budget=budget,
        renders=renders,
        candidates=candidates,
        keep=keep,
        locked=read_locks(task, wanted),
        given=Given() if start is None else read_given(start, task),
        distance=Distance(distance),
        seed=seed,
    )
    waiting = jobs(sounds, out)
    settings = {
        "task": task.name,
        "task_hash": task.hash,
        **({"budget": budget} if renders is None else {"renders": renders}),
        "candidates": candidates,
        "keep": keep,
        "locked": request.locked,
        "distance": distance,
        "from": None if start is None else start.name,
        "index": None if index is None else index.name,
        "model": None if model is None else model.name,
        "seed": seed,
    }
    draws = None if index is None else load_index(task, index)
    posterior = None if model is None else load_posterior(task, model)
    with (
        stop_on(signal.SIGINT, signal.SIGTERM) as stopped,
        Matcher(task, draws, posterior) as matcher,
    ):
        _show(run(waiting, matcher, request, settings, stopped), as_json)


def _named_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UnsynthError(f"--lock {text}: give it as NAME=VALUE, such as --lock note=60")
    return name.strip(), value.strip()


def _show(found: "Iterator[Begun | Progress | Finished | Failed | Left]", as_json: bool) -> None:
    """Show a run as it goes; what failed is said at its end, with exit code 2."""
    import json

    from unsynth.batch import Begun, Failed, Finished, Left
    from unsynth.matching import Progress

    done: list[Finished] = []
    failed: list[Failed] = []
    left = 0
    bar = None
    for event in found:
        if bar is not None and not isinstance(event, Progress):
            bar.render_finish()
            bar = None
        match event:
            case Begun(job, number, total):
                count = f" ({number} of {total})" if total > 1 else ""
                click.echo(f"{job.sound}{count}", err=as_json)
            case Progress():
                if bar is None:
                    bar = _match_bar()
                bar.label, bar.current_item = f"  {event.stage}", event.best
                bar.pos = 1000 * event.done // max(1, event.total)
                bar.render_progress()
            case Finished():
                done.append(event)
                if not as_json:
                    _summary(event)
            case Failed():
                failed.append(event)
            case Left(sounds):
                left = sounds
    if as_json:
        document = {
            "results": [
                {"sound": str(each.job.sound), "folder": str(each.folder), **each.content}
                for each in done
            ],
            "failed": [{"sound": str(each.job.sound), "reason": each.reason} for each in failed],
            "left": left,
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    for each in failed[:-1]:
        _say(each.reason)
    if left:
        for each in failed[-1:]:
            _say(each.reason)
        raise UnsynthError(
            f"stopped; {left} sounds are left: of a folder, the same command goes on with them"
        )
    if failed:
        raise UnsynthError(failed[-1].reason)


def _match_bar() -> Any:
    return click.progressbar(
        length=1000,
        file=sys.stderr,
        show_eta=False,
        item_show_func=lambda best: None if best is None else f"best {best:.2f} dB",
    )


def _summary(finished: "Finished") -> None:
    content, folder = finished.content, finished.folder
    if finished.before:
        click.echo(f"  done before: {folder}")
        return
    best = content["candidates"][0]
    for remark in content["remarks"]:
        click.echo(f"  remark: {remark}")
    if content["stopped"]:
        click.echo("  remark: stopped early; this is the best so far")
    chance = statistics.median(draw["mss_db"] for draw in content["random_draws"])
    click.echo(
        f"  best patch: {best['mss_db']:.2f} dB from the sound (MSS; a random patch {chance:.2f}, "
        f"the engine against itself {content['noise_floor']['mss_db']:.2f}), on MIDI note "
        f"{best['parameters']['note.pitch']}"
    )
    first, last = (folder / content["candidates"][i]["files"][0] for i in (0, -1))
    more = f" to {last.name}" if first != last else ""
    click.echo(f"  patches: {first}{more}")
    click.echo(f"  report:  {folder / 'report.html'}")


@commands.command()
@click.argument("task")
@click.option(
    "--draws", type=int, help="How many draws it holds; 40,000, or by the engine's speed."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File; where `match` looks if not given."
)
@_plugin_option
def index(task: str, draws: int | None, out: Path | None) -> None:
    """Build the index of draws that `match` looks in (minutes).

    That of a task in the package is 40,000 draws large and lies in the package. Of any other task
    it lies in your cache folder; it takes three minutes or more, and goes on where it was stopped.
    """
    from unsynth.inversion.own_index import Building, build_own_index
    from unsynth.inversion.proposals import (
        DrawIndex,
        build_index,
        own_index_path,
        save_index,
        shipped_index_path,
    )
    from unsynth.rendering.renderer import Renderer
    from unsynth.tasks.task import load_task

    _use_one_torch_thread()
    if draws is not None and draws < 100:
        raise UnsynthError(f"{draws} draws are too few for an index; give at least 100")
    found = load_task(task)
    path = out or shipped_index_path(found)
    own = out is None and not path.exists()
    if own:
        path = own_index_path(found)
    elif path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UnsynthError(f"{path}: an index cannot be written there; choose another --out")
    with (
        Renderer(found.synth) as renderer,
        click.progressbar(length=1000, label="rendering draws", file=sys.stderr) as bar,
    ):
        events: Iterator[object]
        if own:
            events = build_own_index(found, renderer, draws, again=True)
        else:
            draws = draws or 40_000
            events = build_index(found, renderer, draws)
        for event in events:
            match event:
                case Building(done, total):
                    bar.update(1000 * done // total - bar.pos)
                case int():
                    assert draws is not None
                    bar.update(1000 * event // draws - bar.pos)
                case DrawIndex():
                    made = event
        if not own:
            save_index(made, path)
    click.echo(f"{len(made)} draws of {task}: {path} ({path.stat().st_size / 1e6:.1f} MB)")


@commands.command()
@click.argument("task")
@click.argument("folder")
@click.option("--count", required=True, type=click.IntRange(1), help="How many sounds.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="train")
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--shard-sounds", default=1000, type=click.IntRange(1), show_default=True)
@click.option(
    "--observe",
    multiple=True,
    type=click.Choice(["log-mel", "note", "windows"]),
    default=("log-mel",),
    show_default=True,
    help="What a model will see of each sound; may be given several times.",
)
@click.option("--audio", is_flag=True, help="Keep the sounds themselves, in 16 bits.")
@click.option(
    "--time-limit",
    default=60.0,
    type=click.FloatRange(0.0, min_open=True),
    show_default=True,
    help="Seconds after which an engine that gives no sound is taken to hang.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="Of a Ray cluster; one on this machine by default.")
@_plugin_option
def render(
    task: str,
    folder: str,
    count: int,
    split: str,
    seed: int,
    shard_sounds: int,
    observe: tuple[str, ...],
    audio: bool,
    time_limit: float,
    workers: int | None,
    engine: str,
    address: str | None,
) -> None:
    """Make a dataset: COUNT sounds of TASK's prior, in FOLDER.

    Stop it as you like: the same command goes on, and the set comes out the same. With --engine
    ray FOLDER may be any place that fsspec reaches, such as s3://bucket/set.
    """
    _require_data()
    from unsynth.audio.observation import Observation
    from unsynth.data.folder import Folder
    from unsynth.data.local import make_dataset
    from unsynth.data.plan import Plan
    from unsynth.data.seeding import Split
    from unsynth.rendering.renderer import cores
    from unsynth.tasks.task import load_task

    loaded = load_task(task)
    plan = Plan(
        task=loaded.name,
        task_hash=loaded.hash,
        task_file=None if loaded.source == loaded.name else loaded.source,
        count=count,
        split=Split(split),
        seed=seed,
        shard_sounds=shard_sounds,
        observe=tuple(sorted({Observation(kind) for kind in observe})),
        audio=audio,
        time_limit=time_limit,
    )
    if engine == "ray":
        _require("cluster", "ray")
        from unsynth.data.cluster import make_on_cluster

        found = make_on_cluster(plan, Folder(folder), address, load_task, workers)
    else:
        found = make_dataset(plan, Folder(folder), workers or cores(), load_task)
    try:
        with click.progressbar(length=count, label="rendering", file=sys.stderr) as bar:
            for made in found:
                bar.update(made.sounds - bar.pos)
    except KeyboardInterrupt:
        raise UnsynthError(
            "stopped; finished shards are kept: give the same command to go on"
        ) from None
    click.echo(f"{count} sounds of {task} in {folder}; `unsynth data verify {folder}` checks them")


@commands.group()
def data() -> None:
    """Check and look at datasets that `render` made."""


@data.command("verify")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
def data_verify(folders: tuple[str, ...]) -> None:
    """Check datasets: shards, hashes, numbers, priors, and no patch in two of them."""
    _require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.verify import Checked
    from unsynth.data.verify import verify as events
    from unsynth.tasks.task import load_task

    with click.progressbar(length=1, label="checking", file=sys.stderr) as bar:
        for event in events([Folder(folder) for folder in folders], load_task):
            if isinstance(event, Checked):
                bar.length = event.total
                bar.update(event.shards - bar.pos)
            else:
                verdict = event
    for remark in verdict.remarks:
        click.echo(remark)
    for problem in verdict.problems[1:]:
        click.echo(f"problem: {problem}", err=True)
    if verdict.problems:
        more = len(verdict.problems) - 1
        raise UnsynthError(f"{verdict.problems[0]}" + (f" (and {more} more above)" if more else ""))
    click.echo("nothing is wrong")


@data.command("stats")
@click.argument("folder")
def data_stats(folder: str) -> None:
    """Say what a dataset holds: sizes, loudness, rejected draws, values of every parameter."""
    _require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.manifest import read_manifest
    from unsynth.report.dataset import describe
    from unsynth.tasks.task import load_task

    place = Folder(folder)
    lines, table = describe(place, load_task(read_manifest(place).plan.source))
    for line in lines:
        click.echo(line)
    click.echo(table.markdown())


@data.command("show")
@click.argument("folder")
@click.option("--item", required=True, type=int)
@click.option("--out", default=Path(), type=click.Path(path_type=Path), help="Folder; here.")
def data_show(folder: str, item: int, out: Path) -> None:
    """Write an item's sound (wav), picture (png) and patch (json)."""
    _require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.manifest import read_manifest
    from unsynth.report.dataset import show
    from unsynth.tasks.task import load_task

    _use_one_torch_thread()
    place = Folder(folder)
    for path in show(place, load_task(read_manifest(place).plan.source), item, out):
        click.echo(path)


@commands.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting.")
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; runs/NAME.")
@click.option("--devices", default=1, type=click.IntRange(1), help="GPUs (or CPU processes); 1.")
@click.option("--nodes", default=1, type=click.IntRange(1), help="Machines with as many each; 1.")
@click.option("--dry-run", is_flag=True, help="Build all, take one step on random data, report.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print JSON.")
@_plugin_option
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


@commands.command()
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


@commands.command()
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
@_plugin_option
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

    _use_one_torch_thread()
    _require_evaluation()
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


@commands.command()
@click.argument("model")
@click.option("--draws", default=200, type=click.IntRange(20), show_default=True)
@click.option("--samples", default=19, type=click.IntRange(9), show_default=True, help="A draw.")
@click.option("--guidance", multiple=True, type=float, default=(1.0, 2.0), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@_plugin_option
def calibrate(model: str, draws: int, samples: int, guidance: tuple[float, ...], seed: int) -> None:
    """Say whether a MODEL's posterior is as sure as it should be, on held-out draws.

    For each quantity that does not change when equal parts of a patch are exchanged: how often
    the truth lies in the middle 50, 80 and 95 % of its samples (less is overconfident), and
    whether its ranks among the samples are uniform.
    """
    from unsynth.evaluation.calibrate import Calibrated
    from unsynth.evaluation.calibrate import calibrate as events

    _use_one_torch_thread()
    with click.progressbar(length=draws, label="sampling", file=sys.stderr) as bar:
        for event in events(model, draws, samples, guidance, seed):
            if isinstance(event, Calibrated):
                click.echo(event.table.markdown())
            else:
                bar.update(1)


@commands.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--estimate", default="one", show_default=True, help="Which row of their tables.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for .md, .tex, .csv, .png.")
def compare(runs: tuple[Path, ...], estimate: str, out: Path | None) -> None:
    """Compare evaluations of the same targets: each RUN is a folder that `evaluate` wrote.

    Differences are paired, target by target, against the first RUN.
    """
    from unsynth.evaluation.compare import compare as make

    _require_evaluation()
    comparison = make(runs, estimate)
    click.echo(comparison.scores.markdown())
    click.echo()
    click.echo(comparison.differences.markdown())
    if out is not None:
        comparison.write(out)
        click.echo(f"written to {out}")


@commands.group()
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
    from unsynth.studies.cells import Settings, run
    from unsynth.studies.kosc import draw, figure3_cells, tables

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
    from unsynth.studies.cells import Settings, run
    from unsynth.studies.kosc_quasi import draw_quasi, invariance, quasi_cells, table

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
    from unsynth.studies.cells import Settings, run
    from unsynth.studies.kosc_arms import arm_cells, table, write

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
    _require_evaluation()
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
    _require_evaluation()
    from unsynth.studies.search import SearchStudy, run_search_study

    found = run_search_study(SearchStudy(**asked), out, resume, click.echo)
    click.echo(found.markdown())
    click.echo(f"table: {out / 'table.md'}")


def _require_evaluation() -> None:
    _require("evaluate", "pyarrow")


def _require_data() -> None:
    _require("data", "h5py", "hdf5plugin", "fsspec", "psutil")


def _require(extra: str, *packages: str) -> None:
    from importlib.util import find_spec

    for package in packages:
        if find_spec(package) is None:
            raise UnsynthError(f"this needs {package}: pip install 'unsynth[{extra}]'")


@commands.command()
@click.argument("bank", type=click.Path(path_type=Path))
@click.option("--note", default=60, type=_MIDI, show_default=True, help="MIDI note to play.")
@click.option("--velocity", default=100, type=_MIDI, show_default=True, help="MIDI velocity.")
@click.option(
    "--duration",
    default=1.5,
    type=click.FloatRange(0.05, 6.0),
    show_default=True,
    help="Seconds the note is held.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for a WAV file of each voice.")
def voices(bank: Path, note: int, velocity: int, duration: float, out: Path | None) -> None:
    """List (and render) the DX7 voices in a .syx file, with what importing them would lose.

    The last column is the error, relative to the sound's size, that is left when velocity
    sensitivity, keyboard scaling and transpose are folded into the note: 0 is exact.
    """
    from unsynth.audio.files import write_wav
    from unsynth.errors import OutputError, PatchError
    from unsynth.formats.syx import read_voices, voice_name
    from unsynth.synths.base import Note
    from unsynth.tasks.dx7 import DX7Task

    try:
        data = bank.read_bytes()
    except OSError as error:
        raise PatchError(f"{bank}: cannot be read ({error.strerror})") from None
    task, played = DX7Task(), Note(note, 0.0, duration, velocity)
    synth = task.synth()
    for number, voice in enumerate(read_voices(data), start=1):
        try:
            lost = f"{task.folding_error(voice, played):.3f}"
        except PatchError as error:
            lost = str(error)
        click.echo(f"{number:3d}  {voice_name(voice):10s}  {lost}")
        if out is not None:
            try:
                out.mkdir(parents=True, exist_ok=True)
                path = out / f"{number:03d}.wav"
                write_wav(path, synth.render(voice, played), synth.sample_rate)
            except OSError as error:
                raise OutputError(f"{out}: cannot write there ({error.strerror})") from None


@commands.group("task")
def task_files() -> None:
    """Make and check task files: what is inverted, of which synthesizer."""


@task_files.command("init")
@click.argument("plugin")
@click.option("--name", help="Which plugin of the bundle, where it holds several.")
@click.option("--task", "wanted", help="The task's name; made of the plugin's if not given.")
@click.option("--out", type=click.Path(path_type=Path), help="The file; TASK.yaml if not given.")
@click.option("--preset", type=click.Path(path_type=Path), help="A .vstpreset to start from.")
@click.option("--leave-out", multiple=True, metavar="PARAMETER", help="Keep it as it starts.")
@click.option("--patches", default=20, type=click.IntRange(2), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
def task_init(
    plugin: str,
    name: str | None,
    wanted: str | None,
    out: Path | None,
    preset: Path | None,
    leave_out: tuple[str, ...],
    patches: int,
    seed: int,
) -> None:
    """Draft the task file of a VST3 instrument: PLUGIN is a bundle's path, or its name.

    Asks the plugin for its parameters and listens to them in random patches (a minute or two).
    Then change the file as you like, and run `unsynth task check` on it.
    """
    from unsynth.authoring.draft import draft, task_name, write_draft
    from unsynth.authoring.probing import Heard, Probe, probe
    from unsynth.errors import OutputError, PatchError
    from unsynth.synths.plugins import find_bundle, instrument

    _use_one_torch_thread()
    bundle = find_bundle(plugin)
    task = wanted or task_name(instrument(bundle, name).name)
    out = out or Path(f"{task}.yaml")
    # What cannot be written is said before the minutes, not after them.
    if out.exists() or not out.absolute().parent.is_dir():
        reason = "is there already" if out.exists() else "its folder is not there"
        raise OutputError(f"{out}: {reason}; choose another --out")
    try:
        base = None if preset is None else preset.read_bytes()
    except OSError as error:
        raise PatchError(f"{preset}: cannot be read ({error.strerror})") from None
    with click.progressbar(length=1000, label="probing", file=sys.stderr) as bar:
        for event in probe(
            plugin, name, preset=base, leave_out=leave_out, patches=patches, seed=seed
        ):
            match event:
                case Heard(stage, done, total):
                    bar.label = stage
                    bar.pos = 1000 * done // max(1, total)
                    bar.update(0)
                case Probe():
                    bar.update(1000 - bar.pos)
                    found = event
    named = plugin if not Path(plugin).exists() else str(bundle)
    text = draft(found, task, named, None if preset is None else str(preset.absolute()))
    made = write_draft(text, out)
    inert = sum(p.inert for p in found.parameters)
    excluded = sum(bool(p.excluded) for p in found.parameters)
    click.echo(
        f"{out}: task {made.name}, {len(made.spec.parameters) - 3} parameters of "
        f"{found.plugin.name} and the note; {inert} inert, {excluded} left out, "
        f"{len(found.units)} repeated units"
    )
    click.echo(f"next: unsynth task check {out}")


@task_files.command("check")
@click.argument("task")
@click.option("--draws", default=50, type=click.IntRange(2), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="The page; NAME.check.html.")
@_plugin_option
def task_check(task: str, draws: int, seed: int, out: Path | None) -> None:
    """Render draws of TASK (a name, or a YAML file): are they heard, and do they come out the same?

    Says what share is heard, the noise floor, how much a sound depends on those before it, and the
    seconds a sound; writes a page with plots and sounds beside the file. Problems end it with 2.
    """
    from unsynth.authoring.check import BasePatch, Checked, Checking, write_page
    from unsynth.authoring.check import check as events
    from unsynth.tasks.task import is_task_file, load_task

    _use_one_torch_thread()
    beside = Path(task).with_suffix("") if is_task_file(task) else Path(task)
    out = out or beside.with_name(f"{beside.name}.check.html")
    with click.progressbar(length=1000, label="checking", file=sys.stderr) as bar:
        for event in events(load_task(task), draws, seed):
            match event:
                case Checking(stage, done, total):
                    bar.label = stage
                    bar.pos = 1000 * done // total
                    bar.update(0)
                case BasePatch(differences):
                    found = "is as the task has it" if not differences else "is wrong:"
                    click.echo(f"the base patch, read back from the plugin, {found}")
                    for difference in differences:
                        click.echo(f"  {difference}")
                case Checked():
                    bar.update(1000 - bar.pos)
                    checked = event
    write_page(checked, out)
    for line in checked.lines():
        click.echo(line)
    for remark in checked.remarks:
        click.echo(f"remark: {remark}")
    click.echo(f"page: {out}")
    if checked.problems:
        for problem in checked.problems[1:]:
            click.echo(f"problem: {problem}", err=True)
        raise UnsynthError(checked.problems[0])
    click.echo("nothing is wrong")


@commands.command()
def plugins() -> None:
    """List the VST3 instruments on this machine, and the bundles that do not load.

    Looked in are the usual places, and before them the folders or bundles of UNSYNTH_VST3.
    """
    from unsynth.synths.plugins import available, places

    bundle = None
    for bundle, found in available():
        if isinstance(found, str):
            click.echo(f"{bundle}  does not load: {' '.join(found.split())}")
            continue
        effects = sum(not each.is_instrument for each in found)
        for each in found:
            if each.is_instrument:
                click.echo(
                    f"{bundle}  {each.name} {each.version} ({each.maker}), "
                    f"{each.parameters} parameters"
                )
        if effects == len(found):
            click.echo(f"{bundle}  no instrument: effects only")
    if bundle is None:
        click.echo(f"no VST3 plugin in {', '.join(map(str, places()))}")


def _use_one_torch_thread() -> None:
    """Leave the cores to sounds worked on side by side; torch's own threads wait for each other.

    Denormal numbers, in the tails of sounds, are several times slower than zeros.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def main() -> None:
    """Run the command; every expected failure is one line and exit code 2."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        commands(prog_name="unsynth", standalone_mode=False)
    except UnsynthError as error:
        _fail(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        _fail("stopped; nothing half-written was left behind")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(2)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt


def _fail(message: str) -> None:
    _say(message)
    sys.exit(2)


def _say(message: str) -> None:
    line = " ".join(message.split())
    click.echo(f"unsynth: {line}", err=True)
