"""Which move gets the next batch."""

from collections.abc import Sequence

import numpy as np

from unsynth.search.moves.move import Move

#: What is forgotten of a move's gains with each of its batches, and its least share of them.
_FORGETTING, _LEAST = 0.2, 0.025


class Shares:
    """Which move gets the next batch: chances in proportion to what each gained a render."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self._moves = moves
        self._gains = {move.name: 0.0 for move in moves}
        self._untried = list(moves)
        #: A move that has not finished, and its gain and renders so far.
        self._open: Move | None = None
        self._gain, self._renders = 0.0, 0.0

    def choose(self, rng: np.random.Generator) -> Move:
        """Draw a move; each of them once before any of them twice, unfinished ones at once."""
        if self._open is not None:
            return self._open
        if self._untried:
            return self._untried.pop(0)
        gains = np.array([self._gains[move.name] for move in self._moves])
        chances = gains / gains.sum() if gains.sum() > 0 else np.full(len(gains), 1 / len(gains))
        chances = _LEAST + (1.0 - _LEAST * len(gains)) * chances
        return self._moves[int(rng.choice(len(gains), p=chances))]

    def credit(self, move: Move, gain: float, renders: float) -> None:
        """Take note of what a batch has gained, with what prepared it."""
        self._gain += max(0.0, gain)
        self._renders += renders
        self._open = move if move.unfinished else None
        if self._open is None:
            each = self._gain / max(1, self._renders)
            self._gains[move.name] += _FORGETTING * (each - self._gains[move.name])
            self._gain, self._renders = 0.0, 0.0
