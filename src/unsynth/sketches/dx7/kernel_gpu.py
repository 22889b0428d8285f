"""Play sketched DX7 notes on a GPU: :func:`unsynth.sketches.dx7.kernel.play` without gradients.

Each window of each note is a lane, which plays all operators sample by sample.
"""

from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int

from unsynth.sketches.dx7.kernel import AMPLITUDES, CARRIERS, EDGES, LOOPS, PHASES
from unsynth.tasks.dx7.layout import OPERATORS

#: Lanes per Triton program.
_LANES = 64
# Triton's functions may read a global only if it is a ``constexpr``.
_PHASES, _AMPLITUDES = tl.constexpr(float(PHASES)), tl.constexpr(float(AMPLITUDES))
#: Whether each operator is a carrier, is fed back, and is fed back into: 3 x algorithms x
#: operators, as factors of 0 and 1.
_ROLES = torch.zeros(3, len(CARRIERS), OPERATORS)
_ROLES[0] = torch.from_numpy(CARRIERS)
for _number, (_source, _target) in enumerate(LOOPS):
    _ROLES[1, _number, _source] = _ROLES[2, _number, _target] = 1.0


def play(
    gains: Float[torch.Tensor, "items ops windows knots"],
    depths: Float[torch.Tensor, " items"],
    phases: Float[torch.Tensor, "items ops windows knots"],
    algorithms: Int[torch.Tensor, " items"],
    samples: int,
) -> Float[torch.Tensor, "items windows samples"]:
    """Play windows; gains and phases are linear between knots."""
    items, _, windows, knots = gains.shape
    lanes = items * windows

    def by_lane(values: torch.Tensor) -> torch.Tensor:
        """Repeat each item's values for its windows; lanes are the last axis."""
        return values.flatten(1).repeat_interleave(windows, dim=0).T.contiguous()

    edges = torch.from_numpy(EDGES).to(gains)[algorithms]
    carriers, source, target = _ROLES.to(gains)[:, algorithms]
    gains, phases = (
        x.permute(1, 3, 0, 2).reshape(OPERATORS, knots, lanes) for x in (gains, phases)
    )
    sounds = gains.new_empty((samples, lanes))
    _play[(triton.cdiv(lanes, _LANES),)](
        gains.contiguous(),
        phases.contiguous(),
        by_lane(edges),
        by_lane(carriers),
        by_lane(source),
        by_lane(target * depths[:, None]),
        sounds,
        lanes,
        blocks=knots - 1,
        block_size=samples // (knots - 1),
        count=_LANES,
        num_warps=_LANES // 32,
    )
    return sounds.T.contiguous().unflatten(0, (items, windows))


@no_type_check
@triton.jit
def _sine(phase):
    """Return the sine of a phase in cycles."""
    turn = phase - tl.floor(phase + 0.5)
    return tl.sin(6.283185307179586 * turn)


@no_type_check
@triton.jit
def _play_sample(gain, rise, phase, phase_rise, sample, modulation):
    """Play one sample of an operator; ``gain`` and ``phase`` are those of its block's start."""
    phase = phase + phase_rise * sample + modulation
    sine = _sine((tl.floor(phase * _PHASES) + 0.5) / _PHASES)
    return tl.floor(sine * (gain + rise * sample) * _AMPLITUDES + 0.5) / _AMPLITUDES


@no_type_check
@triton.jit
def _read(rows, row, lanes, lane, inside):
    """Read a row's values at some lanes; 0 at lanes past the end."""
    return tl.load(rows + row * lanes + lane, mask=inside, other=0.0)


@no_type_check
@triton.jit
def _read_knot(rows, op: tl.constexpr, block, blocks, block_size, lanes, lane, inside):
    """Read the value at a block's start, and its rise per sample."""
    row = op * (blocks + 1) + block
    start = _read(rows, row, lanes, lane, inside)
    return start, (_read(rows, row + 1, lanes, lane, inside) - start) / block_size


