"""Open, write, restore, find and delete stored conversations.

The call and the staff pages use these functions and nothing below them. All of them block on
DynamoDB: a call runs them in threads (`common.dynamodb.client.run_in_thread`), and one call's
writes one after another, because the newest write wins. Callers pass in times, ids and secrets.

Every function raises `UnavailableError` if DynamoDB does not answer, besides what its docstring
lists. Every function with an `epoch` raises `LeaseLostError` if another process has taken the lease
over or the conversation has ended.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.dynamodb.transactions import Write
from common.errors import BusyError
from common.identity.lockout import hash_address
from common.ids import is_id
from common.text import split_words
from common.timestamps import truncate_to_ms
from conversations import encryption, items, repository, retention
from conversations.domain import (
    CHECKPOINT_LIFETIME,
    MAX_TOOL_NAME_LENGTH,
    UNNAMED_TOOL,
    CallCheckpoint,
    Conversation,
    ConversationQuery,
    ConversationState,
    ConversationStatistics,
    Lease,
    StoredCall,
    TextSearchResult,
    ToolCall,
    ToolCallQuery,
    ToolOutcome,
    Transcript,
    Utterance,
)
from conversations.errors import (
    ConversationLiveError,
    ConversationNotFoundError,
    LeaseLostError,
)
from conversations.model_usage import ModelUsage, UsageSubjects
from conversations.results import summarize
from conversations.session_leases import SessionLeases
from conversations.webhook_events import ended_event
from webhooks.domain import EventType
from webhooks.services import has_receivers, writes_about

MAX_UTTERANCES_SEARCHED = 2_000
"""A text search looks through this many utterances, the latest first."""
MAX_CONVERSATIONS_FOUND = 300
"""A text search returns this many conversations, the latest first."""
MAX_USAGE_ADDRESSES = 50
MAX_ENDED_AT_ONCE = 500
USED_TICKET_MARGIN = timedelta(hours=1)
"""A used ticket is stored this long after it expires, because the servers' clocks differ."""


# --- Writing a call


def open_conversation(  # noqa: PLR0913 -- the parts of a call, by keyword
    *,
    call_id: str,
    resume_secret: str,
    voice: str,
    language: str,
    model_id: str,
    wire: str,
    state: Mapping[str, int] | None = None,
    now: datetime,
) -> Lease:
    """Store a new conversation and return its first lease.

    Repeating the call, as after a lost response, changes nothing and returns the same lease.

    Args:
        call_id: Id of the call.
        resume_secret: What `take_over_lease` demands; only its hash is stored.
        voice: Name of the assistant's voice.
        language: Language of the call.
        model_id: Id of the model.
        wire: Name of the protocol between client and server.
        state: First state of the call's checkpoint.
        now: Current time.

    Raises:
        LeaseLostError: there is another call with that id, or another process has the lease.

    """
    conversation = Conversation(
        id=call_id,
        started_at=truncate_to_ms(now),
        updated_at=truncate_to_ms(now),
        heartbeat_at=truncate_to_ms(now),
        expires_at=now + retention.statistics_lifetime(),
        voice=voice,
        language=language,
        model_id=model_id,
        wire=wire,
        resume_hash=encryption.secret_hash(resume_secret),
    )
    checkpoint = encryption.encrypt_checkpoint(CallCheckpoint(state=state or {}))
    try:
        retry_on_conflict(
            lambda: repository.add_conversation(
                conversation,
                encrypted_checkpoint=checkpoint,
                checkpoint_expires_at=now + CHECKPOINT_LIFETIME,
            )
        )
    except LeaseLostError:
        if not _has_first_lease(conversation):
            raise
    return Lease(epoch=conversation.epoch)


def _has_first_lease(conversation: Conversation) -> bool:
    """Whether it is stored with the same secret, has not ended, and was never taken over."""
    stored = repository.conversation_by_id(conversation.id)
    return (
        stored is not None
        and not stored.is_ended
        and (stored.resume_hash, stored.epoch) == (conversation.resume_hash, conversation.epoch)
    )


