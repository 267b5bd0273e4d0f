"""The stored record of a call: utterances, tool calls, statistics and the checkpoint. Pure.

A **conversation** is live until it ends. A live one whose customer has had no connection for 3 s is
*left*: the customer may still come back, so it has not ended. A live one whose server has sent no
heartbeat for 90 s is *lost*; this is computed on reading and not stored, because the server can no
longer write it.

Its **epoch** is the number of the current lease. Each process that takes the lease over raises it
by one, and only the newest lease may write, so a server that was cut off overwrites nothing.

Times are aware, durations milliseconds, costs US dollars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from common.money import MILLIONTH

LOST_AFTER = timedelta(seconds=90)
LEFT_AFTER = timedelta(seconds=3)
"""A client that only reconnects, or a page that is reloaded, is back sooner."""
CHECKPOINT_LIFETIME = timedelta(hours=1)
STATISTICS_LIFETIME = timedelta(days=30)
"""How long statistics are stored where the settings store no text."""

MAX_ERROR_CODES = 20
MAX_TEXT_LENGTH = 8_000
MAX_TOOL_NAME_LENGTH = 64
UNNAMED_TOOL = "?"
"""Stored where the model gave no name: the key of an index can't be empty."""


class ConversationState(StrEnum):
    """State of a conversation at a given time."""

    LIVE = "live"
    LEFT = "left"
    """The connection was lost, as when the customer closes the tab, and nobody has resumed."""
    LOST = "lost"
    ENDED = "ended"


class Speaker(StrEnum):
    """Who said something."""

    USER = "user"
    ASSISTANT = "assistant"


class Stage(StrEnum):
    """How sure it is that the text of an utterance was said."""

    PLANNED = "planned"
    """The assistant is about to say it."""
    DELIVERED = "delivered"
    """The customer heard its audio to the end; the model has not confirmed the text."""
    SPOKEN = "spoken"
    """The model transcribed or confirmed it."""


