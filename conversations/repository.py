"""Every read and write of conversations, one function for each way in. Rows go in and out as values.

All writes of a call happen on the condition that the writer still has it: see `_only_ours`. They set
the sign of life, too, so that it is one item's condition and change, and no separate check.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from pynamodb.expressions.condition import Condition

from common.dynamodb.index_queries import LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import MAX_WRITES, Transaction
from common.errors import BusyError, StaleVersionError
from common.ids import is_id
from common.timestamps import to_iso
from conversations import models, rows
from conversations.domain import (
    Conversation,
    ConversationQuery,
    Speaker,
    State,
    ToolCall,
    ToolCallQuery,
    ToolOutcome,
    Utterance,
    alive_since,
)
from conversations.errors import ConversationMovedError, ToolCallGoneError

OURS = "this process has the call"
IS_NEW = "is new"
WAS_BEGUN = "was begun"
UNCHANGED = "unchanged"
WORDS_A_WRITE = MAX_WRITES - 2
"""Beside them stand the conversation and its memory."""


# --- One conversation


def conversation_by_id(call_id: str) -> Conversation | None:
    """Return the conversation as it is now, or None."""
    row = models.Conversation.find(call_id) if is_id(call_id) else None
    return None if row is None else rows.conversation_of(row)


def words_of(call_id: str) -> list[Utterance]:
    """Return what was said, by turn and segment."""
    key = models.Utterance.key_in(call_id, 0, 0)[0]
    begins = models.Utterance.sk.startswith(models.Utterance.SK_PREFIX)
    return [rows.words_of(row) for row in models.Utterance.query(key, begins, consistent_read=True)]


def tool_runs_of(call_id: str) -> list[ToolCall]:
    """Return the tool runs, in the order of time."""
    key = models.ToolCall.key_in(call_id, "")[0]
    begins = models.ToolCall.sk.startswith(models.ToolCall.SK_PREFIX)
    found = models.ToolCall.query(key, begins, consistent_read=True)
    return sorted(map(rows.tool_run_of, found), key=lambda run: run.started_at)


def tool_run_by_id(call_id: str, tool_use_id: str) -> ToolCall | None:
    """Return one tool run as it is now, or None."""
    try:
        row = models.ToolCall.get(
            *models.ToolCall.key_in(call_id, tool_use_id), consistent_read=True
        )
    except models.ToolCall.DoesNotExist:
        return None
    return rows.tool_run_of(row)


def memory_of(call_id: str, now: datetime) -> str | None:
    """Return the sealed memory, or None. DynamoDB deletes what has expired hours late."""
    row = models.RestoreData.find(call_id)
    return None if row is None or row.expires_at <= now else row.sealed


# --- Lists


def conversations_matching(
    query: ConversationQuery,
    *,
    now: datetime,
    kept_since: datetime,
    limit: int,
    cursor: str | None = None,
) -> Page[Conversation]:
    """Return up to `limit` conversations by the time they began, and the cursor of what follows.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    index_query = _index_query(query, now, kept_since)
    page = read_page(index_query, models.Conversation, limit=limit, cursor=cursor)
    return page.map(rows.conversation_of)


def tool_runs_matching(
    query: ToolCallQuery, *, kept_since: datetime, limit: int, cursor: str | None = None
) -> Page[ToolCall]:
    """Return up to `limit` tool runs of all calls by the time they began, and the cursor of what follows.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    index_query = _tool_call_index_query(query, kept_since)
    page = read_page(index_query, models.ToolCall, limit=limit, cursor=cursor)
    return page.map(rows.tool_run_of)


def latest_words(*, said_from: datetime, at_most: int) -> tuple[list[tuple[str, Utterance]], bool]:
    """Return the latest things said in any call, with the call's id, and whether there are more."""
    index_query = IndexQuery(
        table=models.Conversation,
        index="SpeakerIndex",
        partitions=[speaker.value for speaker in Speaker],
        first=to_iso(said_from),
    )
    page = read_page(index_query, models.Utterance, limit=at_most)
    found = [(rows.call_id_of(row), rows.words_of(row)) for row in page.items]
    return found, page.cursor is not None


