"""``unsynth app``: the page, on this machine."""

from pathlib import Path

import click

from unsynth.cli.options import WholeNumber, out_option, plugin_option
from unsynth.cli.requirements import require
from unsynth.errors import UnsynthError

#: The port if the user names none and it is free.
_PORT = 8765
#: Names by which a browser on this machine reaches the server.
_LOCAL = ("127.0.0.1", "localhost", "[::1]")


@click.command()
@click.option(
    "--port",
    type=WholeNumber(1, 65535),
    show_default=f"{_PORT}, or any other if that is in use",
    help="Port of the page.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser; print the address only.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Any other than this machine's own needs --allow-remote.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Accept other machines: whoever has the printed address can use the page.",
)
@click.option(
    "--task-file",
    "task_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Task file of your own synthesizer, to offer as well; may be repeated.",
)
@out_option("Folder of the results, shared with `unsynth match`.", default=Path("unsynth-matches"))
@plugin_option
def app(
    port: int | None,
    no_browser: bool,
    host: str,
    allow_remote: bool,
    task_files: tuple[Path, ...],
    out: Path,
) -> None:
    """Open a page that finds patches: drop a sound, listen, play, take the patch.

    The page works offline and is served on this machine only. Results are folders as
    `unsynth match` writes them, and the page lists all that are in --out. Ctrl-C ends the server; a
    search that it interrupts is offered again at the next start.
    """
    require("app", "starlette", "uvicorn")
    from unsynth.app.jobs import JOBS_FOLDER
    from unsynth.app.run import serve
    from unsynth.app.server import Services
    from unsynth.output import make_folder, reserve
    from unsynth.tasks.catalogue import load_task

    if host not in (*_LOCAL, "::1") and not allow_remote:
        raise UnsynthError(
            f"--host {host} lets other machines in: add --allow-remote if you mean it"
        )
    for path in task_files:
        load_task(str(path))
    make_folder(out)
    if allow_remote:
        click.echo(
            "Other machines can reach this page. Whoever has its address, with the token, can "
            "bring sounds, start searches and delete results. The connection is not encrypted.",
            err=True,
        )
    services = Services(out.resolve(), task_files)
    # A server takes a search that it finds in the folder for one that has ended.
    refusal = UnsynthError(
        f"{out}: another `unsynth app` has this folder; use its page, end it, or choose another "
        "--out"
    )
    with reserve(out / f"{JOBS_FOLDER}.lock", refusal):
        serve(services, host, port or _PORT, port is None, not no_browser)
