"""Short windows of a note of Vital, differentiable in levels, envelopes, waves and filters.

This approximates the engine (Vital 1.0.6, through ``vita``) for patches of ``vital-simple``. Within
a window all modulators but the amplitude envelope stand still. Filters are linear, after a
saturation without memory, and are multiplied onto the window's spectrum. Each window begins with a
lead-in, in which the filters settle; it is cut off. Both channels are mixed to one.

Tensors of a unit, such as an oscillator, have the shape ``(items, copies, windows)``.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.formats.vital import noise_sample
from unsynth.sketches.sketch import Slopes
from unsynth.sketches.vital.modulators import envelope, triangle
from unsynth.sketches.vital.waves import CYCLE, frame_spectra, play
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
#: The least damping: saturation keeps the engine's filters from oscillating without end.
_LEAST_DAMPING = 0.1

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
        self._patches = torch.tensor(np.stack(patches), dtype=torch.float32, device=device)
        self._fitted = torch.from_numpy(fitted).to(device)
        self._columns = _unit_columns(spec)
        self._samples = samples
        #: Samples of the lead-in.
        self._lead = min(samples, _MOST_LEAD)
        length = self._lead + samples
        self._offsets = torch.arange(-self._lead, samples, device=device)
        self._spectra = torch.from_numpy(frame_spectra()).to(device)
        self._harmonics = torch.arange(CYCLE // 2 + 1, dtype=torch.float32, device=device)
        self._frequencies = torch.fft.rfftfreq(length, 1.0 / SAMPLE_RATE, device=device)
        self._noise = torch.from_numpy(_noise()).to(device)
        #: Where the knots are, in samples, and the weight of each knot at each sample.
        self._knots = torch.linspace(0.0, length - 1.0, _KNOTS, device=device)
        places = torch.linspace(0.0, _KNOTS - 1.0, length, device=device)
        knots = torch.arange(_KNOTS, device=device)[:, None]
        self._hats = (1.0 - (places - knots).abs()).clamp_min(0.0)

    def __call__(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples, with these ``fitted`` values."""
        x = self._patches.index_copy(1, self._fitted, values)
        oscs, filters, noise, env, note = (
            {name: x[:, at, None] for name, at in self._columns[unit].items()}
            for unit in ("osc", "filter", "noise", "env", "note")
        )
        first = starts - (note["onset"] * SAMPLE_RATE).round().long()
        times = (first + self._samples // 2) / SAMPLE_RATE
        held = (first[:, 0, :, None] + self._offsets >= 0).float()
        sound = self._oscillators(oscs, note, first, times)
        sound = (sound + self._noise_source(noise, first[:, 0])) * held
        sound = self._filters(filters, note, sound, times)
        return (sound * self._amplitudes(env, note, first))[..., self._lead :]

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

    def _amplitudes(
        self, env: _Unit, note: _Unit, first: Int[torch.Tensor, "items 1 windows"]
    ) -> Float[torch.Tensor, "items windows samples"]:
        times = (first[:, 0, :, None] - self._lead + self._knots) / SAMPLE_RATE
        values = envelope(times, note["duration"], **env)
        return values.square() @ self._hats

    def _noise_source(
        self, noise: _Unit, first: Int[torch.Tensor, "items windows"]
    ) -> Float[torch.Tensor, "items windows samples"]:
        places = (first[..., None] + self._offsets).remainder(len(self._noise))
        level = noise["on"] * noise["level"].square() * _centred(noise["pan"])
        return level * self._noise[places]

    def _oscillators(
        self,
        oscs: _Unit,
        note: _Unit,
        first: Int[torch.Tensor, "items 1 windows"],
        times: Float[torch.Tensor, "items 1 windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        lfo = triangle(times - _LFO_DELAY, oscs["lfo_frequency"], oscs["lfo_phase"])
        env = envelope(times, note["duration"], *_stages(oscs))
        level = (oscs["level"] + oscs["env_to_level"] * env).clamp_min(0.0).square()
        level = level * oscs["on"] * _centred(oscs["pan"])
        tuning = oscs["transpose"] + oscs["tune"] + _TUNING * oscs["lfo_to_tune"] * lfo
        # Double precision: there may be many cycles before the window.
        pitch = (note["pitch"] - 69.0 + tuning.detach()).double()
        frequency = 440.0 * 2.0 ** (pitch / 12.0)
        cycles = frequency * ((first - self._lead) / SAMPLE_RATE - _DELAY) + oscs["phase"].double()
        waves = self._waves(oscs, lfo, env, frequency.float(), times)
        increment = (frequency / SAMPLE_RATE).float()
        starts = (cycles - cycles.floor()).float()
        return play(waves, level, oscs["distortion_amount"], starts, increment, len(self._offsets))

    def _waves(
        self,
        oscs: _Unit,
        lfo: Float[torch.Tensor, "items copies windows"],
        env: Float[torch.Tensor, "items copies windows"],
        frequency: Float[torch.Tensor, "items copies windows"],
        times: Float[torch.Tensor, "items 1 windows"],
    ) -> Float[torch.Tensor, "items copies windows cycle"]:
        """Compute one cycle of the sum of the three unison voices."""
        frame = oscs["wave_frame"] + _FRAMES * oscs["lfo_to_wave_frame"] * lfo
        frame = frame.clamp(0.0, len(self._spectra) - 1.0)
        below = frame.detach().floor().clamp_max(len(self._spectra) - 2.0)
        low, high = self._spectra[below.long()], self._spectra[below.long() + 1]
        spectra = low + (frame - below)[..., None] * (high - low)
        morph = (oscs["morph_amount"] + oscs["env_to_morph_amount"] * env).clamp(0.0, 1.0)
        gains = (2.0 ** (10.0 * morph[..., None]) + 1.0 - self._harmonics).clamp(0.0, 1.0)
        audible = self._harmonics * frequency[..., None] < SAMPLE_RATE / 2
        blend = oscs["unison_blend"]
        centre = 1.0 + (_CENTRE - 1.0) * blend
        detuned = _DETUNED * (1.0 - (1.0 - blend).square())
        turn = math.pi / 4.0 * (1.0 + oscs["stereo_spread"])
        scale = (turn.sin() + turn.cos()) / (2.0 * (centre.square() + detuned.square())).sqrt()
        ratio = 2.0 ** (_CENTS * oscs["unison_detune"].square() / 1200.0)
        beat = 2.0 * math.pi * frequency * (ratio - 1.0) * times.clamp_min(0.0)
        beats = torch.cos(beat[..., None] * self._harmonics) * audible
        voices = (scale * centre)[..., None] * audible + (scale * detuned)[..., None] * beats
        return torch.fft.irfft(spectra * (gains * voices), CYCLE, norm="forward")

    def _filters(
        self,
        filters: _Unit,
        note: _Unit,
        sound: Float[torch.Tensor, "items windows samples"],
        times: Float[torch.Tensor, "items 1 windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Return the sum of both filters' outputs."""
        lfo = triangle(times - _LFO_DELAY, filters["lfo_frequency"], filters["lfo_phase"])
        env = envelope(times, note["duration"], *_stages(filters))
        modulation = filters["env_to_cutoff"] * env + filters["lfo_to_cutoff"] * lfo
        pitch = filters["cutoff"] + filters["keytrack"] * (note["pitch"] - 60.0)
        cutoff = 440.0 * 2.0 ** ((pitch + _CUTOFF * modulation - 69.0) / 12.0)
        setting, drive, blend = filters["resonance"], filters["drive"], filters["blend"] - 1.0
        resonance = _RESONANCE * (setting + 1e-9).sqrt()
        resonance = resonance + _DRIVEN_RESONANCE * setting * drive / _MOST_DRIVE
        scale = 2.0 * setting + 1.0
        gain = 10.0 ** (drive / 20.0) / scale
        damping = 2.0 - resonance
        damping = 0.5 * (damping + (damping.square() + 4.0 * _LEAST_DAMPING**2).sqrt())
        low, high = (-blend).clamp_min(0.0)[..., None], blend.clamp_min(0.0)[..., None]
        band = (1.0 - blend.square()).clamp_min(1e-9).sqrt()[..., None]
        s = self._frequencies / cutoff.clamp(1.0, 0.45 * SAMPLE_RATE)[..., None]
        square = s.square()
        response = torch.complex(low - high * square, band * s)
        response = response / torch.complex(1.0 - square, damping[..., None] * s)
        response = response * (filters["mix"] / (scale * gain).sqrt())[..., None]
        saturated = torch.tanh(gain[..., None] * sound[:, None])
        filtered = (torch.fft.rfft(saturated) * response).sum(dim=1)
        dry = (1.0 - filters["mix"]).sum(dim=1)[..., None]
        return dry * sound + torch.fft.irfft(filtered, sound.shape[-1])


def _unit_columns(spec: Spec) -> dict[str, dict[str, list[int]]]:
    """Return the positions of each unit's parameters: unit, parameter, copies."""
    columns: dict[str, dict[str, list[int]]] = {}
    for position, name in enumerate(spec.names):
        unit, _, parameter = name.partition(".")
        columns.setdefault(unit.rstrip("123"), {}).setdefault(parameter, []).append(position)
    return columns


def _stages(unit: _Unit) -> tuple[torch.Tensor, ...]:
    return tuple(unit[f"env_{stage}"] for stage in ("attack", "decay", "sustain", "release"))


def _centred(pan: torch.Tensor) -> torch.Tensor:
    """Return the mean gain of both channels."""
    return torch.cos(math.pi / 4.0 * pan)


@cache
def _noise() -> Float32[np.ndarray, " samples"]:
    """Return the base patch's noise."""
    data = np.frombuffer(base64.b64decode(noise_sample()["samples"]), "<i2")
    return data.astype(np.float32) / 32768.0
