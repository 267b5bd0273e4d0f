"""Read and write conversations in DynamoDB. Domain values go in and come out.

Every write of a call depends on the writer's lease: see `_leased_transaction`. The same update
stores the heartbeat, so the lease needs no separate check.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from pynamodb.expressions.condition import Condition

from common.dynamodb import counts
from common.dynamodb.index_queries import LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.tables import Table
from common.dynamodb.transactions import MAX_WRITES, Transaction, Write
from common.errors import BusyError, StaleVersionError, UnavailableError
from common.ids import is_id
from common.timestamps import to_iso
from conversations import items
from conversations.domain import (
    Conversation,
    ConversationQuery,
    ConversationState,
    Speaker,
    ToolCall,
    ToolCallQuery,
    ToolOutcome,
    Utterance,
    heartbeat_deadline,
    left_deadline,
)
from conversations.errors import LeaseLostError, ToolCallNotFoundError
from conversations.model_usage import ModelUsage, UsageSubjects
from conversations.models import (
    CheckpointItem,
    ConversationItem,
    ModelUsageItem,
    SessionLeasesItem,
    ToolCallItem,
    UsedTicketItem,
    UtteranceItem,
)
from conversations.results import CallSummary
from conversations.session_leases import SessionLeases

# Names of the conditions of a transaction
HAS_LEASE = "the writer has the lease"
IS_NEW = "the item is new"
WAS_STARTED = "the tool call was started"
IS_UNCHANGED = "the conversation is unchanged"
ARE_UNCHANGED = "the leases are unchanged"

NOT_ENDED = frozenset(ConversationState) - {ConversationState.ENDED}

UTTERANCES_PER_WRITE = MAX_WRITES - 2
"""A transaction also writes the conversation and its checkpoint."""


# --- One conversation


def conversation_by_id(call_id: str) -> Conversation | None:
    """Return the conversation by a consistent read, or None."""
    item = ConversationItem.find(call_id) if is_id(call_id) else None
    return None if item is None else items.conversation_from_item(item)


def utterances_of_call(call_id: str) -> list[Utterance]:
    """Return the utterances of a call by turn and segment."""
    partition, _sort_key = UtteranceItem.key_in(call_id, 0, 0)
    is_utterance = UtteranceItem.sk.startswith(UtteranceItem.SK_PREFIX)
    found = UtteranceItem.query(partition, is_utterance, consistent_read=True)
    return [items.utterance_from_item(item) for item in found]


def tool_calls_of_call(call_id: str) -> list[ToolCall]:
    """Return the tool calls of a call by start time."""
    partition, _sort_key = ToolCallItem.key_in(call_id, "")
    is_tool_call = ToolCallItem.sk.startswith(ToolCallItem.SK_PREFIX)
    found = ToolCallItem.query(partition, is_tool_call, consistent_read=True)
    return sorted(map(items.tool_call_from_item, found), key=lambda each: each.started_at)


def tool_call_by_id(call_id: str, tool_use_id: str) -> ToolCall | None:
    """Return the tool call by a consistent read, or None."""
    try:
        item = ToolCallItem.get(*ToolCallItem.key_in(call_id, tool_use_id), consistent_read=True)
    except ToolCallItem.DoesNotExist:
        return None
    return items.tool_call_from_item(item)


def encrypted_checkpoint_of_call(call_id: str, now: datetime) -> str | None:
    """Return the encrypted checkpoint, or None if there is none or it has expired.

    DynamoDB deletes an expired item hours later, so its time is compared here.
    """
    item = CheckpointItem.find(call_id)
    return None if item is None or item.expires_at <= now else item.encrypted


# --- Lists


def find_conversations(
    query: ConversationQuery,
    *,
    now: datetime,
    stored_since: datetime,
    limit: int,
    cursor: str | None = None,
) -> Page[Conversation]:
    """Return up to `limit` matching conversations by start time, and the cursor of the next page.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    index_query = _conversation_index_query(query, now, stored_since)
    page = read_page(index_query, ConversationItem, limit=limit, cursor=cursor)
    return page.map(items.conversation_from_item)


