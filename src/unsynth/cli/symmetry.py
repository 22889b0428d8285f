"""``unsynth symmetry``: measure which exchanges of parameters leave the sound as it is."""

import json
from pathlib import Path

import click

from unsynth.cli.options import (
    WholeNumber,
    out_option,
    plugin_option,
    resume_option,
    seed_option,
)
from unsynth.cli.requirements import require, use_one_torch_thread
from unsynth.cli.terminal import result_of, say

#: With fewer patches a condition cannot be told from chance.
_FEWEST_PAIRS = 16


@click.command()
@click.argument("task")
@click.option(
    "--pairs",
    type=WholeNumber(_FEWEST_PAIRS),
    show_default="as many as take about two minutes, from 32 to 640",
    help="Number of random patches on which each exchange is tried.",
)
@click.option(
    "--model",
    metavar="MODEL",
    help="Also measure how far a trained flow follows these exchanges: a file that `unsynth "
    "export` wrote, or the name of a task that ships with one.",
)
@out_option("Output folder.", otherwise="TASK.symmetry, beside a task file")
@resume_option
@seed_option
@plugin_option
def symmetry(
    task: str, pairs: int | None, model: str | None, out: Path | None, resume: bool, seed: int
) -> None:
    """Measure which exchanges of parameters leave the sound of TASK as it is.

    TASK is the name of a synthesizer's task, a task file, or a k-osc of the paper: kosc-4,
    kosc-4-asymmetric, kosc-4-conditional, kosc-4-dial-0.3. In random patches it exchanges two
    copies of a unit, several pairs of copies at once, single parameters, or choices of categories,
    and compares the sounds. Each exchange is exact, conditional (with the condition in words),
    approximate or none. Writes symmetry.json, which a task file can name under `symmetry`, and a
    page, index.html. With --model the page also has the equivariance error of the model's field,
    and learned.json has the numbers.
    """
    from unsynth.errors import OutputError, UnsynthError
    from unsynth.models.artifact import find_weights, load_artifact
    from unsynth.output import PlanFile, make_folder, write_text
    from unsynth.symmetry.findings import LabResult
    from unsynth.symmetry.laboratory import Laboratory
    from unsynth.symmetry.learned import measure_model, result_json
    from unsynth.symmetry.page import rows_of, value_rows, write_page
    from unsynth.symmetry.subject import TaskSubject, load_subject
    from unsynth.tasks.catalogue import is_task_file
    from unsynth.tasks.exchange import Kind

    require("symmetry", "sklearn")
    use_one_torch_thread()
    subject = load_subject(task)
    try:
        if model is not None:
            if not isinstance(subject, TaskSubject):
                raise UnsynthError(f"{task}: --model is for models of a task, not of a k-osc")
            trained = load_artifact(find_weights(model), subject.task)
        beside = Path(task).with_suffix("") if is_task_file(task) else Path(task)
        out = out or beside.with_name(f"{beside.name}.symmetry")
        plan = {"task": subject.name, "hash": subject.hash, "seed": seed, "pairs": pairs}
        file = PlanFile(out / "plan.json", "a measurement", OutputError)
        stored = file.read(resume)
        if stored is not None:
            file.check(stored, plan)
        make_folder(out)
        write_text(file.path, json.dumps(plan, indent=1) + "\n")
        laboratory = Laboratory(subject, pairs, seed, out)
        result = result_of(LabResult, laboratory.run(), "starting")
        write_text(out / "symmetry.json", result.symmetry_file().model_dump_json(indent=1) + "\n")
        learned = None
        if model is not None and isinstance(subject, TaskSubject):
            holding = result.symmetry_file().symmetries(result.spec)
            learned = measure_model(subject.task, *trained, holding)
            write_text(out / "learned.json", result_json(learned))
        write_page(result, subject, out / "index.html", learned)
    finally:
        subject.close()
    rows = [row for kind in Kind if kind is not Kind.VALUES for row in rows_of(result, kind)]
    for row in [*rows, *value_rows(result)]:
        when = f", when {row.condition}" if row.verdict == "conditional" else ""
        say(f"{row.verdict}: {row.names}{when}")
    if not rows and not value_rows(result):
        say("no exchange leaves the sound as it is")
    say(f"{out / 'symmetry.json'}, {out / 'index.html'}")
