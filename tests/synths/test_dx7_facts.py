"""What Dexed's engine does and its documentation does not say: ``docs/method/engines.md``."""

import numpy as np
import pytest

from unsynth.formats.syx import init_voice
from unsynth.synths.base import Note
from unsynth.synths.dx7 import DX7

RATE = 44_100
#: Where bytes of operator 1 are in a voice.
OP1 = 5 * 21
BREAK_POINT, LEFT_DEPTH, RIGHT_DEPTH, SENSITIVITY, LEVEL = (
    OP1 + 8,
    OP1 + 9,
    OP1 + 10,
    OP1 + 15,
    OP1 + 16,
)


def play(voice: np.ndarray, pitch: int = 60, velocity: int = 100, held: float = 1.0) -> np.ndarray:
    return DX7().render(voice, Note(pitch, 0.0, held, velocity), held)[0]


def level(sound: np.ndarray) -> float:
    """Return the level in dB, without the attack."""
    return float(10.0 * np.log10(np.mean(np.square(sound[4_410:], dtype=np.float64))))


def frequency(sound: np.ndarray) -> float:
    sound = sound[4_410:] * np.hanning(len(sound) - 4_410)
    spectrum = np.log(np.abs(np.fft.rfft(sound, 1 << 20)) + 1e-12)
    k = int(spectrum.argmax())
    before, at, after = spectrum[k - 1 : k + 2]
    return (k + 0.5 * (before - after) / (before - 2 * at + after)) * RATE / (1 << 20)


def test_velocity_127_is_above_the_output_level():
    voice = init_voice()
    plain = level(play(voice))
    voice[SENSITIVITY] = 7
    levels = [level(play(voice, velocity=v)) - plain for v in (1, 64, 100, 127)]
    assert levels == pytest.approx([-72.2, -10.5, 0.4, 5.3], abs=0.2)


def test_level_scaling_moves_in_groups_of_three_keys_around_four_below_the_panels_name():
    voice = init_voice()
    voice[[BREAK_POINT, LEFT_DEPTH, RIGHT_DEPTH]] = 39, 50, 50  # C3 on the panel, -LIN
    plain = init_voice()
    changes = {k: level(play(voice, k)) - level(play(plain, k)) for k in range(52, 64)}
    flat = [key for key, change in changes.items() if abs(change) < 0.1]
    assert flat == [55, 56, 57]  # C3 is 60 on the panel
    steps = [changes[key] for key in (58, 59, 60, 61, 62, 63)]
    assert steps == pytest.approx([-3.0] * 3 + [-6.0] * 3, abs=0.1)


def test_level_scaling_lifts_no_level_above_99():
    voice = init_voice()
    voice[[BREAK_POINT, LEFT_DEPTH, RIGHT_DEPTH]] = 39, 99, 99
    voice[OP1 + 11 : OP1 + 13] = 3  # +LIN
    assert level(play(voice, 90)) == pytest.approx(level(play(init_voice(), 90)), abs=0.05)


@pytest.mark.parametrize(("value", "cents"), [(0, -4800), (49, -37.5), (75, 937.5), (99, 4762.5)])
def test_the_pitch_envelope_has_the_hardwares_steps(value, cents):
    voice = init_voice()
    voice[126:134] = [99] * 4 + [value] * 4
    plain = frequency(play(init_voice()))
    assert 1200 * np.log2(frequency(play(voice)) / plain) == pytest.approx(cents, abs=1.0)


def test_soft_output_levels_are_all_one_step_of_the_output():
    peaks = []
    for soft in (1, 2, 6, 10):
        voice = init_voice()
        voice[LEVEL] = soft
        peaks.append(float(np.abs(play(voice)[4_410:]).max()))
    assert peaks == [0.0] + [1 / 4096] * 3


def test_detune_is_wider_on_low_keys():
    cents = []
    for pitch in (36, 60, 96):
        voice = init_voice()
        voice[OP1 + 20] = 14
        change = frequency(play(voice, pitch, held=2.0)) / frequency(
            play(init_voice(), pitch, held=2.0)
        )
        cents.append(1200 * np.log2(change))
    assert cents == pytest.approx([13.9, 8.4, 3.5], abs=0.1)


def test_the_slowest_lfo_delay_is_three_seconds():
    voice = init_voice()
    voice[137:141] = 60, 99, 0, 99  # speed, delay, no vibrato, full tremolo
    voice[OP1 + 14] = 3
    sound = play(voice, held=4.0)
    blocks = np.abs(sound[: len(sound) // 441 * 441]).reshape(-1, 441).max(axis=1)
    dip = int(np.flatnonzero(blocks < 0.7 * blocks[:20].max())[0])
    assert dip / 100 == pytest.approx(2.96, abs=0.06)
