"""The panel of any task: sections, knobs, switches and envelopes."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import yaml

from tests.report.results import Page, match_result, tone
from tests.synths.instruments import declaration
from tests.tiny import TinyTask
from unsynth.report.envelopes import envelope_curve, schematic_svg
from unsynth.report.names import label, places
from unsynth.report.page import render_page
from unsynth.report.panel import Control, PanelView, Section, knob_angle, knob_svg, panel_view
from unsynth.report.units import quantity, scales
from unsynth.report.values import UNDETERMINED
from unsynth.search.candidates import Candidate
from unsynth.synths.base import Note
from unsynth.tasks import catalogue
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.task import Task

DECLARED = ("vital-simple", "vital-full", "surge-simple", "surge-full")
RAW = {"kind": "continuous", "low": 0.0, "high": 1.0, "step": 0.001}
HOSTILE = '"><script>alert(1)</script>'


#: Loading a task takes a second.
load_task = cache(catalogue.load_task)


def sections(view: PanelView) -> list[Section]:
    return [*view.large, *view.small, *view.silent]


def controls(view: PanelView) -> dict[str, Control]:
    every = [
        control
        for section in sections(view)
        for group in section.groups
        for control in (*group.chips, *group.knobs, *group.stages)
    ]
    assert len({control.name for control in every}) == len(every)
    return {control.name: control for control in every}


def own_task(parameters: list[dict[str, Any]], tmp_path, **content: Any) -> DeclaredTask:
    """A task of a plugin that nobody has: its parameters are shown as they are."""
    full = declaration([], plugin="none.vst3") | content
    full["parameters"] = [{"control": p["name"], **p} for p in parameters]
    return DeclaredTask(full, tmp_path, "own")


def turned(svg: str) -> tuple[str, str]:
    """Where the arc of a knob's value starts and ends."""
    match = re.search(r'class="turned" d="M([\d. ]+)A16 16 0 \d 1 ([\d. ]+)"', svg)
    assert match
    return match[1], match[2]


# -- knobs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "angle"),
    [
        (Continuous("x", 0.2, 1.0, 0.001), 0.2, -135),
        (Continuous("x", 0.2, 1.0, 0.001), 0.6, 0),
        (Continuous("x", 0.2, 1.0, 0.001), 1.0, 135),
        (Continuous("x", 20.0, 20000.0, 0.01, log=True), 20.0, -135),
        (Continuous("x", 20.0, 20000.0, 0.01, log=True), 20.0 * 10**1.5, 0),
        (Continuous("x", 20.0, 20000.0, 0.01, log=True), 2000.0, 45),
        (Integer("x", -12, 12), 0, 0),
        (Integer("x", -12, 12), -6, -67.5),
        (Integer("x", 36, 84), 96, 135),  # a note beyond the task's range
        (Continuous("x", 0.05, 6.0, 0.001, log=True), 0.0, -135),
    ],
)
def test_a_knob_points_at_its_value(parameter, value, angle):
    assert knob_angle(parameter, float(value)) == pytest.approx(angle)


def test_arcs_start_at_the_low_end_or_in_the_middle():
    low, middle, high = "8.7 31.3", "20.0 4.0", "31.3 31.3"
    assert turned(knob_svg(0.0, False, True)) == (low, middle)
    assert turned(knob_svg(135.0, False, True)) == (low, high)
    assert turned(knob_svg(135.0, True, True)) == (middle, high)
    assert turned(knob_svg(-135.0, True, True)) == (low, middle)
    assert "turned" not in knob_svg(135.0, False, False)


def test_a_knob_whose_engine_counts_from_the_middle_is_drawn_from_there():
    """Surge's pitch is raw 0 to 1, and -7 to 7 semitones on its panel."""
    task = load_task("surge-simple")
    patch = task.sample(np.random.default_rng(0))
    patch[task.spec.position["osc1.pitch"]] = 0.75
    patch[task.spec.position["osc1.sync"]] = 0.75
    shown = controls(panel_view(task, patch))
    assert shown["osc1.pitch"].value.text == "3.5\xa0st"
    assert turned(shown["osc1.pitch"].knob)[0] == "20.0 4.0"
    assert turned(shown["osc1.sync"].knob)[0] == "8.7 31.3"


# -- sections -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*DECLARED, "tiny", "flat"])
def test_every_parameter_appears_once(name, tmp_path):
    flat = [{"name": n, **RAW} for n in ("cutoff", "vcf_att", "vcf_dec", "Osc 2")]
    task: Task
    if name == "tiny":
        task = TinyTask()  # type: ignore[assignment]
    else:
        task = own_task(flat, tmp_path) if name == "flat" else load_task(name)
    rng = np.random.default_rng(3)
    for _ in range(5):
        patch = task.sample(rng)
        shown = controls(panel_view(task, patch))
        assert sorted(shown) == sorted(task.spec.names)
        for parameter, audible in zip(task.spec.parameters, task.active(patch), strict=True):
            control = shown[parameter.name]
            assert control.value.audible == audible
            assert (control.value.text == UNDETERMINED) == (not audible)
            assert bool(control.knob) != isinstance(parameter, Categorical)


