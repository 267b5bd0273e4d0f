"""What all calls of a server share, and what one call is like."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from voice.calls.engine.rotation import RotationPlan
from voice.calls.engine.settings import EngineSettings
from voice.calls.engine.watchdog import WatchdogLimits
from voice.gateway.rate_limits import Rate
from voice.prompts import Directives
from voice.sonic.events import SessionStart
from voice.sonic.families import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """What all calls of a server share; times in seconds unless their name says otherwise."""

    session: SessionStart
    family: Family
    time_zone: ZoneInfo
    system_prompt: Callable[[str, str, datetime], str]
    """By language, voice and instant."""
    directives: Callable[[str, str], Directives]
    """By language and voice."""
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    """Returns a random number, evenly distributed from 0 to 1."""
    rotation: RotationPlan
    watchdog: WatchdogLimits
    window_ms: int
    resume_for_s: float
    tool_deadline_s: float
    confirms_changes: bool
    """Whether the customer confirms each change of orders and appointments."""
    shortest_pause_ms: float
    text_rate: Rate
    """How many texts the customer may type."""

    def for_engine(self, language: str, voice: str) -> EngineSettings:
        """Return what the engine of a call in a language and with a voice needs."""
        return EngineSettings(
            family=self.family,
            directives=self.directives(language, voice),
            rotation=self.rotation,
            watchdog=self.watchdog,
            shortest_pause_ms=self.shortest_pause_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """What one call is like."""

    call_id: str
    resume_token: str = field(repr=False)
    input_rate_hz: int
    voice: str
    language: str
    greet: bool
    """Whether the assistant speaks first."""
    acknowledges: bool
    """Whether the client reports what it has received and played."""
    address: str | None = None
    """The network address that the call comes from."""