class ToolOutcome(StrEnum):
    """Outcome of a tool call; it stays at `RUNNING` if the server dies before the tool returns."""

    RUNNING = "running"
    OK = "ok"
    PROPOSED = "proposed"
    """It changed nothing yet: the customer is asked to confirm it."""
    REFUSED = "refused"
    """A business rule forbids it."""
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """Tokens that a call sent to the model (in) and received from it (out)."""

    speech_in: int = 0
    text_in: int = 0
    speech_out: int = 0
    text_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrices:
    """Price of a thousand tokens of each kind, in US dollars."""

    speech_in: Decimal
    text_in: Decimal
    speech_out: Decimal
    text_out: Decimal

    def cost_usd(self, tokens: TokenUsage) -> Decimal:
        """Return the cost of `tokens`, rounded to a millionth of a dollar."""
        per_thousand = (
            tokens.speech_in * self.speech_in
            + tokens.text_in * self.text_in
            + tokens.speech_out * self.speech_out
            + tokens.text_out * self.text_out
        )
        return (per_thousand / 1000).quantize(MILLIONTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from the customer's last words to the reply's first audio, over all turns of a call.

    `median_ms` and `max_ms` end when the audio leaves this server, `playback_median_ms` when the
    customer's loudspeaker plays it.
    """

    median_ms: float | None = None
    max_ms: float | None = None
    playback_median_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationStatistics:
    """Counts and measurements of a call so far; `error_codes` are in the order they occurred."""

    turns: int = 0
    tool_calls: int = 0
    interruptions: int = 0
    resumes: int = 0
    rotations: int = 0
    tokens: TokenUsage = field(default_factory=TokenUsage)
    latency: Latency = field(default_factory=Latency)
    error_codes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """What one speaker said in one segment of a turn.

    Recording an utterance with empty text deletes the one stored under the same key. The latencies
    are set on the first segment of a reply; see `Latency` for what they measure.
    """

    turn: int
    segment: int
    speaker: Speaker
    text: str
    at: datetime
    stage: Stage = Stage.SPOKEN
    position: int = 0
    """Index, in the call's outbound audio, of the sample at which it begins. Not stored."""
    interrupted: bool = False
    latency_ms: float | None = None
    playback_latency_ms: float | None = None

    @property
    def key(self) -> tuple[int, int]:
        """Turn and segment, which identify the utterance within its call."""
        return self.turn, self.segment


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call. `arguments` are masked, or None if the settings store none.

    `arguments_hash` is equal for two calls with the same tool and arguments; see
    `conversations.encryption.arguments_hash`.
    """

    call_id: str
    tool_use_id: str
    name: str
    arguments: Mapping[str, Any] | None
    arguments_hash: str
    outcome: ToolOutcome
    error_code: str | None
    started_at: datetime
    duration_ms: float | None
    turn: int
    record: str | None = None
    """The record that it read or changed, "order:123456" or "appointment:123456"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCheckpoint:
    """What another process needs to restore a call: nothing in it is masked.

    `state` holds integers that only `voice.calls` interprets.
    """

    utterances: Sequence[Utterance] = ()
    state: Mapping[str, int] = field(default_factory=dict)

    def updated(
        self, utterances: Sequence[Utterance], state: Mapping[str, int]
    ) -> "CallCheckpoint":
        """Return a checkpoint with these utterances added or replaced, and with this state."""
        by_key = {each.key: each for each in [*self.utterances, *utterances]}
        ordered = [by_key[key] for key in sorted(by_key) if by_key[key].text]
        return CallCheckpoint(utterances=tuple(ordered), state=dict(state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The stored record of one call; `updated_at` is its version, `reason` why it ended.

    `left_at` is when its connection was lost; None while there is one. `wanted`, `result` and
    `result_code` are what `conversations.results` derives from its tool calls; None for calls that ended
    before they were stored.
    """

    id: str
    is_ended: bool = False
    reason: str | None = None
    started_at: datetime
    updated_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None = None
    left_at: datetime | None = None
    expires_at: datetime
    voice: str
    language: str
    model_id: str
    wire: str
    epoch: int = 1
    resume_hash: str = field(repr=False)
    statistics: ConversationStatistics = field(default_factory=ConversationStatistics)
    cost_usd: Decimal = Decimal(0)
    result: str | None = None
    wanted: Sequence[str] = ()
    result_code: str | None = None

    def state_at(self, now: datetime) -> ConversationState:
        """Return the state of the conversation at `now`."""
        if self.is_ended:
            return ConversationState.ENDED
        if self.left_at is not None and self.left_at <= left_deadline(now):
            return ConversationState.LEFT
        is_lost = self.heartbeat_at < heartbeat_deadline(now)
        return ConversationState.LOST if is_lost else ConversationState.LIVE

    def may_go_on_at(self, now: datetime) -> bool:
        """Return whether the call is live at `now`, or its customer may still come back to it."""
        state = self.state_at(now)
        may_return = self.left_at is not None and now - self.left_at < CHECKPOINT_LIFETIME
        return state is ConversationState.LIVE or (state is ConversationState.LEFT and may_return)

    def is_abandoned_at(self, now: datetime) -> bool:
        """Return whether the call has not ended, and nobody can resume it any more."""
        last_at = (
            self.heartbeat_at if self.left_at is None else max(self.left_at, self.heartbeat_at)
        )
        is_silent = now - last_at >= CHECKPOINT_LIFETIME
        return is_silent and self.state_at(now) in {ConversationState.LEFT, ConversationState.LOST}

    def duration_at(self, now: datetime) -> timedelta:
        """Return how long the call lasted, or has lasted at `now`."""
        end = {
            ConversationState.LIVE: now,
            ConversationState.LEFT: self.left_at or now,
            ConversationState.LOST: self.heartbeat_at,
            ConversationState.ENDED: self.ended_at or self.heartbeat_at,
        }
        return max(end[self.state_at(now)] - self.started_at, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation with its utterances and tool calls, each ordered by time."""

    conversation: Conversation
    utterances: Sequence[Utterance]
    tool_calls: Sequence[ToolCall]

    def entries(self) -> list[Utterance | ToolCall]:
        """Return utterances and tool calls by time; an utterance comes first at the same time."""
        entries: list[Utterance | ToolCall] = [*self.utterances, *self.tool_calls]
        return sorted(
            entries, key=lambda each: each.at if isinstance(each, Utterance) else each.started_at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationQuery:
    """Filter and order of a list of conversations; it includes `started_from`, not `started_to`."""

    state: ConversationState | None = None
    with_errors: bool = False
    result: str | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    oldest_first: bool = False

    def matches(self, conversation: Conversation, now: datetime) -> bool:
        """Whether a conversation passes the filter at `now`."""
        started_at = conversation.started_at
        return (
            self.state in {None, conversation.state_at(now)}
            and not (self.with_errors and not conversation.statistics.error_codes)
            and self.result in {None, conversation.result}
            and (self.started_from is None or self.started_from <= started_at)
            and (self.started_to is None or started_at < self.started_to)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallQuery:
    """Filter and order of a list of tool calls; it includes `started_from`, not `started_to`."""

    name: str | None = None
    outcome: ToolOutcome | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSearchResult:
    """The conversations that contain a text, the latest first.

    `stopped_after` is the number of utterances searched when the search stopped at a limit; None if
    it searched all of them.
    """

    conversations: Sequence[Conversation]
    stopped_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of one process to write to a conversation; a newer epoch ends it."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """What a process receives that takes over a call's lease; nothing in it is masked.

    The previous process may have died during a tool call that is still `RUNNING` here, so that call
    may have had its effect.
    """

    epoch: int
    utterances: Sequence[Utterance]
    state: Mapping[str, int]
    statistics: ConversationStatistics
    voice: str
    language: str
    wire: str
    tool_calls: Sequence[ToolCall]


def heartbeat_deadline(now: datetime) -> datetime:
    """Return the time before which a live call's last heartbeat means that it is lost."""
    return now - LOST_AFTER


def left_deadline(now: datetime) -> datetime:
    """Return the time until which a live call's connection must be lost for the call to be left."""
    return now - LEFT_AFTER
