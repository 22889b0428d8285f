"""``unsynth index``: build an index of draws for a synthesizer."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unsynth.cli.options import draws_option, out_option, plugin_option
from unsynth.cli.requirements import use_one_torch_thread
from unsynth.cli.terminal import result_of, say
from unsynth.documents import counted
from unsynth.errors import DrawIndexError, UnsynthError

if TYPE_CHECKING:
    from unsynth.tasks.task import Task

#: Draws of an index that ships with unsynth.
_SHIPPED_DRAWS = 40_000
#: Fewer draws are no use to a search.
_MIN_DRAWS = 100


@click.command()
@click.argument("task")
@draws_option(
    None,
    least=_MIN_DRAWS,
    help="Number of draws in the index. By default 40,000 in a file of --out, and in the cache "
    "as many as the engine renders in three minutes (1,000 to 4,000).",
)
@out_option("File to write.", otherwise="your cache folder, where `match` finds it")
@plugin_option
def index(task: str, draws: int | None, out: Path | None) -> None:
    """Build the index of random patches that `match` starts from.

    TASK is the name of a synthesizer's task, or a task file. The index holds draws from the task's
    prior, with their spectrograms. The indices of dx7, Vital's and Surge XT's tasks come with
    unsynth; to build a larger one for them, give --out FILE, and match with `match --index FILE`.
    For any other task `match` builds an index in your cache folder on first use; this command
    builds it beforehand, or again. That takes about three minutes, longer with a slow engine; if it
    is stopped, the next run continues it.
    """
    from unsynth.index.build import build_index_file
    from unsynth.index.draw_index import DrawIndex
    from unsynth.index.files import shipped_index_path, user_index_path
    from unsynth.rendering.renderer import Renderer
    from unsynth.tasks.catalogue import load_task

    use_one_torch_thread()
    loaded = load_task(task)
    path = out or shipped_index_path(loaded)
    if out is None and not path.exists():
        path = user_index_path(loaded)
    elif out is None and _is_valid(path, loaded):
        raise UnsynthError(
            f"{loaded.name} comes with an index: write your own with --out FILE, and use it with "
            "`match --index FILE`"
        )
    elif path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UnsynthError(f"{path}: an index cannot be written there; choose another --out")
    else:
        draws = draws or _SHIPPED_DRAWS
    with Renderer(loaded.synth) as renderer:
        events = build_index_file(loaded, renderer, path, draws, again=True)
        built = result_of(DrawIndex, events, "rendering draws")
    say(f"{counted(len(built), 'draw')} of {task}: {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _is_valid(path: Path, task: "Task") -> bool:
    """Say whether an index is whole and of this version of the task."""
    from unsynth.index.files import load_index

    try:
        load_index(task, path)
    except DrawIndexError:
        return False
    return True
