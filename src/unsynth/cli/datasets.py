"""``unsynth render`` and ``unsynth data``: make, check and look at datasets."""

import sys
from pathlib import Path

import click

from unsynth.cli.options import plugin_option, require, require_data, use_one_torch_thread
from unsynth.errors import UnsynthError


@click.command()
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
@plugin_option
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
    require_data()
    from unsynth.audio.observation import Observation
    from unsynth.data.folder import Folder
    from unsynth.data.local import make_dataset
    from unsynth.data.plan import Plan
    from unsynth.data.seeding import Split
    from unsynth.rendering.renderer import cores
    from unsynth.tasks.catalogue import load_task

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
        require("cluster", "ray")
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


@click.group()
def data() -> None:
    """Check and look at datasets that `render` made."""


@data.command("verify")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
def data_verify(folders: tuple[str, ...]) -> None:
    """Check datasets: shards, hashes, numbers, priors, and no patch in two of them."""
    require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.verify import ShardProgress
    from unsynth.data.verify import verify as events
    from unsynth.tasks.catalogue import load_task

    with click.progressbar(length=1, label="checking", file=sys.stderr) as bar:
        for event in events([Folder(folder) for folder in folders], load_task):
            if isinstance(event, ShardProgress):
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
    require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.manifest import read_manifest
    from unsynth.report.dataset import describe
    from unsynth.tasks.catalogue import load_task

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
    require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.manifest import read_manifest
    from unsynth.report.dataset import write_item
    from unsynth.tasks.catalogue import load_task

    use_one_torch_thread()
    place = Folder(folder)
    for path in write_item(place, load_task(read_manifest(place).plan.source), item, out):
        click.echo(path)