def find_tool_calls(
    query: ToolCallQuery, *, stored_since: datetime, limit: int, cursor: str | None = None
) -> Page[ToolCall]:
    """Return up to `limit` matching tool calls by start time, and the cursor of the next page.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    index_query = _tool_call_index_query(query, stored_since)
    page = read_page(index_query, ToolCallItem, limit=limit, cursor=cursor)
    return page.map(items.tool_call_from_item)


def list_not_ended(*, started_since: datetime, limit: int) -> list[Conversation]:
    """Return up to `limit` conversations that have not ended, the oldest first."""
    query = IndexQuery(
        table=ConversationItem,
        index="LiveIndex",
        partitions=[ConversationItem.YES],
        first=to_iso(started_since),
        ascending=True,
    )
    page = read_page(query, ConversationItem, limit=limit)
    return [items.conversation_from_item(item) for item in page.items]


def latest_utterances(*, since: datetime, limit: int) -> tuple[list[tuple[str, Utterance]], bool]:
    """Return the latest utterances, each with its call's id, and whether there are more."""
    index_query = IndexQuery(
        table=ConversationItem,
        index="SpeakerIndex",
        partitions=[speaker.value for speaker in Speaker],
        first=to_iso(since),
    )
    page = read_page(index_query, UtteranceItem, limit=limit)
    utterances = [(items.call_id_of(item), items.utterance_from_item(item)) for item in page.items]
    return utterances, page.cursor is not None


def conversations_by_id(call_ids: Sequence[str]) -> list[Conversation]:
    """Return the conversations that exist, in the order of `call_ids`."""
    found = ConversationItem.batch_get([ConversationItem.key(call_id) for call_id in call_ids])
    by_id = {item.id: items.conversation_from_item(item) for item in found}
    return [by_id[call_id] for call_id in call_ids if call_id in by_id]


def _conversation_index_query(
    query: ConversationQuery, now: datetime, stored_since: datetime
) -> IndexQuery:
    """Return the smallest index that has all matches: those with errors, the live ones, or all."""
    if query.with_errors:
        index, partition = "HadErrorsIndex", ConversationItem.YES
    elif query.state in NOT_ENDED:
        index, partition = "LiveIndex", ConversationItem.YES
    else:
        index, partition = "CallIndex", ConversationItem.KIND
    return IndexQuery(
        table=ConversationItem,
        index=index,
        partitions=[partition],
        first=to_iso(max(query.started_from or stored_since, stored_since)),
        last=_last_before(query.started_to),
        ascending=query.oldest_first,
        filter_condition=_filter_condition(query, now),
    )


def _filter_condition(query: ConversationQuery, now: datetime) -> Condition | None:
    state = _state_condition(query.state, now)
    if query.result is None:
        return state
    has_result: Condition = ConversationItem.result == query.result
    return has_result if state is None else state & has_result


def _state_condition(state: ConversationState | None, now: datetime) -> Condition | None:
    is_live: Condition = ConversationItem.live.exists()
    has_heartbeat: Condition = ConversationItem.heartbeat_at >= heartbeat_deadline(now)
    # False where the attribute is absent
    is_left: Condition = ConversationItem.left_at <= left_deadline(now)
    conditions: dict[ConversationState | None, Condition] = {
        ConversationState.LIVE: is_live & has_heartbeat & ~is_left,
        ConversationState.LEFT: is_live & is_left,
        ConversationState.LOST: is_live & ~has_heartbeat & ~is_left,
        ConversationState.ENDED: ~is_live,
    }
    return conditions.get(state)


def _tool_call_index_query(query: ToolCallQuery, stored_since: datetime) -> IndexQuery:
    """Return the index of the tool, or of the outcome; for neither, all outcomes merged."""
    outcomes = list(ToolOutcome) if query.outcome is None else [query.outcome]
    filter_condition = None
    index, partitions = "OutcomeIndex", [outcome.value for outcome in outcomes]
    if query.name is not None:
        index, partitions = "ToolIndex", [query.name]
        if query.outcome is not None:
            filter_condition = ToolCallItem.outcome == query.outcome.value
    return IndexQuery(
        table=ConversationItem,
        index=index,
        partitions=partitions,
        first=to_iso(max(query.started_from or stored_since, stored_since)),
        last=_last_before(query.started_to),
        ascending=query.oldest_first,
        filter_condition=filter_condition,
    )


def _last_before(instant: datetime | None) -> str:
    return to_iso(instant - timedelta.resolution) if instant else LATEST


# --- Writing


def add_conversation(
    conversation: Conversation, *, encrypted_checkpoint: str, checkpoint_expires_at: datetime
) -> None:
    """Store a new conversation with its checkpoint.

    Raises:
        LeaseLostError: there is already a conversation with this id.

    """
    transaction = Transaction()
    transaction.put_item(
        items.conversation_to_item(conversation),
        condition=ConversationItem.pk.does_not_exist(),
        name=IS_NEW,
    )
    transaction.put_item(
        items.checkpoint_to_item(conversation.id, encrypted_checkpoint, checkpoint_expires_at)
    )
    _commit(transaction)


