"""Short windows of a note of Vital, differentiable in levels, envelopes, waves and filters.

This approximates the engine (Vital 1.0.6, through ``vita``) for patches of ``vital-simple``. Within
a window all modulators but the amplitude envelope stand still. Each window begins with a lead-in,
in which the filters settle; it is cut off. Both channels are mixed to one.

Tensors of a unit, such as an oscillator, have the shape ``(items, copies, windows)``.
"""

import math
from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.sketches.sketch import Slopes
from unsynth.sketches.vital import playback
from unsynth.sketches.vital.modulators import envelope, triangle
from unsynth.sketches.vital.playback_torch import play_with_torch
from unsynth.sketches.vital.sources import Sources
from unsynth.sketches.vital.waves import frame_spectra
from unsynth.tasks.spec import Spec

#: The most samples of a lead-in.
_MOST_LEAD = 512
#: Places within a window at which the amplitude envelope is computed; it is linear between them.
_KNOTS = 7
#: The engine's delay in seconds: one and a half samples.
_DELAY = 1.5 / SAMPLE_RATE
#: The mean delay of LFOs, which are smoothed with a half-life of 2^-7.5 s, once per 64 samples.
_LFO_DELAY = 2.0**-7.5 / math.log(2.0) + 64 / SAMPLE_RATE
#: Full scale of modulations: frames, semitones of tuning, semitones of cutoff.
_FRAMES, _TUNING, _CUTOFF = 256.0, 2.0, 128.0
#: Amplitudes of the centre and of the detuned unison voices when the blend is 1.
_CENTRE, _DETUNED = 0.4, 0.6
#: Cents between the centre and a detuned voice, per square of the setting.
_CENTS = 2.0
#: Resonance at the full setting, and what full drive adds to it.
_RESONANCE, _DRIVEN_RESONANCE = 2.15, 1.1
#: The most decibels of drive that the engine knows.
_MOST_DRIVE = 20.0
#: The cutoff in Hz at which a filter's outputs are shifted half as far as at low cutoffs.
_SHIFTED = 3000.0
#: Parameters that oscillators and filters share: those of an LFO and of an envelope.
_MODULATORS = (
    *("lfo_frequency", "lfo_phase"),
    *("env_attack", "env_decay", "env_sustain", "env_release"),
)
#: Values of a unit's parameters, by name.
_Unit = Mapping[str, Float[torch.Tensor, "items _ 1"]]


