"""Brings a microphone of another rate to the rate the simulator hears at."""

from collections.abc import Callable

HEARING_RATE_HZ = 16_000


def open_resampler(rate_hz: int) -> Callable[[bytes], bytes]:
    """Return what turns PCM16 mono of `rate_hz`, piece by piece, into PCM16 at 16 kHz."""
    import numpy as np  # noqa: PLC0415 -- heavy, and most microphones need none of it
    import soxr  # noqa: PLC0415

    stream = soxr.ResampleStream(rate_hz, HEARING_RATE_HZ, 1, dtype="int16")

    def resample(pcm: bytes) -> bytes:
        resampled: bytes = stream.resample_chunk(np.frombuffer(pcm, dtype="<i2")).tobytes()
        return resampled

    return resample
