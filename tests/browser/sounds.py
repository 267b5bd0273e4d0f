"""Sounds to speak and to hear in the browser's tests, and how alike two of them are."""

import wave
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

type Samples = NDArray[np.float64]

FINE_HZ = 96_000


def babble(rate_hz: int, seconds: float, *, seed: int) -> Samples:
    """Return noise with the rhythm of speech: never silent, and like itself in one place only."""
    count = int(rate_hz * seconds)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequencies_hz = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum[(frequencies_hz < 150) | (frequencies_hz > 3800)] = 0
    noise = np.fft.irfft(spectrum, count)
    rhythm = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 2.3 * np.arange(count) / rate_hz))
    sound: Samples = noise * rhythm
    sound *= 0.7 / np.abs(sound).max()
    return sound


def pcm16(sound: Samples) -> bytes:
    """Return 16-bit little-endian samples."""
    return np.round(sound * 32_767).astype("<i2").tobytes()


def from_pcm16(pcm: bytes) -> Samples:
    """Return samples from -1 to 1."""
    return np.frombuffer(pcm, "<i2") / 32_768


def write_wave(path: Path, sound: Samples, rate_hz: int) -> Path:
    """Write a mono WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm16(sound))
    return path


def read_wave(path: Path) -> tuple[Samples, int]:
    """Return the samples of a mono 16-bit WAV file, and its rate."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return from_pcm16(file.readframes(file.getnframes())), file.getframerate()


def best_match(long: Samples, short: Samples) -> tuple[int, float]:
    """Return where `short` lies in `long`, and how alike they are there: 1 is the same."""
    size = 2 ** (len(long) + len(short)).bit_length()
    transform = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    products = np.fft.irfft(transform, size)[: len(long) - len(short) + 1]
    energy = np.concatenate([[0.0], np.cumsum(long**2)])
    loudness = np.maximum(energy[len(short) :] - energy[: -len(short)], 0)
    own = np.sum(short**2)
    likeness = products / np.sqrt(own * np.maximum(loudness, own / 100))  # silence is like nothing
    at = int(np.argmax(likeness))
    return at, float(likeness[at])


def finely(sound: Samples, rate_hz: int) -> Samples:
    """Return `sound` at a rate at which a shift by whole samples is fine enough to compare."""
    fine: Samples = soxr.resample(sound, rate_hz, FINE_HZ)
    return fine


def assert_whole(long: Samples, short: Samples) -> None:
    """Assert that each half second of `short` lies in `long`, and all at the same shift."""
    size = FINE_HZ // 2
    starts = range(0, len(short) - size, size)
    found = [best_match(long, short[at : at + size]) for at in starts]
    assert min(likeness for _, likeness in found) > 0.997, found
    shifts = [place - at for (place, _), at in zip(found, starts, strict=True)]
    assert max(shifts) - min(shifts) <= 1, f"samples were lost or put in between: {shifts}"


def audible_s(sound: Samples, rate_hz: int) -> float:
    """Return for how long anything was to be heard."""
    return float(np.count_nonzero(np.abs(sound) > 1e-4)) / rate_hz