def conversations_by_id(call_ids: Sequence[str]) -> list[Conversation]:
    """Return those of the conversations that are there, in the order asked for."""
    keys = [models.Conversation.key(call_id) for call_id in call_ids]
    found = {row.id: rows.conversation_of(row) for row in models.Conversation.batch_get(keys)}
    return [found[call_id] for call_id in call_ids if call_id in found]


def _index_query(query: ConversationQuery, now: datetime, kept_since: datetime) -> IndexQuery:
    """Return where the conversations stand by time: all, the live ones, or those with errors."""
    row = models.Conversation
    if query.with_errors:
        index, partition = "HadErrorsIndex", row.YES
    elif query.state in {State.LIVE, State.LOST}:
        index, partition = "LiveIndex", row.YES
    else:
        index, partition = "CallIndex", row.KIND
    return IndexQuery(
        table=row,
        index=index,
        partitions=[partition],
        first=to_iso(max(query.started_from or kept_since, kept_since)),
        last=_before(query.started_to),
        ascending=query.oldest_first,
        filter_condition=_in_state(query.state, now),
    )


def _in_state(state: State | None, now: datetime) -> Condition | None:
    row = models.Conversation
    is_live: Condition = row.live.exists()
    gave_sign: Condition = row.alive_at >= alive_since(now)
    conditions: dict[State | None, Condition] = {
        State.LIVE: is_live & gave_sign,
        State.LOST: is_live & ~gave_sign,
        State.ENDED: ~is_live,
    }
    return conditions.get(state)


def _tool_call_index_query(query: ToolCallQuery, kept_since: datetime) -> IndexQuery:
    """Return where the tool runs stand by time: of a tool, of an outcome, or merged from all outcomes."""
    outcomes = list(ToolOutcome) if query.outcome is None else [query.outcome]
    only_if = None
    index, partitions = "OutcomeIndex", [outcome.value for outcome in outcomes]
    if query.name is not None:
        index, partitions = "ToolIndex", [query.name]
        if query.outcome is not None:
            only_if = models.ToolCall.outcome == query.outcome.value
    return IndexQuery(
        table=models.Conversation,
        index=index,
        partitions=partitions,
        first=to_iso(max(query.started_from or kept_since, kept_since)),
        last=_before(query.started_to),
        ascending=query.oldest_first,
        filter_condition=only_if,
    )


def _before(instant: datetime | None) -> str:
    return to_iso(instant - timedelta.resolution) if instant else LATEST


# --- Writing


def add_conversation(conversation: Conversation, *, sealed: str, memory_until: datetime) -> None:
    """Store a new conversation with its memory.

    Raises:
        ConversationMovedError: there is one with that id.

    """
    transaction = Transaction()
    is_new = models.Conversation.pk.does_not_exist()
    transaction.put(rows.conversation_row(conversation), condition=is_new, name=IS_NEW)
    transaction.put(rows.memory_row(conversation.id, sealed, memory_until))
    _commit(transaction)


def keep_words(  # noqa: PLR0913 -- all that is written at once, and all named
    call_id: str,
    *,
    epoch: int,
    words: Sequence[Utterance],
    expires_at: datetime,
    changes: Mapping[str, Any],
    sealed: str,
    memory_until: datetime,
) -> None:
    """Store words, figures and memory; words in several transactions if they are many.

    Raises:
        ConversationMovedError: another process has the call, or it has ended.

    """
    for some in list(batched(words, WORDS_A_WRITE)) or [()]:
        transaction = _only_ours(call_id, epoch, changes)
        transaction.put(rows.memory_row(call_id, sealed, memory_until))
        for each in some:
            row = rows.words_row(call_id, each, expires_at)
            if each.text:
                transaction.put(row)
            else:
                transaction.delete(row)
        _commit(transaction)


def note_alive(call_id: str, *, epoch: int, now: datetime) -> None:
    """Store a sign of life.

    Raises:
        ConversationMovedError: another process has the call, or it has ended.

    """
    _commit(_only_ours(call_id, epoch, {"alive_at": now}))


def add_tool_run(run: ToolCall, *, epoch: int, expires_at: datetime) -> None:
    """Store that a tool run has begun.

    Raises:
        ConversationMovedError: another process has the call, or it has ended.

    """
    transaction = _only_ours(run.call_id, epoch, {"alive_at": run.started_at})
    transaction.put(rows.tool_run_row(run, expires_at))
    _commit(transaction)


