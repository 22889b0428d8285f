"""Propose repeated blocks of a synthesizer, such as oscillators, from its parameters' names."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

#: Words after which a single letter is a label, as in ``osc_a_level``.
_LETTERED = {"osc", "oscillator", "op", "operator", "lfo", "env", "envelope", "filter", "layer"}
#: Fewest parameters of a block.
_SMALLEST = 2


@dataclass(frozen=True)
class ProposedUnit:
    """Copies of a block. A parameter's name is the stem, with a label for ``{}``, and a suffix.

    ``members[i]`` are the names of copy i's parameters, in the order of ``suffixes``.
    """

    stem: str
    labels: tuple[str, ...]
    suffixes: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]


def propose_units(
    names: Sequence[str], alike: Callable[[str, str], bool]
) -> tuple[ProposedUnit, ...]:
    """Find blocks in names such as ``osc_1_level``, ``osc_2_level``; the largest come first.

    ``alike`` says whether two parameters take the same values. No name is in two blocks.

    >>> propose_units(("osc1_wave", "osc1_level", "osc2_wave", "osc2_level"), lambda a, b: True)
    (ProposedUnit(stem='osc{}', labels=('1', '2'), suffixes=('wave', 'level'), \
members=(('osc1_wave', 'osc1_level'), ('osc2_wave', 'osc2_level'))),)
    """
    families: dict[str, dict[str, dict[str, str]]] = {}
    for name in names:
        for stem, label, suffix in _readings(name):
            families.setdefault(stem, {}).setdefault(label, {})[suffix] = name
    taken: set[str] = set()
    units = []
    while proposed := [u for u in (_unit(s, c, taken, alike) for s, c in families.items()) if u]:
        best = max(proposed, key=lambda u: (len(u.labels) * len(u.suffixes), len(u.labels)))
        units.append(best)
        taken |= {name for copy in best.members for name in copy}
    return tuple(units)


def _readings(name: str) -> Iterator[tuple[str, str, str]]:
    """Split a name at each of its labels; yield the stem, the label and the suffix."""
    tokens = name.split("_")
    for i, token in enumerate(tokens[:-1]):
        match = re.fullmatch(r"([a-z]*)(\d+)", token)
        lettered = i and tokens[i - 1] in _LETTERED and re.fullmatch("[a-h]", token)
        if match is None and not lettered:
            continue
        word, label = match.groups() if match else ("", token)
        yield "_".join([*tokens[:i], word + "{}"]), label, "_".join(tokens[i + 1 :])


def _unit(
    stem: str,
    copies: dict[str, dict[str, str]],
    taken: set[str],
    alike: Callable[[str, str], bool],
) -> ProposedUnit | None:
    """Make a block of the parameters that all copies share, without copies that lack most."""
    free = {
        label: {suffix: name for suffix, name in copy.items() if name not in taken}
        for label, copy in copies.items()
    }
    largest = max(map(len, free.values()))
    whole = {label: copy for label, copy in free.items() if 2 * len(copy) > largest}
    if len(whole) < 2:
        return None
    # By length first, so that 10 comes after 9.
    whole = dict(sorted(whole.items(), key=lambda item: (len(item[0]), item[0])))
    first, *others = whole.values()
    suffixes = tuple(
        suffix
        for suffix, name in first.items()
        if all(suffix in other and alike(name, other[suffix]) for other in others)
    )
    if len(suffixes) < _SMALLEST:
        return None
    members = tuple(tuple(copy[suffix] for suffix in suffixes) for copy in whole.values())
    return ProposedUnit(stem, tuple(whole), suffixes, members)
