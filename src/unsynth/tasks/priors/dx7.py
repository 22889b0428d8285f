"""Draws of the dx7 task (placeholder while the design is worked out)."""

import numpy as np
from jaxtyping import Float

from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Spec


class DX7Prior:
    """Uniform."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch."""
        v = []
        for p in self.spec.parameters:
            u = rng.random()
            if isinstance(p, Categorical):
                v.append(np.floor(u * p.width))
            else:
                v.append(p.decode(np.array([[2 * u - 1]]))[0])
        return np.array(v)

    def log_density(self, patches: Float[np.ndarray, "items parameters"]) -> Float[np.ndarray, " items"]:
        """0."""
        return np.zeros(len(patches))
