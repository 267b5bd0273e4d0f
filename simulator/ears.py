"""Hears Spanish: one utterance of PCM to text, or says honestly that it can't."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from simulator.endpointing import Endpointer


class Ears(Protocol):
    """Turns one utterance into text. Slow (about two seconds) and thread-safe."""

    def transcribe(self, pcm: bytes) -> str:
        """Return the Spanish text of 16 kHz mono PCM16, or an empty string."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """The step of hearing this machine can do; `reason` says why it isn't a higher one."""

    ears: Ears | None
    endpointer_factory: Callable[..., Endpointer] | None
    step: Literal["speech", "text"]
    reason: str


def open_ears(models: Path, wanted: str) -> Hearing:
    """Open the best hearing for `wanted` ("auto", "speech" or "text") from weights in `models`."""
    return Hearing(ears=None, endpointer_factory=None, step="text", reason="not built yet")
