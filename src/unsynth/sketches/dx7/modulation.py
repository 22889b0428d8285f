"""Pitch envelope and LFO of DX7 notes, one value per block of the engine.

Follows Dexed's ``pitchenv.cc``, ``lfo.cc`` and ``dx7note.cc``; the tables are theirs.
"""

from copy import copy

import torch
from jaxtyping import Float, Float32

from unsynth.conventions import SAMPLE_RATE, SECONDS
from unsynth.synths.dx7 import BLOCK
from unsynth.tasks.dx7.layout import OP, OPERATORS, WIDTH
from unsynth.tasks.spec import Spec

#: Seconds per block.
BLOCK_SECONDS = BLOCK / SAMPLE_RATE
#: Blocks per sound; the last may reach past its end.
_BLOCKS = int(SECONDS * SAMPLE_RATE / BLOCK) + 1
#: Speeds of the pitch envelope's rates 0 to 99, in octaves per 21.3 s.
_RATES = torch.tensor(
    [1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15]
    + [16, 16, 17, 18, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 31, 33, 34, 36, 37, 38, 39]
    + [41, 42, 44, 46, 47, 49, 51, 53, 54, 56, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 79, 82, 85]
    + [88, 91, 94, 98, 102, 106, 110, 115, 120, 125, 130, 135, 141, 147, 153, 159, 165, 171, 178]
    + [185, 193, 202, 211, 232, 243, 254, 255]
)
#: The pitch envelope's levels 0 to 99, in 1/32 octave.
_LEVELS = torch.tensor(
    [-128, -116, -104, -95, -85, -76, -68, -61, -56, -52, -49, -46, -43, -41, -39, -37, -35]
    + [*range(-33, 36), 38, 40, 43, 46, 49, 53, 58, 65, 73, 82, 92, 103, 115, 127]
)
#: Frequencies of the LFO's speeds 0 to 99, in Hz.
_HZ = (
    4_437_500_000
    / 2**32
    * torch.tensor(
        [0.062541, 0.125031, 0.312393, 0.43712, 0.62461, 0.750694, 0.93633, 1.1253, 1.24961]
        + [1.43678, 1.56092, 1.75208, 1.87512, 2.06249, 2.24719, 2.37445, 2.56049, 2.68673, 2.87398]
        + [2.99895, 3.18801, 3.36984, 3.50018, 3.68222, 3.81207, 4.0008, 4.1862, 4.31072, 4.50126]
        + [4.62321, 4.81464, 4.93048, 5.1219, 5.31519, 5.43478, 5.61735, 5.75043, 5.94672, 6.06281]
        + [6.24844, 6.4317, 6.56426, 6.74946, 6.86813, 7.05219, 7.25058, 7.37572, 7.55629, 7.68758]
        + [7.87774, 7.9936, 8.18197, 8.37241, 8.50485, 8.68508, 8.81057, 8.98634, 9.12242, 9.30059]
        + [9.50028, 9.60799, 9.79816, 9.95025, 10.1174, 11.2511, 11.3843, 12.5628, 13.6761, 13.9043]
        + [15.0921, 16.3666, 16.6389, 17.8699, 19.1939, 19.425, 20.8333, 21.0349, 22.5023, 24.0038]
        + [24.2601, 25.7467, 27.1739, 27.5786, 29.0529, 30.6937, 31.1915, 32.6584, 34.3171, 34.6741]
        + [36.4166, 38.1971, 38.5505, 40.3877, 40.7498, 42.6257, 44.3262, 44.8833, 46.7727, 48.5909]
        + [49.2611],
        dtype=torch.float64,
    )
)
#: LFO delay: how far the ramp advances per block, per unit of speed.
_DELAY = 36_557 / 2**32
#: Octaves between the extremes of vibrato per step of the engine's depth, by sensitivity.
_PITCH_SENSITIVITIES = torch.tensor([0, 10, 20, 33, 55, 92, 153, 255]) / 2**15
#: Factors of the tremolo's depth, by an operator's sensitivity.
_AMP_SENSITIVITIES = torch.tensor([0.0, 0.2588, 0.4274, 1.0], dtype=torch.float64)
# States of the engine's generator of random numbers, which steps once per cycle of the LFO.
_STATES = [0]
while len(_STATES) <= _BLOCKS:
    _STATES.append((_STATES[-1] * 179 + 17) & 0xFF)
