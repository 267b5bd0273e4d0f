"""What an engine is given: settings that all calls share, and what one call is or was before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from conversations.domain import Utterance
from voice.calls.engine.rotation import RotationPlan
from voice.calls.engine.watchdog import WatchdogLimits
from voice.sonic.families import Family
from voice.wire.messages import CallReady, ToolFinished


class Directives(Protocol):
    """The texts by which the server directs the assistant, in one language."""

    @property
    def greeting(self) -> str:
        """Greet the customer."""

    @property
    def wait(self) -> str:
        """Say that it takes a moment."""

    @property
    def idle(self) -> str:
        """Say goodbye, as nobody speaks."""

    @property
    def limit(self) -> str:
        """Say goodbye, as the call has reached its longest duration."""

    @property
    def budget(self) -> str:
        """Say goodbye, as the budget of minutes is used up."""

    def tool_result(self, tool: str, result: Mapping[str, Any]) -> str:
        """Use this result of a tool that another session asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What all calls share; times in seconds unless their name says otherwise."""

    family: Family
    directives: Directives
    rotation: RotationPlan
    watchdog: WatchdogLimits
    shortest_pause_ms: float
    """The shortest pause after which the service ends a turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What one call is like."""

    ready: CallReady
    """The message that tells the client that the call is ready."""
    input_rate_hz: int
    greets: bool
    is_playback_reported: bool
    """Whether the client acknowledges playback; if not, it gets the service's own events as well."""
    started_at: datetime
    """The wall clock's time when the engine is created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredState:
    """What a call continues from that another server had, or this one earlier."""

    utterances: Sequence[Utterance] = ()
    tool_calls: Sequence[tuple[str, str]] = ()
    """Keys and signatures of tool calls whose results may not have been given."""
    shown_tool_calls: Sequence[tuple[int, ToolFinished]] = ()
    """What the client was shown of tool calls that finished, each with its turn, in order."""
    is_answer_due: bool = False
    """Whether the last answer was not whole."""
    opened_in: int = 0
    """Number of the turn in which the open question was asked, or the last one."""
    age_s: float = 0.0
    generation: int = 0
    """The generation of outbound audio that the client knows."""
