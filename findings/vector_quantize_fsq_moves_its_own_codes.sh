#!/usr/bin/env bash
# The FSQ of vector-quantize-pytorch gives half of its own code vectors another code.
#
# Library: vector-quantize-pytorch 1.32.0 (PyPI), quantizers for PyTorch.
# Guess: a code vector is the nearest to itself, so FSQ gives the vector of each index that index
#   again, and quantizing twice is quantizing once, as with VectorQuantize.
# Behaviour: FSQ bends its input by tanh before it rounds, but returns the level without bending it
#   back. So the vector of a code, seen as an input, lies at another code unless the levels are few.
#   With the levels 8, 5, 5, 5 of its documentation, half of the 1,000 codes move, and with 8, 8, 8
#   seven in eight. An index that is decoded and encoded again is another token. An encoder
#   whose output is near the code vectors is quantized wrongly. With bound_hard_clamp=True all stay.
#
# Output seen (share of codes whose vector has the same code):
#   levels 3, 3, 3:    100.0 %, hard clamp 100.0 %
#   levels 5, 5, 5:    100.0 %, hard clamp 100.0 %
#   levels 8, 5, 5, 5:  50.0 %, hard clamp 100.0 %
#   levels 8, 6, 5:     33.3 %, hard clamp 100.0 %
#   levels 9, 9, 9:     47.1 %, hard clamp 100.0 %
#   levels 8, 8, 8:     12.5 %, hard clamp 100.0 %
#   levels 16, 16:      25.0 %, hard clamp 100.0 %
#   VectorQuantize:    100.0 %
#
# Exits with 1 if FSQ behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 vector-quantize-pytorch==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from vector_quantize_pytorch import FSQ, VectorQuantize

torch.set_num_threads(1)


def kept(levels, **settings):
    quantizer = FSQ(levels, **settings).eval()
    index = torch.arange(quantizer.codebook_size)
    again = quantizer(quantizer.indices_to_codes(index[None]))[1][0]
    return (again == index).float().mean().item()


rows = []
for levels in ([3, 3, 3], [5, 5, 5], [8, 5, 5, 5], [8, 6, 5], [9, 9, 9], [8, 8, 8], [16, 16]):
    rows.append([kept(levels), kept(levels, bound_hard_clamp=True)])
    name = ", ".join(map(str, levels))
    bent, hard = rows[-1]
    print(f"levels {name + ':':11s} {100 * bent:5.1f} %, hard clamp {100 * hard:5.1f} %")
torch.manual_seed(0)
plain = VectorQuantize(dim=4, codebook_size=1000).eval()
vectors = plain.get_output_from_indices(torch.arange(1000)[None])
same = (plain(vectors)[1][0] == torch.arange(1000)).float().mean().item()
print(f"VectorQuantize:    {100 * same:5.1f} %")
tanh, hard = zip(*rows, strict=True)
moved = tanh[0] == tanh[1] == 1.0 and abs(tanh[2] - 0.5) < 0.05 and abs(tanh[5] - 0.125) < 0.05
sys.exit(not (moved and min(hard) == 1.0 and same == 1.0))
PYTHON