def test_names_become_sections_and_words():
    placed = {name: (p.section, p.group, label(p.leaf)) for name, p in NAMES.items()}
    assert placed == {
        "osc1.level": ("oscillator 1", "", "Level"),
        "osc1.lfo.rate": ("oscillator 1", "lfo", "Rate"),
        "osc1.env_attack": ("oscillator 1", "envelope", "Attack"),
        "osc1.env_to_wave_frame": ("oscillator 1", "envelope", "→ wave frame"),
        "osc1.lfo_rate": ("oscillator 1", "", "LFO rate"),  # the only one of its kind
        "vcf_reso": ("VCF", "", "Resonance"),
        "vcf_env": ("VCF", "", "Envelope"),
        "osc_2_vol": ("oscillator 2", "", "Volume"),
        "osc_2_fine": ("oscillator 2", "", "Fine"),
        "glide": ("glide", "", "Glide"),
        "gld_rate": ("glide", "", "Rate"),
        "drift": ("general", "", "Drift"),
        "odd": ("general", "", "Odd"),
        "...": ("general", "", "..."),
        "": ("general", "", ""),
    }


NAMES = dict(
    zip(
        names := [
            *("osc1.level", "osc1.lfo.rate", "osc1.env_attack", "osc1.env_to_wave_frame"),
            *("osc1.lfo_rate", "vcf_reso", "vcf_env", "osc_2_vol", "osc_2_fine", "glide"),
            *("gld_rate", "drift", "odd", "...", ""),
        ],
        places(names),
        strict=True,
    )
)


def states(task: Task, patch: np.ndarray) -> dict[str, str]:
    return {section.title: section.state for section in sections(panel_view(task, patch))}


def test_what_is_off_takes_one_line():
    task = load_task("vital-full")
    at = task.spec.position
    patch = task.sample(np.random.default_rng(1))
    patch[at["osc3.on"]], patch[at["osc1.on"]], patch[at["eq.on"]] = 0, 1, 0
    patch[at["osc1.lfo_to_wave_frame"]] = patch[at["osc1.lfo_to_tune"]] = 0.0
    view = panel_view(task, patch)
    found = states(task, patch)
    assert found["Oscillator 3"] == found["EQ"] == "off" and found["Oscillator 1"] == ""
    first = next(section for section in view.large if section.title == "Oscillator 1")
    lfo = {group.title: group.state for group in first.groups}["LFO"]
    assert lfo == "off (→ wave frame 0, → tune 0)"
    lines = Page(render_of(task, patch)).words
    assert "Oscillator 3: " in lines and lines[lines.index("Oscillator 3: ") + 1] == "off"


def test_a_section_with_little_to_hear_is_small():
    task = load_task("vital-simple")
    patch = task.sample(np.random.default_rng(1))
    amounts = [task.spec.position[f"filter1.{by}_to_cutoff"] for by in ("env", "lfo")]
    for value, small in ((0.1, False), (0.0, True)):
        patch[amounts] = value
        titles = {section.title for section in panel_view(task, patch).small}
        assert ("Filter 1" in titles) == small and "Note" in titles


def test_a_muted_oscillator_that_still_modulates_is_shown():
    task = load_task("surge-full")
    at = task.spec.position
    patch = task.sample(np.random.default_rng(1))
    patch[at["osc1.mute"]] = 1  # True
    for name, routing in (("fm_routing", 0), ("ring_1x2.mute", 1), ("ring_2x3.mute", 1)):
        patch[at[name]] = routing
    silent = states(task, patch)
    assert silent["Oscillator 1"] == silent["Ring 1x2"] == "muted" and silent["FM"] == "off"
    patch[at["ring_1x2.mute"]] = 0
    assert states(task, patch)["Oscillator 1"] == ""
    patch[at["chorus.mix"]] = 0.0
    assert states(task, patch)["Chorus"] == "off (mix 0\xa0%)"


def test_an_amount_far_below_zero_is_not_off():
    """Raw 0 of Surge's filter amount is -96 semitones."""
    task = load_task("surge-simple")
    patch = task.sample(np.random.default_rng(0))
    patch[task.spec.position["filter1.feg_mod_amount"]] = 0.0
    amount = controls(panel_view(task, patch))["filter1.feg_mod_amount"]
    assert amount.value.text == "−96\xa0st" and amount.off == ""


# -- envelopes ------------------------------------------------------------------------------


