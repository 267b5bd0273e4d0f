"""Audio for the browser tests: make it, read and write it, and compare two recordings."""

import wave
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

type Samples = NDArray[np.float64]

COMPARISON_RATE_HZ = 96_000


def make_speech_like_noise(rate_hz: int, seconds: float, *, seed: int) -> Samples:
    """Return noise with the rhythm of speech.

    It is never silent, so that each silence is a stall, and it correlates with itself only at one
    shift.
    """
    count = int(rate_hz * seconds)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequencies_hz = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum[(frequencies_hz < 150) | (frequencies_hz > 3800)] = 0
    noise = np.fft.irfft(spectrum, count)
    rhythm = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 2.3 * np.arange(count) / rate_hz))
    samples: Samples = noise * rhythm
    samples *= 0.7 / np.abs(samples).max()
    return samples


def to_pcm16(samples: Samples) -> bytes:
    """Return 16-bit little-endian samples."""
    return np.round(samples * 32_767).astype("<i2").tobytes()


def from_pcm16(pcm: bytes) -> Samples:
    """Return samples from -1 to 1."""
    return np.frombuffer(pcm, "<i2") / 32_768


def write_wave(path: Path, samples: Samples, rate_hz: int) -> Path:
    """Write a mono WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(to_pcm16(samples))
    return path


def read_wave(path: Path) -> tuple[Samples, int]:
    """Return the samples of a mono 16-bit WAV file, and its rate in Hz."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return from_pcm16(file.readframes(file.getnframes())), file.getframerate()


def find_best_match(long: Samples, short: Samples) -> tuple[int, float]:
    """Return the index at which `short` lies in `long`, and the correlation there: 1 is equal."""
    size = 2 ** (len(long) + len(short)).bit_length()
    transform = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    products = np.fft.irfft(transform, size)[: len(long) - len(short) + 1]
    energy = np.concatenate([[0.0], np.cumsum(long**2)])
    window_energy = np.maximum(energy[len(short) :] - energy[: -len(short)], 0)
    own_energy = np.sum(short**2)
    # The floor keeps silence from correlating with anything.
    correlation = products / np.sqrt(own_energy * np.maximum(window_energy, own_energy / 100))
    index = int(np.argmax(correlation))
    return index, float(correlation[index])


def upsample(samples: Samples, rate_hz: int) -> Samples:
    """Return `samples` at a rate at which shifts by whole samples are fine enough to compare."""
    upsampled: Samples = soxr.resample(samples, rate_hz, COMPARISON_RATE_HZ)
    return upsampled


def assert_contains_unbroken(recording: Samples, original: Samples) -> None:
    """Assert that `recording` contains all of `original`, without lost or inserted samples.

    Each half second must correlate, and all at the same shift. Both are at `COMPARISON_RATE_HZ`.
    """
    size = COMPARISON_RATE_HZ // 2
    starts = range(0, len(original) - size, size)
    matches = [find_best_match(recording, original[start : start + size]) for start in starts]
    assert min(correlation for _, correlation in matches) > 0.997, matches
    shifts = [index - start for (index, _), start in zip(matches, starts, strict=True)]
    assert max(shifts) - min(shifts) <= 1, f"samples were lost or inserted: {shifts}"


def audible_duration_s(samples: Samples, rate_hz: int, *, threshold: float = 1e-4) -> float:
    """Return for how many seconds `samples` exceed the threshold."""
    return float(np.count_nonzero(np.abs(samples) > threshold)) / rate_hz
