"""``unsynth gallery``: a static site of results."""

from pathlib import Path

import click

from unsynth.cli.options import out_option
from unsynth.cli.terminal import result_of, say_error
from unsynth.documents import counted
from unsynth.errors import UnsynthError


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--no-reports", is_flag=True, help="Leave out the full reports, about 1 MB each.")
@out_option("Folder for the site.", required=True)
def gallery(results: Path, no_reports: bool, out: Path) -> None:
    """Make a static site of the matches in RESULTS, a folder of `unsynth match`.

    For each sound the site has the target, a sample of the trained model and the best patch to
    hear, and a table of scores. Open index.html, or put the folder on any web server.
    """
    if not results.is_dir():
        raise UnsynthError(f"{results}: there is no such folder")
    from unsynth.app.gallery import Site, write_site

    site = result_of(Site, write_site(results, out, not no_reports), "writing")
    for folder, reason in site.left_out:
        say_error(f"left out {folder}: {reason}")
    click.echo(f"{counted(site.rows, 'result')}: {site.page}")
