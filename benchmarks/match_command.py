"""Time `unsynth match` from the shell to the finished report.

    python benchmarks/match_command.py --runs 5 examples/vibraphone.flac examples/organ.flac

Each run is a process of its own. The script prints the wall-clock seconds of every run and their
median, and the MSS of the best patch, of the best start and of the median random draw.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sounds", nargs="+", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--budget", default="20")
    arguments = parser.parse_args()
    for sound in arguments.sounds:
        seconds = []
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as out:
                command = [sys.executable, "-m", "unsynth", "match", str(sound), "--out", out]
                command += ["--budget", arguments.budget]
                start = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                seconds.append(time.perf_counter() - start)
                data = json.loads((Path(out) / sound.stem / "patch.json").read_text("utf-8"))
        best = data["candidates"][0]["mss_db"]
        median = statistics.median(draw["mss_db"] for draw in data["random_draws"])
        first = min(start["mss_db"] for start in data["before_the_search"].values())
        runs = " ".join(f"{s:.1f}" for s in seconds)
        print(
            f"{sound.stem}: median {statistics.median(seconds):.1f} s ({runs}); "
            f"best {best:.2f} dB, before the search {first:.2f} dB, "
            f"median random draw {median:.2f} dB"
        )


if __name__ == "__main__":
    main()