def settle_tool_run(  # noqa: PLR0913 -- how a tool run ends has that many parts, all named
    call_id: str,
    tool_use_id: str,
    *,
    epoch: int,
    outcome: ToolOutcome,
    code: str | None,
    duration_ms: float,
    now: datetime,
) -> None:
    """Store what became of a tool run.

    Raises:
        ConversationMovedError: another process has the call, or it has ended.
        ToolRunGoneError: it was never begun.

    """
    row = models.ToolCall(
        *models.ToolCall.key_in(call_id, tool_use_id),
        outcome=outcome.value,
        code=code,
        duration_ms=duration_ms,
    )
    transaction = _only_ours(call_id, epoch, {"alive_at": now})
    transaction.update(
        row,
        attributes={"outcome", "code", "duration_ms"},
        condition=models.ToolCall.pk.exists(),
        name=WAS_BEGUN,
    )
    _commit(transaction)


def take_over(conversation: Conversation, *, epoch: int, now: datetime) -> None:
    """Give a live conversation to another process, which writes with the new epoch.

    Raises:
        BusyError: somebody else was quicker, or it has ended: look again.

    """
    changes = {"epoch": epoch, "alive_at": now, "updated_at": now}
    transaction = _only_ours(conversation.id, conversation.epoch, changes)
    transaction.commit(on_conflict=BusyError(reason="contention"))


def end_conversation(call_id: str, *, epoch: int, changes: Mapping[str, Any]) -> None:
    """Store that a conversation has ended, and delete its memory.

    Raises:
        ConversationMovedError: another process has the call, or it has ended before.

    """
    transaction = _only_ours(call_id, epoch, {**changes, "live": None})
    transaction.delete(models.RestoreData(*models.RestoreData.key(call_id)))
    _commit(transaction)


def claim_ticket(nonce: str, *, expires_at: datetime) -> bool:
    """Store that a ticket was used; return whether it was the first time."""
    transaction = Transaction()
    row = models.Ticket(*models.Ticket.key(nonce), expires_at=expires_at)
    transaction.put(row, condition=models.Ticket.pk.does_not_exist(), name=IS_NEW)
    return transaction.try_commit()


def delete_conversation(conversation: Conversation) -> None:
    """Delete a conversation and all that belongs to it, itself last, so that it can be tried again.

    First it is ended under a new epoch, so that a server that was only thought dead adds nothing.

    Raises:
        StaleVersionError: it was changed meanwhile.

    """
    call_id = conversation.id
    transaction = Transaction()
    transaction.update(
        models.Conversation(
            *models.Conversation.key(call_id),
            live=None,
            epoch=conversation.epoch + 1,
        ),
        attributes={"live", "epoch"},
        condition=(models.Conversation.updated_at == conversation.updated_at)
        & (models.Conversation.epoch == conversation.epoch),
        name=UNCHANGED,
    )
    transaction.commit(on_conflict=StaleVersionError())
    for some in batched(_all_of(call_id), MAX_WRITES):
        _delete(some)
    _delete([models.Conversation(*models.Conversation.key(call_id))])


def _all_of(call_id: str) -> Iterator[models.RestoreData]:
    """Yield all items of a call but the conversation itself, by their keys alone."""
    key, own = models.Conversation.key(call_id)
    found = models.RestoreData.query(key, attributes_to_get=["PK", "SK"], consistent_read=True)
    return (row for row in found if row.sk != own)


def _delete(rows: Iterable[Any]) -> None:
    transaction = Transaction()
    for row in rows:
        transaction.delete(row)
    transaction.commit()


def _only_ours(call_id: str, epoch: int, changes: Mapping[str, Any]) -> Transaction:
    """Return a transaction that changes the conversation only while the process of `epoch` has it."""
    row, transaction = models.Conversation, Transaction()
    transaction.update(
        row(*row.key(call_id), **changes),
        attributes=changes.keys(),
        condition=(row.epoch == epoch) & row.live.exists(),
        name=OURS,
    )
    return transaction


def _commit(transaction: Transaction) -> None:
    moved = ConversationMovedError()
    transaction.commit(on_conflict={OURS: moved, IS_NEW: moved, WAS_BEGUN: ToolCallGoneError()})
