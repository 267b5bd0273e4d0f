"""A call at one moment, for the parts that decide what is due: rotation and watchdog."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSnapshot:
    """A call at `now`; all instants are seconds of one monotonic clock."""

    now: float
    began_at: float
    session_since: float
    """When the current session was opened."""
    credentials_until: float | None = None
    """When the credentials that sign the session's frames expire, if that is known."""
    is_customer_speaking: bool = False
    unanswered_since: float | None = None
    """Since when the service has shown no sign of what the customer said or typed."""
    is_turn_open: bool = False
    """Whether an answer is due or coming."""
    is_reply_coming: bool = False
    is_reply_sounding: bool = False
    """Whether the customer still has to hear some of the reply."""
    tool_running_since: float | None = None
    """When the oldest tool call that still runs was started."""
    last_activity_at: float = 0.0
    """When the customer or the assistant last spoke or typed, or a tool finished."""

    @property
    def session_age_s(self) -> float:
        """How old the current session is."""
        return self.now - self.session_since

    @property
    def is_quiet(self) -> bool:
        """Whether nobody speaks and nothing is waited for."""
        is_talking = self.is_customer_speaking or self.is_reply_coming or self.is_reply_sounding
        return not is_talking and not self.is_turn_open and self.tool_running_since is None
