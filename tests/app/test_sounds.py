"""The outline and the note of a sound that is brought to the page."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsynth.app.sounds import hear, read_waveform
from unsynth.errors import SoundError


@pytest.mark.parametrize(
    ("midi", "note"), [(23, 23), (60, 60), (98, 98), (108, 108), (113, None)], ids=str
)
def test_the_page_hears_the_notes_of_a_piano_and_below(
    tmp_path: Path, midi: int, note: int | None
) -> None:
    """As the match does: whistles above a piano's keys are no note."""
    seconds = np.arange(2 * 44_100) / 44_100
    tone = np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * seconds) * np.exp(-seconds)
    soundfile.write(tmp_path / "tone.wav", tone, 44_100, "FLOAT")
    assert hear(tmp_path / "tone.wav", None)["note"] == note


@pytest.mark.parametrize(
    ("samples", "level", "sentence"), [(441, 1.0, "10 ms"), (44_100, 9e-6, "silent")]
)
def test_the_page_refuses_at_once_what_no_search_takes(
    tmp_path: Path, samples: int, level: float, sentence: str
) -> None:
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, level * np.sin(np.arange(samples)), 44_100, "FLOAT")
    with pytest.raises(SoundError, match=f"^sound.wav: .*{sentence}"):
        read_waveform(sound)
