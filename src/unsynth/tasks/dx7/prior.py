"""The prior of the ``dx7`` task: patches like those in people's banks.

Uniform values mostly sound like noise, so this prior is written by hand, in round numbers.

The parameters fall into blocks: envelope, release, ratio and so on. Blocks are independent, and
all algorithms are equally likely. The six operators share a *kind* k per block. Given the kind,
each operator i has a *type* t of its own, which also depends on its role r_i in the algorithm:
carrier or modulator. Each parameter c of the block has a table of probabilities for each type:

    p(block | roles) = sum_k p(k) prod_i sum_t p(t | k, r_i) prod_c p(x_ic | t).

So the density stays the same if two operators of one role change places, or if the algorithm
changes to another one with as many carriers. The paper asks for this (section 3). Here it holds by
construction, without sorting and without averaging over exchanges.

No value has probability 0. Drawing uses only uniform doubles and arithmetic that IEEE 754 fixes to
the last bit, so a seed gives the same patches on every machine, with every version of numpy.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter
from unsynth.tasks.spec import Spec

#: Peaks (weight, centre, width) of one parameter's distribution. A peak has heavy tails; one of
#: width 0 is a single value. The rest of the weight is spread over all values of the parameter,
#: evenly on its scale.
Peaks = Sequence[tuple[float, int, int | float]]
#: Peaks by parameter of a block; a parameter without peaks is spread over all its values.
Type = Mapping[str, Peaks]
#: Relative frequency of each type.
Weights = Mapping[str, int]
#: Relative frequency of a kind, then the types of its carriers and those of its modulators.
Kind = tuple[int, Weights, Weights]

_FAST: Peaks = [(0.6, 99, 0), (0.37, 80, 18)]
_FULL: Peaks = [(0.8, 99, 0), (0.18, 92, 10)]
_HIGH: Peaks = [(0.15, 99, 0), (0.83, 91, 9)]
_OFF: Peaks = [(0.98, 0, 0)]
_IN_TUNE: Peaks = [(0.92, 0, 0), (0.06, 1, 1)]

#: Envelopes until the end of the note, with levels in steps of 0.75 dB. A decay of 40 dB takes
#: 20 s at rate 20, 2 s at rate 40 and 0.2 s at rate 60. A full attack takes 5 s, 0.5 s and 0.06 s.
# fmt: off
ENVELOPE_TYPES: Mapping[str, Type] = {
    "hold": dict(rate1=[(0.45, 99, 0), (0.52, 70, 20)], level1=[(0.96, 99, 0)],
                 rate2=[(0.35, 99, 0), (0.45, 40, 25)], level2=[(0.8, 99, 0), (0.18, 96, 3)],
                 rate3=[(0.3, 99, 0), (0.5, 35, 20)], level3=[(0.72, 99, 0), (0.26, 96, 3)]),
    "swell": dict(rate1=[(0.97, 59, 12)], level1=_FULL,
                  rate2=[(0.1, 99, 0), (0.86, 42, 18)], level2=_HIGH,
                  rate3=[(0.97, 28, 15)], level3=[(0.12, 99, 0), (0.86, 88, 12)]),
    "fade": dict(rate1=[(0.97, 35, 11)], level1=_FULL,
                 rate2=[(0.1, 99, 0), (0.86, 26, 14)], level2=_HIGH,
                 rate3=[(0.97, 22, 12)], level3=[(0.12, 99, 0), (0.86, 88, 12)]),
    "settle": dict(rate1=_FAST, level1=_FULL,
                   rate2=[(0.1, 99, 0), (0.86, 48, 22)], level2=[(0.1, 99, 0), (0.87, 88, 12)],
                   rate3=[(0.1, 99, 0), (0.86, 30, 18)], level3=[(0.97, 75, 22)]),
    "ring": dict(rate1=_FAST, level1=_FULL,
                 rate2=[(0.98, 32, 10)], level2=_HIGH,
                 rate3=[(0.98, 22, 8)], level3=_OFF),
    "pluck": dict(rate1=_FAST, level1=_FULL,
                  rate2=[(0.1, 99, 0), (0.87, 52, 15)], level2=_HIGH,
                  rate3=[(0.98, 34, 11)], level3=_OFF),
    "tick": dict(rate1=_FAST, level1=_FULL,
                 rate2=[(0.97, 52, 20)], level2=[(0.45, 0, 0), (0.52, 55, 30)],
                 rate3=[(0.15, 99, 0), (0.82, 40, 25)], level3=_OFF),
    "late": dict(rate1=[(0.25, 99, 0), (0.65, 40, 25)], level1=[(0.25, 0, 0), (0.65, 65, 30)],
                 level2=[(0.45, 99, 0), (0.45, 85, 15)],
                 level3=[(0.45, 0, 0), (0.2, 99, 0), (0.3, 85, 15)]),
    "any": {},
}
ENVELOPE_KINDS: Mapping[str, Kind] = {
    "bell": (14, dict(ring=85, tick=7, settle=4, late=2, any=2),
             dict(ring=50, pluck=16, tick=16, settle=10, hold=5, any=3)),
    "plucked": (24, dict(pluck=49, tick=37, ring=5, settle=4, late=3, any=2),
                dict(pluck=35, tick=45, ring=8, settle=5, hold=4, any=3)),
    "keyed": (22, dict(settle=48, hold=25, pluck=10, ring=6, late=8, any=3),
              dict(settle=46, hold=15, tick=12, pluck=9, ring=4, late=10, any=4)),
    "organ": (18, dict(hold=82, tick=9, late=5, settle=2, any=2),
              dict(hold=68, settle=12, tick=9, late=8, any=3)),
    "brass": (11, dict(swell=76, hold=13, settle=6, late=3, any=2),
              dict(swell=48, settle=28, hold=12, late=7, any=5)),
    "pad": (7, dict(fade=68, swell=9, hold=14, settle=3, late=4, any=2),
            dict(fade=45, swell=12, settle=14, hold=13, late=10, any=6)),
    "free": (4, dict(late=75, fade=7, ring=10, any=8),
             dict(late=45, fade=15, ring=10, pluck=12, any=18)),
}

#: Envelopes after the end of the note. A decay of 40 dB takes 6 s at rate 30, 1.4 s at rate 43 and
#: 0.2 s at rate 60.
RELEASE_TYPES: Mapping[str, Type] = {
    "slow": dict(rate4=[(0.95, 16, 9)], level4=[(0.8, 0, 0)]),
    "ringing": dict(rate4=[(0.98, 31, 6)], level4=_OFF),
    "lasting": dict(rate4=[(0.98, 43, 6)], level4=_OFF),
    "short": dict(rate4=[(0.98, 60, 13)], level4=_OFF),
    "cut": dict(rate4=[(0.75, 99, 0), (0.23, 85, 10)], level4=_OFF),
    "any": {},
}
RELEASE_KINDS: Mapping[str, Kind] = {
    "ringing": (24, dict(ringing=81, lasting=15, short=3, any=1),
                dict(ringing=60, slow=23, lasting=9, short=5, any=3)),
    "lasting": (42, dict(lasting=92, ringing=4, short=3, any=1),
                dict(lasting=56, ringing=18, slow=11, short=12, any=3)),
    "short": (24, dict(short=84, lasting=12, cut=3, any=1),
              dict(short=63, lasting=16, ringing=6, slow=5, cut=7, any=3)),
    "cut": (10, dict(cut=82, short=13, lasting=4, any=1),
            dict(cut=70, short=11, lasting=7, slow=9, any=3)),
}

#: Frequencies as multiples of the note's: coarse * (1 + fine / 100), where coarse 0 means 0.5.
RATIO_TYPES: Mapping[str, Type] = {
    "half": dict(ratio_coarse=[(0.99, 0, 0)], ratio_fine=_IN_TUNE),
    "unison": dict(ratio_coarse=[(0.99, 1, 0)], ratio_fine=_IN_TUNE),
    "octave": dict(ratio_coarse=[(0.99, 2, 0)], ratio_fine=_IN_TUNE),
    "low": dict(ratio_coarse=[(0.98, 4, 1.5)], ratio_fine=_IN_TUNE),
    "high": dict(ratio_coarse=[(0.8, 9, 6)], ratio_fine=_IN_TUNE),
    "between": dict(ratio_coarse=[(0.3, 0, 0), (0.3, 1, 0), (0.35, 3, 3)],
                    ratio_fine=[(0.2, 0, 3), (0.2, 50, 2), (0.1, 75, 3), (0.2, 99, 1)]),
}
RATIO_KINDS: Mapping[str, Kind] = {
    "plain": (47, dict(unison=78, octave=12, half=5, low=3, high=1, between=1),
              dict(unison=45, octave=17, half=9, low=17, high=9, between=3)),
    "deep": (16, dict(half=50, unison=33, octave=8, low=4, high=2, between=3),
             dict(half=42, unison=25, octave=9, low=11, high=7, between=6)),
    "rich": (23, dict(unison=35, octave=25, low=25, half=6, high=7, between=2),
             dict(high=42, low=25, unison=15, octave=8, half=6, between=4)),
    "clang": (14, dict(between=39, unison=30, half=10, octave=8, low=10, high=3),
              dict(between=50, unison=18, high=15, low=7, half=6, octave=4)),
}

#: Detuning of operators whose frequency follows the note.
DETUNE_TYPES: Mapping[str, Type] = {
    "none": dict(ratio_detune=[(0.99, 0, 0)]),
    "some": dict(ratio_detune=[(0.97, 0, 4)]),
    "most": dict(ratio_detune=[(0.47, -7, 0), (0.47, 7, 0)]),
}
DETUNE_KINDS: Mapping[str, Kind] = {
    "none": (35, dict(none=91, some=6, most=3), dict(none=86, some=10, most=4)),
    "some": (45, dict(none=24, some=68, most=8), dict(none=20, some=72, most=8)),
    "most": (20, dict(none=24, some=20, most=56), dict(none=20, some=30, most=50)),
}

#: Fixed frequencies, 10^(coarse + fine / 100) Hz; most fixed carriers are too low to be audible.
FIXED_TYPES: Mapping[str, Type] = {
    "off": dict(mode=[(0.99, 0, 0)], fixed_detune=[(0.7, 0, 0)]),
    "slow": dict(mode=[(0.99, 1, 0)], fixed_coarse=[(0.98, 0, 0)],
                 fixed_fine=[(0.3, 0, 0), (0.4, 20, 20)], fixed_detune=[(0.7, 0, 0)]),
    "tone": dict(mode=[(0.99, 1, 0)], fixed_detune=[(0.7, 0, 0)]),
}
FIXED_KINDS: Mapping[str, Kind] = {
    "none": (64, dict(off=1), dict(off=1)),
    "some": (32, dict(off=57, slow=35, tone=8), dict(off=79, slow=7, tone=14)),
    "most": (4, dict(off=25, slow=35, tone=40), dict(off=30, slow=10, tone=60)),
}

#: The level of a carrier is its loudness; that of a modulator is the brightness that it adds.
LEVEL_TYPES: Mapping[str, Type] = {
    "full": dict(output_level=[(0.97, 99, 0)]),
    "loud": dict(output_level=[(0.98, 91, 8)]),
    "middle": dict(output_level=[(0.98, 79, 9)]),
    "quiet": dict(output_level=[(0.95, 60, 14)]),
    "silent": dict(output_level=[(0.95, 0, 0)]),
}
LEVEL_KINDS: Mapping[str, Kind] = {
    "mellow": (34, dict(full=61, loud=31, middle=5, quiet=2, silent=1),
               dict(middle=50, quiet=32, loud=13, full=3, silent=2)),
    "medium": (40, dict(full=67, loud=25, middle=5, quiet=2, silent=1),
               dict(middle=60, loud=25, quiet=8, full=5, silent=2)),
    "bright": (26, dict(full=76, loud=18, middle=3, quiet=2, silent=1),
               dict(full=35, loud=30, middle=25, quiet=8, silent=2)),
}

#: Sensitivity to the LFO in amplitude. It changes the level even if the LFO's depth is 0, so few
#: operators have any.
TREMOLO_TYPES: Mapping[str, Type] = {
    "off": dict(amp_mod_sensitivity=[(0.99, 0, 0)]),
    "on": dict(amp_mod_sensitivity=[(0.2, 1, 0), (0.1, 2, 0), (0.6, 3, 0)]),
}
TREMOLO_KINDS: Mapping[str, Kind] = {
    "none": (74, dict(off=1), dict(off=1)),
    "some": (26, dict(off=56, on=44), dict(off=60, on=40)),
}

#: Pitch envelopes; level 50 is the note's own pitch.
PITCH_TYPES: Mapping[str, Type] = {
    "flat": {f"pitch_eg.level{i}": [(0.995, 50, 0)] for i in range(1, 5)},
    "near": {
        **{f"pitch_eg.rate{i}": [(0.4, 99, 0), (0.3, 85, 15)] for i in range(1, 5)},
        "pitch_eg.level1": [(0.2, 50, 0), (0.78, 50, 3)],
        "pitch_eg.level2": [(0.5, 50, 0), (0.48, 50, 2)],
        "pitch_eg.level3": [(0.85, 50, 0), (0.13, 50, 3)],
        "pitch_eg.level4": [(0.85, 50, 0), (0.13, 50, 3)],
    },
    "wide": {f"pitch_eg.level{i}": [(0.4, 50, 0), (0.4, 50, 15)] for i in range(1, 5)},
}
PITCH_WEIGHTS: Weights = dict(flat=69, near=25, wide=6)

_LFO_SPEED: Peaks = [(0.85, 33, 7)]
_LFO_WAVE: Peaks = [(0.4, 0, 0), (0.35, 4, 0)]
LFO_TYPES: Mapping[str, Type] = {
    "still": {
        "lfo.speed": _LFO_SPEED,
        "lfo.delay": [(0.6, 0, 0)],
        "lfo.pitch_depth": [(0.97, 0, 0)],
        "lfo.amp_depth": [(0.85, 0, 0)],
        "lfo.wave": _LFO_WAVE,
        "lfo.pitch_sensitivity": [(0.9, 2, 1)],
    },
    "vibrato": {
        "lfo.speed": _LFO_SPEED,
        "lfo.delay": [(0.4, 0, 0), (0.4, 38, 15)],
        "lfo.pitch_depth": [(0.95, 8, 10)],
        "lfo.amp_depth": [(0.75, 0, 0)],
        "lfo.wave": _LFO_WAVE,
        "lfo.pitch_sensitivity": [(0.5, 1, 0), (0.45, 2, 1)],
    },
    "wild": {
        "lfo.delay": [(0.5, 0, 0)],
        "lfo.pitch_depth": [(0.3, 99, 0)],
        "lfo.amp_depth": [(0.4, 0, 0), (0.2, 99, 0)],
        "lfo.pitch_sensitivity": [(0.3, 7, 0)],
    },
}
LFO_WEIGHTS: Weights = dict(still=51, vibrato=38, wild=11)
# fmt: on

FEEDBACK: Type = {"feedback": [(0.15, 0, 0), (0.35, 7, 0), (0.3, 6, 1)]}
#: Half of the notes start at 0; durations are uniform in their logarithm.
NOTE: Type = {"note.pitch": [(0.6, 60, 20)], "note.onset": [(0.5, 0, 0)]}


def _single(weights: Weights) -> Mapping[str, Kind]:
    """Make the kinds of a block that has one kind, with the same types for both roles."""
    return {"all": (1, weights, weights)}


#: Blocks of every operator: names of parameters, kinds, types.
_OPERATOR_BLOCKS = (
    (("rate1", "rate2", "rate3", "level1", "level2", "level3"), ENVELOPE_KINDS, ENVELOPE_TYPES),
    (("rate4", "level4"), RELEASE_KINDS, RELEASE_TYPES),
    (("ratio_coarse", "ratio_fine"), RATIO_KINDS, RATIO_TYPES),
    (("ratio_detune",), DETUNE_KINDS, DETUNE_TYPES),
    (("mode", "fixed_coarse", "fixed_fine", "fixed_detune"), FIXED_KINDS, FIXED_TYPES),
    (("output_level",), LEVEL_KINDS, LEVEL_TYPES),
    (("amp_mod_sensitivity",), TREMOLO_KINDS, TREMOLO_TYPES),
)
#: Blocks of the voice: prefix of the parameters' names, kinds, types.
_VOICE_BLOCKS = (
    ("pitch_eg.", _single(PITCH_WEIGHTS), PITCH_TYPES),
    ("lfo.", _single(LFO_WEIGHTS), LFO_TYPES),
    ("feedback", _single({"all": 1}), {"all": FEEDBACK}),
    ("note.", _single({"all": 1}), {"all": NOTE}),
)


class DX7Prior:
    """The prior over patches of the spec in ``dx7.yaml``; see the module's docstring."""

    def __init__(self, spec: Spec) -> None:
        operators = range(1, len(spec.units[0].members) + 1)
        self._spec = spec
        self._algorithm = spec.position["algorithm"]
        self._modulates = np.array(
            [[i - 1 not in graph.carriers for i in operators] for graph in ALGORITHMS]
        )
        self._blocks = [
            _Block(spec, [[f"op{i}.{name}" for name in names] for i in operators], kinds, types)
            for names, kinds, types in _OPERATOR_BLOCKS
        ] + [
            _Block(spec, [[name for name in spec.names if name.startswith(prefix)]], kinds, types)
            for prefix, kinds, types in _VOICE_BLOCKS
        ]
        self._ends = np.cumsum([1] + [block.uniforms for block in self._blocks])

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch; every draw takes the same number of uniform numbers from ``rng``."""
        uniform = rng.random(self._ends[-1])
        algorithm = int(uniform[0] * len(ALGORITHMS))
        patch = np.empty(len(self._spec.parameters))
        patch[self._algorithm] = algorithm
        for block, start in zip(self._blocks, self._ends[:-1], strict=True):
            block.sample(uniform[start:], self._modulates[algorithm], patch)
        return patch

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of each patch's probability, where continuous parameters count in steps.

        Exchanges of operators of one role leave it the same to the last bit. Raises
        :class:`~unsynth.errors.PatchError` for a value out of range.
        """
        self._spec.check(patches)
        modulates = self._modulates[patches[:, self._algorithm].astype(int)]
        total = np.full(len(patches), -np.log(len(ALGORITHMS)))
        for block in self._blocks:
            total += block.log_probability(patches, modulates)
        return total


