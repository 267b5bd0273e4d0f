"""What is kept of a call: its words, its tool runs, its figures, and what brings it back. Pure.

A **conversation** is the call as it is remembered. It is live until it is ended; one whose server
gives no sign of life for 90 s is lost, which is seen and not stored: its server can't say it any more.
Its **epoch** counts the processes that had the call. Only the newest may write, so a server that was
thought dead, or was cut off, overwrites nothing.

Instants are aware. Durations are milliseconds, costs US dollars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from common.money import MILLIONTH

LOST_AFTER = timedelta(seconds=90)
MEMORY_LASTS = timedelta(hours=1)
COUNTS_LAST = timedelta(days=30)
"""How long figures are kept where words aren't."""

MAX_ERRORS = 20
MAX_TEXT_LENGTH = 8_000
MAX_NAME_LENGTH = 64
UNNAMED = "?"
"""What a tool is called that the model didn't name; an index can't hold nothing."""


class Status(StrEnum):
    """How far a conversation is, as it is stored."""

    LIVE = "live"
    ENDED = "ended"


class State(StrEnum):
    """How far a conversation is, as it is seen at some moment."""

    LIVE = "live"
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
    """What became of a tool run; running until it is said, so for ever if its server died."""

    RUNNING = "running"
    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How many tokens the model took and gave."""

    speech_in: int = 0
    text_in: int = 0
    speech_out: int = 0
    text_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a thousand tokens cost, in US dollars."""

    speech_in: Decimal
    text_in: Decimal
    speech_out: Decimal
    text_out: Decimal

    def of(self, tokens: Tokens) -> Decimal:
        """Return what these tokens cost, to the millionth of a dollar."""
        thousandfold = (
            tokens.speech_in * self.speech_in
            + tokens.text_in * self.text_in
            + tokens.speech_out * self.speech_out
            + tokens.text_out * self.text_out
        )
        return (thousandfold / 1000).quantize(MILLIONTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long the customer waited for the assistant's first sound, over all turns.

    `median_ms` and `max_ms` are to the sound's leaving this server, `heard_median_ms` to the ear.
    """

    median_ms: float | None = None
    max_ms: float | None = None
    heard_median_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A call's figures so far. `errors` are the codes of what went wrong, in order."""

    turns: int = 0
    tool_runs: int = 0
    interruptions: int = 0
    resumes: int = 0
    renewals: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    latency: Latency = field(default_factory=Latency)
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """Something that was said, for certain: one segment of one turn. Without text it is taken back.

    `latency_ms` and `heard_ms` stand at the first segment of an answer: see `Latency`.
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
    heard_ms: float | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Where it belongs; what is kept at the same place replaces it."""
        return self.turn, self.segment


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One execution of a tool. `arguments` are masked; None if none are kept.

    `arguments_hash` tells whether another run asks for the same: see `secrecy.arguments_hash`.
    """

    call_id: str
    tool_use_id: str
    name: str
    arguments: Mapping[str, Any] | None
    arguments_hash: str
    outcome: ToolOutcome
    code: str | None
    started_at: datetime
    duration_ms: float | None
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreData:
    """What a call goes on from after its server died: nothing in it is masked.

    `words` are all that was said; `state` are numbers that only the call itself understands.
    """

    words: Sequence[Utterance] = ()
    state: Mapping[str, int] = field(default_factory=dict)

    def after(self, words: Sequence[Utterance], state: Mapping[str, int]) -> "RestoreData":
        """Return it with some words more, and with another state."""
        by_place = {each.place: each for each in [*self.words, *words]}
        said = [by_place[place] for place in sorted(by_place) if by_place[place].text]
        return RestoreData(words=tuple(said), state=dict(state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A call as it is remembered; `updated_at` is its version. `reason` says why it ended."""

    id: str
    status: Status
    reason: str | None = None
    started_at: datetime
    updated_at: datetime
    alive_at: datetime
    ended_at: datetime | None = None
    expires_at: datetime
    voice: str
    language: str
    model_id: str
    wire: str
    epoch: int = 1
    resume_hash: str = field(repr=False)
    progress: Progress = field(default_factory=Progress)
    cost_usd: Decimal = Decimal(0)

    def state(self, now: datetime) -> State:
        """Return how far it is at this moment."""
        if self.status is Status.ENDED:
            return State.ENDED
        return State.LOST if self.alive_at < alive_since(now) else State.LIVE

    def lasted(self, now: datetime) -> timedelta:
        """Return how long it was, or is by now."""
        until = {State.LIVE: now, State.LOST: self.alive_at, State.ENDED: self.ended_at}
        return max((until[self.state(now)] or self.alive_at) - self.started_at, timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A conversation with all that was said and done in it, each in the order of time."""

    conversation: Conversation
    words: Sequence[Utterance]
    tool_runs: Sequence[ToolCall]

    def in_order(self) -> list[Utterance | ToolCall]:
        """Return words and tool runs together; a tool runs after words of the same instant."""
        both: list[Utterance | ToolCall] = [*self.words, *self.tool_runs]
        return sorted(
            both, key=lambda one: one.at if isinstance(one, Utterance) else one.started_at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationQuery:
    """Which conversations are listed: of a state, with errors, begun from an instant on, before another."""

    state: State | None = None
    with_errors: bool = False
    started_from: datetime | None = None
    started_to: datetime | None = None
    oldest_first: bool = False

    def admits(self, conversation: Conversation, now: datetime) -> bool:
        """Whether a conversation is among them."""
        starts = conversation.started_at
        return (
            self.state in {None, conversation.state(now)}
            and not (self.with_errors and not conversation.progress.errors)
            and (self.started_from is None or self.started_from <= starts)
            and (self.started_to is None or starts < self.started_to)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallQuery:
    """Which tool runs are listed: of a tool, with an outcome, begun from an instant on, before another."""

    name: str | None = None
    outcome: ToolOutcome | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSearchResult:
    """The conversations in which some words were said, the latest first.

    `stopped_after` tells after how many things said the search gave up; None if it saw all.
    """

    conversations: Sequence[Conversation]
    stopped_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a process needs to write to the conversation it opened."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """What a process needs to go on with a call that another had; nothing in it is masked.

    Of `tool_runs` those still running were begun by the process that is gone, and may have had effect.
    """

    epoch: int
    words: Sequence[Utterance]
    state: Mapping[str, int]
    progress: Progress
    voice: str
    language: str
    wire: str
    tool_runs: Sequence[ToolCall]


def alive_since(now: datetime) -> datetime:
    """Return since when a server must have given a sign of life, for its calls not to be lost."""
    return now - LOST_AFTER
