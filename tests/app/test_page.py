"""The page in a real browser, as a musician uses it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from tests.app.conftest import CHROMIUM
from tests.app.running import Server
from unsynth.formats.syx import init_voice, read_syx, write_bank
from unsynth.metrics.audio import mss
from unsynth.tasks.catalogue import load_task

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium"),
    pytest.mark.timeout(600),  # Vital is slow where other processes are busy
]

#: Milliseconds for what a crowded machine may take.
PATIENCE = 200_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A page of the server; an error in its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if is_error(message) else None)
    page.goto(server.address)
    page.locator("html[data-ready]").wait_for()
    yield page
    context.close()
    for id, job in server.jobs().items():
        # A page that opens watches the search that runs.
        assert job["state"] not in ("waiting", "running"), f"the test left {id} {job['state']}"
    assert not errors


def is_error(message: Any) -> bool:
    # Chromium reports every answer that is not 200 as well; the page shows those itself.
    return message.type == "error" and "Failed to load resource" not in message.text


def begin(
    page: Any, sound: Path, seconds: int = 3600, synth: str = "dx7", patches: Path | None = None
) -> None:
    page.set_input_files("#app-file", sound)
    page.locator("#app-note option", has_text="as heard").wait_for(state="attached")
    page.select_option("#app-synth", synth)
    page.fill("#app-seconds", str(seconds))
    if patches is not None:
        page.set_input_files("#app-patches", patches)
    page.click("#app-go")


def stop_when_there_is_a_sound(page: Any) -> None:
    page.locator("#app-live-best[src]").wait_for()
    page.click("#app-live-stop")
    page.locator("#app-live").wait_for(state="hidden")
    page.locator("#app-report h1").wait_for()


def play_key(page: Any, pitch: int) -> None:
    box = page.locator(f"#app-piano [data-pitch='{pitch}']").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 6)
    page.mouse.down()
    page.wait_for_timeout(150)
    page.mouse.up()


def wait_for_note(page: Any) -> None:
    for _ in range(600):
        if page.evaluate("performance.getEntriesByName('unsynth-key').length"):
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.text_content("#app-play-status"))


def mss_of_file(file: Path, synth: str, folder: Path) -> float:
    """The distance of the first patch of a file to the target in a result's folder."""
    task: Any = load_task(synth)
    content = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    note = task.note(task.spec.from_named(content["candidates"][0]["parameters"]))
    if file.suffix == ".syx":
        patch = read_syx(file.read_bytes()).voices[0]
    else:
        patch = task.engine_patch(task.from_file(file.read_bytes(), note))
    sound = task.synth().render(patch, note)
    target, _ = soundfile.read(folder / "target.wav", dtype="float32", always_2d=True)
    return float(mss(np.ascontiguousarray(target.T), sound, task.sample_rate))


def check_download(page: Any, server: Server, synth: str, suffix: str, folder: Path) -> None:
    """The file that is downloaded sounds as far from the target as the page says."""
    with page.expect_download() as download:
        page.locator("#app-files a", has_text=suffix).first.click()
    file = folder / f"patch{suffix}"
    download.value.save_as(file)
    id = page.evaluate("location.hash").removeprefix("#match-")
    match = server.ask("GET", f"/matches/{id}").json()
    shown = re.search(r"([\d.]+) dB", page.text_content("#app-result-title"))
    assert shown
    distance = mss_of_file(file, synth, Path(match["folder"]))
    assert distance == pytest.approx(float(shown[1]), abs=0.05)


def test_from_a_sound_to_a_patch_and_on(
    page: Any, server: Server, organ: Path, tmp_path: Path
) -> None:
    begin(page, organ)
    page.locator("#app-live-curve .curve").wait_for()
    stop_when_there_is_a_sound(page)

    # A/B: the target and the best candidate share their place.
    assert page.get_attribute("#ab-a", "aria-pressed") == "true"
    page.click("#ab-b")
    assert page.get_attribute("#ab-b", "aria-pressed") == "true"

    # The keyboard plays.
    first = int(page.locator("#app-piano button").first.get_attribute("data-pitch"))
    play_key(page, first + 12)
    wait_for_note(page)

    # A changed and locked knob holds in the search that goes on from there; undo takes it back.
    page.locator("#app-knobs summary").get_by_text("voice", exact=True).click()
    slider = page.locator("[data-name='feedback']")
    before = slider.input_value()
    changed = "5" if before == "3" else "3"
    slider.fill(changed)
    page.click("#app-undo")
    assert slider.input_value() == before
    slider.fill(changed)
    page.click("[data-lock='feedback']")
    title = page.text_content("#app-result-title")
    page.click("#app-on")
    page.locator("#app-live-title").wait_for()
    stop_when_there_is_a_sound(page)
    assert slider.input_value() == changed
    assert title
    check_download(page, server, "dx7", ".syx", tmp_path)


