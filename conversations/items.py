"""Convert between the values of `conversations.domain` and the items stored in DynamoDB."""

from datetime import datetime
from typing import Any

from common.timestamps import from_iso, to_iso
from conversations.domain import (
    Conversation,
    ConversationStatistics,
    Latency,
    Speaker,
    Stage,
    TokenUsage,
    ToolCall,
    ToolOutcome,
    Utterance,
)
from conversations.models import (
    CheckpointItem,
    ConversationItem,
    SessionLeasesItem,
    ToolCallItem,
    UtteranceItem,
)
from conversations.results import CallSummary
from conversations.session_leases import LEASE_LIFETIME, SessionLease, SessionLeases


def statistics_attributes(statistics: ConversationStatistics) -> dict[str, Any]:
    """Return the attributes of `ConversationItem` that store a call's statistics."""
    error_codes = list(statistics.error_codes)
    return {
        "turns": statistics.turns,
        "tool_calls": statistics.tool_calls,
        "interruptions": statistics.interruptions,
        "resumes": statistics.resumes,
        "rotations": statistics.rotations,
        "speech_tokens_in": statistics.tokens.speech_in,
        "text_tokens_in": statistics.tokens.text_in,
        "speech_tokens_out": statistics.tokens.speech_out,
        "text_tokens_out": statistics.tokens.text_out,
        "latency_median_ms": statistics.latency.median_ms,
        "latency_max_ms": statistics.latency.max_ms,
        "playback_median_ms": statistics.latency.playback_median_ms,
        "error_codes": error_codes or None,
        "had_errors": ConversationItem.YES if error_codes else None,
    }


def summary_attributes(summary: CallSummary) -> dict[str, Any]:
    """Return the attributes of `ConversationItem` that store what the customer wanted and got."""
    return {
        "result": summary.result.value,
        "wanted": [purpose.value for purpose in summary.wanted] or None,
        "result_code": summary.code,
    }


def _statistics_from_item(item: ConversationItem) -> ConversationStatistics:
    return ConversationStatistics(
        turns=int(item.turns),
        tool_calls=int(item.tool_calls),
        interruptions=int(item.interruptions),
        resumes=int(item.resumes),
        rotations=int(item.rotations),
        tokens=TokenUsage(
            speech_in=int(item.speech_tokens_in),
            text_in=int(item.text_tokens_in),
            speech_out=int(item.speech_tokens_out),
            text_out=int(item.text_tokens_out),
        ),
        latency=Latency(
            median_ms=item.latency_median_ms,
            max_ms=item.latency_max_ms,
            playback_median_ms=item.playback_median_ms,
        ),
        error_codes=tuple(str(code) for code in item.error_codes or ()),
    )


def conversation_to_item(conversation: Conversation) -> ConversationItem:
    """Return the item that stores a conversation."""
    return ConversationItem(
        *ConversationItem.key(conversation.id),
        id=conversation.id,
        kind=ConversationItem.KIND,
        live=None if conversation.is_ended else ConversationItem.YES,
        reason=conversation.reason,
        started_at=conversation.started_at,
        updated_at=conversation.updated_at,
        heartbeat_at=conversation.heartbeat_at,
        ended_at=conversation.ended_at,
        left_at=conversation.left_at,
        expires_at=conversation.expires_at,
        voice=conversation.voice,
        language=conversation.language,
        model_id=conversation.model_id,
        wire=conversation.wire,
        epoch=conversation.epoch,
        resume_hash=conversation.resume_hash,
        cost_usd=conversation.cost_usd,
        result=conversation.result,
        wanted=list(conversation.wanted) or None,
        result_code=conversation.result_code,
        **statistics_attributes(conversation.statistics),
    )


