"""Moves of the search: ways to make new patches out of good ones.

Every move keeps what is locked, and changes nothing that cannot be heard in the patch that it
starts from, so that no render is spent on a sound that is known already. Numbers move in the
task's vector, where every range is [-1, 1] and logarithmic scales are even.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from unsynth.search.candidates import Candidate
from unsynth.search.space import Pool
from unsynth.tasks.spec import Patch


class Move(ABC):
    """One way to make patches; ``batch`` is how many it likes to make at a time."""

    name: str
    batch: int
    #: Whether it has to know what was heard of all batches before it proposes, and of its own next.
    asks = False
    #: What a proposal costs beside its render, in renders.
    cost = 0.0

    @abstractmethod
    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make about ``count`` patches out of good candidates, best first."""

    def learn(self, found: Sequence[Candidate]) -> None:  # noqa: B027
        """Take note of what has become of the last proposals; most moves need not know."""

    def watch(self, found: Sequence[Candidate]) -> None:  # noqa: B027
        """Take note of what has become of other moves' proposals."""

    @property
    def unfinished(self) -> bool:
        """Whether the last proposals only prepare the next, which should follow at once."""
        return False


def chosen_parent(pool: Pool, rng: np.random.Generator) -> Candidate:
    """Choose a candidate, better ones more often: the best of 24 is one in five."""
    return pool[int(len(pool) * rng.random() ** 2)]
