"""``unsynth voices``, ``task`` and ``plugins``: synthesizers, their files and their tasks."""

import sys
from pathlib import Path

import click

from unsynth.cli.options import MIDI, plugin_option, use_one_torch_thread
from unsynth.errors import UnsynthError


@click.command()
@click.argument("bank", type=click.Path(path_type=Path))
@click.option("--note", default=60, type=MIDI, show_default=True, help="MIDI note to play.")
@click.option("--velocity", default=100, type=MIDI, show_default=True, help="MIDI velocity.")
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
    from unsynth.tasks.dx7.task import DX7Task

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


@click.group("task")
def task_group() -> None:
    """Make and check task files: what is inverted, of which synthesizer."""


@task_group.command("init")
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
    from unsynth.authoring.listening import ProbeProgress
    from unsynth.authoring.probing import Probe, probe
    from unsynth.errors import OutputError, PatchError
    from unsynth.synths.plugins import find_bundle, instrument

    use_one_torch_thread()
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
                case ProbeProgress(stage, done, total):
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


@task_group.command("check")
@click.argument("task")
@click.option("--draws", default=50, type=click.IntRange(2), show_default=True)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="The page; NAME.check.html.")
@plugin_option
def task_check(task: str, draws: int, seed: int, out: Path | None) -> None:
    """Render draws of TASK (a name, or a YAML file): are they heard, and do they come out the same?

    Says what share is heard, the noise floor, how much a sound depends on those before it, and the
    seconds a sound; writes a page with plots and sounds beside the file. Problems end it with 2.
    """
    from unsynth.authoring.check import BasePatchCheck, CheckProgress, CheckResult, check
    from unsynth.authoring.check_page import write_page
    from unsynth.tasks.catalogue import is_task_file, load_task

    use_one_torch_thread()
    beside = Path(task).with_suffix("") if is_task_file(task) else Path(task)
    out = out or beside.with_name(f"{beside.name}.check.html")
    with click.progressbar(length=1000, label="checking", file=sys.stderr) as bar:
        for event in check(load_task(task), draws, seed):
            match event:
                case CheckProgress(stage, done, total):
                    bar.label = stage
                    bar.pos = 1000 * done // total
                    bar.update(0)
                case BasePatchCheck(differences):
                    found = "is as the task has it" if not differences else "is wrong:"
                    click.echo(f"the base patch, read back from the plugin, {found}")
                    for difference in differences:
                        click.echo(f"  {difference}")
                case CheckResult():
                    bar.update(1000 - bar.pos)
                    result = event
    write_page(result, out)
    for name, text in result.facts():
        click.echo(f"{name}: {text}")
    for remark in result.remarks:
        click.echo(f"remark: {remark}")
    click.echo(f"page: {out}")
    if result.problems:
        for problem in result.problems[1:]:
            click.echo(f"problem: {problem}", err=True)
        raise UnsynthError(result.problems[0])
    click.echo("nothing is wrong")


@click.command()
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
