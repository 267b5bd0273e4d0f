"""Text to speech: one Spanish sentence to PCM, or a tone where no voice is installed.

The voice is SVOX Pico's es-ES from the py-nanotts wheel: a European accent, not an Argentine one, but fast
and free. It holds Python's global lock for the 20 to 80 ms that a sentence takes, so it is called sentence
by sentence, in a thread.
"""

import math
from array import array
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from nova_sonic_simulator.speech.pronunciation import as_spoken, pieces_of

PICO_RATE_HZ = 16_000
TONE_HZ = 440
TONE_AMPLITUDE = 6000
TONE_MS_PER_CHARACTER = 60
FADE_MS = 10


class Voice(Protocol):
    """Synthesizes one sentence at a time."""

    def synthesize(self, text: str, rate_hz: int) -> bytes:
        """Return PCM16 mono at `rate_hz`; markers such as `[FINAL]` are not spoken."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """The synthesis mode of this machine; `reason` says why it is not a higher one."""

    voice: Voice
    step: Literal["voice", "tone"]
    reason: str


class Pico:
    """SVOX Pico, resampled from its 16 kHz. Thread-safe: Python's global lock serialises the calls."""

    def __init__(self) -> None:
        import numpy  # noqa: PLC0415 -- optional dependency
        import py_nanotts  # noqa: PLC0415 -- optional dependency
        import soxr  # noqa: PLC0415 -- optional dependency

        self._numpy, self._soxr = numpy, soxr
        self._engine: Any = py_nanotts.NanoTTS()

    def synthesize(self, text: str, rate_hz: int) -> bytes:
        """Return PCM16 mono at `rate_hz`; empty if the text has nothing to speak."""
        pieces = pieces_of(as_spoken(text))
        pcm = b"".join(self._engine.speak(piece, voice="es-ES") for piece in pieces)
        if rate_hz == PICO_RATE_HZ or not pcm:
            return pcm
        samples = self._numpy.frombuffer(pcm, dtype="<i2")
        resampled = self._soxr.resample(samples, PICO_RATE_HZ, rate_hz)
        return bytes(resampled.astype("<i2").tobytes())


class Tone:
    """A tone for each sentence, as long as speaking it would take."""

    def synthesize(self, text: str, rate_hz: int) -> bytes:
        """Return PCM16 mono at `rate_hz`, faded at both ends to avoid clicks."""
        count = rate_hz * TONE_MS_PER_CHARACTER * len(as_spoken(text)) // 1000
        fade = max(1, rate_hz * FADE_MS // 1000)
        step = 2 * math.pi * TONE_HZ / rate_hz
        loudness = (min(1.0, n / fade, (count - 1 - n) / fade) for n in range(count))
        samples = (
            int(TONE_AMPLITUDE * loud * math.sin(step * n)) for n, loud in enumerate(loudness)
        )
        return array("h", samples).tobytes()


def open_synthesis() -> Synthesis:
    """Open the best voice of this machine."""
    try:
        return Synthesis(voice=Pico(), step="voice", reason="")
    except ImportError as missing:
        return Synthesis(voice=Tone(), step="tone", reason=f"{missing.name} is not installed")
