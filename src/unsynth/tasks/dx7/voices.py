"""Patches of the ``dx7`` task as voices of 155 bytes, and back.

The task has no keyboard scaling, velocity sensitivity or transpose. On one note they are the same
as other rates, levels and another pitch, so reading a voice folds them in.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from unsynth.conventions import SECONDS
from unsynth.errors import PatchError
from unsynth.formats.syx import Voice, init_voice, transposition
from unsynth.synths.base import Note, check_note
from unsynth.tasks.dx7.layout import LEVEL_STEPS, LEVELS, OP, OPERATORS, RATES, Layout
from unsynth.tasks.note import replace_note

#: Bytes per operator in a voice; operator 6 comes first.
_OPERATOR_BYTES = 21
#: Bytes of an operator after its four rates and four levels.
(
    _BREAK_POINT,
    _LEFT_DEPTH,
    _RIGHT_DEPTH,
    _LEFT_CURVE,
    _RIGHT_CURVE,
    _RATE_SCALING,
    _AMP_MOD_SENSITIVITY,
    _VELOCITY_SENSITIVITY,
    _OUTPUT_LEVEL,
    _MODE,
    _COARSE,
    _FINE,
    _DETUNE,
) = range(8, _OPERATOR_BYTES)
#: Bytes of the pitch envelope in a voice.
_PITCH_EG = slice(126, 134)
#: Byte of the algorithm in a voice.
_ALGORITHM = 134
#: Byte of the feedback in a voice.
_FEEDBACK = 135
#: Bytes of the LFO in a voice.
_LFO = slice(137, 144)
#: Value of an operator's detune that leaves it in tune.
_IN_TUNE = 7

#: Velocity curve (Dexed, dx7note.cc), one value per two velocities.
_VELOCITY_STEPS = np.array(
    [0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163, 166, 170, 173]
    + [174, 178, 181, 184, 186, 189, 190, 194, 196, 198, 200, 202, 205, 206, 209, 211, 214, 216]
    + [218, 220, 222, 224, 225, 227, 229, 230, 232, 233, 235, 237, 238, 240, 241, 242, 243, 244]
    + [246, 246, 248, 249, 250, 251, 252, 253, 254]
)
#: The engine's lowest level of an envelope, in 1/256 octave (Dexed, env.cc).
_FLOOR = 16
#: Exponential curve of keyboard level scaling (Dexed, dx7note.cc), one value per three semitones.
_EXPONENTIAL_CURVE = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33, 39, 47, 56, 66, 80, 94, 110, 126),
    *(142, 158, 174, 190, 206, 222, 238, 250),
)


def voice_from_patch(layout: Layout, patch: Float[np.ndarray, " parameters"]) -> Voice:
    """Write a patch as the 155 bytes of a voice; its note is left out.

    What the task does not have is as in the init voice: no scaling, no velocity sensitivity,
    oscillator sync on, not transposed.
    """
    voice = init_voice("UNSYNTH")
    values = patch.astype(int)
    for raw, op in zip(_operator_bytes(voice), layout.operators(values), strict=True):
        raw[:8] = op[:8]
        raw[_AMP_MOD_SENSITIVITY] = op[OP["amp_mod_sensitivity"]]
        raw[_OUTPUT_LEVEL] = op[OP["output_level"]]
        raw[_MODE] = op[OP["mode"]]
        mode = "fixed" if op[OP["mode"]] else "ratio"
        raw[_COARSE] = op[OP[f"{mode}_coarse"]]
        raw[_FINE] = op[OP[f"{mode}_fine"]]
        raw[_DETUNE] = _IN_TUNE + op[OP[f"{mode}_detune"]]
    voice[_PITCH_EG] = values[layout.pitch_eg]
    voice[_ALGORITHM] = values[layout.algorithm]
    voice[_FEEDBACK] = values[layout.feedback]
    voice[_LFO] = values[list(layout.lfo.values())]
    return voice


def patch_from_voice(
    layout: Layout, voice: Voice, note: Note, keep_pitch: bool = False
) -> Float[np.ndarray, " parameters"]:
    """Read a voice as it sounds on one note, with everything that the task leaves out folded in.

    The transpose becomes another pitch of the note, or with ``keep_pitch`` other ratios. Folding is
    not always exact, since levels move in steps of 0.75 dB and end at 99. Raises
    :class:`PatchError` for a note that MIDI does not have or a pitch outside the task's range.
    """
    check_note(note, SECONDS)
    patch = np.zeros(len(layout.spec.parameters))
    pitch = note.pitch + transposition(voice)
    patch_pitch = note.pitch if keep_pitch else pitch
    for raw, op in zip(_operator_bytes(voice).tolist(), layout.operators(patch), strict=True):
        op[LEVELS] = raw[4:8]
        op[OP["output_level"]] = unscaled_level(raw, pitch, note.velocity)
        steps = (raw[_RATE_SCALING] * min(31, max(0, pitch // 3 - 7))) >> 3
        op[RATES] = unscaled_rates(raw[:4], raw[4:8], int(op[OP["output_level"]]), steps)
        op[OP["mode"]] = raw[_MODE]
        op[OP["ratio_coarse"]] = 1
        if raw[_MODE]:
            # The engine reads two bits of a fixed coarse frequency, and detunes it only upwards.
            op[OP["fixed_coarse"]] = raw[_COARSE] & 3
            op[OP["fixed_fine"]] = raw[_FINE]
            op[OP["fixed_detune"]] = max(0, raw[_DETUNE] - _IN_TUNE)
        else:
            ratio = raw[_COARSE], raw[_FINE], raw[_DETUNE] - _IN_TUNE
            if patch_pitch != pitch:
                ratio = _ratio_on(patch_pitch, pitch, ratio)
            op[OP["ratio_coarse"]], op[OP["ratio_fine"]], op[OP["ratio_detune"]] = ratio
        op[OP["amp_mod_sensitivity"]] = raw[_AMP_MOD_SENSITIVITY]
    patch[layout.pitch_eg] = voice[_PITCH_EG]
    patch[layout.algorithm] = voice[_ALGORITHM]
    patch[layout.feedback] = voice[_FEEDBACK]
    patch[list(layout.lfo.values())] = voice[_LFO]
    patch = replace_note(patch, Note(patch_pitch, note.onset, note.duration))
    try:
        layout.spec.check(patch[None])
    except PatchError as error:
        raise PatchError(f"this voice on note {note.pitch} is outside the task: {error}") from None
    return patch


def _ratio_on(pitch: int, sounding: int, ratio: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the coarse, fine and detune that sound on ``pitch`` as these do on ``sounding``."""
    coarse, fine, detune = np.indices((32, 100, 15)).reshape(3, -1)
    octaves = _frequency(pitch, coarse, fine, detune - _IN_TUNE)
    wanted = _frequency(sounding, *(np.array([part]) for part in ratio))
    nearest = int(np.abs(octaves - wanted).argmin())
    return int(coarse[nearest]), int(fine[nearest]), int(detune[nearest]) - _IN_TUNE


