"""``unsynth voices``, ``task`` and ``plugins``: synthesizers, their files and their tasks."""

import json
from pathlib import Path

import click

from unsynth.cli.options import (
    MIDI,
    VELOCITY,
    Number,
    WholeNumber,
    draws_option,
    out_option,
    plugin_option,
    seed_option,
)
from unsynth.cli.requirements import use_one_torch_thread
from unsynth.cli.terminal import follow, result_of, say
from unsynth.errors import UnsynthError


@click.command()
@click.argument("bank", type=click.Path(path_type=Path))
@click.option("--note", default=60, type=MIDI, show_default=True, help="MIDI note to play.")
@click.option("--velocity", default=100, type=VELOCITY, show_default=True, help="MIDI velocity.")
@click.option(
    "--duration",
    default=1.5,
    type=Number(0.05, 6.0),
    show_default=True,
    help="Time that the note is held, in seconds.",
)
@out_option("Folder for a WAV file of each voice.", otherwise="none: the voices are only listed")
@click.option(
    "--json", "as_json", is_flag=True, help="Print every value of every voice as one JSON document."
)
def voices(
    bank: Path, note: int, velocity: int, duration: float, out: Path | None, as_json: bool
) -> None:
    """List the DX7 voices in a BANK (.syx, .mid), and render them with --out.

    The last column is the error of importing a voice. Patches of unsynth have no velocity
    sensitivity, keyboard scaling or transpose: these are folded into the other values, for this
    one note. The error is the RMS of the change in the sound, relative to the RMS of the sound; 0
    is exact.
    """
    from unsynth.audio.files import write_wav
    from unsynth.documents import DocumentError, read_bytes
    from unsynth.errors import OutputError, PatchError
    from unsynth.formats.dx7_panel import describe_voice
    from unsynth.formats.syx import read_syx, voice_name
    from unsynth.synths.base import Note
    from unsynth.tasks.dx7.task import DX7Task

    try:
        file = read_syx(read_bytes(bank))
    except OSError as error:
        raise PatchError(f"{bank}: cannot be read ({error.strerror})") from None
    except (DocumentError, PatchError) as error:
        raise PatchError(f"{bank}: {error}") from None
    for remark in file.remarks:
        say(f"remark: {remark}", err=True)
    task, played_note = DX7Task(), Note(note, 0.0, duration, velocity)
    synth = task.synth()
    described = []
    for number, voice in enumerate(file.voices, start=1):
        folding: float | None = None
        try:
            folding = task.folding_error(voice, played_note)
            error_column = f"{folding:.3f}"
        except PatchError as error:
            error_column = str(error)
        if as_json:
            described.append({"number": number, **describe_voice(voice), "import_error": folding})
        else:
            say(f"{number:3d}  {voice_name(voice):10s}  {error_column}")
        if out is not None:
            try:
                out.mkdir(parents=True, exist_ok=True)
                path = out / f"{number:03d}.wav"
                write_wav(path, synth.render(voice, played_note), synth.sample_rate)
            except OSError as error:
                raise OutputError(f"{out}: cannot write there ({error.strerror})") from None
    if as_json:
        say(json.dumps({"voices": described, "remarks": file.remarks}, indent=1))


@click.group("task")
def task_group() -> None:
    """Draft and check task files, which describe your own synthesizers.

    A task file (YAML) lists the parameters of a synthesizer that unsynth sets, and how likely
    their values are. Use it as `match SOUND --synth FILE`.
    """