#: Values of the LFO's sample-and-hold wave, by cycle.
_SAMPLE_AND_HOLD = torch.tensor(
    [((state ^ 0x80) + 1) / 256 for state in _STATES], dtype=torch.float64
)


class Modulation:
    """The pitch envelopes and LFOs of some notes.

    Does not depend on operators, except for their sensitivity to tremolo.
    """

    def __init__(self, spec: Spec, patches: Float[torch.Tensor, "items parameters"]) -> None:
        at = spec.position
        blocks = torch.arange(1, _BLOCKS + 1, device=patches.device, dtype=torch.float64)

        # Variants of a patch mostly share its pitch envelope and LFO: each is computed once.
        eg = [f"pitch_eg.{part}{stage}" for part in ("rate", "level") for stage in range(1, 5)]
        names = [*eg, *(name for name in at if name.startswith("lfo.")), "note.duration"]
        rows, which = patches[:, [at[name] for name in names]].unique(dim=0, return_inverse=True)
        values = dict(zip(names, rows.T, strict=True))

        def column(name: str) -> torch.Tensor:
            return values[name].long()

        def read(table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
            return table.to(patches.device)[places]

        stages = torch.stack([column(name) for name in eg], dim=1)
        stage_rates, levels = stages.tensor_split(2, dim=1)
        key_up = (values["note.duration"] / BLOCK_SECONDS).ceil()
        rates = read(_RATES, stage_rates).double() * (BLOCK_SECONDS / 21.3)
        bends = _pitch_envelopes(rates, read(_LEVELS, levels).double() / 32, key_up, blocks)

        # The delay is a ramp from 0 to 1. The LFO is off in its first half, and its depth rises
        # from 0 to 1 in the second, which has a speed of its own.
        quickness = 99 - column("lfo.delay")
        speed = (16 + quickness % 16) << (1 + quickness // 16)
        first_speed, second_speed = (
            torch.where(quickness == 99, 1.0, _DELAY * speed.double())
            for speed in (speed, (speed // 128 * 128).clamp_min(128))
        )
        first = (0.5 / first_speed).ceil()[:, None]
        ramp = first_speed[:, None] * blocks.minimum(first)
        ramp = ramp + second_speed[:, None] * (blocks - first).clamp_min(0.0)
        depths = (2.0 * ramp - 1.0).clamp(0.0, 1.0)
        start_phase = torch.where(column("lfo.sync") > 0, 0.5, 0.0).double()
        speeds = BLOCK_SECONDS * read(_HZ, column("lfo.speed"))
        cycles = start_phase[:, None] + speeds[:, None] * blocks
        waves = _read_waves(column("lfo.wave"), cycles)

        sensitivity = read(_PITCH_SENSITIVITIES, column("lfo.pitch_sensitivity")).double()
        vibrato = (column("lfo.pitch_depth") * 165 >> 6) * sensitivity
        bends = bends + vibrato[:, None] * depths * (waves - 0.5)
        dips = (column("lfo.amp_depth")[:, None] * 165 >> 6) / 2**8 * depths * (1.0 - waves)
        #: Depth of tremolo times the LFO's distance from its top, at the ends of blocks: 0 to 1.
        self.dips = torch.cat([dips[:, :1], dips], dim=1)[which]
        ops = patches[:, : OPERATORS * WIDTH].unflatten(1, (OPERATORS, WIDTH))
        #: Depth of tremolo, by operator.
        self.sensitivity = read(_AMP_SENSITIVITIES, ops[..., OP["amp_mod_sensitivity"]].long())
        #: The pitch clock's seconds at the ends of blocks; see :meth:`pitch_clock`.
        clock = (2.0**bends * BLOCK_SECONDS).cumsum(dim=1)
        self.clock = torch.cat([torch.zeros_like(clock[:, :1]), clock], dim=1)[which]

    def part(self, items: slice) -> "Modulation":
        """Return the modulation of some of the notes."""
        part = copy(self)
        part.dips, part.clock = self.dips[items], self.clock[items]
        part.sensitivity = self.sensitivity[items]
        return part

    def pitch_clock(
        self, times: Float[torch.Tensor, "items times"]
    ) -> Float[torch.Tensor, "items times"]:
        """Convert seconds after the onset to seconds of a clock that runs with the pitch.

        The clock runs twice as fast while the pitch is bent up by an octave. A frequency times
        its seconds is the number of cycles that an operator has played.
        """
        return _interpolate(self.clock, times)

    def level_factors(
        self, times: Float[torch.Tensor, "items times"]
    ) -> Float32[torch.Tensor, "items operators times"]:
        """Return the factors by which tremolo lowers levels, which are in octaves.

        As in the engine, a sensitive operator loses 1.2 % of its level even at depth 0.
        """
        sensitivity = self.sensitivity[..., None]
        loss = (4.48 * sensitivity * _interpolate(self.dips, times)[:, None] + 12.2).exp() / 2**24
        return torch.where(sensitivity > 0, (1.0 - loss).clamp_min(0.0), 1.0).float()


def _pitch_envelopes(
    rates: Float[torch.Tensor, "items 4"],
    targets: Float[torch.Tensor, "items 4"],
    key_up: Float[torch.Tensor, " items"],
    blocks: Float[torch.Tensor, " blocks"],
) -> Float[torch.Tensor, "items blocks"]:
    """Return pitch envelopes in octaves.

    Targets are in octaves, rates in octaves per block; ``key_up`` is the block of the key's
    release. A stage takes at least one block. It moves linearly to its target and stays there, so
    the level is the sum of the distances that all stages have moved.
    """
    begins = torch.cat([targets[:, 3:], targets[:, :2]], dim=1)
    distances = targets[:, :3] - begins
    lengths = (distances.abs() / rates[:, :3] - 1e-9).ceil().clamp_min(1.0)
    starts = lengths.cumsum(dim=1) - lengths

    def key_down(blocks: Float[torch.Tensor, "#items blocks"]) -> torch.Tensor:
        octaves = targets[:, 3:]
        for stage in range(3):
            moved = (blocks - starts[:, stage, None]).clamp_min(0.0) * rates[:, stage, None]
            distance = distances[:, stage, None]
            octaves = octaves + distance.sign() * moved.minimum(distance.abs())
        return octaves

    last = key_down(key_up[:, None])
    distance = targets[:, 3:] - last
    moved = (blocks - key_up[:, None]).clamp_min(0.0) * rates[:, 3:]
    release = last + distance.sign() * moved.minimum(distance.abs())
    return torch.where(blocks > key_up[:, None], release, key_down(blocks[None]))


def _read_waves(
    waves: torch.Tensor, cycles: Float[torch.Tensor, "items blocks"]
) -> Float[torch.Tensor, "items blocks"]:
    """Return the LFO's waves, from 0 to 1, after so many cycles; ``waves`` are their numbers."""
    turns = cycles.floor()
    phase = cycles - turns
    # In the engine's order: triangle, sawtooth down, sawtooth up, square, sine, sample and hold.
    shapes = (
        1.0 - (2.0 * phase - 1.0).abs(),
        (1.5 - phase) % 1.0,
        (0.5 + phase) % 1.0,
        (phase < 0.5).double(),
        0.5 + 0.5 * (2.0 * torch.pi * phase).sin(),
        _SAMPLE_AND_HOLD.to(cycles.device)[turns.long()],
    )
    values = shapes[0]
    for wave, shape in enumerate(shapes):
        values = torch.where(waves[:, None] == wave, shape, values)
    return values


def _interpolate(
    ends: Float[torch.Tensor, "items ends"], times: Float[torch.Tensor, "items times"]
) -> Float[torch.Tensor, "items times"]:
    """Interpolate values at the ends of blocks linearly; the first is that of the onset."""
    blocks = (times / BLOCK_SECONDS).clamp(0.0, _BLOCKS - 1e-3)
    before = blocks.long()
    low, high = (ends.take_along_dim(before + i, dim=1) for i in (0, 1))
    return low + (high - low) * (blocks - before)
