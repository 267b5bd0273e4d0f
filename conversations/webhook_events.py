"""What the receivers of webhooks learn about a call that has ended. It has no personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from common.timestamps import to_iso
from conversations.domain import Conversation, ConversationStatistics, ToolCall, ToolOutcome
from conversations.results import PURPOSES, CallSummary, Purpose
from webhooks.domain import EventType
from webhooks.services import Event

RECORD_TYPE = "call"


def ended_event(
    conversation: Conversation,
    *,
    reason: str,
    ended_at: datetime,
    statistics: ConversationStatistics,
    summary: CallSummary,
    tool_calls: Sequence[ToolCall],
) -> Event:
    """Return the event of the end of a call."""
    ended = replace(
        conversation, is_ended=True, reason=reason, ended_at=ended_at, statistics=statistics
    )
    data = call_data(ended, summary, tool_calls, ended_at)
    return Event(
        type=EventType.CALL_ENDED,
        record_type=RECORD_TYPE,
        record_id=conversation.id,
        version="ended",  # a call ends once
        make_data=lambda _personal_data: data,
    )


def call_data(
    conversation: Conversation,
    summary: CallSummary,
    tool_calls: Sequence[ToolCall],
    ended_at: datetime,
) -> Mapping[str, Any]:
    """Return what was wanted in a call, what became of it, and which records it read or changed."""
    records = dict.fromkeys(each.record for each in tool_calls if each.record is not None)
    return {
        "id": conversation.id,
        "startedAt": to_iso(conversation.started_at),
        "endedAt": to_iso(ended_at),
        "durationS": round(conversation.duration_at(ended_at).total_seconds()),
        "reason": conversation.reason,
        "language": conversation.language,
        "wanted": [purpose.value for purpose in summary.wanted],
        "result": summary.result.value,
        "resultCode": summary.code,
        "hasFollowUp": any(map(_leaves_message, tool_calls)),
        "records": [
            {"type": kind, "id": record_id}
            for kind, _, record_id in (record.partition(":") for record in records)
        ],
        "turns": conversation.statistics.turns,
    }


def _leaves_message(tool_call: ToolCall) -> bool:
    purpose = PURPOSES.get(tool_call.name)
    return purpose is Purpose.LEAVE_MESSAGE and tool_call.outcome is ToolOutcome.OK
