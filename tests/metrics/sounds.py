"""Sounds for tests of metrics."""

import numpy as np


def noise(rng: np.random.Generator, channels: int = 1, samples: int = 30_000) -> np.ndarray:
    """Noise that decays."""
    fade = np.linspace(1, rng.uniform(0, 1), samples)
    return (rng.normal(size=(channels, samples)) * fade).astype(np.float32)
