"""Which random stream belongs to which item.

Item i of a split of a task has its own generator, a function of these three alone: it sounds
the same whatever the batch, the worker or the order. Splits are part of the key, so an item of
one split can never repeat an item of another.
"""

import hashlib
from enum import Enum

import numpy as np


class Split(Enum):
    """What a draw is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    INDEX = "index"
    RANDOM = "random"


def item_key(task: str, split: Split, item: int, seed: int = 0) -> int:
    """Make the 128-bit number that an item's generator starts from."""
    key = hashlib.sha256(f"{task}/{split.value}/{seed}/{item}".encode()).digest()
    return int.from_bytes(key[:16], "little")


def item_rng(task: str, split: Split, item: int, seed: int = 0) -> np.random.Generator:
    """Make the generator of one item.

    >>> item_rng("dx7", Split.TRAIN, 3).random() == item_rng("dx7", Split.TRAIN, 3).random()
    True
    """
    return np.random.Generator(np.random.PCG64(item_key(task, split, item, seed)))
