"""Conversations as rows of the table, and rows as values."""

from datetime import datetime
from typing import Any

from conversations import models
from conversations.domain import (
    Conversation,
    Latency,
    Progress,
    Speaker,
    Stage,
    Status,
    Tokens,
    ToolCall,
    ToolOutcome,
    Utterance,
)


def figures(progress: Progress) -> dict[str, Any]:
    """Return a call's figures as the conversation's row has them."""
    errors = list(progress.errors)
    return {
        "turns": progress.turns,
        "tool_runs": progress.tool_runs,
        "interruptions": progress.interruptions,
        "resumes": progress.resumes,
        "renewals": progress.renewals,
        "speech_tokens_in": progress.tokens.speech_in,
        "text_tokens_in": progress.tokens.text_in,
        "speech_tokens_out": progress.tokens.speech_out,
        "text_tokens_out": progress.tokens.text_out,
        "latency_median_ms": progress.latency.median_ms,
        "latency_max_ms": progress.latency.max_ms,
        "heard_median_ms": progress.latency.heard_median_ms,
        "errors": errors or None,
        "had_errors": models.Conversation.YES if errors else None,
    }


def _progress(row: models.Conversation) -> Progress:
    return Progress(
        turns=int(row.turns),
        tool_runs=int(row.tool_runs),
        interruptions=int(row.interruptions),
        resumes=int(row.resumes),
        renewals=int(row.renewals),
        tokens=Tokens(
            speech_in=int(row.speech_tokens_in),
            text_in=int(row.text_tokens_in),
            speech_out=int(row.speech_tokens_out),
            text_out=int(row.text_tokens_out),
        ),
        latency=Latency(
            median_ms=row.latency_median_ms,
            max_ms=row.latency_max_ms,
            heard_median_ms=row.heard_median_ms,
        ),
        errors=tuple(str(code) for code in row.errors or ()),
    )


def conversation_row(conversation: Conversation) -> models.Conversation:
    """Return the row of a conversation."""
    return models.Conversation(
        *models.Conversation.key(conversation.id),
        id=conversation.id,
        kind=models.Conversation.KIND,
        live=models.Conversation.YES if conversation.status is Status.LIVE else None,
        reason=conversation.reason,
        started_at=conversation.started_at,
        updated_at=conversation.updated_at,
        alive_at=conversation.alive_at,
        ended_at=conversation.ended_at,
        expires_at=conversation.expires_at,
        voice=conversation.voice,
        language=conversation.language,
        model_id=conversation.model_id,
        wire=conversation.wire,
        epoch=conversation.epoch,
        resume_hash=conversation.resume_hash,
        cost_usd=conversation.cost_usd,
        **figures(conversation.progress),
    )


def conversation_of(row: models.Conversation) -> Conversation:
    """Return the conversation of a row."""
    return Conversation(
        id=row.id,
        status=Status.LIVE if row.live else Status.ENDED,
        reason=row.reason,
        started_at=row.started_at,
        updated_at=row.updated_at,
        alive_at=row.alive_at,
        ended_at=row.ended_at,
        expires_at=row.expires_at,
        voice=row.voice,
        language=row.language,
        model_id=row.model_id,
        wire=row.wire,
        epoch=int(row.epoch),
        resume_hash=row.resume_hash,
        progress=_progress(row),
        cost_usd=row.cost_usd,
    )


def memory_row(call_id: str, sealed: str, until: datetime) -> models.RestoreData:
    """Return the row of a call's memory."""
    return models.RestoreData(*models.RestoreData.key(call_id), sealed=sealed, expires_at=until)


def words_row(call_id: str, words: Utterance, expires_at: datetime) -> models.Utterance:
    """Return the row of something said."""
    return models.Utterance(
        *models.Utterance.key_in(call_id, words.turn, words.segment),
        turn=words.turn,
        segment=words.segment,
        speaker=words.speaker.value,
        text=words.text,
        at=words.at,
        stage=words.stage.value if words.stage is Stage.DELIVERED else None,
        interrupted=words.interrupted,
        latency_ms=words.latency_ms,
        heard_ms=words.heard_ms,
        expires_at=expires_at,
    )


def words_of(row: models.Utterance) -> Utterance:
    """Return what was said, of a row."""
    return Utterance(
        turn=int(row.turn),
        segment=int(row.segment),
        speaker=Speaker(row.speaker),
        text=row.text,
        at=row.at,
        stage=Stage(row.stage or Stage.SPOKEN),
        interrupted=row.interrupted,
        latency_ms=row.latency_ms,
        heard_ms=row.heard_ms,
    )


def tool_run_row(run: ToolCall, expires_at: datetime) -> models.ToolCall:
    """Return the row of a tool run."""
    return models.ToolCall(
        *models.ToolCall.key_in(run.call_id, run.tool_use_id),
        tool_use_id=run.tool_use_id,
        tool=run.name,
        arguments=None if run.arguments is None else dict(run.arguments),
        arguments_hash=run.arguments_hash,
        outcome=run.outcome.value,
        code=run.code,
        started_at=run.started_at,
        duration_ms=run.duration_ms,
        turn=run.turn,
        expires_at=expires_at,
    )


def tool_run_of(row: models.ToolCall) -> ToolCall:
    """Return the tool run of a row."""
    return ToolCall(
        call_id=call_id_of(row),
        tool_use_id=row.tool_use_id,
        name=row.tool,
        arguments=row.arguments,
        arguments_hash=row.arguments_hash,
        outcome=ToolOutcome(row.outcome),
        code=row.code,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        turn=int(row.turn),
    )


def call_id_of(row: models.Utterance | models.ToolCall) -> str:
    """Return the id of a row's call."""
    return str(row.pk).partition("#")[2]