def test_a_patch_of_vital_has_knobs_and_a_file(
    page: Any, server: Server, organ: Path, tmp_path: Path
) -> None:
    pytest.importorskip("vita")
    begin(page, organ, synth="vital-simple")
    stop_when_there_is_a_sound(page)
    page.locator("#app-knobs summary").get_by_text("env", exact=True).click()
    # A screen reader says of a knob what can be seen, and the name of its section.
    section = page.get_by_role("group", name="env", exact=True)
    slider = section.get_by_role("slider", name="sustain")
    seen = page.text_content(".knob:has([data-name='env.sustain']) output")
    before = slider.input_value()
    assert slider.get_attribute("aria-valuetext") == seen != before
    slider.fill("300" if before == "700" else "700")
    page.click("#app-undo")
    assert slider.input_value() == before
    check_download(page, server, "vital-simple", ".vital", tmp_path)


def test_a_search_begins_from_a_bank(
    page: Any, server: Server, organ: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.syx").write_bytes(write_bank([init_voice("MINE")] * 32))
    begin(page, organ, patches=tmp_path / "mine.syx")
    stop_when_there_is_a_sound(page)
    id = page.evaluate("location.hash").removeprefix("#match-")
    content = server.ask("GET", f"/matches/{id}").json()["content"]
    assert content["settings"]["from"]["file"] == "mine.syx"
    assert "given" in content["before_the_search"]


def test_reload_in_mid_search_finds_it_again_and_two_wait_in_line(page: Any, organ: Path) -> None:
    begin(page, organ)
    page.locator("#app-live-status").wait_for()
    page.reload()
    page.locator("html[data-ready]").wait_for()
    page.locator("#app-live-status").wait_for()
    page.set_input_files("#app-file", organ)
    page.locator("#app-go").click()
    page.locator("#app-jobs", has_text="waits for 1 search before it").wait_for()
    assert page.locator("#app-jobs progress:visible").count() == 2
    jobs = page.locator("#app-jobs .job")
    jobs.filter(has_text="waits for").get_by_role("button", name="Stop").click()
    page.locator("#app-jobs", has_text="stopped before it began").wait_for()
    page.locator("#app-jobs .job", has_text="organ.flac").get_by_role(
        "button", name="Watch"
    ).click()
    stop_when_there_is_a_sound(page)


def test_a_page_outlives_its_server(browser: Any, organ: Path, tmp_path: Path) -> None:
    first = Server(tmp_path)
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(first.address)
    page.locator("html[data-ready]").wait_for()
    begin(page, organ)
    page.locator("#app-live-best[src]").wait_for()
    assert first.end() == 0
    page.locator("#app-error", has_text="is it still running in your terminal?").wait_for()
    second = Server(tmp_path, "--port", first.netloc.split(":")[1])
    page.locator("#app-error", has_text="open the address that it printed").wait_for()
    # The new address in another tab lets this one in too.
    tab = page.context.new_page()
    tab.goto(f"http://{second.netloc}/")
    assert tab.text_content("body").startswith("unsynth: open the address")
    tab.goto(second.address)
    page.locator("#app-error").wait_for(state="hidden")
    page.locator("#app-live-status", has_text="the server ended before").wait_for()
    page.locator("#app-jobs .job").get_by_role("button", name="Remove").click()
    page.locator("#app-live").wait_for(state="hidden")
    page.context.close()
    assert second.end() == 0


def test_results_come_and_go_in_all_lists(page: Any, server: Server, organ: Path) -> None:
    for name in ("one.flac", "two.flac"):
        id = server.bring(organ, name)
        server.ask("POST", f"/jobs/{id}/search", data={"synth": "dx7", "renders": 18})
        page.locator("#app-matches .job", has_text=name).wait_for()
        page.locator("#app-jobs .job", has_text=name).get_by_role("button", name="Open").wait_for()
    page.locator("#app-jobs .job", has_text="two.flac").get_by_role("button", name="Open").click()
    page.locator("#app-result-title", has_text="two.flac").wait_for()
    page.locator("#app-report h1").wait_for()
    link = page.url
    for name in ("one.flac", "two.flac"):
        page.get_by_role("checkbox", name=f"Compare {name}").check()
    synths = page.locator("#app-compare figcaption").all_text_contents()
    assert len(synths) == 2 and all("Yamaha DX7" in synth for synth in synths)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete two.flac").click()
    for place in (
        "#app-result",
        "#app-matches .job >> text=two.flac",
        "#app-jobs >> text=two.flac",
    ):
        page.locator(place).wait_for(state="hidden")
    page.goto(link)
    page.reload()
    page.locator("#app-error", has_text="deleted").wait_for()
    page.reload()
    page.locator("html[data-ready]").wait_for()
    assert page.locator("#app-error").is_hidden()


def test_changes_of_a_patch_outlive_the_end_of_another_search(page: Any, organ: Path) -> None:
    begin(page, organ)
    stop_when_there_is_a_sound(page)
    begin(page, organ)
    page.locator("#app-live-best[src]").wait_for()
    title = page.text_content("#app-result-title")
    page.locator("#app-knobs summary").get_by_text("voice", exact=True).click()
    slider = page.locator("[data-name='feedback']")
    changed = "5" if slider.input_value() == "3" else "3"
    slider.fill(changed)
    page.click("#app-live-stop")
    page.locator("#app-error", has_text="This patch keeps your changes").wait_for()
    assert page.text_content("#app-result-title") == title
    assert slider.input_value() == changed
    # A patch that was saved has nothing to lose.
    with page.expect_download():
        page.get_by_role("button", name="This patch as .syx").click()
    address = page.url
    begin(page, organ)
    stop_when_there_is_a_sound(page)
    page.wait_for_function("before => location.href !== before", arg=address)


def test_seconds_that_make_no_sense_ask_for_nothing(page: Any, server: Server, organ: Path) -> None:
    before = list(server.out.glob(".app/*"))
    page.set_input_files("#app-file", organ)
    page.locator("#app-form").wait_for()
    page.set_input_files("#app-file", organ)  # another sound in place of the first
    page.locator("#app-note option", has_text="as heard:").wait_for(state="attached")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
    for seconds in ("", "-3", "1.5"):
        page.fill("#app-seconds", seconds)
        page.click("#app-go")
    page.fill("#app-seconds", "3600")
    assert "search" not in asked
    page.click("#app-go")
    stop_when_there_is_a_sound(page)
    asked.clear()
    for seconds in ("", "-3", "1.5"):
        page.fill("#app-on-seconds", seconds)
        page.click("#app-on")
    assert page.evaluate("document.activeElement.id") == "app-on-seconds"
    assert "again" not in asked
    for _ in range(100):
        if list(server.out.glob(".app/*")) == before:
            break
        page.wait_for_timeout(100)
    assert list(server.out.glob(".app/*")) == before


def test_keyboard_alone_is_enough(page: Any, organ: Path) -> None:
    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    # Listened for from the start: Playwright may miss a dialog that opens at once.
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    tab_to("#app-browse")
    page.keyboard.press("Enter")
    for _ in range(300):
        if choosers:
            break
        page.wait_for_timeout(100)
    choosers[0].set_files(organ)
    page.locator("#app-form").wait_for()
    tab_to("#app-seconds")
    page.keyboard.press("Control+a")
    page.keyboard.type("3600")
    tab_to("#app-go")
    page.keyboard.press("Enter")
    page.locator("#app-live-best[src]").wait_for()
    tab_to("#app-live-stop")
    page.keyboard.press("Enter")
    page.locator("#app-report h1").wait_for()
    assert page.evaluate("document.activeElement.id") == "app-result-title"
    tab_to("#app-piano button")
    page.keyboard.down("Space")
    page.wait_for_timeout(400)
    page.keyboard.up("Space")
    wait_for_note(page)


def test_what_is_dropped_goes_where_it_is_dropped(page: Any, organ: Path, tmp_path: Path) -> None:
    bank = tmp_path / "mine.syx"
    bank.write_bytes(write_bank([init_voice("MINE")] * 32))
    devtools = page.context.new_cdp_session(page)

    def drop(file: Path, place: str) -> None:
        page.locator(place).scroll_into_view_if_needed()
        box = page.locator(place).bounding_box()
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        where = {"x": box["x"] + 40, "y": box["y"] + box["height"] / 2}
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})

    drop(organ.parent, "#app-drop")
    page.locator("#app-error", has_text="Drop one sound at a time").wait_for()
    drop(organ, "#app-drop")
    page.locator("#app-sound-name", has_text=organ.name).wait_for()
    drop(bank, "#app-patches")
    page.wait_for_function("document.getElementById('app-patches').files[0]?.name === 'mine.syx'")
    assert page.text_content("#app-sound-name") == organ.name
    assert page.locator("#app-error").is_hidden()


