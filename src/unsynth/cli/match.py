"""``unsynth match``: find patches for sounds."""

import json
import signal
import statistics
import sys
import webbrowser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unsynth.cli.options import (
    COUNT,
    MIDI,
    SECONDS,
    WholeNumber,
    candidates_option,
    out_option,
    plugin_option,
    seed_option,
)
from unsynth.cli.requirements import faster_imports, require_paths, use_one_torch_thread
from unsynth.cli.terminal import follow, say, say_error
from unsynth.conventions import HIGHEST_RATE, LOWEST_RATE, SAMPLE_RATE
from unsynth.documents import counted, printable
from unsynth.errors import UnsynthError

if TYPE_CHECKING:
    from unsynth.batch import SoundResult


@click.command()
@click.argument(
    "sounds", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOUND..."
)
@click.option(
    "--synth",
    default="dx7",
    show_default=True,
    help="Synthesizer to find patches for: dx7, vital-simple (or vital), vital-full, surge-simple, "
    "surge-full, or the path of a task file.",
)
@click.option(
    "--budget",
    default=20.0,
    type=SECONDS,
    show_default=True,
    help="Length of the search in seconds. Loading comes before it, the report after it.",
)
@click.option(
    "--renders",
    type=COUNT,
    help="Number of renders, instead of a time: the result then depends on --seed alone.",
)
@candidates_option("samples of the trained model to start from, if there is one")
@click.option(
    "--keep",
    default=8,
    type=WholeNumber(1, 32),
    show_default=True,
    help="Largest number of patches to write, no two of them alike.",
)
@click.option(
    "--note", type=MIDI, help="MIDI note to play the patches on (60 is middle C): --lock note=N."
)
@click.option(
    "--lock",
    "locks",
    multiple=True,
    metavar="NAME=VALUE",
    help="Hold a parameter, by its name in patch.json, at a value in all patches; may be repeated.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    help="File of patches to start from as well: a patch.json, DX7 voices (.syx or .mid), or "
    "patches of Vital (.vital, .vitalbank) or Surge XT (.fxp, .vstpreset).",
)
@click.option(
    "--rate",
    default=SAMPLE_RATE,
    type=WholeNumber(LOWEST_RATE, HIGHEST_RATE),
    show_default=True,
    help="Sample rate of the project that the patches will play in, in Hz. Some synthesizers sound "
    "different at another rate.",
)
@click.option(
    "--distance",
    default="fast",
    type=click.Choice(["fast", "mss"]),
    show_default=True,
    help='Distance to minimise: "fast", or "mss" at three times the cost. Results are always '
    "ranked by MSS.",
)
@seed_option
@out_option(
    "Folder for the results; each sound gets a new folder in it.", default=Path("unsynth-matches")
)
@click.option(
    "--index",
    type=click.Path(path_type=Path),
    help="Index of draws to start from, a file that `unsynth index` wrote.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Trained model to sample, a file that `unsynth export` wrote.",
)
@click.option(
    "--open", "open_report", is_flag=True, help="Open the report in a browser at the end."
)
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
    rate: int,
    distance: str,
    seed: int,
    out: Path,
    index: Path | None,
    model: Path | None,
    open_report: bool,
    as_json: bool,
) -> None:
    """Find synthesizer patches that sound like each SOUND.

    SOUND is a file (wav, flac, mp3, ogg, aiff) with one note, or a folder of files. For each sound
    this writes a folder with the patches as the synthesizer opens them (for a DX7 the bank
    patches.syx, best patch first), report.html to listen and compare, patch.json with all
    values, target.wav, best.wav and note.mid.

    Ctrl-C ends the search early and keeps the best patches so far. Sounds of a folder that already
    have a result with the same settings are skipped. The first match for a synthesizer may build
    its index of draws before it searches, which takes about three minutes, once.
    """
    require_paths(*sounds)

    with faster_imports():
        from unsynth.batch import find_jobs, match_jobs
        from unsynth.interruption import stop_on
        from unsynth.matching.matcher import Matcher
        from unsynth.matching.request import Request
        from unsynth.search.judge import Distance
        from unsynth.tasks.catalogue import load_task

    use_one_torch_thread()
    lock = [*(() if note is None else [f"note={note}"]), *locks]
    request = Request(
        load_task(synth, rate),
        budget=budget,
        renders=renders,
        candidates=candidates,
        keep=keep,
        lock=_read_locks(lock),
        start=start or (),
        distance=Distance(distance),
        seed=seed,
    )
    jobs = find_jobs(sounds, out)
    # Each engine process is sent sys.argv as it starts, through a pipe that thousands of file
    # names would fill (see unsynth.rendering.workers).
    del sys.argv[1:]
    with (
        stop_on(signal.SIGINT, signal.SIGTERM) as stop_requested,
        Matcher.load(request.task, index, model) as matcher,
    ):
        settings = request.settings(index, model)
        _report(match_jobs(jobs, matcher, request, settings, stop_requested), as_json, open_report)


