"""Measure how well the note of a sound is estimated when the recording is bad.

Takes recorded notes whose file names end with their MIDI note (``piano_63.flac``), puts 0.2 s of
silence before each, damages it in several ways, and estimates its note as a match does. Prints per
damage how many keys are right, an octave away, wrong, or left open (all keys are tried), and the
median and largest error of onset and end against the undamaged sound's.

    python benchmarks/damaged_notes.py FOLDER
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import soxr
from pedalboard.io import AudioFile

from unsynth.data.external import sound_files
from unsynth.matching.note import NoteEstimate, estimate_note
from unsynth.matching.targets import read_target
from unsynth.tasks.catalogue import load_task

RATE = 44_100
#: Seconds of silence before each sound.
BEFORE = 0.2


def hiss(level: float) -> Callable[[np.ndarray], np.ndarray]:
    """White noise over the whole file, in dB relative to the RMS of the sound."""
    return lambda x: x + noise(len(x)) * rms(x) * 10 ** (level / 20)


def hum(x: np.ndarray) -> np.ndarray:
    """50 Hz with seven harmonics that fall by 3 dB each, 30 dB below the sound."""
    t = np.arange(len(x)) / RATE
    wave = sum(10 ** (-3 * k / 20) * np.sin(2 * np.pi * 50 * k * t) for k in range(1, 9))
    return x + wave / rms(wave) * rms(x) * 10 ** (-30 / 20)


def room(seconds: float) -> Callable[[np.ndarray], np.ndarray]:
    """A room: decaying noise with this reverberation time, as loud as the direct sound."""

    def play(x: np.ndarray) -> np.ndarray:
        decay = 10 ** (-3 * np.arange(int(seconds * RATE)) / (seconds * RATE))
        response = noise(len(decay)) * decay
        wet = scipy.signal.fftconvolve(x, response)[: len(x)]
        return x + wet / rms(wet) * rms(x)

    return play


def clipped(x: np.ndarray) -> np.ndarray:
    """Hard clipping of the upper 12 dB."""
    limit = np.abs(x).max() * 10 ** (-12 / 20)
    return np.clip(x, -limit, limit)


def clicked(x: np.ndarray) -> np.ndarray:
    """A click of 2 ms at half the peak, 0.1 s before the note, in noise at -50 dB."""
    x = hiss(-50.0)(x)
    at = int(0.1 * RATE)
    x[at : at + int(0.002 * RATE)] = 0.5 * np.abs(x).max()
    return x


def faded(x: np.ndarray) -> np.ndarray:
    """A fade-in of the first second, linear in amplitude."""
    ramp = np.clip((np.arange(len(x)) / RATE - BEFORE) / 1.0, 0.0, 1.0)
    return x * ramp


def fifth(x: np.ndarray) -> np.ndarray:
    """The same instrument a fifth higher at the same time."""
    higher = soxr.resample(x, 2 ** (7 / 12), 1.0)
    late = int(BEFORE * RATE) - int(BEFORE * RATE / 2 ** (7 / 12))
    return x + np.pad(higher, (late, len(x)))[: len(x)]


def wobbly(x: np.ndarray) -> np.ndarray:
    """Wow of an old tape: ±30 cents at 0.8 Hz."""
    t = np.arange(len(x)) / RATE
    depth = (2 ** (30 / 1200) - 1) / (2 * np.pi * 0.8)
    return np.interp(t + depth * np.sin(2 * np.pi * 0.8 * t), t, x)


DAMAGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda x: x,
    "hiss at -40 dB": hiss(-40.0),
    "hiss at -20 dB": hiss(-20.0),
    "hiss at -10 dB": hiss(-10.0),
    "hum at -30 dB": hum,
    "room, 0.5 s": room(0.5),
    "room, 2 s": room(2.0),
    "clipped by 12 dB": clipped,
    "click before the note": clicked,
    "fade-in of 1 s": faded,
    "tape wow, 30 cents": wobbly,
    "MP3, 64 kbit/s": lambda x: x,
    "a fifth above it too": fifth,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    task = load_task("dx7")
    files = [file.path for file in sound_files([arguments.folder]).files]
    clean: list[NoteEstimate] = []
    print("damage | right | octave | wrong | open | onset, ms | end, ms")
    for damage, apply in DAMAGES.items():
        notes = []
        for path in files:
            audio, rate = soundfile.read(path, always_2d=True)
            mono = soxr.resample(audio.mean(axis=1), rate, RATE)
            x = np.concatenate([np.zeros(int(BEFORE * RATE)), mono])
            with tempfile.TemporaryDirectory() as folder:
                target = read_target(write(apply(x), Path(folder), "MP3" in damage), task)
            notes.append(estimate_note(target.audio, target.sample_rate, task))
        clean = clean or notes
        keys = [
            classify(note, int(path.stem.rsplit("_", 1)[1]))
            for note, path in zip(notes, files, strict=True)
        ]
        counts = (str(keys.count(kind)) for kind in ("right", "octave", "wrong", "open"))
        pairs = list(zip(notes, clean, strict=True))
        errors = [
            1000 * np.abs([getattr(n, field) - getattr(c, field) for n, c in pairs])
            for field in ("onset", "end")
        ]
        texts = (f"{np.median(each):.0f} (largest {each.max():.0f})" for each in errors)
        print(" | ".join([damage, *counts, *texts]), flush=True)


def classify(note: NoteEstimate, key: int) -> str:
    """Compare the estimated pitch with the played key."""
    if len(note.pitches) > 1:
        return "open"
    difference = int(note.pitches[0]) - key
    return "right" if difference == 0 else "octave" if difference % 12 == 0 else "wrong"


def write(x: np.ndarray, folder: Path, as_mp3: bool) -> Path:
    """Write a sound at a peak of 0.9, under a name that says no note."""
    x = 0.9 * x / np.abs(x).max()
    path = folder / ("sound.mp3" if as_mp3 else "sound.wav")
    if as_mp3:
        with AudioFile(str(path), "w", RATE, 1, quality="64 kbps") as file:
            file.write(x[None].astype(np.float32))
    else:
        soundfile.write(path, x, RATE, subtype="PCM_24")
    return path


def noise(count: int) -> np.ndarray:
    """White noise of RMS 1, the same each time."""
    return np.random.default_rng(0).standard_normal(count)


def rms(x: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(x))))


if __name__ == "__main__":
    main()