def test_recording_becomes_a_sound(page: Any) -> None:
    page.click("#app-record")
    page.wait_for_timeout(1500)  # Chromium's fake microphone beeps once a second
    page.click("#app-record")
    page.locator("#app-sound-name", has_text="recording.wav").wait_for()


def test_long_sounds_can_be_cut_elsewhere(page: Any, tmp_path: Path) -> None:
    rate = 22_050
    time = np.arange(10 * rate) / rate
    tone = np.where(time > 6, np.sin(2 * np.pi * 220 * time), 0.1 * np.sin(2 * np.pi * 440 * time))
    soundfile.write(tmp_path / "long.wav", tone, rate)
    page.set_input_files("#app-file", tmp_path / "long.wav")
    page.locator("#app-stretch-value", has_text="suggested").wait_for()
    assert float(page.input_value("#app-start")) == pytest.approx(6.0, abs=0.1)
    page.locator("#app-note option", has_text="as heard: A3").wait_for(state="attached")
    page.fill("#app-start", "1")
    page.dispatch_event("#app-start", "change")
    page.locator("#app-note option", has_text="as heard: A4").wait_for(state="attached")


def bring_sound_that_ends(page: Any, folder: Path) -> None:
    """Give the page 12.5 s: an A4 for a second, and then silence."""
    tone = np.zeros(100_000)
    tone[:9000] = np.sin(np.arange(9000) * 2 * np.pi * 440 / 8000)
    soundfile.write(folder / "ends.wav", tone, 8000)
    page.set_input_files("#app-file", folder / "ends.wav")


