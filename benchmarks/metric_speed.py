"""Time the paper's four audio metrics against a plain implementation with librosa.

    python benchmarks/metric_speed.py --pairs 1000 --plain 20 --workers 2

Each pair is 4 s of stereo noise at 44.1 kHz, each sound with its own colour and decay. The plain
implementation takes one pair after another: librosa's mel spectrograms, MFCC, STFT, RMS and DTW.
It is timed twice: with the local cost of the DTW as in the paper's published code, a Python
function called for every two frames, and, harder to beat, with scipy's compiled "cityblock". All
are timed alternately in one run, so another program on the machine slows all of them down.
Compilation is not timed. Prints ms per pair, ratios, and the largest relative difference of
results.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
from scipy.spatial.distance import cdist

from unsynth.conventions import SAMPLE_RATE, SAMPLES
from unsynth.metrics.audio import AudioMetrics, audio_metrics

ROUNDS = 5


def sound(seed: int) -> np.ndarray:
    """Make decaying noise through a one-pole filter, 4 s in stereo."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((2, SAMPLES)))
    hz = np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE)
    spectrum /= 1 + hz / rng.uniform(100, 5000)
    decay = np.exp(-np.arange(SAMPLES) / SAMPLE_RATE / rng.uniform(0.2, 4))
    audio = np.fft.irfft(spectrum, SAMPLES) * decay
    return (audio / np.abs(audio).max()).astype(np.float32)


def mean_absolute_difference(first: np.ndarray, second: np.ndarray) -> float:
    return np.mean(np.abs(first - second))


def plain(target: np.ndarray, estimate: np.ndarray, compiled: bool) -> tuple[float, ...]:
    def mel(audio: np.ndarray, window: int, hop: int, bands: int) -> np.ndarray:
        return librosa.feature.melspectrogram(
            y=audio, sr=SAMPLE_RATE, n_fft=window, hop_length=hop, n_mels=bands, window="hann"
        )

    def scale(window: int, hop: int, bands: int) -> float:
        decibels = [
            librosa.power_to_db(mel(audio, window, hop, bands), ref=np.max)
            for audio in (target, estimate)
        ]
        return float(np.abs(decibels[0] - decibels[1]).mean())

    def mfcc(audio: np.ndarray) -> np.ndarray:
        decibels = librosa.power_to_db(mel(audio, 2205, 441, 128))
        return np.concatenate(list(librosa.feature.mfcc(S=decibels, n_mfcc=20))).T

    def histograms(audio: np.ndarray) -> np.ndarray:
        size = np.abs(librosa.stft(audio.mean(axis=0), n_fft=2205, hop_length=882))
        return (size / size.sum(axis=0).clip(1e-6)).cumsum(axis=0)

    def curve(audio: np.ndarray) -> np.ndarray:
        return librosa.feature.rms(y=audio.mean(axis=0), frame_length=2205, hop_length=1102)[0]

    cepstra = mfcc(target), mfcc(estimate)
    if compiled:
        cost = cdist(*cepstra, "cityblock") / cepstra[0].shape[1]
    else:
        cost = cdist(*cepstra, mean_absolute_difference)
    steps = np.array([[1, 1], [0, 1], [1, 0]])
    warped, _ = librosa.sequence.dtw(
        C=cost, step_sizes_sigma=steps, weights_mul=np.array([2.0, 1.0, 1.0])
    )
    levels = curve(target), curve(estimate)
    return (
        float(np.mean([scale(441, 220, 32), scale(1102, 441, 64), scale(4410, 2205, 128)])),
        float(warped[-1, -1] / sum(cost.shape)),
        float(np.abs(histograms(target) - histograms(estimate)).mean()),
        float(levels[0] @ levels[1] / np.linalg.norm(levels[0]) / np.linalg.norm(levels[1])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--plain", type=int, default=20, help="Pairs for the plain implementation.")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    plain(sound(0), sound(1), compiled=True)
    audio_metrics(sound(0), sound(1))

    fast, published, compiled = [], [], []
    worst = np.zeros(4)
    plain_each = -(-arguments.plain // ROUNDS)
    # Sounds are made before the clock starts, in chunks that fit in memory.
    chunks = np.array_split(np.arange(arguments.pairs), max(ROUNDS, arguments.pairs // 50))
    plain_after = {len(chunks) * k // ROUNDS for k in range(ROUNDS)}
    with ThreadPoolExecutor(arguments.workers) as pool:
        for number, indices in enumerate(chunks):
            chunk = [(sound(2 * i), sound(2 * i + 1)) for i in indices]
            start = time.perf_counter()
            results = list(pool.map(audio_metrics, *zip(*chunk, strict=True)))
            fast.append((time.perf_counter() - start, len(chunk)))
            if number in plain_after:
                for pair, result in list(zip(chunk, results, strict=True))[:plain_each]:
                    for timings, is_compiled in ((compiled, True), (published, False)):
                        start = time.perf_counter()
                        reference = plain(*pair, compiled=is_compiled)
                        timings.append((time.perf_counter() - start, 1))
                        worst = np.maximum(
                            worst, np.abs(np.array(result) / np.array(reference) - 1)
                        )

    totals = [np.sum(timings, axis=0) for timings in (fast, published, compiled)]
    fast_ms, *plain_ms = (1000 * seconds / pairs for seconds, pairs in totals)
    print(f"{arguments.pairs} pairs, {arguments.workers} workers: {fast_ms:.1f} ms per pair")
    names = ("as published", "with a compiled local cost")
    for name, each in zip(names, plain_ms, strict=True):
        print(
            f"plain, {name}, {len(compiled)} pairs: {each:.1f} ms per pair, "
            f"ratio {each / fast_ms:.1f}"
        )
    errors = zip(AudioMetrics._fields, worst, strict=True)
    print("largest relative difference:", *(f"{name} {error:.0e}" for name, error in errors))


if __name__ == "__main__":
    main()