def conversation_from_item(item: ConversationItem) -> Conversation:
    """Return the conversation that an item stores."""
    return Conversation(
        id=item.id,
        is_ended=item.live is None,
        reason=item.reason,
        started_at=item.started_at,
        updated_at=item.updated_at,
        heartbeat_at=item.heartbeat_at,
        ended_at=item.ended_at,
        left_at=item.left_at,
        expires_at=item.expires_at,
        voice=item.voice,
        language=item.language,
        model_id=item.model_id,
        wire=item.wire,
        epoch=int(item.epoch),
        resume_hash=item.resume_hash,
        statistics=_statistics_from_item(item),
        cost_usd=item.cost_usd,
        result=item.result,
        wanted=tuple(str(purpose) for purpose in item.wanted or ()),
        result_code=item.result_code,
    )


def checkpoint_to_item(call_id: str, encrypted: str, expires_at: datetime) -> CheckpointItem:
    """Return the item that stores a call's encrypted checkpoint."""
    return CheckpointItem(*CheckpointItem.key(call_id), encrypted=encrypted, expires_at=expires_at)


def utterance_to_item(call_id: str, utterance: Utterance, expires_at: datetime) -> UtteranceItem:
    """Return the item that stores an utterance."""
    return UtteranceItem(
        *UtteranceItem.key_in(call_id, utterance.turn, utterance.segment),
        turn=utterance.turn,
        segment=utterance.segment,
        speaker=utterance.speaker.value,
        text=utterance.text,
        at=utterance.at,
        stage=utterance.stage.value if utterance.stage is Stage.DELIVERED else None,
        interrupted=utterance.interrupted,
        latency_ms=utterance.latency_ms,
        playback_latency_ms=utterance.playback_latency_ms,
        expires_at=expires_at,
    )


def utterance_from_item(item: UtteranceItem) -> Utterance:
    """Return the utterance that an item stores."""
    return Utterance(
        turn=int(item.turn),
        segment=int(item.segment),
        speaker=Speaker(item.speaker),
        text=item.text,
        at=item.at,
        stage=Stage(item.stage or Stage.SPOKEN),
        interrupted=item.interrupted,
        latency_ms=item.latency_ms,
        playback_latency_ms=item.playback_latency_ms,
    )


def tool_call_to_item(tool_call: ToolCall, expires_at: datetime) -> ToolCallItem:
    """Return the item that stores a tool call."""
    arguments = tool_call.arguments
    return ToolCallItem(
        *ToolCallItem.key_in(tool_call.call_id, tool_call.tool_use_id),
        tool_use_id=tool_call.tool_use_id,
        tool=tool_call.name,
        arguments=None if arguments is None else dict(arguments),
        arguments_hash=tool_call.arguments_hash,
        outcome=tool_call.outcome.value,
        error_code=tool_call.error_code,
        started_at=tool_call.started_at,
        duration_ms=tool_call.duration_ms,
        turn=tool_call.turn,
        record=tool_call.record,
        expires_at=expires_at,
    )


def tool_call_from_item(item: ToolCallItem) -> ToolCall:
    """Return the tool call that an item stores."""
    return ToolCall(
        call_id=call_id_of(item),
        tool_use_id=item.tool_use_id,
        name=item.tool,
        arguments=item.arguments,
        arguments_hash=item.arguments_hash,
        outcome=ToolOutcome(item.outcome),
        error_code=item.error_code,
        started_at=item.started_at,
        duration_ms=item.duration_ms,
        turn=int(item.turn),
        record=item.record,
    )


def call_id_of(item: UtteranceItem | ToolCallItem) -> str:
    """Return the id of the call that an item belongs to."""
    return str(item.pk).partition("#")[2]


def session_leases_to_item(region: str, leases: SessionLeases, now: datetime) -> SessionLeasesItem:
    """Return the item that stores the leases of sessions in a Region."""
    return SessionLeasesItem(
        *SessionLeasesItem.key(region),
        version=leases.version,
        leases={
            process_id: [lease.sessions, to_iso(lease.expires_at)]
            for process_id, lease in leases.by_process.items()
        },
        expires_at=now + 2 * LEASE_LIFETIME,
    )


def session_leases_from_item(item: SessionLeasesItem) -> SessionLeases:
    """Return the leases of sessions that an item stores."""
    return SessionLeases(
        int(item.version),
        {
            process_id: SessionLease(int(sessions), from_iso(expires_at))
            for process_id, (sessions, expires_at) in item.leases.items()
        },
    )