@task_group.command("init")
@click.argument("plugin")
@click.option("--name", help="Name of the plugin, if the bundle holds several.")
@click.option("--task", "task_name", show_default="the plugin's name", help="Name of the task.")
@out_option("Task file to write.", otherwise="TASK.yaml")
@click.option(
    "--preset",
    type=click.Path(path_type=Path),
    help="Preset (.vstpreset) to start from, instead of the plugin's initial state.",
)
@click.option(
    "--leave-out",
    multiple=True,
    metavar="PARAMETER",
    help="Parameter that keeps its initial value; may be repeated.",
)
@click.option(
    "--patches",
    default=20,
    type=WholeNumber(2),
    show_default=True,
    help="Number of random patches in which each parameter is tried.",
)
@seed_option
def task_init(
    plugin: str,
    name: str | None,
    task_name: str | None,
    out: Path | None,
    preset: Path | None,
    leave_out: tuple[str, ...],
    patches: int,
    seed: int,
) -> None:
    """Draft the task file of a VST3 instrument.

    PLUGIN is the path of a bundle, or its name. Reads the plugin's parameters and renders random
    patches to find what each parameter changes (one or two minutes). Then edit the file as you
    like, and run `unsynth task check` on it.
    """
    from unsynth.authoring.draft import draft, write_draft
    from unsynth.authoring.draft import task_name as default_name
    from unsynth.authoring.probing import Probe, probe
    from unsynth.documents import DocumentError, read_bytes
    from unsynth.errors import OutputError, PatchError
    from unsynth.synths.plugins import find_bundle, instrument

    use_one_torch_thread()
    bundle = find_bundle(plugin)
    task_name = task_name or default_name(instrument(bundle, name).name)
    out = out or Path(f"{task_name}.yaml")
    # A file that cannot be written is reported before the minutes of work, not after them.
    if out.exists() or not out.absolute().parent.is_dir():
        reason = "is there already" if out.exists() else "its folder is not there"
        raise OutputError(f"{out}: {reason}; choose another --out")
    try:
        base = None if preset is None else read_bytes(preset)
    except OSError as error:
        raise PatchError(f"{preset}: cannot be read ({error.strerror})") from None
    except DocumentError as error:
        raise PatchError(f"{preset}: {error}") from None
    events = probe(plugin, name, preset=base, leave_out=leave_out, patches=patches, seed=seed)
    result = result_of(Probe, events, "probing")
    plugin_reference = plugin if not Path(plugin).exists() else str(bundle)
    preset_reference = None if preset is None else str(preset.absolute())
    task = write_draft(draft(result, task_name, plugin_reference, preset_reference), out)
    inert = sum(p.inert for p in result.parameters)
    excluded = sum(bool(p.excluded) for p in result.parameters)
    say(
        f"{out}: task {task.name}, {len(task.spec.parameters) - 3} parameters of "
        f"{result.plugin.name} and the note; {inert} inert, {excluded} left out, "
        f"{len(result.units)} repeated units"
    )
    say(f"next: unsynth task check {out}")


@task_group.command("check")
@click.argument("task")
@draws_option(50, least=2, help="Number of random patches to render.")
@seed_option
@out_option("HTML page to write.", otherwise="TASK.check.html, beside a task file")
@plugin_option
def task_check(task: str, draws: int, seed: int, out: Path | None) -> None:
    """Check that the patches of TASK are audible and repeatable.

    TASK is a name or a task file. Renders random patches and prints how many are audible, the
    noise floor (a sound against its own second render), how much a sound depends on the sounds
    before it, and the time per render. Writes an HTML page with plots and sounds. If there is a
    problem, the exit code is 2.
    """
    from unsynth.authoring.check import BasePatchCheck, CheckResult, check
    from unsynth.authoring.check_page import write_page
    from unsynth.tasks.catalogue import is_task_file, load_task

    use_one_torch_thread()
    beside = Path(task).with_suffix("") if is_task_file(task) else Path(task)
    out = out or beside.with_name(f"{beside.name}.check.html")
    for event in follow(check(load_task(task), draws, seed), "checking"):
        match event:
            case BasePatchCheck(differences):
                verdict = "is as the task has it" if not differences else "is wrong:"
                say(f"the base patch, read back from the plugin, {verdict}")
                for difference in differences:
                    say(f"  {difference}")
            case CheckResult():
                result = event
    write_page(result, out)
    for name, text in result.facts():
        say(f"{name}: {text}")
    for remark in result.remarks:
        say(f"remark: {remark}")
    say(f"page: {out}")
    if result.problems:
        for problem in result.problems[1:]:
            say(f"problem: {problem}", err=True)
        raise UnsynthError(result.problems[0])
    say("nothing is wrong")


@click.command()
def plugins() -> None:
    """List the VST3 instruments on this machine.

    Lists bundles that do not load as well, with the reason. Searches the usual folders of the
    system, and before them the folders or bundles in the environment variable UNSYNTH_VST3.
    """
    from unsynth.synths.plugins import available, places

    bundle = None
    for bundle, content in available():
        if isinstance(content, str):
            say(f"{bundle}  does not load: {' '.join(content.split())}")
            continue
        instruments = [plugin for plugin in content if plugin.is_instrument]
        for plugin in instruments:
            say(
                f"{bundle}  {plugin.name} {plugin.version} ({plugin.maker}), "
                f"{plugin.parameters} parameters"
            )
        if not instruments:
            say(f"{bundle}  no instrument: effects only")
    if bundle is None:
        say(f"no VST3 plugin in {', '.join(map(str, places()))}")
