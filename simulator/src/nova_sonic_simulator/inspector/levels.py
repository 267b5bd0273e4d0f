"""Loudness of audio on a time line, in steps of a tenth of a second. Pure."""

import array
import math
import sys

STEP_S = 0.1
SILENCE_DBFS = -90.0
FULL_SCALE = 32768.0
SAMPLE_BYTES = 2


class LevelMeter:
    """Measures PCM16 as it comes, and yields one level for each step."""

    def __init__(self, rate_hz: int) -> None:
        self._step_bytes = int(rate_hz * STEP_S) * SAMPLE_BYTES
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> list[float]:
        """Return the levels of the steps that are complete, in dBFS."""
        self._pcm += pcm
        levels = []
        while len(self._pcm) >= self._step_bytes:
            levels.append(level_dbfs(bytes(self._pcm[: self._step_bytes])))
            del self._pcm[: self._step_bytes]
        return levels


def level_dbfs(pcm: bytes) -> float:
    """Return the RMS level of PCM16, little-endian, in dB below full scale."""
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    square = sum(sample * sample for sample in samples) / max(1, len(samples))
    if square == 0:
        return SILENCE_DBFS
    return round(max(SILENCE_DBFS, 20 * math.log10(math.sqrt(square) / FULL_SCALE)), 1)
