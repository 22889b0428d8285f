"""Dynamic time warping, one diagonal of the cost table at a time.

The accumulated cost of Sakoe and Chiba's symmetric form (``symmetric2`` in the R package dtw),

    D[i, j] = min(D[i-1, j] + c[i, j], D[i-1, j-1] + 2 c[i, j], D[i, j-1] + c[i, j]),

in which every path from corner to corner has the total weight n + m, except that the first cell
counts once. (H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken
word recognition", IEEE Transactions on Acoustics, Speech and Signal Processing 26, 1978.) Cells
with the same i + j do not depend on each other.
"""

import numpy as np
import torch
from jaxtyping import Float32


def warping_cost(
    first: Float32[np.ndarray, "frames values"], second: Float32[np.ndarray, "its_frames values"]
) -> float:
    """Return the cost of the cheapest path; c[i, j] is the mean absolute difference of two rows."""
    n, m = len(first), len(second)
    rows, columns = (torch.from_numpy(each).double() for each in (first, second))
    # SciPy's cdist is as fast, but torch is imported anyway.
    costs = torch.cdist(rows, columns, p=1.0).numpy().ravel()
    # The last three diagonals by i + 1. Entries outside of the table stay infinite.
    before_last, last, current = (np.full(n + 1, np.inf) for _ in range(3))
    last[1] = costs[0]
    for k in range(1, n + m - 1):
        low, high = max(0, k - m + 1), min(n, k + 1)
        # c[i, k - i] is at i m + k - i in the flat table.
        diagonal = costs[low * (m - 1) + k : (high - 1) * (m - 1) + k + 1 : max(1, m - 1)]
        totals = current[low + 1 : high + 1]
        np.minimum(last[low:high], last[low + 1 : high + 1], out=totals)
        np.minimum(totals, before_last[low:high] + diagonal, out=totals)
        totals += diagonal
        before_last, last, current = last, current, before_last
    return float(last[n]) / first.shape[1]
