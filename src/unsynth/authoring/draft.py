"""Draft a task file, with comments, from the probe of a VST3 instrument.

It lists every parameter of the plugin: those to draw with their ranges and texts, the others with
the reason. The prior is uniform in the plugin's raw values, 0 to 1.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import factorial
from pathlib import Path
from typing import Any

from unsynth.authoring.probing import Probe, ProbedParameter
from unsynth.authoring.units import ProposedUnit
from unsynth.documents import DocumentError, parse_yaml, write_yaml
from unsynth.errors import OutputError, TaskError
from unsynth.tasks.declared.reader import MOST_IMAGES
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.version import __version__

#: Step of a continuous raw value. For a range of two octaves it is 0.24 cents.
_STEP = 0.0001
#: Raw values this close to even steps count as evenly spaced.
_EVEN = 1e-3
#: Longest line of a file.
_WIDTH = 98
_NOTE = """\
# The note: onset and duration are in seconds. It may last longer than the 4 s that are rendered.
note:
  - {name: note.pitch, low: 36, high: 84}
  - {name: note.onset, kind: continuous, low: 0.0, high: 1.0, step: 0.001, unit: s}
  - {name: note.duration, kind: continuous, low: 0.05, high: 6.0, step: 0.001, log: true, unit: s}
"""


def draft(probe: Probe, task: str, plugin: str, preset: str | None = None) -> str:
    """Write the YAML of a task; its ``engine`` names ``plugin`` and ``preset`` as given here."""
    plugin_class = probe.plugin
    engine: dict[str, Any] = {"plugin": plugin, "name": plugin_class.name}
    engine["version"] = plugin_class.version
    engine |= {} if preset is None else {"preset": preset}
    # True if two renders of every random patch were equal, bit for bit.
    engine |= {"deterministic": True} if probe.deterministic else {}
    used = {p.name: p for p in probe.parameters if not (p.excluded or p.inert)}
    units, too_many = _split_by_exchanges(probe.units)
    in_units = {name for unit in units for copy in unit.members for name in copy}
    single = [p for p in used.values() if p.name not in in_units]
    inert = [p for p in probe.parameters if p.inert]
    excluded = [p for p in probe.parameters if p.excluded]
    lines = [
        f"# A task for {plugin_class.name} {plugin_class.version} ({plugin_class.maker}).",
        f"# Drafted by unsynth {__version__}: edit it as you like. Keys: see docs/use/tasks.md.",
        "# Raw values are the plugin's own, from 0 to 1. All values of a range are equally likely:",
        "# narrow the ranges if many draws are noise or silence.",
        f"task: {task}",
        "synth: vst3",
        *_block("engine", engine),
        "",
        *_units(units, used),
        *_no_units(probe, too_many),
        "parameters:" if single else "parameters: []",
        *(line for p in single for line in _parameter(p, p.name, p.name)),
        "",
        *_fixed(inert, probe.patches),
        *_left_out(excluded),
    ]
    return "\n".join(lines) + "\n" + _NOTE


def write_draft(text: str, path: Path) -> DeclaredTask:
    """Write a draft to a new file, and return the task that it declares.

    Raises :class:`OutputError` if the file exists or cannot be written, and :class:`TaskError` if a
    task file cannot hold so many parameters.
    """
    try:
        content = parse_yaml(text)
    except DocumentError as error:
        raise TaskError(f"{path}: {error}; leave parameters out") from None
    task = DeclaredTask(content, path.absolute().parent, str(path.absolute()))
    try:
        # "x" never overwrites a file, not even one that appears at this moment.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(f"{path} already exists: move it, or choose another --out") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    return task


def task_name(plugin: str) -> str:
    """Derive the name of a task from that of a plugin.

    >>> task_name("mda JX10"), task_name("Ünknown (2)")
    ('mda-jx10', 'nknown-2')
    """
    return re.sub(r"[^a-z0-9]+", "-", plugin.lower()).strip("-") or "own-synth"


def _split_by_exchanges(
    proposed: Sequence[ProposedUnit],
) -> tuple[list[ProposedUnit], list[ProposedUnit]]:
    """Split units, the largest first, into those whose exchanges a task can list, and the rest."""
    units: list[ProposedUnit] = []
    images = 1
    for unit in proposed:
        if images * factorial(len(unit.labels)) <= MOST_IMAGES:
            images *= factorial(len(unit.labels))
            units.append(unit)
    return units, [unit for unit in proposed if unit not in units]


def _units(units: Sequence[ProposedUnit], used: Mapping[str, ProbedParameter]) -> Iterator[str]:
    if not units:
        return
    yield "# Repeated blocks: with two copies exchanged, random patches sounded the same, so models"
    yield "# may treat the copies alike. If you know better, list a block's parameters one by one."
    yield "# `unsynth symmetry` measures which exchanges hold, and when."
    yield "units:"
    taken: set[str] = set()
    for unit in units:
        yield from _unit(unit, used, taken)
    yield ""


def _no_units(probe: Probe, too_many: Sequence[ProposedUnit]) -> Iterator[str]:
    for unit, distance in probe.unlike:
        moved = f"moved a sound by up to {distance:.1f} dB (MSS)"
        yield f"# {_copies(unit)} look like copies of a block of {len(unit.suffixes)} parameters."
        yield f"# They are no unit: exchanging two copies {moved}."
    for unit in too_many:
        yield f"# {_copies(unit)} are copies of a block of {len(unit.suffixes)} parameters."
        yield f"# They are no unit: all units together may have at most {MOST_IMAGES:,} exchanges."


def _copies(unit: ProposedUnit) -> str:
    return ", ".join(unit.stem.replace("{}", label) for label in unit.labels)


def _unit(
    unit: ProposedUnit, used: Mapping[str, ProbedParameter], taken: set[str]
) -> Iterator[str]:
    base = re.sub("_+", "_", unit.stem.replace("{}", "")).strip("_") or "unit"
    name, number = base, 2
    while name in taken | {"parameters", "note"}:
        name, number = f"{base}_{number}", number + 1
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


def _parameter(p: ProbedParameter, name: str, control: str | list[str]) -> Iterator[str]:
    yield f"  # {p.host.label}: {_texts(p)}"
    fields = {"name": name, **_values(p), "control": control}
    one_line = _flow(fields)
    if len(one_line) <= _WIDTH - 8:
        yield f"  - {one_line}"
        return
    text = write_yaml(fields, default_flow_style=None, width=_WIDTH - 8)
    for i, line in enumerate(text.splitlines()):
        yield ("  - " if i == 0 else "    ") + line


def _values(p: ProbedParameter) -> dict[str, Any]:
    """Describe the values of a parameter: a continuous range, whole numbers, or choices."""
    if not p.choices:
        return {"kind": "continuous", "low": 0.0, "high": 1.0, "step": _STEP}
    names = [name for name, _ in p.choices]
    raw = [value for _, value in p.choices]
    numbers = _whole_numbers(names)
    if numbers is not None and _even(raw):
        return {"kind": "integer", "low": numbers[0], "high": numbers[-1], "raw": [raw[0], raw[-1]]}
    return {"kind": "categorical", "choices": names, "raw": raw}


def _whole_numbers(names: Sequence[str]) -> list[int] | None:
    """Read texts that count up by one, such as octaves; ``None`` unless there are three or more.

    >>> _whole_numbers(["-1 oct", "0 oct", "1 oct"]), _whole_numbers(["Saw", "1", "2"])
    ([-1, 0, 1], None)
    """
    matches = [re.match(r"([+-]?\d+)(?![\d.,]|\s*/)", name) for name in names]
    numbers = [int(match[1]) for match in matches if match]
    counting = len(numbers) == len(names) > 2 and all(b == a + 1 for a, b in pairwise(numbers))
    return numbers if counting else None


def _even(raw: Sequence[float]) -> bool:
    """Say whether raw values are evenly spaced."""
    step = (raw[-1] - raw[0]) / (len(raw) - 1)
    return all(abs(raw[0] + i * step - value) <= _EVEN for i, value in enumerate(raw))


def _texts(p: ProbedParameter) -> str:
    """Describe the texts of a parameter, and where the plugin starts."""
    texts = p.host.texts
    start = next(text for text, low, high in reversed(texts) if p.host.initial >= low)
    steps = f"{len(p.choices)} steps, " if p.choices else ""
    ends = f"{texts[0][0]} to {texts[-1][0]}" if len(texts) > 1 else texts[0][0]
    return " ".join(f"{steps}{ends}, starts at {p.host.initial:.4g} ({start})".split())


def _fixed(inert: Sequence[ProbedParameter], patches: int) -> Iterator[str]:
    if not inert:
        return
    yield f"# Inert: these changed nothing in {patches} random patches and keep their start values."
    yield "fixed:"
    for p in inert:
        yield f"  {p.name}: {p.host.initial:.6g}  # inert; {p.host.label}: {_texts(p)}"
    yield ""


def _left_out(excluded: Sequence[ProbedParameter]) -> Iterator[str]:
    if not excluded:
        return
    yield "# Left out, each with the reason. These keep their start values, too."
    for p in excluded:
        yield f"#   {p.name}: {p.excluded}; {p.host.label}: {_texts(p)}"
    yield ""


def _block(key: str, fields: Mapping[str, Any]) -> list[str]:
    text = write_yaml({key: dict(fields)}, width=1000)
    return text.splitlines()


def _flow(fields: Mapping[str, Any]) -> str:
    return write_yaml(dict(fields), default_flow_style=True, width=10_000).strip()
