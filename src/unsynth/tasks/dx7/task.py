"""Task ``dx7``: a note of a DX7 voice, its silent parts and its symmetries.

The exchanges that leave a DX7's sound unchanged depend on the patch (the paper calls this
conditional symmetry, section 3.1): operators that hold the same place in the graph of the
algorithm may change places, and without feedback several algorithms are one and the same.
"""

import hashlib
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.conventions import SECONDS
from unsynth.errors import PatchError
from unsynth.formats.syx import Voice, init_voice, rename_voice, write_bank
from unsynth.synths.base import Note, note_name
from unsynth.synths.dx7 import DX7
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.dx7.audibility import (
    active_operators,
    active_pitch_eg,
    could_reach_carrier,
    reaching_carrier,
    silent,
)
from unsynth.tasks.dx7.exchanges import exchanges
from unsynth.tasks.dx7.layout import (
    LEVEL_STEP_DB,
    LEVEL_STEPS,
    LEVELS,
    OP,
    OPERATORS,
    RATES,
    WIDTH,
)
from unsynth.tasks.dx7.prior import DX7Prior
from unsynth.tasks.dx7.voices import scaled_level, scaled_rate
from unsynth.tasks.spec import Spec

if TYPE_CHECKING:
    pass


class DX7Task:
    """See :class:`unsynth.tasks.task.Task` and ``dx7.yaml``."""

    name = source = "dx7"
    package = "dexed-py"
    sample_rate, channels = DX7.sample_rate, DX7.channels

    def __init__(self) -> None:
        text = files("unsynth.tasks.dx7").joinpath("dx7.yaml").read_text(encoding="utf-8")
        self.spec = Spec.from_yaml(text)
        self.prior = DX7Prior(self.spec)
        at = self.spec.position
        self._pitch_eg = at["pitch_eg.rate1"]
        self._algorithm = at["algorithm"]
        self._feedback = at["feedback"]
        self._lfo = {
            name: at[f"lfo.{name}"]
            for name in (
                *("speed", "delay", "pitch_depth", "amp_depth", "sync", "wave"),
                "pitch_sensitivity",
            )
        }
        self._note = at["note.pitch"]

    def __reduce__(self) -> tuple[type["DX7Task"], tuple[()]]:
        # A process does not start until it has read what it is given, if that is more than 64 kB.
        return type(self), ()

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the spec and of 200 draws of the prior."""
        rng = np.random.default_rng(0)
        draws = np.stack([self.sample(rng) for _ in range(200)])
        return hashlib.sha256(self.spec.hash.encode() + draws.tobytes()).hexdigest()[:16]

    def synth(self) -> DX7:
        """Make an engine."""
        return DX7()

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
        pitch, onset, duration = patch[self._note :]
        return Note(int(pitch), float(onset), float(duration))

    def with_note(
        self, patch: Float[np.ndarray, " parameters"], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with another note, which may lie outside the prior's range."""
        moved = patch.copy()
        moved[self._note :] = note.pitch, note.onset, note.duration
        return moved

    # -- voices -----------------------------------------------------------------------------

    def engine_patch(self, patch: Float[np.ndarray, " parameters"]) -> Voice:
        """Write a patch as the 155 bytes of a voice."""
        voice = init_voice("UNSYNTH")
        values = patch.astype(int)
        ops = values[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        for i, op in enumerate(ops):
            raw = voice[(5 - i) * 21 : (6 - i) * 21]
            raw[:8] = op[:8]
            raw[14] = op[OP["amp_mod_sensitivity"]]
            raw[16] = op[OP["output_level"]]
            raw[17] = op[OP["mode"]]
            if op[OP["mode"]]:
                raw[18], raw[19] = op[OP["fixed_coarse"]], op[OP["fixed_fine"]]
                raw[20] = 7 + op[OP["fixed_detune"]]
            else:
                raw[18], raw[19] = op[OP["ratio_coarse"]], op[OP["ratio_fine"]]
                raw[20] = 7 + op[OP["ratio_detune"]]
        voice[126:134] = values[self._pitch_eg : self._pitch_eg + 8]
        voice[134], voice[135], voice[136] = values[self._algorithm], values[self._feedback], 1
        for at, name in enumerate(self._lfo, start=137):
            voice[at] = values[self._lfo[name]]
        voice[144] = 24
        return voice

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write up to 32 patches as a bank, ``patches.syx``, for Dexed and the hardware."""
        path = folder / "patches.syx"
        voices = [
            rename_voice(self.engine_patch(patch), f"UNSYNTH {rank:2d}")
            for rank, patch in enumerate(patches, start=1)
        ]
        path.write_bytes(write_bank(voices))
        return [path]

    def from_voice(self, voice: Voice, note: Note) -> Float[np.ndarray, " parameters"]:
        """Read a voice as it sounds on one note, with what this task leaves out folded in.

        Transpose moves the note; rate scaling, keyboard level scaling and velocity sensitivity
        become other rates and levels. What is left is measured by :meth:`folding_error`: levels
        move in steps of 0.75 dB and end at 99. Raises :class:`PatchError` where the note, after
        transposing, lies outside the task's range.
        """
        patch = np.zeros(len(self.spec.parameters))
        pitch = note.pitch + int(voice[144]) - 24
        for i in range(OPERATORS):
            raw: list[int] = voice[(5 - i) * 21 : (6 - i) * 21].tolist()
            op = patch[i * WIDTH : (i + 1) * WIDTH]
            op[RATES] = [scaled_rate(rate, pitch, raw[13]) for rate in raw[:4]]
            op[LEVELS] = raw[4:8]
            op[OP["output_level"]] = scaled_level(raw, pitch, note.velocity)
            op[OP["mode"]] = raw[17]
            op[OP["ratio_coarse"]] = 1
            if raw[17]:
                op[OP["fixed_coarse"]], op[OP["fixed_fine"]] = raw[18] & 3, raw[19]
                op[OP["fixed_detune"]] = max(0, raw[20] - 7)
            else:
                op[OP["ratio_coarse"]], op[OP["ratio_fine"]] = raw[18], raw[19]
                op[OP["ratio_detune"]] = raw[20] - 7
            op[OP["amp_mod_sensitivity"]] = raw[14]
        patch[self._pitch_eg : self._pitch_eg + 8] = voice[126:134]
        patch[self._algorithm], patch[self._feedback] = voice[134], voice[135]
        for at, name in enumerate(self._lfo, start=137):
            patch[self._lfo[name]] = voice[at]
        patch[self._note :] = pitch, note.onset, note.duration
        try:
            self.spec.check(patch[None])
        except PatchError as error:
            raise PatchError(
                f"this voice on note {note.pitch} is outside the task: {error}"
            ) from None
        return patch

    def folding_error(self, voice: Voice, note: Note) -> float:
        """Relative RMS error that :meth:`from_voice` leaves, by rendering both.

        0 is exact; 1 is as large as the sound itself. Silent voices give 0.
        """
        synth = self.synth()
        patch = self.from_voice(voice, note)
        original = synth.render(voice, note)
        folded = synth.render(self.engine_patch(patch), self.note(patch))
        size = float(np.sqrt(np.mean(original**2)))
        return float(np.sqrt(np.mean((folded - original) ** 2))) / size if size else 0.0

    # -- what can be heard ------------------------------------------------------------------

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard.

        Inactive ones may all be changed at once, without a difference; of two that are each
        enough for silence, one is therefore active. An operator is silent where its levels are
        too low, or where everything it modulates is.
        In the feedback loops of algorithms 4 and 6 the engine lets a silent operator through at
        about -84 dB: that counts as silent, and their feedback as heard.
        """
        ops = self._operators(patch)
        algorithm = ALGORITHMS[int(patch[self._algorithm])]
        sounding = tuple((~silent(ops)).tolist())
        heard = reaching_carrier(int(patch[self._algorithm]), sounding)
        could_be_heard = could_reach_carrier(int(patch[self._algorithm]), sounding)
        note = self.note(patch)
        released = note.onset + note.duration < SECONDS

        active = np.zeros(len(self.spec.parameters), dtype=bool)
        masks = active[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        masks[heard] = active_operators(ops, released)[heard]
        for op, mask, possible in zip(ops, masks, could_be_heard & ~heard, strict=True):
            if possible:
                louder, longer = op.copy(), op.copy()
                louder[OP["output_level"]], longer[LEVELS] = 99, 99
                mask[LEVELS] = not silent(longer[None])[0]
                mask[OP["output_level"]] = not silent(louder[None])[0] or not mask[LEVELS].any()
        pitched = bool((heard & (ops[:, OP["mode"]] == 0)).any())
        source, target = algorithm.feedback
        active[self._algorithm] = True
        active[self._feedback] = heard[source] or source != target
        active[self._pitch_eg : self._pitch_eg + 8] = pitched and active_pitch_eg(
            patch[self._pitch_eg : self._pitch_eg + 8], released
        )
        active |= self._active_lfo(
            patch, pitched, bool(ops[heard, OP["amp_mod_sensitivity"]].any())
        )
        active[self._note :] = pitched, True, released
        return active

    def _active_lfo(
        self, patch: Float[np.ndarray, " parameters"], pitched: bool, tremolo: bool
    ) -> Bool[np.ndarray, " parameters"]:
        active = np.zeros(len(self.spec.parameters), dtype=bool)
        depth = patch[self._lfo["pitch_depth"]] > 0
        sensitive = patch[self._lfo["pitch_sensitivity"]] > 0
        active[self._lfo["pitch_depth"]] = pitched and (sensitive or not depth)
        active[self._lfo["pitch_sensitivity"]] = pitched and depth
        active[self._lfo["amp_depth"]] = tremolo
        vibrato = pitched and depth and sensitive
        if vibrato or (tremolo and patch[self._lfo["amp_depth"]] > 0):
            for name in ("speed", "delay", "sync", "wave"):
                active[self._lfo[name]] = True
        return active

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with inactive parameters as a DX7's init voice has them."""
        init = self.from_voice(init_voice(), Note(60, duration=6.0))
        init[[i * WIDTH + OP["output_level"] for i in range(OPERATORS)]] = 0
        active = self.active(patch)
        active[self._note :] = True
        return np.where(active, patch, init)

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """Describe what is heard of a patch: Hz, ratios and dB, and the panel's own scales.

        An operator's level is in dB below its loudest; rates stay on the panel's scale of 0 to
        99, where 99 is the fastest.
        """
        active = dict(zip(self.spec.names, self.active(patch).tolist(), strict=True))
        named = self.spec.named(patch)
        note = self.note(patch)
        graph = ALGORITHMS[int(patch[self._algorithm])]
        operators = []
        for i, op in enumerate(self._operators(patch)):
            if not active[f"op{i + 1}.rate1"]:
                continue
            fixed = bool(op[OP["mode"]])
            ratio = max(0.5, op[OP["ratio_coarse"]]) * (1.0 + op[OP["ratio_fine"]] / 100.0)
            hz = 10.0 ** (op[OP["fixed_coarse"]] + op[OP["fixed_fine"]] / 100.0)
            if not fixed:
                hz = ratio * 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
            steps = 127 - int(LEVEL_STEPS[int(op[OP["output_level"]])])
            operators.append(
                {
                    "operator": i + 1,
                    "role": "carrier" if i in graph.carriers else "modulator",
                    "level_db": round(-LEVEL_STEP_DB * steps, 1),
                    "frequency_hz": round(float(hz), 3),
                    "ratio": None if fixed else round(float(ratio), 3),
                    "detune": int(op[OP["fixed_detune" if fixed else "ratio_detune"]]),
                    "envelope_rates": op[RATES].astype(int).tolist(),
                    "envelope_levels": op[LEVELS].astype(int).tolist(),
                    "amp_mod_sensitivity": int(op[OP["amp_mod_sensitivity"]]),
                }
            )
        rest = {
            name: value
            for name, value in named.items()
            if active[name] and not name.startswith(("op", "note."))
        }
        return {
            "note": {
                "pitch": note.pitch,
                "name": note_name(note.pitch),
                "onset_s": note.onset,
                "duration_s": note.duration,
                "velocity": note.velocity,
            },
            "operators": operators,
            **rest,
        }

    # -- symmetries -------------------------------------------------------------------------

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges of operators, and of algorithms, that this patch's sound allows.

        An exchange keeps carriers carriers and modulators modulators, so that the prior's
        density stays too. Where feedback is heard the algorithm stays, since algorithms scale
        their feedback differently.
        """
        number, feedback = int(patch[self._algorithm]), bool(patch[self._feedback] > 0)
        sounding = tuple((~silent(self._operators(patch))).tolist())
        rows = []
        identity = np.arange(self.spec.width)
        starts = [self.spec.slices[i * WIDTH].start for i in range(OPERATORS)]
        width = starts[1] - starts[0]
        one_hot = self.spec.slices[self._algorithm].start
        for algorithm, places in exchanges(number, feedback, sounding):
            row = identity.copy()
            for source, place in enumerate(places):
                row[starts[place] : starts[place] + width] = range(
                    starts[source], starts[source] + width
                )
            row[[one_hot + number, one_hot + algorithm]] = one_hot + algorithm, one_hot + number
            if algorithm == number:
                row[one_hot + number] = one_hot + number
            rows.append(row)
        return np.stack(rows)

    def _operators(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, "6 width"]:
        return patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
