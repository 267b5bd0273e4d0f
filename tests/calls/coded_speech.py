"""Words coded in audio: each is a burst of one sample value, long enough to be known again."""

import array
import re

RATE_HZ = 16_000
BURST_MS, GAP_MS = 160, 60
FIRST_VALUE = 2_000
WHOLE_SHARE = 0.9
_RUN = re.compile(rb"(..)\1*", re.DOTALL)


def spoken(number: int) -> bytes:
    """Return word `number`: its burst, and the gap behind it."""
    burst = array.array("h", [FIRST_VALUE + number] * (BURST_MS * RATE_HZ // 1000))
    return burst.tobytes() + silence(GAP_MS)


def silence(duration_ms: float) -> bytes:
    return bytes(2 * int(duration_ms * RATE_HZ / 1000))


def noise(duration_ms: float, peak: int = 600) -> bytes:
    """Return a sound that no word is made of."""
    period = array.array("h", [peak] * 8 + [-peak] * 8).tobytes()
    return (period * (int(duration_ms * RATE_HZ / 1000) // 16 + 1))[: len(silence(duration_ms))]


def is_speech(frame: bytes) -> bool:
    """Whether a frame is loud enough to hold words: noises are not."""
    return frame.count(0) < len(frame) and max(array.array("h", frame)) >= FIRST_VALUE


def transcribe(pcm: bytes) -> str:
    """Return the words that are whole in `pcm`, by their numbers."""
    least = 2 * WHOLE_SHARE * BURST_MS * RATE_HZ / 1000
    runs = (run.group(0) for run in _RUN.finditer(pcm))
    values = (array.array("h", run[:2])[0] for run in runs if len(run) >= least)
    return " ".join(str(value - FIRST_VALUE) for value in values if value >= FIRST_VALUE)
