"""Damage bytes: flips, cuts, insertions, repeats, swaps, zeros and extreme numbers.

All places are drawn log-uniformly, so that headers are hit as often as the data after them.
"""

import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

#: Numbers at the ends of their type, as C structs write them.
_EXTREMES = (
    *(("B", value) for value in (0, 1, 0x7F, 0x80, 0xFF)),
    *(("H", value) for value in (0, 1, 0x7FFF, 0x8000, 0xFFFF)),
    *(("I", value) for value in (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)),
    *(("Q", value) for value in (0, 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)),
    *(("f", value) for value in (float("nan"), float("inf"), -float("inf"), 3e38)),
    *(("d", value) for value in (float("nan"), float("inf"), -float("inf"), 1e308)),
)

Damage = Callable[[np.random.Generator, bytes], bytes]
T = TypeVar("T")


def one_of(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """Draw one of several things. (numpy's ``choice`` changes texts and types.)"""
    return choices[int(rng.integers(len(choices)))]


def place(rng: np.random.Generator, size: int) -> int:
    """Draw a place from 0 to ``size``, near the start as often as far from it."""
    return min(size, int((size + 1) ** rng.random()) - 1)


def _span(rng: np.random.Generator, data: bytes) -> tuple[int, int]:
    start = place(rng, len(data))
    return start, min(len(data), start + 1 + place(rng, max(1, len(data) // 2)))


def _flip_bits(rng: np.random.Generator, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        damaged[place(rng, len(data) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _set_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 17))):
        damaged[place(rng, len(data) - 1)] = int(rng.integers(256))
    return bytes(damaged)


def _cut_end(rng: np.random.Generator, data: bytes) -> bytes:
    return data[: place(rng, len(data))] if rng.random() < 0.5 else data[: -place(rng, len(data))]


def _cut_span(rng: np.random.Generator, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def _insert_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    at = place(rng, len(data))
    return data[:at] + rng.bytes(int(rng.integers(1, 65))) + data[at:]


def _repeat_span(rng: np.random.Generator, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:end] + data[start:end] * int(rng.integers(1, 4)) + data[end:]


def _swap_spans(rng: np.random.Generator, data: bytes) -> bytes:
    a, b, c = sorted(place(rng, len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _zero_span(rng: np.random.Generator, data: bytes) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + bytes(end - start) + data[end:]


def _extreme_number(rng: np.random.Generator, data: bytes) -> bytes:
    kind, value = one_of(rng, _EXTREMES)
    number = struct.pack(one_of(rng, "<>") + kind, value)
    at = place(rng, max(0, len(data) - len(number)))
    if rng.random() < 0.5:  # numbers of headers are aligned
        at -= at % 2
    return data[:at] + number + data[at + len(number) :]


DAMAGES: dict[str, Damage] = {
    "flip bits": _flip_bits,
    "set bytes": _set_bytes,
    "cut the end": _cut_end,
    "cut a span": _cut_span,
    "insert bytes": _insert_bytes,
    "repeat a span": _repeat_span,
    "swap spans": _swap_spans,
    "zero a span": _zero_span,
    "extreme number": _extreme_number,
}


def damage(rng: np.random.Generator, data: bytes) -> tuple[str, bytes]:
    """Damage bytes one to three times; return what was done, and the damaged bytes."""
    names = []
    for _ in range(one_of(rng, (1, 1, 2, 3))):
        if not data:
            break
        name = one_of(rng, list(DAMAGES))
        names.append(name)
        data = DAMAGES[name](rng, data)
    return ", ".join(names), data
