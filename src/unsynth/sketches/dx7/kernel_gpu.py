"""What :func:`dx7_kernel.play` computes, on a GPU and without slopes.

A lane is a window of a note; it goes through all operators sample by sample.
"""

from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int

from unsynth.sketches.dx7.kernel import AMPLITUDES, CARRIERS, EDGES, LOOPS, PHASES

_OPS = 6
#: Lanes of a program.
_LANES = 64
_PHASES, _AMPLITUDES = tl.constexpr(float(PHASES)), tl.constexpr(float(AMPLITUDES))
#: By algorithm: what of each operator is heard, is fed back, and takes what is fed back.
_ROLES = torch.zeros(3, len(CARRIERS), _OPS)
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
    """Play windows; gains and phases are straight between knots."""
    items, _, windows, knots = gains.shape
    lanes = items * windows

    def by_lane(values: torch.Tensor) -> torch.Tensor:
        """Repeat what there is of each item, lanes last."""
        return values.flatten(1).repeat_interleave(windows, dim=0).T.contiguous()

    edges = torch.from_numpy(EDGES).to(gains)[algorithms]
    heard, source, target = _ROLES.to(gains)[:, algorithms]
    gains, phases = (x.permute(1, 3, 0, 2).reshape(_OPS, knots, lanes) for x in (gains, phases))
    sounds = gains.new_empty((samples, lanes))
    _play[(triton.cdiv(lanes, _LANES),)](
        gains.contiguous(),
        phases.contiguous(),
        by_lane(edges),
        by_lane(heard),
        by_lane(source),
        by_lane(target * depths[:, None]),
        sounds,
        lanes,
        blocks=knots - 1,
        each=samples // (knots - 1),
        count=_LANES,
        num_warps=_LANES // 32,
    )
    return sounds.T.contiguous().unflatten(0, (items, windows))


@no_type_check
@triton.jit
def _sine(phase):
    turn = phase - tl.floor(phase + 0.5)
    return tl.sin(6.283185307179586 * turn)


@no_type_check
@triton.jit
def _sound(at, rise, phase_at, phase_rise, sample, more):
    """Play a sample of an operator, whose phase is moved by ``more``."""
    phase = phase_at + phase_rise * sample + more
    sine = _sine((tl.floor(phase * _PHASES) + 0.5) / _PHASES)
    return tl.floor(sine * (at + rise * sample) * _AMPLITUDES + 0.5) / _AMPLITUDES


@no_type_check
@triton.jit
def _read(rows, row, lanes, lane, inside):
    return tl.load(rows + row * lanes + lane, mask=inside, other=0.0)


@no_type_check
@triton.jit
def _knot(rows, op: tl.constexpr, block, blocks, each, lanes, lane, inside):
    """Read where a straight piece begins, and its rise in a sample."""
    row = op * (blocks + 1) + block
    at = _read(rows, row, lanes, lane, inside)
    return at, (_read(rows, row + 1, lanes, lane, inside) - at) / each


@no_type_check
@triton.jit
def _play(
    gains,
    phases,
    edges,
    heard,
    source,
    target,
    sounds,
    lanes,
    blocks: tl.constexpr,
    each: tl.constexpr,
    count: tl.constexpr,
):
    lane = tl.program_id(0) * count + tl.arange(0, count)
    inside = lane < lanes
    # What modulates operator i of operator j above it.
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
    h0 = _read(heard, 0, lanes, lane, inside)
    h1 = _read(heard, 1, lanes, lane, inside)
    h2 = _read(heard, 2, lanes, lane, inside)
    h3 = _read(heard, 3, lanes, lane, inside)
    h4 = _read(heard, 4, lanes, lane, inside)
    h5 = _read(heard, 5, lanes, lane, inside)
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
    one = tl.zeros((count,), tl.float32)
    two = tl.zeros((count,), tl.float32)
    for block in range(blocks):
        g0, u0 = _knot(gains, 0, block, blocks, each, lanes, lane, inside)
        g1, u1 = _knot(gains, 1, block, blocks, each, lanes, lane, inside)
        g2, u2 = _knot(gains, 2, block, blocks, each, lanes, lane, inside)
        g3, u3 = _knot(gains, 3, block, blocks, each, lanes, lane, inside)
        g4, u4 = _knot(gains, 4, block, blocks, each, lanes, lane, inside)
        g5, u5 = _knot(gains, 5, block, blocks, each, lanes, lane, inside)
        p0, v0 = _knot(phases, 0, block, blocks, each, lanes, lane, inside)
        p1, v1 = _knot(phases, 1, block, blocks, each, lanes, lane, inside)
        p2, v2 = _knot(phases, 2, block, blocks, each, lanes, lane, inside)
        p3, v3 = _knot(phases, 3, block, blocks, each, lanes, lane, inside)
        p4, v4 = _knot(phases, 4, block, blocks, each, lanes, lane, inside)
        p5, v5 = _knot(phases, 5, block, blocks, each, lanes, lane, inside)
        for n in range(each):
            x = n * 1.0
            fed = one + two
            y5 = _sound(g5, u5, p5, v5, x, t5 * fed)
            y4 = _sound(g4, u4, p4, v4, x, t4 * fed + e45 * y5)
            y3 = _sound(g3, u3, p3, v3, x, t3 * fed + e34 * y4 + e35 * y5)
            y2 = _sound(g2, u2, p2, v2, x, t2 * fed + e23 * y3 + e24 * y4 + e25 * y5)
            more = t1 * fed + e12 * y2 + e13 * y3 + e14 * y4 + e15 * y5
            y1 = _sound(g1, u1, p1, v1, x, more)
            more = t0 * fed + e01 * y1 + e02 * y2 + e03 * y3 + e04 * y4 + e05 * y5
            y0 = _sound(g0, u0, p0, v0, x, more)
            two = one
            one = s0 * y0 + s1 * y1 + s2 * y2 + s3 * y3 + s4 * y4 + s5 * y5
            out = h0 * y0 + h1 * y1 + h2 * y2 + h3 * y3 + h4 * y4 + h5 * y5
            tl.store(sounds + (block * each + n) * lanes + lane, out, mask=inside)
