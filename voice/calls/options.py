"""What all calls of a server share, what one call is like, and what one goes on from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from voice.calls.rotation import RotationPlan
from voice.calls.transcript import Transcript
from voice.calls.voice_activity import SHORTEST_PAUSE_MS
from voice.calls.watchdog import WatchdogLimits
from voice.prompts import Directives
from voice.sonic.events import SessionStart
from voice.sonic.families import Family
from voice.tools.registry import DEADLINE_S
from voice.wire.messages import ToolFinished


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """What all calls of a server share; times in seconds unless their name says else."""

    session: SessionStart
    family: Family
    time_zone: ZoneInfo
    system_prompt: Callable[[str, datetime], str]
    """By language and instant."""
    directions: Callable[[str], Directives]
    """By language."""
    now: Callable[[], datetime]
    chance: Callable[[], float]
    """Draws a number, evenly between 0 and 1."""
    renewal: RotationPlan = field(default_factory=RotationPlan)
    watch: WatchdogLimits = field(default_factory=WatchdogLimits)
    window_ms: int = 3000
    resume_for_s: float = 30.0
    tool_deadline_s: float = DEADLINE_S
    shortest_pause_ms: float = SHORTEST_PAUSE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """What one call is like; `acknowledges` tells whether its client says what it got and played."""

    call_id: str
    resume_token: str = field(repr=False)
    input_rate_hz: int
    voice: str
    language: str
    greet: bool
    acknowledges: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredState:
    """What a call leaves behind whose server died, and goes on from."""

    transcript: Transcript = field(default_factory=Transcript)
    tool_runs: Sequence[tuple[str, str]] = ()
    """Keys and signatures of runs whose results may not have been told."""
    shown_tool_calls: Sequence[tuple[int, ToolFinished]] = ()
    """What the customer was shown of runs that ended, each with its turn, in order."""
    owes_answer: bool = False
    """Whether the last answer was not whole."""
    open_since: int = 0
    """The turn in which the question began that is open, or was the last one."""
    age_s: float = 0.0
