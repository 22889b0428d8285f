import numpy as np
import pytest
import soundfile

from unsynth.audio.files import read_sound, write_wav
from unsynth.audio.onset import first_onset
from unsynth.errors import SoundError

RATE, SECONDS, LATEST = 44_100, 4.0, 1.0


def tone(seconds: float, rate: int = RATE, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def read(path, channels=1):
    return read_sound(path, RATE, channels, SECONDS, LATEST)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_formats_and_sample_rates_are_read(tmp_path, kind, rate):
    if kind == "mp3" and rate == 96_000:
        pytest.skip("mp3 has no such rate")
    path = tmp_path / f"tone.{kind}"
    soundfile.write(path, tone(1.5, rate), rate)
    audio, remarks = read(path)
    assert audio.shape == (1, 176_400) and audio.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(audio[0, :RATE]))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert (rate == RATE) == (not any("resampled" in r for r in remarks))
    assert np.abs(audio[0, 2 * RATE :]).max() < 1e-3


def test_short_sounds_are_whole_and_long_ones_start_at_the_loudest_onset(tmp_path):
    path = tmp_path / "long.wav"
    sound = np.zeros(20 * RATE)
    sound[2 * RATE : 3 * RATE] += 0.2 * tone(1.0)
    sound[11 * RATE : 13 * RATE] += tone(2.0, hz=660)
    soundfile.write(path, sound, RATE)
    audio, remarks = read(path)
    assert "loudest onset" in remarks[0] and "20.0 s" in remarks[0]
    assert first_onset(audio, RATE) == pytest.approx(0.01, abs=0.015)
    np.testing.assert_allclose(np.abs(np.fft.rfft(audio[0, :RATE])).argmax(), 660, atol=1)
    soundfile.write(path, sound[: 4 * RATE], RATE)
    whole, _ = read(path)
    assert first_onset(whole, RATE) < LATEST  # silence beyond one second is removed
    cut = sound[int(1.5 * RATE) : int(5.5 * RATE)]
    soundfile.write(path, cut, RATE)
    np.testing.assert_allclose(read(path)[0][0], cut / np.abs(cut).max(), atol=1e-3)


def test_level_does_not_matter(tmp_path):
    path = tmp_path / "level.wav"
    sounds = []
    for level in (1e-4, 1.0, 1e30):
        soundfile.write(path, level * tone(1.0), RATE, subtype="FLOAT")
        sounds.append(read(path)[0])
        assert np.abs(sounds[-1]).max() == pytest.approx(1.0)
    np.testing.assert_allclose(sounds[0], sounds[1], atol=1e-5)
    np.testing.assert_allclose(sounds[2], sounds[1], atol=1e-5)


def test_ten_minutes_at_96_khz_in_stereo_are_cut_at_the_loudest_onset(tmp_path):
    path = tmp_path / "ten.flac"
    rate = 96_000
    quiet = np.random.default_rng(0).normal(scale=1e-3, size=(10 * rate, 2))
    with soundfile.SoundFile(path, "w", rate, 2) as file:
        for block in range(60):
            loud = np.zeros_like(quiet)
            if block == 41:
                loud[5 * rate : 7 * rate] = tone(2.0, rate)[:, None]
            file.write(quiet + loud)
    audio, remarks = read(path)
    assert any("10.0 min" in r and "414.99 s" in r for r in remarks)
    assert audio.shape == (1, 176_400)


def test_stereo_in_opposite_phase_is_matched_by_its_side(tmp_path):
    path = tmp_path / "cancel.wav"
    soundfile.write(path, np.stack([tone(1.0), -tone(1.0)], axis=1), RATE)
    audio, remarks = read(path)
    assert np.abs(audio).max() == pytest.approx(1.0, abs=1e-3)
    assert any("opposite phase" in r for r in remarks)
    both, remarks = read(path, channels=2)
    np.testing.assert_allclose(both[0], -both[1], atol=1e-4)
    assert remarks == ()


@pytest.mark.parametrize("channels", [1, 2])
def test_only_the_third_of_six_channels_is_heard(tmp_path, channels):
    path = tmp_path / "surround.wav"
    sound = np.zeros((RATE, 6))
    sound[:, 2] = tone(1.0)
    soundfile.write(path, sound, RATE)
    audio, remarks = read(path, channels)
    assert np.abs(audio).max(axis=1).min() > 0.05
    assert "mixed down from 6 channels" in remarks[0]


