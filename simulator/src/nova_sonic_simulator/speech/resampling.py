"""Resamples microphone audio of other rates to 16 kHz."""

from collections.abc import Callable

HEARING_RATE_HZ = 16_000


def open_resampler(rate_hz: int) -> Callable[[bytes], bytes]:
    """Return a function that resamples PCM16 mono of `rate_hz`, piece by piece, to 16 kHz."""
    import numpy as np  # noqa: PLC0415 -- optional dependency, seldom needed
    import soxr  # noqa: PLC0415 -- optional dependency

    stream = soxr.ResampleStream(rate_hz, HEARING_RATE_HZ, 1, dtype="int16")

    def resample(pcm: bytes) -> bytes:
        resampled: bytes = stream.resample_chunk(np.frombuffer(pcm, dtype="<i2")).tobytes()
        return resampled

    return resample
