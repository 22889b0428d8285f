"""Time our way of hosting a VST3 instrument against alternatives that change one rule each.

    python benchmarks/vst3_host.py PLUGIN.vst3 --name "mda JX10"

Patches set all automatable parameters at random; a sound is one note in 4 s, on one core. The
alternatives: no silence after setting values; reading the state back after every sound; and setting
values one by one by name, where pedalboard may wait up to 10 s for sound.
"""

import argparse
import statistics
import time

import numpy as np
import psutil

from unsynth.synths.base import Note
from unsynth.synths.plugins import find_bundle
from unsynth.synths.vst3 import VST3
from unsynth.synths.vst3_plugin import FLUSH

NOTE = Note(60, 0.0, 2.0)


def main() -> None:
    from pedalboard import VST3Plugin

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plugin")
    parser.add_argument("--name")
    parser.add_argument("--sounds", type=int, default=200)
    arguments = parser.parse_args()
    synth = VST3(arguments.plugin, arguments.name)
    names = [each.name for each in synth.describe() if each.automatable]
    rng = np.random.default_rng(0)
    patches = [{n: float(rng.random()) for n in names} for _ in range(arguments.sounds)]
    bundle = str(find_bundle(arguments.plugin))

    start = time.perf_counter()
    plain_plugin = VST3Plugin(bundle, plugin_name=arguments.name)
    loading = time.perf_counter() - start
    start = time.perf_counter()
    VST3(arguments.plugin, arguments.name).values()
    print(
        f"loading: {1000 * (time.perf_counter() - start):.0f} ms, with texts {1000 * loading:.0f}"
    )

    def by_name(patch: dict[str, float]) -> None:
        for name, value in patch.items():
            if name in plain_plugin.parameters:
                plain_plugin.parameters[name].raw_value = value
        events = [(bytes([0x90, 60, 100]), 0.0), (bytes([0x80, 60, 0]), 2.0)]
        plain_plugin(events, duration=4.0, sample_rate=44_100.0, num_channels=2, reset=True)

    def read_state(patch: dict[str, float]) -> None:
        synth.render(patch, NOTE)
        synth.state_values(patch)

    unflushed = VST3(arguments.plugin, arguments.name, flush=0.0)
    unflushed._check_values = lambda *_: None  # type: ignore[method-assign]
    ways = {
        "our way": lambda patch: synth.render(patch, NOTE),
        f"without {FLUSH} s of silence": lambda patch: unflushed.render(patch, NOTE),
        "reading the state after each sound": read_state,
        "by name, and waiting for sound": by_name,
    }
    before = psutil.Process().memory_info().rss
    times: dict[str, list[float]] = {name: [] for name in ways}
    for patch in patches:  # In turn, so that other programs slow all of them alike.
        for name, play in ways.items():
            start = time.perf_counter()
            play(patch)
            times[name].append(1000 * (time.perf_counter() - start))
    for name, each in times.items():
        print(f"{name}: {statistics.median(each):.2f} ms per sound")
    growth = psutil.Process().memory_info().rss - before
    print(f"memory: {growth / 2**20:.1f} MiB more after {len(ways) * len(patches)} sounds")


if __name__ == "__main__":
    main()
