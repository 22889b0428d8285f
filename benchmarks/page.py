"""Time the page: from the shell to a usable page, from a key to its note, and what watching costs.

    python benchmarks/page.py [--keys 50] [--budget 20] [--pairs 3]

Needs a Chromium on the PATH. The searches run in turn, first ``unsynth match``, then on a page that
shows them live; the ratio is of renders in equal seconds.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.app.running import Server

SOUND = Path(__file__).parents[1] / "examples" / "organ.flac"


def start(browser: Any, out: Path) -> tuple[float, Server, Any]:
    """Seconds from the shell until the page has its synthesizers, with the browser running."""
    began = time.perf_counter()
    server = Server(out)
    page = browser.new_page()
    page.goto(server.address)
    page.locator("#app-synth option").first.wait_for(state="attached")
    return time.perf_counter() - began, server, page


def search(page: Any, server: Server, budget: float) -> int:
    """Renders of a search that the page shows live."""
    page.set_input_files("#app-file", SOUND)
    page.locator("#app-form").wait_for()
    page.fill("#app-seconds", f"{budget:g}")
    before = page.evaluate("location.hash")
    page.click("#app-go")
    while page.evaluate("location.hash") == before:
        page.wait_for_timeout(300)
    page.locator("#app-report h1").wait_for()
    id = page.evaluate("location.hash").removeprefix("#match-")
    return int(server.ask("GET", f"/matches/{id}").json()["content"]["renders"])


def match(budget: float, out: Path) -> int:
    """Renders of ``unsynth match`` with the same budget."""
    command = [sys.executable, "-m", "unsynth", "match", str(SOUND), "--budget", f"{budget:g}"]
    done = subprocess.run([*command, "--out", str(out), "--json"], capture_output=True, check=True)
    return int(json.loads(done.stdout)["results"][0]["renders"])


def keys(page: Any, count: int) -> list[float]:
    """Milliseconds from a press to its note, for notes that were never played before."""
    page.select_option("#app-candidate", index=1)  # another patch: nothing is cached
    page.wait_for_timeout(300)
    for press in range(count):
        pitch = 24 + press * 37 % 72
        page.evaluate(
            "([pitch]) => { const event = (type) => new MouseEvent(type, {bubbles: true});"
            "const keys = document.getElementById('app-piano');"
            "const key = keys.children[pitch % keys.children.length];"
            "key.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true}));"
            "setTimeout(() => key.dispatchEvent("
            "new KeyboardEvent('keyup', {key: ' ', bubbles: true})), 120); }",
            [pitch],
        )
        page.wait_for_timeout(250)
        if press % 10 == 9:
            page.locator("#app-up" if press % 20 == 9 else "#app-down").click()
    entries = page.evaluate("performance.getEntriesByName('unsynth-key').map((e) => e.duration)")
    return [float(entry) for entry in entries]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=50)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        starts = []
        for number in range(5):
            seconds, server, page = start(browser, Path(folder) / f"start{number}")
            starts.append(seconds)
            page.close()
            server.end()
        print(f"shell to usable page: median {statistics.median(starts):.2f} s of 5")
        _, server, page = start(browser, Path(folder) / "page")
        page.set_default_timeout(600_000)
        search(page, server, 5.0)  # the first search loads the engine
        ratios = []
        for number in range(options.pairs):
            alone = match(options.budget, Path(folder) / f"match{number}")
            watched = search(page, server, options.budget)
            ratios.append(watched / alone)
            print(f"renders: match {alone}, page {watched}, ratio {ratios[-1]:.3f}")
        if ratios:
            print(f"renders on the page: median ratio {statistics.median(ratios):.3f}")
        times = keys(page, options.keys)
        print(
            f"key to note: median {statistics.median(times):.1f} ms of {len(times)}, "
            f"largest {max(times):.1f} ms"
        )
        server.end()


if __name__ == "__main__":
    main()
