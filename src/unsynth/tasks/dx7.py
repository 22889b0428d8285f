"""Task ``dx7``: a note of a DX7 voice, its silent parts and its symmetries.

The exchanges that leave a DX7's sound unchanged depend on the patch (the paper calls this
conditional symmetry, section 3.1): operators that hold the same place in the graph of the
algorithm may change places, and without feedback several algorithms are one and the same.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.conventions import SECONDS
from unsynth.errors import EngineError, PatchError
from unsynth.formats.syx import Voice, init_voice, named_voice, write_bank
from unsynth.synths.base import Note, note_name
from unsynth.synths.dx7 import DX7
from unsynth.synths.dx7_algorithms import ALGORITHMS
from unsynth.tasks.priors.dx7 import DX7Prior
from unsynth.tasks.spec import Spec

if TYPE_CHECKING:
    from unsynth.tasks.dx7_windows import DX7Windows

OPERATORS = 6
#: The operator's parameters in the order of the spec, and where they stand in a patch.
_OP_NAMES = (
    *(f"rate{i}" for i in range(1, 5)),
    *(f"level{i}" for i in range(1, 5)),
    "output_level",
    "mode",
    "ratio_coarse",
    "ratio_fine",
    "ratio_detune",
    "fixed_coarse",
    "fixed_fine",
    "fixed_detune",
    "amp_mod_sensitivity",
)
OP = {name: i for i, name in enumerate(_OP_NAMES)}
WIDTH = len(_OP_NAMES)
_RATES, _LEVELS = slice(0, 4), slice(4, 8)

#: The engine's attenuation table below level 20 (Dexed, env.cc); above it, 28 + level.
_LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)
LEVEL_STEPS = np.array([*_LOW_LEVELS, *range(48, 128)])
#: Velocity curve (Dexed, dx7note.cc), one value for two velocities.
_VELOCITY_STEPS = np.array(
    [0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163, 166, 170, 173]
    + [174, 178, 181, 184, 186, 189, 190, 194, 196, 198, 200, 202, 205, 206, 209, 211, 214, 216]
    + [218, 220, 222, 224, 225, 227, 229, 230, 232, 233, 235, 237, 238, 240, 241, 242, 243, 244]
    + [246, 246, 248, 249, 250, 251, 252, 253, 254]
)
_EXPONENTIAL_CURVE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33, 39, 47, 56, 66] + [
    80,
    94,
    110,
    126,
    142,
    158,
    174,
    190,
    206,
    222,
    238,
    250,
]
#: One step of the attenuation table: an eighth of a factor of two in amplitude.
_LEVEL_STEP_DB = 20.0 * math.log10(2.0) / 8.0
#: An envelope at or below this (1/256 octave) is cut to silence by the engine.
_SILENCE = 33


class DX7Task:
    """See :class:`unsynth.tasks.task.Task` and ``dx7.yaml``."""

    name = source = "dx7"
    package = "dexed-py"
    sample_rate, channels = DX7.sample_rate, DX7.channels

    def __init__(self) -> None:
        text = files("unsynth.tasks").joinpath("dx7.yaml").read_text(encoding="utf-8")
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
        #: Parameters that windows depend on and have no slopes in.
        self.sketched = np.array(
            [op * WIDTH + i for op in range(OPERATORS) for i in range(OP["mode"], WIDTH - 1)]
            + [self._algorithm]
        )
        #: Parameters that they have slopes in.
        self.fitted = np.array(
            [op * WIDTH + i for op in range(OPERATORS) for i in (*range(8), OP["output_level"])]
            + [self._feedback]
        )

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
            named_voice(self.engine_patch(patch), f"UNSYNTH {rank:2d}")
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
            op[_RATES] = [_scaled_rate(rate, pitch, raw[13]) for rate in raw[:4]]
            op[_LEVELS] = raw[4:8]
            op[OP["output_level"]] = _scaled_level(raw, pitch, note.velocity)
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
        sounding = tuple((~_silent(ops)).tolist())
        heard = _heard(int(patch[self._algorithm]), sounding)
        could_be_heard = _could_be_heard(int(patch[self._algorithm]), sounding)
        note = self.note(patch)
        released = note.onset + note.duration < SECONDS

        active = np.zeros(len(self.spec.parameters), dtype=bool)
        masks = active[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
        masks[heard] = _active_operators(ops, released)[heard]
        for op, mask, possible in zip(ops, masks, could_be_heard & ~heard, strict=True):
            if possible:
                louder, longer = op.copy(), op.copy()
                louder[OP["output_level"]], longer[_LEVELS] = 99, 99
                mask[_LEVELS] = not _silent(longer[None])[0]
                mask[OP["output_level"]] = not _silent(louder[None])[0] or not mask[_LEVELS].any()
        pitched = bool((heard & (ops[:, OP["mode"]] == 0)).any())
        source, target = algorithm.feedback
        active[self._algorithm] = True
        active[self._feedback] = heard[source] or source != target
        active[self._pitch_eg : self._pitch_eg + 8] = pitched and _active_pitch_eg(
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
                    "level_db": round(-_LEVEL_STEP_DB * steps, 1),
                    "frequency_hz": round(float(hz), 3),
                    "ratio": None if fixed else round(float(ratio), 3),
                    "detune": int(op[OP["fixed_detune" if fixed else "ratio_detune"]]),
                    "envelope_rates": op[_RATES].astype(int).tolist(),
                    "envelope_levels": op[_LEVELS].astype(int).tolist(),
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
        sounding = tuple((~_silent(self._operators(patch))).tolist())
        rows = []
        identity = np.arange(self.spec.width)
        starts = [self.spec.slices[i * WIDTH].start for i in range(OPERATORS)]
        width = starts[1] - starts[0]
        one_hot = self.spec.slices[self._algorithm].start
        for algorithm, places in _exchanges(number, feedback, sounding):
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

    def windows(
        self,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str = "cpu",
    ) -> "DX7Windows":
        """Sketch windows of ``samples`` of these patches' notes, on a CPU to go downhill on.

        Raises :class:`EngineError` where numba is missing, or finds no folder to compile into.
        """
        try:
            from unsynth.tasks.dx7_windows import DX7Windows
        except ImportError:
            raise EngineError("numba is not installed: pip install 'unsynth[dx7]'") from None
        except RuntimeError as error:
            raise EngineError(
                f"numba cannot compile: set NUMBA_CACHE_DIR to a folder of yours ({error})"
            ) from None
        return DX7Windows(self, patches, samples, device)

    def _operators(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, "6 width"]:
        return patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)


def _silent(ops: Float[np.ndarray, "ops width"]) -> Bool[np.ndarray, " ops"]:
    """Say which operators the engine cuts to silence at every moment of their envelope."""
    loudest = ops[:, _LEVELS].max(axis=1).astype(int)
    outputs = ops[:, OP["output_level"]].astype(int)
    peak = (LEVEL_STEPS[loudest] // 2) * 64 + LEVEL_STEPS[outputs] * 32 - 4256
    return peak <= _SILENCE


@lru_cache(maxsize=4096)
def _heard(algorithm: int, sounding: tuple[bool, ...]) -> Bool[np.ndarray, "6"]:
    """Say which operators reach a carrier through operators that sound."""
    graph = ALGORITHMS[algorithm]
    heard = {op for op in graph.carriers if sounding[op]}
    while True:
        more = {a for a, b in graph.edges if b in heard and sounding[a]} - heard
        if not more:
            return np.array([op in heard for op in range(OPERATORS)])
        heard |= more


@lru_cache(maxsize=4096)
def _could_be_heard(algorithm: int, sounding: tuple[bool, ...]) -> Bool[np.ndarray, "6"]:
    """Say which operators would reach a carrier if they sounded."""
    with_it = [tuple(s or j == i for j, s in enumerate(sounding)) for i in range(OPERATORS)]
    return np.array([_heard(algorithm, each)[i] for i, each in enumerate(with_it)])


def _active_operators(
    ops: Float[np.ndarray, "ops width"], released: bool
) -> Bool[np.ndarray, "ops width"]:
    """Say which parameters of sounding operators can be heard."""
    active = np.ones(ops.shape, dtype=bool)
    levels = ops[:, _LEVELS][:, :3]
    active[:, OP["rate3"]] = levels[:, 1] != levels[:, 2]
    active[:, OP["rate2"]] = (levels != levels[:, 2:]).any(axis=1)
    active[:, [OP["rate4"], OP["level4"]]] = released
    fixed = ops[:, OP["mode"]] != 0
    for name in ("coarse", "fine", "detune"):
        active[:, OP["ratio_" + name]] = ~fixed
        active[:, OP["fixed_" + name]] = fixed
    return active


def _active_pitch_eg(eg: Float[np.ndarray, "8"], released: bool) -> Bool[np.ndarray, "8"]:
    """Say which of the pitch envelope's rates and levels can be heard (level 4 starts it)."""
    flat = bool((eg[4:] == eg[4]).all())
    active = np.ones(8, dtype=bool)
    active[:4] = not flat
    active[3] &= released
    return active


