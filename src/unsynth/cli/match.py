"""``unsynth match`` and ``unsynth index``."""

import os
import signal
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unsynth.cli.options import plugin_option, say, use_one_torch_thread
from unsynth.errors import UnsynthError

if TYPE_CHECKING:
    from unsynth.batch import Begun, Failed, Finished, Left
    from unsynth.matching.matcher import Progress


@click.command()
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
@plugin_option
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
    from unsynth.matching.matcher import Matcher
    from unsynth.matching.request import Request
    from unsynth.search.judge import Distance
    from unsynth.tasks.catalogue import load_task

    use_one_torch_thread()
    lock: dict[str, int | float | str] = {} if note is None else {"note": note}
    request = Request(
        load_task(synth),
        budget=budget,
        renders=renders,
        candidates=candidates,
        keep=keep,
        lock=lock | dict(_named_value(each) for each in locks),
        start=start or (),
        distance=Distance(distance),
        seed=seed,
    )
    waiting = jobs(sounds, out)
    with (
        stop_on(signal.SIGINT, signal.SIGTERM) as stopped,
        Matcher.load(request.task, index, model) as matcher,
    ):
        settings = request.settings(index, model)
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
    from unsynth.matching.matcher import Progress

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
        say(each.reason)
    if left:
        for each in failed[-1:]:
            say(each.reason)
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


@click.command()
@click.argument("task")
@click.option(
    "--draws", type=int, help="How many draws it holds; 40,000, or by the engine's speed."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File; where `match` looks if not given."
)
@plugin_option
def index(task: str, draws: int | None, out: Path | None) -> None:
    """Build the index of draws that `match` looks in (minutes).

    That of a task in the package is 40,000 draws large and lies in the package. Of any other task
    it lies in your cache folder; it takes three minutes or more, and goes on where it was stopped.
    """
    from unsynth.index.build import BuildProgress, build_index, build_user_index
    from unsynth.index.draw_index import DrawIndex
    from unsynth.index.files import save_index, shipped_index_path, user_index_path
    from unsynth.rendering.renderer import Renderer
    from unsynth.tasks.catalogue import load_task

    use_one_torch_thread()
    if draws is not None and draws < 100:
        raise UnsynthError(f"{draws} draws are too few for an index; give at least 100")
    found = load_task(task)
    path = out or shipped_index_path(found)
    own = out is None and not path.exists()
    if own:
        path = user_index_path(found)
    elif path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UnsynthError(f"{path}: an index cannot be written there; choose another --out")
    with (
        Renderer(found.synth) as renderer,
        click.progressbar(length=1000, label="rendering draws", file=sys.stderr) as bar,
    ):
        events: Iterator[object]
        if own:
            events = build_user_index(found, renderer, draws, again=True)
        else:
            events = build_index(found, renderer, draws or 40_000)
        for event in events:
            match event:
                case BuildProgress(done, total):
                    bar.update(1000 * done // total - bar.pos)
                case DrawIndex():
                    made = event
        if not own:
            save_index(made, path)
    click.echo(f"{len(made)} draws of {task}: {path} ({path.stat().st_size / 1e6:.1f} MB)")