def store_progress(  # noqa: PLR0913 -- all that one progress record writes, by keyword
    call_id: str,
    *,
    epoch: int,
    utterances: Sequence[Utterance],
    expires_at: datetime,
    changes: Mapping[str, Any],
    encrypted_checkpoint: str,
    checkpoint_expires_at: datetime,
) -> None:
    """Store utterances, statistics and checkpoint, in several transactions if one is too small.

    An utterance with empty text deletes the stored one.

    Raises:
        LeaseLostError: another process has the lease, or the conversation has ended.

    """
    for batch in list(batched(utterances, UTTERANCES_PER_WRITE)) or [()]:
        transaction = _leased_transaction(call_id, epoch, changes)
        transaction.put_item(
            items.checkpoint_to_item(call_id, encrypted_checkpoint, checkpoint_expires_at)
        )
        for utterance in batch:
            item = items.utterance_to_item(call_id, utterance, expires_at)
            if utterance.text:
                transaction.put_item(item)
            else:
                transaction.delete_item(item)
        _commit(transaction)


def store_heartbeat(call_id: str, *, epoch: int, now: datetime) -> None:
    """Store a heartbeat.

    Raises:
        LeaseLostError: another process has the lease, or the conversation has ended.

    """
    _commit(_leased_transaction(call_id, epoch, {"heartbeat_at": now}))


def add_tool_call(tool_call: ToolCall, *, epoch: int, expires_at: datetime) -> None:
    """Store a tool call that is about to run.

    Raises:
        LeaseLostError: another process has the lease, or the conversation has ended.

    """
    changes = {"heartbeat_at": tool_call.started_at}
    transaction = _leased_transaction(tool_call.call_id, epoch, changes)
    transaction.put_item(items.tool_call_to_item(tool_call, expires_at))
    _commit(transaction)


def store_tool_outcome(  # noqa: PLR0913 -- the parts of an outcome, by keyword
    call_id: str,
    tool_use_id: str,
    *,
    epoch: int,
    outcome: ToolOutcome,
    error_code: str | None,
    duration_ms: float,
    record: str | None,
    summary: CallSummary,
    now: datetime,
) -> None:
    """Store the outcome of a tool call, and the summary of its call with it.

    Raises:
        LeaseLostError: another process has the lease, or the conversation has ended.
        ToolCallNotFoundError: its start was never stored.

    """
    item = ToolCallItem(
        *ToolCallItem.key_in(call_id, tool_use_id),
        outcome=outcome.value,
        error_code=error_code,
        duration_ms=duration_ms,
        record=record,
    )
    changes = {"heartbeat_at": now, **items.summary_attributes(summary)}
    transaction = _leased_transaction(call_id, epoch, changes)
    transaction.update_item(
        item,
        attributes={"outcome", "error_code", "duration_ms", "record"},
        condition=ToolCallItem.pk.exists(),
        name=WAS_STARTED,
    )
    _commit(transaction)


def raise_epoch(conversation: Conversation, *, epoch: int, now: datetime) -> None:
    """End the current lease of a live conversation by storing a new epoch: its customer is back.

    Raises:
        BusyError: another process was faster, or the conversation has ended: read it again.

    """
    changes = {"epoch": epoch, "heartbeat_at": now, "updated_at": now, "left_at": None}
    transaction = _leased_transaction(conversation.id, conversation.epoch, changes)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def end_conversation(
    call_id: str, *, epoch: int, changes: Mapping[str, Any], writes: Iterable[Write] = ()
) -> None:
    """Store that a conversation has ended, and delete its checkpoint; `writes` are made with it.

    Raises:
        LeaseLostError: another process has the lease, or the conversation has already ended.

    """
    transaction = _leased_transaction(call_id, epoch, {**changes, "live": None})
    transaction.delete_item(CheckpointItem(*CheckpointItem.key(call_id)))
    for add_to in writes:
        add_to(transaction)
    _commit(transaction)


def claim_ticket(nonce: str, *, expires_at: datetime) -> bool:
    """Store that a ticket is used; return False if it was used before."""
    transaction = Transaction()
    transaction.put_item(
        UsedTicketItem(*UsedTicketItem.key(nonce), expires_at=expires_at),
        condition=UsedTicketItem.pk.does_not_exist(),
        name=IS_NEW,
    )
    return transaction.try_commit()


