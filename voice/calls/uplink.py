"""Which of a client's frames have come, and which of them it need not keep any more. Pure.

A client numbers its frames over the whole call. A gap is its own drop; a step back is a frame that came
again after a new connection, and is no news, or else a fault. A frame is *safe* once it would not be
missed if this server died: words once they are stored, speech once the service has confirmed it. Only
safe frames are acknowledged, so a client that comes back, wherever that is, sends what is missing.
"""

from collections import deque
from dataclasses import dataclass

from voice.wire.close_codes import CloseCode
from voice.wire.messages import InboundMessage, ServerAcknowledgement, WireError

_WRAP = 2**32
MAX_KEPT = 4_000
"""Frames remembered as not safe: two minutes of audio. Older ones are taken for safe."""


@dataclass(frozen=True, slots=True)
class _Came:
    sequence: int
    end: int | None
    """Where an audio frame ends in the microphone; None for words."""


class Uplink:
    """The numbers of one call's uplink."""

    def __init__(self, *, wanted: int = 0, words: int = 0) -> None:
        """Begin at a frame.

        `wanted` is the first frame that is missing. `words` is the first one whose words are missing:
        what another server had stored of those before is no news.
        """
        self._wanted = wanted
        self._words = words
        self._unsafe: deque[_Came] = deque()
        self._told: int | None = None
        self._samples = 0

    @property
    def wanted(self) -> int:
        """The first frame that is missing."""
        return self._wanted

    @property
    def words(self) -> int:
        """The first frame whose words are missing."""
        return max(self.wanted, self._words)

    def accept(
        self, heard: InboundMessage, *, position: int | None = None, samples: int = 0
    ) -> bool:
        """Return whether a frame is news; audio is so many samples from `position` in the microphone on.

        Raises:
            WireError: it is a step back that nobody asked for.

        """
        if heard.sequence is None:
            return True
        ahead = (heard.sequence - self._wanted) % _WRAP
        if ahead >= _WRAP // 2:
            if heard.is_resent:
                return False
            detail = f"sequence {heard.sequence} after {self._wanted - 1}"
            raise WireError("out_of_order", detail, close_code=CloseCode.POLICY_VIOLATION)
        self._wanted = heard.sequence + 1
        self._samples += samples
        if position is None and heard.sequence < self._words:
            return False
        end = None if position is None else position + samples
        self._unsafe.append(_Came(heard.sequence, end))
        if len(self._unsafe) > MAX_KEPT:
            self._unsafe.popleft()
        return True

    def first_unsafe(self, *, words: int, speech: int | None) -> int:
        """Return the first frame that would be missed if this server died; for the rest see `safe`."""
        unsafe = (came.sequence for came in self._unsafe if not _is_safe(came, words, speech))
        return next(unsafe, self.wanted)

    def safe(self, *, words: int, speech: int | None) -> ServerAcknowledgement | None:
        """Return what the client may be told now, if that is news.

        `words`: the first frame whose words are not stored. `speech`: where the speech begins that the
        service has not confirmed; None where it has confirmed all.
        """
        while self._unsafe and _is_safe(self._unsafe[0], words, speech):
            self._unsafe.popleft()
        upto = self._unsafe[0].sequence if self._unsafe else self._wanted
        if upto in (0, self._told):
            return None
        self._told = upto
        return ServerAcknowledgement(sequence=upto - 1, position=self._samples)


def _is_safe(came: _Came, words: int, speech: int | None) -> bool:
    if came.end is None:
        return came.sequence < words
    return speech is None or came.end <= speech
