"""Random streams: the generator of an item, and the generators of training.

Item i of a split of a task has its own generator, a function of these three and the seed alone:
it sounds the same whatever the batch, the worker or the order. Splits are part of the key, so an
item of one split can never repeat an item of another.

All other generators of training start from a tuple that ends in a :class:`Purpose`, so that no two
of them are alike.
"""

import hashlib
from enum import Enum, IntEnum

import numpy as np


class Split(Enum):
    """The use of a draw."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    INDEX = "index"
    RANDOM = "random"


class Purpose(IntEnum):
    """The use of a training generator. A change of any number changes the runs that use it."""

    #: Noise within the bins of integers, for sounds made while training.
    STREAM_ENCODING = 1
    #: Flow times, and which items lose their sound.
    TIMES = 2
    #: The order of a set's runs in an epoch.
    RUN_ORDER = 3
    #: The order of the sounds within a buffer.
    BUFFER_ORDER = 4
    #: Noise within the bins of integers, for the sounds of a set.
    SET_ENCODING = 5
    #: x0, for the sounds of a set.
    SET_NOISE = 6
    #: Disturbances of the observed sounds.
    DISTURBANCE = 7
    #: x0, for sounds made while training.
    STREAM_NOISE = 8
    #: Which parameters the model is conditioned on.
    KNOWN_PARAMETERS = 9


def training_rng(purpose: Purpose, seed: int, *place: int) -> np.random.Generator:
    """Make the generator for one purpose at one place of a run, such as a step."""
    return np.random.default_rng((seed, *place, int(purpose)))


def item_key(task: str, split: Split, item: int, seed: int = 0) -> int:
    """Compute the 128-bit number that an item's generator starts from."""
    key = hashlib.sha256(f"{task}/{split.value}/{seed}/{item}".encode()).digest()
    return int.from_bytes(key[:16], "little")


def item_rng(task: str, split: Split, item: int, seed: int = 0) -> np.random.Generator:
    """Make the generator of one item.

    >>> item_rng("dx7", Split.TRAIN, 3).random() == item_rng("dx7", Split.TRAIN, 3).random()
    True
    """
    return np.random.Generator(np.random.PCG64(item_key(task, split, item, seed)))
