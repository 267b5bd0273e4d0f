"""PCM arithmetic: sample rates, and conversion between bytes and milliseconds. 16 bits, mono.

Lengths are rounded down to whole samples, so the two conversions are inverse only for whole
samples.
"""

SAMPLE_WIDTH_BYTES = 2
"""One sample: signed 16 bits, little-endian."""

SAMPLE_RATES_HZ = (8_000, 16_000, 24_000)
"""The rates that the service accepts and produces, and clients may choose for inbound audio."""

INPUT_RATE_HZ = 16_000
"""The rate of inbound audio, if the client does not choose another."""

OUTPUT_RATE_HZ = 24_000
"""The rate of outbound audio."""


def duration_ms(byte_count: int, rate_hz: int) -> float:
    """Return the duration of `byte_count` bytes at `rate_hz`, in milliseconds."""
    return samples(byte_count) * 1000 / rate_hz


def byte_count(duration_ms: float, rate_hz: int) -> int:
    """Return the number of bytes of `duration_ms` milliseconds at `rate_hz`, in whole samples."""
    return int(duration_ms * rate_hz / 1000) * SAMPLE_WIDTH_BYTES


def samples(byte_count: int) -> int:
    """Return the number of whole samples in `byte_count` bytes."""
    return byte_count // SAMPLE_WIDTH_BYTES


def is_whole(pcm: bytes) -> bool:
    """Whether `pcm` has only whole samples: an odd length would shift the audio after it."""
    return len(pcm) % SAMPLE_WIDTH_BYTES == 0


def silence(duration_ms: float, rate_hz: int) -> bytes:
    """Return silence of this duration. The service needs audio even while a customer is muted."""
    return bytes(byte_count(duration_ms, rate_hz))