def record_progress(  # noqa: PLR0913 -- all that one record stores, by keyword
    *,
    call_id: str,
    epoch: int,
    utterances: Sequence[Utterance],
    statistics: ConversationStatistics,
    state: Mapping[str, int],
    left_at: datetime | None = None,
    checkpoint: CallCheckpoint | None = None,
    now: datetime,
) -> CallCheckpoint:
    """Store new and changed utterances, the current statistics and the checkpoint; return it.

    `left_at` is when the call's connection was lost; None if it has one. `checkpoint` is what this
    process has stored last under the same epoch; None to read what is stored.

    An utterance replaces the stored one with the same turn and segment; one with empty text deletes
    it. Utterances are stored masked; unmasked ones are only in the encrypted checkpoint, with
    `state`.

    A call must wait for one record before it makes the next, because each checkpoint continues the
    one before.
    """
    latest = list({each.key: each for each in utterances}.values())  # of two with one key, the last
    if checkpoint is None:
        stored = repository.encrypted_checkpoint_of_call(call_id, now)
        checkpoint = encryption.decrypt_checkpoint(stored) or CallCheckpoint()
    checkpoint = checkpoint.updated(latest, state)
    encrypted = encryption.encrypt_checkpoint(checkpoint)
    retry_on_conflict(
        lambda: repository.store_progress(
            call_id,
            epoch=epoch,
            utterances=retention.storable_utterances(latest, of_call=checkpoint.utterances),
            expires_at=now + retention.text_lifetime(),
            changes={**retention.progress_attributes(statistics, now), "left_at": left_at},
            encrypted_checkpoint=encrypted,
            checkpoint_expires_at=now + CHECKPOINT_LIFETIME,
        )
    )
    return checkpoint


def renew_lease(*, call_id: str, epoch: int, now: datetime) -> None:
    """Store a heartbeat of the call's server. Every other write of the call stores one, too."""
    retry_on_conflict(lambda: repository.store_heartbeat(call_id, epoch=epoch, now=now))


def start_tool_call(  # noqa: PLR0913 -- the parts of a tool call, by keyword
    *,
    call_id: str,
    epoch: int,
    tool_use_id: str,
    name: str,
    arguments: Mapping[str, Any],
    turn: int,
    now: datetime,
) -> None:
    """Store a tool call before the tool runs and can have an effect."""
    tool_call = ToolCall(
        call_id=call_id,
        tool_use_id=tool_use_id,
        name=name[:MAX_TOOL_NAME_LENGTH] or UNNAMED_TOOL,
        arguments=retention.storable_arguments(arguments),
        arguments_hash=encryption.arguments_hash(name=name, arguments=arguments),
        outcome=ToolOutcome.RUNNING,
        error_code=None,
        started_at=truncate_to_ms(now),
        duration_ms=None,
        turn=turn,
    )
    expires_at = now + retention.statistics_lifetime()
    retry_on_conflict(
        lambda: repository.add_tool_call(tool_call, epoch=epoch, expires_at=expires_at)
    )


def finish_tool_call(  # noqa: PLR0913 -- the parts of an outcome, by keyword
    *,
    call_id: str,
    epoch: int,
    tool_use_id: str,
    outcome: ToolOutcome,
    error_code: str | None,
    duration_ms: float,
    record: str | None = None,
    now: datetime,
) -> None:
    """Store the outcome of a tool call, and the record that it read or changed (see `ToolCall`).

    Raises:
        ToolCallNotFoundError: its start was never stored.

    """

    def attempt() -> None:
        tool_calls = [
            replace(each, outcome=outcome, error_code=error_code)
            if each.tool_use_id == tool_use_id
            else each
            for each in repository.tool_calls_of_call(call_id)
        ]
        repository.store_tool_outcome(
            call_id,
            tool_use_id,
            epoch=epoch,
            outcome=outcome,
            error_code=error_code,
            duration_ms=round(duration_ms, 1),
            record=record,
            summary=summarize(tool_calls),
            now=now,
        )

    retry_on_conflict(attempt)


def end_conversation(
    *, call_id: str, epoch: int, reason: str, statistics: ConversationStatistics, now: datetime
) -> None:
    """End a conversation and delete its checkpoint, so that it can't be restored."""
    tool_calls = repository.tool_calls_of_call(call_id)
    summary = summarize(tool_calls)
    changes = {
        **items.summary_attributes(summary),
        **retention.progress_attributes(statistics, now),
        "reason": reason,
        "ended_at": now,
        "expires_at": now + retention.statistics_lifetime(),
    }
    writes: list[Write] = []
    if has_receivers(EventType.CALL_ENDED):
        conversation = repository.conversation_by_id(call_id)
        if conversation is None:
            raise LeaseLostError
        event = ended_event(
            conversation,
            reason=reason,
            ended_at=now,
            statistics=statistics,
            summary=summary,
            tool_calls=tool_calls,
        )
        writes = writes_about([event], now=now)
    retry_on_conflict(
        lambda: repository.end_conversation(call_id, epoch=epoch, changes=changes, writes=writes)
    )


def end_abandoned_conversations(now: datetime) -> int:
    """End the calls that nobody can resume any more; return how many.

    The customer closed the tab, or the server died, more than `CHECKPOINT_LIFETIME` ago. Such a call ended
    when its connection, or its server's heartbeat, was lost. Its reason is the state that it had.
    """
    stored_since = now - retention.statistics_lifetime()
    found = repository.list_not_ended(started_since=stored_since, limit=MAX_ENDED_AT_ONCE)
    return sum(_end_abandoned(each, now) for each in found if each.is_abandoned_at(now))


