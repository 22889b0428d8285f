"""The choice of the move that makes the next batch."""

from collections.abc import Sequence

import numpy as np

from unsynth.search.moves.move import Move

#: Weight of a move's latest gain in the moving average of its gains.
_LATEST_WEIGHT = 0.2
#: The least chance of a move.
_MIN_CHANCE = 0.025


class Shares:
    """Chooses the move for the next batch, with chances in proportion to recent gains per render.

    The budget thus goes to the moves that are improving the pool.
    """

    def __init__(self, moves: Sequence[Move]) -> None:
        self._moves = moves
        self._gains = {move.name: 0.0 for move in moves}
        #: Moves that are to make a batch first.
        self._queue = [move for move in moves if move.tried_first]
        #: The move that keeps its turn, if any.
        self._current: Move | None = None
        #: Gain and renders of the present turn.
        self._gain, self._renders = 0.0, 0.0

    def choose(self, rng: np.random.Generator) -> Move:
        """Choose a move: the one that keeps its turn, then the first ones, then by chance."""
        if self._current is not None:
            return self._current
        if self._queue:
            return self._queue.pop(0)
        gains = np.array([self._gains[move.name] for move in self._moves])
        chances = gains / gains.sum() if gains.sum() > 0 else np.full(len(gains), 1 / len(gains))
        chances = _MIN_CHANCE + (1.0 - _MIN_CHANCE * len(gains)) * chances
        return self._moves[int(rng.choice(len(gains), p=chances))]

    def credit(self, move: Move, gain: float, renders: float) -> None:
        """Record the gain of a batch and its cost in renders.

        The batches of one turn are credited together when the turn ends.
        """
        self._gain += max(0.0, gain)
        self._renders += renders
        self._current = move if move.keeps_turn else None
        if self._current is None:
            gain_per_render = self._gain / max(1, self._renders)
            self._gains[move.name] += _LATEST_WEIGHT * (gain_per_render - self._gains[move.name])
            self._gain, self._renders = 0.0, 0.0
