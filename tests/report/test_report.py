"""The report: correct graphs for all algorithms, honest words, one complete file."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from tests.report.results import HOSTILE, Page, match_result, scores, tone
from unsynth.conventions import SAMPLE_RATE
from unsynth.matching.result import Knob, Spread
from unsynth.report.curve import curve_svg
from unsynth.report.dx7_algorithm import algorithm_svg
from unsynth.report.dx7_envelopes import eg_curve, pitch_curve
from unsynth.report.dx7_patch import frequency as panel_frequency
from unsynth.report.dx7_patch import patch_view
from unsynth.report.media import LISTENING_PEAK, flac_uri, frequency_axis, spectrogram_uris
from unsynth.report.page import render_page
from unsynth.report.scale import FAR_OFF, outlook, rate, scale_svg
from unsynth.report.values import UNDETERMINED
from unsynth.search.candidates import Candidate, HistoryPoint
from unsynth.synths.base import Note, note_name
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.spec import Spec
from unsynth.tasks.task import Task

FILES = ["patches.syx"]


# -- the algorithms -------------------------------------------------------------------------


def attributes(svg: ET.Element, name: str) -> set[str]:
    return {e.attrib[name] for e in svg.iter() if name in e.attrib}


def points(path: str) -> list[tuple[float, float]]:
    """List the corners of a path written with absolute M, H and V."""
    x, y, corners = 0.0, 0.0, []
    for command, numbers in re.findall(r"([MHV])([-\d. ]+)", path):
        values = [float(n) for n in numbers.split()]
        if command in "MH":
            x = values[0]
        if command in "MV":
            y = values[-1]
        corners.append((x, y))
    return corners


@pytest.mark.parametrize("number", range(1, 33))
def test_graph_shows_the_algorithm(number: int) -> None:
    algorithm = ALGORITHMS[number - 1]
    svg = ET.fromstring(algorithm_svg(number))
    boxes = {}
    for group in svg.iter("g"):
        rect = group.find("rect")
        assert rect is not None
        boxes[int(group.attrib["data-op"]) - 1] = [
            float(rect.attrib[k]) for k in ("x", "y", "width", "height")
        ]

    assert attributes(svg, "data-edge") == {f"{a + 1}>{b + 1}" for a, b in algorithm.edges}
    assert attributes(svg, "data-carrier") == {str(op + 1) for op in algorithm.carriers}
    source, target = algorithm.feedback
    assert attributes(svg, "data-feedback") == {f"{source + 1}>{target + 1}"}
    assert sorted(boxes) == list(range(6))

    def bottom(op: int) -> tuple[float, float]:
        x, y, w, h = boxes[op]
        return x + w / 2, y + h

    def top(op: int) -> tuple[float, float]:
        x, y, w, _ = boxes[op]
        return x + w / 2, y

    for path in svg.iter("path"):
        if "data-edge" in path.attrib:
            a, b = (int(n) - 1 for n in path.attrib["data-edge"].split(">"))
            line = points(path.attrib["d"])
            assert (line[0], line[-1]) == (bottom(a), top(b))
            assert bottom(a)[1] < top(b)[1]
        if "data-feedback" in path.attrib:
            assert points(path.attrib["d"])[-1] == top(target)
        if "data-carrier" in path.attrib:
            assert points(path.attrib["d"])[0] == bottom(int(path.attrib["data-carrier"]) - 1)
        # No line may cross a box.
        for (x1, y1), (x2, y2) in pairwise(points(path.attrib["d"])):
            for x, y, w, h in boxes.values():
                across = min(x1, x2) < x + w and max(x1, x2) > x
                along = min(y1, y2) < y + h and max(y1, y2) > y
                assert not (across and along), f"{path.attrib} crosses a box"
    for a in range(6):
        for b in range(a):
            (xa, ya, w, h), (xb, yb, *_) = boxes[a], boxes[b]
            assert abs(xa - xb) > w or abs(ya - yb) > h, f"operators {a + 1} and {b + 1} overlap"
    carriers = {boxes[op][1] for op in algorithm.carriers}
    assert carriers == {max(y for _, y, *_ in boxes.values())}
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    corners = [p for e in svg.iter("path") for p in points(e.attrib["d"])]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in corners)


def test_silent_operators_are_grey() -> None:
    svg = ET.fromstring(algorithm_svg(1, [True, False, True, True, True, True]))
    grey = {
        e.get("data-op") or e.get("data-edge") for e in svg.iter() if "silent" in e.get("class", "")
    }
    assert grey == {"2", "2>1"}


# -- envelopes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "levels", "output"),
    [
        ((99, 40, 30, 50), (99, 80, 60, 0), 99),
        ((45, 30, 20, 60), (99, 90, 50, 0), 90),
        ((99, 55, 99, 70), (99, 0, 0, 0), 80),
        ((60, 99, 99, 35), (90, 99, 70, 20), 99),
    ],
)
def test_envelope_follows_the_engine(
    task: Task, rates: tuple[int, ...], levels: tuple[int, ...], output: int
) -> None:
    """A sine from the engine has the level of the curve, within 4 dB."""
    synth = task.synth()
    patch = np.zeros(len(task.spec.names))
    at = task.spec.position
    patch[at["algorithm"]] = 31
    patch[at["op1.ratio_coarse"]] = 8
    for k in range(4):
        patch[at[f"op1.rate{k + 1}"]], patch[at[f"op1.level{k + 1}"]] = rates[k], levels[k]
        patch[at[f"pitch_eg.level{k + 1}"]] = 50
    note = Note(60, 0.0, 2.0)

    def loudness(level: int) -> np.ndarray:
        patch[at["op1.output_level"]] = level
        sound = synth.render(task.engine_patch(task.with_note(patch, note)), note)[0]
        return np.sqrt(np.mean(sound[: 80 * 2205].reshape(80, 2205) ** 2, axis=1))

    levels_with_eg = loudness(output)
    for k in range(4):
        patch[at[f"op1.rate{k + 1}"]], patch[at[f"op1.level{k + 1}"]] = 99, 99
    full = loudness(99)[20]
    measured = 20 * np.log10(np.maximum(levels_with_eg, 1e-9) / full)
    curve = eg_curve(rates, levels, output, 2.0, 4.0)
    expected = np.interp(0.025 + 0.05 * np.arange(80), *zip(*curve, strict=True))
    loud = (measured > -60) & (np.arange(80) > 1)
    assert loud.sum() > 5
    assert np.abs(expected - measured)[loud].max() < 4.0


@pytest.mark.parametrize("held", [0.05, 1.3, 3.999, 6.0])
def test_envelopes_stay_on_the_page(held: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        rates, levels = rng.integers(0, 100, (2, 4)).tolist()
        for curve in (
            eg_curve(rates, levels, int(rng.integers(100)), held, 4.0),
            pitch_curve(rates, levels, held, 4.0),
        ):
            times = [t for t, _ in curve]
            assert times == sorted(times) and times[0] == 0 and times[-1] == 4.0
            assert all(-80.0 <= value <= 48.0 for _, value in curve)


def test_faster_rates_arrive_earlier() -> None:
    def time_to(rate: int) -> float:
        curve = eg_curve((rate, 99, 99, 99), (99, 99, 99, 0), 99, 60.0, 60.0)
        return next(t for t, db in curve if db > -0.5)

    times = [time_to(rate) for rate in (20, 40, 60, 80)]
    assert times == sorted(times, reverse=True)
    assert times[0] > 10 * times[-1]


# -- the patch ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "coarse", "fine", "text"),
    [
        ("ratio", 0, 0, "0.50"),
        ("ratio", 1, 0, "1.00"),
        ("ratio", 3, 50, "4.50"),
        ("ratio", 31, 99, "61.69"),
        ("fixed", 0, 0, "1.000 Hz"),
        ("fixed", 3, 99, "9772 Hz"),
    ],
)
def test_frequency_is_written_as_on_the_panel(mode: str, coarse: int, fine: int, text: str) -> None:
    named = {"op1.mode": mode, f"op1.{mode}_coarse": coarse, f"op1.{mode}_fine": fine}
    assert panel_frequency(named, "op1.") == text


def test_inaudible_values_are_undetermined(task: Task) -> None:
    at = task.spec.position
    patch = task.sample(np.random.default_rng(2))
    patch[at["algorithm"]] = 31
    for i in range(1, 7):
        patch[at[f"op{i}.output_level"]] = 90
        for k in range(1, 5):
            patch[at[f"op{i}.level{k}"]] = 99 - 10 * k
    patch[at["op4.output_level"]] = 0
    patch = task.with_note(patch, Note(60, 0.0, 6.0))
    view = patch_view(task, patch)

    assert [op.audible for op in view.operators] == [True, True, True, False, True, True]
    silent = view.operators[3]
    assert silent.eg == ""
    assert {v.text for v in (*silent.values, *silent.rates)} == {UNDETERMINED}
    assert silent.output_level.text == "0"
    first = view.operators[0]
    assert [v.audible for v in first.rates] == [True, True, True, False]  # no note-off within 4 s
    assert [v.text for v in first.levels] == ["89", "79", "69", UNDETERMINED]


# -- the page -------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 32])
def test_page_shows_every_candidate(task: Task, count: int) -> None:
    page = Page(render_page(match_result(task, count), FILES))
    sounds = page.all("audio")
    assert [s["id"] for s in sounds] == [f"sound-{i}" for i in range(count + 1)]
    assert len({s["src"] for s in sounds}) == count + 1
    assert len(page.all("details")) == count
    assert sum("data-op" in attrs for attrs in page.all("g")) == 6 * count
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_page_plays_the_best_at_the_usual_rate_too() -> None:
    result = match_result(load_task("dx7", 48_000), 2)
    assert "48 kHz" not in render_page(result, FILES)
    result = replace(result, at_usual_rate=(tone(300.0), scores(4.56)))
    page = Page(render_page(result, FILES))
    assert [s["id"] for s in page.all("audio")] == ["sound-0", "sound-1", "sound-3", "sound-2"]
    text = " ".join(page.words)
    assert "Best candidate at 44.1 kHz" in text and "4.56 dB" in text and "48 kHz" in text


def test_page_makes_no_requests(task: Task) -> None:
    text = render_page(match_result(task, 2), FILES)
    page = Page(text)
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "poster"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#"))
    assert not page.all("link")
    assert "@import" not in text and "url(" not in text and "://" not in text


def test_page_escapes_names_of_sounds(task: Task) -> None:
    text = render_page(match_result(task, 1, name=HOSTILE), FILES)
    page = Page(text)
    assert "alert(" in text and "<script>alert" not in text
    assert len(page.all("script")) == 1
    assert HOSTILE in page.words
    alts = [image["alt"] for image in page.all("img")]
    assert any(HOSTILE in (alt or "") for alt in alts)


def test_page_of_another_task_shows_its_panel(task: Task) -> None:
    class Plain(DX7Task):
        name = "plain"
        engine_rate = SAMPLE_RATE
        hash = "plain"

        def __init__(self) -> None:
            self.spec = Spec((Integer("level", 0, 99), Categorical("wave", ("sine", "<saw>"))))

        def note(self, patch: np.ndarray) -> Note:
            return Note(61)

        def active(self, patch: np.ndarray) -> np.ndarray:
            return np.array([patch[1] == 1, True])

        def symmetries(self, patch: np.ndarray) -> np.ndarray:
            return np.arange(self.spec.width)[None]

    result = match_result(task, 1)
    for patch, level in ((np.array([42.0, 1.0]), "42"), (np.array([42.0, 0.0]), UNDETERMINED)):
        best = Candidate(patch, tone(200.0), 1.0, "index")
        plain = replace(result, task=Plain(), candidates=(best,))
        page = Page(render_page(plain, ["01.plain"]))
        cells = [w for w in page.words if w.strip() in {"42", UNDETERMINED, "<saw>", "sine"}]
        assert level in cells and ("<saw>" in cells) == (patch[1] == 1)
        assert "C♯4 (MIDI 61)" in page.words
        assert not any("syx" in w or "DX7" in w for w in page.words)
    sine, saw = (Candidate(np.array([42.0, wave]), tone(200.0), 1.0, "index") for wave in (0, 1))
    for kept, numbers in (([sine, saw, sine], ["1", "2", "1"]), ([sine, sine], [])):
        metrics = result.metrics * len(kept)
        plain = replace(result, task=Plain(), candidates=tuple(kept), metrics=metrics)
        words = Page(render_page(plain, ["01.plain"])).words
        shown = [words[i + 1] for i, word in enumerate(words) if word == "Structure"]
        assert shown == numbers
        text = " ".join(words)
        assert ("in 2 ways" in text) == (numbers != [])
        assert ("All have the same structure" in text) == (numbers == [])
        assert ("Unlike the best candidate: wave <saw>." in text) == (numbers != [])


# -- sounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("peak", [0.01, 0.5, 3.0])
def test_sound_survives_encoding(peak: float) -> None:
    sound = np.concatenate([tone(300.0, peak), tone(411.0, peak / 2)])
    head, data = flac_uri(sound, SAMPLE_RATE).split(",")
    assert head == "data:audio/flac;base64"
    decoded, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), always_2d=True)
    assert rate == SAMPLE_RATE
    expected = sound.T * (LISTENING_PEAK / np.abs(sound).max())
    np.testing.assert_allclose(decoded, expected, atol=1.01 / 32768)


def test_silence_stays_silent() -> None:
    _, data = flac_uri(np.zeros((1, 1000), dtype=np.float32), SAMPLE_RATE).split(",")
    decoded, _ = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert not decoded.any()


def test_spectrogram_shows_a_tone_at_its_frequency() -> None:
    from PIL import Image

    frequency = 5000.0
    (uri,) = spectrogram_uris([tone(frequency)], SAMPLE_RATE)
    image = np.array(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L"))
    assert image.shape == (128, 401)
    height = 100 * (1 - (image[:, 100].argmax() + 0.5) / 128)
    expected = dict(frequency_axis(SAMPLE_RATE).ticks)["5 kHz"]
    assert abs(height - expected) < 1.0


def test_page_names_sounds_past_full_scale(task: Task) -> None:
    assert "exceeded full scale" not in render_page(match_result(task, 1), FILES)
    text = render_page(match_result(task, 12), FILES)  # peaks rise by 0.1 to 1.3
    assert re.search(r"scaling,\s+3 candidates \(largest peak 1.30\) exceeded full scale", text)


# -- the rating ----------------------------------------------------------------------------


def test_rating_gets_worse_with_distance() -> None:
    words = [rate(best, 0.5, 10.5).word for best in np.linspace(0.0, 15.0, 301)]
    order = list(dict.fromkeys(words))
    assert order == ["Matched", "Close", "Recognisable", FAR_OFF]
    assert words == sorted(words, key=order.index)
    assert rate(5.4, 0.5, 10.5).word == "Recognisable"  # 0.49 of the way


def test_rating_is_far_off_if_chance_is_as_good() -> None:
    assert rate(3.0, 2.0, 2.0).word == FAR_OFF


def test_scale_puts_scores_in_order(task: Task) -> None:
    svg = ET.fromstring(scale_svg(match_result(task, 4)))

    def place(name: str) -> float:
        (line,) = [e for e in svg.iter("line") if e.get("class") == name]
        return float(line.attrib["x1"].rstrip("%"))

    assert 0 < place("floor") < place("candidate best") < place("median") <= 100
    # Proportional: floor 0.5, best 2, median 14.
    assert place("candidate best") / place("floor") == pytest.approx(4.0, rel=0.01)
    assert place("median") / place("floor") == pytest.approx(28.0, rel=0.01)


@pytest.mark.parametrize(
    ("pitch", "name"), [(60, "C4"), (69, "A4"), (24, "C1"), (61, "C♯4"), (95, "B6")]
)
def test_note_names(pitch: int, name: str) -> None:
    assert note_name(pitch) == name


def test_scale_shows_the_best_before_the_search(task: Task) -> None:
    svg = ET.fromstring(scale_svg(match_result(task, 2)))
    words = [e.text for e in svg.iter("text") if e.get("class") == "start"]
    assert words == ["model alone 6.00 dB"]
    (box,) = [e for e in svg.iter("rect")]
    lowest = float(svg.attrib["height"])
    assert all(float(e.attrib["y2"]) <= lowest for e in svg.iter("line"))
    assert float(box.attrib["y"]) > max(
        float(e.attrib["y2"]) for e in svg.iter("line") if e.get("class") == "start"
    )


@pytest.mark.parametrize(
    ("scores", "stopped", "fraction", "words"),
    [
        ((9.0, 8.0, 7.9), False, 0.7, "out of reach of a DX7"),
        ((9.0, 8.0, 7.9), False, 0.4, "as close as a DX7 can get"),
        ((9.0, 8.0, 7.9), False, 0.1, ""),
        ((9.0, 8.0, 6.0), False, 0.7, "longer search (--budget or --renders) may help"),
        ((9.0, 8.0, 7.9), True, 0.7, "stopped early"),
    ],
)
def test_outlook_says_whether_to_search_on(
    task: Task, scores: tuple[float, ...], stopped: bool, fraction: float, words: str
) -> None:
    """The search goes from 500 to 4,096 renders; the score falls at 600 and at 4,000."""
    history = tuple(
        map(HistoryPoint, (400, 600, 4000, 4096), (1.0, 2.0, 3.0, 4.0), (*scores, scores[-1]))
    )
    result = replace(
        match_result(task, 1),
        history=history,
        search_began=HistoryPoint(500, 1.5, 9.0),
        stopped=stopped,
    )
    sentence = outlook(result, fraction, "a DX7")
    assert words in sentence and (words or not sentence)


def test_curve_falls_and_ends_at_the_best(task: Task) -> None:
    result = match_result(task, 1)
    for against, last in (("renders", 4096.0), ("seconds", 20.0)):
        svg = ET.fromstring(curve_svg(result, against))
        (path,) = [e.attrib["d"] for e in svg.iter("path") if e.get("class") == "curve"]
        corners = points(path)
        xs, ys = zip(*corners, strict=True)
        assert list(xs) == sorted(xs) and list(ys) == sorted(ys)  # y grows downwards
        (start,) = [e.attrib["d"] for e in svg.iter("path") if e.get("class") == "search-start"]
        share = (points(start)[0][0] - 34) / (xs[-1] - 34)
        assert share == pytest.approx((500 if against == "renders" else 5.0) / last, abs=1e-3)


def test_knobs_are_sorted_by_freedom(task: Task) -> None:
    knobs = (
        Knob("algorithm", (3.0, 4.0), 0.9),
        Knob("op1.level1", (10.0, 12.0), 0.01),
        Knob("note.duration", (0.25, 1.5), 0.3),
    )
    result = replace(match_result(task, 1), spread=Spread(9, 2.5, knobs))
    words = Page(render_page(result, FILES)).words
    rows = [w.strip() for w in words if w.strip() in {"4, 5", "10–12", "250\xa0ms–1.5\xa0s"}]
    assert rows == ["10–12", "250\xa0ms–1.5\xa0s", "4, 5"]
    assert {"set", "narrowed", "open"} <= {w.strip() for w in words}
    assert "Which knobs" not in render_page(match_result(task, 1), FILES)
