"""Speaks Spanish: one sentence to PCM, or an honest tone where no voice is installed."""

import math
from array import array
from dataclasses import dataclass
from typing import Literal, Protocol


class Voice(Protocol):
    """Says one sentence at a time."""

    def speak(self, text: str, rate_hz: int) -> bytes:
        """Return PCM16 mono at `rate_hz`; markers such as `[FINAL]` aren't said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """The step of speaking this machine can do; `reason` says why it isn't a higher one."""

    voice: Voice
    step: Literal["voice", "tone"]
    reason: str


class Tone:
    """A beep per sentence, as long as the sentence would take: audible, but no pretence."""

    def speak(self, text: str, rate_hz: int) -> bytes:
        """Return 60 ms of tone per character."""
        count = rate_hz * 60 * len(text) // 1000
        step = 2 * math.pi * 440 / rate_hz
        return array("h", (int(6000 * math.sin(step * n)) for n in range(count))).tobytes()


def open_voice() -> Speaking:
    """Open the best voice of this machine."""
    return Speaking(voice=Tone(), step="tone", reason="not built yet")
