"""Short windows of DX7 notes, with slopes in envelopes, output levels and feedback.

This approximates Dexed's engine (Mark I: ``env.cc``, ``dx7note.cc``, ``EngineMkI.cpp``) so that a
search can descend on it. The loops are compiled (:mod:`unsynth.sketches.dx7.kernel`). A window
needs envelopes and phases at only a few knots, and no samples before its own, so a few windows
cost a fraction of the whole sound. The pitch envelope and the LFO are those of the patch, without
slopes. Feedback starts from silence in each window.
"""

from collections.abc import Sequence
from copy import copy

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.sketches.dx7 import envelopes
from unsynth.sketches.dx7.kernel import play, play_gradients
from unsynth.sketches.dx7.kernel_notes import (
    HOLD_SECONDS,
    levels,
    levels_gradients,
    place,
    read,
    read_gradients,
)
from unsynth.sketches.dx7.modulation import BLOCK_SECONDS, Modulation
from unsynth.sketches.sketch import Slopes
from unsynth.tasks.dx7.layout import OP, OPERATORS, WIDTH
from unsynth.tasks.spec import Spec

#: Samples between knots; gains and frequencies are linear between them.
_KNOT_SPACING = 128
#: Factor of the feedback's depth per algorithm. The engine feeds back a quarter in the loops of
#: algorithms 4 and 6, which hold several operators, and in algorithm 32 (Dexed's EngineMkI.cpp).
_FEEDBACK_FACTORS = [0.25 if number in (4, 6, 32) else 1.0 for number in range(1, 33)]


