"""Time the parts of `unsynth match`, from the shell to the last report, and its memory.

    python benchmarks/match_command.py --runs 3 examples/vibraphone.flac examples/organ.flac
    python benchmarks/match_command.py examples/organ.flac --builds src ../before/src

Each run is one command with all sounds, in a process of its own. ``--builds`` are source folders to
compare, which take turns. The script prints the median seconds of each part, those of importing
torch alone, the cores at work during the search, the peak memory, and the MSS of the best patches.
Cores and memory are those of the command's own process: Vital and plugins render in others.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src"
#: Names of parts by stage; all other stages come before the search.
STAGES = {"searching": "search", "comparing": "comparison and report"}


def run(sounds: list[Path], budget: float, build: Path = SOURCE, synth: str = "dx7") -> dict:
    """Run the command once; return the seconds of its parts, and what it found and used."""
    with tempfile.TemporaryDirectory() as folder:
        marks, out = Path(folder, "marks.json"), Path(folder, "out")
        command = [sys.executable, __file__, "--inside", str(marks), "match", *map(str, sounds)]
        command += ["--out", str(out), "--budget", str(budget), "--synth", synth]
        began = time.time()
        env = os.environ | {"PYTHONPATH": str(build)}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        ended = time.time()
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        report = json.loads(marks.read_text("utf-8"))
        best = [
            json.loads((out / sound.stem / "patch.json").read_text("utf-8"))["candidates"][0]
            for sound in sounds
        ]
    parts: dict[str, float] = {"until the first sound": report["marks"][0][1] - began}
    for (name, start, _), (_, end, _) in zip(
        report["marks"], [*report["marks"][1:], ("", ended, 0.0)], strict=True
    ):
        parts[name] = parts.get(name, 0.0) + end - start
    search = [
        (after[1] - before[1], after[2] - before[2])
        for before, after in zip(report["marks"], report["marks"][1:], strict=False)
        if before[0].endswith("search")
    ]
    wall, cpu = (sum(values) for values in zip((0.0, 0.0), *search, strict=True))
    return {
        "parts": parts,
        "seconds": ended - began,
        "cores": cpu / max(wall, 1e-9),
        "memory": report["memory"],
        "mss": [candidate["mss_db"] for candidate in best],
    }


def inside(marks_file: Path) -> None:
    """Run the command in this process; write when each part began, and the CPU time until then."""
    from unsynth.cli import match as module
    from unsynth.cli.main import main as command

    marks: list[tuple[str, float, float]] = []
    follow, sounds = module.follow, [0]

    def mark(name: str) -> None:
        if not marks or marks[-1][0] != name:
            marks.append((name, time.time(), time.process_time()))

    def note_stages(events: Any) -> Iterator[Any]:
        for event in events:
            if type(event).__name__ == "SoundStart":
                sounds[0] += 1
                mark(f"sound {sounds[0]}, start")
            stage = getattr(event, "stage", None)
            if stage is not None:
                mark(f"sound {sounds[0]}, {STAGES.get(stage, 'start')}")
            yield event
        mark("exit")

    module.follow = lambda events, **options: follow(note_stages(events), **options)
    try:
        command()
    finally:
        marks_file.write_text(json.dumps({"marks": marks, "memory": peak_memory()}), "utf-8")


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss begins at the peak of the process that started this one
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
        return int(line.split()[1]) * 1024e-6
    import resource

    # In bytes on macOS, and in kilobytes elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit * 1e-6


def torch_seconds(runs: int) -> float:
    """Return the median seconds of a process that only imports torch."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sounds", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--synth", default="dx7")
    parser.add_argument("--builds", nargs="+", type=Path, default=[SOURCE])
    arguments = parser.parse_args()
    results: dict[Path, list[dict]] = {build: [] for build in arguments.builds}
    for number in range(1 + arguments.runs):
        for build, runs in results.items():
            sounds = [sound.resolve() for sound in arguments.sounds]
            # The first runs compile what is compiled once per machine, and are not counted.
            budget = arguments.budget if number else min(2.0, arguments.budget)
            result = run(sounds, budget, build.resolve(), arguments.synth)
            if number:
                runs.append(result)
    print(f"importing torch alone: {torch_seconds(arguments.runs):.2f} s")
    for build, runs in results.items():
        print(f"{build}: {statistics.median(each['seconds'] for each in runs):.2f} s, of which")
        for part in runs[0]["parts"]:
            seconds = [each["parts"][part] for each in runs]
            values = " ".join(f"{s:.2f}" for s in seconds)
            print(f"  {part}: {statistics.median(seconds):.2f} s ({values})")
        for name, unit, digits in (("cores", "cores in the search", 2), ("memory", "MB", 0)):
            print(f"  {statistics.median(each[name] for each in runs):.{digits}f} {unit}")
        each_mss = " ".join("/".join(f"{mss:.2f}" for mss in each["mss"]) for each in runs)
        print(f"  best patches: {each_mss} dB", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        destination = Path(sys.argv[2])
        del sys.argv[1:3]
        inside(destination)
    else:
        main()