def _frequency(
    pitch: int,
    coarse: Int[np.ndarray, " ratios"],
    fine: Int[np.ndarray, " ratios"],
    detune: Int[np.ndarray, " ratios"],
) -> Float[np.ndarray, " ratios"]:
    """Compute the frequency of an operator in octaves above 1 Hz (Dexed, dx7note.cc)."""
    key = np.log2(440.0) + (pitch - 69) / 12
    per_step = 0.0209 * np.exp(-0.396 * key) / _IN_TUNE * key
    return key + per_step * detune + np.log2(np.maximum(coarse, 0.5) * (1 + 0.01 * fine))


def unscaled_rates(
    rates: Sequence[int], levels: Sequence[int], output_level: int, steps: int
) -> list[int]:
    """Return an envelope's rates that are, without rate scaling, as fast as these with it.

    ``steps`` is what rate scaling adds. A hold takes it on the patch's scale, and a moving stage on
    the engine's, which is coarser (Dexed, env.cc).
    """
    holds = _holds(levels, output_level)
    return [
        min(99, rate + steps) if hold else _unscaled_moving_rate(rate, steps)
        for rate, hold in zip(rates, holds, strict=True)
    ]


def _holds(levels: Sequence[int], output_level: int) -> list[bool]:
    """Say which stages of an envelope stay at one level, and so last as long as a hold.

    A stage holds if the engine's level is that of the stage before. Different levels of the patch
    may be one to the engine, which drops the lowest bit of a level's steps and has a floor. The
    first stage holds at level 0. The release begins wherever the key goes up: it counts as moving.
    """
    engine_levels = np.maximum(
        LEVEL_STEPS[list(levels)] // 2 * 64 + LEVEL_STEPS[output_level] * 32 - 4256, _FLOOR
    )
    second, third = (engine_levels[1:3] == engine_levels[:2]).tolist()
    return [levels[0] == 0, second, third, False]


def _unscaled_moving_rate(rate: int, steps: int) -> int:
    """Return the rate that is, without rate scaling, as fast as this one with it."""
    if steps == 0:
        return rate
    engine_rate = min(63, (rate * 41 >> 6) + steps)
    return min(99, -(-engine_rate * 64 // 41))


def unscaled_level(raw: Sequence[int], pitch: int, velocity: int) -> int:
    """Return the output level that is, without scaling and velocity, nearest to this one with them.

    ``raw`` holds the bytes of an operator.
    """
    level = int(LEVEL_STEPS[raw[_OUTPUT_LEVEL]]) + _keyboard_scaling(raw, pitch)
    velocity_steps = (
        raw[_VELOCITY_SENSITIVITY] * (int(_VELOCITY_STEPS[velocity >> 1]) - 239) + 7
    ) >> 3
    scaled = max(0, min(127, level) * 32 + velocity_steps * 16)
    if scaled == LEVEL_STEPS[raw[_OUTPUT_LEVEL]] * 32:
        # Several levels may have the same steps: keep this one.
        return raw[_OUTPUT_LEVEL]
    return int(np.abs(LEVEL_STEPS * 32 - scaled).argmin())


def _keyboard_scaling(raw: Sequence[int], pitch: int) -> int:
    """Compute the steps that keyboard level scaling adds to the output level on this note."""
    offset = pitch - raw[_BREAK_POINT] - 17
    if offset >= 0:
        group, depth, curve = (offset + 1) // 3, raw[_RIGHT_DEPTH], raw[_RIGHT_CURVE]
    else:
        group, depth, curve = -(offset - 1) // 3, raw[_LEFT_DEPTH], raw[_LEFT_CURVE]
    if curve in (0, 3):  # linear
        size = (group * depth * 329) >> 12
    else:
        size = (_EXPONENTIAL_CURVE[min(group, len(_EXPONENTIAL_CURVE) - 1)] * depth * 329) >> 15
    return size if curve >= 2 else -size


def _operator_bytes(voice: Voice) -> np.ndarray:
    """View the operators' bytes, operator 1 first, shape (6, 21); writes go to the voice."""
    return voice[: OPERATORS * _OPERATOR_BYTES].reshape(OPERATORS, _OPERATOR_BYTES)[::-1]
