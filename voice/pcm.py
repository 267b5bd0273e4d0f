"""PCM arithmetic: rates, widths, and bytes to milliseconds and back. 16 bits, mono, always.

Every length rounds *down* to whole samples, so that no result ever splits one; the two
directions are therefore inverse only for whole milliseconds of samples.
"""

SAMPLE_WIDTH_BYTES = 2
"""One sample: signed 16 bits, little-endian."""

INPUT_RATE_HZ = 16_000
"""What the customer's microphone is brought to."""

OUTPUT_RATE_HZ = 24_000
"""What the assistant's voice comes in."""


def duration_ms(byte_count: int, rate_hz: int) -> float:
    """Say how long ``byte_count`` bytes sound at ``rate_hz``, in milliseconds."""
    return samples(byte_count) * 1000 / rate_hz


def byte_count(duration_ms: float, rate_hz: int) -> int:
    """Say how many bytes ``duration_ms`` milliseconds take at ``rate_hz``: whole samples."""
    return int(duration_ms * rate_hz / 1000) * SAMPLE_WIDTH_BYTES


def samples(byte_count: int) -> int:
    """Say how many whole samples lie in ``byte_count`` bytes."""
    return byte_count // SAMPLE_WIDTH_BYTES


def is_whole(pcm: bytes) -> bool:
    """Say whether ``pcm`` holds whole samples: an odd length shifts all that follows."""
    return len(pcm) % SAMPLE_WIDTH_BYTES == 0


def silence(duration_ms: float, rate_hz: int) -> bytes:
    """Give that much silence. The service must hear it while a customer is muted."""
    return bytes(byte_count(duration_ms, rate_hz))
