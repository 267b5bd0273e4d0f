"""Write one call to the store and read it back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from conversations import services
from conversations.domain import (
    CallCheckpoint,
    ConversationQuery,
    ConversationStatistics,
    Latency,
    Speaker,
    StoredCall,
    TokenUsage,
    ToolOutcome,
    Transcript,
    Utterance,
)
from conversations.models import ConversationItem

NOW = datetime(2099, 11, 23, 13, 0, tzinfo=UTC)
SECRET = "a-secret-of-a-call-that-nobody-guesses"
CALL = "c0ffee00c0ffee00c0ffee00c0ffee00"

STATISTICS = ConversationStatistics(
    turns=3,
    tool_calls=2,
    interruptions=1,
    resumes=4,
    rotations=5,
    tokens=TokenUsage(speech_in=1000, text_in=2000, speech_out=500, text_out=100),
    latency=Latency(median_ms=801.26, max_ms=1500.0, playback_median_ms=None),
    error_codes=("throttled", "timed_out"),
)
STATISTICS_COST_USD = Decimal("0.009935")


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def open_call(call_id: str = CALL, *, now: datetime = NOW, **changes: Any) -> int:
    """Open a conversation and return its epoch."""
    arguments = {
        "resume_secret": SECRET,
        "voice": "carlos",
        "language": "es",
        "model_id": "amazon.nova-2-sonic-v1:0",
        "wire": "sonic.audio.v1",
    }
    return services.open_conversation(call_id=call_id, now=now, **(arguments | changes)).epoch


def user(text: str, turn: int = 1, segment: int = 1, **changes: Any) -> Utterance:
    return _utterance(Speaker.USER, text, turn, segment, **changes)


def assistant(text: str, turn: int = 1, segment: int = 2, **changes: Any) -> Utterance:
    return _utterance(Speaker.ASSISTANT, text, turn, segment, **changes)


def _utterance(speaker: Speaker, text: str, turn: int, segment: int, **changes: Any) -> Utterance:
    values: dict[str, Any] = {"at": at(10 * turn + segment), **changes}
    return Utterance(speaker=speaker, text=text, turn=turn, segment=segment, **values)


def record(
    *utterances: Utterance,
    call_id: str = CALL,
    epoch: int = 1,
    statistics: ConversationStatistics | None = None,
    state: Mapping[str, int] | None = None,
    left_at: datetime | None = None,
    checkpoint: CallCheckpoint | None = None,
    now: datetime = NOW,
) -> CallCheckpoint:
    return services.record_progress(
        call_id=call_id,
        epoch=epoch,
        utterances=utterances,
        statistics=statistics or ConversationStatistics(),
        state=state or {},
        left_at=left_at,
        checkpoint=checkpoint,
        now=now,
    )


def start_tool(
    tool_use_id: str = "tool-1",
    name: str = "consultarOrder",
    *,
    call_id: str = CALL,
    epoch: int = 1,
    now: datetime = NOW,
    **arguments: Any,
) -> None:
    services.start_tool_call(
        call_id=call_id,
        epoch=epoch,
        tool_use_id=tool_use_id,
        name=name,
        arguments=arguments,
        turn=1,
        now=now,
    )


def finish_tool(tool_use_id: str = "tool-1", *, epoch: int = 1, **changes: Any) -> None:
    result: dict[str, Any] = {"outcome": ToolOutcome.OK, "error_code": None, "duration_ms": 12.34}
    services.finish_tool_call(
        call_id=CALL, epoch=epoch, tool_use_id=tool_use_id, now=NOW, **(result | changes)
    )


def end_call(
    call_id: str = CALL,
    *,
    epoch: int = 1,
    reason: str = "client",
    statistics: ConversationStatistics | None = None,
    now: datetime = NOW,
) -> None:
    services.end_conversation(
        call_id=call_id,
        epoch=epoch,
        reason=reason,
        statistics=statistics or ConversationStatistics(),
        now=now,
    )


def store_four_calls() -> None:
    """Store a lost call, an ended one, an ended one with errors and a live one, a minute apart."""
    for n, call_id in enumerate(["lost", "ended", "failed", "live"]):
        open_call(call_id, now=at(60 * n))
    end_call("ended", now=at(100))
    failed = ConversationStatistics(error_codes=("throttled",))
    end_call("failed", statistics=failed, now=at(200))


def take_over(now: datetime = NOW, secret: str = SECRET) -> StoredCall:
    return services.take_over_lease(call_id=CALL, resume_secret=secret, now=now)


def transcript(call_id: str = CALL, now: datetime = NOW) -> Transcript:
    return services.get_transcript(call_id=call_id, now=now)


def texts(call_id: str = CALL) -> list[str]:
    return [utterance.text for utterance in transcript(call_id).utterances]


def listed_ids(now: datetime = NOW, **query: Any) -> list[str]:
    """Return the ids of the conversations that match a query, in its order."""
    page = services.find_conversations(query=ConversationQuery(**query), now=now, limit=100)
    return [conversation.id for conversation in page.items]


def raw_items() -> list[dict[str, Any]]:
    """Return all items of the table as DynamoDB stores them."""
    return list(ConversationItem.call_api("Scan", ConsistentRead=True)["Items"])


def raw_checkpoints() -> list[dict[str, Any]]:
    """Return the checkpoint items of the table as DynamoDB stores them."""
    return [item for item in raw_items() if item["SK"]["S"] == "MEMORY"]
