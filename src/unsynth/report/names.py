"""Names of parameters in plain words, and the sections of a panel that they belong to."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

#: Abbreviations in names of parameters.
_WORDS = {
    "amt": "amount",
    "att": "attack",
    "dec": "decay",
    "eg": "EG",
    "env": "envelope",
    "eq": "EQ",
    "feg": "filter EG",
    "fm": "FM",
    "freq": "frequency",
    "gld": "glide",
    "hf": "high",
    "lf": "low",
    "lfo": "LFO",
    "lvl": "level",
    "on": "switch",
    "osc": "oscillator",
    "pw": "pulse width",
    "pwm": "PWM",
    "rel": "release",
    "reso": "resonance",
    "sus": "sustain",
    "to": "→",
    "vca": "VCA",
    "vcf": "VCF",
    "vco": "VCO",
    "vel": "velocity",
    "vol": "volume",
}
#: Modules that a section may contain: names that start with one of them belong together.
_MODULES = ("LFO", "envelope", "EG")
#: The section of names without a prefix.
GENERAL = "general"


@dataclass(frozen=True)
class Place:
    """Where a parameter stands: a section, a group in it (``""``: none), and a last part."""

    section: str
    group: str
    leaf: str


def words(name: str) -> list[str]:
    """Split a name into plain words.

    >>> words("osc1"), words("feg_mod_amount"), words("att")
    (['oscillator', '1'], ['filter EG', 'mod', 'amount'], ['attack'])
    """
    split = []
    for word in re.split(r"[_\s]+", name):
        numbered = re.fullmatch(r"([^\W\d]{2,})(\d+)", word)
        split += list(numbered.groups()) if numbered else [word]
    return [_WORDS.get(word.lower(), word) for word in split if word]


def label(name: str) -> str:
    """Write a name in plain words.

    >>> label("osc1"), label("amp_eg"), label("to_wave_frame")
    ('Oscillator 1', 'Amp EG', '→ wave frame')
    """
    text = " ".join(words(name)) or name
    return text[:1].upper() + text[1:]


def places(names: Sequence[str]) -> list[Place]:
    """Place each parameter on the panel by the dots and the first words of its name.

    >>> places(["osc1.lfo.rate", "osc1.env_attack", "osc1.env_decay", "fm_depth", "fm_mode", "pan"])
    ... # doctest: +NORMALIZE_WHITESPACE
    [Place(section='oscillator 1', group='lfo', leaf='rate'),
     Place(section='oscillator 1', group='envelope', leaf='attack'),
     Place(section='oscillator 1', group='envelope', leaf='decay'),
     Place(section='FM', group='', leaf='depth'),
     Place(section='FM', group='', leaf='mode'),
     Place(section='general', group='', leaf='pan')]
    """
    placed = [_by_dots(name) for name in names]
    flat = Counter(_first(place.leaf)[0] for place in placed if not place.section)
    sections = {first for first, count in flat.items() if count > 1}
    sections.update(place.section for place in placed if place.section)
    in_modules = Counter((p.section, _first(p.leaf)[0]) for p in placed if not p.group)
    return [_by_words(place, sections, in_modules) for place in placed]


def _by_words(place: Place, sections: Set[str], in_modules: Mapping[tuple[str, str], int]) -> Place:
    """Use the first word of the last part, where others have it too."""
    first, rest = _first(place.leaf)
    if not place.section:
        return (
            Place(first, "", rest or place.leaf)
            if first in sections
            else Place(GENERAL, "", place.leaf)
        )
    if place.group or not rest or first not in _MODULES or in_modules[place.section, first] < 2:
        return place
    return Place(place.section, first, rest)


def _by_dots(name: str) -> Place:
    parts = [part for part in name.split(".") if part.strip()]
    if len(parts) < 2:
        return Place("", "", name)
    return Place(_key(parts[0]), ".".join(parts[1:-1]), parts[-1])


def _first(leaf: str) -> tuple[str, str]:
    """Split off the first word, with its number: ``osc_1_level`` into oscillator 1, ``level``."""
    match = re.fullmatch(r"([^_\s]+(?:[_\s]\d+)?)[_\s]+(.+)", leaf, re.DOTALL)
    return (_key(match[1]), match[2]) if match else (_key(leaf), "")


def _key(name: str) -> str:
    """Name a section or a module so that ``osc1`` and ``osc_1`` are the same."""
    return " ".join(words(name)) or name