class DX7Windows:
    """Windows of patches' notes; the patches may differ in their algorithms. See :func:`play`."""

    # Dexed halves the sum of the carriers.
    gain = 0.5

    def __init__(
        self,
        spec: Spec,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str,
        engine_rate: int = SAMPLE_RATE,
    ) -> None:
        if samples % _KNOT_SPACING:
            raise ValueError(
                f"windows of {samples} samples: only multiples of {_KNOT_SPACING} can be played"
            )
        x = torch.tensor(np.stack(patches), dtype=torch.float32, device=device)
        at = spec.position
        ops = x[:, : OPERATORS * WIDTH].unflatten(1, (OPERATORS, WIDTH))
        self.samples = samples
        self.hold_seconds = HOLD_SECONDS * (SAMPLE_RATE / engine_rate) ** 2
        self.onset = x[:, at["note.onset"]].double()
        self.duration = x[:, at["note.duration"]].double()
        self.algorithms = x[:, at["algorithm"]].long()
        factors = torch.tensor(_FEEDBACK_FACTORS, device=device)[self.algorithms]
        # Feedback 0 is off in the engine, not half of feedback 1.
        self.feedback_factors = factors * (x[:, at["feedback"]] > 0)
        self.knots = samples // _KNOT_SPACING + 1
        base = 440.0 * 2.0 ** ((x[:, at["note.pitch"]] - 69.0) / 12.0)
        octave = base.log2()
        # Octaves per step of detune: fewer for higher notes (``dx7note.cc``, ``osc_freq``).
        detune = (0.0209 / 7.0 * (-0.396 * octave).exp() * octave)[:, None]
        ratio = ops[..., OP["ratio_coarse"]].clamp_min(0.5) * (1 + ops[..., OP["ratio_fine"]] / 100)
        pitched = base[:, None] * ratio * 2.0 ** (detune * ops[..., OP["ratio_detune"]])
        fixed = 10.0 ** (ops[..., OP["fixed_coarse"]] + ops[..., OP["fixed_fine"]] / 100)
        fixed = fixed * 2.0 ** (13457 / 2**24 * ops[..., OP["fixed_detune"]])
        self.fixed = ops[..., OP["mode"]] > 0.5
        self.hz = torch.where(self.fixed, fixed, pitched).double()
        self.modulation = Modulation(spec, x.double())

    def __call__(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples, with these ``fitted`` values."""
        if values.is_cuda:
            return self.play_with_triton(values, starts)
        return torch.from_numpy(self.play_with_slopes(values.numpy(), starts.numpy())[0])

    def play_with_triton(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Do the same as :meth:`__call__` on a GPU, or on a CPU in Triton's interpreter."""
        from unsynth.sketches.dx7 import kernel_gpu

        times, factors, phases = self.place_knots_with_torch(starts)
        rates, targets, depths = envelopes.read(values)
        gains = envelopes.levels(
            rates, targets, self.hold_seconds, self.duration, times, factors
        ).unflatten(2, (len(starts), -1))
        depths = depths * self.feedback_factors
        return kernel_gpu.play(gains, depths, phases, self.algorithms, self.samples)

    def place_knots_with_torch(
        self, starts: Int[torch.Tensor, " windows"]
    ) -> tuple[
        Float[torch.Tensor, "items times"],
        Float[torch.Tensor, "items ops times"],
        Float[torch.Tensor, "items ops windows knots"],
    ]:
        """Do the same as :meth:`place_knots` on the device of ``starts``."""
        begins = starts[None].double() / SAMPLE_RATE - self.onset[:, None]
        knots = torch.arange(self.knots, device=starts.device) * (_KNOT_SPACING / SAMPLE_RATE)
        times = (begins[..., None] + knots).flatten(1)
        clock = self.modulation.pitch_clock(times)[:, None]
        cycles = self.hz[..., None] * torch.where(self.fixed[..., None], times[:, None], clock)
        cycles = cycles.unflatten(2, (len(starts), -1))
        # Drop whole cycles: with many of them, single precision could not resolve the phase.
        phases = (cycles - cycles[..., :1].floor()).float()
        return times, self.modulation.level_factors(times), phases

    def place_knots(
        self, starts: Int[np.ndarray, " windows"]
    ) -> tuple[
        Float[np.ndarray, "items windows knots"],
        Float32[np.ndarray, "items ops windows knots"],
        Float32[np.ndarray, "items ops windows knots"],
    ]:
        """Return times after the onset, factors of tremolo, and phases at the knots of windows.

        See :func:`unsynth.sketches.dx7.kernel_notes.place`.
        """
        modulation, items = self.modulation, len(self.onset)
        times = np.empty((items, len(starts), self.knots))
        factors, phases = np.empty((2, items, OPERATORS, *times.shape[1:]), dtype=np.float32)
        place(
            *(modulation.clock.numpy(), modulation.dips.numpy(), modulation.sensitivity.numpy()),
            *(self.hz.numpy(), self.fixed.numpy(), self.onset.numpy(), starts),
            *(_KNOT_SPACING / SAMPLE_RATE, BLOCK_SECONDS, times, factors, phases),
        )
        return times, factors, phases

    def play_with_slopes(
        self,
        values: Float32[np.ndarray, "items fitted"],
        starts: Int[np.ndarray, " windows"],
    ) -> tuple[Float32[np.ndarray, "items windows samples"], Slopes]:
        """Play windows on a CPU; see :meth:`unsynth.sketches.sketch.Windows.play_with_slopes`."""
        playback = _Playback(self, np.ascontiguousarray(values), starts)
        return playback.sounds, playback.slopes

    def part(self, items: slice) -> "DX7Windows":
        """Return the windows of some of the patches."""
        part = copy(self)
        part.modulation = self.modulation.part(items)
        for name in ("onset", "duration", "algorithms", "feedback_factors", "hz", "fixed"):
            setattr(part, name, getattr(self, name)[items])
        return part


class _Playback:
    """Windows of notes, and what their slopes are computed from."""

    def __init__(
        self,
        notes: DX7Windows,
        values: Float32[np.ndarray, "items fitted"],
        starts: Int[np.ndarray, " windows"],
    ) -> None:
        items, windows = len(values), len(starts)
        times, factors, phases = notes.place_knots(starts)
        gains = np.empty_like(phases)
        rates, targets = np.empty((2, items, OPERATORS, 4))
        depths = np.empty(items, dtype=np.float32)
        total_phases = np.empty((items, OPERATORS, windows, notes.samples), dtype=np.float32)
        #: Items x windows x samples.
        self.sounds = np.empty((items, windows, notes.samples), dtype=np.float32)
        read(values, notes.feedback_factors.numpy(), rates, targets, depths)
        envelopes_at = (
            *(rates, targets, notes.hold_seconds, notes.duration.numpy(), times.reshape(items, -1)),
            *(array.reshape(items, OPERATORS, -1) for array in (factors, gains)),
        )
        levels(*envelopes_at)
        algorithms = notes.algorithms.numpy()
        play(algorithms, gains, phases, depths, self.sounds, total_phases)
        self._values, self._targets, self._envelopes = values, targets, envelopes_at
        self._operators = algorithms, gains, depths, total_phases

    def slopes(
        self, grad_sounds: Float32[np.ndarray, "items windows samples"]
    ) -> Float32[np.ndarray, "items fitted"]:
        """Take slopes with respect to the sounds back to the fitted values."""
        _, gains, depths, _ = self._operators
        grad_gains, grad_depths = np.empty_like(gains), np.empty_like(depths)
        grad_rates, grad_targets = np.empty((2, *self._targets.shape))
        grad_values = np.empty_like(self._values)
        grad_sounds = np.ascontiguousarray(grad_sounds)
        play_gradients(*self._operators, grad_sounds, grad_gains, grad_depths)
        flat_gains = grad_gains.reshape(len(gains), OPERATORS, -1)
        levels_gradients(*self._envelopes, flat_gains, grad_rates, grad_targets)
        read_gradients(
            self._values, self._targets, depths, grad_rates, grad_targets, grad_depths, grad_values
        )
        return grad_values
