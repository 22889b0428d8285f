"""``unsynth render`` and ``unsynth data``: make, check and look at datasets."""

from pathlib import Path
from typing import Any

import click

from unsynth.cli.options import (
    SECONDS,
    WholeNumber,
    out_option,
    plugin_option,
    seed_option,
    workers_option,
)
from unsynth.cli.requirements import require, require_data, use_one_torch_thread
from unsynth.cli.terminal import follow, result_of, say
from unsynth.documents import counted
from unsynth.errors import UnsynthError


class _Part(click.ParamType):
    """The number of a part and the number of parts, written 3/16."""

    name = "K/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse and check a part; another text is a usage error."""
        if isinstance(value, tuple):
            return value
        try:
            number, count = map(int, value.split("/"))
        except ValueError:
            number = count = 0
        if not 1 <= number <= count:
            self.fail(f"{value!r} is not a part, such as 1/16 or 16/16.", param, ctx)
        return number, count


@click.command()
@click.argument("task")
@click.argument("folder")
@click.option(
    "--count",
    required=True,
    type=WholeNumber(1, 1_000_000_000),
    help="Number of sounds in the dataset.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="train",
    show_default=True,
    help="Split to draw from; the splits share no draw.",
)
@seed_option
@click.option(
    "--shard-sounds",
    default=1000,
    type=WholeNumber(1, 100_000),
    show_default=True,
    help="Sounds per shard file.",
)
@click.option(
    "--observe",
    multiple=True,
    type=click.Choice(["log-mel", "note", "windows"]),
    default=("log-mel",),
    show_default=True,
    help="Observation of each sound to store, as input of a model; may be repeated.",
)
@click.option("--audio", is_flag=True, help="Store the audio of each sound too, in 16 bits.")
@click.option(
    "--time-limit",
    default=60.0,
    type=SECONDS,
    show_default=True,
    help="Seconds without a sound after which an engine counts as hung and is restarted.",
)
@workers_option
@click.option(
    "--part",
    type=_Part(),
    default=(1, 1),
    show_default="all of it",
    help="Part K of N to render, as K/N with K from 1. N machines that share FOLDER make one "
    "dataset.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where to render: in processes of this machine, or on a Ray cluster.",
)
@click.option(
    "--address",
    show_default="a cluster on this machine",
    help="Address of the Ray cluster.",
)
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
    part: tuple[int, int],
    engine: str,
    address: str | None,
) -> None:
    """Render a dataset of random patches of TASK.

    Draws COUNT patches from the task's prior, renders them, and writes patches and observations to
    HDF5 shards in FOLDER. With --engine ray FOLDER may be any place that fsspec reaches, such as
    s3://bucket/set.

    If it is stopped, the same command continues, and the dataset comes out the same, bit for bit.
    """
    require_data()
    from unsynth.audio.observation import Observation
    from unsynth.data.folder import Folder
    from unsynth.data.local import make_dataset
    from unsynth.data.manifest import read_manifest
    from unsynth.data.plan import MOST_SHARDS, Plan
    from unsynth.data.seeding import Split
    from unsynth.rendering.renderer import cores
    from unsynth.tasks.catalogue import load_task

    loaded = load_task(task)
    if count > MOST_SHARDS * shard_sounds:
        raise click.UsageError(
            f"{count} sounds in shards of {shard_sounds} are more than {MOST_SHARDS:,} shards: "
            "raise --shard-sounds"
        )
    number, parts = part
    if engine == "ray" and parts > 1:
        raise click.UsageError("--part is for --engine local: Ray shares the work itself")
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
    if parts > plan.shards:
        raise click.UsageError(
            f"--part {number}/{parts} needs {parts} shards or more, and the dataset has "
            f"{plan.shards}: lower --shard-sounds, or the number of parts"
        )
    if engine == "ray":
        require("cluster", "ray")
        from unsynth.data.cluster import make_on_cluster

        events = make_on_cluster(plan, Folder(folder), address, load_task, workers)
    else:
        events = make_dataset(plan, Folder(folder), workers or cores(), load_task, part)
    try:
        for _ in follow(events, "rendering"):
            pass
    except KeyboardInterrupt:
        raise UnsynthError(
            "stopped; finished shards are kept: the same command continues with the others"
        ) from None
    if not read_manifest(Folder(folder)).finished:
        say(f"part {number} of {parts} is in {folder}, where other parts are still missing")
        return
    sounds = f"{counted(count, 'sound')} of {task} in {folder}"
    say(f"{sounds}; `unsynth data verify {folder}` checks them")


@click.group()
def data() -> None:
    """Check and inspect datasets that `render` wrote."""


@data.command("verify")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
def data_verify(folders: tuple[str, ...]) -> None:
    """Check the datasets in each FOLDER.

    Checks that all shards are there and match their hashes, that all numbers are finite and all
    patches possible under the task's prior, and that no patch occurs in two of the datasets.
    Prints every problem; the exit code is 2 if there is one.
    """
    require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.verify import Verification, verify
    from unsynth.tasks.catalogue import load_task

    events = verify([Folder(folder) for folder in folders], load_task)
    verification = result_of(Verification, events, "checking")
    for remark in verification.remarks:
        say(remark)
    first, *others = verification.problems or ("",)
    for problem in others:
        say(f"problem: {problem}", err=True)
    if first:
        more = f" (and {len(others)} more above)" if others else ""
        raise UnsynthError(f"{first}{more}")
    say("nothing is wrong")


@data.command("stats")
@click.argument("folder")
def data_stats(folder: str) -> None:
    """Summarise the dataset in FOLDER.

    Prints its size, the loudness of its sounds (dB), the share of rejected draws, and the
    quantiles of every parameter.
    """
    require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.manifest import read_manifest
    from unsynth.report.dataset import describe
    from unsynth.tasks.catalogue import load_task

    place = Folder(folder)
    lines, table = describe(place, load_task(read_manifest(place).plan.source))
    for line in lines:
        say(line)
    say(table.markdown())


@data.command("show")
@click.argument("folder")
@click.option("--item", required=True, type=WholeNumber(0), help="Number of the item, from 0.")
@out_option("Folder for the three files.", default=Path(), otherwise="the current folder")
@plugin_option
def data_show(folder: str, item: int, out: Path) -> None:
    """Write one item of the dataset in FOLDER as files.

    They are item-N.wav (the sound), item-N.png (its spectrogram) and item-N.json (the patch). A
    sound that is not stored is rendered again.
    """
    require_data()
    from unsynth.data.folder import Folder
    from unsynth.data.manifest import read_manifest
    from unsynth.report.dataset import write_item
    from unsynth.tasks.catalogue import load_task

    use_one_torch_thread()
    place = Folder(folder)
    for path in write_item(place, load_task(read_manifest(place).plan.source), item, out):
        say(path)