@no_type_check
@triton.jit
def _play(
    gains,
    phases,
    edges,
    carriers,
    source,
    target,
    sounds,
    lanes,
    blocks: tl.constexpr,
    block_size: tl.constexpr,
    count: tl.constexpr,
):
    """Play ``count`` lanes and write them to ``sounds``: samples x lanes."""
    lane = tl.program_id(0) * count + tl.arange(0, count)
    inside = lane < lanes
    # Triton has no arrays that a loop could index, so operators are written out. eij: whether
    # operator j modulates operator i; ci: whether i is a carrier; si: whether i is fed back; ti:
    # the depth of feedback into i.
    e01 = _read(edges, 1, lanes, lane, inside)
    e02 = _read(edges, 2, lanes, lane, inside)
    e03 = _read(edges, 3, lanes, lane, inside)
    e04 = _read(edges, 4, lanes, lane, inside)
    e05 = _read(edges, 5, lanes, lane, inside)
    e12 = _read(edges, 8, lanes, lane, inside)
    e13 = _read(edges, 9, lanes, lane, inside)
    e14 = _read(edges, 10, lanes, lane, inside)
    e15 = _read(edges, 11, lanes, lane, inside)
    e23 = _read(edges, 15, lanes, lane, inside)
    e24 = _read(edges, 16, lanes, lane, inside)
    e25 = _read(edges, 17, lanes, lane, inside)
    e34 = _read(edges, 22, lanes, lane, inside)
    e35 = _read(edges, 23, lanes, lane, inside)
    e45 = _read(edges, 29, lanes, lane, inside)
    c0 = _read(carriers, 0, lanes, lane, inside)
    c1 = _read(carriers, 1, lanes, lane, inside)
    c2 = _read(carriers, 2, lanes, lane, inside)
    c3 = _read(carriers, 3, lanes, lane, inside)
    c4 = _read(carriers, 4, lanes, lane, inside)
    c5 = _read(carriers, 5, lanes, lane, inside)
    s0 = _read(source, 0, lanes, lane, inside)
    s1 = _read(source, 1, lanes, lane, inside)
    s2 = _read(source, 2, lanes, lane, inside)
    s3 = _read(source, 3, lanes, lane, inside)
    s4 = _read(source, 4, lanes, lane, inside)
    s5 = _read(source, 5, lanes, lane, inside)
    t0 = _read(target, 0, lanes, lane, inside)
    t1 = _read(target, 1, lanes, lane, inside)
    t2 = _read(target, 2, lanes, lane, inside)
    t3 = _read(target, 3, lanes, lane, inside)
    t4 = _read(target, 4, lanes, lane, inside)
    t5 = _read(target, 5, lanes, lane, inside)
    last = tl.zeros((count,), tl.float32)
    older = tl.zeros((count,), tl.float32)
    for block in range(blocks):
        g0, u0 = _read_knot(gains, 0, block, blocks, block_size, lanes, lane, inside)
        g1, u1 = _read_knot(gains, 1, block, blocks, block_size, lanes, lane, inside)
        g2, u2 = _read_knot(gains, 2, block, blocks, block_size, lanes, lane, inside)
        g3, u3 = _read_knot(gains, 3, block, blocks, block_size, lanes, lane, inside)
        g4, u4 = _read_knot(gains, 4, block, blocks, block_size, lanes, lane, inside)
        g5, u5 = _read_knot(gains, 5, block, blocks, block_size, lanes, lane, inside)
        p0, v0 = _read_knot(phases, 0, block, blocks, block_size, lanes, lane, inside)
        p1, v1 = _read_knot(phases, 1, block, blocks, block_size, lanes, lane, inside)
        p2, v2 = _read_knot(phases, 2, block, blocks, block_size, lanes, lane, inside)
        p3, v3 = _read_knot(phases, 3, block, blocks, block_size, lanes, lane, inside)
        p4, v4 = _read_knot(phases, 4, block, blocks, block_size, lanes, lane, inside)
        p5, v5 = _read_knot(phases, 5, block, blocks, block_size, lanes, lane, inside)
        for n in range(block_size):
            x = n * 1.0
            fed = last + older
            y5 = _play_sample(g5, u5, p5, v5, x, t5 * fed)
            y4 = _play_sample(g4, u4, p4, v4, x, t4 * fed + e45 * y5)
            y3 = _play_sample(g3, u3, p3, v3, x, t3 * fed + e34 * y4 + e35 * y5)
            y2 = _play_sample(g2, u2, p2, v2, x, t2 * fed + e23 * y3 + e24 * y4 + e25 * y5)
            modulation = t1 * fed + e12 * y2 + e13 * y3 + e14 * y4 + e15 * y5
            y1 = _play_sample(g1, u1, p1, v1, x, modulation)
            modulation = t0 * fed + e01 * y1 + e02 * y2 + e03 * y3 + e04 * y4 + e05 * y5
            y0 = _play_sample(g0, u0, p0, v0, x, modulation)
            older = last
            last = s0 * y0 + s1 * y1 + s2 * y2 + s3 * y3 + s4 * y4 + s5 * y5
            out = c0 * y0 + c1 * y1 + c2 * y2 + c3 * y3 + c4 * y4 + c5 * y5
            tl.store(sounds + (block * block_size + n) * lanes + lane, out, mask=inside)
