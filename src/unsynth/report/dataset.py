"""Describe a dataset in words, and write one of its items as files to see and hear."""

import json
from collections import Counter
from pathlib import Path

import numpy as np

from unsynth.audio.files import write_wav
from unsynth.audio.observation import Observation
from unsynth.data.external import DatasetError
from unsynth.data.folder import Folder
from unsynth.data.manifest import read_manifest, share_rejected
from unsynth.data.shards import levels, open_shard, read_shard, sound
from unsynth.evaluation.tables import Table
from unsynth.output import make_folder, output_errors, write_figure, write_text
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.task import Task


def describe(folder: Folder, task: Task) -> tuple[list[str], Table]:
    """Describe a dataset: lines of text, and a table of its parameters' values.

    Missing shards are skipped. Raises :class:`DatasetError` for a folder that holds no dataset or
    no shard, and for a dataset of another version of its task.
    """
    manifest = read_manifest(folder)
    plan = manifest.plan
    plan.check_task(task, folder.url)
    names = folder.names()
    arrays: dict[str, list[np.ndarray]] = {"patches": [], "loudness": [], "draws": []}
    size = 0
    for number in range(plan.shards):
        name = plan.file(number)
        if name not in names:
            continue
        with folder.open(name) as file, open_shard(file, f"{folder.url}/{name}") as shard:
            for array, parts in arrays.items():
                parts.append(shard[array][()])
        size += folder.size(name)
    if not arrays["patches"]:
        raise DatasetError(f"{folder.url} holds no shard yet: run `unsynth render` to make it")
    patches, loudness, draws = (np.concatenate(parts) for parts in arrays.values())
    contents = ", ".join([*map(str, plan.observe), *(["audio"] if plan.audio else [])])
    low, median, high = np.quantile(loudness, [0.05, 0.5, 0.95])
    rejected = (
        share_rejected(manifest) if manifest.finished else draws.sum() / (draws.sum() + len(draws))
    )
    lines = [
        f"{len(patches)} of {plan.count} sounds of {plan.task} {plan.task_hash} "
        f"({plan.split.value}, seed {plan.seed})" + ("" if manifest.finished else ", not finished"),
        f"each item holds: {contents}; {size / len(patches) / 1000:.1f} kB on disk",
        f"loudness: median {median:.1f} dB; nine of ten are between {low:.1f} and {high:.1f} dB",
        f"rejected draws: {100 * rejected:.2f} %"
        + "".join(f", {count} {reason}" for reason, count in manifest.rejected.items() if count),
        "versions: " + ", ".join(f"{name} {v}" for name, v in manifest.versions.items()),
    ]
    rows = []
    for parameter, values in zip(task.spec.parameters, patches.T, strict=True):
        if isinstance(parameter, Categorical):
            mode, count = Counter(values.astype(int).tolist()).most_common(1)[0]
            share = 100 * count / len(values)
            rows.append([parameter.name, f"{parameter.choices[mode]} in {share:.0f} %", "", ""])
        else:
            quantiles = np.quantile(values, [0.05, 0.5, 0.95])
            rows.append([parameter.name, *(f"{value:.4g}" for value in quantiles)])
    return lines, Table(["parameter", "5 %", "median", "95 %"], rows)


def write_item(folder: Folder, task: Task, item: int, out: Path) -> list[Path]:
    """Write an item as a WAV file, a plot and its patch in musical units; return the files.

    If the dataset holds no audio, the sound is rendered. Raises :class:`DatasetError` if the item
    does not exist or its shard is missing, and :class:`~unsynth.errors.OutputError` if ``out``
    cannot be written.
    """
    plan = read_manifest(folder).plan
    plan.check_task(task, folder.url)
    if not 0 <= item < plan.count:
        raise DatasetError(f"{folder.url} has items 0 to {plan.count - 1}, not {item}")
    number = item // plan.shard_sounds
    name = plan.file(number)
    if name not in folder.names():
        raise DatasetError(f"{folder.url}: item {item} does not exist yet ({name} is missing)")
    with folder.open(name) as file:
        _, shard, _ = read_shard(file, f"{folder.url}/{name}")
    row = item - plan.items(number)[0]
    patch = shard.arrays["patches"][row]
    synth = task.synth()
    audio = sound(shard, row)
    if audio is None:
        audio = synth.render(task.engine_patch(patch), task.note(patch))
    wav, png, text = (out / f"item-{item}.{suffix}" for suffix in ("wav", "png", "json"))
    make_folder(out)
    with output_errors(wav):
        write_wav(wav, audio, synth.sample_rate)
    write_text(text, json.dumps(task.musical(patch), indent=1))
    observed = shard.arrays.get(str(Observation.LOG_MEL))
    _plot(audio, synth.sample_rate, None if observed is None else observed[row], item, png)
    return [wav, png, text]


def _plot(
    audio: np.ndarray, sample_rate: int, observed: np.ndarray | None, item: int, path: Path
) -> None:
    """Plot the sound and, if it is in the dataset, the log-mel observation below it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.2 if observed is None else 5), layout="constrained")
    panels = figure.subplots(1 if observed is None else 2, 1, squeeze=False)[:, 0]
    seconds = audio.shape[1] / sample_rate
    panels[0].plot(np.linspace(0, seconds, audio.shape[1]), audio.T, linewidth=0.4)
    panels[0].set(xlim=(0, seconds), ylabel="amplitude (full scale 1)", title=f"item {item}")
    if observed is not None:
        image = panels[1].imshow(
            levels(observed).max(axis=0),
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, observed.shape[1]),
            cmap="magma",
            vmin=-80,
            vmax=0,
        )
        figure.colorbar(image, ax=panels[1], label="dB relative to the peak")
        panels[1].set(ylabel="mel band")
    panels[-1].set(xlabel="s")
    write_figure(path, figure, dpi=110)