def session_leases(region: str) -> SessionLeases:
    """Return the leases of sessions in a Region by a consistent read; none if nothing is stored.

    Raises:
        UnavailableError: the item cannot be read; calls and the renewal continue as without a store.

    """
    item = SessionLeasesItem.find(region)
    try:
        return SessionLeases() if item is None else items.session_leases_from_item(item)
    except (TypeError, ValueError, AttributeError) as error:
        raise UnavailableError(reason="unreadable") from error


def model_usage(subjects: UsageSubjects) -> ModelUsage:
    """Return the usage so far by consistent reads."""
    return _to_usage(subjects, counts.read_counts(ModelUsageItem, subjects.keys))


def add_model_usage(
    subjects: UsageSubjects, seconds_by_address: Mapping[str, int], *, now: datetime
) -> ModelUsage:
    """Add seconds to the counts, and return the sums.

    Raises:
        BusyError: another process has added at the same time: try again.

    """
    before = counts.read_counts(ModelUsageItem, subjects.keys)
    amounts = subjects.amounts(seconds_by_address)
    after = counts.add_to_counts(ModelUsageItem, before, amounts, expires_at=subjects.expiry(now))
    return _to_usage(subjects, after)


def _to_usage(subjects: UsageSubjects, seconds: Mapping[str, int]) -> ModelUsage:
    return ModelUsage(
        by_address={address: seconds[key] for address, key in subjects.by_address.items()},
        day=seconds[subjects.day],
        month=seconds[subjects.month],
    )


def replace_session_leases(
    region: str, before: SessionLeases, after: SessionLeases, *, now: datetime
) -> None:
    """Store the leases that replace the ones read before.

    Raises:
        BusyError: another process has changed them since the read: read again.

    """
    is_unchanged = SessionLeasesItem.version == before.version
    transaction = Transaction()
    transaction.put_item(
        items.session_leases_to_item(region, after, now),
        condition=is_unchanged if before.version else SessionLeasesItem.pk.does_not_exist(),
        name=ARE_UNCHANGED,
    )
    transaction.commit(on_conflict=BusyError(reason="contention"))


def delete_conversation(conversation: Conversation) -> None:
    """Delete all items of a call, the conversation last, so that a failed deletion can be repeated.

    The conversation is ended with a new epoch first: a server that is only thought dead then adds
    nothing.

    Raises:
        StaleVersionError: the conversation was changed meanwhile.

    """
    key = ConversationItem.key(conversation.id)
    transaction = Transaction()
    transaction.update_item(
        ConversationItem(*key, live=None, epoch=conversation.epoch + 1),
        attributes={"live", "epoch"},
        condition=(ConversationItem.updated_at == conversation.updated_at)
        & (ConversationItem.epoch == conversation.epoch),
        name=IS_UNCHANGED,
    )
    transaction.commit(on_conflict=StaleVersionError())
    for batch in batched(_other_items_of_call(conversation.id), MAX_WRITES):
        _delete(batch)
    _delete([ConversationItem(*key)])


def _other_items_of_call(call_id: str) -> Iterator[CheckpointItem]:
    """Yield the keys of all items of a call except the conversation.

    They are returned as `CheckpointItem`s whatever their kind, because only the keys are read.
    """
    partition, conversation_sort_key = ConversationItem.key(call_id)
    found = CheckpointItem.query(partition, attributes_to_get=["PK", "SK"], consistent_read=True)
    return (item for item in found if item.sk != conversation_sort_key)


def _delete(keys: Iterable[Table]) -> None:
    transaction = Transaction()
    for key in keys:
        transaction.delete_item(key)
    transaction.commit()


def _leased_transaction(call_id: str, epoch: int, changes: Mapping[str, Any]) -> Transaction:
    """Return a transaction that changes the conversation, if it is live and has this epoch."""
    transaction = Transaction()
    transaction.update_item(
        ConversationItem(*ConversationItem.key(call_id), **changes),
        attributes=changes.keys(),
        condition=(ConversationItem.epoch == epoch) & ConversationItem.live.exists(),
        name=HAS_LEASE,
    )
    return transaction


def _commit(transaction: Transaction) -> None:
    lease_lost = LeaseLostError()
    not_found = ToolCallNotFoundError()
    transaction.commit(
        on_conflict={HAS_LEASE: lease_lost, IS_NEW: lease_lost, WAS_STARTED: not_found}
    )