def test_an_envelope_has_its_corners_at_its_times():
    stages = {"delay": 0.1, "attack": 0.2, "hold": 0.3, "decay": 0.4, "sustain": 0.5}
    curve = envelope_curve(stages | {"release": 0.6}, 2.0, 4.0)
    corners = [(0, 0), (0.1, 0), (0.3, 1), (0.6, 1), (1, 0.5), (2, 0.5), (2.6, 0), (4, 0)]
    np.testing.assert_allclose(curve, corners, atol=1e-9)


def test_a_note_off_ends_any_stage():
    stages = {"attack": 1.0, "decay": 1.0, "sustain": 0.5, "release": 1.0}
    in_attack = envelope_curve(stages, 0.25, 4.0)
    corners = [(0, 0), (0.25, 0.25), (0.25, 0.25), (1.25, 0), (4, 0)]
    np.testing.assert_allclose(in_attack, corners, atol=1e-9)
    held = envelope_curve(stages, 9.0, 4.0)
    assert held == [(0, 0), (1, 1), (2, 0.5), (4, 0.5)]
    cut = envelope_curve(stages, 3.5, 4.0)
    assert cut[-1] == pytest.approx((4.0, 0.25))


@pytest.mark.parametrize("power", [-8.0, -2.0, 3.0])
def test_powers_bend_a_stage_between_the_same_ends(power):
    stages = {"attack": 1.0, "attack_power": power, "decay": 0.0, "sustain": 1.0}
    curve = envelope_curve(stages | {"release": 0.0}, 2.0, 2.0)
    rise = [level for time, level in curve if time <= 1.0]
    assert rise[0] == 0 and rise[-1] == pytest.approx(1) and rise == sorted(rise)
    steps = [b - a for a, b in pairwise(rise[:13])]
    assert steps == sorted(steps, reverse=power > 0)


def test_an_envelope_follows_vital():
    """A tone from the engine has the curve's level squared."""
    vita = pytest.importorskip("vita")
    synth = vita.Synth()
    stages = {"attack": 0.6, "attack_power": 4.0, "decay": 0.8, "decay_power": -3.0}
    stages |= {"sustain": 0.4, "release": 0.5, "release_power": 5.0}
    for name, value in stages.items():
        raw = value**0.25 if name in ("attack", "decay", "release") else value
        synth.get_controls()[f"env_1_{name}"].set(raw)
    sound = np.abs(np.asarray(synth.render(60, 1.0, 1.6, 2.4))[0])
    windows = sound[: 105 * 960].reshape(-1, 960).max(axis=1)  # two periods or more, 22 ms
    measured = np.sqrt(windows / windows.max())
    times = (np.arange(105) + 0.5) * 960 / 44_100
    expected = np.interp(times, *zip(*envelope_curve(stages, 1.6, 2.4), strict=True))
    assert np.abs(measured - expected).max() < 0.08


def test_times_without_a_unit_are_drawn_as_schematic(tmp_path):
    task = own_task([{"name": f"env_{n}", **RAW} for n in ("att", "dec", "sus", "rel")], tmp_path)
    patch = np.array([0.5, 0.25, 0.75, 0.25, 60, 0.0, 1.0])
    (envelope,) = (g.envelope for s in panel_view(task, patch).large for g in s.groups)
    assert "not to scale" in envelope and "Schematic envelope, not in seconds" in envelope
    corners = re.findall(r'<polyline[^>]* points="([^"]*)"', envelope)[0].split()
    x = [float(corner.split(",")[0]) for corner in corners]
    attack, decay, release = x[1] - x[0], x[2] - x[1], x[-1] - x[3]
    assert attack == pytest.approx(2 * decay, abs=0.2) and release == pytest.approx(decay, abs=0.2)

    seconds = own_task(
        [
            {"name": f"env_{n}", **RAW, **({} if n == "sus" else {"unit": "s"})}
            for n in ("att", "dec", "sus", "rel")
        ],
        tmp_path,
    )
    (envelope,) = (g.envelope for s in panel_view(seconds, patch).large for g in s.groups)
    assert "note-off at 1.00 s" in envelope and "not to scale" not in envelope
    assert "attack 500\xa0ms" in envelope
    # 4 s are 278 units wide: the attack ends after half a second, the release at 1.25 s.
    corners = re.findall(r'<polyline[^>]* points="([^"]*)"', envelope)[0].split()
    assert [float(c.split(",")[0]) for c in corners][:3] == pytest.approx([8, 42.8, 60.1], abs=0.1)


def test_an_unheard_release_is_not_drawn():
    stages = {"attack": 0.1, "decay": 0.1, "sustain": 0.5, "release": 0.9}
    assert 'class="off"' not in schematic_svg(stages, False, "")
    assert 'class="off"' in schematic_svg(stages, True, "")


