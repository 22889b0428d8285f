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
            cards = {path.stem: path for path in sorted(folder.glob("*.md"))}
            if name not in cards:
                raise UnsynthError(f"there is no model {name!r}; there are: {', '.join(cards)}")
            click.echo(cards[name].read_text(encoding="utf-8"), nl=False)
            return
        for path in sorted([*folder.glob("*.safetensors"), *folder.glob("*.index.npz")]):
            try:
                if path.suffix == ".npz":
                    header = parse_json(bytes(read_npz(path)["header"]))
                    kind, about = "index", f"{header['draws']:,} draws of the prior"
                else:
                    header = read_json(path.with_suffix(".json"))
                    architecture, steps = header["architecture"]["kind"], header["training_steps"]
                    kind, about = "model", f"a {architecture}, trained for {steps:,} steps"
                size = path.stat().st_size / 1e6
                click.echo(f"{header['task']:14s} {kind}  {size:5.1f} MB  {about}")
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise UnsynthError(f"{path}: is damaged ({error}): install unsynth again") from None