@pytest.mark.parametrize("after", [0.0, 3.0])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_an_offset_is_taken_out(tmp_path, subtype, after):
    """With it, a note after 1.2 s of silence would begin at once; in a short and a long sound."""
    path = tmp_path / "offset.wav"
    sound = np.concatenate([np.zeros(round(1.2 * RATE)), tone(2.0), np.zeros(round(after * RATE))])
    soundfile.write(path, sound, RATE)
    clean, _ = read(path)
    for offset in (0.02, -0.3):
        soundfile.write(path, sound + offset, RATE, subtype=subtype)
        audio, remarks = read(path)
        share = 100 * abs(offset) / (0.5 + abs(offset))
        assert any(f"(DC) of {share:.1f} % of the largest sample" in r for r in remarks)
        np.testing.assert_allclose(audio, clean, atol=1e-3)


def test_noise_before_a_late_note_is_removed(tmp_path, rng):
    path = tmp_path / "hiss.wav"
    sound = np.concatenate([np.zeros(round(1.2 * RATE)), tone(2.0)])
    soundfile.write(path, sound + rng.normal(scale=0.006, size=len(sound)), RATE)
    audio, remarks = read(path)
    assert remarks == ("removed 1.13 s of noise at the start",)
    assert first_onset(audio, RATE) == pytest.approx(0.07, abs=0.003)


@pytest.mark.parametrize("rate", [11_025, 22_050, 192_000])
def test_a_long_sound_is_cut_at_the_right_time_at_any_rate(tmp_path, rate):
    """A frame of 10 ms is no whole number of samples at 22,050 Hz; the error must not add up."""
    path = tmp_path / "long.flac"
    sound = np.concatenate([np.zeros(60 * rate), tone(2.0, rate)])
    soundfile.write(path, sound, rate)
    audio, remarks = read(path)
    assert any("to 62.00 s" in remark for remark in remarks)
    assert 0.005 < first_onset(audio, RATE) < 0.025


@pytest.mark.parametrize("seconds", [6.0, 30.0])
def test_a_file_that_ends_early_is_matched_up_to_there(tmp_path, seconds):
    """As after a download that broke off: its header promises more than there is."""
    path = tmp_path / "cut.mp3"
    soundfile.write(path, tone(seconds), RATE)
    path.write_bytes(path.read_bytes()[: int(0.4 * path.stat().st_size)])
    audio, remarks = read(path)
    end = 0.4 * seconds
    assert "it says that it is" in remarks[0]
    assert np.abs(audio[0, : round(min(4.0, end - 0.1) * RATE)]).max() == pytest.approx(1.0)
    assert np.abs(audio[0, round((end + 0.1) * RATE) :]).max(initial=0.0) < 1e-3


def test_a_short_sound_has_no_offset(tmp_path):
    path = tmp_path / "short.wav"
    for seconds in (0.05, 0.12):
        soundfile.write(path, tone(seconds, hz=110), RATE)
        assert read(path)[1] == ()


def bad_files(tmp_path):
    nan = tone(1.0).astype(np.float32)
    nan[2_000] = np.nan
    late = np.concatenate([tone(9.0), nan]).astype(np.float32)
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "header.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "zeros.wav", np.zeros(RATE), RATE)
    soundfile.write(tmp_path / "constant.wav", np.full(RATE, 0.5), RATE)
    soundfile.write(tmp_path / "nan.wav", nan, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "late.wav", late, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "short.wav", tone(0.02), RATE)
    soundfile.write(tmp_path / "low.wav", tone(60.0, 11), 11)
    whole = tmp_path / "whole.flac"
    soundfile.write(whole, tone(2.0), RATE)
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[:30])
    stream = bytearray(whole.read_bytes())  # like a stream from a pipe, whose header has no length
    stream[21] &= 0xF0
    stream[22:26] = bytes(4)
    (tmp_path / "stream.flac").write_bytes(stream)
    (tmp_path / "folder.wav").mkdir()
    return {
        "missing.wav": "no such file",
        "folder.wav": "folder",
        "text.wav": "not a sound file",
        "empty.wav": "empty",
        "header.wav": "no samples",
        "zeros.wav": "silent",
        "constant.wav": "silent",
        "nan.wav": "NaN",
        "late.wav": "NaN",
        "short.wav": "20 ms",
        "cut.flac": "not a sound file",
        "stream.flac": "how long",
        "low.wav": "11 Hz is too low",
        "n" * 300 + ".wav": "not a sound file",
    }


def test_a_bad_file_is_named_in_one_line(tmp_path):
    for name, reason in bad_files(tmp_path).items():
        with pytest.raises(SoundError, match=reason) as caught:
            read(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_written_sound_is_scaled_not_clipped(tmp_path):
    path = tmp_path / "loud.wav"
    write_wav(path, (4 * tone(0.5))[None].astype(np.float32), RATE)
    audio, _ = soundfile.read(path)
    np.testing.assert_allclose(audio, 2 * tone(0.5), atol=1e-4)