def _end_abandoned(conversation: Conversation, now: datetime) -> bool:
    """End a call that nobody can resume; return False if somebody else has ended or resumed it."""
    tool_calls = repository.tool_calls_of_call(conversation.id)
    summary = summarize(tool_calls)
    last_at = conversation.left_at or conversation.heartbeat_at
    reason = conversation.state_at(now).value
    changes = {
        **items.summary_attributes(summary),
        "reason": reason,
        "ended_at": last_at,
        "updated_at": now,
    }
    event = ended_event(
        conversation,
        reason=reason,
        ended_at=last_at,
        statistics=conversation.statistics,
        summary=summary,
        tool_calls=tool_calls,
    )
    writes = writes_about([event], now=now)
    try:
        repository.end_conversation(
            conversation.id, epoch=conversation.epoch, changes=changes, writes=writes
        )
    except (LeaseLostError, BusyError):
        return False
    return True


def take_over_lease(*, call_id: str, resume_secret: str, now: datetime) -> StoredCall:
    """Take the lease of a live call over from its process, and return what restores the call.

    Raises:
        ConversationNotFoundError: the call is unknown or ended, its checkpoint has expired, or
            the secret is wrong.

    """

    def attempt() -> StoredCall:
        before = repository.conversation_by_id(call_id)
        if before is None or _readable_checkpoint(before, resume_secret, now) is None:
            raise ConversationNotFoundError
        epoch = before.epoch + 1
        repository.raise_epoch(before, epoch=epoch, now=now)
        # Read again: until the new epoch was stored, the previous process may have written.
        conversation = repository.conversation_by_id(call_id)
        checkpoint = (
            _readable_checkpoint(conversation, resume_secret, now) if conversation else None
        )
        if conversation is None or checkpoint is None:
            raise ConversationNotFoundError
        return StoredCall(
            epoch=epoch,
            utterances=checkpoint.utterances,
            state=checkpoint.state,
            statistics=conversation.statistics,
            voice=conversation.voice,
            language=conversation.language,
            wire=conversation.wire,
            tool_calls=repository.tool_calls_of_call(call_id),
        )

    return retry_on_conflict(attempt)


def _readable_checkpoint(
    conversation: Conversation, resume_secret: str, now: datetime
) -> CallCheckpoint | None:
    """Return the checkpoint of a conversation that has not ended, if the secret is right."""
    is_valid = encryption.is_secret_valid(resume_secret, conversation.resume_hash)
    if conversation.is_ended or not is_valid:
        return None
    encrypted = repository.encrypted_checkpoint_of_call(conversation.id, now)
    return encryption.decrypt_checkpoint(encrypted)


def claim_ticket(*, nonce: str, expires_at: datetime, now: datetime) -> bool:
    """Mark a ticket as used; return False if it was used before or has expired."""
    if expires_at <= now or not is_id(nonce):
        return False
    delete_at = expires_at + USED_TICKET_MARGIN
    return retry_on_conflict(lambda: repository.claim_ticket(nonce, expires_at=delete_at))


def lease_sessions(
    *, region: str, process_id: str, opened: int, requested: int, limit: int, now: datetime
) -> SessionLeases:
    """Renew a process's lease of Nova Sonic sessions, with more if they fit, and return all leases.

    See `SessionLeases.renewed` for the arguments.

    Raises:
        BusyError: too many processes lease at this moment; nothing has changed.

    """

    def attempt() -> SessionLeases:
        before = repository.session_leases(region)
        after = before.renewed(process_id, opened=opened, requested=requested, limit=limit, now=now)
        repository.replace_session_leases(region, before, after, now=now)
        return after

    return retry_on_conflict(attempt)


def get_model_usage(*, address: str, now: datetime) -> ModelUsage:
    """Return how long calls from an address, and all calls, have used the model."""
    return repository.model_usage(_usage_subjects([address], now))


def add_model_usage(*, seconds_by_address: Mapping[str, int], now: datetime) -> ModelUsage:
    """Count how long calls have used the model since the last time, and return the sums.

    Args:
        seconds_by_address: For at most `MAX_USAGE_ADDRESSES` addresses.
        now: The current time.

    Raises:
        BusyError: too many processes count at this moment; nothing has changed.

    """
    subjects = _usage_subjects(seconds_by_address, now)
    return retry_on_conflict(
        lambda: repository.add_model_usage(subjects, seconds_by_address, now=now)
    )


