"""Finds where the customer starts and stops speaking in a stream of microphone audio."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """The customer began to speak; `at_sample` counts from the start of the stream."""

    at_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """The customer finished; `pcm` is the utterance, PCM16 mono 16 kHz, a little pre-roll included."""

    pcm: bytes
    at_sample: int


class Endpointer:
    """One per session; fed PCM16 mono 16 kHz of any length."""

    def __init__(self, *, silence_ms: int = 600) -> None:
        self._silence_ms = silence_ms

    def feed(self, pcm: bytes) -> list[SpeechStarted | SpeechEnded]:
        """Take the next bytes of the stream; return what was found in them."""
        return []
