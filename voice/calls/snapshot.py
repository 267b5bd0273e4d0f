"""What a call looks like at one moment, for those who decide what is due: renewal and watch. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSnapshot:
    """A call with a session, at `now` (seconds, monotonic, like all instants here)."""

    now: float
    began_at: float
    """When the call began."""
    session_since: float
    """When the current session was opened."""
    credentials_until: float | None = None
    """When the credentials that sign the session's frames expire, where that is known."""
    customer_speaks: bool = False
    no_sign_since: float | None = None
    """When the customer had said or written what the service has shown no sign of since."""
    question_open: bool = False
    """Whether the customer's last words have no answer yet."""
    reply_coming: bool = False
    """Whether the service is in the middle of a reply."""
    reply_sounds: bool = False
    """Whether the customer still has to hear some of it."""
    tool_since: float | None = None
    """When the oldest tool that still runs was started."""
    last_word_at: float = 0.0
    """When one of both was last heard, read, or a tool answered."""

    @property
    def session_age_s(self) -> float:
        """How old the session is."""
        return self.now - self.session_since

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks and nothing is being waited for."""
        busy = self.customer_speaks or self.question_open or self.reply_coming or self.reply_sounds
        return not busy and self.tool_since is None