@lru_cache(maxsize=4096)
def _exchanges(
    number: int, feedback: bool, sounding: tuple[bool, ...]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """List (algorithm, places) where operator i moves to ``places[i]`` and nothing changes."""
    source, target = ALGORITHMS[number].feedback
    if feedback and source != target:
        sounding = (True,) * OPERATORS  # the loops of algorithms 4 and 6 let silent ones through
    heard = _heard(number, sounding)
    edges, loop = _sounding_graph(number, feedback, heard)
    found = []
    for algorithm in [number, *(a for a in range(len(ALGORITHMS)) if a != number)]:
        if algorithm != number and loop:
            break
        graph = ALGORITHMS[algorithm]
        for places in permutations(range(OPERATORS)):
            if any(
                (i in ALGORITHMS[number].carriers) != (places[i] in graph.carriers)
                for i in range(OPERATORS)
            ):
                continue
            moved_sounding = [False] * OPERATORS
            for i, place in enumerate(places):
                moved_sounding[place] = sounding[i]
            moved_heard = _heard(algorithm, tuple(moved_sounding))
            if any(moved_heard[places[i]] != heard[i] for i in range(OPERATORS)):
                continue
            moved_edges, moved_loop = _sounding_graph(algorithm, feedback, moved_heard)
            if {(places[a], places[b]) for a, b in edges} != moved_edges:
                continue
            if {(places[a], places[b]) for a, b in loop} != moved_loop:
                continue
            found.append((algorithm, places))
    return tuple(found)


def _sounding_graph(
    number: int, feedback: bool, heard: Bool[np.ndarray, "6"]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Edges between operators that are heard, and the feedback edge if it is."""
    graph = ALGORITHMS[number]
    edges = {(a, b) for a, b in graph.edges if heard[a] and heard[b]}
    source, target = graph.feedback
    loop = {graph.feedback} if feedback and heard[source] and heard[target] else set()
    return edges, loop


def _scaled_rate(rate: int, pitch: int, scaling: int) -> int:
    """Find the rate that, without rate scaling, does what this one does with it."""
    steps = (scaling * min(31, max(0, pitch // 3 - 7))) >> 3
    wanted = min(63, (rate * 41 >> 6) + steps)
    return rate if steps == 0 else min(99, -(-wanted * 64 // 41))


def _scaled_level(raw: Sequence[int], pitch: int, velocity: int) -> int:
    """Find the output level that, without scaling, is nearest to this one's with it."""
    level = int(LEVEL_STEPS[raw[16]]) + _keyboard_scaling(raw, pitch)
    velocity_steps = (raw[15] * (int(_VELOCITY_STEPS[velocity >> 1]) - 239) + 7) >> 3
    wanted = max(0, min(127, level) * 32 + velocity_steps * 16)
    if wanted == LEVEL_STEPS[raw[16]] * 32:
        return raw[16]
    return int(np.abs(LEVEL_STEPS * 32 - wanted).argmin())


def _keyboard_scaling(raw: Sequence[int], pitch: int) -> int:
    """Steps that keyboard level scaling adds to the output level on this note."""
    offset = pitch - raw[8] - 17
    if offset >= 0:
        group, depth, curve = (offset + 1) // 3, raw[10], raw[12]
    else:
        group, depth, curve = -(offset - 1) // 3, raw[9], raw[11]
    if curve in (0, 3):
        size = (group * depth * 329) >> 12
    else:
        size = (_EXPONENTIAL_CURVE[min(group, len(_EXPONENTIAL_CURVE) - 1)] * depth * 329) >> 15
    return size if curve >= 2 else -size