def test_a_silent_stretch_is_said_and_another_can_be_chosen(page: Any, tmp_path: Path) -> None:
    bring_sound_that_ends(page, tmp_path)
    heard = page.locator("#app-note option").first
    heard.and_(page.locator("option", has_text="as heard: A4")).wait_for(state="attached")
    page.fill("#app-start", "6")
    page.dispatch_event("#app-start", "change")
    page.locator("#app-error", has_text="silent").wait_for()
    assert heard.text_content() == "as heard"
    page.fill("#app-start", "0")
    page.dispatch_event("#app-start", "change")
    heard.and_(page.locator("option", has_text="as heard: A4")).wait_for(state="attached")
    page.locator("#app-error").wait_for(state="hidden")


def answer_late(page: Any, address: str) -> list[Any]:
    """Hold back requests for an address; returns the list of those that wait to go on."""
    held: list[Any] = []
    page.route(address, lambda route: held.append(route))
    return held


def go_on(page: Any, held: list[Any], address: str) -> None:
    with page.expect_response(address):
        for route in held:
            route.continue_()
    page.wait_for_timeout(200)


def test_an_answer_that_comes_too_late_changes_nothing(
    page: Any, server: Server, organ: Path, tmp_path: Path
) -> None:
    bring_sound_that_ends(page, tmp_path)
    heard = page.locator("#app-note option", has_text="as heard: A4")
    heard.wait_for(state="attached")
    silent = answer_late(page, "**/note?start=6")
    for start in ("6", "0"):
        page.fill("#app-start", start)
        page.dispatch_event("#app-start", "change")
    heard.wait_for(state="attached")
    go_on(page, silent, "**/note?start=6")
    assert heard.count() == 1 and page.locator("#app-error").is_hidden()

    for name in ("first.flac", "second.flac"):
        id = server.bring(organ, name)
        server.ask("POST", f"/jobs/{id}/search", data={"synth": "dx7", "renders": 18})
        page.locator("#app-matches .job", has_text=name).wait_for()
    first = page.locator("#app-matches .job", has_text="first.flac")
    slow = answer_late(page, "**/report.html")
    first.get_by_role("button", name="Open").click()
    while not slow:
        page.wait_for_timeout(50)
    page.unroute("**/report.html")
    second = page.locator("#app-matches .job", has_text="second.flac")
    second.get_by_role("button", name="Open").click()
    title = page.locator("#app-result-title")
    title.get_by_text("second.flac").wait_for()
    page.locator("#app-report h1", has_text="second.flac").wait_for()
    go_on(page, slow, "**/report.html")
    assert "second.flac" in title.text_content()
    assert "second.flac" in page.text_content("#app-report h1")


def test_bad_sound_is_said_in_one_sentence(page: Any, tmp_path: Path) -> None:
    (tmp_path / "zip.wav").write_bytes(b"PK\x03\x04" + bytes(300))
    page.set_input_files("#app-file", tmp_path / "zip.wav")
    page.locator("#app-error", has_text="not a sound file").wait_for()


@contextmanager
def asleep(processes: list[psutil.Process]) -> Iterator[None]:
    """Let processes sleep, which would otherwise keep all cores busy meanwhile."""
    try:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def test_no_serious_accessibility_findings(page: Any, server: Server, organ: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_viewport_size({"width": 390, "height": 844})

    def serious() -> list[str]:
        findings = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            findings += [
                f"{scheme}, {each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
                for each in axe.run(page).response["violations"]
                if each["impact"] in ("serious", "critical")
            ]
        return findings

    assert not serious()
    begin(page, organ)
    page.locator("#app-live-best[src]").wait_for()
    with asleep(psutil.Process(server.process.pid).children(recursive=True)):
        assert not serious()
    page.click("#app-live-stop")
    page.locator("#app-report h1").wait_for()
    page.locator("#app-knobs summary").first.click()
    assert not serious()