def _usage_subjects(addresses: Iterable[str], now: datetime) -> UsageSubjects:
    return UsageSubjects.at(now, {each: hash_address(each) for each in addresses})


# --- Staff


def find_conversations(
    *, query: ConversationQuery, now: datetime, cursor: str | None = None, limit: int = 25
) -> Page[Conversation]:
    """Return up to `limit` matching conversations by start time.

    Expired ones are left out. With `query.state`, a page may be short without being the last.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    stored_since = now - retention.statistics_lifetime()
    return repository.find_conversations(
        query, now=now, stored_since=stored_since, limit=limit, cursor=cursor
    )


def get_transcript(*, call_id: str, now: datetime) -> Transcript:
    """Return a conversation with its utterances and tool calls.

    Raises:
        ConversationNotFoundError: there is none, or it has expired.

    """
    conversation = get_conversation(call_id=call_id, now=now)
    utterances = repository.utterances_of_call(call_id)
    return Transcript(
        conversation=conversation,
        utterances=sorted(utterances, key=lambda each: each.at),
        tool_calls=repository.tool_calls_of_call(call_id),
    )


def get_conversation(*, call_id: str, now: datetime) -> Conversation:
    """Return a conversation without its utterances and tool calls.

    Raises:
        ConversationNotFoundError: there is none, or it has expired.

    """
    conversation = repository.conversation_by_id(call_id)
    if conversation is None or conversation.expires_at <= now:
        raise ConversationNotFoundError
    return conversation


def list_conversations(*, call_ids: Collection[str], now: datetime) -> list[Conversation]:
    """Return those of the conversations that are still stored, the latest first, in one request for 100."""
    found = repository.conversations_by_id([*call_ids]) if call_ids else []
    stored = [each for each in found if each.expires_at > now]
    return sorted(stored, key=lambda each: each.started_at, reverse=True)


def search_text(*, text: str, query: ConversationQuery, now: datetime) -> TextSearchResult:
    """Return the matching conversations in which all words of `text` were said, the latest first.

    Case, accents and punctuation are ignored, and the beginning of a word is enough. Only the
    latest `MAX_UTTERANCES_SEARCHED` utterances are searched, and at most `MAX_CONVERSATIONS_FOUND`
    conversations are returned.
    """
    wanted = split_words(text)
    stored_since = now - retention.text_lifetime()
    utterances, is_cut = repository.latest_utterances(
        since=max(query.started_from or stored_since, stored_since), limit=MAX_UTTERANCES_SEARCHED
    )
    words_by_call: dict[str, set[str]] = {}
    for call_id, utterance in utterances:
        words_by_call.setdefault(call_id, set()).update(split_words(utterance.text))
    call_ids = [call_id for call_id, said in words_by_call.items() if _has_all(said, wanted)]
    conversations = repository.conversations_by_id(call_ids[:MAX_CONVERSATIONS_FOUND])
    return TextSearchResult(
        conversations=[each for each in conversations if query.matches(each, now)],
        stopped_after=(
            len(utterances) if is_cut or len(call_ids) > MAX_CONVERSATIONS_FOUND else None
        ),
    )


def _has_all(words: set[str], prefixes: Sequence[str]) -> bool:
    return all(any(word.startswith(prefix) for word in words) for prefix in prefixes)


def find_tool_calls(
    *, query: ToolCallQuery, now: datetime, cursor: str | None = None, limit: int = 25
) -> Page[ToolCall]:
    """Return up to `limit` matching tool calls of all calls by start time.

    With both a tool and an outcome, a page may be short without being the last.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    stored_since = now - retention.statistics_lifetime()
    return repository.find_tool_calls(query, stored_since=stored_since, limit=limit, cursor=cursor)


def get_tool_call(*, call_id: str, tool_use_id: str) -> ToolCall:
    """Return one tool call.

    Raises:
        ConversationNotFoundError: there is none.

    """
    tool_call = repository.tool_call_by_id(call_id, tool_use_id) if is_id(call_id) else None
    if tool_call is None:
        raise ConversationNotFoundError
    return tool_call


def delete_conversation(
    *, call_id: str, unchanged_since: datetime | None = None, now: datetime
) -> None:
    """Delete everything that is stored of a conversation.

    Raises:
        ConversationNotFoundError: there is none.
        ConversationLiveError: it is live.
        StaleVersionError: it was changed after `unchanged_since`; its data has the current version.

    """

    def attempt() -> None:
        conversation = get_conversation(call_id=call_id, now=now)
        if conversation.state_at(now) is ConversationState.LIVE:
            raise ConversationLiveError
        refuse_if_stale(conversation.updated_at, unchanged_since)
        repository.delete_conversation(conversation)

    retry_on_conflict(attempt)
