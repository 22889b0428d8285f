#!/usr/bin/env bash
# dasp-pytorch's compressor ignores its release time: the gain recovers with the attack.
#
# Library: dasp-pytorch 0.0.1 (PyPI), differentiable audio effects for PyTorch.
# Guess: a release of 500 ms recovers about a hundred times as slowly as one of 5 ms. A stereo sound
#   is compressed as its louder channel is, or nearly so, and any sound 20 dB above the threshold is
#   compressed.
# Behaviour: release_ms changes no sample and gets no gradient. The gain recovers within the attack
#   time, though the docstring tells of two filters, one of which is chosen. So a fit of a real
#   compressor leaves its release where it started, and pumping cannot be imitated. The level is
#   taken from the sum of the channels. So equal channels are compressed 6 dB below the threshold,
#   and a sound whose channels are opposite is not compressed at all, however loud it is.
#
# Output seen (ratio 4, threshold -30 dB, a sine of 1 kHz):
#   attack 5 ms, release 5 ms: -18.1 dB, nine tenths of them gone after 5 ms
#   attack 5 ms, release 500 ms: -18.1 dB, nine tenths of them gone after 5 ms
#   attack 50 ms, release 5 ms: -18.1 dB, nine tenths of them gone after 52 ms
#   attack 50 ms, release 500 ms: -18.1 dB, nine tenths of them gone after 52 ms
#   gradient of the release: None, of the ratio: -123.4
#   one channel of -31 dB: 0.0 dB
#   two equal ones of -31 dB: -1.6 dB
#   one channel of -10 dB: -10.9 dB
#   two opposite ones of -10 dB: 0.0 dB
#
# Exits with 1 if dasp-pytorch behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dasp-pytorch==0.0.1 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from dasp_pytorch.functional import compressor

torch.set_num_threads(1)
RATE = 44_100
time = torch.arange(2 * RATE) / RATE
sine = torch.sin(2.0 * torch.pi * 1_000.0 * time)


def compressed(sound, attack=20.0, release=100.0):
    """A sound of some channels after the compressor."""
    values = -30.0, 4.0, attack, release, 1e-3, 0.0
    return compressor(sound[None], RATE, *(torch.as_tensor([float(v)]) for v in values))[0]


def level(sound):
    """The peak of the first channel after one second, in dB."""
    return float(20.0 * torch.log10(sound[0, RATE:].abs().max()))


fall = torch.where(time < 1.0, 1.0, 0.01) * sine
clear, outs, recovered = sine.abs() > 0.5, {}, {}
for attack in (5.0, 50.0):
    for release in (5.0, 500.0):
        out = outs[attack, release] = compressed(fall[None], attack, release)[0]
        gain = 20.0 * torch.log10((out / fall).abs())
        before = gain[clear & (time > 0.9) & (time < 1.0)].median()
        after = clear & (time > 1.0) & (gain > before / 10.0)
        recovered[attack, release] = 1e3 * (float(time[after][0]) - 1.0)
        print(
            f"attack {attack:g} ms, release {release:g} ms: {before:.1f} dB, nine tenths of them "
            f"gone after {recovered[attack, release]:.0f} ms"
        )
time_given = torch.tensor([100.0], requires_grad=True)
given = [torch.tensor([v]) for v in (-30.0, 4.0, 20.0)]
rest = [torch.tensor([v]) for v in (1e-3, 0.0)]
given[1].requires_grad_()
compressor(fall[None, None], RATE, *given, time_given, *rest).square().sum().backward()
print(f"gradient of the release: {time_given.grad}, of the ratio: {given[1].grad.item():.1f}")
soft, loud = 10.0 ** (-31.0 / 20.0) * sine, 10.0 ** (-10.0 / 20.0) * sine
changes = {
    "one channel of -31 dB": level(compressed(soft[None])) + 31.0,
    "two equal ones of -31 dB": level(compressed(torch.stack([soft, soft]))) + 31.0,
    "one channel of -10 dB": level(compressed(loud[None])) + 10.0,
    "two opposite ones of -10 dB": level(compressed(torch.stack([loud, -loud]))) + 10.0,
}
for name, change in changes.items():
    print(f"{name}: {round(change, 1) + 0.0:.1f} dB")
same = all(torch.equal(outs[attack, 5.0], outs[attack, 500.0]) for attack in (5.0, 50.0))
single, equal, one, opposite = changes.values()
summed = abs(single) < 0.1 and equal < -1.0 and one < -8.0 and abs(opposite) < 0.1
sys.exit(not (same and time_given.grad is None and summed))
PYTHON