class _Block:
    """The mixture of one block: some parameters of every operator, or of the voice.

    A *site* is an operator, or the voice. Sampling and density read the same cumulative tables.
    """

    def __init__(
        self,
        spec: Spec,
        names: list[list[str]],
        kinds: Mapping[str, Kind],
        types: Mapping[str, Type],
    ) -> None:
        self._positions = np.array([[spec.position[name] for name in site] for site in names])
        self._sites, count = self._positions.shape
        self.uniforms = 1 + self._sites * (1 + count)

        columns = {
            name.removeprefix("op1."): spec.parameters[spec.position[name]] for name in names[0]
        }
        steps = [_steps(parameter) for parameter in columns.values()]
        self._first = np.array([first for first, _, _ in steps])
        self._per_unit = np.array([per_unit for _, _, per_unit in steps])
        tables = np.zeros((len(types), count, max(size for _, size, _ in steps)))
        for t, peaks in enumerate(types.values()):
            for c, (name, parameter) in enumerate(columns.items()):
                table = _table(parameter, peaks.get(name, ()))
                tables[t, c, : len(table)] = table
        self._values = _cumulative(tables)  # (types, columns, values)
        self._kinds = _cumulative(np.array([float(weight) for weight, _, _ in kinds.values()]))
        by_role = [roles for _, *roles in kinds.values()]
        self._types = _cumulative(  # (kinds, roles, types)
            np.array(
                [[[float(weights.get(t, 0)) for t in types] for weights in w] for w in by_role]
            )
        )
        self._log_kinds, self._log_types, self._log_values = (
            _log_differences(table) for table in (self._kinds, self._types, self._values)
        )

    def sample(self, uniform: np.ndarray, modulates: np.ndarray, patch: np.ndarray) -> None:
        """Write this block's part of one patch, from the first numbers of ``uniform``."""
        kind = _look_up(self._kinds[None], uniform[:1])[0]
        roles = modulates[: self._sites].astype(int)
        types = _look_up(self._types[kind, roles], uniform[1 : 1 + self._sites])
        numbers = uniform[1 + self._sites : self.uniforms].reshape(self._positions.shape)
        steps = _look_up(self._values[types], numbers)
        patch[self._positions] = (self._first + steps) / self._per_unit

    def log_probability(
        self,
        patches: Float[np.ndarray, "items parameters"],
        modulates: Bool[np.ndarray, "items operators"],
    ) -> Float[np.ndarray, " items"]:
        """Log of the probability of this block's part of each patch."""
        values = patches[:, self._positions]
        steps = np.rint(values * self._per_unit).astype(int) - self._first
        columns = np.arange(steps.shape[-1])
        by_type = self._log_values[:, columns, steps].sum(axis=-1)  # (types, items, sites)
        roles = modulates[:, : self._sites].astype(int)
        by_kind = np.logaddexp.reduce(
            self._log_types[:, roles] + np.moveaxis(by_type, 0, -1), axis=-1
        )  # (kinds, items, sites)
        # Sorted, since a sum of floats depends on its order, and exchanges change that.
        all_sites = np.sort(by_kind, axis=-1).sum(axis=-1)
        return np.logaddexp.reduce(self._log_kinds[:, None] + all_sites, axis=0)


