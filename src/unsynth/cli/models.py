"""``unsynth models``: the trained models and indices that come with unsynth."""

import click

from unsynth.errors import UnsynthError


@click.command()
@click.argument("name", required=False)
def models(name: str | None) -> None:
    """List the trained models and indices that come with unsynth.

    With the NAME of a model, print its card: data, training, measured distances and limits. `match
    --model` takes a model of your own, and `match --index` an index.
    """
    from importlib.resources import as_file, files

    # These do not import torch, which takes seconds.
    from unsynth.arrays import read_npz
    from unsynth.documents import parse_json, read_json

    with as_file(files("unsynth.shipped")) as folder:
        if name is not None:
            cards = {path.stem: path for path in folder.glob("*.md")}
            if name not in cards:
                raise UnsynthError(f"there is no model {name!r}; there are: {', '.join(cards)}")
            click.echo(cards[name].read_text(encoding="utf-8"), nl=False)
            return
        for path in sorted(folder.glob("*.safetensors")):
            model = read_json(path.with_suffix(".json"))
            kind, steps = model["architecture"]["kind"], model["training_steps"]
            about = f"a {kind}, trained for {steps:,} steps"
            _line(model["task"], "model", path.stat().st_size, about)
        for path in sorted(folder.glob("*.index.npz")):
            header = parse_json(bytes(read_npz(path)["header"]))
            about = f"{header['draws']:,} draws of the prior"
            _line(header["task"], "index", path.stat().st_size, about)


def _line(task: str, kind: str, size: int, about: str) -> None:
    click.echo(f"{task:14s} {kind}  {size / 1e6:5.1f} MB  {about}")
