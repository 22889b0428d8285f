"""A plain patch of ``vital-simple``, and its windows on the engine and on the sketch."""

from functools import cache

import numpy as np
import torch

from unsynth.audio.mel import mel_basis
from unsynth.sketches.vital.sketch import load_sketch

SAMPLES = 1024
#: An oscillator that plays, without any modulation.
_OSC = {
    **{"on": 0, "level": 0.7, "pan": 0, "transpose": 0, "tune": 0, "wave_frame": 48, "phase": 0.2},
    **{"unison_detune": 0, "unison_blend": 0, "stereo_spread": 0, "morph_amount": 1},
    **{"distortion_amount": 0.5, "lfo_to_wave_frame": 0, "lfo_to_tune": 0},
    **{"env_to_morph_amount": 0, "env_to_level": 0, "lfo_frequency": 1, "lfo_phase": 0},
    **{"env_attack": 0.3, "env_decay": 0.8, "env_sustain": 0.1, "env_release": 0.5},
}
#: An open filter.
_FILTER = {
    **{"cutoff": 124, "resonance": 0, "drive": 0, "blend": 0, "keytrack": 0, "mix": 0.3},
    **{"env_to_cutoff": 0, "lfo_to_cutoff": 0, "lfo_frequency": 1, "lfo_phase": 0},
    **{"env_attack": 0.3, "env_decay": 0.8, "env_sustain": 0.3, "env_release": 0.5},
}
_REST = {
    **{"noise.on": 0, "noise.level": 0.3, "noise.pan": 0, "env.attack": 0.05, "env.hold": 0},
    **{"env.decay": 1, "env.sustain": 1, "env.release": 0.5, "env.attack_power": 0},
    **{"env.decay_power": -2, "env.release_power": -2},
    **{"note.pitch": 57, "note.onset": 0, "note.duration": 2},
}


def plain_patch(task, **values):
    """Return a saw wave through open filters.

    ``values`` set parameters; those of ``filter`` are for both filters.
    """
    patch = dict(_REST)
    for number in (1, 2, 3):
        patch |= {f"osc{number}.{name}": value for name, value in _OSC.items()}
    for number in (1, 2):
        patch |= {f"filter{number}.{name}": value for name, value in _FILTER.items()}
    patch["osc1.on"] = 1
    for name, value in values.items():
        unit, parameter = name.split("__")
        for each in ("filter1", "filter2") if unit == "filter" else (unit,):
            patch[f"{each}.{parameter}"] = value
    return np.array([patch[name] for name in task.spec.names], dtype=float)


def render_windows(task, patch, starts):
    """Cut windows from the rendered sound, mixed to one channel."""
    seconds = (starts[-1] + SAMPLES) / 44_100
    sound = task.synth().render(task.engine_patch(patch), task.note(patch), seconds).mean(axis=0)
    return torch.from_numpy(np.stack([sound[start : start + SAMPLES] for start in starts]))


_load_sketch = cache(load_sketch)


def sketch_windows(patches, starts, sketch=None):
    sketch = sketch or _load_sketch()
    windows = sketch.windows(patches, SAMPLES)
    values = torch.tensor(np.stack(patches)[:, sketch.fitted], dtype=torch.float32)
    return windows.gain * windows(values, torch.tensor(starts))


def levels(windows):
    """Return the decibels of 64 mel bands, relative to the loudest cell, down to -80."""
    basis = torch.from_numpy(mel_basis(44_100, SAMPLES, 64)).T
    power = torch.fft.rfft(windows * torch.hann_window(SAMPLES)).abs().square() @ basis
    decibels = 10.0 * power.clamp_min(1e-12).log10()
    return (decibels - decibels.max()).clamp_min(-80.0)


def difference(task, patch, starts):
    """Return the mean difference between the sketch's windows and the engine's, in dB."""
    engine = levels(render_windows(task, patch, starts))
    return float((levels(sketch_windows([patch], starts)[0]) - engine).abs().mean())
