"""Task ``dx7``: one note of a Yamaha DX7 voice."""

import hashlib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.conventions import SAMPLE_RATE
from unsynth.files import replacing
from unsynth.formats.syx import Voice, init_voice, rename_voice, write_bank
from unsynth.synths.base import Note, Synth
from unsynth.synths.dx7 import DX7
from unsynth.synths.project_rate import synth_at
from unsynth.tasks.dx7 import exchanges
from unsynth.tasks.dx7.audibility import active_parameters
from unsynth.tasks.dx7.describe import describe
from unsynth.tasks.dx7.layout import OP, Layout
from unsynth.tasks.dx7.prior import DX7Prior
from unsynth.tasks.dx7.voices import patch_from_voice, voice_from_patch
from unsynth.tasks.measured import MeasuredExchanges
from unsynth.tasks.note import read_note, replace_note
from unsynth.tasks.spec import Spec


class DX7Task:
    """One note of a DX7 voice; see :class:`unsynth.tasks.task.Task` and ``dx7.yaml``.

    ``symmetry`` is the path of a ``symmetry.json`` to take units and exchanges from, and ``source``
    the name by which :func:`~unsynth.tasks.catalogue.load_task` loads the task. Raises
    :class:`~unsynth.errors.TaskError` for a file that is not about this task.
    """

    name = source = "dx7"
    package = "dexed-py"
    sample_rate, channels = SAMPLE_RATE, DX7.channels

    def __init__(
        self, engine_rate: int = SAMPLE_RATE, source: str = "dx7", symmetry: Path | None = None
    ) -> None:
        self.engine_rate, self.source, self._symmetry = engine_rate, source, symmetry
        text = files("unsynth.tasks.dx7").joinpath("dx7.yaml").read_text(encoding="utf-8")
        self.spec = Spec.from_yaml(text)
        self.prior = DX7Prior(self.spec)
        self._layout = Layout(self.spec)
        self._measured = None if symmetry is None else MeasuredExchanges(symmetry, self.spec)
        if self._measured is not None:
            self.spec = self._measured.spec

    def __reduce__(self) -> tuple[type["DX7Task"], tuple[int, str, Path | None]]:
        # A spawned process starts only once it has read its arguments, if they exceed 64 kB.
        return type(self), (self.engine_rate, self.source, self._symmetry)

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the spec and of 200 draws of the prior."""
        rng = np.random.default_rng(0)
        draws = np.stack([self.sample(rng) for _ in range(200)])
        return hashlib.sha256(self._layout.spec.hash.encode() + draws.tobytes()).hexdigest()[:16]

    def synth(self) -> Synth[Any]:
        """Make an engine."""
        return synth_at(DX7, self.engine_rate)

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch from the prior."""
        return self.prior.sample(rng)

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant."""
        return self.prior.log_density(patches)

    def note(self, patch: Float[np.ndarray, " parameters"]) -> Note:
        """Read the note out of a patch; the velocity is always 100."""
        return read_note(patch)

    def with_note(
        self, patch: Float[np.ndarray, " parameters"], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with another note, which may lie outside the prior's range."""
        return replace_note(patch, note)

    def engine_patch(self, patch: Float[np.ndarray, " parameters"]) -> Voice:
        """Write a patch as the 155 bytes of a voice."""
        return voice_from_patch(self._layout, patch)

    def from_voice(
        self, voice: Voice, note: Note, keep_pitch: bool = False
    ) -> Float[np.ndarray, " parameters"]:
        """Read a voice as it sounds on one note.

        Transpose, keyboard scaling and velocity sensitivity become another note, other rates and
        other levels; :meth:`folding_error` measures the difference. With ``keep_pitch`` the
        transpose becomes other ratios, and the note stays. Raises
        :class:`~unsynth.errors.PatchError` if the pitch lies outside the task's range.
        """
        return patch_from_voice(self._layout, voice, note, keep_pitch)

    def folding_error(self, voice: Voice, note: Note) -> float:
        """Render a voice and its patch, and return the relative RMS error of the patch.

        0 is exact; 1 is an error as large as the sound itself. A silent voice gives 0.
        """
        synth = self.synth()
        patch = self.from_voice(voice, note)
        original = synth.render(voice, note)
        folded = synth.render(self.engine_patch(patch), self.note(patch))
        size = float(np.sqrt(np.mean(original**2)))
        return float(np.sqrt(np.mean((folded - original) ** 2))) / size if size else 0.0

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write up to 32 patches as a bank, ``patches.syx``, for Dexed and the hardware."""
        path = folder / "patches.syx"
        voices = [
            rename_voice(self.engine_patch(patch), f"UNSYNTH {rank:2d}")
            for rank, patch in enumerate(patches, start=1)
        ]
        with replacing(path) as unfinished:
            unfinished.write_bytes(write_bank(voices))
        return [path]

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters are audible; see :mod:`unsynth.tasks.dx7.audibility`."""
        return active_parameters(self._layout, patch)

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with its inactive parameters, but the note, as in the DX7's init voice.

        Inactive output levels become 0.
        """
        neutral = self.from_voice(init_voice(), Note(60, duration=6.0))
        self._layout.operators(neutral)[:, OP["output_level"]] = 0
        active = self.active(patch)
        active[self._layout.note] = True
        return np.where(active, patch, neutral)

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """Describe the audible part of a patch in Hz, ratios, dB and the panel's own scales."""
        return describe(self._layout, patch, self.active(patch))

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges of operators and algorithms that this patch's sound allows."""
        if self._measured is not None:
            return self._measured.images(patch)
        return exchanges.symmetries(self._layout, patch)