def _read_locks(texts: Sequence[str]) -> dict[str, str]:
    """Split each NAME=VALUE; a name may come twice only with the same value."""
    locks: dict[str, str] = {}
    for text in texts:
        name, equals, value = map(str.strip, text.partition("="))
        if not equals:
            raise UnsynthError(f"--lock {text}: give it as NAME=VALUE, such as --lock note=60")
        if locks.setdefault(name, value) != value:
            raise UnsynthError(
                f"--lock {name}={locks[name]} and --lock {name}={value} contradict each other: "
                "give one of them"
            )
    return locks


def _report(events: Iterable[object], as_json: bool, open_report: bool) -> None:
    """Print a run as it goes; report failures at its end, with exit code 2."""
    from unsynth.batch import SoundFailure, SoundResult, SoundStart, Unmatched

    results: list[SoundResult] = []
    failures: list[SoundFailure] = []
    unmatched = 0
    for event in follow(events, indent="  "):
        match event:
            case SoundStart(job, number, total):
                count = f" ({number} of {total})" if total > 1 else ""
                say(f"{printable(str(job.sound))}{count}", err=as_json)
            case SoundResult():
                results.append(event)
                if not as_json:
                    _summarise(event)
            case SoundFailure(job):
                failures.append(event)
                results = [result for result in results if result.job != job]
            case Unmatched(sounds):
                unmatched = sounds
    if as_json:
        document = {
            "results": [
                {"sound": str(each.job.sound), "folder": str(each.folder), **each.content}
                for each in results
            ],
            "failed": [{"sound": str(each.job.sound), "reason": each.reason} for each in failures],
            "left": unmatched,
        }
        # As bytes: the encoding of the terminal may lack a character. Bytes of a file name that are
        # not UTF-8 become JSON's escapes, which Python reads back as the same name.
        text = json.dumps(document, ensure_ascii=False) + "\n"
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    if open_report and results:
        webbrowser.open((results[-1].folder / "report.html").resolve().as_uri())
    reasons = [failure.reason for failure in failures]
    if unmatched:
        reasons.append(
            f"stopped with {counted(unmatched, 'sound')} left; for a folder, the same command goes "
            "on from there"
        )
    for reason in reasons[:-1]:
        say_error(reason)
    if reasons:
        raise UnsynthError(reasons[-1])


def _summarise(result: "SoundResult") -> None:
    """Print the best patch of a sound, and where its files are."""
    content, folder = result.content, result.folder
    if result.earlier:
        say(f"  matched before: {folder}")
        return
    best = content["candidates"][0]
    for remark in content["remarks"]:
        say(f"  remark: {remark}")
    if content["stopped"]:
        say("  remark: stopped early; this is the best so far")
    chance = statistics.median(draw["mss_db"] for draw in content["random_draws"])
    say(
        f"  best patch: {best['mss_db']:.2f} dB from the sound (MSS; a random patch {chance:.2f}, "
        f"the noise floor {content['noise_floor']['mss_db']:.2f}), on MIDI note "
        f"{best['parameters']['note.pitch']}"
    )
    first, last = (folder / content["candidates"][i]["files"][0] for i in (0, -1))
    more = f" to {last.name}" if first != last else ""
    structures = max(candidate["structure"] for candidate in content["candidates"])
    ways = f" ({structures} structures)" if structures > 1 else ""
    say(f"  patches: {first}{more}{ways}")
    say(f"  report:  {folder / 'report.html'}")
