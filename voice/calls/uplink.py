"""Which frames of a client have been received, and which of them it need not keep any longer.

A client numbers its frames over the whole call. A gap means that the client has dropped frames; a step back
is a frame that was sent again after a reconnection, or else an error. A frame is *safe* if it would not be
missed if this server died now: a text once it is stored, audio once the service has transcribed the speech
in it. Only safe frames are acknowledged, so a client that resumes, on whatever server, sends what is missing.
"""

from collections import deque

from voice.wire import messages as m
from voice.wire.close_codes import CloseCode

_WRAP = 2**32
MAX_UNSAFE = 4_000
"""How many frames may be unsafe: two minutes of audio. Older ones count as safe."""

type _Frame = tuple[int, int | None]
"""A frame's number, and the index behind its last sample in the inbound audio; None if it is a text."""


class Uplink:
    """The frames of one client."""

    def __init__(self, *, next_sequence: int = 0, next_text: int = 0) -> None:
        """Expect the frame `next_sequence`; another server has stored the texts before `next_text`."""
        self._next_sequence = next_sequence
        self._next_text = next_text
        self._unsafe: deque[_Frame] = deque()
        self._acknowledged: int | None = None
        self._samples = 0

    @property
    def next_sequence(self) -> int:
        """The first frame that has not been received."""
        return self._next_sequence

    @property
    def next_text(self) -> int:
        """The first frame whose text has not been received, here or on another server."""
        return max(self._next_sequence, self._next_text)

    @property
    def unsafe_frames(self) -> int:
        """How many received frames are not safe."""
        return len(self._unsafe)

    def accept(self, inbound: m.InboundMessage) -> bool:
        """Return whether a frame that is not audio is new.

        Raises:
            WireError: Its number is a step back, and it is not marked as sent again.

        """
        sequence = inbound.sequence
        if sequence is None:
            return True
        if not self._is_new(sequence, is_resent=inbound.is_resent) or sequence < self._next_text:
            return False
        if isinstance(inbound.message, m.CustomerText):
            self._add_unsafe(sequence, None)
        return True

    def accept_audio(self, sequence: int, *, position: int, samples: int, is_resent: bool) -> bool:
        """Return whether a frame of audio is new.

        Args:
            sequence: Its number.
            position: The index of its first sample in the inbound audio of the call.
            samples: Its length.
            is_resent: Whether it is marked as sent again.

        Raises:
            WireError: Its number is a step back, and it is not marked as sent again.

        """
        if not self._is_new(sequence, is_resent=is_resent):
            return False
        self._samples += samples
        self._add_unsafe(sequence, position + samples)
        return True

    def _is_new(self, sequence: int, *, is_resent: bool) -> bool:
        if (sequence - self._next_sequence) % _WRAP >= _WRAP // 2:
            if is_resent:
                return False
            detail = f"sequence {sequence} after {self._next_sequence - 1}"
            raise m.WireError("out_of_order", detail, close_code=CloseCode.POLICY_VIOLATION)
        self._next_sequence = sequence + 1
        return True

    def _add_unsafe(self, sequence: int, end: int | None) -> None:
        self._unsafe.append((sequence, end))
        if len(self._unsafe) > MAX_UNSAFE:
            self._unsafe.popleft()

    def first_unsafe(self, *, stored_to: int, audio_from: int | None) -> int:
        """Return the first frame that would be missed if this server died; see `acknowledgement`."""
        for frame in self._unsafe:
            if not _is_safe(frame, stored_to, audio_from):
                return frame[0]
        return self._next_sequence

    def acknowledgement(
        self, *, stored_to: int, audio_from: int | None
    ) -> m.ServerAcknowledgement | None:
        """Return which frames are safe; None if nothing has changed since the last call.

        Args:
            stored_to: The first frame whose text is not stored.
            audio_from: Index in the inbound audio from which on the client must keep it; None if it
                need not keep any.

        """
        while self._unsafe and _is_safe(self._unsafe[0], stored_to, audio_from):
            self._unsafe.popleft()
        safe_to = self._unsafe[0][0] if self._unsafe else self._next_sequence
        if safe_to in (0, self._acknowledged):
            return None
        self._acknowledged = safe_to
        return m.ServerAcknowledgement(sequence=safe_to - 1, position=self._samples)


def _is_safe(frame: _Frame, stored_to: int, audio_from: int | None) -> bool:
    sequence, end = frame
    if end is None:
        return sequence < stored_to
    return audio_from is None or end <= audio_from
