"""A goodbye that is being said: until when, and what takes it back. Pure."""

from voice.calls.snapshot import CallSnapshot
from voice.wire.messages import EndReason


class SignOff:
    """Begun for a reason, and over once it has been said or takes too long."""

    def __init__(self, *, takes_s: float) -> None:
        self.reason: EndReason | None = None
        """Why goodbye is being said; None while it is not."""
        self._takes_s = takes_s
        self._until = 0.0

    def begin(self, reason: EndReason, *, now: float) -> None:
        """Note that goodbye is being said from now on."""
        self.reason, self._until = reason, now + self._takes_s

    def spoken_up(self) -> None:
        """Note that the customer is there after all: one who was thought to be gone stays."""
        if self.reason is EndReason.IDLE:
            self.reason = None

    def is_over(self, situation: CallSnapshot) -> bool:
        """Return whether goodbye has been said, or has had its time."""
        if situation.customer_speaks:
            self.spoken_up()
        is_done = situation.is_quiet or situation.now >= self._until
        return self.reason is not None and is_done
