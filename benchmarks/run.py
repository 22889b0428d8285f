"""Measure the speed and memory of unsynth's main parts, each beside its limit, as one table.

    python benchmarks/run.py --out bench
    python benchmarks/run.py --out bench --only metrics renders

A limit is what the machine needs for that work without unsynth: processes that import torch, the
engine alone, the Fourier transforms alone, or the floating-point operations at the speed of a large
product of matrices. Both are measured in turn, so other work on the machine slows both. Values are
medians; the ratio is to the limit. Of renders per second a higher value is better, of all others a
lower one. The last column has the ratio to the last run in ``--out``, or to ``--before``. Writes
table.json, which keeps the rows that a run leaves out, and table.md.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import scipy.fft
import torch
from torch.utils.flop_counter import FlopCounterMode

import match_command
import render_speed
from unsynth.audio.spectra import frames
from unsynth.conventions import SAMPLES
from unsynth.data.seeding import Split, item_rng
from unsynth.metrics.audio import TargetMetrics, audio_metrics
from unsynth.metrics.fast import FastSpectral
from unsynth.models.posterior import load_posterior
from unsynth.rendering.renderer import Renderer, cores
from unsynth.tasks.catalogue import load_task

ROUNDS = 5
EXAMPLES = Path(__file__).parents[1] / "examples"
#: Windows and hops of the metrics per channel and of the search's distance, in samples. SOT has
#: those of wMFCC, every other one.
METRIC_WINDOWS = ((441, 220), (1102, 441), (4410, 2205), (2205, 441))
FAST_WINDOWS = ((512, 882), (4096, 4410))
#: A row: its values, those of its limit, and the unit.
Row = tuple[list[float], list[float], str]


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(
    work: Callable[[], object], limit: Callable[[], object], scale: float, unit: str
) -> Row:
    """Time two functions in turn, each once before the clock starts."""
    work(), limit()
    pairs = [(scale * seconds(work), scale * seconds(limit)) for _ in range(ROUNDS)]
    values, limits = zip(*pairs, strict=True)
    return list(values), list(limits), unit


def process(*arguments: str) -> Callable[[], object]:
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def help_text() -> dict[str, Row]:
    """Print the help; the limit is Python with click."""
    limit = process("-c", "import click")
    return {"unsynth --help": in_turn(process("-m", "unsynth", "--help"), limit, 1.0, "s")}


def match() -> dict[str, Row]:
    """Match two sounds; the limits are those of importing torch."""
    sounds = [EXAMPLES / "vibraphone.flac", EXAMPLES / "organ.flac"]
    match_command.run(sounds, 2.0)
    first, second, memory, limits, least = [], [], [], [], []
    for _ in range(3):
        result = match_command.run(sounds, 5.0)
        parts = result["parts"]
        alone = parts["until the first sound"] + parts["exit"]
        first.append(alone + parts["sound 1, comparison and report"])
        second.append(parts["sound 2, comparison and report"])
        memory.append(result["memory"])
        limits.append(seconds(process("-c", "import torch")))
        least.append(torch_peak())
    return {
        "match, loading, report of the first sound, exit": (first, limits, "s"),
        "match, report of the next sound": (second, [], "s"),
        "match, peak memory": (memory, least, "MB"),
    }


def torch_peak() -> float:
    """Return the peak memory of a process that only imports torch, in MB."""
    code = "import torch, match_command; print(match_command.peak_memory())"
    command, folder = [sys.executable, "-c", code], Path(__file__).parent
    return float(subprocess.run(command, check=True, capture_output=True, cwd=folder).stdout)


def torch_memory(processes: int) -> float:
    """Return the memory of processes that import torch at the same time, in MB."""
    code = "import sys, torch; print(flush=True); sys.stdin.read()"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(processes)
    ]
    for each in running:
        each.stdout.readline()
    total = sum(memory_of(each.pid) for each in running)
    for each in running:
        each.communicate()
    return total


def evaluate() -> dict[str, Row]:
    """Evaluate with two workers; the limit of memory is that of three processes with torch."""
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as printed:
        command = [sys.executable, "-m", "unsynth", "evaluate", "dx7", "draws:40"]
        command += ["--workers", "2", "--out", f"{folder}/out"]
        running = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
        try:
            while running.poll() is None:
                peak = max(peak, memory_of(running.pid))
                time.sleep(0.1)
        finally:
            running.terminate()
        if running.returncode:
            printed.seek(0)
            sys.exit(printed.read().decode())
    return {"evaluate with 2 workers, peak memory": ([peak], [torch_memory(3)], "MB")}


def memory_of(pid: int) -> float:
    """Return the memory of a process and its children in MB.

    Pages that processes share count in parts where the system says so (Linux), else not at all.
    """
    total = 0.0
    try:
        parent = psutil.Process(pid)
        for each in (parent, *parent.children(recursive=True)):
            info = each.memory_full_info()
            total += getattr(info, "pss", info.uss)
    except psutil.NoSuchProcess:
        pass
    return total / 1e6


def renders() -> dict[str, Row]:
    """A DX7's sounds per second on all cores; the limit is the engine alone, on one core each."""
    task = load_task("dx7")
    rngs = (item_rng(task.name, Split.TRAIN, item) for item in range(200))
    patches = [task.sample(rng) for rng in rngs]
    requests = [(task.engine_patch(patch), task.note(patch)) for patch in patches]
    values, limits = [], []
    with Renderer(task.synth) as renderer:
        list(renderer.render(requests))
        for _ in range(ROUNDS):
            limits.append(cores() * render_speed.engine_alone(task, len(requests)))
            values.append(len(requests) / seconds(lambda: list(renderer.render(requests))))
    return {"renders of the DX7": (values, limits, "sounds/s")}


