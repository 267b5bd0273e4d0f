"""What the customer says in a call from the terminal, and what comes back."""

import array
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voice import pcm

CHUNK_MS = 32
SPEECH_AMPLITUDE = 1_000
"""Samples above this (-30 dBFS) are speech when the end of a recording's speech is sought."""


class CallFailedError(Exception):
    """The call failed; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class TypedText:
    """A text that the customer types."""

    text: str

    @property
    def name(self) -> str:
        """How results name this input: by its text."""
        return self.text


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech of the customer: 16-bit mono PCM."""

    name: str
    samples: bytes
    rate_hz: int

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Read a WAV file.

        Raises: CallFailedError: it can't be read, or it is not 16-bit mono at a rate that the
            service accepts.

        """
        try:
            with wave.open(str(path)) as file:
                channels, width, rate_hz = (
                    file.getnchannels(),
                    file.getsampwidth(),
                    file.getframerate(),
                )
                samples = file.readframes(file.getnframes())
        except (OSError, EOFError, wave.Error) as error:
            raise CallFailedError(f"{path} can't be read as WAV: {error}") from error
        if channels != 1 or width != pcm.SAMPLE_WIDTH_BYTES or rate_hz not in pcm.SAMPLE_RATES_HZ:
            raise CallFailedError(
                f"{path}: {channels} channel(s), {8 * width} bits, {rate_hz} Hz; it must be mono, "
                f"16 bits, at {', '.join(map(str, pcm.SAMPLE_RATES_HZ))} Hz"
            )
        return cls(path.name, samples, rate_hz)

    def chunks(self) -> list[bytes]:
        """Return the recording in pieces of CHUNK_MS; the last is padded with silence."""
        size = pcm.byte_count(CHUNK_MS, self.rate_hz)
        return [
            self.samples[start : start + size].ljust(size, b"\0")
            for start in range(0, len(self.samples), size)
        ]

    def last_speech_chunk(self) -> int:
        """Return the index of the chunk in which the speech ends."""
        chunks = self.chunks()
        with_speech = [n for n, chunk in enumerate(chunks) if _peak(chunk) > SPEECH_AMPLITUDE]
        return with_speech[-1] if with_speech else len(chunks) - 1


type CustomerInput = TypedText | Recording


@dataclass(slots=True)
class TurnResult:
    """One input of the customer and the reply to it. Times in ms, from the end of the input."""

    input_name: str
    """The typed text, or the name of the recording."""
    transcripts: list[str] = field(default_factory=list)
    """What the service understood."""
    replies: list[str] = field(default_factory=list)
    """The assistant's planned texts."""
    tool_events: list[dict[str, Any]] = field(default_factory=list)
    first_audio_ms: float | None = None
    server_latency: dict[str, float] | None = None
    """The latency of the wire's `turn` event, as the server measured it."""
    speech: bytearray = field(default_factory=bytearray)

    @property
    def hearing_ms(self) -> float:
        """Time from the end of the input to its transcript, 0 if it is not known."""
        if self.first_audio_ms is None or self.server_latency is None:
            return 0.0
        return max(0.0, self.first_audio_ms - self.server_latency["firstAudioMs"])

    @property
    def is_answered(self) -> bool:
        """Whether audible speech came back."""
        return _peak(bytes(self.speech)) > 0

    def as_dict(self) -> dict[str, Any]:
        """Return the turn as `--json` writes it; scripts rely on these keys."""
        return {
            "type": "summary",
            "line": self.input_name,
            "heard": self.transcripts,
            "answered": self.replies,
            "tools": self.tool_events,
            "firstAudioMs": self.first_audio_ms,
            "server": self.server_latency,
            "speechMs": round(pcm.duration_ms(len(self.speech), pcm.OUTPUT_RATE_HZ)),
        }


def _peak(chunk: bytes) -> int:
    samples = array.array("h", chunk)
    return max(map(abs, samples), default=0)
