"""The interface of a move: one way to make new patches out of good candidates.

A move keeps locked values, and changes only audible parameters of the patch it starts from, so
that no render repeats a known sound. Numeric parameters move in the task's encoded vector, where
every range is [-1, 1] and logarithmic scales are even.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from unsynth.search.candidates import Candidate
from unsynth.tasks.spec import Patch


class Move(ABC):
    """One way to make new patches out of good candidates."""

    #: The move's name, which is also the origin of its candidates.
    name: str
    #: The number of patches to ask of the move at a time.
    batch_size: int
    #: If true, the move needs every pending result before it proposes, and its own results before
    #: it proposes again.
    needs_results = False
    #: Whether the move makes a batch before moves are chosen by their gains.
    tried_first = True
    #: The cost of a proposal besides its render, in renders.
    extra_cost = 0.0

    @abstractmethod
    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Make about ``count`` patches out of good candidates; ``best`` has them best first."""

    def learn(self, candidates: Sequence[Candidate]) -> None:  # noqa: B027
        """Learn from the candidates of the last proposals; most moves need not."""

    def learn_from_others(self, candidates: Sequence[Candidate]) -> None:  # noqa: B027
        """Learn from the candidates of another move's proposals; most moves need not."""

    @property
    def keeps_turn(self) -> bool:
        """Whether the last batch only prepared the next one, which should follow at once."""
        return False


def choose_parent(best: Sequence[Candidate], rng: np.random.Generator) -> Candidate:
    """Choose a candidate, better ones more often: of 24 the best has a chance of one in five."""
    return best[int(len(best) * rng.random() ** 2)]
