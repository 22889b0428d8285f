"""A task file with comments, drafted from what a probe found of a VST3 instrument.

Every parameter of the plugin stands in it: those to be drawn with their range and texts, those that
are not with the reason. The prior is uniform in the plugin's raw values, 0 to 1.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import factorial
from pathlib import Path
from typing import Any

import yaml

from unsynth.authoring.probing import Probe, Probed
from unsynth.authoring.units import ProposedUnit
from unsynth.errors import OutputError
from unsynth.tasks.declared.reader import MOST_IMAGES, parse
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.version import __version__

#: The finest difference of a raw value: 0.24 cents of two octaves.
_STEP = 0.0001
#: Raw values that lie this near to even steps are even.
_EVEN = 1e-3
_WIDTH = 98
_NOTE = """\
# Seconds; a note may outlast the 4 s that are heard.
note:
  - {name: note.pitch, low: 36, high: 84}
  - {name: note.onset, kind: continuous, low: 0.0, high: 1.0, step: 0.001, unit: s}
  - {name: note.duration, kind: continuous, low: 0.05, high: 6.0, step: 0.001, log: true, unit: s}
"""


def draft(probe: Probe, task: str, plugin: str, preset: str | None = None) -> str:
    """Write the YAML of a task; ``plugin`` and ``preset`` are how its ``engine`` names them."""
    found = probe.plugin
    engine: dict[str, Any] = {"plugin": plugin, "name": found.name, "version": found.version}
    engine |= {} if preset is None else {"preset": preset}
    # Two renders of 20 patches that were the same, bit for bit.
    engine |= {"deterministic": True} if probe.deterministic else {}
    used = {p.name: p for p in probe.parameters if not (p.excluded or p.inert)}
    units, many = _few_exchanges(probe.units)
    in_units = {name for unit in units for copy in unit.members for name in copy}
    alone = [p for p in used.values() if p.name not in in_units]
    inert = [p for p in probe.parameters if p.inert]
    excluded = [p for p in probe.parameters if p.excluded]
    lines = [
        f"# {found.name} {found.version} ({found.maker}) as a task, drafted by unsynth "
        f"{__version__}: yours to change.",
        "# The keys are explained in docs/tasks.md. Raw values are the plugin's, 0 to 1. Each is",
        "# drawn evenly: narrow the ranges where most of what comes out is noise or silence.",
        f"task: {task}",
        "synth: vst3",
        *_block("engine", engine),
        "",
        *_units(units, used),
        *_no_units(probe, many),
        *([] if alone else ["parameters: []"]),
        *(["parameters:"] if alone else []),
        *(line for p in alone for line in _parameter(p, p.name, p.name)),
        "",
        *_fixed(inert, probe.patches),
        *_left_out(excluded),
    ]
    return "\n".join(lines) + "\n" + _NOTE


def write_draft(text: str, path: Path) -> DeclaredTask:
    """Write a draft where no file is yet, and read it as the task that it is.

    Raises :class:`OutputError` where a file is already, or none can be written.
    """
    task = DeclaredTask(parse(text, str(path)), path.absolute().parent, str(path.absolute()))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(f"{path} is there already: move it, or choose another --out") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    return task


def task_name(plugin: str) -> str:
    """Make a task's name of a plugin's.

    >>> task_name("mda JX10"), task_name("Ünknown (2)")
    ('mda-jx10', 'nknown-2')
    """
    return re.sub(r"[^a-z0-9]+", "-", plugin.lower()).strip("-") or "own-synth"


def _few_exchanges(
    proposed: Sequence[ProposedUnit],
) -> tuple[list[ProposedUnit], list[ProposedUnit]]:
    """Part units, the largest first, into those whose exchanges can all be listed, and others."""
    kept: list[ProposedUnit] = []
    images = 1
    for unit in proposed:
        if images * factorial(len(unit.labels)) <= MOST_IMAGES:
            images *= factorial(len(unit.labels))
            kept.append(unit)
    return kept, [unit for unit in proposed if unit not in kept]


def _units(units: Sequence[ProposedUnit], used: Mapping[str, Probed]) -> Iterator[str]:
    if not units:
        return
    yield "# Copies of a block: exchanged in random patches, they sounded the same, so that a"
    yield "# model may take them for the same thing. Take a block apart if you know better."
    yield "units:"
    taken: set[str] = set()
    for unit in units:
        yield from _unit(unit, used, taken)
    yield ""


def _no_units(probe: Probe, many: Sequence[ProposedUnit]) -> Iterator[str]:
    for unit, distance in probe.unlike:
        yield f"# {_copies(unit)} look like copies of a block, but changing places moved the"
        size = f"{len(unit.suffixes)} parameters"
        yield f"# sound by up to {distance:.1f} dB (MSS): no unit of {size}."
    for unit in many:
        yield f"# {_copies(unit)} are copies of a block, but all units together may have"
        yield f"# {MOST_IMAGES:,} exchanges at most: no unit of {len(unit.suffixes)} parameters."


def _copies(unit: ProposedUnit) -> str:
    return ", ".join(unit.stem.replace("{}", label) for label in unit.labels)


def _unit(unit: ProposedUnit, used: Mapping[str, Probed], taken: set[str]) -> Iterator[str]:
    plain = re.sub("_+", "_", unit.stem.replace("{}", "")).strip("_") or "unit"
    name, number = plain, 2
    while name in taken | {"parameters", "note"}:
        name, number = f"{plain}_{number}", number + 1
    taken.add(name)
    yield f"  - name: {name}"
    yield f"    count: {len(unit.labels)}"
    yield "    parameters:"
    numbered = unit.labels == tuple(str(i + 1) for i in range(len(unit.labels)))
    for i, suffix in enumerate(unit.suffixes):
        controls = [copy[i] for copy in unit.members]
        template = f"{unit.stem.replace('{}', '{n}')}_{suffix}"
        control = template if numbered else controls
        for line in _parameter(used[controls[0]], suffix, control):
            yield f"    {line}"


def _parameter(p: Probed, name: str, control: str | list[str]) -> Iterator[str]:
    yield f"  # {p.host.printed}: {_texts(p)}"
    fields = {"name": name, **_values(p), "control": control}
    short = _flow(fields)
    if len(short) <= _WIDTH - 8:
        yield f"  - {short}"
        return
    text = yaml.safe_dump(fields, default_flow_style=None, sort_keys=False, allow_unicode=True,
                          width=_WIDTH - 8)  # fmt: skip
    for i, line in enumerate(text.splitlines()):
        yield ("  - " if i == 0 else "    ") + line


def _values(p: Probed) -> dict[str, Any]:
    """Say what values a parameter takes: any, whole numbers, or choices."""
    if not p.choices:
        return {"kind": "continuous", "low": 0.0, "high": 1.0, "step": _STEP}
    names = [name for name, _ in p.choices]
    raw = [value for _, value in p.choices]
    numbers = _whole_numbers(names)
    if numbers is not None and _even(raw):
        return {"kind": "integer", "low": numbers[0], "high": numbers[-1], "raw": [raw[0], raw[-1]]}
    return {"kind": "categorical", "choices": names, "raw": raw}


def _whole_numbers(names: Sequence[str]) -> list[int] | None:
    """Read numbers that count up by one, such as octaves; more than two of them.

    >>> _whole_numbers(["-1 oct", "0 oct", "1 oct"]), _whole_numbers(["Saw", "1", "2"])
    ([-1, 0, 1], None)
    """
    found = [re.match(r"([+-]?\d+)(?![\d.,]|\s*/)", name) for name in names]
    numbers = [int(each[1]) for each in found if each]
    counted = len(numbers) == len(names) > 2 and all(b == a + 1 for a, b in pairwise(numbers))
    return numbers if counted else None


def _even(raw: Sequence[float]) -> bool:
    step = (raw[-1] - raw[0]) / (len(raw) - 1)
    return all(abs(raw[0] + i * step - value) <= _EVEN for i, value in enumerate(raw))


def _texts(p: Probed) -> str:
    """Say what a parameter prints, and where the plugin starts."""
    texts = p.host.texts
    start = next(text for text, low, high in reversed(texts) if p.host.initial >= low)
    kinds = f"{len(p.choices)} steps, " if p.choices else ""
    ends = f"{texts[0][0]} to {texts[-1][0]}" if len(texts) > 1 else texts[0][0]
    said = f"{kinds}{ends}, starts at {p.host.initial:.4g}"
    return " ".join(f"{said} ({start})".split())


def _fixed(inert: Sequence[Probed], patches: int) -> Iterator[str]:
    if not inert:
        return
    yield f"# Inert: what changed nothing in {patches} random patches stays as the plugin starts."
    yield "fixed:"
    for p in inert:
        yield f"  {p.name}: {p.host.initial:.6g}  # inert; {p.host.printed}: {_texts(p)}"
    yield ""


def _left_out(excluded: Sequence[Probed]) -> Iterator[str]:
    if not excluded:
        return
    yield "# Left out: these stay as the plugin starts."
    for p in excluded:
        yield f"#   {p.name}: {p.excluded}; {p.host.printed}: {_texts(p)}"
    yield ""


def _block(key: str, fields: Mapping[str, Any]) -> list[str]:
    text = yaml.safe_dump({key: dict(fields)}, sort_keys=False, allow_unicode=True, width=1000)
    return text.splitlines()


def _flow(fields: Mapping[str, Any]) -> str:
    text = yaml.safe_dump(
        dict(fields), default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.strip()