def _noise(seed: int, channels: int = 2) -> np.ndarray:
    fade = np.exp(-np.arange(SAMPLES) / SAMPLES)
    noise = np.random.default_rng(seed).standard_normal((channels, SAMPLES))
    return (0.1 * fade * noise).astype(np.float32)


def _transforms(sounds: list[np.ndarray], windows: Sequence[tuple[int, int]]) -> None:
    for sound in sounds:
        for channel in sound:
            for window, hop in windows:
                scipy.fft.rfft(frames(channel, window, hop))


def metrics() -> dict[str, Row]:
    """The four metrics of 4 s of stereo; the limit is their Fourier transforms alone."""
    torch.set_num_threads(1)
    target, estimate = _noise(0), _noise(1)
    measure, fast = TargetMetrics(target), FastSpectral(target)
    return {
        "four metrics of a pair": in_turn(
            lambda: audio_metrics(target, estimate),
            lambda: _transforms([target, estimate], METRIC_WINDOWS),
            1e3,
            "ms",
        ),
        "four metrics of a further estimate": in_turn(
            lambda: measure(estimate), lambda: _transforms([estimate], METRIC_WINDOWS), 1e3, "ms"
        ),
        "the search's distance of an estimate": in_turn(
            lambda: fast(estimate[None]), lambda: _transforms([estimate], FAST_WINDOWS), 1e3, "ms"
        ),
    }


def posterior() -> dict[str, Row]:
    """16 samples of the DX7's model; the limit is their operations at a matrix product's speed."""
    torch.set_num_threads(1)
    task = load_task("dx7")
    model, audio = load_posterior(task), _noise(0, task.synth().channels)

    def sample() -> None:
        model.sample(audio, 16, np.random.default_rng(0))

    def product() -> None:
        square @ square

    sample()
    with FlopCounterMode(display=False) as counter:
        sample()
    square = torch.randn(1024, 1024)
    share = counter.get_total_flops() / (2 * 1024**3)
    product()
    values, limits = [], []
    for _ in range(ROUNDS):
        limits.append(1e3 * share * seconds(product))
        values.append(1e3 * seconds(sample))
    return {"16 samples of the DX7's model": (values, limits, "ms")}


#: What ``--only`` selects; each part has one row or more.
PARTS: dict[str, Callable[[], dict[str, Row]]] = {
    "help": help_text,
    "match": match,
    "evaluate": evaluate,
    "renders": renders,
    "metrics": metrics,
    "posterior": posterior,
}


def machine() -> str:
    commit = "unknown"
    if shutil.which("git"):
        command = ["git", "describe", "--always", "--dirty"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=EXAMPLES)
        commit = done.stdout.strip() or commit
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"commit {commit}, {cores()} cores{load}, {platform.system()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="A table.json to compare with.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    last = arguments.before or arguments.out / "table.json"
    if arguments.before and not last.exists():
        parser.error(f"{last}: there is no such file")
    before = json.loads(last.read_text("utf-8")) if last.exists() else {"rows": {}}
    table = {"machine": machine(), "rows": dict(before["rows"])}
    lines = [f"*{table['machine']}*", ""]
    if "machine" in before:
        lines = [f"*{table['machine']}; before: {before['machine']}*", ""]
    lines += ["| | value | limit | ratio | vs. before |", "|---" * 5 + "|"]
    for part in arguments.only:
        for name, (values, limits, unit) in PARTS[part]().items():
            value, limit = (statistics.median(x) if x else None for x in (values, limits))
            table["rows"][name] = {"value": value, "limit": limit, "unit": unit, "values": values}
            old = before["rows"].get(name, {}).get("value")
            cells = [name, f"{value:.3g} {unit}", f"{limit:.3g} {unit}" if limit else ""]
            cells += [f"{value / limit:.2f}" if limit else "", f"{value / old:.2f}" if old else ""]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "table.json").write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    (arguments.out / "table.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