# -- units ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        # The plugin's own texts for these values (Surge XT 1.3.4).
        ("amp_eg.decay", 0.461538, "250.0 ms"),
        ("amp_eg.release", 0.230769, "31.2 ms"),
        ("amp_eg.attack", 0.0, "0.0 s"),
        ("filter1.cutoff", 0.484615, "523 Hz"),
        ("highpass", 0.0, "6.88 Hz"),
        ("osc1.lfo.rate", 0.4375, "1.000 Hz"),
        ("osc1.volume", 1.0, "0.00 dB"),
        ("chorus.high_cut", 0.966635, "19.5 kHz"),
        ("reverb.pre_delay", 0.555556, "125.0 ms"),
        ("filter1.feg_mod_amount", 0.5, "0.00 st"),
    ],
)
def test_values_of_surge_read_as_on_its_panel(name, raw, text):
    scale = scales(load_task("surge-full"))[name]
    number, unit = quantity(scale.number(raw), scale.unit).split("\xa0")
    assert unit == text.split()[1]
    assert float(number) == pytest.approx(float(text.split()[0]), rel=2e-3)


def test_times_and_rates_of_vital_read_as_in_the_engine():
    vita = pytest.importorskip("vita")
    synth, task = vita.Synth(), load_task("vital-full")
    assert isinstance(task, DeclaredTask)
    readings, values = scales(task), synth.get_controls()
    checked = 0
    columns = zip(task.spec.parameters, task.declaration.parameters, strict=True)
    for parameter, declared in columns:
        if isinstance(parameter, Categorical) or declared.control is None:
            continue
        scale = readings[parameter.name]
        details = synth.get_control_details(declared.control)
        shown = {" secs": "s", "ms": "s", " ms": "s"}.get(details.display_units)
        if scale.unit not in ("s", "Hz") or shown is None or "cutoff" in declared.control:
            continue
        values[declared.control].set(parameter.high)
        text = synth.get_control_text(declared.control).removesuffix(details.display_units)
        # Vital shows periods of LFOs, and thousandths as ms.
        factor = 0.001 if "ms" in details.display_units else 1.0
        number = factor * float(text)
        expected = scale.number(float(parameter.high)) ** (-1 if scale.unit == "Hz" else 1)
        assert number == pytest.approx(expected, rel=1e-3, abs=1e-4), declared.control
        checked += 1
    assert checked > 30


def test_quantities_are_short():
    texts = [(0.0, "s"), (0.0125, "s"), (2.5, "s"), (1234.5, "Hz"), (-3.25, "st"), (2e-5, "dB")]
    assert [quantity(*each).replace("\xa0", " ") for each in texts] == [
        *("0 s", "12.5 ms", "2.5 s", "1.23 kHz", "−3.25 st", "0 dB")
    ]


# -- the page -------------------------------------------------------------------------------


def render_of(task: Task, patch: np.ndarray) -> str:
    best = Candidate(patch, tone(200.0), 1.0, "index")
    result = match_result(DX7Task(), 1)
    return render_page(replace(result, task=task, candidates=(best,)), ["01.own"])


@pytest.mark.parametrize("name", DECLARED)
def test_the_page_shows_every_parameter_once(name):
    task = load_task(name)
    page = Page(render_of(task, task.sample(np.random.default_rng(4))))
    shown = [attrs["data-parameter"] for _, attrs in page.tags if "data-parameter" in attrs]
    assert sorted(map(str, shown)) == sorted(task.spec.names)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
    # Pictures have a text, or are hidden beside one.
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or svg.get("aria-label")


def test_headings_of_a_dx7_report_are_in_order(task):
    page = Page(render_page(match_result(task, 1), ["patches.syx"]))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))


def test_hostile_names_are_escaped(tmp_path):
    stages = ("attack", "decay", "sustain", "release")
    parameters = [
        {"name": HOSTILE, **RAW, "unit": HOSTILE},
        {"name": "wave", "kind": "categorical", "choices": [HOSTILE, "saw"]},
        *({"name": f"{HOSTILE}.{HOSTILE}.{stage}", **RAW, "unit": HOSTILE} for stage in stages),
    ]
    task = own_task(yaml.safe_load(yaml.safe_dump(parameters)), tmp_path)
    patch = np.array([0.5, 0, 0.5, 0.5, 0.5, 0.5, 60, 0.0, 1.0])
    text = render_of(task, patch)
    page = Page(text)
    assert len(page.all("script")) == 1 and "<script>alert" not in text
    assert any(attrs.get("data-parameter") == HOSTILE for _, attrs in page.tags)
    assert any(HOSTILE in (svg.get("aria-label") or "") for svg in page.all("svg"))


def test_a_note_beyond_the_range_is_shown():
    task = load_task("vital-simple")
    patch = task.with_note(task.sample(np.random.default_rng(0)), Note(100, 0.2, 1.0))
    assert controls(panel_view(task, patch))["note.pitch"].value.text == "E7 (100)"
