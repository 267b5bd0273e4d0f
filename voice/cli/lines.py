"""What is said on a call from the terminal, and what comes back: lines and turns."""

import array
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voice import pcm
from voice.wire.binary import INPUT_RATES_HZ

CHUNK_MS = 32
LOUD = 1_000
"""Samples beyond this (-30 dBFS) count as speech when the end of a recording is sought."""


class CallFailedError(Exception):
    """The call could not be held; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A line the customer types."""

    text: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A line the customer speaks: 16-bit mono PCM."""

    name: str
    samples: bytes
    rate_hz: int

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read a WAV file.

        Raises:
            CallFailedError: there is none, or it is not 16-bit mono at a rate the service takes.

        """
        try:
            with wave.open(str(path)) as file:
                shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
                samples = file.readframes(file.getnframes())
        except (OSError, EOFError, wave.Error) as error:
            raise CallFailedError(f"{path} can't be read as WAV: {error}") from error
        channels, width, rate_hz = shape
        if channels != 1 or width != pcm.SAMPLE_WIDTH_BYTES or rate_hz not in INPUT_RATES_HZ:
            raise CallFailedError(
                f"{path}: {channels} channel(s), {8 * width} bits, {rate_hz} Hz; it must be mono, "
                f"16 bits, at {', '.join(map(str, INPUT_RATES_HZ))} Hz"
            )
        return cls(path.name, samples, rate_hz)

    def chunks(self) -> list[bytes]:
        """Return the recording in pieces of CHUNK_MS; the last is filled with silence."""
        size = pcm.byte_count(CHUNK_MS, self.rate_hz)
        return [
            self.samples[start : start + size].ljust(size, b"\0")
            for start in range(0, len(self.samples), size)
        ]

    def last_spoken_chunk(self) -> int:
        """Return the index of the chunk in which the speech ends."""
        loud = [index for index, chunk in enumerate(self.chunks()) if _peak(chunk) > LOUD]
        return loud[-1] if loud else len(self.chunks()) - 1


type Line = Typed | Recording


@dataclass(slots=True)
class Turn:
    """One line and its answer. Times in ms, from the end of the customer's words."""

    line: str
    heard: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    first_audio_ms: float | None = None
    server: dict[str, float] | None = None
    """The server's own split of the wait, as the wire's `turn` event gives it."""
    speech: bytearray = field(default_factory=bytearray)

    @property
    def hearing_ms(self) -> float:
        """Return how long it took to notice the end of the words and to recognise them."""
        if self.first_audio_ms is None or self.server is None:
            return 0.0
        return max(0.0, self.first_audio_ms - self.server["firstAudioMs"])

    @property
    def is_answered(self) -> bool:
        """Tell whether audible speech came back."""
        return _peak(bytes(self.speech)) > 0

    def as_dict(self) -> dict[str, Any]:
        """Return the turn for `--json`."""
        return {
            "type": "summary",
            "line": self.line,
            "heard": self.heard,
            "answered": self.answered,
            "tools": self.tools,
            "firstAudioMs": self.first_audio_ms,
            "server": self.server,
            "speechMs": round(pcm.duration_ms(len(self.speech), pcm.OUTPUT_RATE_HZ)),
        }


def _peak(chunk: bytes) -> int:
    samples = array.array("h", chunk)
    return max(map(abs, samples), default=0)
