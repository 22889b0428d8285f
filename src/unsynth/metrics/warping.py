"""Dynamic time warping, compiled; imported only when it is used, since numba takes a second.

The accumulated cost of Sakoe and Chiba's symmetric form (``symmetric2`` in the R package dtw),

    D[i, j] = min(D[i-1, j] + c[i, j], D[i-1, j-1] + 2 c[i, j], D[i, j-1] + c[i, j]),

in which every path from corner to corner has the total weight n + m, but for the first cell,
which counts once. (H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken
word recognition", IEEE Transactions on Acoustics, Speech and Signal Processing 26, 1978.)
"""

from typing import no_type_check

import numpy as np
from numba import njit


@njit(nogil=True, fastmath={"reassoc"})  # sums in any order, so that they are vectorised
@no_type_check  # shape checks of the tests would wrap what numba compiles
def warping_cost(first, second):
    """Cost of the cheapest path, where c[i, j] is the mean absolute difference of two rows.

    Both are float32, ``(n, values)`` and ``(m, values)``.
    """
    n, m, values = len(first), len(second), first.shape[1]
    row = np.full(m, np.inf)
    for i in range(n):
        left = diagonal = np.inf
        for j in range(m):
            here = np.float32(0.0)
            for k in range(values):
                here += abs(first[i, k] - second[j, k])
            above = row[j]
            left = min(above, diagonal + here, left) + here
            if i == 0 and j == 0:
                left = here
            row[j] = left
            diagonal = above
    return row[-1] / values