def _steps(parameter: Parameter) -> tuple[int, int, int]:
    """Return a parameter's first value in steps, its number of values, and its steps per unit."""
    match parameter:
        case Integer():
            return parameter.low, parameter.count, 1
        case Categorical():
            return 0, parameter.width, 1
        case Continuous():
            per_unit = round(1.0 / parameter.step)
            first, last = round(parameter.low * per_unit), round(parameter.high * per_unit)
            return first, last - first + 1, per_unit


def _table(parameter: Parameter, peaks: Peaks) -> Float[np.ndarray, " values"]:
    """Compute the probability of each value of a parameter."""
    first, count, per_unit = _steps(parameter)
    values = (first + np.arange(count)) / per_unit
    even_in_log = isinstance(parameter, Continuous) and parameter.log
    even = 1.0 / values if even_in_log else np.ones(count)
    shapes = [(1.0 - sum(weight for weight, _, _ in peaks), even)]
    for weight, centre, width in peaks:
        if width:
            distance = (values - centre) / width
            # Student's t with nu = 3 and scale width / sqrt(3).
            shapes.append((weight, 1.0 / (1.0 + distance * distance) ** 2))
        else:
            shapes.append((weight, (values == centre).astype(float)))
    # cumsum adds in order; the order in sum depends on the machine.
    return np.array([weight * shape / np.cumsum(shape)[-1] for weight, shape in shapes]).sum(axis=0)


def _cumulative(
    weights: Float[np.ndarray, "*tables values"],
) -> Float[np.ndarray, "*tables values"]:
    """Add up weights along the last axis, scaled to end at exactly 1."""
    totals = np.cumsum(weights, axis=-1)
    return totals / totals[..., -1:]


def _log_differences(
    cumulative: Float[np.ndarray, "*tables values"],
) -> Float[np.ndarray, "*tables values"]:
    """Undo :func:`_cumulative`, as log probabilities; -inf for entries that never occur."""
    with np.errstate(divide="ignore"):
        return np.log(np.diff(cumulative, prepend=0.0, axis=-1))


def _look_up(cumulative: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Draw by inversion: the first entry, along the last axis, above each uniform number."""
    return (cumulative <= uniform[..., None]).sum(axis=-1)
