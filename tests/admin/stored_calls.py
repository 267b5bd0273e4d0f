"""Stored calls for the tests of conversations in the admin."""

from datetime import datetime, timedelta
from typing import Any

from conversations import services
from conversations.domain import (
    ConversationStatistics,
    Latency,
    Speaker,
    TokenUsage,
    ToolOutcome,
    Utterance,
)

CONVERSATIONS = "/admin/conversations/conversation/"
TOOL_CALLS = "/admin/conversations/toolrun/"
SECRET = "secret"


def open_call(call_id: str, *, started_at: datetime) -> None:
    services.open_conversation(
        call_id=call_id,
        resume_secret=SECRET,
        voice="carlos",
        language="es",
        model_id="amazon.nova-2-sonic-v1:0",
        wire="sonic.audio.v1",
        now=started_at,
    )


def add_utterances(
    call_id: str,
    *texts: str,
    at: datetime,
    statistics: ConversationStatistics | None = None,
    left_at: datetime | None = None,
    **assistant_fields: Any,
) -> None:
    """Store utterances of customer and assistant by turns, one second apart."""
    utterances = [
        Utterance(
            turn=n // 2 + 1,
            segment=n % 2 + 1,
            speaker=list(Speaker)[n % 2],
            text=text,
            at=at + timedelta(seconds=n),
            **(assistant_fields if n == 1 else {}),
        )
        for n, text in enumerate(texts)
    ]
    services.record_progress(
        call_id=call_id,
        epoch=1,
        utterances=utterances,
        statistics=statistics or ConversationStatistics(),
        state={},
        left_at=left_at,
        now=at,
    )


def add_tool_call(
    call_id: str,
    tool_use_id: str,
    name: str,
    *,
    at: datetime,
    outcome: str,
    record: str | None = None,
    **arguments: Any,
) -> None:
    services.start_tool_call(
        call_id=call_id,
        epoch=1,
        tool_use_id=tool_use_id,
        name=name,
        arguments=arguments,
        turn=1,
        now=at,
    )
    services.finish_tool_call(
        call_id=call_id,
        epoch=1,
        tool_use_id=tool_use_id,
        outcome=ToolOutcome(outcome),
        error_code=None if outcome == "ok" else "order_not_found",
        duration_ms=41.2,
        record=record,
        now=at,
    )


def end_call(
    call_id: str,
    *,
    at: datetime,
    statistics: ConversationStatistics | None = None,
    reason: str = "client",
) -> None:
    services.end_conversation(
        call_id=call_id,
        epoch=1,
        reason=reason,
        statistics=statistics or ConversationStatistics(),
        now=at,
    )


STATISTICS = ConversationStatistics(
    turns=2,
    tool_calls=1,
    interruptions=1,
    tokens=TokenUsage(speech_in=1000, text_in=2000, speech_out=1500, text_out=300),
    latency=Latency(median_ms=812, max_ms=1530, playback_median_ms=905),
)


def listed_ids(page: Any) -> list[str]:
    """Return the ids of the records in a list page."""
    return [record.id for record in page.context["cl"].result_list]
