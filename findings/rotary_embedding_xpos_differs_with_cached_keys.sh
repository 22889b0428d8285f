#!/usr/bin/env bash
# rotary-embedding-torch's xPos gives other attention with cached keys than without.
#
# Library: rotary-embedding-torch 0.9.1 (PyPI), rotary position embeddings for PyTorch.
# Guess: rotate_queries_with_cached_keys(last query, all keys) gives the last query the scores that
#   rotate_queries_and_keys(all queries, all keys) gives it, with use_xpos=True as without.
# Behaviour: xPos scales queries and keys by how far their position is from the middle of the
#   sequence. With cached keys the middle is taken of the queries that are given, not of all. So the
#   scores of the last query are too small: those of the pair of numbers that turns the fastest 3.5
#   times in a sequence of 1,024, those of the slowest hardly. Nothing fails: a model that was
#   trained on whole sequences generates with attention that it never learned, and the more so the
#   longer the sequence is. Without xPos both agree.
#
# Output seen (the last query of a sequence of 64 random numbers a position):
#   without xPos
#       16 positions: scores 1.00 times as large, 0.0 % of the attention moves
#      256 positions: scores 1.00 times as large, 0.0 % of the attention moves
#     1024 positions: scores 1.00 times as large, 0.0 % of the attention moves
#     2048 positions: scores 1.00 times as large, 0.0 % of the attention moves
#   with xPos
#       16 positions: scores 0.99 times as large, 0.4 % of the attention moves
#      256 positions: scores 0.89 times as large, 4.6 % of the attention moves
#     1024 positions: scores 0.74 times as large, 10.1 % of the attention moves
#     2048 positions: scores 0.63 times as large, 10.3 % of the attention moves
#   the fastest pair alone, 1024 positions: 3.50 times too small
#
# Exits with 1 if rotary-embedding-torch behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet rotary-embedding-torch==0.9.1 torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from rotary_embedding_torch import RotaryEmbedding

torch.set_num_threads(1)
torch.manual_seed(0)
SIZE = 64


def last_scores(queries, keys, xpos, cached):
    """The scores of the last query with all keys, as numbers before the softmax."""
    rotary = RotaryEmbedding(SIZE, use_xpos=xpos)
    if cached:
        queries, keys = rotary.rotate_queries_with_cached_keys(queries[..., -1:, :], keys)
    elif xpos:
        queries, keys = rotary.rotate_queries_and_keys(queries, keys)
    else:
        queries, keys = (rotary.rotate_queries_or_keys(each) for each in (queries, keys))
    return (queries[0, 0, -1] @ keys[0, 0].T) / SIZE**0.5


def compare(length, xpos):
    """How large the scores with cached keys are, and what share of the attention moves."""
    moved = ratios = 0.0
    for _ in range(20):
        queries, keys = torch.randn(2, 1, 1, length, SIZE)
        whole, cached = (last_scores(queries, keys, xpos, each) for each in (False, True))
        moved += float((whole.softmax(-1) - cached.softmax(-1)).abs().sum()) / 40.0
        ratios += float(cached.std() / whole.std()) / 20.0
    print(
        f"  {length:4d} positions: scores {ratios:.2f} times as large, "
        f"{100.0 * moved:.1f} % of the attention moves"
    )
    return moved


seen = {}
for xpos in (False, True):
    print(f"{'with' if xpos else 'without'} xPos")
    for length in (16, 256, 1024, 2048):
        seen[length, xpos] = compare(length, xpos)
# A query and keys that have only the pair of numbers that turns the fastest.
pair = torch.zeros(1, 1, 1024, SIZE)
pair[..., :2] = 1.0
whole, cached = (last_scores(pair, pair, True, each)[-1] for each in (False, True))
print(f"the fastest pair alone, 1024 positions: {float(whole / cached):.2f} times too small")
agree = all(seen[length, False] < 1e-6 for length in (16, 256, 1024, 2048))
grows = seen[16, True] < 0.01 and seen[256, True] > 0.02 and seen[1024, True] > 0.06
sys.exit(not (agree and grows and abs(float(whole / cached) - 3.5) < 0.1))
PYTHON
