"""Short windows of DX7 notes in torch, differentiable in envelopes, levels and feedback.

A sketch of Dexed's engine (``env.cc``, ``dx7note.cc``, ``fm_op_kernel.cc``) that a search can go
downhill on. A window needs the envelopes at its middle and the phases at its first sample, not what
came before, so a few windows cost a fraction of the whole sound. Pitch envelope, LFO and the loops
of algorithms 4 and 6 are left out, and feedback reaches back a few samples only.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7 import LEVEL_STEPS, OP, OPERATORS, WIDTH, DX7Task

#: Gains are in octaves of amplitude: where an attack begins, what it heads for, and what is 1.
_JUMP, _HEADED_FOR, _UNITY = 1716 / 256, 16.5, 14.0
#: Below this the engine is silent.
_SILENT = 0.13
#: Seconds that rate 0 stays where a stage begins at its target, and octaves of that a step.
_STAY, _STAY_STEP = 40.0, 0.16
#: Octaves that the envelope's unit, an increment of 1 in 2^16 of 1/256 a block, makes a second.
_INCREMENT = SAMPLE_RATE / 64 / 2**24
#: Rounds of the feedback's loop, each of which reaches two samples further back.
_ROUNDS = 4
#: Steps of the engine's sine: phases in a cycle, and amplitudes in a gain of 1.
_PHASES, _AMPLITUDES = 4096, 2048

#: The engine's steps for output levels, and for levels of envelopes, which are even.
_OUTPUTS = torch.tensor(LEVEL_STEPS, dtype=torch.float32)
_LEVELS = torch.tensor(LEVEL_STEPS // 2 * 2, dtype=torch.float32)
_EDGES = torch.zeros(len(ALGORITHMS), OPERATORS, OPERATORS)
_CARRIERS = torch.zeros(len(ALGORITHMS), OPERATORS)
_LOOPS = torch.zeros(len(ALGORITHMS), OPERATORS)
for _number, _algorithm in enumerate(ALGORITHMS):
    for _modulator, _modulated in _algorithm.edges:
        _EDGES[_number, _modulated, _modulator] = 1.0
    _CARRIERS[_number, list(_algorithm.carriers)] = 1.0
    if _algorithm.feedback[0] == _algorithm.feedback[1]:
        _LOOPS[_number, _algorithm.feedback[0]] = 1.0


class DX7Windows:
    """Windows of the notes of some patches, whatever their algorithms.

    An operator i sounds as ``y_i = g_i(t) sin(2 pi (f_i t + sum_j y_j + b y_i'))``, where j are
    its modulators, g_i is its envelope and y_i' what it fed back; the carriers are added up.
    """

    def __init__(
        self, task: DX7Task, patches: Sequence[Float[np.ndarray, " parameters"]], samples: int
    ) -> None:
        x = torch.tensor(np.stack(patches), dtype=torch.float32)
        at = task.spec.position
        ops = x[:, : OPERATORS * WIDTH].unflatten(1, (OPERATORS, WIDTH))
        within = [*range(8), OP["output_level"]]
        self.positions = np.array(
            [op * WIDTH + i for op in range(OPERATORS) for i in within] + [at["feedback"]]
        )
        self._samples, self._within = samples, len(within)
        self._onset, self._duration = x[:, at["note.onset"]], x[:, at["note.duration"]]
        algorithm = x[:, at["algorithm"]].long()
        self._edges, self._carriers = _EDGES[algorithm], _CARRIERS[algorithm]
        self._loops = _LOOPS[algorithm] * (x[:, at["feedback"]] > 0)[:, None]
        base = 440.0 * 2.0 ** ((x[:, at["note.pitch"]] - 69.0) / 12.0)
        octave = base.log2()
        detune = (0.0209 / 7.0 * (-0.396 * octave).exp() * octave)[:, None]
        ratio = ops[..., OP["ratio_coarse"]].clamp_min(0.5) * (1 + ops[..., OP["ratio_fine"]] / 100)
        pitched = base[:, None] * ratio * 2.0 ** (detune * ops[..., OP["ratio_detune"]])
        fixed = 10.0 ** (ops[..., OP["fixed_coarse"]] + ops[..., OP["fixed_fine"]] / 100)
        fixed = fixed * 2.0 ** (13457 / 2**24 * ops[..., OP["fixed_detune"]])
        self._hz = torch.where(ops[..., OP["mode"]] > 0.5, fixed, pitched).double()

    def __call__(
        self,
        values: Float[torch.Tensor, "items positions"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples, with ``values`` at ``positions``."""
        ops = values[:, :-1].unflatten(1, (OPERATORS, self._within))
        begins = starts[None].double() / SAMPLE_RATE - self._onset[:, None]
        middles = (begins + self._samples / 2 / SAMPLE_RATE).float()
        gains = self._gains(ops[..., :4], ops[..., 4:8], ops[..., 8], middles)
        first = (self._hz[..., None] * begins[:, None]).remainder(1.0).float()
        along = (self._hz / SAMPLE_RATE).float()[..., None] * torch.arange(self._samples)
        depth = 2.0 ** (values[:, -1, None] - 9.0) * self._loops
        sounds: list[torch.Tensor] = [torch.zeros(())] * OPERATORS
        total = torch.zeros(())
        for op in reversed(range(OPERATORS)):
            gain = gains[:, op, :, None]
            phase = first[:, op, :, None] + along[:, op, None]
            for modulator in range(op + 1, OPERATORS):
                edge = self._edges[:, op, modulator, None, None]
                if edge.any():
                    phase = torch.addcmul(phase, edge, sounds[modulator])
            looped = self._loops[:, op].nonzero()[:, 0]
            if len(looped):
                deep = depth[:, op, None, None]
                fed = torch.zeros(phase.shape)
                with torch.no_grad():
                    fed[looped] = _fed(gain[looped], phase[looped], deep[looped])
                phase = torch.addcmul(phase, deep, fed)
            sounds[op] = _Sine.apply(gain, phase)
            total = torch.addcmul(total, self._carriers[:, op, None, None], sounds[op])
        return total

    def _gains(
        self,
        rates: Float[torch.Tensor, "items ops 4"],
        levels: Float[torch.Tensor, "items ops 4"],
        outputs: Float[torch.Tensor, "items ops"],
        times: Float[torch.Tensor, "items times"],
    ) -> Float[torch.Tensor, "items ops times"]:
        """Amplitudes at times after the onset."""
        steps = _between(_LEVELS, levels) + _between(_OUTPUTS, outputs)[..., None]
        targets = ((32.0 * steps - 4256.0) / 256.0).clamp_min(1 / 16)
        quarter = (rates * (41 / 64)).clamp(0.0, 63.0)
        octave = (quarter.detach() / 4.0).floor()
        speeds = (4.0 + quarter - 4.0 * octave) * 2.0 ** (8.0 + octave) * _INCREMENT
        stays = _STAY * 2.0 ** (-_STAY_STEP * rates)
        off = self._duration[:, None]
        # The first three stages, as if the key stayed down; the last column is where it does not.
        time = torch.cat([times, off], dim=1)[:, None].clamp_min(0.0)
        gains, begin, since = None, torch.zeros_like(outputs), time
        for i in range(3):
            stage, length = _stage(begin, targets[..., i], speeds[..., i], stays[..., i], since)
            gains = stage if gains is None else torch.where(since >= 0.0, stage, gains)
            begin, since = targets[..., i], since - length[..., None]
        assert gains is not None
        held, at_off = gains[..., :-1], gains[..., -1]
        since = (times - off)[:, None]
        released, _ = _stage(at_off, targets[..., 3], speeds[..., 3], stays[..., 3], since)
        gain = torch.where(since < 0.0, held, released)
        return 2.0 ** (gain - _UNITY) * ((gain > _SILENT) & (times[:, None] >= 0.0))


def _stage(
    begin: Float[torch.Tensor, "items ops"],
    target: Float[torch.Tensor, "items ops"],
    speed: Float[torch.Tensor, "items ops"],
    stay: Float[torch.Tensor, "items ops"],
    time: Float[torch.Tensor, "items _ times"],
) -> tuple[Float[torch.Tensor, "items ops times"], Float[torch.Tensor, "items ops"]]:
    """Gains at times after a stage's beginning, and how long it lasts.

    Falls are straight in octaves, rises approach ``_HEADED_FOR`` as an exponential does.
    """
    time = time.clamp_min(0.0)
    rising = target > begin
    low = torch.minimum(begin.clamp_min(_JUMP), target)
    left, to_go = _HEADED_FOR - low, (_HEADED_FOR - target).clamp_min(0.5)
    rise = _HEADED_FOR - left[..., None] * (-(speed[..., None] * time).clamp_max(50.0)).exp()
    rise = torch.minimum(rise, target[..., None])
    fall = torch.maximum(begin[..., None] - speed[..., None] * time, target[..., None])
    length = torch.where(rising, (left / to_go).clamp_min(1.0).log(), begin - target) / speed
    length = torch.where((begin - target).abs() < 1e-6, stay, length)
    return torch.where(rising[..., None], rise, fall), length


def _between(table: Float[torch.Tensor, "100"], levels: torch.Tensor) -> torch.Tensor:
    """Read a table of levels, between its entries too."""
    levels = levels.clamp(0.0, 99.0)
    below = levels.detach().floor().clamp_max(98.0)
    at = below.long()
    return table[at] + (table[at + 1] - table[at]) * (levels - below)


class _Sine(torch.autograd.Function):
    """``gain * sin(2 pi phase)``, as coarse as the engine's tables; the slopes are smooth."""

    @staticmethod
    def forward(ctx: Any, gain: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(gain, phase)
        return _played(gain, phase)

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        (slope,) = slopes
        gain, phase = ctx.saved_tensors
        angle = phase * (2.0 * math.pi)
        of_phase = angle.cos().mul_(slope).mul_(gain).mul_(2.0 * math.pi)
        return angle.sin_().mul_(slope).sum(dim=-1, keepdim=True), of_phase


def _played(gain: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
    coarse = (phase * _PHASES).floor_().add_(0.5).mul_(2.0 * math.pi / _PHASES)
    return coarse.sin_().mul_(gain * _AMPLITUDES).add_(0.5).floor_().mul_(1.0 / _AMPLITUDES)


def _fed(gain: torch.Tensor, phase: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
    """Find what an operator feeds back into itself: the sum of its last two samples."""
    fed = torch.zeros(())
    for _ in range(_ROUNDS):
        sound = _played(gain, torch.addcmul(phase, depth, fed))
        fed = sound.roll(1, -1).add_(sound.roll(2, -1))
    return fed
