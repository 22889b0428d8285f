"""Run commands on mutated files; each must end in a result or one clear line.

    python benchmarks/fuzz_inputs.py                      # 2,000 inputs, all kinds
    python benchmarks/fuzz_inputs.py --kind syx --seed 12 # one input again; its folder stays

The inputs are mutations of the examples, of the files that unsynth ships, and of files that its own
writers make at the start. A case follows from its kind and seed alone. Each runs a real command,
with the least work that still reads the whole file. It must not end in a traceback, hang (compute
for more than 10 s), hold more than 2 GB, print control characters, or write outside its output
folder. With ``--log FILE`` the outcomes are kept, and the next run goes on after them. Exit code 1
if an input fails; each failure is listed with its kind and seed.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Threads that a fork would lose.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")

from fuzzing.cases import KINDS, Case, first_cases, make_case, original_cases
from fuzzing.originals import make_originals
from fuzzing.running import OUTCOMES, Outcome, as_row, load_all, run_cases, warm_up


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="number of inputs")
    parser.add_argument("--kind", choices=KINDS, help="only this kind")
    parser.add_argument("--seed", type=int, help="only this seed; its folder is kept")
    parser.add_argument(
        "--skip-unchanged", action="store_true", help="do not run the unchanged files first"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--log", type=Path, help="file to keep outcomes in, and to continue from")
    parser.add_argument("--folder", type=Path, help="where the cases' folders are made")
    arguments = parser.parse_args()
    done = _read_log(arguments.log)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        load_all()
        with tempfile.TemporaryDirectory() as originals_folder:
            originals = make_originals(Path(originals_folder))
        keys = first_cases(arguments.count)
        if arguments.kind is not None:
            keys = [(arguments.kind, seed) for seed in range(-(-arguments.count // len(KINDS)))]
        if arguments.seed is not None:
            keys = [(arguments.kind or KINDS[0], arguments.seed)]
        first = original_cases(originals)
        warm_up(first[0], originals.base, folder)
        if arguments.skip_unchanged or arguments.seed is not None:
            first = []
        first = [each for each in first if arguments.kind in (None, each.kind)]

        def cases() -> Iterator[Case]:
            yield from (each for each in first if (each.kind, each.seed) not in done)
            yield from (make_case(*key, originals) for key in keys if key not in done)

        wanted = {*keys, *((each.kind, each.seed) for each in first)}
        outcomes = [outcome for key, outcome in done.items() if key in wanted]
        start, before = time.monotonic(), len(outcomes)
        keep = arguments.seed is not None and arguments.folder is not None
        for outcome in run_cases(cases(), originals.base, folder, arguments.jobs, keep):
            outcomes.append(outcome)
            _log(arguments.log, outcome)
            if _fails(outcome) or arguments.seed is not None:
                _print_outcome(outcome)
            if (len(outcomes) - before) % 100 == 0:
                print(
                    f"{len(outcomes)} of {len(wanted)} after {time.monotonic() - start:.0f} s",
                    flush=True,
                )
        _print_table(outcomes)
    return int(any(map(_fails, outcomes)))


def _fails(outcome: Outcome) -> bool:
    """Say whether a case failed; an unchanged file must give a result."""
    return outcome.ended not in (OUTCOMES[:1] if outcome.seed < 0 else OUTCOMES[:2])


def _print_outcome(outcome: Outcome) -> None:
    print(
        f"{outcome.kind} {outcome.seed} ({outcome.mutation}): {outcome.ended}: {outcome.detail}\n"
        f"    unsynth {outcome.command}",
        flush=True,
    )


def _print_table(outcomes: list[Outcome]) -> None:
    print("| kind | inputs |", " | ".join(OUTCOMES), "| seconds each |")
    print("| --- " * (len(OUTCOMES) + 3) + "|")
    for kind in (*KINDS, "all"):
        of_kind = [each for each in outcomes if kind in (each.kind, "all") and each.seed >= 0]
        if of_kind:
            counts = Counter(each.ended for each in of_kind)
            seconds = sum(each.seconds for each in of_kind) / len(of_kind)
            row = " | ".join(str(counts[ended]) for ended in OUTCOMES)
            print(f"| {kind} | {len(of_kind)} | {row} | {seconds:.1f} |")
    unchanged = [each for each in outcomes if each.seed < 0]
    print(
        f"unchanged files that give a result: {sum(not _fails(each) for each in unchanged)} of "
        f"{len(unchanged)}"
    )


def _read_log(path: Path | None) -> dict[tuple[str, int], Outcome]:
    if path is None or not path.exists():
        return {}
    rows = [Outcome(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return {(each.kind, each.seed): each for each in rows}


def _log(path: Path | None, outcome: Outcome) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(as_row(outcome)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