class VitalWindows:
    """Windows of patches' notes; see :class:`unsynth.sketches.sketch.Windows`."""

    # The patch's volume is -6 dB.
    gain = 0.5

    def __init__(
        self,
        spec: Spec,
        fitted: Int[np.ndarray, " fitted"],
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str = "cpu",
    ) -> None:
        columns = _columns(spec)
        order = np.concatenate([at for unit in columns.values() for at in unit.values()])
        #: The patches, with the copies of each parameter side by side.
        self._patches = torch.tensor(np.stack(patches)[:, order], dtype=torch.float32).to(device)
        self._fitted = torch.from_numpy(np.argsort(order)[fitted]).to(device)
        #: The number of copies of each parameter of each unit.
        self._copies = {
            unit: {name: len(at) for name, at in parameters.items()}
            for unit, parameters in columns.items()
        }
        self._samples, self._lead = samples, min(samples, _MOST_LEAD)
        #: Where the knots are, in samples after the first of a window.
        self._knots = torch.linspace(-self._lead, samples - 1.0, _KNOTS, device=device)

    def __call__(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples, with these ``fitted`` values."""
        play = playback.play if values.device.type == "cpu" else play_with_torch
        return play(self.sources(values, starts), self._lead, self._samples)

    def sources(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Sources:
        """Compute what sounds in windows that begin at these samples."""
        x = self._patches.index_copy(1, self._fitted, values)[..., None]
        each = iter(x.split([n for unit in self._copies.values() for n in unit.values()], dim=1))
        units = {
            unit: {name: next(each) for name in parameters}
            for unit, parameters in self._copies.items()
        }
        noise, env, note = units["noise"], units["env"], units["note"]
        first = starts - (note["onset"] * SAMPLE_RATE).round().long()
        times = (first + self._samples // 2) / SAMPLE_RATE
        knots = (first[:, 0, :, None] + self._knots) / SAMPLE_RATE
        lfos, envs = _modulators(units["modulators"], note, times)
        oscillators = units["osc"]["level"].shape[1]
        rows, phases = _oscillator_rows(
            *(units["osc"], note, first - self._lead, times),
            *(lfos[:, :oscillators], envs[:, :oscillators]),
        )
        level = noise["on"] * noise["level"].square() * _centred(noise["pan"])
        return Sources(
            oscillators=rows,
            filters=_filter_rows(
                units["filter"], note, lfos[:, oscillators:], envs[:, oscillators:]
            ),
            knots=envelope(knots, note["duration"], **env).square(),
            noise=level[:, 0, 0],
            dry=(1.0 - units["filter"]["mix"]).sum(dim=(1, 2)),
            phases=phases,
            first=first[:, 0] - self._lead,
        )

    def play_with_slopes(
        self,
        values: Float32[np.ndarray, "items fitted"],
        starts: Int[np.ndarray, " windows"],
    ) -> tuple[Float32[np.ndarray, "items windows samples"], Slopes]:
        """Play windows; see :meth:`unsynth.sketches.sketch.Windows.play_with_slopes`."""
        x = torch.from_numpy(values).requires_grad_(True)
        sounds = self(x, torch.from_numpy(starts))

        def slopes(
            grad_sounds: Float32[np.ndarray, "items windows samples"],
        ) -> Float32[np.ndarray, "items fitted"]:
            (grad_values,) = torch.autograd.grad(sounds, x, torch.from_numpy(grad_sounds))
            return grad_values.numpy()

        return sounds.detach().numpy(), slopes

    def part(self, items: slice) -> "VitalWindows":
        """Return the windows of some of the patches."""
        part = copy(self)
        part._patches = self._patches[items]
        return part


def _oscillator_rows(
    oscs: _Unit,
    note: _Unit,
    first: Int[torch.Tensor, "items 1 windows"],
    times: Float[torch.Tensor, "items 1 windows"],
    lfo: Float[torch.Tensor, "items copies windows"],
    env: Float[torch.Tensor, "items copies windows"],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows and the phases of oscillators; see :class:`Sources`."""
    level = (oscs["level"] + oscs["env_to_level"] * env).clamp_min(0.0).square()
    level = level * oscs["on"] * _centred(oscs["pan"])
    frame = oscs["wave_frame"] + _FRAMES * oscs["lfo_to_wave_frame"] * lfo
    frame = frame.clamp(0.0, len(frame_spectra()) - 1.0)
    morph = (oscs["morph_amount"] + oscs["env_to_morph_amount"] * env).clamp(0.0, 1.0)
    blend = oscs["unison_blend"]
    centre = 1.0 + (_CENTRE - 1.0) * blend
    detuned = _DETUNED * (1.0 - (1.0 - blend).square())
    turn = math.pi / 4.0 * (1.0 + oscs["stereo_spread"])
    scale = (turn.sin() + turn.cos()) / (2.0 * (centre.square() + detuned.square())).sqrt()
    limit = 2.0 ** (10.0 * morph) + 1.0
    rows = _rows(level, frame, limit, scale * centre, scale * detuned, oscs["distortion_amount"])
    # Double precision: there may be many cycles before the window.
    tuning = oscs["transpose"] + oscs["tune"] + _TUNING * oscs["lfo_to_tune"] * lfo
    pitch = (note["pitch"] - 69.0 + tuning.detach()).double()
    frequency = 440.0 * 2.0 ** (pitch / 12.0)
    ratio = 2.0 ** (_CENTS * oscs["unison_detune"].double().square() / 1200.0)
    starts = [
        frequency * of_voice * (first / SAMPLE_RATE - _DELAY) + oscs["phase"].double()
        for of_voice in (1.0, ratio, 1.0 / ratio)
    ]
    audible = (SAMPLE_RATE / 2.0 / frequency).ceil()
    phases = (start - start.floor() for start in starts)
    return rows, _rows(*phases, frequency / SAMPLE_RATE, ratio, audible)


def _filter_rows(
    filters: _Unit,
    note: _Unit,
    lfo: Float[torch.Tensor, "items copies windows"],
    env: Float[torch.Tensor, "items copies windows"],
) -> torch.Tensor:
    """Return the rows of filters; see :class:`Sources`."""
    modulation = filters["env_to_cutoff"] * env + filters["lfo_to_cutoff"] * lfo
    pitch = filters["cutoff"] + filters["keytrack"] * (note["pitch"] - 60.0)
    cutoff = 440.0 * 2.0 ** ((pitch + _CUTOFF * modulation - 69.0) / 12.0)
    setting, drive, blend = filters["resonance"], filters["drive"], filters["blend"] - 1.0
    resonance = _RESONANCE * (setting + 1e-9).sqrt()
    resonance = resonance + _DRIVEN_RESONANCE * setting * drive / _MOST_DRIVE
    scale = 2.0 * setting + 1.0
    gain = 10.0 ** (drive / 20.0) / scale
    low, high = (-blend).clamp_min(0.0), blend.clamp_min(0.0)
    band = (1.0 - blend.square()).clamp_min(1e-9).sqrt()
    # Both stages are integrated by the trapezoidal rule, which has no gain at half the sample rate.
    # So outputs are shifted from the mean of a state's last two values towards the later one: up to
    # an analog stage's gain there. Where cutoffs are high, this would cost too much phase.
    cutoff = cutoff.clamp(1.0, 0.45 * SAMPLE_RATE)
    rise = torch.tan(math.pi / SAMPLE_RATE * cutoff)
    step = 2.0 * rise / (1.0 + rise)
    highest = (1.0 + (SAMPLE_RATE / 2.0 / cutoff).square()).rsqrt()
    intake = 0.5 * step * (1.0 + highest / rise / (1.0 + (cutoff / _SHIFTED).square()))
    keep = 1.0 - intake
    feedback = resonance * keep
    # The stages put out intake u + keep a and, from that, intake (intake u + keep a) + keep b. The
    # low-pass is the second, the band-pass the first less the second, the high-pass the rest of u.
    output = filters["mix"] / (scale * gain).sqrt()
    from_u, from_first = output * high, output * (band - 2.0 * high)
    from_second = output * (low - band + high)
    from_first = from_first + intake * from_second
    outputs = from_u + intake * from_first, keep * from_first, keep * from_second
    return _rows(gain, step, intake, feedback, 1.0 / (1.0 - intake * feedback), *outputs)


def _rows(*columns: Float[torch.Tensor, "items copies _"]) -> torch.Tensor:
    """Stack columns, each of one value per window or of one for all."""
    return torch.stack(torch.broadcast_tensors(*columns), dim=-1)


def _modulators(
    units: _Unit, note: _Unit, times: Float[torch.Tensor, "items 1 windows"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the LFOs and the envelopes of all oscillators, then of all filters."""
    lfos = triangle(times - _LFO_DELAY, units["lfo_frequency"], units["lfo_phase"])
    stages = (units[f"env_{stage}"] for stage in ("attack", "decay", "sustain", "release"))
    return lfos, envelope(times, note["duration"], *stages)


def _columns(spec: Spec) -> dict[str, dict[str, list[int]]]:
    """Return the positions of each unit's parameters: unit, parameter, copies.

    The LFOs and envelopes of oscillators and filters are one unit, ``modulators``.
    """
    columns: dict[str, dict[str, list[int]]] = {}
    for position, name in enumerate(spec.names):
        unit, _, parameter = name.partition(".")
        unit = unit.rstrip("123")
        if parameter in _MODULATORS:
            unit = "modulators"
        columns.setdefault(unit, {}).setdefault(parameter, []).append(position)
    return columns


def _centred(pan: torch.Tensor) -> torch.Tensor:
    """Return the mean gain of both channels."""
    return torch.cos(math.pi / 4.0 * pan)
